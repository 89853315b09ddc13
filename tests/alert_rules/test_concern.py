"""Concerns: red, and critical in words of danger, however they are written."""

import pytest

from alert_rules.concern import ADVICE, DANGER, severity_of
from alert_rules.severity import Severity


@pytest.mark.parametrize("words", DANGER)
def test_words_of_danger_are_critical_in_any_case_and_with_any_apostrophe(words: str) -> None:
    for written in (words, words.upper(), words.replace("'", "’")):
        assert severity_of(f"Mum {written}, please come", urgent=False) is Severity.CRITICAL


@pytest.mark.parametrize("text", ["she is not herself", "the cuff hurts", "a stroking cat", "benefitting from it"])
def test_any_other_worry_is_red_unless_it_is_urgent(text: str) -> None:
    assert severity_of(text, urgent=False) is Severity.RED
    assert severity_of(text, urgent=True) is Severity.CRITICAL


def test_a_denial_is_no_comfort() -> None:
    assert severity_of("no chest pain any more", urgent=False) is Severity.CRITICAL


def test_who_is_worried_is_always_told_of_999_and_111_or_to_call_now() -> None:
    assert "111" in ADVICE[Severity.RED]
    assert ADVICE[Severity.CRITICAL].startswith("Call 999 now")
