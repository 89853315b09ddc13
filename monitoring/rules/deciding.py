"""A pathway changes by two people: one proposes its file, another approves it from an instant on, or rejects it.

Nothing is ever changed or taken back: to go back is to propose what held before, and to have it approved.
"""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlmodel import col

from alert_rules.pathway import Pathway, WrongPathway, pathways, read
from alert_rules.toml_tables import CHARS_MAX
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.fields import Instant, Reason, Word, in_utc
from monitoring.loaded.loading import refuse_not_of_all
from monitoring.refusals import Conflict, Forbidden, NotFound, unacceptable
from monitoring.rules.tables import RULES_LOCK, Decided, RuleDecision, RuleProposal
from monitoring.rules.views import ProposalDetail, held_one, is_superseded, newest, proposal

AHEAD_MAX: Final = timedelta(days=92)
"""How far ahead a change may be approved: nobody remembers longer what they approved. The design's own."""
_NO_NUL: Final = r"^[^\x00]*$"


class ProposalBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A pathway's file as it shall be, whole."""

    pathway: Word
    content: Annotated[str, msgspec.Meta(min_length=1, max_length=CHARS_MAX, pattern=_NO_NUL)]
    reason: Reason


class ApproveBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """From when it holds; from now on where nothing is said."""

    from_: Instant | None = msgspec.field(default=None, name="from")


class RejectBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Why it shall not hold."""

    reason: Reason


def to_reject(act: Act, public_id: UUID) -> RuleProposal:
    """A proposal that the caller may reject, also their own. Raises NotFound, Forbidden."""
    query = select(RuleProposal).where(col(RuleProposal.public_id) == public_id)
    one: RuleProposal | None = act.session.execute(query).scalar_one_or_none()
    if one is None:
        raise NotFound(f"There is no proposal {public_id}.")
    _refuse_unregistered(act)
    return one


def to_approve(act: Act, public_id: UUID) -> RuleProposal:
    """A proposal that the caller may approve: never their own. Raises NotFound, Forbidden."""
    one = to_reject(act, public_id)
    if not (act.who.registered and act.who.senior):
        raise Forbidden("Only a registered senior clinician approves rules.")
    refuse_not_of_all(act)
    if one.proposed_by == act.who.id:
        raise Forbidden("Whoever proposed rules does not approve them: a second person does.")
    return one


def _refuse_unregistered(act: Act) -> None:
    if act.who.role is not Role.ADMIN and not act.who.registered:
        raise Forbidden("Only a registered clinician proposes rules, or rejects them.")


def propose(act: Act, body: ProposalBody) -> ProposalDetail:
    """Propose a changed pathway. Raises Forbidden, Unacceptable with line and reason where it can't be used."""
    _refuse_unregistered(act)
    if body.pathway not in pathways():
        raise unacceptable("pathway", f"is not one of {', '.join(pathways())}")
    last = newest(act, body.pathway)
    if body.content == last.content:
        raise unacceptable("content", f"changes nothing: it is version {last.version}, which was approved last")
    pathway = _usable(body.pathway, body.content)
    made = RuleProposal(
        pathway=body.pathway, content=body.content, version=pathway.version, replaces_id=last.id,
        replaces_version=last.version, reason=body.reason, proposed_by=act.who.id, proposed_at=act.now,
    )  # fmt: skip
    act.session.add(made)
    act.session.flush()
    return proposal(act, made.public_id)


def approve(act: Act, public_id: UUID, body: ApproveBody) -> ProposalDetail:
    """Let it hold from an instant on. Raises NotFound, Forbidden, Unacceptable.

    Raises Conflict where it was decided, or another change was approved since it was proposed: that would be undone.
    """
    one = to_approve(act, public_id)
    _refuse_decided(act, one)
    from_at = act.now if body.from_ is None else in_utc("from", body.from_)
    if not act.now <= from_at <= act.now + AHEAD_MAX:
        raise unacceptable("from", f"must be now or later, by {AHEAD_MAX.days} days at most: nothing is judged anew")
    last = newest(act, one.pathway)
    if is_superseded(one, last):
        current = proposal(act, last.public_id) if last.public_id else held_one(act, one.pathway, act.now)
        raise Conflict("Another change of this pathway was approved since: propose this one anew.", current=current)
    _usable(one.pathway, one.content)  # by this program, which may be newer
    act.session.add(
        RuleDecision(
            proposal_id=one.id, pathway=one.pathway, decision=Decided.APPROVED, from_at=from_at,
            decided_by=act.who.id, decided_at=act.now,
        )
    )  # fmt: skip
    act.session.flush()
    return proposal(act, public_id)


def reject(act: Act, public_id: UUID, body: RejectBody) -> ProposalDetail:
    """It shall not hold; who proposed it may take it back so. Raises NotFound, Forbidden, Conflict where decided."""
    one = to_reject(act, public_id)
    _refuse_decided(act, one)
    act.session.add(
        RuleDecision(
            proposal_id=one.id, pathway=one.pathway, decision=Decided.REJECTED, note=body.reason,
            decided_by=act.who.id, decided_at=act.now,
        )
    )  # fmt: skip
    act.session.flush()
    return proposal(act, public_id)


def _refuse_decided(act: Act, one: RuleProposal) -> None:
    """Let nobody else decide meanwhile. Raises Conflict where somebody did."""
    act.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": RULES_LOCK})
    shown = proposal(act, one.public_id)
    if shown.state != "proposed":
        raise Conflict(f"It was {shown.state} by {shown.decided_by_name}.", current=shown)


def _usable(name: str, content: str) -> Pathway:
    """The pathway. Raises Unacceptable: where it would not load; where it would be a service of another kind.

    Which clocks of care a pathway runs by decides what its spells owe; only how long they are may change.
    """
    try:
        found = read(name, content)
    except WrongPathway as error:
        raise unacceptable("content", str(error)) from None
    packaged = pathways()[name]
    for clock in ("first_care_within_h", "assessed_within_h"):
        if (getattr(found, clock) is None) != (getattr(packaged, clock) is None):
            raise unacceptable("content", f"{name}.toml: {clock}: which clocks a pathway has does not change")
    return found
