"""What an Observation or a component says, as fields of a set of readings: nothing is guessed.

A value is taken where its code and its unit are known and nothing contradicts it. What stands in doubt is said with its
FHIRPath, for the decoder to keep aside; what is not as FHIR has it is refused.
"""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from statistics import median_low
from typing import Any, Final, Literal

import msgspec

from devices.codes import CONSCIOUSNESS, SYSTEMS
from devices.formats.fhir.meanings import OXYGEN_OF, shown, unit_of
from devices.formats.fhir.shapes import Quantity, SampledData, Valued
from devices.plausible import POSSIBLE, within_reason
from devices.reading import Quality

Fields = dict[str, Any]
Weakness = Literal["code not known", "unit not known", "time not known"]

MEASURED: Final = frozenset({*POSSIBLE, "battery"})
"""The concepts that are a number with a unit."""
GROUPS: Final = frozenset({"blood_pressure", "vital_signs"})
SCORE_UNITS: Final = frozenset({"{ScoreOf}", "{score}", "ScoreOf", "score", "1", None})
NEWS2_MAX: Final = 20
DOUBTS_MAX: Final = 20

SERIES_SECONDS_MAX: Final = 300
"""A series no longer than this is one measurement: its median stands for it. The design's own."""
SAMPLES_MAX: Final = 10_000
CONVERTED_MAX: Final = 10**9
_NO_SAMPLE: Final = frozenset({"E", "L", "U"})

INVALID: Final = frozenset({"invalid", "not-available"})
LOW: Final = frozenset(
    {"questionable", "calibration-ongoing", "early-indication", "msmt-ongoing", "in-progress", "qcf", "ind"}
)
TEST: Final = frozenset({"test-data", "demo-data", "test", "demo"})
"""Of an interpretation (measurement status of ISO/IEEE 11073; HL7's v3): no value; one of low quality; none of a
patient."""


class Found(msgspec.Struct, gc=False):
    """What was found in one Observation. Places are FHIRPaths from the Observation on."""

    fields: Fields = {}
    doubts: tuple[tuple[Weakness, str, str, Fields], ...] = ()  # with what it would be
    refused: tuple[str, str, str] | None = None  # place, reason, issue
    quality: Quality = "good"
    says_nothing: str | None = None  # why it holds no value, where it says so

    def doubt(self, why: Weakness, place: str, detail: str, reads: Fields | None = None) -> None:
        """Leave a value to a person, who is shown the first few."""
        if len(self.doubts) < DOUBTS_MAX:
            self.doubts += ((why, place, detail, reads or {}),)

    def refuse(self, place: str, reason: str, issue: str = "value") -> None:
        """Of several refusals the first is told."""
        if self.refused is None:
            self.refused = (place, reason, issue)


def take(valued: Valued, concept: str | None, within: str, found: Found) -> None:
    """Take the value of an Observation or a component whose code means `concept` (None: nothing that is known)."""
    if (
        valued.dataAbsentReason is not None or valued.interpretation is not None or valued.modifierExtension is not None
    ) and not _counts(valued, within, found):
        return
    if concept in MEASURED and concept is not None:  # nearly always
        quantity = valued.valueQuantity
        if quantity is not None and _others_of(valued) == _NO_OTHERS:
            _measured(concept, quantity, within, found)
        else:
            _other(valued, concept, within, found)
    elif concept is None:
        if _has_value(valued):
            found.doubt("code not known", f"{within}code", shown(valued.code))
    elif concept in GROUPS:
        if _has_value(valued):
            found.doubt("code not known", f"{within}code", "a group has no value of its own")
    elif (how := _SPECIAL.get(concept)) is not None:
        how(valued, concept, within, found)


