"""How what is measured here is named in FHIR: the codings that UK Core asks for, as data.

Source: UK Core's vital-signs examples and its early-warning-score profile. Codes and their words are held against
`devices/codes.toml` by a test, so that what we write is what we read.
"""

from dataclasses import dataclass
from typing import Any, Final

from alert_rules.vitals import PARAMETERS
from devices.codes import SYSTEMS

UCUM: Final = "http://unitsofmeasure.org"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
ABSENT: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of UCUM, with its words."""

    code: str
    words: str


PER_MINUTE: Final = Unit("/min", "per minute")
PERCENT: Final = Unit("%", "percent")
MMHG: Final = Unit("mm[Hg]", "millimetre of mercury")
CELSIUS: Final = Unit("Cel", "degree Celsius")
L_PER_MIN: Final = Unit("L/min", "litre per minute")
SCORE: Final = Unit("{ScoreOf}", "ScoreOf")


@dataclass(frozen=True, slots=True)
class Kind:
    """An Observation that one field of a set makes: its codings, and the unit of its value."""

    name: str  # in ids: FHIR allows no underscores there
    codings: tuple[tuple[str, str, str], ...]  # (system, code, words)
    unit: Unit | None = None
    category: str = "vital-signs"
    words: str = ""  # where no code is sure

    @property
    def concept(self) -> Resource:
        """As a CodeableConcept."""
        if not self.codings:
            return {"text": self.words}
        return {"coding": [{"system": system, "code": code, "display": said} for system, code, said in self.codings]}


QUANTITIES: Final = {
    "respiratory_rate": Kind(
        "respiratory-rate",
        ((SNOMED, "86290005", "Respiratory rate"), (LOINC, "9279-1", "Respiratory rate")),
        PER_MINUTE,
    ),
    "spo2": Kind(
        "spo2",
        (
            (SNOMED, "431314004", "Peripheral oxygen saturation"),
            (LOINC, "2708-6", "Oxygen saturation in Arterial blood"),
            (LOINC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        ),
        PERCENT,
    ),
    "pulse": Kind("pulse", ((SNOMED, "78564009", "Pulse rate"), (LOINC, "8867-4", "Heart rate")), PER_MINUTE),
    "temperature": Kind(
        "temperature", ((SNOMED, "386725007", "Body temperature"), (LOINC, "8310-5", "Body temperature")), CELSIUS
    ),
    "weight": Kind(
        "weight", ((SNOMED, "27113001", "Body weight"), (LOINC, "29463-7", "Body weight")), Unit("kg", "kilogram")
    ),
    "glucose": Kind(
        "glucose",
        ((LOINC, "14743-9", "Glucose [Moles/volume] in Capillary blood by Glucometer"),),
        Unit("mmol/L", "millimole per litre"),
    ),
    "peak_flow": Kind("peak-flow", (), L_PER_MIN, category="exam", words="Peak expiratory flow"),
}
"""By field of a set: what is a number."""

BLOOD_PRESSURE: Final = Kind(
    "blood-pressure",
    ((SNOMED, "75367002", "Blood pressure"), (LOINC, "85354-9", "Blood pressure panel with all children optional")),
)
PRESSURES: Final = {
    "systolic": Kind(
        "systolic",
        ((SNOMED, "72313002", "Systolic arterial pressure"), (LOINC, "8480-6", "Systolic blood pressure")),
        MMHG,
    ),
    "diastolic": Kind(
        "diastolic",
        ((SNOMED, "1091811000000102", "Diastolic arterial pressure"), (LOINC, "8462-4", "Diastolic blood pressure")),
        MMHG,
    ),
}
ON_AIR: Final = Kind("oxygen", ((SNOMED, "722742002", "Breathing room air"),))
ON_OXYGEN: Final = Kind("oxygen", ((SNOMED, "371825009", "Patient on oxygen"),), L_PER_MIN, category="therapy")
ACVPU: Final = Kind(
    "consciousness",
    ((SNOMED, "1104441000000107", "ACVPU (Alert Confusion Voice Pain Unresponsive) scale score"),),
    category="survey",
)
CONSCIOUS: Final = {
    "A": ("248234008", "Mentally alert"),
    "C": ("130987000", "Acute confusion"),
    "V": ("300202002", "Responds to voice"),
    "P": ("450847001", "Responds to pain"),
    "U": ("422768004", "Unresponsive"),
}

_RCP: Final = "Royal College of Physicians NEWS2 (National Early Warning Score 2)"
NEWS2: Final = Kind("news2", ((SNOMED, "1104051000000101", f"{_RCP} total score"),), SCORE, category="survey")
_PARTS: Final = {
    "respiratory_rate": ("1104301000000104", "respiration rate score"),
    "oxygen": ("1104331000000105", "air or oxygen score"),
    "systolic": ("1104341000000101", "systolic blood pressure score"),
    "pulse": ("1104351000000103", "pulse score"),
    "consciousness": ("1104361000000100", "consciousness score"),
    "temperature": ("1104371000000107", "temperature score"),
}
_SPO2_PARTS: Final = {
    1: ("1104311000000102", "oxygen saturation scale 1 score"),
    2: ("1104321000000108", "oxygen saturation scale 2 score"),
}


def parts(scale: int) -> dict[str, Kind]:
    """By parameter, in the order of the chart: its score's own code; SpO2 has one for each scale."""
    coded = {**_PARTS, "spo2": _SPO2_PARTS[scale]}
    return {name: Kind(name, ((SNOMED, coded[name][0], f"{_RCP} - {coded[name][1]}"),), SCORE) for name in PARAMETERS}


KINDS: Final = (*QUANTITIES.values(), BLOOD_PRESSURE, ON_AIR, ON_OXYGEN, ACVPU, NEWS2)
SYSTEM_OF: Final = {system: name for system, name in SYSTEMS.items() if name != "mdc"}
"""The systems that are written, as `devices.codes` names them."""
