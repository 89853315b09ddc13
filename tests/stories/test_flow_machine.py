"""Whatever is done to referrals, beds and wards, in any order and however late it is told: the count is a recount.

`flow_acts.py` acts, `naive_flow.py` counts on paper; here the two are held against each other after each step.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, precondition, run_state_machine_as_test

from monitoring.access.roles import Role
from monitoring.database import snapshot
from monitoring.flow.states import State
from monitoring.flow.waiting import waiting
from monitoring.reports.choices import Every
from monitoring.reports.occupancy import Wanted, read
from monitoring.reports.periods import EPOCH, Span
from monitoring.wards.beds import Beds, beds, beds_now
from monitoring.wards.occupancy_events import figures
from tests.stories.flow_acts import FlowActs
from tests.ward import Ward
from tests.workers.records import rows

LAST: Final = datetime.max.replace(tzinfo=UTC)

_PERIODS: Final = """
SELECT 'stay' AS what, patient.public_id AS who, code, from_at, until_at AS until, NULL::timestamptz AS also
FROM ward_stay JOIN ward ON ward.id = ward_id JOIN patient ON patient.id = patient_id WHERE code = ANY(:codes)
UNION ALL
SELECT 'leave', patient.public_id, code, from_at, until_at, NULL FROM leave JOIN ward ON ward.id = leave.ward_id
JOIN episode ON episode.id = episode_id JOIN patient ON patient.id = episode.patient_id WHERE code = ANY(:codes)
UNION ALL
SELECT 'hold', referral.public_id, code, from_at, held_until, ended_at FROM bed_hold
JOIN ward ON ward.id = bed_hold.ward_id JOIN referral ON referral.id = referral_id WHERE code = ANY(:codes)
"""
_STATES: Final = """
SELECT referral.public_id, state FROM referral JOIN ward ON ward.id = ward_id WHERE code = ANY(:codes)
"""

_TOLD: Final = """
SELECT DISTINCT ON (ward) ward, data -> 'occupancy' AS told FROM event
WHERE kind = 'occupancy' AND ward = ANY(:codes) ORDER BY ward, id DESC
"""


class FlowMachine(FlowActs):
    """What holds after each step, and at the end."""

    @invariant()
    def the_count_is_a_recount(self) -> None:
        """Now, and around each instant that the last step was about."""
        keys = list(self.keys.values())
        with snapshot(self.ward.engine) as session:
            found = beds_now(session, keys, self.ward.now)
            assert {code: found[key] for code, key in self.keys.items()} == self._counts(self.ward.now)
            for at in sorted(self.touched):
                found = beds(session, keys, at)
                assert {code: found[key] for code, key in self.keys.items()} == self._counts(at), at
        self.touched.clear()

    @invariant()
    def nobody_is_in_two_beds(self) -> None:
        """And what is stored is what was done: also where an act was refused."""
        stored = rows(self.ward.engine, _PERIODS, codes=list(self.keys))
        for what, expected in (("stay", self.flow.stays), ("leave", self.flow.leaves), ("hold", self.flow.holds)):
            found = [(one.who, one.code, one.from_at, _end(one)) for one in stored if one.what == what]
            assert _sorted(found) == _sorted([(one.who, one.ward, one.from_at, one.until) for one in expected]), what
        stays = sorted(
            (one for one in stored if one.what == "stay"), key=lambda one: (one.who, one.from_at, _end(one) or LAST)
        )
        for before, after in pairwise(stays):
            assert before.who != after.who or (before.until is not None and before.until <= after.from_at)
        states = {row.public_id: row.state for row in rows(self.ward.engine, _STATES, codes=list(self.keys))}
        assert states == {one.id: one.state for one in self.flow.referrals}

    @precondition(lambda self: self.is_kept)
    @invariant()
    def what_was_told_last_is_what_is(self) -> None:
        """Nothing changes the beds of a ward, or whom they are offered to, and is not told; the clock neither."""
        for one in rows(self.ward.engine, _TOLD, codes=list(self.keys)):
            expected = figures(self.flow.count(one.ward, self.ward.now))
            assert {name: one.told[name] for name in expected} == expected, one.ward
            offered = [UUID(told["referral"]) for told in one.told["offered"]]
            assert offered == self.flow.offered(one.ward, self.ward.now), one.ward

    @invariant()
    def who_waits_stands_in_order(self) -> None:
        """And a free bed is offered to as many as there are, the first first."""
        for code in {one.ward for one in self.flow.referrals if one.state is State.WAITING}:
            with snapshot(self.ward.engine) as session:
                listed = waiting(self.ward.act(session, Role.COORDINATOR), code, 100, None).items
            assert [one.id for one in listed] == [one.id for one in self.flow.waits_for(code)]
            assert [one.id for one in listed if one.offered] == self.flow.offered(code, self.ward.now)

    def teardown(self) -> None:
        """At the end, the whole of it: around every instant at which anything changed, and hour by hour."""
        if not self.is_as_expected:
            return  # that is told already
        self.touched = {at for at in self.flow.moments() if at <= self.ward.now}
        self.the_count_is_a_recount()
        span = Span(self.began - timedelta(days=1), self.ward.now)
        for every in Every.HOUR, Every.DAY:
            with snapshot(self.ward.engine) as session:
                record = read(session, Wanted(span, every, icb=self.icb), None, self.ward.now)
            moments = [EPOCH + timedelta(microseconds=int(at)) for at in record.times]
            assert [one.group for one in record.series()] == list(self.keys)
            for one in record.series():
                counted = [self.flow.count(one.group, at) for at in moments]
                for name in Beds.__struct_fields__:
                    assert getattr(one, name).tolist() == [getattr(then, name) for then in counted], (one.group, name)

    def _counts(self, at: datetime) -> dict[str, Beds]:
        return {code: self.flow.count(code, at) for code in self.keys}


def _end(row: Any) -> datetime | None:
    """When a stored period ended: a hold, at the earliest of its ends."""
    until: datetime | None = row.until
    return until if until is None or row.also is None else min(until, row.also)


def _sorted(periods: list[tuple[Any, ...]]) -> list[str]:
    return sorted(map(repr, periods))


def test_whatever_is_done_the_count_is_a_recount_and_nobody_is_in_two_beds(ward: Ward) -> None:
    run_state_machine_as_test(
        lambda: FlowMachine(ward),  # type: ignore[arg-type]  # whatever makes a machine will do
        settings=settings(
            max_examples=20, stateful_step_count=20, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )  # fmt: skip
