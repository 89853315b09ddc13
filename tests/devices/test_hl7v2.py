"""HL7 v2: what hospitals send is read as they mean it, and what cannot be read is refused by its place."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.formats.hl7v2 import adt
from devices.formats.hl7v2.ack import Answer, acknowledge
from devices.formats.hl7v2.adt import Adt
from devices.formats.hl7v2.message import Refused, Unreadable, open_envelope
from devices.formats.hl7v2.moments import LOCAL, NoTime, day, instant
from tests.conformance import CONFORMANCE
from tests.hospital import segment

MESSAGES = CONFORMANCE / "hl7v2"
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SOUND = (
    r"MSH|^~\&|PAS|RXX|VW|QXX|20261121100000+0000||ADT^A01^ADT_A01|C1|P|2.5.1||||||UNICODE UTF-8",
    "EVN|A01|20261121095900+0000",
    r"PID|1||77^^^RXX^MRN~943 476 5919^^^NHS^NH||O\T\Brien&x^Séan^M||19500228|F|||1 High St^Flat 2^Leicester^^LE1 4TX"
    "||0116 1~0116 2|||||||||A",
    "PD1|||Surgery^^C82001",
    segment(
        "PV1",
        {1: "1", 2: "I", 3: "RESP1^Bay^3^RXX", 7: "C1^Adler^Mary", 19: "V1", 36: "1", 37: "19", 44: "20261119"},
    ),
)


def decoded(*lines: str, encoding: str = "utf-8", end: str = "\r") -> Adt:
    """What a message says."""
    return adt.decode(open_envelope(end.join(lines or SOUND).encode(encoding)))


def refused(*lines: str) -> Refused:
    """Why a message is not taken."""
    with pytest.raises(Refused) as raised:
        decoded(*lines)
    return raised.value


def changed(line: int, old: str, new: str) -> tuple[str, ...]:
    """The sound message with something else in one of its lines."""
    assert old in SOUND[line]
    return tuple(one.replace(old, new, 1) if number == line else one for number, one in enumerate(SOUND))


def test_a_message_says_who_where_and_when() -> None:
    said = decoded()
    assert (said.trigger, said.recorded_at.isoformat()) == ("A01", "2026-11-21T09:59:00+00:00")
    assert said.occurred_at == said.recorded_at  # PV1-44 has no hours
    who, visit = said.person, said.visit
    assert (who.nhs_number, who.family_name, who.given_name) == ("9434765919", "O&Brien", "Séan")
    assert (str(who.birth_date), who.sex, who.gp_practice, who.ethnicity) == ("1950-02-28", "female", "C82001", "A")
    assert (who.address, who.postcode) == ("1 High St, Flat 2, Leicester", "LE1 4TX")
    assert who.phones == ("0116 1", "0116 2")
    assert (visit.ward, visit.hospital, visit.clinician, visit.number) == ("RESP1", "RXX", "Mary Adler", "V1")
    assert (visit.method, visit.destination, visit.died) == ("1", "19", False)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_end_in_any_way_and_may_be_framed(end: str) -> None:
    body = b"\x0b" + end.join(SOUND).encode() + end.encode() + b"\x1c\r"
    assert adt.decode(open_envelope(body)) == decoded()


def test_separators_are_those_of_the_message() -> None:
    swapped = str.maketrans("|^~\\&", "#!*%+")
    plain = "\r".join(SOUND).replace("+0000", "")
    said = adt.decode(open_envelope(plain.translate(swapped).encode()))
    assert replace(said.person, family_name="O&Brien") == decoded().person
    assert said.person.family_name == "O+Brien"  # the separator of this message


@pytest.mark.parametrize(
    ("named", "encoding"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8"), ("8859/15", "iso8859-15")]
)
def test_the_character_set_is_the_one_that_is_named(named: str, encoding: str) -> None:
    lines = changed(0, "UNICODE UTF-8", named)
    assert decoded(*lines, encoding=encoding).person.given_name == "Séan"


def test_bytes_of_another_character_set_are_refused_and_never_guessed() -> None:
    for named, encoding in (("ASCII", "utf-8"), ("UNICODE UTF-8", "latin-1"), ("", "latin-1"), ("KOI8", "utf-8")):
        with pytest.raises(Refused) as raised:
            decoded(*changed(0, "UNICODE UTF-8", named), encoding=encoding)
        assert raised.value.place == "MSH-18"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"\X41\\X4243\ ", "ABC"),
        (r"\H\bold\N\ ", "bold"),
        (r"a\.br\b", "a\nb"),
        (r"50\50", r"50\50"),
        (r"a\Zfoo\b", r"a\Zfoo\b"),
        ("a\\", "a\\"),
        ('""', None),
        ("", None),
    ],
)
def test_escapes_are_read_and_what_is_none_stays_as_it_is(sent: str, meant: str | None) -> None:
    assert decoded(*changed(2, r"O\T\Brien&x", sent)).person.family_name == meant


def test_a_hidden_nul_is_refused_by_its_place() -> None:
    assert refused(*changed(2, "Séan", r"S\X00\n")).place == "PID-5.2"


@pytest.mark.parametrize(
    ("sent", "utc"),
    [
        ("202607011200", "2026-07-01T11:00:00+00:00"),
        ("20261121120000.25", "2026-11-21T12:00:00.250000+00:00"),
        ("20261121120000-0500", "2026-11-21T17:00:00+00:00"),
        ("202610250130", "2026-10-25T00:30:00+00:00"),  # there twice: the first, in summer time
        ("202603290130", "2026-03-29T01:30:00+00:00"),  # not there at all: nobody put the clock forward
    ],
)
def test_times_without_an_offset_are_londons(sent: str, utc: str) -> None:
    assert instant(sent, LOCAL).isoformat() == utc


@pytest.mark.parametrize("sent", ["", "2026", "20261121", "20261332120000", "2026112112+0000", "190011211200", "x"])
def test_what_is_no_instant_is_none(sent: str) -> None:
    with pytest.raises(NoTime):
        instant(sent, LOCAL)


def test_the_zone_of_the_header_holds_for_times_that_name_none() -> None:
    plain = changed(1, "20261121095900+0000", "20261121095900")
    assert decoded(*(plain[0].replace("+0000", "+0300"), *plain[1:])).recorded_at.hour == 6
    assert day("19500228235900+0000").isoformat() == "1950-02-28"


@pytest.mark.parametrize(
    ("line", "old", "new", "place"),
    [
        (1, "EVN|A01", "EVN|A02", "EVN-1"),
        (1, "20261121095900+0000", "20261121", "EVN-2"),
        (1, "20261121095900+0000", "", "EVN-2"),
        (2, "19500228", "19500231", "PID-7"),
        (2, "|F|", "|X|", "PID-8"),
        (2, "77^^^RXX^MRN", "4010232137^^^NHS^NH", "PID-3"),
        (4, "RESP1", "", "PV1-3.1"),
        (4, "PV1|1", "MSH|1", "MSH"),
        (3, "PD1", "P d", "MSH"),
    ],
)
def test_a_refusal_names_the_place(line: int, old: str, new: str, place: str) -> None:
    assert refused(*changed(line, old, new)).place == place


def test_segments_that_are_needed_are_named_where_they_lack() -> None:
    assert refused(SOUND[0], SOUND[1]).place == "PID"
    assert refused(*(line.replace("A01", "A40") for line in SOUND)).place == "MRG"


def test_an_answer_mirrors_the_header_and_says_where_and_why() -> None:
    envelope = open_envelope("\r".join(SOUND).encode())
    said = acknowledge(envelope.header, Answer("AE", "PID-3.1: no | good", "PID-3.1", 204), "A1", NOW).decode()
    header, answer, error = said.rstrip("\r").split("\r")
    assert header == r"MSH|^~\&|VW|QXX|PAS|RXX|20261121100000+0000||ACK^A01^ACK|A1|P|2.5.1||||||UNICODE UTF-8"
    assert answer == r"MSA|AE|C1|PID-3.1: no \F\ good"
    assert error == r"ERR||PID^1^3^1^1|204|E|||PID-3.1: no \F\ good"
    assert acknowledge(envelope.header, Answer("AA", "done"), "A1", NOW).decode().endswith("MSA|AA|C1|done\r")


def test_what_is_no_message_is_unreadable() -> None:
    for body in (b"", b"{}", b"MSH", b"MSH|^^^^|", b"MSH|^~|", b"BHS|^~\\&|", b"MSHA^~\\&A", b"PID|1"):
        with pytest.raises(Unreadable):
            open_envelope(body)


def survives(body: bytes) -> None:
    """Decoded and answered, or refused with a place and a reason."""
    try:
        envelope = open_envelope(body)
    except Unreadable:
        return
    refusal: Refused | None = None
    try:
        adt.decode(envelope)
    except Refused as error:
        refusal = error
    answer = Answer("AA", "done")
    if refusal is not None:
        assert refusal.place
        assert refusal.reason
        answer = Answer("AE", str(refusal), refusal.place, refusal.code)
    assert acknowledge(envelope.header, answer, "1", NOW).startswith(b"MSH")


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda some: b"MSH|^~\\&|" + some))
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_survived(body: bytes) -> None:
    survives(body)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_any_change_of_a_sound_message_is_survived(data: Any) -> None:
    body = bytearray("\r".join(SOUND).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        until = data.draw(st.integers(at, min(at + 12, len(body))))
        parts = st.binary(max_size=8) | st.sampled_from([b"|", b"^", b"~", b"\\X00\\", b"&", b"\r", b'""', b"\\"])
        body[at:until] = data.draw(parts)
    survives(bytes(body))


@pytest.mark.skipif(not MESSAGES.exists(), reason="messages of others, not of this project")
def test_messages_of_a_trust_are_read() -> None:
    said = adt.decode(open_envelope((MESSAGES / "polaris-adt-A01.hl7").read_bytes()))
    assert (said.person.family_name, said.person.sex, said.person.gp_practice) == ("ZZZEDUCATION", "male", "K84026")
    assert (said.visit.ward, said.recorded_at.isoformat()) == ("NOC-Ward B", "2017-07-31T13:13:00+00:00")  # 14:13 BST
    left = adt.decode(open_envelope((MESSAGES / "polaris-adt-A03.hl7").read_bytes()))
    assert left.person.nhs_number is None
    assert left.visit.discharged_at == left.occurred_at
    for name in ("polaris-oru-news2-full.hl7", "polaris-oru-sparse.hl7", "comen-vs8-oru.hl7", "hapi-pcd01-bp.hl7"):
        assert open_envelope((MESSAGES / name).read_bytes()).header.code == "ORU"
