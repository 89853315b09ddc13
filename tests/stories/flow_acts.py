"""What can happen to referrals, beds and wards, each act through the use case that its route calls.

A naive model (`naive_flow.py`) says beforehand whether an act has to be refused, and keeps what follows from it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any, Final, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from monitoring.acts import Act
from monitoring.flow import decisions
from monitoring.flow.decisions import AcceptBody, AdmitBody, EndBody, TriageBody
from monitoring.flow.discharge import DischargeBody, Outcome, discharge
from monitoring.flow.leave import LeaveBody, ReturnBody, come_back, leave
from monitoring.flow.referrals import ReferralBody, refer
from monitoring.flow.states import HOLD, LIVE, PRIORITIES, Move, Priority, State
from monitoring.flow.tables import Source
from monitoring.flow.transfer import TransferBody, transfer
from monitoring.patients.register import register
from monitoring.refusals import Conflict, Unacceptable
from monitoring.wards.admission import EpisodeBody, admit
from monitoring.wards.capacity import CapacityBody, set_capacity
from monitoring.wards.closing import CloseBody, ReopenBody, close_ward, reopen_ward
from monitoring.wards.occupancy import occupancy
from monitoring.wards.occupancy_events import figures
from monitoring.wards.tables import LeaveKind, Step
from tests.monitoring.referring import acts
from tests.stories.naive_flow import TICK, UNDECIDED, Asked, Flow, Period, Spell
from tests.ward import Ward, person
from tests.workers.records import rows
from workers.holds import expire_holds
from workers.planned_beds import tell_planned_beds

T = TypeVar("T")
BEGINNINGS: Final = [
    datetime(2026, 3, 28, 15, tzinfo=UTC),  # the clocks go forward that night
    datetime(2026, 10, 24, 15, tzinfo=UTC),  # and back
    datetime(2028, 2, 28, 15, tzinfo=UTC),  # a leap day
]
OPENED_BEFORE: Final = timedelta(hours=2)
MOVES: Final = {
    Move.DECLINE: State.DECLINED,
    Move.REDIRECT: State.REDIRECTED,
    Move.WITHDRAW: State.WITHDRAWN,
    Move.NOT_ONBOARD: State.NOT_ONBOARDED,
}
_numbers = count(1)

which = st.integers(0, 19)
"""One of those that there are; 0 is the newest."""
NEWCOMER: Final = 1
"""Somebody new, where a patient is asked for."""
LAST: Final = 20
"""The newest of those that there are, whoever is asked for."""
minutes = st.sampled_from([1, 10, 30, 59, 60, 61, 90, 240, 480, -1]).map(lambda number: timedelta(minutes=number))
Ago = timedelta | int | None
late = st.one_of(st.none(), minutes, st.integers(0, 30))
"""How long ago it was, where it is told late; none: it is now. Below zero it is in the future.

A whole number stands for an instant at which something was, or just before it, counted back from now.
"""
paces = st.lists(st.tuples(st.sampled_from([20, 60, 0, 1, 240, 600]), st.booleans()), min_size=1, max_size=6)
"""Minutes between one act and the next, and whether the timekeeper looks."""
some_beds = st.sampled_from([2, 1, 3, 0, 4])

_WRITTEN: Final = """
SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM spell_entry) + (SELECT count(*) FROM referral_history)
     + (SELECT count(*) FROM ward_capacity) + (SELECT count(*) FROM episode) + (SELECT count(*) FROM letter)
     + (SELECT count(*) FROM plan) + (SELECT sum(version) FROM referral)
