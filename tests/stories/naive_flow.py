"""Beds and flow as anybody would keep them on paper: periods and decisions in lists, counted one by one.

It knows only what a test did to it, and nothing of the code's own SQL: what it counts and what it would refuse is held
against the real thing.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from monitoring.flow.states import LIVE, State
from monitoring.wards.beds import Beds

UNDECIDED = frozenset(LIVE) - {State.ACCEPTED}
TICK = timedelta(microseconds=1)


@dataclass
class Period:
    """Somebody in a bed, or away from it; or a referral for which one is held."""

    who: UUID
    ward: str
    from_at: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it has begun, and has not ended."""
        return self.from_at <= at and (self.until is None or self.until > at)


@dataclass
class Spell:
    """A spell: the last bed is where the patient is, or was last."""

    id: UUID
    patient: UUID
    stays: list[Period]
    leaves: list[Period] = field(default_factory=list)

    @property
    def ward(self) -> str:
        """Where the patient is, or was last."""
        return self.stays[-1].ward

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.stays[-1].until is not None

    @property
    def is_away(self) -> bool:
        """Whether the patient is on leave."""
        return bool(self.leaves) and self.leaves[-1].until is None

    @property
    def placed_at(self) -> datetime:
        """The last instant that is known of where the patient was: nothing was before it."""
        known = [self.stays[-1].from_at, *(moment for one in self.leaves for moment in (one.from_at, one.until))]
        return max(moment for moment in known if moment is not None)


@dataclass
class Asked:
    """A referral."""

    id: UUID
    patient: UUID
    ward: str
    urgency: int
    received_at: datetime
    number: int
    decided_at: datetime  # what people decided last
    state: State = State.RECEIVED
    holds: list[Period] = field(default_factory=list)

    @property
    def place(self) -> tuple[int, datetime, int]:
        """Its place in a waiting list: the most urgent first, then who waited longest."""
        return self.urgency, self.received_at, self.number


@dataclass
class Flow:
    """Some wards, and everything that happened on them."""

    beds: dict[str, dict[datetime, tuple[int, int]]]  # staffed and funded, from when on
    closed: set[str] = field(default_factory=set)
    dead: set[UUID] = field(default_factory=set)
    spells: list[Spell] = field(default_factory=list)
    referrals: list[Asked] = field(default_factory=list)

    @property
    def stays(self) -> list[Period]:
        """Everybody's beds."""
        return [one for spell in self.spells for one in spell.stays]

    @property
    def leaves(self) -> list[Period]:
        """Everybody's leave."""
        return [one for spell in self.spells for one in spell.leaves]

    @property
    def holds(self) -> list[Period]:
        """Every bed that was held."""
        return [one for referral in self.referrals for one in referral.holds]

    def capacity(self, ward: str, at: datetime) -> tuple[int, int]:
        """The beds staffed and funded at an instant."""
        begun = [moment for moment in self.beds[ward] if moment <= at]
        return self.beds[ward][max(begun)] if begun else (0, 0)

    def count(self, ward: str, at: datetime) -> Beds:
        """The beds of a ward at an instant, counted one by one."""
        occupied, reserved, on_leave = (
            sum(one.ward == ward and one.holds(at) for one in periods)
            for periods in (self.stays, self.holds, self.leaves)
        )
        staffed, funded = self.capacity(ward, at)
        return Beds(occupied=occupied, reserved=reserved, on_leave=on_leave, staffed=staffed, funded=funded)

    def is_full(self, ward: str, now: datetime) -> bool:
        """Whether no bed is free."""
        counted = self.count(ward, now)
        return counted.staffed - counted.occupied - counted.reserved <= 0

    def waits_for(self, ward: str) -> list[Asked]:
        """A waiting list, the first first."""
        waiting = [one for one in self.referrals if one.ward == ward and one.state is State.WAITING]
        return sorted(waiting, key=lambda one: one.place)

    def offered(self, ward: str, now: datetime) -> list[UUID]:
        """To whom a free bed is offered."""
        counted = self.count(ward, now)
        return [one.id for one in self.waits_for(ward)[: max(0, counted.available)]]

    def moments(self) -> set[datetime]:
        """Every instant at which something began or ended, or beds changed, and the one just before."""
        of = [moment for one in (*self.stays, *self.leaves, *self.holds) for moment in (one.from_at, one.until)]
        of += [moment for beds in self.beds.values() for moment in beds]
        return {at for moment in of if moment is not None for at in (moment, moment - TICK)}

    def lapse(self, now: datetime) -> None:
        """Nobody came while their bed was held."""
        for one in self.referrals:
            self.lapse_one(one, now)

    def lapse_one(self, one: Asked, now: datetime) -> None:
        """Nobody came while this bed was held, if that is so."""
        if one.state is State.ACCEPTED and not one.holds[-1].holds(now):
            one.state = State.HOLD_EXPIRED

    def end_holds(self, one: Asked, at: datetime) -> None:
        """Its beds were held no longer than that."""
        for hold in one.holds:
            assert hold.until is not None
            hold.until = min(hold.until, max(hold.from_at, at))
