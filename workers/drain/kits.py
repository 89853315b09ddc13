"""Whose the devices of a batch were and are, and who the patients are that its sets name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from devices.reading import ReadingSet
from monitoring.bulk import as_rows
from workers.drain.items import Item, Kept


class Assigned(NamedTuple):
    """A time for which a device was, or is, a patient's."""

    patient_id: int
    since: datetime
    until: datetime | None
    slot: int | None  # which of the device's own users the patient is

    def at(self, instant: datetime) -> bool:
        """Whether it was the patient's then."""
        return self.since <= instant and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True)
class Kits:
    """By device its assignments, by name the patients' keys."""

    assigned: dict[int, list[Assigned]]
    named: dict[str, int]

    def of(self, item: Item) -> list[int]:
        """Whom a set may be of; of what staff sent or released, whom they name."""
        if item.source < 0 or item.released is not None:
            return [self.named[item.patient]] if item.patient in self.named else []
        return self.patients(item.source, item.one.taken_at, item.patient, item.one.slot)

    def patients(self, source: int, instant: datetime, named: str | None, slot: int | None = None) -> list[int]:
        """Whom a device may have measured at an instant: those it was with, and is the one who is named.

        Where somebody is enrolled in a slot of the device's own, a set that names its slot is of who has that one.
        """
        then = [one for one in self.assigned.get(source, ()) if one.at(instant)]
        if named is not None:
            then = [one for one in then if one.patient_id == self.named.get(named)]
        if slot is not None and any(one.slot is not None for one in then):
            then = [one for one in then if one.slot == slot]
        return [one.patient_id for one in then]

    def another_user(self, item: Item) -> bool:
        """Whether the device says that it measured a user of its own who is none of those that it was with."""
        source, instant, slot = item.source, item.one.taken_at, item.one.slot
        if slot is None or item.source < 0:
            return False
        return bool(self.patients(source, instant, item.patient)) and not self.of(item)

    def who_has_it(self, source: int, received_at: datetime, named: str | None) -> tuple[int, ...]:
        """Whom a source may have measured when it sent, whatever time its set gives: whom it names, or all who have it.

        Nobody of those who share a hub is spared: one of them is the one.
        """
        if source < 0:
            return (self.named[named],) if named in self.named else ()
        return tuple(self.patients(source, received_at, named) or self.patients(source, received_at, None))


_ASSIGNED: Final = """
SELECT assignment.device_id, assignment.patient_id, lower(during), upper(during), slot
FROM json_to_recordset(%s) AS asked (device bigint, since timestamptz, until timestamptz)
JOIN assignment ON assignment.device_id = asked.device
               AND assignment.during && tstzrange(asked.since, asked.until, '[]')
"""

_NAMED: Final = """
SELECT public_id::text, coalesce(merged_into, id) FROM patient WHERE public_id = ANY(%s::uuid[])
UNION ALL
SELECT nhs_number, coalesce(merged_into, id) FROM patient WHERE nhs_number = ANY(%s)
"""
"""By id or NHS number. A hub may go on naming a record that was merged: it means the one that stays."""


def kits_of(connection: psycopg.Connection, items: Sequence[Item], kept: Sequence[Kept]) -> Kits:
    """Each device's assignments from its oldest set until now: its earlier patients don't matter."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for item in items:
        taken_at, received_at = item.one.taken_at, item.received_at
        since, until = spans.get(item.source, (received_at, received_at))
        spans[item.source] = (min(since, taken_at), max(until, taken_at, received_at))
    for one in kept:
        since, until = spans.get(one.source, (one.received_at, one.received_at))
        spans[one.source] = (min(since, one.received_at), max(until, one.received_at))
    asked = [
        {"device": device, "since": since, "until": until}
        for device, (since, until) in sorted(spans.items())
        if device > 0
    ]
    assigned: dict[int, list[Assigned]] = {}
    for device, *period in connection.execute(_ASSIGNED, (as_rows(asked),)).fetchall():
        assigned.setdefault(device, []).append(Assigned(*period))
    names = {item.patient for item in items} | {one.named for one in kept}
    return Kits(assigned, _named(connection, names))


_LEFT_WITH: Final = """
SELECT asked.place, assignment.patient_id, lower(during), upper(during), NULL
FROM json_to_recordset(%s) AS asked (place int, device bigint, named uuid, taken_at timestamptz)
CROSS JOIN LATERAL (
    SELECT patient_id, during FROM assignment
    LEFT JOIN patient ON patient.public_id = asked.named
    WHERE device_id = asked.device AND upper(during) <= asked.taken_at
      AND (asked.named IS NULL OR coalesce(patient.merged_into, patient.id) = patient_id)
    ORDER BY upper(during) DESC LIMIT 1
) AS assignment
"""


def left_with(connection: psycopg.Connection, nobodys: Sequence[Kept]) -> dict[int, Assigned]:
    """By place: whose a device was last, of the sets whose device was nobody's when they were taken."""
    asked = [
        {"place": place, "device": one.source, "named": _as_id(one.named), "taken_at": one.document.taken_at}
        for place, one in enumerate(nobodys)
        if one.source > 0 and not one.patients and isinstance(one.document, ReadingSet)
    ]
    if not asked:
        return {}
    found = connection.execute(_LEFT_WITH, (as_rows(asked),)).fetchall()
    return {place: Assigned(*period) for place, *period in found}


def _named(connection: psycopg.Connection, names: Iterable[str | None]) -> dict[str, int]:
    """By name as it was sent, an id or an NHS number: the patient's key. What is neither names nobody."""
    ids = {name: one for name in names if name is not None and (one := _as_id(name))}
    numbers = {name: name for name in names if name is not None and _NHS_NUMBER.fullmatch(name)}
    if not ids and not numbers:
        return {}
    asked = (sorted(set(ids.values())), sorted(numbers))
    found: dict[str, int] = dict(connection.execute(_NAMED, asked).fetchall())
    return {name: found[one] for name, one in (ids | numbers).items() if one in found}


_NHS_NUMBER: Final = re.compile(r"[0-9]{10}")


def _as_id(name: str | None) -> str | None:
    try:
        return None if name is None else str(UUID(name))
    except ValueError:
        return None
