"""FHIR Observations and Bundles as hubs send them."""

from datetime import datetime
from typing import Any

import msgspec

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
MDC = "urn:iso:std:iso:11073:10101"
UCUM = "http://unitsofmeasure.org"
IDS = "https://vendor.example/obs"
AT = "2026-11-21T10:00:00+00:00"
SPO2, PULSE, RATE, TEMPERATURE, WEIGHT = "59408-5", "8867-4", "9279-1", "8310-5", "29463-7"
PRESSURE, SYSTOLIC, DIASTOLIC = "85354-9", "8480-6", "8462-4"
NEWS2, ACVPU = "1104051000000101", "1104441000000107"
UNITS = {
    SPO2: "%",
    PULSE: "/min",
    RATE: "/min",
    TEMPERATURE: "Cel",
    WEIGHT: "kg",
    SYSTOLIC: "mm[Hg]",
    DIASTOLIC: "mm[Hg]",
}


def concept(code: str, system: str = LOINC) -> dict[str, Any]:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


def quantity(value: object, code: str, system: str = UCUM) -> dict[str, Any]:
    """A Quantity."""
    return {"value": value, "system": system, "code": code}


def observed(
    code: str | dict[str, Any],
    value: object = None,
    at: datetime | str | None = AT,
    own: str | None = None,
    **changed: Any,
) -> dict[str, Any]:
    """An Observation of a LOINC code (or of a concept) in its usual unit; what is None is left out."""
    whole = {
        "resourceType": "Observation",
        "status": "final",
        "identifier": None if own is None else [{"system": IDS, "value": own}],
        "code": concept(code) if isinstance(code, str) else code,
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": at.isoformat() if isinstance(at, datetime) else at,
        "valueQuantity": None if value is None else quantity(value, UNITS.get(str(code), "/min")),
    } | changed
    return {name: one for name, one in whole.items() if one is not None}


def pressure(systolic: object, diastolic: object, **changed: Any) -> dict[str, Any]:
    """A blood pressure with its two components."""
    pair = ((SYSTOLIC, systolic), (DIASTOLIC, diastolic))
    parts = [{"code": concept(code), "valueQuantity": quantity(value, "mm[Hg]")} for code, value in pair]
    return observed(PRESSURE, component=parts, **changed)


def bundle(kind: str, *resources: dict[str, Any], conditional: bool = False) -> dict[str, Any]:
    """A Bundle of these; with `conditional` each is created unless its identifier is there."""
    entries = []
    for number, one in enumerate(resources):
        entry: dict[str, Any] = {"fullUrl": f"urn:uuid:{number}", "resource": one}
        if kind != "collection":
            entry["request"] = {"method": "POST", "url": one["resourceType"]}
        if conditional and "identifier" in one:
            entry["request"]["ifNoneExist"] = f"identifier={IDS}|{one['identifier'][0]['value']}"
        entries.append(entry)
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def body(resource: object) -> bytes:
    """As it is sent."""
    return msgspec.json.encode(resource)
