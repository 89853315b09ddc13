"""Every decoder against anything: it raises nothing but its own refusal, and what it takes in time is linear.

Shortly in the suite; for longer, `make fuzz` (VIRTUAL_WARD_FUZZ_EXAMPLES says how many examples each property gets).
"""

import json
import os
import time
import tracemalloc
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.formats.every import FORMATS, REFUSALS, guess
from devices.posted import Decoded
from devices.reading import Arrival

EXAMPLES: Final = int(os.environ.get("VIRTUAL_WARD_FUZZ_EXAMPLES", "40"))
READ: Final = {name: decode for name, decode in FORMATS.items() if decode is not None}
AT: Final = "2026-11-21T10:00:00+00:00"
NOW: Final = datetime(2026, 11, 21, 10, tzinfo=UTC)
MIB: Final = 1_048_576

fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

OBSERVATION: Final = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    "subject": {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"}},
    "effectiveDateTime": AT,
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 120), ("8462-4", 80.5))
    ],
}
SOUND: Final[dict[str, Any]] = {
    "native": [{"id": "a1", "taken_at": AT, "spo2": 96, "temperature": 37.05, "assessed_by": "patient"}] * 2,
    "fhir": {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"resource": OBSERVATION, "request": {"method": "POST", "url": "Observation"}}] * 2,
    },
    "gatt": {
        "frames": [
            {"characteristic": name, "value": value, "received_at": AT}
            for name, value in (
                ("2A5E", "0F61004800EA070B15093B3A20000000002AF0"),
                ("2A5F", "1F62004800610047006000460000010000002AF0"),
                ("2A35", "1E800050006000EA070B15093B3A4800010000"), ("2A37", "16480004"),
                ("2A1C", "07DA0300FFEA070B15093B3A02"), ("2A9D", "0F703FEA070B15093B3A020001F406"), ("2A19", "50"),
            )
        ]
    },
    "open-mhealth": [
        {
            "header": {"id": "p1", "schema_id": {"namespace": "omh", "name": name, "version": "1.0"}, "user_id": "u"},
            "body": {
                member: {"value": value, "unit": unit},
                "effective_time_frame": {
                    "time_interval": {"end_date_time": AT, "duration": {"value": 60, "unit": "sec"}}
                },
            },
        }
        for name, member, value, unit in (
            ("heart-rate", "heart_rate", 60, "beats/min"), ("body-temperature", "body_temperature", 98.6, "F"),
        )
    ],
}  # fmt: skip
ORU: Final = (
    r"MSH|^~\&|HUB|HOME|VW|QXX|20261121100000+0000||ORU^R01^ORU_R01|C1|P|2.6||||||UNICODE UTF-8"
    "\r"
    "PID|||9434765919^^^NHS^NH||Doe^Jane\r"
    "OBR|1|||182777000^monitoring of patient^SCT|||20261121095900+0000\r"
    "OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.150456|96|262688^MDC_DIM_PERCENT^MDC|||||R|||20261121095900+0000\r"
    "OBX|2|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.149530|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r"
)


def sound(name: str) -> bytes:
    """A document that its decoder takes."""
    return ORU.encode() if name == "hl7v2" else json.dumps(SOUND[name]).encode()


def survives(name: str, document: bytes) -> Decoded | None:
    """What came of a document that may be anything: None where nothing of it could be read."""
    try:
        decoded = READ[name](document, NOW)
    except REFUSALS:
        return None
    assert all(one.reason for one in decoded.refused)
    travels = Arrival(
        source=1, received_at=NOW, sets=decoded.sets, impossible=decoded.impossible, odd=decoded.odd,
        clock_offset_s=decoded.clock_offset_s, battery=decoded.battery,
    )  # fmt: skip
    again = msgspec.json.decode(msgspec.json.encode(travels), type=Arrival)
    assert (again.sets, again.impossible) == (travels.sets, travels.impossible)
    for odd in decoded.odd:
        assert "\0" not in json.dumps(json.loads(bytes(odd.document)), ensure_ascii=False), "no column holds NUL"
    return decoded


