"""One OBX after the other: a value, a refusal by a patient, a clock, a score, a concern; or why it is kept aside."""

from typing import Final

from devices.formats.hl7v2.containment import Clock, eui, is_address, mds
from devices.formats.hl7v2.dialects import (
    CONCERN,
    DELIVERY,
    FLAGGED,
    LOCAL_TOTAL,
    NO_CONCERN,
    NO_VALUE,
    NOT_MEASURED,
    ON_OXYGEN,
    REFUSED,
    SCORING_SYSTEM,
    STANDING,
    Standing,
)
from devices.formats.hl7v2.message import Refused, Segment
from devices.formats.hl7v2.obx import Doubtful, in_unit_of, letter_of, meaning, number_of, said
from devices.formats.hl7v2.results import Message, Results, Worry, line
from devices.formats.hl7v2.sets import Value
from devices.plausible import POSSIBLE, Measured
from devices.posted import NUMBERS
from devices.reading import Quality

NEWS2_MAX: Final = 20
CONCERN_MAX: Final = 2000
IGNORED: Final = frozenset({"not_kept", "news2_part", "blood_pressure", "vital_signs"})
_SPO2_WITH: Final = {"spo2_on_air": False, "spo2_on_oxygen": True}
_OXYGEN: Final = {"on_air": False, "on_oxygen": True}
_KNOWN: Final[dict[str, Measured]] = {name: values for name, _, values in NUMBERS}


def note(results: Results, row: Segment) -> None:
    """What a row says for those that it contains, wherever they stand."""
    fields = row.fields
    if len(fields) > 14 and (address := fields[4].strip()):
        of = row.separators.component
        sensor = eui(fields[18], of) if len(fields) > 18 else None
        results.within.note(address, fields[14].partition(of)[0].strip(), sensor)


def read(message: Message, results: Results, place: str, row: Segment) -> None:
    """Sort one OBX in. Raises Doubtful where part of it is not known, Refused where it cannot be read."""
    fields = row.fields
    if len(fields) <= 5 or fields[5].strip() in {"", '""'}:
        return  # a container, or not measured
    status = said(row, 11)
    standing = STANDING.get(status)
    named = meaning(fields[3], row.separators)
    if standing == "none" or named.concept in IGNORED:
        return
    if named.concept is None:
        raise Doubtful("code not known", 3, named.why)
    if standing is None:
        raise Doubtful("code not known", 11, f"{status[:20]!r} is no status that is known")
    quality = _quality(row)
    if quality is None:
        message.remark(place, "is marked as not measured, and not used")
    elif standing == "withdrawn":
        raise Doubtful("withdrawn by its sender", 11, "says so")
    else:
        _sort(message, results, _value(message, results, place, row, named.concept, quality), row, standing)


def _quality(row: Segment) -> Quality | None:
    """By the flags of OBX-8; None where one says that there is no value."""
    if len(row.fields) <= 8 or not row.fields[8]:
        return "good"
    flags = {flag.partition(row.separators.component)[0].strip().upper() for flag in row.repetitions(8)}
    if flags & NOT_MEASURED:
        return None
    marked = {FLAGGED[flag] for flag in flags if flag in FLAGGED}
    return "test" if "test" in marked else "low" if marked else "good"


def _value(message: Message, results: Results, place: str, row: Segment, concept: str, quality: Quality) -> Value:
    """A value yet to be read, with its time and its sensor: its own, its parents', the OBR's."""
    fields, of = row.fields, row.separators.component
    address = fields[4].strip()
    written = fields[14].partition(of)[0].strip() if len(fields) > 14 else ""
    sensor = eui(fields[18], of) if len(fields) > 18 else None
    if address and is_address(address):
        written = written or results.within.time(address)
        sensor = sensor or results.within.sensor(address)
    written = written or results.of.taken_at
    return Value(
        place, concept, None, written, message.at(written) if written else None, sensor=sensor, quality=quality,
        device=mds(address), row=row,
    )  # fmt: skip