def _counts(valued: Valued, within: str, found: Found) -> bool:
    """Whether its value, if it has one, may be taken; and of what quality it is."""
    if valued.modifierExtension is not None:
        found.doubt("code not known", f"{within}modifierExtension", "changes what it says, and is not understood here")
        return False
    marks = {(coding.code or "").lower() for concept in valued.interpretation or () for coding in concept.coding or ()}
    if marks & INVALID:
        found.says_nothing = "its sender marks it invalid: no measurement"
        return False
    if marks & TEST:
        found.quality = "test"
    elif marks & LOW and found.quality == "good":
        found.quality = "low"
    if valued.dataAbsentReason is None:
        return True
    if _has_value(valued):
        found.refuse(f"{within}dataAbsentReason", "stands beside a value", "invariant")
    else:
        found.says_nothing = "says that there is no value"
    return False


_VALUES: Final = tuple(name for name in Valued.__struct_fields__ if name.startswith("value"))
_values_of: Final = attrgetter(*_VALUES)
_NO_VALUES: Final = (None,) * len(_VALUES)
_others_of: Final = attrgetter(*(name for name in _VALUES if name != "valueQuantity"))
_NO_OTHERS: Final = (None,) * (len(_VALUES) - 1)


def _has_value(valued: Valued) -> bool:
    has: bool = _values_of(valued) != _NO_VALUES
    return has


def _said(valued: Valued) -> list[str]:
    """The values that it has, by name."""
    found = _values_of(valued)
    return [] if found == _NO_VALUES else [name for name, one in zip(_VALUES, found, strict=True) if one is not None]


def _other(valued: Valued, concept: str, within: str, found: Found) -> None:
    """A vital sign that comes otherwise than as one quantity."""
    said = _said(valued)
    if not said:
        found.refuse(f"{within}value", "holds no value", "required")
    elif len(said) > 1:
        found.refuse(f"{within}value", f"holds several values: {', '.join(said)}", "structure")
    elif valued.valueSampledData is not None:
        _sampled(concept, valued.valueSampledData, within, found)
    elif valued.valueInteger is not None:
        reads = {concept: valued.valueInteger}
        found.doubt("unit not known", f"{within}valueInteger", "a whole number has no unit", reads)
    else:
        found.refuse(f"{within}{said[0]}", f"is no quantity: send {concept} as valueQuantity")


def _measured(concept: str, quantity: Quantity, within: str, found: Found) -> None:
    value = quantity.value
    if value is None:
        found.refuse(f"{within}valueQuantity.value", "is required", "required")
        return
    how = unit_of(concept, quantity.system, quantity.code, quantity.unit)
    if how.known is None:
        reads = {concept: value} if how.is_silent else {}
        found.doubt("unit not known", f"{within}valueQuantity", how.reason, reads)
        return
    if how.converts is not None and -CONVERTED_MAX < value < CONVERTED_MAX:  # what is beyond measures nobody
        value = float(how.converts.of(Decimal(repr(value))))
    if quantity.comparator is not None:
        detail = f"{quantity.comparator[:10]} {within_reason(quantity.value or 0)}: a bound, and no value"
        found.doubt("code not known", f"{within}valueQuantity.comparator", detail, {concept: value})
        return
    if found.fields.setdefault(concept, value) != value:
        found.refuse(f"{within}valueQuantity", f"contradicts another value of {concept} in it", "invariant")


def _sampled(concept: str, series: SampledData, within: str, found: Found) -> None:
    """A short series is one measurement, its median; a long one is left to a person with the same."""
    place = f"{within}valueSampledData"
    samples = (series.data or "").split(None, SAMPLES_MAX)
    numbers = [_number(one) for one in samples if one not in _NO_SAMPLE]
    if series.dimensions != 1 or not numbers or None in numbers or len(samples) > SAMPLES_MAX:
        found.refuse(place, f"is no series of 1 to {SAMPLES_MAX} numbers of one dimension")
        return
    origin, factor, period = series.origin or Quantity(), series.factor, series.period or 0
    start, times = origin.value or 0, 1 if factor is None else factor
    if max(abs(start), abs(times), abs(period)) > CONVERTED_MAX:
        found.refuse(place, "is of no size that is measured")
        return
    middle = Decimal(repr(start)) + Decimal(repr(times)) * median_low(one for one in numbers if one is not None)
    one = Found()
    quantity = Quantity(float(middle), None, origin.unit, origin.system, origin.code)
    _measured(concept, quantity, within, one)
    seconds = (len(samples) - 1) * period / 1000
    if one.doubts or one.refused:
        found.doubts += one.doubts
        found.refused = found.refused or one.refused
    elif not 0 <= seconds <= SERIES_SECONDS_MAX or _NO_SAMPLE & set(samples):
        detail = f"a series of {len(samples)} samples over {seconds:.0f} s; their median is {middle.normalize():f}"
        found.doubt("time not known", place, detail, one.fields)
    else:
        found.fields |= one.fields


