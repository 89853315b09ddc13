"""What tests do to a ward's rules: two people change them, at the ward's own time."""

from datetime import datetime
from uuid import UUID

from alert_rules.pathway import packaged_text
from monitoring.access.roles import Role
from monitoring.access.tokens import Caller
from monitoring.acts import Act
from monitoring.database import transaction
from monitoring.rules.deciding import ApproveBody, ProposalBody, approve, propose
from monitoring.rules.views import ProposalDetail
from tests.ward import Ward

SOONER = ("amber_low = 93", "amber_low = 95")
"""A change of the general pathway: SpO2 94 and 95 are amber."""


def changed(name: str, *replaced: tuple[str, str]) -> str:
    """A packaged file with something else in it."""
    text = packaged_text(name)
    for old, new in replaced:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def proposes(ward: Ward, content: str, pathway: str = "general", who: Caller | None = None) -> ProposalDetail:
    """The ward's clinician proposes, unless somebody else does."""
    with transaction(ward.engine) as session:
        body = ProposalBody(pathway=pathway, content=content, reason="as audited")
        return propose(Act(session, who or ward.staff[Role.CLINICIAN], ward.now), body)


def approves(ward: Ward, proposal: UUID, from_at: datetime | None = None, who: Caller | None = None) -> ProposalDetail:
    """A senior clinician approves, now unless said otherwise."""
    senior = who or ward.employ(Role.CLINICIAN, senior=True)[0]
    with transaction(ward.engine) as session:
        return approve(Act(session, senior, ward.now), proposal, ApproveBody(from_=from_at))


def changes(ward: Ward, content: str, pathway: str = "general", from_at: datetime | None = None) -> ProposalDetail:
    """Both."""
    return approves(ward, proposes(ward, content, pathway).id, from_at)
