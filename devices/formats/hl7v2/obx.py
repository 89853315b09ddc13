"""One OBX taken by its meaning: what was measured, in which unit, as what number or letter. Nothing is guessed."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, cast

from devices.codes import CONCEPTS, CONSCIOUSNESS, WORDS
from devices.formats.hl7v2.dialects import LOCAL, MISNUMBERED, SYSTEMS
from devices.formats.hl7v2.message import Segment, Separators, unescaped
from devices.reading import ConsciousnessLetter, Doubt, Number
from devices.units import AS_IT_IS, Conversion, conversion, mdc_conversion

CODE_MAX: Final = 250
"""Characters of a coded field that are looked at: none that is known is longer, and what was read is remembered."""
SHOWN_MAX: Final = 60

_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{0,15})?|[+-]?\.\d{1,15}", re.ASCII)
_MDC_NAMES: Final = {words: CONCEPTS["mdc", code] for (system, code), words in WORDS.items() if system == "mdc"}
_LETTERS: Final = frozenset("ACVPU")
_CONTRADICTION: Final = "a code and its name that differ"


class Doubtful(Exception):
    """It is kept aside: the reason, the field of OBX, and why."""

    def __init__(self, reason: Doubt, field: int, why: str) -> None:
        super().__init__(why)
        self.reason: Doubt = reason
        self.field = field
        self.why = why


@dataclass(frozen=True, slots=True)
class Meaning:
    """What OBX-3 names. No concept: it is not known, or it contradicts itself."""

    concept: str | None
    why: str = ""


@lru_cache(maxsize=4096)
def meaning(said: str, separators: Separators) -> Meaning:
    """The concept that a coded field names by its first code, its second, or both."""
    if len(said) > CODE_MAX:
        return Meaning(None, "the code is not known")
    parts = [unescaped(part, separators).strip() for part in said.split(separators.component)]
    parts += [""] * (6 - len(parts))
    found = {_concept(*parts[:3]), _concept(*parts[3:6])} - {None}
    if len(found) == 1 and _CONTRADICTION not in found:
        return Meaning(found.pop())
    if found:
        return Meaning(None, f"{_shown(said)} names two things")
    return Meaning(None, f"the code {_shown(said)} is not known")


def _concept(code: str, words: str, system: str) -> str | None:
    """Of one code with its words. None where it is not known."""
    named = SYSTEMS.get(system.upper())
    if named == "local" and words.startswith("MDC_"):
        named = "mdc"
    if named is None or not code:
        return None
    if named == "mdc":
        concept = CONCEPTS.get(("mdc", code)) or MISNUMBERED.get((code, words))
        by_name = _MDC_NAMES.get(words, concept)
        return concept if concept is None or by_name == concept else _CONTRADICTION
    return LOCAL.get((named, code)) or CONCEPTS.get((named, code))


@lru_cache(maxsize=4096)
def unit(field: str, said: str, separators: Separators) -> Conversion | None:
    """How a value in the unit of OBX-6 becomes one of `field`'s; None where the unit is not known."""
    if len(said) > CODE_MAX:
        return None
    parts = [unescaped(part, separators).strip() for part in said.split(separators.component)]
    parts += [""] * (6 - len(parts))
    return _unit(field, *parts[:3]) or _unit(field, *parts[3:6])


def _unit(field: str, code: str, words: str, system: str) -> Conversion | None:
    if not code:
        return conversion(field, words) if words else None
    return mdc_conversion(field, code) if system == "MDC" or code.isdigit() else conversion(field, code)


def said(segment: Segment, number: int) -> str:
    """A field as it is meant, "" where nothing is said."""
    fields = segment.fields
    text = unescaped(fields[number], segment.separators).strip() if number < len(fields) else ""
    return "" if text == '""' else text


def number_of(segment: Segment) -> Number:
    """The number of OBX-5 (NM, SN, or as text). Raises Doubtful."""
    written = said(segment, 5)
    if said(segment, 2) == "SN":
        comparator, *rest = segment.fields[5].split(segment.separators.component)
        written = rest[0].strip() if comparator.strip() in {"", "="} and len(rest) == 1 else written
    if _NUMBER.fullmatch(written) is None:
        raise Doubtful("code not known", 5, f"{_shown(written)} is no number")
    return as_number(written)


def in_unit_of(field: str, segment: Segment, value: Number) -> Number:
    """The value in the contract's unit. Raises Doubtful."""
    fields = segment.fields
    sent_in = fields[6] if len(fields) > 6 else ""
    how = unit(field, sent_in, segment.separators)
    if how is None:
        why = f"the unit {_shown(sent_in)} is not known here" if sent_in.strip() else "says no unit"
        raise Doubtful("unit not known", 6, why)
    return value if how is AS_IT_IS or how == AS_IT_IS else as_number(str(how.of(Decimal(repr(value)))))


def as_number(written: str) -> Number:
    """Whole numbers stay whole; a float's shortest text is what was written."""
    return float(written) if "." in written or "E" in written.upper() else int(written)


def letter_of(segment: Segment) -> ConsciousnessLetter:
    """ACVPU, by a code that is known, or by its letter. Raises Doubtful."""
    code, _, system = (segment.value(5, component) or "" for component in (1, 2, 3))
    named = SYSTEMS.get(system.upper(), "")
    if (letter := CONSCIOUSNESS.get((named, code))) is not None:
        return letter
    if named == "local" and code in _LETTERS:
        return cast(ConsciousnessLetter, code)
    raise Doubtful("code not known", 5, f"{_shown(code)} is no answer that is known")


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…")
