"""A Patient as others send it: who is meant, and what is said of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from devices.formats.fhir.node import Node, Refused, malformed, words

NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"
SEXES: Final = frozenset({"female", "male", "other", "unknown"})
LINE_MAX: Final = 400
WORD_MAX: Final = 64
PHONES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the referral is about; None, or nothing, where nothing is said. `places`: where each field was read."""

    nhs_number: str | None
    family_name: str | None
    given_name: str | None
    birth_date: date | None
    sex: str
    address: str | None
    postcode: str | None
    phones: tuple[str, ...]
    contacts: tuple[str, ...]
    places: Mapping[str, str]


def person_of(found: Node) -> Person:
    """What a Patient says. Raises Refused."""
    name = _name(found)
    sex = found.text("gender")
    if sex is not None and sex not in SEXES:
        raise malformed(f"{found.place}.gender", "is none of female, male, other, unknown", "code-invalid")
    address = next(found.each("address"), None)
    number, number_place = _nhs_number(found)
    name_place = f"{found.place}.name"
    return Person(
        nhs_number=number,
        family_name=None if name is None else name.text("family"),
        given_name=None if name is None else " ".join(name.texts("given")) or None,
        birth_date=found.day("birthDate"),
        sex=sex or "unknown",
        address=address_of(address),
        postcode=postcode_of(address),
        phones=tuple(_phones(found))[:PHONES_MAX],
        contacts=tuple(_contacts(found))[:PHONES_MAX],
        places=MappingProxyType(
            {
                "nhs_number": number_place,
                "family_name": f"{name_place}.family",
                "given_name": f"{name_place}.given",
                "birth_date": f"{found.place}.birthDate",
                "patient": found.place,
                "phones": f"{found.place}.telecom",
                "postcode": f"{found.place}.address.postalCode",
                "address": f"{found.place}.address",
            }
        ),
    )


def _name(person: Node) -> Node | None:
    """The official name, else the first."""
    names = list(person.each("name"))
    official = [one for one in names if one.text("use") == "official"]
    return next(iter(official or names), None)


def _nhs_number(person: Node) -> tuple[str | None, str]:
    """The one NHS number, and where it stands. Raises Refused where two differ."""
    found = {
        value.replace(" ", "").replace("-", ""): f"{one.place}.value"
        for one in person.each("identifier")
        if one.text("system") == NHS_NUMBER and (value := one.text("value")) is not None
    }
    if len(found) > 1:
        raise Refused(f"{person.place}.identifier", "holds two NHS numbers", "invariant")
    return next(iter(found.items()), (None, f"{person.place}.identifier"))


def _phones(person: Node) -> Iterator[str]:
    for one in person.each("telecom"):
        if one.text("system") in {"phone", "sms", None} and (said := one.text("value")) is not None:
            yield said[:WORD_MAX]


def _contacts(person: Node) -> Iterator[str]:
    """Who is close to the patient, a line each."""
    for one in person.each("contact"):
        name = one.get("name")
        spoken = (
            None if name is None else name.text("text") or " ".join([*name.texts("given"), name.text("family") or ""])
        )
        said = [spoken, *(words(each) for each in one.each("relationship")), *_phones(one)]
        if line := ", ".join(part for part in said if part):
            yield line[:LINE_MAX]


def address_of(address: Node | None) -> str | None:
    """An address in one line. Raises Refused."""
    if address is None:
        return None
    return (address.text("text") or ", ".join([*address.texts("line"), address.text("city") or ""]).strip(", ")) or None


def postcode_of(address: Node | None) -> str | None:
    """Its postcode. Raises Refused."""
    return None if address is None else short(address.text("postalCode"), f"{address.place}.postalCode")


def short(said: str | None, place: str) -> str | None:
    """A word that is no longer than ours may be. Raises Refused."""
    if said is not None and len(said) > WORD_MAX:
        raise malformed(place, f"is longer than {WORD_MAX} characters", "too-long")
    return said