def _sort(message: Message, results: Results, value: Value, row: Segment, standing: Standing) -> None:
    concept = value.field
    if concept in POSSIBLE or concept in _SPO2_WITH:
        _measure(results, value, row, standing)
    elif concept in {"consciousness", DELIVERY, *_OXYGEN}:
        _answer(results, value, row, standing)
    elif concept == "clock":
        _set_clock(message, results, value, row)
    elif concept == CONCERN:
        _worry(message, results, value, row, standing)
    else:
        _accompany(message, results, value, row)


def _measure(results: Results, value: Value, row: Segment, standing: Standing) -> None:
    """A number in its unit: a value, none at all, or one that cannot be."""
    on_oxygen = _SPO2_WITH.get(value.field)
    value.field = "spo2" if on_oxygen is not None else value.field
    if row.fields[5].strip() == REFUSED:
        results.declined.append(value)
        return
    sent = number_of(row)
    if sent in NO_VALUE:
        value.value = sent
        results.empty.append(value)
        return
    value.value = in_unit_of(value.field, row, sent)
    if standing == "corrected":
        results.doubtful.append(("corrected by its sender", f"{value.place}-11: says so", value))
        return
    _, known = _KNOWN[value.field][value.value]
    if known is not None and known.cannot:
        results.impossible.append(value)
        return
    results.values.append(value)
    if on_oxygen is not None:
        results.values.append(value.beside("on_oxygen", on_oxygen))


def _answer(results: Results, value: Value, row: Segment, standing: Standing) -> None:
    """Consciousness, and whether oxygen is given."""
    if row.fields[5].strip() == REFUSED:
        results.declined.append(value)
        return
    if value.field == "consciousness":
        value.value = letter_of(row)
        value.by_staff = row.value(16) is not None or row.value(16, 2) is not None
    elif value.field == DELIVERY:
        code = row.value(5) or ""
        if code not in ON_OXYGEN:
            raise Doubtful("code not known", 5, f"{code[:40]!r} is no way of giving oxygen that is known")
        value.field, value.value = "on_oxygen", ON_OXYGEN[code]
    else:
        value.field, value.value = "on_oxygen", _OXYGEN[value.field]
        if value.value and said(row, 2) in {"NM", "SN"}:
            flow = in_unit_of("oxygen_flow", row, number_of(row))
            value.field, value.value = "oxygen_flow", flow
    if standing == "corrected":
        results.doubtful.append(("corrected by its sender", f"{value.place}-11: says so", value))
        return
    results.values.append(value)


def _set_clock(message: Message, results: Results, value: Value, row: Segment) -> None:
    """A coincident timestamp: OBX-5 is the device's own time, OBX-14 the sender's at the same moment."""
    own = said(row, 5)
    shown = message.at(own)
    if shown is None or value.at is None:
        message.remark(value.place, "no time can be read from it, so the device's clock is not known")
        return
    results.within.clocks[value.device] = Clock.read(shown, own, value.at)


def _worry(message: Message, results: Results, value: Value, row: Segment, standing: Standing) -> None:
    text = said(row, 5)[:CONCERN_MAX]
    if "\0" in text:
        raise Refused("OBX-5", "holds a NUL")
    if text.upper() in NO_CONCERN:
        return
    own = message.ids.make("concern", results.of.number, results.of.patient, value.written_at, text)
    worry = Worry(own, value.at, results.of.patient, text, value.place, line(row))
    if standing == "corrected":
        raise Doubtful("corrected by its sender", 11, "says so; a concern")
    if not results.of.is_somebodys:
        raise Doubtful("another user of the device", 5, "a concern, and nobody can say about whom")
    message.found.worries.append(worry)


def _accompany(message: Message, results: Results, value: Value, row: Segment) -> None:
    """What goes with a set: battery, a score, and of which kind that is."""
    if value.field == SCORING_SYSTEM:
        results.system = said(row, 5).upper()
        return
    number = number_of(row)
    if value.field == "battery":
        charge = in_unit_of("battery", row, number)
        if 0 <= charge <= 100:
            results.battery = charge
        else:
            message.remark(f"{value.place}-5", "is no charge of a battery", 102)
    elif isinstance(number, int) and 0 <= number <= NEWS2_MAX:
        if value.field == LOCAL_TOTAL:
            results.local_total = number
        else:
            results.total = number
    else:
        message.remark(f"{value.place}-5", "is no NEWS2 score", 102)
