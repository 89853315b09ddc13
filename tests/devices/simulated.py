"""What the tests of the simulator share: the contract, the score of a set, and patients who fall ill."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean
from zoneinfo import ZoneInfo

from alert_rules.news2 import News2, score
from alert_rules.vitals import Consciousness, Vitals, to_chart
from devices.simulator import Patient, Sending, SentSet, cohort, sendings

LONDON = ZoneInfo("Europe/London")
MONDAY = datetime(2026, 11, 16, tzinfo=LONDON)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)

Told = tuple[Patient, SentSet, float]  # and the hour of the script

# The public contract, and what the clinical policy refuses at the door.
RANGES = {
    "respiratory_rate": (1, 120),
    "spo2": (1, 100),
    "oxygen_flow": (0, 15),
    "systolic": (1, 350),
    "diastolic": (1, 350),
    "pulse": (1, 350),
    "temperature": (20, 46),
    "weight": (20, 300),
    "glucose": (0.5, 40),
    "peak_flow": (30, 900),
    "battery": (0, 100),
}
WORDS: dict[str, set[object]] = {
    "consciousness": {*"ACVPU"},
    "assessed_by": {"patient", "carer", "staff"},
    "wellness": {"much better", "better", "same", "worse", "much worse"},
    "quality": {"good", "low", "test"},
    "on_oxygen": {True, False},
}
MEASUREMENTS = set(RANGES) - {"battery"} | {"consciousness", "on_oxygen"}


def check_contract(body: bytes) -> list[dict[str, object]]:
    """The sets in a body. Fails where /v1/readings would refuse any of it."""
    posted = json.loads(body)
    sets: list[dict[str, object]] = posted if isinstance(posted, list) else [posted]
    assert 1 <= len(sets) <= 1000
    for one in sets:
        assert set(one) <= {"id", "taken_at", "declined", *RANGES, *WORDS}
        assert isinstance(one["id"], str)
        assert 1 <= len(one["id"]) <= 64
        assert datetime.fromisoformat(str(one["taken_at"])).tzinfo is not None
        for name, (lowest, highest) in RANGES.items():
            value = one.get(name, lowest)
            assert isinstance(value, int | float)
            assert lowest <= value <= highest, name
        assert all(one[name] in words for name, words in WORDS.items() if name in one)
        assert one.get("declined") or MEASUREMENTS & set(one)
    return sets


def first_time(told: Iterable[Sending]) -> Iterator[tuple[Patient, SentSet]]:
    """Each set once, with whose it is."""
    return ((sending.patient, one) for sending in told if not sending.again for one in sending.sets)


def taken(one: SentSet) -> datetime:
    return datetime.fromisoformat(one.taken_at)


def news2(patient: Patient, one: SentSet) -> News2:
    def units(value: float | None, decimals: int = 0) -> int | None:
        return None if value is None else to_chart(Decimal(str(value)), decimals)

    by_flow = None if one.oxygen_flow is None else one.oxygen_flow > 0
    vitals = Vitals(
        respiratory_rate=units(one.respiratory_rate),
        spo2=units(one.spo2),
        on_oxygen=by_flow if one.on_oxygen is None else one.on_oxygen,
        systolic=units(one.systolic),
        pulse=units(one.pulse),
        consciousness=Consciousness(one.consciousness) if one.consciousness else None,
        temperature_tenths=units(one.temperature, 1),
    )
    return score(vitals, patient.spo2_scale)


def story_of(script: str, pathway: str, n: int = 20, days: int = 5) -> list[Told]:
    """The sets of patients to whom a script happens from Tuesday noon on. Their clocks are right."""
    began = MONDAY + timedelta(hours=36)
    patients = [with_right_clock(patient).begins(script, began) for patient in cohort([pathway], n, seed=3)]
    told = first_time(sendings(patients, MONDAY, MONDAY + timedelta(days=days), seed=3))
    return [(patient, one, (taken(one) - began) / HOUR) for patient, one in told]


def with_right_clock(patient: Patient, *, local_time: bool = False) -> Patient:
    return replace(patient, hub=replace(patient.hub, clock_offset_s=0, local_time=local_time))


def mean_of(vital: str, story: Sequence[Told], from_h: float, to_h: float) -> float:
    values = [getattr(one, vital) for _, one, hour in story if from_h <= hour < to_h]
    return fmean(value for value in values if value is not None)
