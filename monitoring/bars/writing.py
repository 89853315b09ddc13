"""Our referrals in the shape of BaRS: the resource by itself, the answer to a request, and our own request. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from devices.formats.fhir.bars import (
    CATEGORIES,
    EVENTS,
    FROM_WARD,
    OWN_USE_CASES,
    REASONS,
    REQUEST,
    TO_UCR,
    USE_CASES,
)
from devices.formats.fhir.person import NHS_NUMBER
from monitoring.bars.reading import Shown
from monitoring.ucr.states import State

DEFINITION: Final = "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-request-validation"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
REFERRALS: Final = "urn:virtual-ward:ucr-referrals"
TEAMS: Final = "urn:virtual-ward:ucr-teams"
EMERGENCY: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER", "display": "emergency",
}  # fmt: skip
FLAG: Final = {"system": "http://terminology.hl7.org/CodeSystem/flag-category", "code": "safety", "display": "Safety"}

STATUS: Final[Mapping[State, tuple[str, str]]] = {
    State.SENT: ("active", "planned"),
    State.UNPLACED: ("active", "planned"),
    State.ACCEPTED: ("active", "triaged"),
    State.DISPATCHED: ("active", "triaged"),
    State.ARRIVED: ("active", "in-progress"),
    State.COMPLETED: ("completed", "finished"),
    State.DECLINED: ("revoked", "cancelled"),
    State.CANCELLED: ("revoked", "cancelled"),
}
"""What a state is as the status of the ServiceRequest, and of the Encounter that answers it."""
REJECTED: Final = "cancelled"

Resource = dict[str, Any]


def service_request(shown: Shown, subject: Resource | None = None) -> Resource:
    """The request as it now is. Its id is the chain's: the same after declines."""
    found = shown.referral
    state = State(found.state)
    team = [] if shown.team is None else [_team_reference(shown)]
    said = {
        "resourceType": "ServiceRequest",
        "id": str(found.chain),
        "meta": {"versionId": str(found.version), "lastUpdated": _at(found.acted_at)},
        "identifier": [{"system": REFERRALS, "value": str(found.public_id)}],
        "status": STATUS[state][0],
        "intent": "plan",
        "category": [{"coding": [*_category(shown)]}],
        "priority": "urgent",
        "code": {"text": found.need},
        "subject": subject or _whom(shown),
        "occurrencePeriod": {"start": _at(found.received_at), "end": _at(found.breach_at)},
        "authoredOn": _at(found.received_at),
        "requester": {"display": shown.requester},
        "performer": team,
        "reasonCode": [{"text": found.reason}],
        "note": [{"text": _stands(shown)}],
    }
    return _without_nothing(said)


def answer(shown: Shown, to: str, reply_to: str | None, here: str, now: datetime) -> Resource:
    """The answer to a message: ours with the ids under which it is found, and the planned Encounter of BaRS."""
    found = shown.referral
    key = uuid5(found.public_id, f"{to} {found.version}")
    header = _header(key, "servicerequest-response", here, reply_to) | {
        "response": {"identifier": to, "code": "ok"},
        "focus": [_reference(found.chain)],
    }
    subject = _reference(shown.patient.public_id)
    resources = [
        (key, header),
        (found.chain, service_request(shown, subject)),
        (found.public_id if found.public_id != found.chain else uuid5(found.chain, "encounter"), _encounter(shown)),
        (shown.patient.public_id, _patient(shown)),
    ]
    return _bundle(uuid5(key, "bundle"), resources, now)


def reply(shown: Shown, to: str, here: str, now: datetime) -> Resource:
    """What became of a request, told later: accepted, begun, done, or rejected with the reason.

    The state stands in the Encounter, as in the answer. With no team left it is rejected: whoever asked has to look
    after the patient again.
    """
    found, state = shown.referral, State(shown.referral.state)
    said = answer(shown, to, None, here, now)
    encounter = said["entry"][2]["resource"]
    why = shown.referral.placing["why"] if state is State.UNPLACED else found.end_reason
    if state is State.UNPLACED:
        encounter["status"] = REJECTED
    if encounter["status"] == REJECTED and why:
        encounter["reasonCode"] = [{"text": why}]
    return said


def request(shown: Shown, here: str, now: datetime, reason: str = "new") -> Resource:
    """Our referral as a message to the team's own system, with the handover as it was sent.

    `reason`: new or update; what is called off is an update with status revoked.
    """
    found = shown.referral
    key = uuid5(found.public_id, f"request {found.version}" + (f" {reason}" if reason != "new" else ""))
    team = shown.team
    endpoint = None if team is None else team.webhook or f"urn:virtual-ward:ucr-team:{team.code}"
    header = _header(key, REQUEST, here, endpoint, reason) | {
        "definition": DEFINITION,
        "focus": [_reference(found.chain)],
    }
    subject = _reference(shown.patient.public_id)
    is_asked = STATUS[State(found.state)][0] == "active"
    parts = {name: uuid5(found.public_id, name) for name in ("encounter", "care-plan", "flag", "team", "provider")}
    resources = [
        (key, header),
        (found.chain, service_request(shown, subject)),
        (shown.patient.public_id, _patient(shown)),
        (parts["encounter"], _encounter(shown, {"status": "triaged"} if is_asked else None)),
        (parts["care-plan"], _care_plan(shown, subject)),
    ]
    if shown.patient.scene_safety:
        resources.append((parts["flag"], _flag(shown.patient.scene_safety, subject)))
    if team is not None:
        service = {"resourceType": "HealthcareService", "name": team.name, **_team_identifier(shown)}
        resources.append((parts["team"], service | _phones([team.phone] if team.phone else [])))
    if shown.ward is not None:
        provider = {"resourceType": "Organization", "identifier": [{"system": ODS, "value": shown.ward.provider}]}
        resources.append((parts["provider"], provider))
    return _bundle(uuid5(key, "bundle"), resources, now)


