"""HL7 v2 readings decoded, beside the library `hl7` that takes the same bytes apart and reads nothing of them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Final

import hl7

from devices.formats.hl7v2.observations import decode
from tests.benchmarks.figures import BenchmarkError, Figure, Target, spoken
from tests.benchmarks.measure import Bench
from tests.devices.oru import obr, obx, oru, pid

NOW: Final = datetime(2026, 11, 21, 10, tzinfo=UTC)
TIMES_HL7: Final = Target(must=1, aim=3)
RUNS: Final = 7
MESSAGES: Final = 300

VALUES: Final = {
    "spo2": "97", "pulse": "72", "respiratory_rate": "18", "systolic": "128", "diastolic": "74", "temperature": "37.1",
}  # fmt: skip
MONITORS: Final = oru(
    pid("9434765919^^^NHS^NH"),
    obr("OBS-1"),
    obx("528391^MDC_DEV_SPEC_PROFILE_BP^MDC", "", "1.0.0.0", status="X"),
    *(obx(what, value, f"1.0.0.{number}", at="") for number, (what, value) in enumerate(VALUES.items(), 1)),
    obx("67975^MDC_ATTR_TIME_ABS^MDC", "20261121095800", "1.0.0.9", f2="DTM"),
).encode()


def take(bench: Bench) -> list[Figure]:
    """A monitor's message of six vital signs, again and again on one core."""
    bench.say(f"{MESSAGES} messages of readings, {RUNS} times, by us and by hl7 {hl7.__version__}")
    decoded = decode(MONITORS, NOW)
    if [len(decoded.sets), len(decoded.odd), len(decoded.refused)] != [1, 0, 0]:
        raise BenchmarkError("the message is not read as one sound set")
    ours, theirs = [], []
    for _ in range(RUNS):  # in turns: what else the machine does is shared
        ours.append(_per_s(lambda: decode(MONITORS, NOW)))
        theirs.append(_per_s(lambda: hl7.parse(MONITORS.decode())))
    beside = f"median of {RUNS}: {spoken(median(ours))} messages/s; hl7 {spoken(median(theirs))}, which reads no value"
    return [Figure("HL7 v2 readings decoded", median(ours) / median(theirs), "times hl7", TIMES_HL7, beside)]


def _per_s(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    for _ in range(MESSAGES):
        work()
    return MESSAGES / (time.perf_counter() - began_s)
