"""Whatever the bytes: refused by name or malformed, nothing else raised, and in time that grows with their number."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.native import Malformed, TooManySets, decode
from devices.posted import Decoded, Posted
from devices.reading import Arrival
from tests.devices.posting import AT, body, fields_of, numbers, only, posted, refused

MIB = 1_048_576
SOUND = body(posted(pulse=88, temperature=37.05))
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def survives(document: bytes) -> Decoded | None:
    """What came of a document that may be anything: None where it was malformed or too long."""
    try:
        decoded = decode(document)
    except (Malformed, TooManySets):
        return None
    assert all(one.reason for one in decoded.refused)
    travels = Arrival(source=1, received_at=NOW, sets=decoded.sets, impossible=decoded.impossible)
    assert msgspec.json.decode(msgspec.json.encode(travels), type=Arrival) == travels
    return decoded


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
likely = st.one_of(
    anything,
    st.sampled_from([96, 0, -1, 35.05, 1e308, 10**400, "96", "A", AT, "9999-12-31T23:59:59-14:00", "good", "a\0b"]),
)
nearly_sets = st.dictionaries(st.sampled_from([*Posted.__struct_fields__, "sp02"]), likely, max_size=8).map(
    lambda fields: posted() | fields
)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_survived(document: bytes) -> None:
    survives(document)


@given(anything | st.lists(nearly_sets, max_size=5))
@settings(deadline=None)
def test_any_json_is_survived(document: object) -> None:
    assert survives(json.dumps(document).encode()) is not None


@given(nearly_sets)
@settings(deadline=None)
def test_what_is_nearly_a_set_is_taken_or_refused_once(one: dict[str, Any]) -> None:
    decoded = survives(json.dumps(one).encode())
    assert decoded is not None
    assert len(decoded.sets) + len(decoded.refused) == 1


@given(st.lists(nearly_sets, min_size=1, max_size=6))
@settings(deadline=None)
def test_an_element_fares_in_an_array_as_it_does_alone(sets: list[dict[str, Any]]) -> None:
    alone = [decode(json.dumps(one).encode()) for one in sets]
    together = decode(json.dumps(sets).encode())
    assert together.sets == [one for decoded in alone for one in decoded.sets]
    assert [(one.field, one.reason) for one in together.refused] == [
        (one.field, one.reason) for decoded in alone for one in decoded.refused
    ]


@given(st.integers(min_value=0, max_value=len(SOUND) - 1))
def test_a_set_cut_short_is_malformed(length: int) -> None:
    with pytest.raises(Malformed):
        decode(SOUND[:length])


@given(st.integers(min_value=0, max_value=len(SOUND) - 1), st.integers(min_value=0, max_value=255))
@settings(deadline=None)
def test_a_flipped_byte_is_survived(place: int, byte: int) -> None:
    survives(SOUND[:place] + bytes([byte]) + SOUND[place + 1 :])


@pytest.mark.parametrize(
    "document",
    [
        b"", b" ", b"\xff\xfe", b"\xef\xbb\xbf" + SOUND, SOUND.decode().encode("utf-16"), SOUND + b"x", SOUND + SOUND,
        b"[" + SOUND, b"[" + SOUND + b",]", b"[1,", b"NaN", b"{'id': 1}", b'{"id": "\xff"}', b'{"\xff": 1}',
        b'{"id": "a\x00b"}', b'{"id": "\\ud800"}', b'{"id": "\\x"}',
        b'{"sp02": 1, "id": ', b'[{"sp02": 1}, {"id": ',  # not JSON, whatever else is wrong before
    ],
)  # fmt: skip
def test_what_is_not_json_is_malformed(document: bytes) -> None:
    with pytest.raises(Malformed):
        decode(document)


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1E3000000", "1e99999999999999999999", "1" * 5000, "0." + "0" * 5000 + "1"]
)
def test_numbers_that_no_sensor_has_are_refused_by_name(number: str) -> None:
    assert refused(numbers(spo2=number))[0] == "spo2"
    assert refused(numbers(spo2="96", battery=f"-1{number.lstrip('-0.')}"))[0] == "battery"


@pytest.mark.parametrize("opening", [b"[", b'{"id":', b'[{"id":', b'{"id":"a","spo2":[', b'{"x":{"y":'])
def test_nesting_however_deep_is_malformed(opening: bytes) -> None:
    with pytest.raises(Malformed):
        decode(opening * (MIB // len(opening)))


def test_a_deep_element_that_is_closed_again_is_malformed_too() -> None:
    with pytest.raises(Malformed, match="nested too deeply"):
        decode(b"[" + SOUND + b"," + b"[" * 100_000 + b"]" * 100_000 + b"]")


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "elements": lambda size: b"[" + b"1," * (size // 2 - 1) + b"1]",
    "empty sets": lambda size: b"[" + b"{}," * (size // 3 - 1) + b"{}]",
    "short sets": lambda size: b"[" + (SOUND + b",") * (size // len(SOUND) - 1) + SOUND + b"]",
    "digits": lambda size: numbers(spo2="9" * size),
    "decimals": lambda size: numbers(spo2="9." + "9" * size),
    "zeros": lambda size: numbers(spo2="0." + "0" * size),
    "a long name": lambda size: json.dumps(only(**{"x" * size: 1})).encode(),
    "a name like our own words": lambda size: json.dumps(only(**{" - at `$.x` " * (size // 12): 1})).encode(),
    "a long id": lambda size: body(posted(id="x" * size)),
    "escapes": lambda size: b'{"id":"' + b"\\u00e9" * (size // 6) + b'"}',
    "one field again and again": lambda size: b"{" + b'"spo2":96,' * (size // 10) + SOUND[1:],
    "spaces": lambda size: b" " * size + SOUND,
    "depth": lambda size: b"[" * size,
    "numbers to be told": lambda size: b"[" + b",".join([numbers(spo2="9" * 900)] * (size // 1000)) + b"]",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_megabyte_of_anything_costs_a_fraction_of_a_second(kind: str) -> None:
    document = HOSTILE[kind](MIB)
    began = time.process_time()
    survives(document)
    assert time.process_time() - began < 1.0  # what is sound takes 0.1 s; anything quadratic takes minutes


def test_a_hostile_name_is_answered_shortened() -> None:
    ((_, field),) = fields_of(decode(json.dumps(only(**{"x" * 10_000: 1})).encode()))
    assert field == "x" * 200
