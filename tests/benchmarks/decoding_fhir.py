"""FHIR Observations decoded to sets of readings, beside `fhir.resources` parsing the same bytes in the same run."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation

from devices.codes import SYSTEMS, WORDS
from devices.formats.fhir.observations import decode
from tests.benchmarks.figures import Figure, Target, spoken
from tests.benchmarks.measure import Bench
from tests.observations import ACVPU, PULSE, RATE, SNOMED, SPO2, TEMPERATURE, body, bundle, concept, observed, pressure

CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
BESIDE: Final = {RATE: "86290005", SPO2: "431314004", PULSE: "364075005", TEMPERATURE: "386725007"}
TIMES_AS_FAST: Final = Target(must=20, aim=25)
SETS: Final = 100
RUNS: Final = 7
SINGLE: Final = 400
AT: Final = datetime(2026, 3, 10, 8, tzinfo=UTC)


def take(bench: Bench) -> list[Figure]:
    """A hub's day of full sets in one batch, seven Observations each; and one Observation in a body of its own."""
    several = body(bundle("batch", *(one for number in range(SETS) for one in _full_set(number)), conditional=True))
    bench.say(f"{7 * SETS} Observations in a Bundle of {len(several):,} bytes")
    assert len(decode(several).sets) == SETS
    ours, theirs = _alternating(lambda: decode(several), lambda: Bundle.model_validate_json(several), 7 * SETS)
    alone = body(_full_set(0)[1])
    one, their_one = _alternating(
        lambda: [decode(alone) for _ in range(SINGLE)],
        lambda: [Observation.model_validate_json(alone) for _ in range(SINGLE)],
        SINGLE,
    )
    beside = f"best of {RUNS}: {spoken(ours)} against {spoken(theirs)} Observations/s"
    return [
        Figure("FHIR Observations decoded, of `fhir.resources`", ours / theirs, "times", TIMES_AS_FAST, beside),
        Figure("FHIR Observations, one in a body", one, "/s", None, f"`fhir.resources`: {spoken(their_one)}"),
    ]


def _full_set(number: int) -> list[dict[str, Any]]:
    """What one round of measurements brings, each Observation as UK Core has it: with its category and both codings."""
    at, own = AT + timedelta(minutes=number), UUID(int=number).hex
    measured = ((RATE, 18), (SPO2, 96), (PULSE, 88), (TEMPERATURE, 37.1))
    vitals = [observed(code, value + number % 3, at, f"{own}-{code}") for code, value in measured]
    air = observed(concept("722742002", SNOMED), at=at, own=f"{own}-air")
    alert = concept("248234008", SNOMED)
    awake = observed(concept(ACVPU, SNOMED), at=at, own=f"{own}-acvpu", valueCodeableConcept=alert)
    return [_as_in_uk_core(one) for one in (*vitals, air, awake, pressure(128, 74, at=at, own=f"{own}-bp"))]


def _as_in_uk_core(one: dict[str, Any]) -> dict[str, Any]:
    """With what the profile asks for beside what is read."""
    codings = one["code"]["coding"]
    for code, beside in BESIDE.items():
        if codings[0]["code"] == code:
            codings.append({"system": SNOMED, "code": beside})
    for coding in codings:
        coding["display"] = WORDS[SYSTEMS[coding["system"]], coding["code"]]
    if "valueQuantity" in one:
        one["valueQuantity"]["unit"] = one["valueQuantity"]["code"]
    category = {"system": CATEGORY, "code": "vital-signs", "display": "Vital Signs"}
    return one | {"category": [{"coding": [category]}], "performer": [{"reference": "Patient/1"}]}


def _alternating(ours: Callable[[], object], theirs: Callable[[], object], number: int) -> tuple[float, float]:
    """The best rate of each, measured in turn: what disturbs one disturbs the other."""
    best = [0.0, 0.0]
    for _ in range(RUNS):
        for place, work in [(0, ours), (0, ours), (1, theirs), (1, theirs)]:  # the first of two finds cold caches
            began_s = time.process_time()
            work()
            best[place] = max(best[place], number / (time.process_time() - began_s))
    return best[0], best[1]
