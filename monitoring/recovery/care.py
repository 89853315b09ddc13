"""A spell on a service that brings care to the home, found and locked, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from alert_rules.pathway import pathways  # which clocks a pathway has never changes: `rules.deciding`
from monitoring.acts import Act
from monitoring.flow.spells import Spell, find_spell
from monitoring.flow.tables import Referral
from monitoring.recovery.clocks import Instant
from monitoring.recovery.tables import Recovery
from monitoring.refusals import Conflict
from monitoring.wards.tables import Ward, WardStay

COLUMN: Final[Mapping[Instant, str]] = {
    Instant.REFERRED: "referred_at",
    Instant.HOME: "home_at",
    Instant.FIRST_CARE: "first_care_at",
    Instant.ASSESSED: "assessed_at",
}
STAYS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Care:
    """A spell with its time on the service: from when, until when (None: there now), on which ward last.

    `received_at`: when the service received the hospital's referral, where the spell came from one.
    """

    spell: Spell
    ward: Ward
    from_at: datetime
    until_at: datetime | None
    received_at: datetime | None
    recorded: Recovery = field(compare=False)

    @property
    def known(self) -> dict[Instant, datetime]:
        """Every instant that is known."""
        said = {what: getattr(self.recorded, column) for what, column in COLUMN.items()}
        said[Instant.REFERRED] = self.received_at or said[Instant.REFERRED]
        return {what: at for what, at in said.items() if at is not None}


@cache
def care_pathways() -> tuple[str, ...]:
    """The pathways of services that bring care to the home."""
    return tuple(name for name, one in pathways().items() if one.gives_care)


def refuse_no_care(ward: Ward) -> None:
    """Raise Conflict where a ward is no such service."""
    if ward.pathway not in care_pathways():
        current = {"ward": ward.code, "pathway": ward.pathway, "pathways": care_pathways()}
        raise Conflict("The ward is no recovery or discharge-to-assess service.", current=current)


def find_care(act: Act, episode_id: UUID) -> Care:
    """A spell as it is. Raises NotFound; Conflict where it was on no such service."""
    return _care(act, find_spell(act, episode_id))


def lock_care(act: Act, episode_id: UUID) -> Care:
    """A spell, open or ended, whose ward and patient are locked. Raises NotFound, Conflict."""
    spell = find_spell(act, episode_id)
    act.session.refresh(spell.ward, with_for_update={"key_share": True})
    act.session.refresh(spell.patient, with_for_update={"key_share": True})
    act.session.refresh(spell.episode)
    if spell.ward.id != spell.episode.ward_id:  # transferred while we waited
        raise Conflict("The patient was transferred in this moment.", current={"state": "admitted"})
    return _care(act, spell)


def _care(act: Act, spell: Spell) -> Care:
    stays = (
        select(WardStay, Ward)
        .join(Ward, col(Ward.id) == col(WardStay.ward_id))
        .where(col(WardStay.episode_id) == spell.episode.id, col(Ward.pathway).in_(care_pathways()))
        .order_by(col(WardStay.from_at), col(WardStay.id))
        .limit(STAYS_MAX)
    )
    found = act.session.execute(stays).all()
    if not found:
        refuse_no_care(spell.ward)
    referred = (
        select(col(Referral.received_at))
        .join(Ward, col(Ward.id) == col(Referral.ward_id))
        .where(col(Referral.id) == spell.episode.referral_id, col(Ward.pathway).in_(care_pathways()))
    )
    (first, _), (last, ward) = found[0], found[-1]
    recorded = act.session.get(Recovery, spell.episode.id, populate_existing=True)
    return Care(
        spell=spell,
        ward=ward,
        from_at=first.from_at,
        until_at=last.until_at,
        received_at=act.session.execute(referred).scalar_one_or_none(),
        recorded=recorded or Recovery(episode_id=spell.episode.id),
    )
