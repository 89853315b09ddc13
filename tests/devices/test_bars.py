"""A referral as a FHIR message: what it says is read, what is wrong named by its FHIRPath, what is more passed over."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.fhir.bars import Asks, Request, decode
from devices.formats.fhir.node import Refused
from devices.formats.fhir.person import NHS_NUMBER
from tests.bars import NOON, PATIENT, REQUEST, cancels, message, updates

AT_REQUEST, AT_PATIENT = (f"Bundle.entry[{place}].resource" for place in (REQUEST, PATIENT))


def read(said: object) -> Request:
    """What a message says."""
    return decode(msgspec.json.encode(said))


def test_a_message_of_999_is_read_whole() -> None:
    found = read(message())
    assert (found.asks, found.bundle_id, found.reply_to) == (Asks.NEW, "bundle-one", "https://sender.example/")
    assert (found.key, found.ids) == ("case-one", ("case-one", "request-one"))
    assert (found.need, found.starts_at, found.asked_by) == ("Fall, no injury", NOON, NOON + timedelta(hours=2))
    assert found.reason == "Fall, no injury; On the floor for an hour; FLAG: A dog"
    assert (found.seen_at, found.seen_postcode, found.flags) == ("2 Low St, Leicester", "LE1 5WW", ("A dog",))
    who = found.person
    assert (who.nhs_number, who.family_name, who.given_name) == ("9434765919", "Other", "Ann Jo")
    assert (who.birth_date, who.sex, who.phones) == (date(1950, 2, 28), "female", ("0116 1",))
    assert (who.address, who.postcode) == ("1 High St, Leicester", "LE9 1AA")
    assert who.contacts == ("Bea, daughter, 0116 2",)
    assert who.places["nhs_number"] == f"{AT_PATIENT}.identifier[0].value"


def test_an_update_and_a_cancellation_say_which_request_they_mean() -> None:
    assert read(updates()).asks is Asks.UPDATE
    assert [read(cancels(status=one)).asks for one in ("revoked", "entered-in-error")] == [Asks.CANCEL] * 2
    assert read(cancels(request={"identifier": None})).key == "request-one"


def test_nobody_needs_an_nhs_number_or_more_than_a_name_of_the_request() -> None:
    bare = message(patient={"identifier": None, "telecom": None, "contact": None, "address": None, "gender": None})
    who = read(bare).person
    assert (who.nhs_number, who.sex, who.phones, who.postcode) == (None, "unknown", (), None)
    assert who.places["nhs_number"] == f"{AT_PATIENT}.identifier"


EMPTY: dict[str, Any] = {"resourceType": "Bundle", "id": "b", "type": "message", "entry": []}
REFUSED: list[tuple[Any, str, str, bool]] = [
    ("no bundle", "resourceType", "structure", True),
    ([], "resourceType", "structure", True),
    (message() | {"type": "batch"}, "Bundle.type", "structure", True),
    (message() | {"id": "a b"}, "Bundle.id", "value", True),
    (EMPTY, "Bundle.entry[0].resource", "required", True),
    (EMPTY | {"entry": {}}, "Bundle.entry", "structure", True),
    (EMPTY | {"entry": [{}] * 201}, "Bundle.entry", "too-long", True),
    (message(header={"eventCoding": {"code": "booking-request"}}), "Bundle.entry[0].resource.eventCoding.code",
     "not-supported", False),
    (message(header={"reason": None}), "Bundle.entry[0].resource.reason.coding.code", "required", True),
    (message(header={"focus": [{"reference": "Patient/patient-one"}]}), "Bundle.entry[0].resource.focus", "required",
     True),
    (message(request={"category": [{"coding": [{"code": "a4t1"}]}]}), f"{AT_REQUEST}.category", "not-supported",
     False),
    (message(request={"status": None}), f"{AT_REQUEST}.status", "required", True),
    (message(request={"status": "draft"}), f"{AT_REQUEST}.status", "code-invalid", False),
    (message(request={"status": "revoked"}), f"{AT_REQUEST}.status", "invariant", False),
    (message(request={"subject": {"reference": "Patient/else"}}), f"{AT_REQUEST}.subject", "required", True),
    (message(request={"occurrencePeriod": {"start": "2026-03-10T12:00:00"}}), f"{AT_REQUEST}.occurrencePeriod.start",
     "value", True),
    (message(request={"occurrencePeriod": {"start": "2026-02-30T12:00:00Z"}}), f"{AT_REQUEST}.occurrencePeriod.start",
     "value", True),
    (message(request={"occurrencePeriod": {"end": "0001-01-01T00:00:00+14:00"}}), f"{AT_REQUEST}.occurrencePeriod.end",
     "value", False),
    (message(patient={"birthDate": "1950"}), f"{AT_PATIENT}.birthDate", "value", False),
    (message(patient={"gender": "F"}), f"{AT_PATIENT}.gender", "code-invalid", True),
    (message(patient={"name": [{"family": 7}]}), f"{AT_PATIENT}.name[0].family", "structure", True),
    (message(patient={"name": [{"family": "a\0b"}]}), f"{AT_PATIENT}.name[0].family", "value", True),
    (message(patient={"identifier": [{"system": NHS_NUMBER, "value": one} for one in ("1", "2")]}),
     f"{AT_PATIENT}.identifier", "invariant", False),
]  # fmt: skip


@pytest.mark.parametrize(("said", "place", "issue", "unreadable"), REFUSED, ids=[one[1] for one in REFUSED])
def test_what_cannot_be_taken_is_refused_by_its_fhirpath(said: Any, place: str, issue: str, unreadable: bool) -> None:
    with pytest.raises(Refused) as error:
        read(said)
    assert (error.value.place, error.value.issue, error.value.is_unreadable) == (place, issue, unreadable)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 5000, b'{"resourceType":"Bundle","x":' + b"[" * 99 + b"]" * 99 + b"}"]
)
def test_what_is_no_resource_at_all_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as error:
        decode(body)
    assert error.value.is_unreadable


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["active", "2026-13-01", "\0"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def _places(part: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a message."""
    if way:
        yield way
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in inner:
        yield from _places(value, (*way, key))


def outcome(said: object) -> Request | Refused:
    """What a message says, or why it is refused."""
    try:
        return read(said)
    except Refused as refused:
        return refused


EVERYWHERE = list(_places(message()))


def _with(said: dict[str, Any], way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = deepcopy(said)
    part: Any = changed
    for step in way[:-1]:
        part = part[step]
    part[way[-1]] = value
    return changed


@given(st.sampled_from(EVERYWHERE), JSON)
def test_whatever_stands_anywhere_it_is_read_or_refused_and_never_a_defect(way: tuple[Any, ...], value: Any) -> None:
    found = outcome(_with(message(), way, value))
    if isinstance(found, Refused):
        assert found.reason
        assert found.place.startswith(("Bundle", "resourceType"))
        return
    assert found.key
    assert found.need
    assert "\0" not in repr(found)
    assert max(len(one) for one in (found.need, *found.person.contacts)) <= 400


@given(st.sampled_from([way[:-1] for way in EVERYWHERE if isinstance(way[-1], str)]), JSON)
def test_fields_that_nobody_asks_for_change_nothing(way: tuple[Any, ...], value: Any) -> None:
    assert read(_with(message(), (*way, "somethingElse"), value)) == read(message())
