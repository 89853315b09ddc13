"""Proposals of rules, and the pathways as they hold, as people see them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import col

from alert_rules.pathway import Pathway, WrongPathway, packaged_text, pathways
from alert_rules.rule_changes import changes
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect
from monitoring.paging import Page, before, page
from monitoring.refusals import NotFound
from monitoring.rules.holding import rulebook
from monitoring.rules.tables import Decided, RuleDecision, RuleProposal

StateName = Literal["proposed", "approved", "rejected"]


class ProposalView(msgspec.Struct, kw_only=True):
    """A changed pathway, who wants it and why, and what was decided of it."""

    id: UUID
    pathway: str
    version: str
    replaces: str  # the version that was approved last when it was proposed
    state: StateName
    superseded: bool  # undecided, and another change was approved since: propose it anew on that one
    reason: str
    proposed_by: UUID
    proposed_by_name: str
    proposed_at: datetime
    from_: datetime | None = msgspec.field(name="from")  # approved: the instant from which it holds
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    note: str | None  # why it was rejected


class ChangedView(msgspec.Struct):
    """One key of the file; null: it does not stand there."""

    key: str
    old: str | int | float | bool | None
    new: str | int | float | bool | None


class ProposalDetail(ProposalView, kw_only=True):
    """With what it changes: key by key, and in the words of `rules explain`; null where the old file is not kept."""

    changes: list[ChangedView] | None
    no_longer: list[str]
    from_then_on: list[str]
    content: str


class HeldView(msgspec.Struct, kw_only=True):
    """A pathway as it holds."""

    id: str
    title: str
    version: str
    packaged: bool  # as it came with the program
    from_: datetime | None = msgspec.field(name="from")  # null: ever since
    coming: list["ComingView"]
    unreadable: bool  # a version that was approved can't be used by this program: what held before it goes on


class ComingView(msgspec.Struct, kw_only=True):
    """A version that is approved and has not begun."""

    version: str
    from_: datetime = msgspec.field(name="from")


class HeldDetail(HeldView, kw_only=True):
    """With its file, to be changed and proposed."""

    content: str


class Newest(msgspec.Struct, frozen=True):
    """What a proposal would replace: approved last, or packaged."""

    id: int | None
    public_id: UUID | None
    version: str
    content: str


def newest(act: Act, pathway: str) -> Newest:
    """Of a pathway that there is."""
    query = (
        select(RuleProposal)
        .join(RuleDecision, col(RuleDecision.proposal_id) == col(RuleProposal.id))
        .where(col(RuleDecision.pathway) == pathway, col(RuleDecision.decision) == Decided.APPROVED)
        .order_by(col(RuleDecision.id).desc())
        .limit(1)
    )
    found = act.session.execute(query).scalar_one_or_none()
    if found is None:
        return Newest(None, None, pathways()[pathway].version, packaged_text(pathway))
    return Newest(found.id, found.public_id, found.version, found.content)


def proposals(
    act: Act, pathway: str | None, state: StateName | None, limit: int, cursor: str | None
) -> Page[ProposalView]:
    """All proposals, newest first."""
    query = _query().where(col(RuleProposal.id) < before(cursor)).order_by(col(RuleProposal.id).desc())
    if pathway is not None:
        query = query.where(col(RuleProposal.pathway) == pathway)
    if state == "proposed":
        query = query.where(col(RuleDecision.id).is_(None))
    elif state is not None:
        query = query.where(col(RuleDecision.decision) == state)
    last: dict[str, Newest] = {}

    def show(row: AnyRow) -> ProposalView:
        of = row[0].pathway
        return ProposalView(**_facts(row, last.setdefault(of, last.get(of) or newest(act, of))))

    return page(act.session, query, limit, key=lambda row: row[0].id, show=show)


def proposal(act: Act, public_id: UUID) -> ProposalDetail:
    """One proposal with what it changes. Raises NotFound."""
    row = act.session.execute(_query().where(col(RuleProposal.public_id) == public_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no proposal {public_id}.")
    one: RuleProposal = row[0]
    facts = _facts(row, newest(act, one.pathway))
    old = _replaced(act, one)
    try:
        found = None if old is None else changes(one.pathway, old, one.content)
    except WrongPathway:  # of another program's time
        found = None
    if found is None:
        return ProposalDetail(**facts, changes=None, no_longer=[], from_then_on=[], content=one.content)
    keys = [ChangedView(changed.key, changed.old, changed.new) for changed in found.keys]
    facts |= {"no_longer": list(found.no_longer), "from_then_on": list(found.from_then_on)}
    return ProposalDetail(**facts, changes=keys, content=one.content)


def held(act: Act, at: datetime) -> list[HeldView]:
    """Every pathway as it holds at an instant."""
    return [HeldView(**_held(act, name, at)) for name in pathways()]


def packaged(_: Act, name: str) -> Pathway:
    """A pathway by its name. Raises NotFound."""
    if name not in pathways():
        raise NotFound(f"There is no pathway {name}.")
    return pathways()[name]


def held_one(act: Act, name: str, at: datetime) -> HeldDetail:
    """One pathway with its file. Raises NotFound."""
    packaged(act, name)
    facts = _held(act, name, at)
    return HeldDetail(**facts, content=_content(act, name, facts["version"]))


def _held(act: Act, name: str, at: datetime) -> dict[str, Any]:
    book = rulebook(act.session)
    versions = book.held[name]
    place = max(number for number, one in enumerate(versions) if one.from_at <= at)
    one = versions[place]
    coming = [ComingView(version=later.pathway.version, from_=later.from_at) for later in versions[place + 1 :]]
    return {
        "id": name,
        "title": one.pathway.title,
        "version": one.pathway.version,
        "packaged": place == 0,
        "from_": None if place == 0 else one.from_at,
        "coming": coming,
        "unreadable": any(unreadable.name == name for unreadable in book.unreadable_at(at)),
    }


def _content(act: Act, name: str, version: str) -> str:
    if version == pathways()[name].version:
        return packaged_text(name)
    query = select(col(RuleProposal.content)).where(
        col(RuleProposal.pathway) == name, col(RuleProposal.version) == version
    )
    content: str = act.session.execute(query.limit(1)).scalar_one()  # of one version they are the same
    return content


def _replaced(act: Act, one: RuleProposal) -> str | None:
    """The file that a proposal changes. None where it was packaged with a program before this one."""
    if one.replaces_id is not None:
        return act.session.get_one(RuleProposal, one.replaces_id).content
    return packaged_text(one.pathway) if one.replaces_version == pathways()[one.pathway].version else None


_PROPOSER, _DECIDER = aliased(Staff), aliased(Staff)


def _query() -> AnySelect:
    return (
        select(RuleProposal, RuleDecision, _PROPOSER, _DECIDER)
        .join(_PROPOSER, col(_PROPOSER.id) == col(RuleProposal.proposed_by))
        .outerjoin(RuleDecision, col(RuleDecision.proposal_id) == col(RuleProposal.id))
        .outerjoin(_DECIDER, col(_DECIDER.id) == col(RuleDecision.decided_by))
    )


def _facts(row: AnyRow, last: Newest) -> dict[str, Any]:
    one, decision, proposer, decider = row
    return {
        "id": one.public_id,
        "pathway": one.pathway,
        "version": one.version,
        "replaces": one.replaces_version,
        "state": "proposed" if decision is None else str(decision.decision),
        "superseded": decision is None and is_superseded(one, last),
        "reason": one.reason,
        "proposed_by": proposer.public_id,
        "proposed_by_name": proposer.name,
        "proposed_at": one.proposed_at,
        "from_": decision and decision.from_at,
        "decided_by": decider and decider.public_id,
        "decided_by_name": decider and decider.name,
        "decided_at": decision and decision.decided_at,
        "note": decision and decision.note,
    }


def is_superseded(one: RuleProposal, last: Newest) -> bool:
    """Whether it changes something else than what was approved last."""
    return (one.replaces_id, one.replaces_version) != (last.id, last.version)
