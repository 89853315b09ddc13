"""What the codes that devices send mean. The tables are data: codes.toml and consciousness.toml, with their sources."""

import tomllib
from importlib.resources import files
from typing import Final, cast

from devices.reading import ConsciousnessLetter

SYSTEMS: Final = {
    "http://loinc.org": "loinc",
    "http://snomed.info/sct": "snomed",
    "urn:iso:std:iso:11073:10101": "mdc",
    "urn:oid:2.16.840.1.113883.6.1": "loinc",
    "urn:oid:2.16.840.1.113883.6.96": "snomed",
    "urn:oid:2.16.840.1.113883.6.24": "mdc",
}
"""FHIR's names of the code systems, by ours; some senders give their OIDs instead."""

_FOLDER: Final = files("devices")


def _table(name: str) -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def _by_code(table: dict[str, dict[str, dict[str, str]]]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for concept, systems in table.items():
        for system, codes in systems.items():
            for code in codes:
                assert (system, code) not in found, f"{system} {code} stands twice"
                found[system, code] = concept
    return found


def _words(table: dict[str, dict[str, dict[str, str]]]) -> dict[tuple[str, str], str]:
    return {
        (system, code): words
        for systems in table.values()
        for system, codes in systems.items()
        for code, words in codes.items()
    }


CONCEPTS: Final = _by_code(_table("codes.toml"))
"""By (system, code): the concept, which is a field of the contract or one of those that codes.toml explains."""

WORDS: Final = _words(_table("codes.toml"))
"""By (system, code): what it is called, for people."""

CONSCIOUSNESS: Final = cast(dict[tuple[str, str], ConsciousnessLetter], _by_code(_table("consciousness.toml")))
"""By (system, code) of a value: the ACVPU letter."""
