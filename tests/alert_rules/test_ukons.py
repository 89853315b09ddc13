"""The cancer hotline's triage: the table, and that saying more never asks for less."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.ukons import RANK, Colour, Result, Symptom, Told, is_lower, triage
from tests.spec.ukons import CALLED, Called

TODAY = date(2026, 3, 10)


def told(call: Called) -> Told:
    """A call of the table."""
    on = None if call.weeks in {"-", "?"} else TODAY - timedelta(weeks=int(call.weeks))
    tenths = None if call.temperature == "-" else int(call.temperature.replace(".", ""))
    return Told({Symptom.APPETITE: Colour.GREEN} | call.answers, tenths, call.unwell, call.weeks != "-", on)


@pytest.mark.parametrize("call", CALLED)
def test_a_call_asks_at_least_for_what_the_table_says(call: Called) -> None:
    least = triage(told(call), TODAY)
    assert (least.colour, least.result, least.critical) == (call.colour, call.result, call.critical)
    assert bool(least.why) is (call.colour is not Colour.GREEN)


calls = st.builds(
    Told,
    answers=st.dictionaries(st.sampled_from(Symptom), st.sampled_from(Colour), max_size=4),
    temperature_tenths=st.none() | st.integers(340, 410),
    unwell=st.booleans(),
    has_sact=st.booleans(),
    sact_on=st.none() | st.dates(TODAY - timedelta(days=60), TODAY),
)


@given(calls, st.sampled_from(Symptom), st.sampled_from([Colour.AMBER, Colour.RED]))
def test_what_is_worse_never_asks_for_less(call: Told, symptom: Symptom, colour: Colour) -> None:
    before = triage(call, TODAY)
    if call.answers.get(symptom) is Colour.RED:
        return
    worse = [
        replace(call, answers={**call.answers, symptom: colour}),
        replace(call, unwell=True),
        replace(call, temperature_tenths=390),
        replace(call, has_sact=True, sact_on=None),
    ]
    for after in (triage(one, TODAY) for one in worse):
        assert RANK[after.result] >= RANK[before.result]
        assert after.critical >= before.critical


@given(calls)
def test_a_critical_call_is_met_by_acute_oncology_and_999_only(call: Told) -> None:
    least = triage(call, TODAY)
    if least.critical:
        enough = {result for result in Result if not is_lower(result, least.result)}
        assert enough == {Result.ACUTE_ONCOLOGY, Result.EMERGENCY}
