"""Who a message is about: found by NHS number, registered, corrected by what is said and by nothing else."""

from typing import Any, Final

import msgspec

from devices.formats.hl7v2.adt import Person
from devices.formats.hl7v2.message import Refused
from devices.formats.native import explain
from monitoring.acts import Act
from monitoring.patients import correcting, register
from monitoring.patients.register import PatientBody, having, is_somebody_else
from monitoring.patients.tables import Patient
from monitoring.refusals import Unacceptable

PLACES: Final = {
    "nhs_number": "PID-3.1",
    "family_name": "PID-5.1",
    "given_name": "PID-5.2",
    "birth_date": "PID-7",
    "sex": "PID-8",
    "address": "PID-11",
    "postcode": "PID-11.5",
    "phones": "PID-13",
    "ethnicity": "PID-22",
    "gp_practice": "PD1-3",
    "destination": "PV1-37",
    "hospital": "PV1-3.4",
    "hospital_admitted_on": "PV1-44",
    "decided_by": "PV1-7",
    "at": "EVN-6",
    "ward": "PV1-3.1",
}
"""Where a message says what our fields hold."""

UNKNOWN_KEY: Final = 204  # HL7 table 0357


def find(act: Act, number: str | None, place: str) -> Patient | None:
    """Who has that NHS number here, or had it before two records were merged. Raises Refused where it is none."""
    if number is None:
        raise Refused(place, "holds no NHS number, and nobody is found here by another one", 101)
    try:
        return having(act, number)
    except Unacceptable as error:
        raise Refused(f"{place}.1", error.faults[0].reason) from None


def known(act: Act, person: Person) -> Patient:
    """Who a message is about. Raises Refused where nobody here has that number, or somebody else seems to."""
    found = find(act, person.nhs_number, "PID-3")
    if found is None:
        raise Refused("PID-3.1", "nobody here has that NHS number", UNKNOWN_KEY)
    refuse_somebody_else(found, person)
    return found


def refuse_somebody_else(found: Patient, person: Person) -> None:
    """Raise Refused where neither the family name nor the birth date is the one that is known with that number."""
    if is_somebody_else(found, person.family_name, person.birth_date):
        raise Refused("PID-3.1", "belongs here to somebody of another family name and another birth date", UNKNOWN_KEY)


def register_new(act: Act, person: Person) -> Patient:
    """Somebody who was not known here. Raises Refused, Unacceptable."""
    said = {"sex": "unknown"} | _said(person)
    for name in ("family_name", "given_name", "birth_date"):
        if name not in said:
            raise Refused(PLACES[name], "is required of somebody who is new here", 101)
    made = register.register(act, _body({**said, "nhs_number": person.nhs_number}))
    return register.find(act, made.id)


def correct(act: Act, patient: Patient, person: Person) -> bool:
    """Correct what a message says otherwise. Returns whether it did. Raises Refused, and as `correcting.correct`."""
    shown = msgspec.to_builtins(register.patient(act, patient.public_id))
    before = {name: shown[name] for name in PatientBody.__struct_fields__ if name in shown}
    said = _said(person)
    if all(before.get(name) == value for name, value in said.items()):
        return False
    if said.get("postcode", before.get("postcode")) != before.get("postcode"):
        before["postcode_district"] = None  # it follows from the new one
    correcting.correct(act, patient.public_id, _body(before | said))
    return True


def _said(person: Person) -> dict[str, Any]:
    """As our own bodies have it: only what is said."""
    fields = {
        "family_name": person.family_name,
        "given_name": person.given_name,
        "birth_date": None if person.birth_date is None else person.birth_date.isoformat(),
        "sex": person.sex,
        "address": person.address,
        "postcode": person.postcode,
        "phones": list(person.phones) or None,
        "ethnicity": person.ethnicity,
        "gp_practice": person.gp_practice,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _body(fields: dict[str, Any]) -> PatientBody:
    try:
        return msgspec.convert(fields, PatientBody)
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        raise Refused(PLACES.get(field.partition("[")[0], "PID"), reason) from None
