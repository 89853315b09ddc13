"""How an alert ends: a person says so, with an outcome."""

from uuid import UUID

import msgspec

from alert_rules.alarms import TECHNICAL, Kind, Outcome, resolve
from alert_rules.severity import Severity
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.alerts.answers import allowed, lock, move, refuse_stale, take
from monitoring.alerts.finding import as_detail
from monitoring.alerts.finding import found as found_alert
from monitoring.alerts.quiet import keep_quiet, lock_stay
from monitoring.alerts.tables import Alert
from monitoring.alerts.views import AlertDetail, event
from monitoring.database import AnyRow
from monitoring.events import emit
from monitoring.fields import Text, Version
from monitoring.refusals import Forbidden
from monitoring.ucr.leaving import end_unplaced


class ResolveBody(msgspec.Struct, forbid_unknown_fields=True):
    """How it ended."""

    outcome: Outcome
    note: Text | None = None
    version: Version | None = None


def to_resolve(act_: Act, alert_id: UUID) -> AnyRow:
    """An alert that the caller may resolve. Raises NotFound, Forbidden, SignInAgain.

    What is not technical ends by a registered clinician, whatever else somebody may do; what is critical by who has
    signed in lately.
    """
    row, who = found_alert(act_, alert_id), act_.who
    may = who.role is Role.ADMIN or (who.role is Role.CLINICIAN and who.registered)
    if Kind(row[0].kind) not in TECHNICAL and not may:
        raise Forbidden("Only a registered clinician resolves this alert.")
    if Severity(row[0].severity) is Severity.CRITICAL:
        who.refuse_unless_recent(act_.now)
    return row


def resolve_alert(act_: Act, alert_id: UUID, body: ResolveBody) -> AlertDetail:
    """Say how it ended: a registered clinician, where it is not technical.

    Raises NotFound, Forbidden, SignInAgain, Conflict. A referral to UCR because of it that no team takes ends with it.
    Where the pathway says so, the same amber raises nothing for a while.
    """
    known = lock_stay(act_.session, alert_id)
    lock(act_, alert_id)
    row = to_resolve(act_, alert_id)
    found: Alert = row[0]
    refuse_stale(row, body.version)
    to = allowed(row, resolve)
    take(act_, found)
    found.outcome, found.resolved_at = body.outcome, act_.now
    shown = move(act_, row, to, f"resolved: {body.outcome}", body.note)
    said = known is not None and keep_quiet(act_.session, row, known, body.outcome, act_.now)
    why = f"the alert was resolved: {body.outcome}"
    ended = end_unplaced(act_.session, found, why, act_.now, act_.who.id)
    if ended or said:
        shown = as_detail(act_, found_alert(act_, alert_id))  # its history says so
    emit(act_.session, [event(shown, act_.now), *ended])
    return shown
