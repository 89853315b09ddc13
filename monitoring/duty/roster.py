"""The rotas and the staff of wards, read at once, and who is on duty by them when.

Staff who stand in no rota of a ward are on duty in its staffed hours: always, where none are set.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text, any_, bindparam, or_, select
from sqlalchemy import Uuid as UuidType
from sqlmodel import Session, col

from alert_rules import duty
from alert_rules.ladder import ROTA
from alert_rules.staffed import Shift, StaffedHours
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.duty.bank_holidays import is_bank_holiday
from monitoring.escalation.tables import Rota
from monitoring.wards.tables import Ward

_WARDS = bindparam("wards", type_=ARRAY(BigInteger))
_CODES = bindparam("codes", type_=ARRAY(Text))
_ROLES = bindparam("roles", type_=ARRAY(Text))
_NAMED = bindparam("named", type_=ARRAY(UuidType))


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff, as far as duty asks."""

    id: int
    public_id: UUID
    name: str
    role: Role
    wards: frozenset[str] | None  # None: every ward

    def works_on(self, ward: str) -> bool:
        """Whether it is one of their wards."""
        return self.wards is None or ward in self.wards


@dataclass(frozen=True, slots=True)
class WardHours:
    """A ward, and when it is staffed."""

    code: str
    staffed_hours: StaffedHours | None


@dataclass(frozen=True, slots=True)
class KnownRota:
    """A rota, ready to be asked."""

    code: str
    ward_id: int
    role: Role
    rules: duty.Rota


@dataclass(frozen=True, slots=True)
class Duty:
    """When somebody is on duty, in which role, and by which rota (None: in staffed hours)."""

    who: Colleague
    role: Role
    rota: str | None
    spans: Sequence[Shift]


@dataclass(frozen=True)
class Roster:
    """Wards with their rotas and staff."""

    wards: dict[int, WardHours]
    rotas: dict[str, KnownRota]
    staff: dict[str, Colleague]  # by public id, as rotas name them

    @cached_property
    def rotas_by_ward(self) -> Mapping[int, Sequence[KnownRota]]:
        """The rotas of each ward."""
        found: dict[int, list[KnownRota]] = defaultdict(list)
        for rota in self.rotas.values():
            found[rota.ward_id].append(rota)
        return found

    @cached_property
    def staff_by_ward(self) -> Mapping[str | None, Sequence[Colleague]]:
        """Who works on each ward; under None, who works on every ward."""
        found: dict[str | None, list[Colleague]] = defaultdict(list)
        for who in self.staff.values():
            for ward in (None,) if who.wards is None else who.wards:
                found[ward].append(who)
        return found

    def told(self, ward_id: int, tell: str, since: datetime, until: datetime) -> list[Duty]:
        """Who is on duty for what a ladder tells: a role on duty for the ward, or `rota:<code>`."""
        if tell.startswith(ROTA):
            rota = self.rotas.get(tell.removeprefix(ROTA))
            return [] if rota is None else list(self._by_rota(rota, since, until))
        return self.of_ward(ward_id, {tell}, since, until)

    def of_ward(self, ward_id: int, roles: Collection[str], since: datetime, until: datetime) -> list[Duty]:
        """Who is on duty on a ward in any of these roles, a row for each rota of theirs."""
        rotas = self.rotas_by_ward.get(ward_id, ())
        found = [one for rota in rotas if rota.role in roles for one in self._by_rota(rota, since, until)]
        hours = duty.staffed(self.wards[ward_id].staffed_hours, since, until)
        rest = self._without_rota(ward_id, roles, rotas) if hours else ()
        for who in rest:
            away = [span for rota in rotas for span in duty.off(rota.rules, str(who.public_id))]
            if spans := duty.without(hours, duty.union(away)):
                found.append(Duty(who, who.role, None, spans))
        return found

    def roles_of(self, ward_id: int) -> set[Role]:
        """The roles that a ward has rotas for."""
        return {rota.role for rota in self.rotas_by_ward.get(ward_id, ())}

    def _by_rota(self, rota: KnownRota, since: datetime, until: datetime) -> Iterable[Duty]:
        ward = self.wards[rota.ward_id].code
        for staff, spans in duty.shifts(rota.rules, since, until, is_bank_holiday).items():
            who = self.staff.get(staff)
            if who is not None and who.works_on(ward):
                yield Duty(who, rota.role, rota.code, spans)

    def _without_rota(self, ward_id: int, roles: Collection[str], rotas: Sequence[KnownRota]) -> Iterable[Colleague]:
        ward = self.wards[ward_id].code
        members = frozenset[str]().union(*(rota.rules.members for rota in rotas))
        for who in (*self.staff_by_ward.get(ward, ()), *self.staff_by_ward.get(None, ())):
            if who.role in roles and str(who.public_id) not in members:
                yield who


def load(session: Session, wards: Collection[int], tells: Collection[str]) -> Roster:
    """What is needed to ask who is on duty on these wards for these roles and rotas: three queries."""
    codes = [tell.removeprefix(ROTA) for tell in tells if tell.startswith(ROTA)]
    rotas = [
        KnownRota(code, ward_id, Role(role), rules_of(weekly, overrides))
        for code, ward_id, role, weekly, overrides in session.execute(
            _ROTAS, {"wards": list(wards), "codes": codes}
        ).all()
    ]
    of_wards = {*wards, *(rota.ward_id for rota in rotas)}
    hours = {
        key: WardHours(code, staffed_hours)
        for key, code, staffed_hours in session.execute(_HOURS, {"wards": list(of_wards)}).all()
    }
    named = {UUID(staff) for rota in rotas for staff in rota.rules.members}
    asked = {
        "named": list(named),
        "roles": [tell for tell in tells if not tell.startswith(ROTA)],
        "codes": [ward.code for ward in hours.values()],
    }
    staff = {str(one.public_id): one for one in (_colleague(row) for row in session.execute(_STAFF, asked).all())}
    return Roster(hours, {rota.code: rota for rota in rotas}, staff)


def rules_of(weekly: list[dict[str, Any]], overrides: list[dict[str, Any]]) -> duty.Rota:
    """A rota's rules, from its row."""
    return duty.Rota(
        tuple(duty.Weekly(one["staff"], one["day"], one["from"], one["to"]) for one in weekly),
        tuple(
            duty.Override(
                one["staff"], datetime.fromisoformat(one["from"]), datetime.fromisoformat(one["to"]), one["off"]
            )
            for one in overrides
        ),
    )


def _colleague(row: Any) -> Colleague:
    wards = None if row.wards is None else frozenset(row.wards)
    return Colleague(row.id, row.public_id, row.name, Role(row.role), wards)


_ROTAS: Final = select(col(Rota.code), col(Rota.ward_id), col(Rota.role), col(Rota.weekly), col(Rota.overrides)).where(
    or_(col(Rota.ward_id) == any_(_WARDS), col(Rota.code) == any_(_CODES))
)

_HOURS: Final = select(col(Ward.id), col(Ward.code), col(Ward.staffed_hours)).where(col(Ward.id) == any_(_WARDS))

_STAFF: Final = (
    select(col(Staff.id), col(Staff.public_id), col(Staff.name), col(Staff.role), col(Staff.wards))
    .where(
        or_(
            col(Staff.public_id) == any_(_NAMED),
            (col(Staff.role) == any_(_ROLES)) & (col(Staff.wards).is_(None) | col(Staff.wards).op("&&")(_CODES)),
        )
    )
    .order_by(col(Staff.id))
)
