"""Spells made by hand, of any time: rows as the use cases leave them, and plain Python to recount what reports say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.access.roles import Role
from monitoring.database import transaction
from monitoring.flow.states import State
from monitoring.flow.tables import Referral, Source
from monitoring.patients.tables import Patient, Sex
from monitoring.wards import wards
from monitoring.wards.tables import Episode, Step, WardStay
from monitoring.wards.tables import Ward as WardRow
from monitoring.wards.wards import WardBody
from tests.ward import Ward


@dataclass(eq=False)
class Made:
    """A spell: its wards with when the patient came to each, the first at admission."""

    stays: list[tuple[datetime, str]]
    step: Step = Step.UP
    until: datetime | None = None
    outcome: str | None = None
    referral: dict[str, Any] | None = None  # fields of the referral that it came from
    same_as: "Made | None" = None  # an earlier spell of the same patient
    ready_at: datetime | None = None
    born: date = date(1950, 2, 28)
    patient: int = field(default=0)  # both known once it is written down
    episode: int = field(default=0)

    @property
    def admitted_at(self) -> datetime:
        """When the spell began."""
        return self.stays[0][0]

    @property
    def ward(self) -> str:
        """Where it ended, or is."""
        return self.stays[-1][1]

    @property
    def beds(self) -> list[tuple[str, datetime, datetime | None]]:
        """Each bed: of which ward, from when, until when."""
        ends = [*(at for at, _ in self.stays[1:]), self.until]
        return [(code, at, until) for (at, code), until in zip(self.stays, ends, strict=True)]

    def is_in(self, code: str, at: datetime) -> bool:
        """Whether the patient has a bed of a ward at an instant."""
        return any(one == code and begun <= at and (ended is None or at < ended) for one, begun, ended in self.beds)


def utc(*parts: int) -> datetime:
    """An instant."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def opens(ward: Ward, code: str, staffed: int = 10, *, since: datetime, **changed: Any) -> None:
    """A ward that was opened long ago."""
    facts: dict[str, Any] = {"name": code, "pathway": "general", "provider": "RXX", "icb": "QXX"} | changed
    now, ward.now = ward.now, since
    with transaction(ward.engine) as session:
        body = WardBody(code=code, funded=max(staffed, 10), staffed=staffed, **facts)
        wards.open_ward(ward.act(session, Role.COORDINATOR), body)
    ward.now = now


def insert(ward: Ward, *spells: Made) -> None:
    """Write spells down."""
    with transaction(ward.engine) as session:
        keys = {one.code: one.id for one in session.execute(select(WardRow)).scalars()}
        by = ward.staff[Role.COORDINATOR].id
        for one in spells:
            _insert(session, one, keys, by)


def _insert(session: Session, one: Made, wards: dict[str, int], by: int) -> None:
    if one.same_as is not None and one.same_as is not one:
        one.patient = one.same_as.patient
    else:
        person = Patient(
            given_name="Ann", family_name="Other", birth_date=one.born, sex=Sex.FEMALE, created_at=one.admitted_at
        )
        session.add(person)
        session.flush()
        one.patient = person.id
    referral_id = None if one.referral is None else _refer(session, one, wards, by)
    episode = Episode(
        patient_id=one.patient, ward_id=wards[one.ward], step=one.step, admitted_at=one.admitted_at, admitted_by=by,
        referral_id=referral_id, discharge_ready_at=one.ready_at, discharged_at=one.until, outcome=one.outcome,
        readmission_of=_left_lately(session, one),
    )  # fmt: skip
    session.add(episode)
    session.flush()
    one.episode = episode.id
    for code, begun, ended in one.beds:
        bed = {"episode_id": episode.id, "patient_id": one.patient, "ward_id": wards[code]}
        session.add(WardStay(**bed, from_at=begun, until_at=ended))
    session.flush()


def _refer(session: Session, one: Made, wards: dict[str, int], by: int) -> int:
    fields: dict[str, Any] = {
        "source": Source.GP, "step": one.step, "received_at": one.admitted_at, "state": State.ADMITTED, "urgency": 3,
    }  # fmt: skip
    told = fields | (one.referral or {})
    made = Referral(**told, patient_id=one.patient, ward_id=wards[one.stays[0][1]], recorded_by=by)
    session.add(made)
    session.flush()
    return made.id


def _left_lately(session: Session, one: Made) -> int | None:
    query = select(col(Episode.id)).where(
        col(Episode.patient_id) == one.patient,
        col(Episode.discharged_at).between(one.admitted_at - timedelta(days=30), one.admitted_at),
    )
    last: int | None = session.execute(query.order_by(col(Episode.discharged_at).desc()).limit(1)).scalar_one_or_none()
    return last


def transfers(spells: Sequence[Made]) -> list[tuple[str, str, datetime]]:
    """From which ward to which, and when."""
    return [(left, to, at) for one in spells for (_, left), (at, to) in pairwise(one.stays)]
