"""The rules of pathways in arrays: as the plain rules say, set by set; and what must hold whoever the patient is."""

import re
from statistics import median

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alert_rules.engine import hold, with_pathways
from alert_rules.kinds import HOUR_US, Absent, Answer, Condition, PathwayRule, Persists, Poor, Slope, Total, Trend
from alert_rules.sentences import said_of
from alert_rules.severity import Severity, Wellness, judge
from alert_rules.windows import History, theil_sen, window
from tests.alert_rules.histories import BASE, Stay, and_then, arrays_of, conditions, rules, stays
from tests.alert_rules.plain_rules import PlainSet, fires, floor


@given(st.lists(stays(), min_size=1, max_size=3), st.lists(rules(), min_size=1, max_size=6))
def test_the_arrays_say_what_the_plain_rules_say(patients: list[Stay], several: list[PathwayRule]) -> None:
    facts, beside = arrays_of(patients)
    for rule in several:
        assert hold(rule, facts, beside).tolist() == [fires(rule, one) for stay in patients for one in stay]


@given(st.lists(stays(), min_size=1, max_size=2), st.sampled_from(sorted(BASE)), st.integers(0, 96))
@settings(max_examples=40)
def test_the_line_through_readings_is_the_median_of_the_slopes_of_all_pairs(
    patients: list[Stay], vital: str, within_h: int
) -> None:
    _, beside = arrays_of(patients)
    seen = beside.seen[vital].window
    near = seen.near(within_h * HOUR_US)
    found = theil_sen(seen, near)
    for place in range(len(seen.value)):
        readings = [(int(seen.now_us[place]), int(seen.value[place]))]
        lately = near[:, place]
        readings += zip(seen.taken_us[lately, place].tolist(), seen.earlier[lately, place].tolist(), strict=True)
        slopes = [
            (value - other) / (at_us - other_us)
            for n, (at_us, value) in enumerate(readings)
            for other_us, other in readings[n + 1 :]
            if at_us > other_us
        ]
        assert (found[place] == median(slopes)) if slopes else np.isnan(found[place])


@given(st.lists(stays(), min_size=1, max_size=2), st.sampled_from(sorted(BASE)), st.data())
@settings(max_examples=40)
def test_readings_looked_up_one_by_one_have_the_windows_that_all_at_once_have(
    patients: list[Stay], vital: str, data: st.DataObject
) -> None:
    sets = [(number, one) for number, stay in enumerate(patients) for one in stay if vital in one.measured]
    assume(len(sets) > 1)
    history = History(
        np.array([number for number, _ in sets], dtype=np.intp),
        np.array([one.now_us for _, one in sets], dtype=np.int64),
        np.array([one.measured[vital] for _, one in sets], dtype=np.int32),
    )
    some = data.draw(st.sets(st.integers(0, len(sets) - 1), min_size=1, max_size=len(sets) - 1))
    places = np.array(sorted(some))
    few, every = window(history, places), window(history, np.arange(len(sets))).columns(places)
    assert (few.known == every.known).all()
    assert (few.value == every.value).all()
    assert few.earlier[few.known].tolist() == every.earlier[every.known].tolist()
    assert few.taken_us[few.known].tolist() == every.taken_us[every.known].tolist()


@given(st.lists(stays(), min_size=1, max_size=3))
@settings(max_examples=50)
def test_what_alerts_on_every_pathway_is_as_the_plain_floor_says(patients: list[Stay]) -> None:
    facts, _ = arrays_of(patients)
    assert judge(facts).severity.tolist() == [floor(one) for stay in patients for one in stay]


@given(stays(), conditions(), st.sampled_from(sorted(BASE)), st.integers(0, 80))
def test_a_value_further_out_never_lifts_a_rule(stay: Stay, condition: Condition, vital: str, further: int) -> None:
    """The last set's: a trend is of what it leads to, and an earlier value that is worse may well make it one less."""
    assume(vital in stay[-1].measured and not isinstance(condition, Absent))
    out = further if getattr(condition, "high", True) else -further
    worse = and_then(stay, vital, stay[-1].measured[vital] + out)
    rule = PathwayRule("it", Severity.AMBER, (condition,))
    assert _last(rule, worse) >= _last(rule, stay)


@given(stays(), st.integers(1, 168), st.sampled_from(sorted(BASE)))
def test_what_absence_raised_is_hidden_only_by_the_measurement_itself(stay: Stay, for_h: int, vital: str) -> None:
    assume(vital not in stay[-1].measured)
    absent = PathwayRule("it", Severity.AMBER, (Absent(vital, for_h * HOUR_US),))
    others = [other for other in BASE if other not in {vital, *stay[-1].measured}]
    for other in others:
        assert _last(absent, and_then(stay, other, BASE[other])) == _last(absent, stay)
    assert not _last(absent, and_then(stay, vital, BASE[vital]))


@given(stays(), rules())
def test_a_patient_is_judged_alone_whoever_stands_beside(stay: Stay, rule: PathwayRule) -> None:
    alone = hold(rule, *arrays_of([stay])).tolist()
    facts, beside = arrays_of([stay, stay])
    assert hold(rule, facts, beside).tolist() == alone * 2


@given(st.lists(stays(), min_size=1, max_size=2), st.lists(rules(), min_size=1, max_size=4), st.data())
def test_a_pathway_adds_to_what_alerts_everywhere_and_takes_nothing_away(
    patients: list[Stay], several: list[PathwayRule], data: st.DataObject
) -> None:
    facts, beside = arrays_of(patients)
    floor = judge(facts)
    belongs = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(facts.adult), max_size=len(facts.adult))), np.bool_
    )
    both = with_pathways(floor, [(several, belongs)], facts, beside)
    assert (both.severity >= floor.severity).all()
    assert both.severity[~belongs].tolist() == floor.severity[~belongs].tolist()
    for column, severity in enumerate(both.severity.tolist()):
        added = [rule.severity for rule in both.of_pathway(column)]
        assert severity == max([int(floor.severity[column]), *added])
        assert {rule.name for rule in both.rules(column)} >= {rule.name for rule in floor.rules(column)}
    assert all(rule.is_technical for rule, _ in both.technical)


