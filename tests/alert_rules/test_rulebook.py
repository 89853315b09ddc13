"""Which version of a pathway holds when, and what two versions differ in."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.pathway import WrongPathway, packaged_text, pathways, read, version_of
from alert_rules.rule_changes import Changed, changes
from alert_rules.rulebook import EVER, PACKAGED, Held, with_approved
from alert_rules.severity import RULES

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
GENERAL = packaged_text("general")


def at(minute: int) -> datetime:
    """Minutes after noon."""
    return NOON + timedelta(minutes=minute)


def approved(number: int, minute: int) -> Held:
    """An approved version, told apart by a comment."""
    return Held(at(minute), read("general", f"{GENERAL}# {number}\n"))


histories = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)
"""Approvals: minutes since the one before, and how many minutes later each begins."""


def _told(history: list[tuple[int, int]]) -> list[tuple[int, Held]]:
    minute, told = 0, []
    for number, (later, ahead) in enumerate(history):
        minute += later
        told.append((minute, approved(number, minute + ahead)))
    return told


@given(histories, st.integers(-10, 200))
def test_the_last_approval_whose_instant_has_come_holds(history: list[tuple[int, int]], minute: int) -> None:
    told = [one for _, one in _told(history)]
    expected = next((one.pathway for one in reversed(told) if one.from_at <= at(minute)), pathways()["general"])
    book = with_approved(told)
    assert book.of("general", at(minute)) is expected
    assert book.at(at(minute)) == PACKAGED.at(at(minute)) | {"general": expected}


@given(histories, st.data())
def test_no_later_approval_changes_what_held_before_it(history: list[tuple[int, int]], data: st.DataObject) -> None:
    told = _told(history)
    known = data.draw(st.integers(0, len(told)))
    decided = told[known][0] if known < len(told) else 500
    minute = data.draw(st.integers(-10, decided - 1))
    before = with_approved(one for _, one in told[:known]).of("general", at(minute))
    assert with_approved(one for _, one in told).of("general", at(minute)) is before


@given(histories)
def test_versions_stand_in_order_and_since_begins_with_the_one_that_holds(history: list[tuple[int, int]]) -> None:
    book = with_approved(one for _, one in _told(history))
    instants = [one.from_at for one in book.held["general"]]
    assert instants == sorted(set(instants))
    assert instants[0] == EVER
    for minute in range(0, 120, 7):
        assert book.since("general", at(minute))[0] is book.of("general", at(minute))
    assert book.since("general", EVER) == [one.pathway for one in book.held["general"]]


def test_a_rule_that_no_version_has_any_more_is_still_known_by_what_it_looked_at() -> None:
    own = '\n[[rules]]\nname = "own"\nseverity = "amber"\nkind = "value"\nvital = "pulse"\nat_least = 88\n'
    book = with_approved([Held(at(0), read("general", GENERAL + own)), approved(1, 5)])
    assert book.looked_at["own"] == {"pulse"}
    assert {rule.name for rule in RULES} <= book.looked_at.keys()
    assert book.technical == PACKAGED.technical


def test_what_differs_is_told_key_by_key_with_rules_by_their_names_and_in_words() -> None:
    old = packaged_text("heart_failure")
    new = old.replace("rise = 1.5", "rise = 1.2").replace("amber_high = 180\n", "")
    new += '\n[[ladders.amber]]\ntell = "support"\nwait_s = 600\n[[ladders.amber]]\ntell = "fallback"\nwait_s = 600\n'
    found = changes("heart_failure", old, new)
    assert found.keys == (
        Changed("limits.systolic.amber_high", 180, None),
        Changed("rules.weight_up_in_2_days.rise", 1.5, 1.2),
        Changed("ladders.amber[1].tell", None, "support"),
        Changed("ladders.amber[1].wait_s", None, 600),
        Changed("ladders.amber[2].tell", None, "fallback"),
        Changed("ladders.amber[2].wait_s", None, 600),
    )
    assert "Amber: Systolic blood pressure 180 mmHg or more (limit)" in found.no_longer
    assert any("1.50" in line and line.startswith("Amber: Weight") for line in found.no_longer)
    assert any("1.20" in line and line.startswith("Amber: Weight") for line in found.from_then_on)
    assert "Amber. Told: support (10 min); then fallback (10 min)" in found.from_then_on
    assert len(found.no_longer) == 3
    assert len(found.from_then_on) == 2


def test_a_comment_alone_differs_in_no_key_and_no_word() -> None:
    assert changes("general", GENERAL, GENERAL + "# as before\n") == changes("general", GENERAL, GENERAL)


@given(st.data())
def test_whatever_becomes_of_a_file_it_is_read_or_refused_by_its_line(data: st.DataObject) -> None:
    text = packaged_text(data.draw(st.sampled_from(sorted(pathways()))))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 20)))
        junk = st.text(max_size=6) | st.sampled_from(
            ["[[ladders.red]]\n", "1e9999", "-", '"', "[" * 3000, "9" * 5000, "inf", "nan", "ladders = 3\n", "\\u0000"]
        )
        text = text[:start] + data.draw(junk) + text[stop:]
    with suppress(WrongPathway):
        assert read("x", text).version == version_of(text)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ('[[ladders.red]]\ntell = "fallback"\nwait_s = 60\nto = "https://10.0.0.1/"\n', "ladders.red[1].to: is a ward"),
        ('[[rules]]\nname = "a"\nseverity = "red"\nkind = "answer"\nat_least = "worse"\nprompt = "a\\u0000"\n',
         "rules[4].prompt: must be one line"),
        ("[limits.pulse]\namber_high = 1e999999\n", "limits.pulse.amber_high: has more than 9 digits"),
        (f"a = {'[' * 3000}", "is nested too deeply"),
        (f"a = {'9' * 5000}", "holds a number that can't be read"),
        ("# and so on\n" * 501, "has more than 20,000 characters or 500 lines"),
    ],
)  # fmt: skip
def test_what_nobody_could_store_compute_or_reach_is_refused(more: str, fault: str) -> None:
    with pytest.raises(WrongPathway, match=r"general\.toml:[0-9]+: ") as refused:
        read("general", GENERAL + more)
    assert fault in str(refused.value)