def _number(text: str) -> Decimal | None:
    """A sample, bounded before any arithmetic."""
    if len(text) > 20 or "e" in text.lower():
        return None
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _oxygen(valued: Valued, concept: str, within: str, found: Found) -> None:
    """Air needs no value; oxygen may have its flow."""
    on_oxygen = concept == "on_oxygen"
    said = _said(valued)
    if not said:
        found.fields["on_oxygen"] = on_oxygen
    elif said == ["valueBoolean"]:
        found.fields["on_oxygen"] = on_oxygen == valued.valueBoolean
    elif said == ["valueQuantity"] and on_oxygen and valued.valueQuantity is not None:
        flow = Found()
        _measured("oxygen_flow", valued.valueQuantity, within, flow)
        if flow.fields.get("oxygen_flow") == 0:
            flow.refuse(f"{within}valueQuantity.value", "is 0, of a patient on oxygen", "invariant")
        for why, place, detail, reads in flow.doubts:
            found.doubt(why, place, detail, {"on_oxygen": True} | reads)
        if flow.refused:
            found.refuse(*flow.refused)
        elif flow.fields:
            found.fields |= {"on_oxygen": True, **flow.fields}
    else:
        found.doubt("code not known", f"{within}{said[0]}", f"says something else of {concept} than is known")


def _saturation(valued: Valued, concept: str, within: str, found: Found) -> None:
    """Of air, or of oxygen: says both, where it has a value."""
    take(valued, "spo2", within, found)
    if "spo2" in found.fields:
        found.fields["on_oxygen"] = OXYGEN_OF[concept]


def _not_kept(valued: Valued, _: str, __: str, found: Found) -> None:
    found.says_nothing = f"is not kept here: {shown(valued.code)}"


def _consciousness(valued: Valued, _: str, within: str, found: Found) -> None:
    said = _said(valued)
    if not said:
        found.refuse(f"{within}value", "holds no value", "required")
        return
    concept = valued.valueCodeableConcept
    if said != ["valueCodeableConcept"] or concept is None:
        found.doubt("code not known", f"{within}{said[0]}", "is no coded answer of the ACVPU scale")
        return
    letters = {
        CONSCIOUSNESS[key]
        for one in concept.coding or ()
        if (key := (SYSTEMS.get(one.system or "", ""), one.code or "")) in CONSCIOUSNESS
    }
    if len(letters) == 1:
        found.fields["consciousness"] = letters.pop()
    else:
        detail = "its codes mean different answers" if letters else f"{shown(concept)} is no answer that is known"
        found.doubt("code not known", f"{within}valueCodeableConcept", detail)


def _score(valued: Valued, _: str, within: str, found: Found) -> None:
    """A NEWS2 total: kept to be compared. Both of its published shapes."""
    quantity, value = valued.valueQuantity, valued.valueInteger
    if quantity is not None and value is None:
        unit = quantity.unit if quantity.code is None else quantity.code
        value = quantity.value if quantity.comparator is None and unit in SCORE_UNITS else None
    if value is None or value != int(value) or not 0 <= value <= NEWS2_MAX:
        found.refuse(f"{within}value", "is no NEWS2 total: a whole number from 0 to 20")
    else:
        found.fields["reported_news2"] = int(value)


_SPECIAL: Final[dict[str, Callable[[Valued, str, str, Found], None]]] = {
    "spo2_on_air": _saturation,
    "spo2_on_oxygen": _saturation,
    "consciousness": _consciousness,
    "on_air": _oxygen,
    "on_oxygen": _oxygen,
    "news2": _score,
    "not_kept": _not_kept,
}
"""The concepts that are no plain number; what is neither here nor there passes by."""
