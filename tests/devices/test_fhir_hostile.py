"""Whatever the bytes: read, kept aside or refused by name, nothing else raised, in time that grows with them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.fhir.node import Refused
from devices.formats.fhir.observations import decode
from devices.posted import Decoded
from devices.reading import Arrival
from tests.observations import (
    ACVPU,
    AT,
    MDC,
    NEWS2,
    PRESSURE,
    PULSE,
    SNOMED,
    SPO2,
    TEMPERATURE,
    UCUM,
    WEIGHT,
    body,
    bundle,
    concept,
    observed,
    pressure,
    quantity,
)  # fmt: skip

MIB = 1_048_576
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def survives(document: bytes) -> Decoded | None:
    """What came of a document that may be anything: None where it was refused as a whole."""
    try:
        decoded = decode(document)
    except Refused:
        return None
    assert all(one.reason and one.field for one in decoded.refused)
    assert all(b"\\u0000" not in bytes(one.document) and "\0" not in one.detail for one in decoded.odd)
    travels = Arrival(
        source=1, received_at=NOW, sets=decoded.sets, impossible=decoded.impossible, odd=decoded.odd,
        clock_offset_s=decoded.clock_offset_s,
    )  # fmt: skip
    encoded = msgspec.json.encode(travels)
    assert msgspec.json.encode(msgspec.json.decode(encoded, type=Arrival)) == encoded
    return decoded


numbers = st.one_of(
    st.integers(-5, 400), st.floats(0, 200), st.sampled_from([1e308, -1e308, 5e-324, 10**18, 10**30, 35.05, 0, -1])
)
texts = st.sampled_from(
    ["", "final", "amended", "%", "/min", "Cel", "[degF]", "kPa", "furlong", AT, "2026", "9999-12-31T23:59:59-14:00",
     "0001-01-01T00:00:00+14:00", "2026-11-21T10:00:00", "a\0b", "Patient/1", "#x", "urn:uuid:0", "70 E 1e9999",
     "<", "é"]
)  # fmt: skip
codes = st.sampled_from(
    [concept(SPO2), concept(PULSE), concept(TEMPERATURE), concept(WEIGHT), concept(ACVPU, SNOMED),
     concept(NEWS2, SNOMED), concept("67975", MDC), concept("67996", MDC), concept("371825009", SNOMED),
     concept("866661000000106", SNOMED), concept("85353-1"), concept("x"), {"coding": []}, {},
     {"coding": [{"code": "x" * 300}]}]
)  # fmt: skip
systems = st.sampled_from([MDC, UCUM, "x"])
quantities = st.fixed_dictionaries(
    {}, optional={"value": numbers, "unit": texts, "code": texts, "system": systems, "comparator": texts}
)
identifiers = st.fixed_dictionaries({}, optional={"system": texts, "value": texts})
references = st.fixed_dictionaries({}, optional={"reference": texts, "identifier": identifiers})
series = st.fixed_dictionaries(
    {"dimensions": st.just(1)}, optional={"data": texts, "period": numbers, "factor": numbers, "origin": quantities}
)
values: dict[str, st.SearchStrategy[Any]] = {
    "valueQuantity": quantities,
    "valueCodeableConcept": codes,
    "valueInteger": numbers,
    "valueString": texts,
    "valueBoolean": st.booleans(),
    "valueDateTime": texts,
    "valueSampledData": series,
    "dataAbsentReason": codes,
    "interpretation": st.lists(codes, max_size=2),
    "modifierExtension": st.just([{}]),
    "code": codes,
}  # fmt: skip
resources = st.fixed_dictionaries(
    {},
    optional=values
    | {
        "status": texts,
        "identifier": st.lists(identifiers, max_size=2),
        "subject": references,
        "device": references,
        "effectiveDateTime": texts,
        "effectivePeriod": st.fixed_dictionaries({}, optional={"start": texts, "end": texts}),
        "effectiveTiming": st.fixed_dictionaries({}, optional={"event": st.lists(texts, max_size=2)}),
        "component": st.lists(st.fixed_dictionaries({}, optional=values), max_size=3),
        "derivedFrom": st.lists(references, max_size=2),
        "contained": st.just([{"resourceType": "Patient", "id": "x"}]),
        "resourceType": st.sampled_from(["Observation", "Patient", "x"]),
    },
).map(lambda changed: observed(SPO2, 96) | changed)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_survived(document: bytes) -> None:
    survives(document)


@given(st.lists(resources, max_size=4), st.sampled_from(["batch", "transaction", "collection"]))
@settings(deadline=None, max_examples=300)
def test_what_is_nearly_an_observation_is_survived_and_fares_alone_as_it_does_in_a_batch(
    several: list[dict[str, Any]], kind: str
) -> None:
    together = survives(body(bundle(kind, *several)))
    assert together is not None
    if len(several) == 1 and several[0]["resourceType"] == "Observation":
        alone = survives(body(several[0]))
        assert alone is None or [one.reason for one in alone.odd] == [one.reason for one in together.odd]


@given(st.sampled_from([*values, "status", "subject", "identifier", "component", "meta", "extension"]), anything)
@settings(deadline=None, max_examples=200)
def test_a_field_of_any_type_refuses_its_own_entry_only(name: str, anything: Any) -> None:
    decoded = survives(
        body(bundle("batch", observed(PULSE, 88, own="a"), observed(SPO2, 96, own="b") | {name: anything}))
    )
    assert decoded is not None
    assert any(one.pulse == 88 for one in decoded.sets)


@pytest.mark.parametrize("length", range(0, 700, 7))
def test_a_truncated_document_is_refused(length: int) -> None:
    whole = body(bundle("batch", observed(SPO2, 96), pressure(120, 60)))
    assert length >= len(whole) or survives(whole[:length]) is None


def deep(levels: int) -> bytes:
    """An Observation that nests so deeply."""
    return (
        body(observed(concept("x"), valueQuantity=quantity(1, "x")))[:-1]
        + b', "note": '
        + b"[" * levels
        + b"]" * levels
        + b"}"
    )


@pytest.mark.parametrize("levels", [100, 900, 100_000])
def test_what_nests_too_deeply_is_not_kept(levels: int) -> None:
    decoded = survives(deep(levels))
    assert decoded is None or (decoded.odd, len(decoded.refused)) == ([], 1)


def test_what_no_database_holds_is_refused_where_it_would_be_kept() -> None:
    one = observed(concept("x"), valueQuantity=quantity(1, "x"), note=[{"text": "a\0b"}])
    decoded = survives(body(one))
    assert decoded is not None
    assert "NUL" in decoded.refused[0].reason
    assert survives(body(observed(SPO2, 96))[:-1] + b', "note": "\xff"}') is None


def test_however_much_of_it_is_in_doubt_it_is_kept_once() -> None:
    unknown = [{"code": concept(str(at)), "valueQuantity": quantity(1, "x")} for at in range(1000)]
    decoded = survives(body(observed(PRESSURE, component=unknown)))
    assert decoded is not None
    (one,) = decoded.odd
    assert len(one.detail) <= 500


def test_a_name_that_no_database_holds_is_refused() -> None:
    entry = bundle("batch", observed(SPO2, 96))
    entry["entry"][0]["request"]["ifNoneExist"] = "identifier=a|b%00"
    for one in (entry, bundle("batch", observed(SPO2, 96, own="a\0b"))):
        decoded = survives(body(one))
        assert decoded is not None
        assert [each.reason for each in decoded.refused] == ["holds the character NUL"]


@pytest.mark.parametrize(
    "grow",
    [
        lambda size: body(bundle("batch", *[observed(SPO2, 96, own=str(at)) for at in range(size // 300)])),
        lambda size: body(
            observed(PULSE, valueSampledData={"data": "70 " * (size // 3), "dimensions": 1, "period": 1})
        ),
        lambda size: body(observed(SPO2, valueQuantity=quantity(96, "{" * size))),
        lambda size: body(observed({"coding": [{"code": "x"}] * (size // 20)}, valueQuantity=quantity(96, "%"))),
        lambda size: body(observed(PRESSURE, component=[{"code": concept("8480-6")}] * (size // 60))),
        lambda size: body(bundle("collection", *[observed(SPO2, at) for at in range(size // 300)])),
    ],
)
def test_time_grows_with_size_and_no_faster(grow: Callable[[int], bytes]) -> None:
    def seconds(size: int) -> float:
        document = grow(size)
        took = []
        for _ in range(3):
            began = time.process_time()
            survives(document)
            took.append(time.process_time() - began)
        return min(took)

    small, large = seconds(MIB // 16), seconds(MIB // 4)
    assert large < max(12 * small, 0.2)