@given(st.lists(stays(), min_size=1, max_size=2), rules())
def test_every_sentence_of_a_rule_that_fired_reads_as_one(patients: list[Stay], rule: PathwayRule) -> None:
    assume(not any(hasattr(one, "vital") and one.vital == "consciousness" for one in rule.conditions))
    facts, beside = arrays_of(patients)
    for column in np.flatnonzero(hold(rule, facts, beside)).tolist():
        text = said_of(rule, facts, "3", beside, column)
        assert not re.search(r"[{}]|None|nan|inf|--|-\d{5}|\d{6}", text)


# --- what is decided about times and values that are odd


def _last(rule: PathwayRule, stay: Stay) -> bool:
    facts, beside = arrays_of([stay])
    return bool(hold(rule, facts, beside)[-1])


def _of(*readings: tuple[float, int], vital: str = "pulse") -> Stay:
    """Sets at some hours, each with one value; the windows are as those before make them."""
    before: list[tuple[int, int]] = []
    sets = []
    for hour, value in readings:
        now_us = round(hour * HOUR_US)
        one = {vital: value}
        sets.append(PlainSet(now_us=now_us, known=one, measured=one, before={vital: tuple(before)}))
        before.append((now_us, value))
    return sets


RISES = Trend("pulse", 20, True, 24 * HOUR_US, 2)
CLIMBS = Slope("pulse", 20, True, 72 * HOUR_US, 24 * HOUR_US, 3)
TWICE = Persists("pulse", 110, True, 24 * HOUR_US, 2, 2)
LASTS = Persists("pulse", 110, True, 24 * HOUR_US, for_us=6 * HOUR_US)


@pytest.mark.parametrize(
    ("condition", "readings", "is_found"),
    [
        (RISES, [(0, 130)], False),  # one reading ever
        (RISES, [(0, 100), (24, 120)], True),  # at its bound, and at the end of its time
        (RISES, [(0, 100), (24.1, 120)], False),  # beyond its time
        (RISES, [(0, 100), (0, 120)], False),  # time stands still: no line
        (RISES, [(0, 100), (8, 60), (16, 100), (24, 100)], False),  # one wrong reading makes no trend
        (RISES, [(0, 100), (8, 105), (16, 112), (24, 120)], True),
        (RISES, [(0, 100), (23, 100), (23.5, 100), (24, 120)], False),  # nor does the last one by itself, among four
        (CLIMBS, [(0, 100), (24, 120)], False),  # too few
        (CLIMBS, [(0, 100), (12, 110), (23, 120)], False),  # too short a time
        (CLIMBS, [(0, 100), (12, 110), (24, 120)], True),
        (TWICE, [(0, 110), (4, 110)], True),
        (TWICE, [(0, 110), (4, 109)], False),  # not now
        (TWICE, [(0, 110), (4, 109), (8, 110)], False),  # not in a row
        (TWICE, [(0, 110), (24.1, 110)], False),  # too long ago
        (TWICE, [(0, 110), (0, 110)], True),  # two sets of one instant are two
        (LASTS, [(0, 110), (6, 110)], True),
        (LASTS, [(0, 110), (3, 109), (6, 110)], False),
        (LASTS, [(n / 60, 110) for n in range(12)], False),
        (LASTS, [(n / 60, 110) for n in range(13)], True),  # by the minute: all that is looked back on
    ],
)
def test_what_the_rules_over_time_find(condition: Condition, readings: list[tuple[float, int]], is_found: bool) -> None:
    assert _last(PathwayRule("it", Severity.AMBER, (condition,)), _of(*readings)) == is_found


def test_where_nothing_is_measured_nothing_fires_but_answers_and_absence() -> None:
    empty = [PlainSet(now_us=0), PlainSet(now_us=40 * HOUR_US, wellness=Wellness.WORSE)]
    for condition in (RISES, CLIMBS, TWICE, LASTS, Total(1), Poor(HOUR_US, 2, 2)):
        assert not _last(PathwayRule("it", Severity.AMBER, (condition,)), empty)
    assert _last(PathwayRule("it", Severity.AMBER, (Answer(Wellness.WORSE), Absent("weight", 36 * HOUR_US))), empty)


def test_a_sentence_names_the_readings_and_their_ages() -> None:
    def said(condition: Condition, *readings: tuple[float, int], vital: str = "pulse") -> str:
        facts, beside = arrays_of([_of(*readings, vital=vital)])
        return said_of(PathwayRule("it", Severity.AMBER, (condition,)), facts, "", beside, len(readings) - 1)

    gain = Trend("weight", 150, True, 48 * HOUR_US, 2)
    assert said(gain, (0, 7080), (24, 7160), (47, 7240), vital="weight") == (
        "weight 72.40 kg: up 1.60 from 70.80 47 h before (1.50 or more within 48 h)"
    )
    assert said(CLIMBS, (0, 100), (24, 125), (48, 150)) == (
        "pulse 150 /min: rising by 25 a day over 48 h, 3 readings (20 or more a day)"
    )
    assert said(TWICE, (0, 112), (4, 115)) == "pulse 115 /min, 112 4 h before (110 or more in 2 of the last 2 readings)"
    assert said(LASTS, (0, 112), (6, 115)) == "pulse 115 /min, 112 6 h before (110 or more for 6 h)"