def _bundle(key: UUID, resources: list[tuple[UUID, Resource]], now: datetime) -> Resource:
    entries = [{"fullUrl": f"urn:uuid:{one}", "resource": {"id": str(one)} | resource} for one, resource in resources]
    return {
        "resourceType": "Bundle", "id": str(key), "type": "message", "timestamp": _at(now), "entry": entries,
    }  # fmt: skip


def _header(key: UUID, event: str, here: str, to: str | None, reason: str = "new") -> Resource:
    return _without_nothing(
        {
            "resourceType": "MessageHeader",
            "id": str(key),
            "eventCoding": {"system": EVENTS, "code": event},
            "destination": [{"endpoint": to}] if to else [],
            "source": {"name": "Virtual Ward", "endpoint": here},
            "reason": {"coding": [{"system": REASONS, "code": reason}]},
        }
    )


def _category(shown: Shown) -> list[Resource]:
    """That of BaRS where somebody outside asked; where a ward of ours asks a team there is none, and ours says so."""
    kind = {"system": CATEGORIES, "code": "validation"}
    if shown.ward is None:
        return [kind, {"system": USE_CASES, "code": TO_UCR}]
    return [kind, {"system": OWN_USE_CASES, "code": FROM_WARD}]


def _stands(shown: Shown) -> str:
    """How it stands, in words: FHIR's own states are fewer."""
    found = shown.referral
    state = f"{found.state}: {found.outcome}" if found.outcome else str(found.state)
    why = f"; {found.end_reason}" if found.end_reason else ""
    return (
        f"{state}{why}; with {shown.team.name if shown.team else 'no team: ring, or look after the patient yourselves'}"
    )


def _encounter(shown: Shown, changed: Resource | None = None) -> Resource:
    found = shown.referral
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": REFERRALS, "value": str(found.public_id)}],
        "status": STATUS[State(found.state)][1],
        "class": EMERGENCY,
        "subject": _reference(shown.patient.public_id),
        "basedOn": [_reference(found.chain)],
    } | (changed or {})


def _care_plan(shown: Shown, subject: Resource) -> Resource:
    said = shown.referral.handover
    parts = [said[name] for name in ("situation", "background", "assessment", "recommendation") if said.get(name)]
    return {
        "resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": subject,
        "activity": [{"outcomeCodeableConcept": [{"text": part}]} for part in parts],
    }  # fmt: skip


def _flag(said: str, subject: Resource) -> Resource:
    return {
        "resourceType": "Flag", "status": "active", "category": [{"coding": [FLAG]}], "code": {"text": said},
        "subject": subject,
    }  # fmt: skip


def _patient(shown: Shown) -> Resource:
    who = shown.patient
    number = [] if who.nhs_number is None else [{"system": NHS_NUMBER, "value": who.nhs_number}]
    where = _without_nothing({"text": who.staying_at or who.address, "postalCode": who.postcode})
    return _without_nothing(
        {
            "resourceType": "Patient",
            "id": str(who.public_id),
            "identifier": number,
            "name": [{"use": "official", "family": who.family_name, "given": [who.given_name]}],
            "gender": who.sex,
            "birthDate": who.birth_date.isoformat(),
            "address": [where] if where else [],
            **_phones(who.phones),
            "contact": [{"name": {"text": _kin(one)}} for one in who.next_of_kin],
        }
    )


def _kin(one: Any) -> str:
    """Somebody close: as it was typed, or name and phone."""
    if isinstance(one, str):
        return one
    return ", ".join(str(one[name]) for name in ("name", "relationship", "phone") if one.get(name))


def _phones(said: list[str]) -> Resource:
    return {"telecom": [{"system": "phone", "value": one} for one in said]} if said else {}


def _whom(shown: Shown) -> Resource:
    """The patient, of a request that stands alone."""
    number = shown.patient.nhs_number
    if number is None:
        return {"type": "Patient", "display": "a patient without an NHS number"}
    return {"type": "Patient", "identifier": {"system": NHS_NUMBER, "value": number}}


def _team_identifier(shown: Shown) -> Resource:
    return {} if shown.team is None else {"identifier": [{"system": TEAMS, "value": shown.team.code}]}


def _team_reference(shown: Shown) -> Resource:
    assert shown.team is not None
    return {
        "type": "HealthcareService", "identifier": {"system": TEAMS, "value": shown.team.code},
        "display": shown.team.name,
    }  # fmt: skip


def _reference(key: UUID) -> Resource:
    return {"reference": f"urn:uuid:{key}"}


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _without_nothing(resource: Resource) -> Resource:
    """FHIR has no empty lists and no nulls."""
    return {name: value for name, value in resource.items() if value not in (None, [], {}, "")}
