"""A set of readings and its score as FHIR Observations in UK Core's shape. Pure.

Each Observation's id is the set's and the kind's: `<set>-spo2`. An incomplete score is `preliminary`, and each missing
part says so; a set of test data makes nothing.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from monitoring.patients.views import ReadingView, ScoreView
from monitoring.sharing.coding import (
    ABSENT,
    ACVPU,
    BLOOD_PRESSURE,
    CATEGORY,
    CONSCIOUS,
    L_PER_MIN,
    NEWS2,
    ON_AIR,
    ON_OXYGEN,
    PRESSURES,
    QUANTITIES,
    SNOMED,
    UCUM,
    Kind,
    Resource,
    Unit,
    parts,
)

DOUBTFUL: Final = "The device measured this with low quality."
ASSUMED: Final = "Air or oxygen was not said: what was last known, or the plan, was assumed."


def observations(one: ReadingView, score: ScoreView) -> Iterator[Resource]:
    """What a set measured and what it scores now, the score last."""
    if one.quality == "test":
        return
    measured = list(_measured(one))
    yield from measured
    if score.score is not None:
        yield _news2(one, score, [made["id"] for made in measured])


def _measured(one: ReadingView) -> Iterator[Resource]:
    for field, kind in QUANTITIES.items():
        if (value := getattr(one, field)) is not None:
            assert kind.unit is not None
            yield _observation(one, kind) | {"valueQuantity": quantity(value, kind.unit)}
    pressures = {field: value for field in PRESSURES if (value := getattr(one, field)) is not None}
    if pressures:
        yield _observation(one, BLOOD_PRESSURE) | {"component": [_pressure(field, pressures) for field in PRESSURES]}
    if one.on_oxygen is False:
        yield _observation(one, ON_AIR)
    if one.on_oxygen:
        flow = {} if one.oxygen_flow is None else {"valueQuantity": quantity(one.oxygen_flow, L_PER_MIN)}
        yield _observation(one, ON_OXYGEN) | flow
    if one.consciousness is not None:
        code, said = CONSCIOUS[one.consciousness]
        value = {"coding": [{"system": SNOMED, "code": code, "display": said}]}
        yield _observation(one, ACVPU) | {"valueCodeableConcept": value}


def _pressure(field: str, pressures: dict[str, float]) -> Resource:
    """A part of a blood pressure; the other half is named even where it is missing, as UK Core asks."""
    kind = PRESSURES[field]
    assert kind.unit is not None
    if field in pressures:
        return {"code": kind.concept, "valueQuantity": quantity(pressures[field], kind.unit)}
    return {"code": kind.concept, "dataAbsentReason": absent("not-performed", "Not Performed")}


def _news2(one: ReadingView, score: ScoreView, raw: list[str]) -> Resource:
    """The total with its parts. UK Core's shape: a survey, components, derived from the raw observations."""
    components = []
    assert score.scale is not None
    for name, kind in parts(score.scale).items():
        points = score.subscores[name]
        told = (
            {"dataAbsentReason": absent("not-performed", "Not Performed")}
            if points is None
            else {"valueQuantity": quantity(points, NEWS2.unit)}
        )
        components.append({"code": kind.concept} | told)
    made = _observation(one, NEWS2) | {
        "status": "final" if score.complete else "preliminary",
        "valueQuantity": quantity(score.score, NEWS2.unit),
        "component": components,
    }
    if raw:
        made["derivedFrom"] = [{"reference": f"Observation/{key}"} for key in raw]
    notes = [ASSUMED] if score.assumed else []
    if score.missing:
        notes.append(f"At least {score.score}, at most {score.score_max}: {', '.join(score.missing)} missing.")
    if len(score.readings) > 1:
        notes.append(f"With values carried forward from {len(score.readings) - 1} earlier sets.")
    return made | ({"note": [{"text": said} for said in notes]} if notes else {})


def _observation(one: ReadingView, kind: Kind) -> Resource:
    """What all Observations of a set share."""
    made: Resource = {
        "resourceType": "Observation",
        "id": f"{one.set}-{kind.name}",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": kind.category}]}],
        "code": kind.concept,
        "subject": {"reference": f"Patient/{one.patient}"},
        "effectiveDateTime": at(one.taken_at),
        "issued": at(one.received_at),
    }
    if one.device is not None:
        made["device"] = {"reference": f"Device/{one.device}"}
    if one.quality == "low":
        made["note"] = [{"text": DOUBTFUL}]
    return made


def quantity(value: float | None, unit: Unit | None) -> Resource:
    """A value with its unit; whole numbers stay whole."""
    assert value is not None
    assert unit is not None
    whole = int(value) if float(value).is_integer() else value
    return {"value": whole, "unit": unit.words, "system": UCUM, "code": unit.code}


def absent(code: str, said: str) -> Resource:
    """Why there is no value."""
    return {"coding": [{"system": ABSENT, "code": code, "display": said}]}


def at(moment: datetime) -> str:
    """An instant in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
