"""What a record holds beside readings, as FHIR resources for whom it is about. Pure: rows in, resources out.

Colleagues are named as those who cared; how they are reached, and what others told, is nowhere here.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from alert_rules.alarms import ENDED, Kind
from alert_rules.severity import Severity
from monitoring.audit.listing import AuditView
from monitoring.database import AnyRow
from monitoring.sharing.coding import Resource
from monitoring.sharing.observations import at

SAFETY: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/flag-category", "code": "safety", "display": "Safety"}]
}
OF_TABLES: Final = UUID("0c4c9a52-9c1c-4a53-8a0b-6a1c5b7f2d10")
"""A document of rows has no key of its own: it is derived from the patient's and the table's name."""
OF_HISTORY: Final = UUID("5a0f5f43-3f57-4a86-9d6e-2d5f1f0b8b77")
SOFTWARE: Final = "Virtual Ward"
WITHHELD: Final = "Withheld: what somebody else told in confidence. Ask whoever answers for the record."
ACTIONS: Final[Mapping[str, str]] = {"POST": "C", "GET": "R", "PUT": "U", "DELETE": "D"}
REST: Final = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest", "display": "RESTful"}
REFUSED_FROM, FAILED_FROM = 400, 500


def flag(row: AnyRow, patient: UUID) -> Resource:
    """An alert. A concern's words are its own resource's: they may be somebody else's."""
    texts = [one.get("text", "") for one in row.reasons] if row.kind != Kind.CONCERN else []
    said = "; ".join(text for text in texts if text)
    about = f"{Severity(row.severity).label} {row.kind.replace('_', ' ')}"
    made: Resource = {
        "resourceType": "Flag",
        "id": str(row.public_id),
        "status": "inactive" if row.state in ENDED else "active",
        "category": [SAFETY],
        "code": {"text": f"{about}: {said}" if said else about},
        "subject": _to(patient),
        "period": {"start": at(row.raised_at)} | ({} if row.resolved_at is None else {"end": at(row.resolved_at)}),
    }
    return made | ({} if row.spell is None else {"encounter": {"reference": f"Encounter/{row.spell}"}})


def provenance(row: AnyRow) -> Resource:
    """Something that happened to an alert, and who did it."""
    made: Resource = {
        "resourceType": "Provenance",
        "id": str(uuid5(OF_HISTORY, str(row.id))),
        "target": [{"reference": f"Flag/{row.alert}"}],
        "recorded": at(row.at),
        "activity": {"text": row.what if row.kind != Kind.CONCERN else row.what.partition(":")[0]},
        "agent": [{"who": {"display": row.name or SOFTWARE}}],
    }
    is_typed_by_staff = row.by is not None
    is_theirs = row.note is not None and (is_typed_by_staff or row.kind != Kind.CONCERN)
    return made | ({"reason": [{"text": row.note}]} if is_theirs else {})


def concern(row: AnyRow, patient: UUID) -> Resource:
    """What somebody was worried about; of others than the patient and staff, that they were."""
    is_withheld = row.from_whom == "carer"
    return _communication(row.public_id, patient, row.at, WITHHELD if is_withheld else row.text) | {
        "sender": {"display": row.from_whom},
    }


def contact(row: AnyRow, patient: UUID) -> Resource:
    """A call or a visit."""
    said = "; ".join(str(row.data[name]) for name in ("mode", "outcome", "note") if row.data.get(name))
    return _communication(row.public_id, patient, row.at, said) | {
        "sender": {"display": row.name},
        "encounter": {"reference": f"Encounter/{row.spell}"},
    }


def audit_event(view: AuditView, patient: UUID) -> Resource:
    """Who looked at or changed the record, when, by what and with what success."""
    outcome = "0" if view.status < REFUSED_FROM else "4" if view.status < FAILED_FROM else "8"
    who = view.name or str(view.who or view.by)
    agent = {"who": {"display": f"{who} ({view.role or view.by})"}, "requestor": True}
    return {
        "resourceType": "AuditEvent",
        "id": f"audit-{view.id}",
        "type": REST,
        "subtype": [{"system": "urn:virtual-ward:permission", "code": view.allows.replace(" ", "-")}],
        "action": ACTIONS.get(view.method, "E"),
        "recorded": at(view.at),
        "outcome": outcome,
        "agent": [agent],
        "source": {"observer": {"display": SOFTWARE}},
        "entity": [{"what": _to(patient), "description": f"{view.method} {view.route}".strip()}],
    }


def rows_of(table: str, rows: Sequence[Mapping[str, Any]], patient: UUID) -> Resource:
    """What a table holds of somebody and no resource says, as it stands there, in JSON."""
    said = b64encode(msgspec.json.encode(rows)).decode()
    return {
        "resourceType": "DocumentReference",
        "id": str(uuid5(OF_TABLES, f"{patient}/{table}")),
        "status": "current",
        "description": table.replace("_", " "),
        "subject": _to(patient),
        "content": [{"attachment": {"contentType": "application/json", "title": f"{table}.json", "data": said}}],
    }


def _communication(key: UUID, patient: UUID, moment: Any, said: str) -> Resource:
    return {
        "resourceType": "Communication",
        "id": str(key),
        "status": "completed",
        "subject": _to(patient),
        "sent": at(moment),
        "payload": [{"contentString": said}],
    }


def _to(patient: UUID) -> Resource:
    return {"reference": f"Patient/{patient}"}
