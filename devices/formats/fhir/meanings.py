"""What the codes and units of Observations mean: each that a ward's devices send is looked up once."""

from dataclasses import dataclass
from typing import Final

from devices.codes import CONCEPTS, SYSTEMS, WORDS
from devices.formats.fhir.shapes import Coding, Concept
from devices.units import Conversion, conversion, mdc_conversion

OXYGEN_OF: Final = {"spo2_on_air": False, "spo2_on_oxygen": True}
UCUM: Final = frozenset({"http://unitsofmeasure.org", "http://unitsofmeasure.org/", "urn:oid:2.16.840.1.113883.6.8"})
_UNIT_CHARS_MAX: Final = 200


def meaning(code: Concept | None) -> tuple[str | None, str | None]:
    """What a code means, and why it means nothing: any known coding decides, two that contradict each other do not."""
    found = _MEANINGS.get(code) if code is not None else None
    if found is None:
        codings = code.coding or () if code is not None else ()
        found = _meaning(codings)
        if code is not None and sum(len(one.system or "") + len(one.code or "") for one in codings) < _KEPT_CHARS_MAX:
            if len(_MEANINGS) >= _MEANINGS_MAX:
                _MEANINGS.clear()
            _MEANINGS[code] = found
    return found


_MEANINGS: Final[dict[Concept, tuple[str | None, str | None]]] = {}
"""A ward's devices send a few dozen distinct codes: each is looked up once."""
_MEANINGS_MAX: Final = 1024
_KEPT_CHARS_MAX: Final = 500


def _meaning(codings: tuple[Coding, ...]) -> tuple[str | None, str | None]:
    concepts = {
        CONCEPTS[key] for one in codings if (key := (SYSTEMS.get(one.system or ""), one.code or "")) in CONCEPTS
    }
    if concepts & OXYGEN_OF.keys():
        concepts.discard("spo2")  # the more exact of two that agree
    if len(concepts) > 1:
        return None, f"its codes mean different things: {', '.join(sorted(concepts))}"
    return next(iter(concepts), None), None


def shown(code: Concept | None) -> str:
    """A code in words, or as it was sent, cut to what is shown."""
    codings = (code.coding or ()) if code is not None else ()
    for one in codings:
        if words := WORDS.get((SYSTEMS.get(one.system or "", ""), one.code or "")):
            return words
    return ", ".join(f"{one.system or ''}|{one.code or ''}"[:100] for one in codings[:3]) or "no code"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit does to a value. `converts`: None where it does nothing. `is_silent`: none was given."""

    known: Conversion | None
    converts: Conversion | None = None
    reason: str = ""
    is_silent: bool = False


_UNITS: Final[dict[tuple[str, str | None, str | None, str | None], Unit]] = {}
"""Those that were met, as many as a ward's devices send."""
_UNITS_MAX: Final = 1024


def unit_of(concept: str, system: str | None, code: str | None, unit: str | None) -> Unit:
    """What a unit does to values of a concept."""
    if (known := _UNITS.get((concept, system, code, unit))) is not None:
        return known
    if len(code or "") + len(unit or "") + len(system or "") > _UNIT_CHARS_MAX:
        return Unit(None, reason="its unit is longer than any")
    if len(_UNITS) >= _UNITS_MAX:
        _UNITS.clear()
    found = _UNITS[concept, system, code, unit] = _looked_up(concept, system, code, unit)
    return found


def _looked_up(concept: str, system: str | None, code: str | None, unit: str | None) -> Unit:
    """By code and text; each may be missing, but where both are known they have to agree."""
    if code is None and unit is None:
        return Unit(None, reason="no unit", is_silent=True)
    by_text = None if unit is None else conversion(concept, unit)
    if code is None:
        known = by_text
    elif SYSTEMS.get(system or "") == "mdc":
        known = mdc_conversion(concept, code)
    else:
        known = conversion(concept, code) if system is None or system in UCUM else None
    named = f"{system or ''}|{code}" if code is not None else str(unit)
    if known is None:
        return Unit(None, reason=f"{named[:100]} is no unit of {concept} that is known")
    if by_text is not None and by_text != known:
        return Unit(None, reason=f"{named[:100]} and {str(unit)[:100]} are different units")
    return Unit(known, None if known == Conversion() else known)
