"""Whom and by what an Observation measured: as far as a document says, and nothing that it does not.

A subject that a hub makes up (`Patient/1`) names nobody: whose the device was then decides.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from devices.formats.fhir.person import NHS_NUMBER
from devices.formats.fhir.shapes import Document, Identifier, Observation, Reference, contained
from devices.reading import Assessor

_EUI: Final = re.compile(r"[0-9A-F]{12}|[0-9A-F]{16}")
_NAME: Final = re.compile(r"[0-9A-Za-z]{1,40}")
_OURS: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
"""Our ids are UUIDs of version 7; those that others make up for a subject hardly ever are."""
PERSONS: Final = ("Patient", "")

_ASSESSED: Final[dict[str, Assessor]] = {
    "Patient": "patient",
    "RelatedPerson": "carer",
    "Practitioner": "staff",
    "PractitionerRole": "staff",
    "CareTeam": "staff",
}

Named = dict[str, tuple[Identifier, ...]]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it is about. `patient`: our id or an NHS number; `name`: what the document says, to tell two apart."""

    patient: str | None = None
    name: str | None = None
    kind: str = ""  # of resource, where it is said
    fault: str | None = None


NOBODY: Final = Subject()


def resources(document: Document) -> Named:
    """The identifiers of the document's own resources, by every name under which others refer to them."""
    named: Named = {}
    for entry in document.entries:
        one = entry.resource
        if one is None or one.resourceType == "Observation":
            continue
        identifiers = one.identifier or ()
        kind = f"{one.resourceType}/"
        if entry.fullUrl is not None:
            named[entry.fullUrl] = identifiers
            named[kind + entry.fullUrl] = identifiers  # the kind, for whoever refers by a urn
        if one.id is not None:
            named[kind + one.id] = identifiers
            named.setdefault(f"urn:uuid:{one.id}", identifiers)
    return named


@dataclass(slots=True)
class Whose:
    """Whom a document names, and by which sensors: each reference is looked up once."""

    named: Named
    _subjects: dict[Reference, Subject] = field(default_factory=dict)
    _sensors: dict[Reference, tuple[str | None, str | None]] = field(default_factory=dict)

    def subject(self, one: Observation) -> Subject:
        """Whom an Observation is about."""
        reference = one.subject
        if reference is None:
            return NOBODY
        found = self._subjects.get(reference)
        if found is None:
            found = _subject_of(reference, one, self.named)
            if one.contained is None:
                self._subjects[reference] = found
        return found

    def sensor(self, one: Observation) -> tuple[str | None, str | None]:
        """The sensor's EUI-64 or EUI-48 where it is said; and the name by which the document tells it from others."""
        reference = one.device
        if reference is None:
            return None, None
        found = self._sensors.get(reference)
        if found is None:
            found = _sensor_of(reference, one, self.named)
            if one.contained is None:
                self._sensors[reference] = found
        return found


def _subject_of(reference: Reference, one: Observation, named: Named) -> Subject:
    found = _identifiers(reference, one, named)
    said = reference.reference
    kind, _, own = (said or "").rpartition("/")
    kind = _kind(said, kind, named)
    numbers = {identifier.value for identifier in found if identifier.system == NHS_NUMBER and identifier.value}
    if numbers:
        number = min(numbers).replace(" ", "").replace("-", "")
        if len(numbers) > 1:
            return Subject(kind=kind, fault="holds two NHS numbers")
        if not _NAME.fullmatch(number):
            return Subject(kind=kind, fault="is no NHS number")
        return Subject(number, number, kind)
    if kind == "Patient" and _OURS.fullmatch(own):
        return Subject(own.lower(), own.lower(), kind)
    other = next((f"{identifier.system}|{identifier.value}" for identifier in found), None)
    return Subject(None, said or other, kind)


def _sensor_of(reference: Reference, one: Observation, named: Named) -> tuple[str | None, str | None]:
    for identifier in _identifiers(reference, one, named):
        plain = (identifier.value or "").replace("-", "").replace(":", "").upper()
        if _EUI.fullmatch(plain):
            return plain, plain
    identifier = reference.identifier or Identifier()
    return None, reference.reference or f"{identifier.system}|{identifier.value}"


def assessor_of(one: Observation) -> Assessor | None:
    """Who answered, where the performer says it: of a patient's own word it need not be said."""
    for reference in one.performer or ():
        kind = (reference.reference or "").rpartition("/")[0].rpartition("/")[2]
        if (who := _ASSESSED.get(kind)) is not None:
            return who
    return None


def _identifiers(reference: Reference, one: Observation, named: Named) -> tuple[Identifier, ...]:
    if reference.identifier is not None:
        return (reference.identifier,)
    said = reference.reference or ""
    if said.startswith("#"):
        return contained(one).get(said, ())
    return named.get(said, ())


def _kind(said: str | None, before: str, named: Named) -> str:
    """The type of the resource that is referred to, as far as it shows."""
    if said is not None and said.startswith("urn:"):
        return next((kind for kind in ("Patient", "Device") if f"{kind}/{said}" in named), "")
    return before.rpartition("/")[2]
