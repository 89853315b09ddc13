"""What we do in FHIR, as a CapabilityStatement."""

from datetime import datetime
from importlib.metadata import version
from typing import Final

from monitoring.sharing.coding import Resource
from monitoring.sharing.observations import at

SEARCHED_BY: Final = (
    ("patient", "reference", "Whose; required"),
    ("code", "token", "system|code or code; several parted by commas"),
    ("category", "token", "vital-signs, survey, therapy, exam"),
    ("date", "date", "An instant, or a day of Europe/London; with eq, ge, gt, le or lt; may be repeated"),
)
RECORD: Final = "virtual-ward-record"


def capability(here: str, now: datetime) -> Resource:
    """The statement of this server, which is found at `here`."""
    observation = {
        "type": "Observation",
        "interaction": [{"code": "create"}, {"code": "search-type"}],
        "conditionalCreate": True,
        "searchParam": [{"name": name, "type": kind, "documentation": said} for name, kind, said in SEARCHED_BY],
    }
    request = {"type": "ServiceRequest", "interaction": [{"code": "read"}]}
    encounter = {
        "type": "Encounter",
        "operation": [{"name": RECORD, "definition": f"{here}/OperationDefinition/{RECORD}"}],
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": at(now),
        "kind": "instance",
        "software": {"name": "Virtual Ward", "version": version("virtual-ward")},
        "implementation": {"description": "A virtual ward", "url": here},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "Authorization: Bearer, a token issued to a device or a member of staff."},
                "resource": [encounter, observation, request],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }
