"""Who looked at what, for auditors and for patients themselves: events of a person, of a caller, of a period."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from monitoring.acts import Act
from monitoring.audit.tables import By
from monitoring.database import AnyRow
from monitoring.paging import Page, before
from monitoring.patients.register import find_even_erased
from monitoring.refusals import Forbidden

SUBJECTS_SHOWN_MAX: Final = 20


class AuditView(msgspec.Struct, kw_only=True):
    """One event, with the name that its caller has now."""

    id: str
    at: datetime
    by: By
    who: UUID | None
    name: str | None
    role: str | None
    browser: bool  # in a session at a browser; else with a token
    method: str
    route: str
    allows: str
    object: str | None
    status: int
    subjects: list[UUID]  # the one asked for, or the first 20
    subject_count: int
    request_id: str


class AuditFilter(msgspec.Struct, frozen=True):
    """What is asked for."""

    subject: UUID | None
    by: UUID | None
    since: datetime | None
    until: datetime | None


def audit(act: Act, wanted: AuditFilter, limit: int, cursor: str | None) -> Page[AuditView]:
    """Events, newest first. Raises NotFound; and Forbidden where an auditor of some wards names nobody of them."""
    if wanted.subject is not None:
        find_even_erased(act, wanted.subject)
    elif act.who.wards is not None:
        raise Forbidden("Name a subject: what others looked at is not for auditors of some wards only.")
    return listed(act.session, wanted, limit, cursor)


def listed(session: Session, wanted: AuditFilter, limit: int, cursor: str | None) -> Page[AuditView]:
    """The same, whoever asks."""
    query = _EVENTS.format(
        subject="" if wanted.subject is None else _OF_SUBJECT,
        by="" if wanted.by is None else "AND event.who = :by",
        since="" if wanted.since is None else "AND event.at >= :since",
        until="" if wanted.until is None else "AND event.at < :until",
    )
    asked = {"before": before(cursor), "most": limit + 1} | msgspec.structs.asdict(wanted)
    rows = session.execute(text(query), asked).all()
    shown = [_view(row, wanted.subject) for row in rows[:limit]]
    return Page(shown, str(rows[limit - 1].id) if len(rows) > limit else None)


def _view(row: AnyRow, subject: UUID | None) -> AuditView:
    patients: list[UUID] = row.patients or []
    return AuditView(
        id=str(row.id), at=row.at, by=By(row.by), who=row.who, name=row.name, role=row.role, browser=row.browser,
        method=row.method, route=row.route, allows=row.allows, object=row.object, status=row.status,
        subjects=patients[:SUBJECTS_SHOWN_MAX] if subject is None else [subject],
        subject_count=len(patients), request_id=row.request_id,
    )  # fmt: skip


# Under any id that the person's record has or had before it was merged.
_OF_SUBJECT: Final = """AND event.subjects IN (
    SELECT sha256 FROM audit_subjects WHERE patients && ARRAY(
        SELECT of.public_id FROM patient AS asked
        JOIN patient AS of ON coalesce(of.merged_into, of.id) = coalesce(asked.merged_into, asked.id)
        WHERE asked.public_id = :subject
    )
)"""

_EVENTS: Final = """
SELECT event.*, named.patients, coalesce(staff.name, device.kind || ' ' || device.serial) AS name
FROM (
    SELECT * FROM audit_event AS event
    WHERE event.id < :before {subject} {by} {since} {until}
    ORDER BY event.id DESC LIMIT :most
) AS event
LEFT JOIN LATERAL (SELECT patients FROM audit_subjects WHERE sha256 = event.subjects LIMIT 1) AS named ON true
LEFT JOIN staff ON event.by = 'staff' AND staff.public_id = event.who
LEFT JOIN device ON event.by = 'device' AND device.public_id = event.who
ORDER BY event.id DESC
"""
