"""What is read of a data point. The schemas are Open mHealth's (openmhealth/schemas on GitHub, to blood-pressure-4.0).

Members that say nothing of the measurement (notes, posture, meals) are passed over.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from devices.reading import Number

Instant = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 with an offset")]
Activity = Literal["at rest", "active", "before exercise", "after exercise", "during exercise"]
Sleep = Literal["before sleeping", "during sleep", "on waking"]


class UnitValue(msgspec.Struct):
    """A value in a unit that its schema allows."""

    value: Number
    unit: str


class TimeInterval(msgspec.Struct):
    """From when until when, or in which part of a day."""

    start_date_time: Instant | None = None
    end_date_time: Instant | None = None
    duration: UnitValue | None = None
    date: str | None = None
    part_of_day: str | None = None


class TimeFrame(msgspec.Struct):
    """When it was: at an instant, or in an interval."""

    date_time: Instant | None = None
    time_interval: TimeInterval | None = None


class Body(msgspec.Struct, kw_only=True):
    """What was measured."""

    heart_rate: UnitValue | None = None
    oxygen_saturation: UnitValue | None = None
    supplemental_oxygen_flow_rate: UnitValue | None = None
    oxygen_therapy_mode_of_administration: str | None = None
    systolic_blood_pressure: UnitValue | None = None
    diastolic_blood_pressure: UnitValue | None = None
    body_temperature: UnitValue | None = None
    respiratory_rate: UnitValue | None = None
    body_weight: UnitValue | None = None
    blood_glucose: UnitValue | None = None
    value: Annotated[Number, msgspec.Meta(description="Of a schema that is one value in a unit")] | None = None
    unit: str | None = None
    effective_time_frame: TimeFrame | None = None
    descriptive_statistic: str | None = None
    measurement_location: str | None = None
    specimen_source: str | None = None
    temporal_relationship_to_physical_activity: Activity | None = None
    temporal_relationship_to_sleep: Sleep | None = None


class SchemaId(msgspec.Struct):
    """Which schema a body follows."""

    name: str
    namespace: str = "omh"
    version: str | None = None


class Provenance(msgspec.Struct):
    """How it was come by."""

    modality: str | None = None


class Header(msgspec.Struct):
    """Open mHealth's header (`id`, `acquisition_provenance`) or that of IEEE 1752.1 (`uuid`, `modality`)."""

    id: str | None = None
    uuid: str | None = None
    schema_id: SchemaId | None = None
    acquisition_provenance: Provenance | None = None
    modality: str | None = None
    user_id: Annotated[str, msgspec.Meta(description="An NHS number or an id of ours names whose it is")] | None = None


class DataPoint(Body, kw_only=True):
    """A header and a body; or the members of a body alone."""

    header: Header | None = None
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A member of a body: its field of the contract, and the units that its schema allows and that we convert."""

    field: str
    units: tuple[str, ...]


MEASURES: Final = {
    "heart_rate": Measure("pulse", ("beats/min",)),
    "oxygen_saturation": Measure("spo2", ("%",)),
    "supplemental_oxygen_flow_rate": Measure("oxygen_flow", ("L/min",)),
    "systolic_blood_pressure": Measure("systolic", ("mmHg",)),
    "diastolic_blood_pressure": Measure("diastolic", ("mmHg",)),
    "body_temperature": Measure("temperature", ("C", "F", "K")),
    "respiratory_rate": Measure("respiratory_rate", ("breaths/min",)),
    "body_weight": Measure("weight", ("kg", "g", "lb")),
    "blood_glucose": Measure("glucose", ("mmol/L", "mg/dL")),
}
MEMBER_OF: Final = {measure.field: member for member, measure in MEASURES.items()}


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that is read: the members it must have, and the newest major version that is known here."""

    members: tuple[str, ...]
    newest: int


SCHEMAS: Final = {
    "heart-rate": Schema(("heart_rate",), 3),
    "oxygen-saturation": Schema(("oxygen_saturation",), 3),
    "blood-pressure": Schema(("systolic_blood_pressure", "diastolic_blood_pressure"), 4),
    "systolic-blood-pressure": Schema(("systolic_blood_pressure",), 1),
    "diastolic-blood-pressure": Schema(("diastolic_blood_pressure",), 1),
    "body-temperature": Schema(("body_temperature",), 4),
    "respiratory-rate": Schema(("respiratory_rate",), 3),
    "body-weight": Schema(("body_weight",), 3),
    "blood-glucose": Schema(("blood_glucose",), 4),
}
ONE_VALUE: Final = frozenset({"systolic-blood-pressure", "diastolic-blood-pressure"})
"""Whose body is a value in a unit: only the header says of what."""
NAMESPACES: Final = frozenset({"omh", "ieee"})
TOGETHER: Final = (
    ("systolic_blood_pressure", "diastolic_blood_pressure"),
    ("diastolic_blood_pressure", "systolic_blood_pressure"),
    ("supplemental_oxygen_flow_rate", "oxygen_saturation"),
)
"""Without a header: which member must have which other."""

NO_READINGS: Final = re.compile(
    "sleep|bed|activity|step|calories|height|mass-index|fat|geoposition|accelero|acceleration|orientation|pace|speed"
    "|magnetic|ambient|medication|survey|variability|rr-interval|carbon|ventilation|cadence|distance"
)
"""In the names of schemas of other things than vital signs: known, and not kept here."""

BLOOD: Final = frozenset(
    {None, "plasma", "serum", "whole blood", "capillary blood", "venous blood", "arterial blood", "interstitial fluid"}
)
"""Specimens in which glucose is blood glucose, or follows it."""
PERIPHERAL: Final = frozenset({"finger", "toe", "wrist"})
"""Where a temperature says little of the body's."""
AT_WORK: Final = frozenset({"active", "after exercise", "during exercise"})
ON_OXYGEN: Final = "nasal cannula"
"""The one mode of administration that the schema has: it says that the patient is on oxygen, where no flow does."""
