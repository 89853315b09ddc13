"""A referral to UCR as 999 writes it in FHIR, resource by resource."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from devices.formats.fhir.bars import CATEGORIES, EVENTS, REASONS, USE_CASES
from devices.formats.fhir.person import NHS_NUMBER

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HEADER, REQUEST, PATIENT, PLAN, PLACE, WARNING = range(6)
"""Where each resource stands in the bundle."""


def urn(name: str) -> str:
    """The address of a resource within the bundle."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"


def message(name: str = "one", *, at: datetime = NOON, **changed: Any) -> dict[str, Any]:
    """A message by an own name of the sender's; `header`, `request`, `patient`: what stands there otherwise.

    None takes a field away.
    """
    resources = deepcopy(_resources(name, at))
    for key, fields in changed.items():
        resource = resources[key]
        resource.update(fields)
        for field in [field for field, value in fields.items() if value is None]:
            del resource[field]
    entries = [{"fullUrl": urn(f"{name} {key}"), "resource": resource} for key, resource in resources.items()]
    return {
        "resourceType": "Bundle", "id": f"bundle-{name}", "meta": {"unknown": {"to": "us"}}, "type": "message",
        "timestamp": at.isoformat(), "entry": entries,
    }  # fmt: skip


def cancels(name: str = "one", status: str = "revoked", **changed: Any) -> dict[str, Any]:
    """The message that takes it back."""
    return updates(name, request={"status": status} | changed.pop("request", {}), **changed)


def updates(name: str = "one", **changed: Any) -> dict[str, Any]:
    """A message that says more."""
    reason = {"coding": [{"system": REASONS, "code": "update"}]}
    return message(name, **{"header": {"reason": reason}} | changed)


def _resources(name: str, at: datetime) -> dict[str, dict[str, Any]]:
    return {
        "header": {
            "resourceType": "MessageHeader", "id": "header",
            "eventCoding": {"system": EVENTS, "code": "servicerequest-request"},
            "destination": [{"endpoint": "https://receiver.example/", "receiver": {"reference": "Organization/x"}}],
            "sender": {"display": "An ambulance trust"}, "source": {"endpoint": "https://sender.example/"},
            "reason": {"coding": [{"system": REASONS, "code": "new"}]},
            "focus": [{"reference": urn(f"{name} request")}],
            "definition": "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-request-validation",
        },
        "request": {
            "resourceType": "ServiceRequest", "id": f"request-{name}",
            "identifier": [{"system": "https://sender.example/cases", "value": f"case-{name}"}],
            "status": "active", "intent": "plan",
            "category": [
                {"coding": [{"system": CATEGORIES, "code": "validation"}, {"system": USE_CASES, "code": "a4t3"}]},
            ],
            "subject": {"reference": urn(f"{name} patient")},
            "occurrencePeriod": {
                "start": at.isoformat(), "end": (at + timedelta(hours=2)).isoformat().replace("+00:00", "Z"),
            },
            "authoredOn": at.isoformat(), "reasonCode": [{"coding": [{"display": "Fall, no injury"}]}],
            "locationReference": [{"reference": urn(f"{name} place")}],
        },
        "patient": {
            "resourceType": "Patient", "id": f"patient-{name}",
            "identifier": [{"system": NHS_NUMBER, "value": "943 476 5919"}],
            "name": [{"use": "usual", "text": "Annie"}, {"use": "official", "family": "Other", "given": ["Ann", "Jo"]}],
            "gender": "female", "birthDate": "1950-02-28", "telecom": [{"system": "phone", "value": "0116 1"}],
            "address": [{"line": ["1 High St"], "city": "Leicester", "postalCode": "LE9 1AA"}],
            "contact": [
                {"name": {"text": "Bea"}, "relationship": [{"text": "daughter"}],
                 "telecom": [{"system": "phone", "value": "0116 2"}]},
            ],
        },
        "plan": {
            "resourceType": "CarePlan", "id": f"plan-{name}", "status": "active", "intent": "plan",
            "subject": {"reference": urn(f"{name} patient")},
            "activity": [{"outcomeCodeableConcept": [{"text": "On the floor for an hour"}]}],
        },
        "place": {
            "resourceType": "Location", "id": f"place-{name}",
            "address": {"text": "2 Low St, Leicester", "postalCode": "LE1 5WW"},
        },
        "warning": {
            "resourceType": "Flag", "id": f"flag-{name}", "status": "active", "code": {"text": "A dog"},
            "subject": {"reference": urn(f"{name} patient")},
        },
    }  # fmt: skip
