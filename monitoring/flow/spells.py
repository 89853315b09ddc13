"""A spell on the ward, found and locked for whoever changes it, and the record of what was done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import literal, select, union_all
from sqlmodel import col

from monitoring.acts import Act
from monitoring.alerts.life import About
from monitoring.database import AnySelect
from monitoring.fields import in_utc
from monitoring.flow.tables import Entry, SpellEntry
from monitoring.patients.tables import LatestVitals, Patient
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.wards.tables import Episode, Leave, Ward, WardStay


@dataclass(frozen=True, slots=True)
class Spell:
    """A spell with its patient and the ward that they are on, or were on last."""

    episode: Episode
    patient: Patient
    ward: Ward


def find_spell(act: Act, episode_id: UUID) -> Spell:
    """A spell as it is. Raises NotFound."""
    query = (
        select(Episode, Patient, Ward)
        .join(Patient, col(Patient.id) == col(Episode.patient_id))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.public_id) == episode_id, col(Patient.erased_at).is_(None))
    )
    row = act.session.execute(query).one_or_none()
    if row is None or not act.who.may_see(row[2].code):
        raise NotFound(f"There is no episode {episode_id}.")
    return Spell(*row)


def lock_spell(act: Act, episode_id: UUID, *wards: str) -> Spell:
    """An open spell whose ward, then patient, then latest vitals are locked. Raises NotFound, Conflict where it ended.

    `wards` are codes of other wards to lock as well: all in order of their codes, for two transfers may cross.
    """
    found = find_spell(act, episode_id)
    codes = {found.ward.code, *wards}
    act.session.execute(
        select(Ward).where(col(Ward.code).in_(codes)).order_by(col(Ward.code)).with_for_update(key_share=True)
    )
    act.session.refresh(found.patient, with_for_update={"key_share": True})
    act.session.get_one(LatestVitals, found.episode.id, with_for_update=True, populate_existing=True)
    act.session.refresh(found.episode)
    if found.episode.discharged_at is not None:
        current = {"state": "discharged", "discharged_at": found.episode.discharged_at}
        raise Conflict("The spell has ended.", current=current)
    if found.ward.id != found.episode.ward_id:  # transferred while we waited
        raise Conflict("The patient was transferred in this moment.", current={"state": "admitted"})
    return found


def open_stay(act: Act, spell: Spell) -> WardStay:
    """The stay in the bed where the patient is now."""
    query = select(WardStay).where(col(WardStay.episode_id) == spell.episode.id, col(WardStay.until_at).is_(None))
    stay: WardStay = act.session.execute(query).scalar_one()
    return stay


def placed_since(act: Act, spell: Spell) -> tuple[datetime, str]:
    """When the patient came to where they now are, and by what: an act told late cannot come before it."""
    of = spell.episode.id
    stays: AnySelect = select(col(WardStay.from_at).label("at"), literal("the transfer").label("what"))
    left = select(col(Leave.from_at), literal("the leave"))
    back = select(col(Leave.until_at), literal("the return"))
    known = union_all(
        stays.where(col(WardStay.episode_id) == of, col(WardStay.from_at) > spell.episode.admitted_at),
        left.where(col(Leave.episode_id) == of),
        back.where(col(Leave.episode_id) == of, col(Leave.until_at).is_not(None)),
    ).subquery()
    row = act.session.execute(select(known).order_by(known.c.at.desc()).limit(1)).one_or_none()
    return (spell.episode.admitted_at, "the admission") if row is None else (row.at, row.what)


def about(spell: Spell) -> About:
    """Whom alerts of the spell are about, and the ward that answers for them."""
    episode, patient, ward = spell.episode, spell.patient, spell.ward
    return About(patient.id, patient.public_id, episode.id, ward.id, ward.code, ward.staffed_hours)


def when(act: Act, at: datetime | None, not_before: datetime, what: str) -> datetime:
    """The instant of an act told late. Raises Unacceptable in the future, Conflict before what is known.

    `what` names the instant `not_before`, as in "the admission".
    """
    if at is None:
        return act.now
    at = in_utc("at", at)
    if at > act.now:
        raise unacceptable("at", "is in the future")
    if at < not_before:
        raise Conflict(f"That is before {what}.", current={what.removeprefix("the ").replace(" ", "_"): not_before})
    return at


def record(act: Act, spell: Spell, kind: Entry, at: datetime, data: dict[str, Any] | msgspec.Struct) -> SpellEntry:
    """Write down what was done, by whom. Returns the entry, which has its public id already."""
    said = {name: value for name, value in msgspec.to_builtins(data).items() if value is not None}
    entry = SpellEntry(
        episode_id=spell.episode.id,
        ward_id=spell.episode.ward_id,
        kind=kind,
        at=at,
        by=act.who.id,
        senior=act.who.senior,
        data=said,
        recorded_at=act.now,
    )
    act.session.add(entry)
    return entry
