"""Whatever is done to spells, and however late it is told: the periods fit."""

from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.refusals import Conflict, Unacceptable
from monitoring.wards.length import length
from tests.ward import Patient, Ward
from tests.workers.records import rows

ACTS = st.sampled_from(["leave", "return", "transfer", "discharge"])
MINUTES = st.integers(-150, 10)
"""How long before (or after) now an act is said to have been."""

BEGAN = datetime.fromisoformat("2026-03-20T09:00:00+00:00")  # the clocks go forward on the 29th
INSTANTS = st.integers(0, 90 * 86_400).map(lambda seconds: BEGAN + timedelta(seconds=seconds))


def act(ward: Ward, patient: Patient, what: str, at: datetime) -> bool:
    """Do it; whether it was taken."""
    wards = "SELECT code FROM ward JOIN episode ON ward_id = ward.id WHERE episode.id = :of"
    here = rows(ward.engine, wards, of=patient.episode_id)[0].code
    ward.patient = patient
    try:
        if what == "leave":
            ward.leaves("ed", at=at)
        elif what == "return":
            ward.returns(at=at)
        elif what == "transfer":
            ward.transfers("OTHER" if here == ward.code else ward.code, at=at)
        else:
            ward.discharges(patient, at=at)
    except (Conflict, Unacceptable):
        return False
    return True


@given(steps=st.lists(st.tuples(ACTS, MINUTES), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_periods_never_overlap_or_run_backwards_and_the_last_one_is_open_as_long_as_the_spell(
    ward: Ward, steps: list[tuple[str, int]]
) -> None:
    if not rows(ward.engine, "SELECT 1 FROM ward WHERE code = 'OTHER'"):
        ward.opens("OTHER")
    patient = ward.admit()
    began = ward.now
    for what, minutes in steps:
        ward.now += timedelta(hours=1)
        at = ward.now + timedelta(minutes=minutes)
        taken = act(ward, patient, what, at)
        assert not (taken and not began <= at <= ward.now)
        check(ward, patient, began)
    act(ward, patient, "discharge", ward.now)  # the bed is the next example's


def check(ward: Ward, patient: Patient, began: datetime) -> None:
    """The stays join each other from admission to discharge, leaves lie within one of them, one at a time."""
    of = {"of": patient.episode_id}
    discharged_at = rows(ward.engine, "SELECT discharged_at FROM episode WHERE id = :of", **of)[0].discharged_at
    stays = rows(ward.engine, "SELECT * FROM ward_stay WHERE episode_id = :of ORDER BY from_at, id", **of)
    assert [stay.from_at for stay in stays] == [began, *(stay.until_at for stay in stays[:-1])]
    assert stays[-1].until_at == discharged_at
    leaves = rows(ward.engine, "SELECT * FROM leave WHERE episode_id = :of ORDER BY from_at, id", **of)
    end = ward.now + timedelta(days=1)
    for leave in leaves:
        assert any(
            stay.ward_id == leave.ward_id and stay.from_at <= leave.from_at
            and (leave.until_at or discharged_at or end) <= (stay.until_at or end)
            for stay in stays
        )  # fmt: skip
    assert all(one.until_at <= two.from_at for one, two in pairwise(leaves))
    assert not leaves or (leaves[-1].until_at is None) <= (discharged_at is None)


@given(at=INSTANTS, later=INSTANTS, max_days=st.integers(1, 60))
def test_a_spell_is_reviewed_before_it_breaches_and_neither_flag_goes_out_by_itself(
    at: datetime, later: datetime, max_days: int
) -> None:
    at, later = sorted((at, later))
    now, then = (
        length(BEGAN, None, moment, max_days, extension_reason=None, expected_on=None) for moment in (at, later)
    )
    assert BEGAN <= now.review_at <= now.breach_at == BEGAN + timedelta(days=max_days)
    assert now.review_due <= then.review_due
    assert now.breach <= then.breach
    assert now.breach <= now.review_due
    assert 0 <= now.days <= then.days
    ended = length(BEGAN, at, later, max_days, extension_reason=None, expected_on=None)
    assert (ended.days, ended.breach, ended.review_due) == (now.days, now.breach, False)


def test_an_extension_asks_for_no_review_until_it_has_passed() -> None:
    due = [
        length(BEGAN, None, BEGAN + timedelta(days=days), 14, extension_reason="waits", expected_on=date(2026, 4, 10))
        for days in (12, 21, 22)
    ]
    assert [one.review_due for one in due] == [False, False, True]
    assert [one.breach for one in due] == [False, True, True]