HOSTILE: Final[list[Any]] = [
    None, True, 0, -1, 0.1, 1e308, -1e308, 10**400, "", "a\0b", "\ud800", "0" * 70, "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00", "2026-11-21T10:00:00", "NaN", [], {}, [[]], "ff" * 600, "2A5F", "é" * 40, AT, 1e-320,
]  # fmt: skip


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every member and element of a document: its holder, and its name there."""
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [place for name, part in [*inner] for place in ((document, name), *places(part))]


@st.composite
def nearly_sound(draw: st.DrawFn, name: str) -> bytes:
    """A sound document with some of its parts gone, doubled, moved, or something else."""
    document = json.loads(sound(name))
    for _ in range(draw(st.integers(1, 4))):
        found = places(document)
        if not found:
            break
        holder, key = draw(st.sampled_from(found))
        change = draw(st.sampled_from(["replace", "remove", "wrap", "rename", "copy"]))
        if change == "remove":
            del holder[key]
        elif change == "wrap":
            holder[key] = [holder[key]] if draw(st.booleans()) else {"value": holder[key]}
        elif change == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from(["x", "value", "unit", "code", "resource", "a\0b"]))] = holder.pop(key)
        elif change == "copy":
            other, there = draw(st.sampled_from(found))
            holder[key] = json.loads(json.dumps(other.get(there) if isinstance(other, dict) else None))
        else:
            holder[key] = deepcopy(draw(st.sampled_from(HOSTILE)))
    return json.dumps(document).encode()


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A sound document cut, spliced, doubled, or of another encoding."""
    whole = sound(name)
    start, end = sorted((draw(st.integers(0, len(whole))), draw(st.integers(0, len(whole)))))
    put = draw(
        st.sampled_from([b"", b"\0", b"\xff", b"[", b"{", b'"', b"|", b"^", b"\\X", b"\r", b"1e999", whole[:40]])
    )
    spliced = whole[:start] + put + whole[end:] if draw(st.booleans()) else whole[:start] + put + whole[start:]
    return spliced.decode("latin-1").encode("utf-16") if draw(st.integers(0, 9)) == 0 else spliced


@pytest.mark.parametrize("name", READ)
def test_a_sound_document_is_taken_and_its_format_is_seen(name: str) -> None:
    decoded = survives(name, sound(name))
    assert decoded is not None
    assert decoded.sets, decoded
    assert guess(sound(name)) == name


@pytest.mark.parametrize("name", [name for name in READ if name != "hl7v2"])
@given(data=st.data())
@fuzzed
def test_what_is_nearly_sound_is_survived(name: str, data: st.DataObject) -> None:
    survives(name, data.draw(nearly_sound(name)))


@pytest.mark.parametrize("name", READ)
@given(data=st.data())
@fuzzed
def test_what_is_damaged_is_survived(name: str, data: st.DataObject) -> None:
    survives(name, data.draw(damaged(name)))


@pytest.mark.parametrize("name", READ)
@given(document=st.binary(max_size=200) | st.sampled_from([sound(name) for name in READ]))
@fuzzed
def test_what_is_of_another_format_or_of_none_is_survived(name: str, document: bytes) -> None:
    survives(name, document)


def _repeated(name: str, size: int) -> bytes:
    """Sound parts, again and again, up to a size: more than a request may hold, so that all of it is looked at."""
    if name == "hl7v2":
        *head, first, _, _ = ORU.splitlines(keepends=True)
        return "".join([*head, first * (size // len(first))]).encode()
    one = json.dumps(
        {"gatt": SOUND["gatt"]["frames"][0], "fhir": SOUND["fhir"]["entry"][0]}.get(name) or SOUND[name][0]
    )
    many = ",".join([one] * max(1, min(900, size // len(one))))
    padding = " " * max(0, size - len(many))
    before, after = {
        "gatt": ('{"frames":[', "]}"),
        "fhir": ('{"resourceType":"Bundle","type":"batch","entry":[', "]}"),
    }.get(name, ("[", "]"))
    return f"{before}{many}{padding}{after}".encode()


LARGE: Final[dict[str, Callable[[str, int], bytes]]] = {
    "sound parts": _repeated,
    "depth": lambda name, size: b'{"body":' * (size // 8),
    "depth in a list": lambda name, size: b"[" * size,
    "digits": lambda name, size: sound(name).replace(b"96", b"9" * size).replace(b"60", b"9" * size),
    "a long word": lambda name, size: sound(name).replace(b"2026", b"x" * size),
    "quotes": lambda name, size: b'"' * size,
    "escapes": lambda name, size: sound(name)[:-1] + b"\\X41\\\\F\\\\u0041" * (size // 14),
    "separators": lambda name, size: sound(name) + b"OBX|1^^^&&&~~~~|" * (size // 16),
}


def _seconds(name: str, document: bytes) -> float:
    """The least that decoding takes of this process's time, in three goes."""
    least = float("inf")
    for _ in range(3):
        began = time.process_time()
        survives(name, document)
        least = min(least, time.process_time() - began)
    return least


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("name", READ)
def test_twice_the_size_takes_little_more_than_twice_the_time(name: str, kind: str) -> None:
    half, whole = (_seconds(name, LARGE[kind](name, size)) for size in (MIB // 4, MIB // 2))
    assert whole < max(3 * half, 0.25), "anything quadratic takes many seconds here"


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("name", READ)
def test_a_large_document_costs_bounded_memory(name: str, kind: str) -> None:
    document = LARGE[kind](name, MIB // 4)
    tracemalloc.start()
    try:
        survives(name, document)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80 * len(document)