"""


class FlowActs(RuleBasedStateMachine):
    """Three small wards on a database that is never emptied, and people who come and go."""

    def __init__(self, ward: Ward) -> None:
        super().__init__()
        self.ward = ward
        self.flow = Flow({})
        self.keys: dict[str, int] = {}
        self.patients: list[UUID] = []
        self.touched: set[datetime] = set()  # instants that the last step was about
        self.is_as_expected = False
        self.pace: Iterator[tuple[int, bool]] = iter(())
        self.is_kept = True  # the timekeeper has looked since the clock was turned

    # What happens

    @initialize(
        began=st.sampled_from(BEGINNINGS),
        staffed=st.lists(some_beds, min_size=3, max_size=3),
        planned=some_beds,
        pace=paces,
    )
    def opens(self, began: datetime, staffed: list[int], planned: int, pace: list[tuple[int, bool]]) -> None:
        """Three wards, two of them open for two hours already."""
        self.ward.now = self.began = began
        self.icb = f"Q{next(_numbers):04}"
        for name, number in zip("ABC", (staffed[0] + 2, *staffed[1:]), strict=True):
            code, from_at = f"{self.icb}-{name}", began if name == "C" else began - OPENED_BEFORE
            self.ward.opens(code, icb=self.icb, staffed=number, funded=6, **{"from": from_at})
            self.flow.beds[code] = {from_at: (number, 6)}
        made = rows(self.ward.engine, "SELECT code, id FROM ward WHERE icb = :icb ORDER BY code", icb=self.icb)
        self.keys = {row.code: row.id for row in made}
        self.pace = cycle([(0, True)])
        self._begins()
        for of, ahead in ((0, 30), (1, 300)):
            self.decides_beds(of=of, staffed=planned, funded=6, reason=None, ahead=ahead)
        self.pace = cycle(pace)

    @rule(who=which, to=which, ago=late)
    def admits(self, who: int, to: int, ago: Ago) -> None:
        """Somebody is admitted at once."""
        self._time_passes()
        patient, ward = self._patient(who), self._code(to)
        at = self._at(ago)
        why_not = self._not_admitted(patient, ward, at) or (self.flow.is_full(ward, self.ward.now) and "full")
        body = EpisodeBody(patient=patient, ward=ward, step=Step.UP, at=self._said(ago, at))
        made = self._tries(why_not, lambda act: admit(act, body))
        if made is not None:
            self.flow.spells.append(Spell(made.id, patient, [Period(patient, ward, at)]))

    @rule(who=which, to=which, priority=st.sampled_from(Priority), ago=late)
    def refers(self, who: int, to: int, priority: Priority, ago: Ago) -> None:
        """Somebody is referred."""
        self._time_passes()
        patient, ward, at = self._patient(who), self._code(to), self._at(ago)
        asked = any(one.patient == patient and one.ward == ward and one.state in LIVE for one in self.flow.referrals)
        why_not = (
            (ward in self.flow.closed and "closed") or (patient in self.flow.dead and "dead")
            or (asked and "asked already") or (at > self.ward.now and "future")
        )  # fmt: skip
        body = ReferralBody(
            patient=patient, ward=ward, source=Source.GP, step=Step.DOWN, priority=priority, at=self._said(ago, at)
        )
        made = self._tries(why_not, lambda act: refer(act, body))
        if made is not None:
            number = len(self.flow.referrals)
            self.flow.referrals.append(
                Asked(made.id, patient, ward, PRIORITIES.index(priority), at, number, decided_at=at)
            )

    @precondition(lambda self: self.flow.referrals)
    @rule(of=which, priority=st.sampled_from(Priority))
    def triages(self, of: int, priority: Priority) -> None:
        """A referral is found more urgent, or less."""
        self._time_passes()
        one = self._referral(of)
        state = self._state(one)
        body = TriageBody(priority=priority)
        why_not = (state not in UNDECIDED) and f"{state}"
        if self._tries(why_not, lambda act: decisions.triage(act, one.id, body)) is not None:
            one.urgency, one.decided_at = PRIORITIES.index(priority), self.ward.now
            one.state = State.TRIAGED if state is State.RECEIVED else state

    @precondition(lambda self: self.flow.referrals)
    @rule(of=which, hours=st.one_of(st.none(), st.integers(0, 25)), ago=late)
    def accepts(self, of: int, hours: int | None, ago: Ago) -> None:
        """A bed is held, or the referral waits for one."""
        self._time_passes()
        one, now, at = self._referral(of), self.ward.now, self._at(ago)
        state, until = self._state(one), now + (HOLD if hours is None else timedelta(hours=hours))
        waits = self.flow.is_full(one.ward, now)
        why_not = (
            (state not in UNDECIDED and f"{state}") or (hours in {0, 25} and "held for too long")
            or (not (waits and state is State.WAITING) and self._not_then(at, one.decided_at))
        )  # fmt: skip
        body = AcceptBody(held_until=None if hours is None else until, at=self._said(ago, at))
        done = self._tries(why_not, lambda act: decisions.accept(act, one.id, body))
        if done is None or (waits and state is State.WAITING):
            return
        assert isinstance(done, Conflict) == waits
        one.decided_at, one.state = at, State.WAITING if waits else State.ACCEPTED
        if not waits:
            one.holds.append(Period(one.id, one.ward, now, until))

    @precondition(lambda self: self.flow.referrals)
    @rule(of=which, ago=late)
    def comes(self, of: int, ago: Ago) -> None:
        """Who was accepted is admitted, to the bed that was held or to one that is free."""
        self._time_passes()
        accepted = {State.ACCEPTED, State.HOLD_EXPIRED}
        one, at = _newest(self.flow.referrals, of, lambda one: one.state in accepted), self._at(ago)
        state = self._state(one)
        why_not = (
            (state not in {State.ACCEPTED, State.HOLD_EXPIRED} and f"{state}") or self._not_then(at, one.decided_at)
            or self._not_admitted(one.patient, one.ward, at)
            or (state is State.HOLD_EXPIRED and self.flow.is_full(one.ward, self.ward.now) and "full")
        )  # fmt: skip
        made = self._tries(why_not, lambda act: decisions.admit(act, one.id, AdmitBody(at=self._said(ago, at))))
        if made is not None:
            assert made.episode is not None
            one.state, one.decided_at = State.ADMITTED, at
            self.flow.end_holds(one, at)
            self.flow.spells.append(Spell(made.episode, one.patient, [Period(one.patient, one.ward, at)]))

    @precondition(lambda self: self.flow.referrals)
    @rule(of=which, move=st.sampled_from(list(MOVES)), ago=late)
    def ends(self, of: int, move: Move, ago: Ago) -> None:
        """A referral comes to nothing."""
        self._time_passes()
        one, at = self._referral(of), self._at(ago)
        state = self._state(one)
        may = {State.ACCEPTED, State.HOLD_EXPIRED} if move is Move.NOT_ONBOARD else set(LIVE)
        why_not = (state not in may and f"{state}") or self._not_then(at, one.decided_at)
        body = EndBody(reason="no", at=self._said(ago, at))
        if self._tries(why_not, lambda act: decisions.end(act, one.id, move, body)) is not None:
            one.state, one.decided_at = MOVES[move], at
            self.flow.end_holds(one, at)

    @precondition(lambda self: self.flow.spells)
    @rule(of=which, to=which, ago=late)
    def transfers(self, of: int, to: int, ago: Ago) -> None:
        """From one bed to another."""
        self._time_passes()
        spell, ward, at = self._spell(of), self._code(to), self._at(ago)
        why_not = (
            self._not_in_spell(spell, at) or (ward == spell.ward and "there") or (ward in self.flow.closed and "closed")
            or (at < min(self.flow.beds[ward]) and "before its beds")
            or (self.flow.is_full(ward, self.ward.now) and "full")
        )  # fmt: skip
        body = TransferBody(ward=ward, at=self._said(ago, at))
        if self._tries(why_not, lambda act: transfer(act, spell.id, body)) is not None:
            self._back(spell, at)
            spell.stays[-1].until = at
            spell.stays.append(Period(spell.patient, ward, at))

    @precondition(lambda self: self.flow.spells)
    @rule(of=which, kind=st.sampled_from(LeaveKind), ago=late)
    def leaves(self, of: int, kind: LeaveKind, ago: Ago) -> None:
        """Away, with the bed kept."""
        self._time_passes()
        spell, at = self._spell(of), self._at(ago)
        why_not = self._not_in_spell(spell, at) or (spell.is_away and "away")
        body = LeaveBody(kind=kind, at=self._said(ago, at))
        if self._tries(why_not, lambda act: leave(act, spell.id, body)) is not None:
            spell.leaves.append(Period(spell.patient, spell.ward, at))

    @precondition(lambda self: any(spell.is_away for spell in self.flow.spells))
    @rule(of=which, ago=late)
    def returns(self, of: int, ago: Ago) -> None:
        """Back again."""
        self._time_passes()
        spell, at = self._spell(of), self._at(ago)
        why_not = self._not_in_spell(spell, at) or (not spell.is_away and "not away")
        body = ReturnBody(at=self._said(ago, at))
        if self._tries(why_not, lambda act: come_back(act, spell.id, body)) is not None:
            self._back(spell, at)

    @precondition(lambda self: self.flow.spells)
    @rule(of=which, outcome=st.sampled_from([Outcome.HOME, Outcome.DIED, Outcome.ACUTE]), ago=late)
    def discharges(self, of: int, outcome: Outcome, ago: Ago) -> None:
        """A spell ends; by a death, so does whatever the patient was referred for."""
        self._time_passes()
        spell, at = self._spell(of), self._at(ago)
        body = DischargeBody(outcome=outcome, decided_by="Dr No", at=self._said(ago, at))
        if self._tries(self._not_in_spell(spell, at), lambda act: discharge(act, spell.id, body)) is None:
            return
        self._back(spell, at)
        spell.stays[-1].until = at
        if outcome is Outcome.DIED:
            self.flow.dead.add(spell.patient)
            for one in self.flow.referrals:
                if one.patient == spell.patient and one.state in LIVE:
                    one.state = State.WITHDRAWN
                    self.flow.end_holds(one, at)

    @rule(
        of=which, staffed=some_beds, funded=some_beds, reason=st.sampled_from([None, "winter"]),
        ahead=st.sampled_from([None, -600, -60, 30, 300]),
    )  # fmt: skip
    def decides_beds(self, of: int, staffed: int, funded: int, reason: str | None, ahead: int | None) -> None:
        """Other beds: from now on, planned, or as they had been."""
        self._time_passes()
        ward, now = self._code(of), self.ward.now
        from_at = now if ahead is None else now + timedelta(minutes=ahead)
        surges = staffed > funded and reason is None
        why_not = (ward in self.flow.closed and "closed") or (surges and "surge without a reason")
        body = CapacityBody(funded=funded, staffed=staffed, from_=None if ahead is None else from_at, reason=reason)
        if self._tries(why_not, lambda act: set_capacity(act, ward, body)) is not None:
            self.flow.beds[ward][from_at] = (staffed, funded)
            self.touched.add(from_at)

    @rule(of=which, staffed=some_beds)
    def closes_or_reopens(self, of: int, staffed: int) -> None:
        """A ward that nobody needs; or a closed one, with beds from now on."""
        self._time_passes()
        ward, now = self._code(of), self.ward.now
        if ward in self.flow.closed:
            reopening = ReopenBody(reason="winter", funded=2, staffed=staffed)
            self._tries(None, lambda act: reopen_ward(act, ward, reopening))
            self.flow.closed.discard(ward)
            self._from_now_on(ward, lambda _: (staffed, 2))
            return
        counted = self.flow.count(ward, now)
        asked = any(one.ward == ward and one.state in LIVE for one in self.flow.referrals)
        why_not = ((counted.occupied or counted.reserved) and "in use") or (asked and "asked for")
        if self._tries(why_not, lambda act: close_ward(act, ward, CloseBody("summer"))) is not None:
            self.flow.closed.add(ward)
            self._from_now_on(ward, lambda funded: (0, funded))

    @rule(of=which, ago=st.integers(0, 3_000).map(lambda minutes: timedelta(minutes=minutes)))
    def is_looked_at(self, of: int, ago: timedelta) -> None:
        """What its page shows, now and then."""
        code, now = self._code(of), self.ward.now
        for at in (None, now - ago):
            shown = acts(self.ward, lambda act, at=at: occupancy(act, code, at))  # type: ignore[misc]
            expected = figures(self.flow.count(code, at or now))
            assert {name: getattr(shown, name) for name in expected} == expected

    # How

    def _time_passes(self) -> None:
        """From one act to the next, and the timekeeper looks, or does not."""
        minutes, looks = next(self.pace)
        self.ward.now += timedelta(minutes=minutes)
        self.is_kept = looks or (self.is_kept and not minutes)
        if looks:
            expire_holds(self.ward.engine, self.ward.now)
            tell_planned_beds(self.ward.engine, self.ward.now)
            self.flow.lapse(self.ward.now)

    def _begins(self) -> None:
        """Somebody has left, somebody is in a bed and wanted elsewhere, somebody is away, and three are referred."""
        hour = timedelta(hours=1)
        self.admits(NEWCOMER, 0, hour)
        self.discharges(LAST, Outcome.HOME, timedelta(minutes=20))
        self.admits(NEWCOMER, 0, hour)
        self.refers(LAST, 1, Priority.URGENT, None)
        self.admits(NEWCOMER, 0, hour)
        self.leaves(LAST, LeaveKind.ED, timedelta(minutes=50))
        for to in (0, 0, 2):
            self.refers(NEWCOMER, to, Priority.ROUTINE, None)
            self.accepts(LAST, None, None)

    def _tries(self, why_not: object, use_case: Callable[[Act], T]) -> T | None:
        """Do it. It is refused where the model says so, for whatever reason, and then nothing was written."""
        self.is_as_expected = False
        before = self._written() if why_not else None
        refused: Conflict | Unacceptable | None = None
        done: T | None = None
        try:
            done = acts(self.ward, use_case)
        except (Conflict, Unacceptable) as error:
            refused = error
        assert bool(refused) == bool(why_not), f"expected: {why_not or 'done'}; refused: {refused}"
        assert refused is None or self._written() == before
        self.is_as_expected = True
        return done

    def _written(self) -> Any:
        return rows(self.ward.engine, _WRITTEN)

    def _at(self, ago: Ago) -> datetime:
        """The instant of an act."""
        known = sorted(at for at in self.flow.moments() if at <= self.ward.now)
        at = known[-1 - ago % len(known)] if isinstance(ago, int) else self.ward.now - (ago or timedelta())
        self.touched |= {at - TICK, at}
        return at

    def _said(self, ago: Ago, at: datetime) -> datetime | None:
        """What is said of it: nothing, where it is now."""
        return None if ago is None else at

    def _code(self, number: int) -> str:
        codes = list(self.keys)
        return codes[number % len(codes)]

    def _patient(self, number: int) -> UUID:
        """Somebody known here; or somebody new."""
        if number == NEWCOMER or not self.patients:
            self.patients.append(acts(self.ward, lambda act: register(act, person())).id)
        if number % 3 == 0:  # somebody who was on a ward
            return _newest(self.flow.spells, number // 3, lambda one: one.is_over).patient
        return self.patients[-1 if number == LAST else -1 - number % len(self.patients)]

    def _referral(self, number: int) -> Asked:
        return _newest(self.flow.referrals, number, lambda one: one.state in LIVE)

    def _spell(self, number: int) -> Spell:
        return _newest(self.flow.spells, number, lambda one: not one.is_over)

    def _state(self, one: Asked) -> State:
        """A referral's state for whoever decides of it: a hold that ran out is over."""
        has_lapsed = one.state is State.ACCEPTED and not one.holds[-1].holds(self.ward.now)
        return State.HOLD_EXPIRED if has_lapsed else one.state

    def _not_then(self, at: datetime, known: datetime) -> str | bool:
        return (at > self.ward.now and "future") or (at < known and "before what is known")

    def _not_in_spell(self, spell: Spell, at: datetime) -> str | bool:
        return (spell.is_over and "over") or self._not_then(at, spell.placed_at)

    def _not_admitted(self, patient: UUID, ward: str, at: datetime) -> str | bool:
        """Why not, whatever the beds."""
        in_bed = any(one.who == patient and (one.until is None or one.until > at) for one in self.flow.stays)
        return (
            (at > self.ward.now and "future") or (ward in self.flow.closed and "closed")
            or (patient in self.flow.dead and "dead") or (in_bed and "in a bed")
            or (at < min(self.flow.beds[ward]) and "before its beds")
        )  # fmt: skip

    def _back(self, spell: Spell, at: datetime) -> None:
        """Who was away is not any more."""
        if spell.is_away:
            spell.leaves[-1].until = at

    def _from_now_on(self, ward: str, decided: Callable[[int], tuple[int, int]]) -> None:
        """Beds for now and for whenever others were planned, by those funded then."""
        planned, now = self.flow.beds[ward], self.ward.now
        for at in [now, *(moment for moment in planned if moment > now)]:
            planned[at] = decided(self.flow.capacity(ward, at)[1])


def _newest(of: Sequence[T], number: int, is_open: Callable[[T], bool]) -> T:
    """One of those that can still change, the newest first; now and then any of them."""
    wanted = [one for one in of if is_open(one)] if number % 5 or number == LAST else []
    wanted = wanted or list(of)
    return wanted[-1 if number == LAST else -1 - number % len(wanted)]
