"""ORU^R01: readings as the IHE device profiles (PCD-01), NHS observation systems and monitors send them.

Each OBX is judged alone and named by its place (`OBX[3]-5`, the third of the message). What cannot be a measurement
is refused, what cannot be known is kept aside, the rest is taken. Scores in a message are never trusted. A time is
OBX-14, its parents', or OBR-7; MSH-7 says when a message was sent, so what has no other time is kept aside.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from devices.formats.hl7v2.batch import messages
from devices.formats.hl7v2.containment import corrected
from devices.formats.hl7v2.message import Envelope, Header, Refused, open_envelope
from devices.formats.hl7v2.moments import NoTime, instant, zone_of
from devices.formats.hl7v2.obx import Doubtful
from devices.formats.hl7v2.results import Message, Observations, Order, Results, line, orders
from devices.formats.hl7v2.rows import note, read
from devices.formats.hl7v2.sets import Value, observed, together
from devices.posted import Decoded, judge
from devices.reading import Doubt, Odd, ReadingSet, Refusal

SETS_MAX: Final = 1000
DETAIL_MAX: Final = 300
NOBODYS: Final = "the message has several patients, and this one no NHS number"


def is_readings(header: Header) -> bool:
    """Whether a message is ORU^R01; older senders leave the trigger out."""
    return header.code == "ORU" and header.trigger in {"", "R01"}


def decode(body: bytes, now: datetime) -> Decoded:
    """All that a message or a batch holds. Raises Unreadable where it is neither."""
    decoded = Decoded()
    for number, one in enumerate(messages(body)):
        try:
            envelope = open_envelope(one)
            if not is_readings(envelope.header):
                raise Refused("MSH-9", "is not ORU^R01", 200)
            found = observe(envelope, now).decoded
        except Refused as refused:
            decoded.refused.append(Refusal(number, refused.place, refused.reason))
        else:
            merge(decoded, found)
    return decoded


def merge(all_: Decoded, more: Decoded) -> None:
    """Add what another message holds. Of clocks the one that is off the most is told."""
    all_.sets += more.sets
    all_.refused += more.refused
    all_.impossible += more.impossible
    all_.odd += more.odd
    offsets = [one for one in (all_.clock_offset_s, more.clock_offset_s) if one is not None]
    all_.clock_offset_s = max(offsets, key=abs, default=None)


def observe(envelope: Envelope, now: datetime) -> Observations:
    """What a message says was observed. Raises Refused where the message as a whole cannot be read."""
    sent_at = envelope.header.text(7)
    zone = zone_of(sent_at)
    try:
        assumed_at = instant(sent_at, zone)
    except NoTime:
        assumed_at = now.astimezone(UTC)
    message = Message(zone, assumed_at)
    for order in orders(envelope):
        _take(message, order)
    decoded = message.found.decoded
    if len(decoded.sets) + len(decoded.odd) + len(decoded.impossible) > SETS_MAX:
        raise Refused("OBX", f"hold more than {SETS_MAX} sets of readings")
    return message.found


def _take(message: Message, order: Order) -> None:
    results = Results(order)
    for _, row in order.rows:
        note(results, row)
    for number, row in order.rows:
        place = f"OBX[{number}]"
        try:
            read(message, results, place, row)
        except Doubtful as doubt:
            detail = f"{place}-{doubt.field}: {doubt.why}"
            _keep_aside(message, order, doubt.reason, detail, line(row))
        except Refused as refused:  # of an OBX, which is known here by its number
            raise Refused(refused.place.replace("OBX", place, 1), refused.reason, refused.code) from None
    _finish(message, results)


def _finish(message: Message, results: Results) -> None:
    """What was read of one OBR, brought together into sets and judged."""
    if not results.values and not results.impossible:
        results.impossible += results.empty  # nothing but failures: somebody is told
        results.values += _declined(results)
    else:
        for one in (*results.empty, *results.declined):
            message.remark(f"{one.place}-5", "says that nothing was measured")
    _by_true_clock(message, results)
    sets = _sets(message, results, results.values)
    for number, values in enumerate((*sets, *_sets(message, results, results.impossible))):
        _judge(message, results, values, is_first=number == 0, is_all=len(sets) == 1)
    for reason, detail, value in results.doubtful:
        _keep_set(message, results, reason, detail, [value])


def _declined(results: Results) -> list[Value]:
    """A set of nothing but refusals by the patient."""
    if not results.declined or results.impossible:
        return []
    named = ", ".join(dict.fromkeys(one.field for one in results.declined))
    return [replace(results.declined[0], field="declined", value=f"patient refused: {named}"[:200])]


def _by_true_clock(message: Message, results: Results) -> None:
    """Put right the times of devices whose clock the message shows."""
    clocks = results.within.clocks
    if not clocks:
        return
    told = [round(clock.off_but_for_its_zone.total_seconds()) for clock in clocks.values()]
    merge(message.found.decoded, Decoded(clock_offset_s=max(told, key=abs)))
    doubtful = [value for _, _, value in results.doubtful]
    for one in (*results.values, *results.impossible, *doubtful):
        clock = clocks.get(one.device)
        if clock is not None and one.at is not None:
            one.at, one.clock = corrected(one.at, clock, one.written_at)


def _sets(message: Message, results: Results, values: Sequence[Value]) -> list[list[Value]]:
    """Those with a time, by set. Those without are kept aside, as what they would be when the message was sent."""
    timeless = [one for one in values if one.at is None]
    for some in together([replace(one, at=message.assumed_at, clock="assumed") for one in timeless]):
        first = some[0]
        said = f"{first.written_at[:40]!r} is no time, or could be two" if first.written_at else "says no time"
        _keep_set(message, results, "time not known", f"{first.place}-14: {said}", some)
    return together([one for one in values if one.at is not None])


def _judge(message: Message, results: Results, values: list[Value], *, is_first: bool, is_all: bool) -> None:
    """Take a set, or refuse it by the places of what cannot be."""
    if not results.of.is_somebodys:
        _keep_set(message, results, "another user of the device", f"{values[0].place}: {NOBODYS}", values)
        return
    decoded = message.found.decoded
    _settle_oxygen(message, values)
    one = observed(message.ids, results.of.number, results.of.patient, values)
    if is_first:
        one.battery = results.battery
        one.reported_news2 = results.news2 if is_all else None
    judged = Decoded()
    judge(one, len(decoded.sets), judged)
    _refuse(message, judged, {value.field: value.place for value in values}, values[0].place)
    merge(decoded, judged)


def _refuse(message: Message, judged: Decoded, places: dict[str, str], first: str) -> None:
    """Name each refused value by its place, where judging names the first of a set by its field."""
    failed = [(value.field, value.reason) for one in judged.impossible for value in one.values]
    faults = failed or [(one.field, one.reason) for one in judged.refused]
    index = next((one.index for one in judged.refused), 0)
    judged.refused = []
    for name, reason in faults:
        place = f"{places[name]}-5" if name in places else first
        judged.refused.append(Refusal(index, place, f"{name}: {reason}"))
        message.remark(place, f"refused, {name}: {reason}", 102)


def _settle_oxygen(message: Message, values: list[Value]) -> None:
    """A flow is a measurement: where a way of giving oxygen contradicts it, it stands, and the sender hears of it."""
    flow = next((one for one in values if one.field == "oxygen_flow"), None)
    state = next((one for one in values if one.field == "on_oxygen"), None)
    if flow is not None and state is not None and state.value != (flow.value > 0):
        values.remove(state)
        message.remark(f"{state.place}-5", f"contradicts {flow.place}-5, which is taken")


def _keep_set(message: Message, results: Results, reason: Doubt, detail: str, values: list[Value]) -> None:
    """Keep values aside with what they would be, were the doubt settled."""
    timed = [one if one.at is not None else replace(one, at=message.assumed_at, clock="assumed") for one in values]
    would_be = Decoded()
    _settle_oxygen(message, timed)
    judge(observed(message.ids, results.of.number, results.of.patient, timed), 0, would_be)
    reads = next(iter(would_be.sets), None)
    rows = dict.fromkeys(line(one.row) for one in timed if one.row is not None)
    head = [] if results.of.segment is None else [line(results.of.segment)]
    _keep_aside(message, results.of, reason, detail, "\r".join([*head, *rows]), reads)


def _keep_aside(
    message: Message, order: Order, reason: Doubt, detail: str, document: str, reads: ReadingSet | None = None
) -> None:
    place, _, why = detail.partition(": ")
    message.remark(place, f"kept aside, {reason}: {why}", 103)
    message.found.decoded.odd.append(
        Odd(
            id=message.ids.make("aside", order.number, order.patient, reason, document),
            reason=reason,
            detail=detail[:DETAIL_MAX],
            document=msgspec.Raw(msgspec.json.encode(document)),
            taken_at=None if reads is None or reason == "time not known" else reads.taken_at,
            reads=reads,
            patient=order.patient,
        )
    )
