"""From Observations to sets of readings: those of one subject, sensor and instant belong together.

A blood pressure's two values, seven vital signs that were scored together and the score that came with them are one
set. Where two of them contradict each other, each is in a set of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from devices.posted import Decoded, Observed, judge
from devices.reading import Assessor, ClockTrust, Quality

Fields = dict[str, Any]
RIDERS: Final = frozenset({"battery", "reported_news2"})
"""What is no measurement by itself: it goes with the set that it is about."""
CONTRADICTING_MAX: Final = 8
"""Sets of one instant that are tried: what contradicts so many has one of its own, however much there is."""


class Part(msgspec.Struct, gc=False):
    """One Observation's share in a set. `own`: its sender's name of it; `set_id`: known once it has been composed."""

    index: int
    own: str
    fields: Fields
    patient: str | None
    subject: str | None
    device: str | None
    sensor: str | None
    taken_at: datetime
    quality: Quality
    clock: ClockTrust | None = None
    assessed_by: Assessor | None = None
    names: Sequence[str] = ()
    refers_to: Sequence[str] = ()
    set_id: str | None = None
    is_rider: bool = False  # no measurement by itself

    def reading(self, fields: Fields, at: datetime) -> "Part":
        """The same of another instant, with these fields in place of its own."""
        return Part(
            self.index, self.own, fields, self.patient, self.subject, self.device, self.sensor, at, self.quality,
            self.clock, self.assessed_by,
        )  # fmt: skip


@dataclass(slots=True)
class _Group:
    parts: list[Part]
    fields: Fields = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """One more, which fits."""
        self.parts.append(part)
        self.fields.update(part.fields)

    def fits(self, fields: Fields) -> bool:
        """Whether nothing in it says otherwise."""
        mine = self.fields
        for name, value in fields.items():
            if name in mine and mine[name] != value:
                return False
        if "on_oxygen" not in fields and "oxygen_flow" not in fields:
            return True
        on_oxygen = fields.get("on_oxygen", mine.get("on_oxygen"))
        flow = fields.get("oxygen_flow", mine.get("oxygen_flow"))
        return on_oxygen is None or flow is None or on_oxygen == (flow > 0)


def compose(parts: Iterable[Part], decoded: Decoded) -> list[Part]:
    """Add the sets of these Observations to what was decoded; returns those that found no set to go with."""
    groups: dict[tuple[Any, ...], list[_Group]] = {}
    riders: list[Part] = []
    for part in parts:
        if part.is_rider:
            riders.append(part)
            continue
        key = (part.patient, part.subject, part.device, part.taken_at, part.quality, part.clock)
        several = groups.get(key)
        if several is None:
            groups[key] = [_Group([part], dict(part.fields))]
            continue
        for group in several[:CONTRADICTING_MAX]:
            if group.fits(part.fields):
                group.add(part)
                break
        else:
            several.append(_Group([part], dict(part.fields)))
    every = [group for several in groups.values() for group in several]
    alone = [rider for rider in riders if not _ride(rider, every)] if riders else []
    for group in every:
        one = observed(group.parts, group.fields)
        for part in group.parts:
            part.set_id = one.id
        judge(one, group.parts[0].index, decoded)
    return alone


def _ride(rider: Part, groups: list[_Group]) -> bool:
    """Find the set that a score or a battery's charge goes with: of its instant, of what it refers to, of its sensor.

    Of several the last, for what was measured before is carried into it.
    """
    mine = {rider.patient} if rider.patient is not None else {group.parts[0].patient for group in groups}
    same = [group for group in groups if group.parts[0].patient in mine and group.fits(rider.fields)]
    found = [group for group in same if group.parts[0].taken_at == rider.taken_at]
    if not found and rider.refers_to:
        named = set(rider.refers_to)
        found = [group for group in same if any(not named.isdisjoint(part.names) for part in group.parts)]
    if not found and rider.fields.keys() == {"battery"}:
        found = [group for group in same if group.parts[0].device == rider.device]
    if not found:
        return False
    max(found, key=lambda group: group.parts[0].taken_at).add(rider)
    return True


def observed(parts: Sequence[Part], fields: Fields | None = None) -> Observed:
    """A set of these Observations, as any sender gives one. The first says whose, by what and when."""
    first = parts[0]
    one = Observed(
        id=set_id([part.own for part in parts]),
        taken_at=first.taken_at,
        patient=first.patient,
        quality=first.quality,
        sensor=first.sensor,
        clock=first.clock,
        **(first.fields if fields is None else fields),
    )
    for part in parts:
        if part.assessed_by is not None:
            one.assessed_by = part.assessed_by
    return one


def set_id(owns: Sequence[str]) -> str:
    """A set's id, from its sender's names of what it holds: the same Observations again are the same set."""
    named = owns[0] if len(owns) == 1 else "\n".join(sorted(owns))
    return "fhir-" + sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:32]
