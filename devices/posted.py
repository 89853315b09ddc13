"""A set of readings as a sender gives it, whatever its format, judged: a canonical set, or a refusal by name.

Every decoder ends here, so that one value is possible, improbable or refused in every format alike. Knows no I/O.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from devices.plausible import POSSIBLE, Measured, Note, within_reason
from devices.reading import (
    CHARTED,
    Assessor,
    ClockTrust,
    ConsciousnessLetter,
    Impossible,
    NoValue,
    Number,
    Odd,
    Quality,
    ReadingSet,
    Refusal,
    WellnessAnswer,
)

YEAR_MIN: Final = 2000
YEAR_MAX: Final = 2100
KEPT_ASIDE: Final = "kept aside: "
"""How the reason begins, of what is not scored and waits for a person."""

Percent = Annotated[int, msgspec.Meta(ge=0, le=100)] | Annotated[float, msgspec.Meta(ge=0, le=100)]
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
PerMinute = Annotated[Number, msgspec.Meta(description="/min")]
Millimetres = Annotated[Number, msgspec.Meta(description="mmHg")]


class Posted(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One set of readings taken together: at least one measurement, or why there is none."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="The device's own, unique per device")]
    taken_at: Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339 with an offset")]
    patient: Annotated[ShortText, msgspec.Meta(description="Whose, from a hub that several share")] | None = None
    respiratory_rate: PerMinute | None = None
    spo2: Annotated[Number, msgspec.Meta(description="%")] | None = None
    oxygen_flow: Annotated[Number, msgspec.Meta(description="L/min, 0 is room air")] | None = None
    on_oxygen: Annotated[bool, msgspec.Meta(description="In place of oxygen_flow")] | None = None
    systolic: Millimetres | None = None
    diastolic: Millimetres | None = None
    pulse: PerMinute | None = None
    consciousness: ConsciousnessLetter | None = None
    temperature: Annotated[Number, msgspec.Meta(description="°C")] | None = None
    weight: Annotated[Number, msgspec.Meta(description="kg")] | None = None
    glucose: Annotated[Number, msgspec.Meta(description="mmol/L")] | None = None
    peak_flow: Annotated[Number, msgspec.Meta(description="L/min")] | None = None
    assessed_by: Assessor | None = None
    wellness: WellnessAnswer | None = None
    battery: Percent | None = None
    quality: Quality = "good"
    declined: Annotated[ShortText, msgspec.Meta(description="Why the patient gave none")] | None = None


class PostedByStaff(Posted, forbid_unknown_fields=True, kw_only=True):
    """A set that staff took, were told on the phone, or measured at a visit."""

    method: ShortText | None = None
    measured_by: ShortText | None = None


class Observed(Posted, forbid_unknown_fields=True, kw_only=True):
    """A set decoded from a format that says more than our own JSON does."""

    sensor: str | None = None  # the sensor behind a hub, as EUI-64 or EUI-48 in capitals
    slot: int | None = None  # which of its users the sensor says it was
    clock: ClockTrust | None = None
    reported_news2: int | None = None


@dataclass(slots=True)
class Decoded:
    """What one body held."""

    sets: list[ReadingSet] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    impossible: list[Impossible] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)
    clock_offset_s: int | None = None  # device minus true, where the document shows both at once
    battery: int | None = None  # % of the device, where it was told apart from any set

    def keep_aside(self, one: Odd, index: int, place: str) -> None:
        """Keep part of the document aside, and tell its sender so: it is not taken, and not lost either."""
        self.odd.append(one)
        self.refused.append(Refusal(index, place, f"{KEPT_ASIDE}{one.reason}: {one.detail}"))


def _by_field(*, by_staff: bool) -> tuple[tuple[str, str, Measured], ...]:
    """Wire name, canonical field, and what its values come to."""
    named = ((name, CHARTED[name][0] if name in CHARTED else name) for name in POSSIBLE)
    return tuple((name, into, Measured(name, by_staff=by_staff)) for name, into in named)


NUMBERS: Final = _by_field(by_staff=False)
NUMBERS_OF_STAFF: Final = _by_field(by_staff=True)

WORDS: Final = ("patient", "consciousness", "assessed_by", "wellness", "declined")
WORDS_OF_STAFF: Final = (*WORDS, "method", "measured_by")
ANSWERS: Final = frozenset({"consciousness", "wellness", "declined"})
"""Words that a set may hold instead of a number."""

OBSERVED: Final = ("sensor", "slot", "clock", "reported_news2")

Fields = dict[str, Any]
Notes = dict[str, Note]


def judge(posted: Posted, index: int, decoded: Decoded) -> None:
    """Bring one set to chart units, or say why not."""
    numbers, notes = _numbers(posted)
    words = _words(posted)
    if fault := _unacceptable(posted, numbers, words):
        decoded.refused.append(Refusal(index, *fault))
    elif notes and (failed := _failed(posted, notes)):
        decoded.refused.append(Refusal(index, failed[0].field, failed[0].reason))
        decoded.impossible.append(_impossible(posted, failed, numbers, words, notes))
    else:
        decoded.sets.append(_canonical(posted, numbers | words, notes))


def _numbers(posted: Posted) -> tuple[Fields, Notes]:
    """Each number by its canonical field; and by its wire name, what is to be said of it."""
    numbers: Fields = {}
    notes: Notes = {}
    for name, into, values in NUMBERS_OF_STAFF if type(posted) is PostedByStaff else NUMBERS:
        if (value := getattr(posted, name)) is not None:
            numbers[into], note = values[value]
            if note is not None:
                notes[name] = note
    return numbers, notes


def _words(posted: Posted) -> Fields:
    words: Fields = {}
    for name in WORDS_OF_STAFF if type(posted) is PostedByStaff else WORDS:
        if (word := getattr(posted, name)) is not None:
            words[name] = word
    return words


def _unacceptable(posted: Posted, numbers: Fields, words: Fields) -> tuple[str, str] | None:
    """The field and the reason, where a well-formed set cannot be taken."""
    if not YEAR_MIN <= posted.taken_at.year <= YEAR_MAX:
        return "taken_at", f"year {posted.taken_at.year} is not between {YEAR_MIN} and {YEAR_MAX}"
    if "\0" in "".join((posted.id, *words.values())):
        (name, *_) = (name for name, word in {"id": posted.id, **words}.items() if "\0" in word)
        return name, "must not contain the character NUL"
    said, flow = posted.on_oxygen, posted.oxygen_flow
    if said is not None and flow is not None and said != (flow > 0):
        return "on_oxygen", "contradicts oxygen_flow"
    if not numbers and said is None and ANSWERS.isdisjoint(words):
        return "", "holds no measurement; say why in declined"
    return None


def _failed(posted: Posted, notes: Notes) -> tuple[NoValue, ...]:
    """The values that cannot be measurements."""
    return tuple(
        NoValue(name, within_reason(getattr(posted, name)), note.cannot) for name, note in notes.items() if note.cannot
    )


def _impossible(
    posted: Posted, failed: tuple[NoValue, ...], numbers: Fields, words: Fields, notes: Notes
) -> Impossible:
    """The refused set with what else it measured: it travels on, so that somebody is told."""
    for one in failed:
        numbers.pop(CHARTED[one.field][0] if one.field in CHARTED else one.field)
        setattr(posted, one.field, None)
    says_something = numbers or posted.on_oxygen is not None or not ANSWERS.isdisjoint(words)
    return Impossible(
        id=posted.id,
        taken_at=posted.taken_at.astimezone(UTC),
        values=failed,
        rest=_canonical(posted, numbers | words, notes) if says_something else None,
        patient=posted.patient,
    )


def _canonical(posted: Posted, fields: Fields, notes: Notes) -> ReadingSet:
    """The set as it travels on, begun with its numbers and words."""
    flow = posted.oxygen_flow
    fields["id"] = posted.id
    fields["taken_at"] = posted.taken_at.astimezone(UTC)
    fields["on_oxygen"] = posted.on_oxygen if flow is None else flow > 0
    fields["quality"] = posted.quality
    if posted.battery is not None:
        fields["battery"] = round(posted.battery)
    if notes:
        fields["flags"] = tuple(name for name, note in notes.items() if note.improbable)
        fields["as_sent"] = {name: getattr(posted, name) for name, note in notes.items() if note.rounded} or None
    if type(posted) is Observed:
        fields |= {name: value for name in OBSERVED if (value := getattr(posted, name)) is not None}
    return ReadingSet(**fields)


def as_posted(one: ReadingSet) -> dict[str, Any]:
    """A set in the form in which `POST /v1/readings` takes it, with what only other formats say."""
    said: dict[str, Any] = msgspec.to_builtins(one)
    sent = said.pop("as_sent", None) or {}
    for name, (into, decimals) in CHARTED.items():
        if (units := said.pop(into, None)) is not None:
            said[name] = units if decimals == 0 else units / 10**decimals
    if "oxygen_flow" in said:
        said.pop("on_oxygen", None)  # follows from it
    return said | sent
