"""Which versions of the pathways hold: everybody who goes by a pathway asks here, with the instant that counts.

The versions are kept in this process, under the newest decision of a proposal: one row of an index says whether they
are still all there are. So a new one counts from the next transaction on, in every process, and none needs a restart.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlmodel import Session

from alert_rules.pathway import Pathway, WrongPathway, read
from alert_rules.rulebook import PACKAGED, Held, Rulebook, Unreadable, with_approved
from monitoring.database import driver

log = structlog.get_logger()

_NEWEST: Final = "SELECT public_id FROM rule_decision ORDER BY id DESC LIMIT 1"

_APPROVED: Final = """
SELECT proposal.pathway, proposal.public_id, proposal.content, proposal.version, decision.from_at
FROM rule_decision AS decision
JOIN rule_proposal AS proposal ON proposal.id = decision.proposal_id
WHERE decision.decision = 'approved'
ORDER BY decision.id
"""

_kept: dict[UUID, Rulebook] = {}
KEPT_MAX: Final = 4
"""Rulebooks in a process: the one of now, and what still reads an older view of the database."""


def rulebook(session: Session) -> Rulebook:
    """All versions of all pathways, with when each holds."""
    row = driver(session).execute(_NEWEST).fetchone()
    if row is None:
        return PACKAGED
    found = _kept.get(row[0])
    if found is None:
        found = _read(session)
        if len(_kept) >= KEPT_MAX:
            _kept.clear()
        _kept[row[0]] = found
    return found


def pathways_at(session: Session, at: datetime) -> dict[str, Pathway]:
    """Every pathway as it holds at an instant."""
    return rulebook(session).at(at)


def pathway_at(session: Session, name: str, at: datetime) -> Pathway:
    """One pathway as it holds at an instant."""
    return rulebook(session).of(name, at)


def _read(session: Session) -> Rulebook:
    """From the database. What can't be used any more is left out, loudly: what held before it goes on."""
    approved: list[Held] = []
    unreadable: list[Unreadable] = []
    for name, proposal, content, version, from_at in driver(session).execute(_APPROVED):
        found = _usable(name, content, version)
        if found is None:
            unreadable.append(Unreadable(name, version, None))
            log.error("rules_unreadable", pathway=name, version=version, proposal=str(proposal))
        else:
            approved.append(Held(from_at, found))
            unreadable = [_until(one, name, from_at) for one in unreadable]
    return with_approved(approved, unreadable)


def _until(one: Unreadable, name: str, from_at: datetime) -> Unreadable:
    """The same, after something that can be used was approved of a pathway."""
    if one.name != name or (one.until_at is not None and one.until_at <= from_at):
        return one
    return one._replace(until_at=from_at)


def _usable(name: str, content: str, version: str) -> Pathway | None:
    """The pathway, or None where this program can't use what another one took, or it is not what was approved."""
    if name not in PACKAGED.held:
        return None
    try:
        found = read(name, content)
    except WrongPathway:
        return None
    return found if found.version == version else None
