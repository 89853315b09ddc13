"""Decoding, by one core's processor time: bytes as they are posted, to judged sets, ready for the stream."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from devices.formats.gatt import body as gatt
from devices.formats.gatt.frames import READ
from devices.formats.open_mhealth import body as open_mhealth
from devices.posted import Decoded
from tests.benchmarks.figures import BenchmarkError, Figure, Target, middle
from tests.benchmarks.measure import Bench

GATT_RATE: Final = Target(must=200_000, aim=400_000)
IN_ONE_BODY: Final = 1_000
RUNS: Final = 7
BODIES_PER_RUN: Final = 20
FIRST: Final = datetime(2026, 3, 14, 8, 30, tzinfo=UTC)


def take(_: Bench) -> list[Figure]:
    """Frames of four kinds of sensor, three of them with a clock; data points of heart rates."""
    frames, points = _frames(), _points()
    read = [(READ[one["characteristic"]], bytes.fromhex(one["value"])) for one in frames]
    body, data = json.dumps({"frames": frames}).encode(), json.dumps(points).encode()

    def values() -> int:
        return sum(1 for decode, value in read if decode(value).fields)

    def observed() -> int:
        return sum(1 for _ in gatt.observe(body, Decoded()))

    return [
        _figure("GATT: a frame's bytes to its values", values, "frames/s", GATT_RATE),
        _figure("GATT: a body's frames to sets with id and time", observed, "frames/s", GATT_RATE),
        _figure("GATT: a body to judged sets", lambda: len(gatt.decode(body).sets), "frames/s"),
        _figure("Open mHealth: a body to judged sets", lambda: len(open_mhealth.decode(data).sets), "points/s"),
    ]


def _figure(measure: str, decode: Callable[[], int], unit: str, target: Target | None = None) -> Figure:
    rates = []
    for _ in range(RUNS):
        began_s = time.process_time()  # nothing here waits for anything
        for _ in range(BODIES_PER_RUN):
            if (found := decode()) != IN_ONE_BODY:
                raise BenchmarkError(f"{measure}: {found} of {IN_ONE_BODY}")
        rates.append(IN_ONE_BODY * BODIES_PER_RUN / (time.process_time() - began_s))
    rate, beside = middle(rates)
    return Figure(measure, rate, unit, target, beside)


def _frames() -> list[dict[str, str]]:
    return [
        {"characteristic": name, "value": value, "received_at": (FIRST + timedelta(seconds=second)).isoformat()}
        for second in range(0, IN_ONE_BODY, 4)
        for name, value in _of_one_patient(second)
    ]


def _of_one_patient(second: int) -> list[tuple[str, str]]:
    shown = f"EA07030E08{30 + second // 60:02X}{second % 60:02X}"
    spo2, pulse = 90 + second % 10, 60 + second % 40
    return [
        ("2A5F", f"00{spo2:02X}00{pulse:02X}00"),
        ("2A5E", f"01{spo2:02X}00{pulse:02X}00{shown}"),
        ("2A35", f"1E{100 + second % 50:02X}0050006000{shown}{pulse:02X}00010000"),
        ("2A1C", f"06{0x68 + second % 16:02X}0100FF{shown}02"),
    ]


def _points() -> list[dict[str, object]]:
    schema_id = {"namespace": "omh", "name": "heart-rate", "version": "2.0"}
    return [
        {
            "header": {"id": f"p{number}", "creation_date_time": FIRST.isoformat(), "schema_id": schema_id},
            "body": {
                "heart_rate": {"value": 60 + number % 40, "unit": "beats/min"},
                "effective_time_frame": {"date_time": (FIRST + timedelta(seconds=number)).isoformat()},
            },
        }
        for number in range(IN_ONE_BODY)
    ]
