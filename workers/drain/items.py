"""A set of readings on its way through the drain, and what is kept aside of what arrives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devices.clock import TOLERANCE
from devices.reading import Arrival, Impossible, Odd, ReadingSet, content_of, set_key
from monitoring.intake.tables import Aside
from monitoring.schema import RETENTION

RELEASED: Final = 0
"""The source of what a person released, in the set's key: no device's, so that what came first keeps its own."""


@dataclass(slots=True)
class Item:
    """One set, who sent it and when."""

    source: int
    one: ReadingSet
    received_at: datetime
    patient: str | None  # public id, where the request or the set named one
    key: str  # the set's id everywhere: derived, so that the same set sent twice is the same set
    content: bytes
    released: str | None = None  # public id of what was kept aside, where a person released it
    original: str | None = None  # id of the document that it came in, where that is kept
    device_time: datetime | None = None  # as the device gave it, where its clock was known to be wrong

    @property
    def is_storable(self) -> bool:
        """Whether it was taken neither in the future nor longer ago than readings are kept."""
        return self.received_at - RETENTION <= self.one.taken_at <= self.received_at + TOLERANCE


@dataclass(frozen=True, slots=True)
class Kept:
    """Something kept aside for a person."""

    source: int
    id: str
    content: bytes
    document: ReadingSet | Impossible | Odd | dict[str, str]  # the last: what could not be read
    received_at: datetime
    reason: Aside
    detail: str
    patients: tuple[int, ...] = ()  # whom it may be about: several share a hub
    named: str | None = None  # public id, where the set or its request named a patient
    released: str | None = None  # public id of what was kept aside before, and could not be scored after all
    original: str | None = None  # id of the document that it came in, where that is kept

    @classmethod
    def of(cls, item: Item, reason: Aside, detail: str, patients: tuple[int, ...] = ()) -> "Kept":
        """A set."""
        where = (item.source, item.one.id, item.content, item.one, item.received_at)
        if item.device_time is not None:
            detail = f"{detail}; the device's clock, which is wrong, said {item.device_time:%Y-%m-%d %H:%M:%S}"
        return cls(*where, reason, detail, patients, item.patient, item.released, item.original)

    @property
    def key(self) -> tuple[int, str, bytes]:
        """What is kept once."""
        return self.source, self.id, self.content

    @property
    def patient_id(self) -> int | None:
        """Whom it is about, where that is known."""
        return self.patients[0] if len(self.patients) == 1 else None

    @property
    def measured(self) -> ReadingSet | None:
        """What it measured, as far as that can be a measurement."""
        if isinstance(self.document, Impossible):
            return self.document.rest
        if isinstance(self.document, Odd):
            return self.document.reads
        return self.document if isinstance(self.document, ReadingSet) else None


def items_of(arrival: Arrival) -> list[Item]:
    """The sets that one request brought. Staff send for the patient whom the request names, whatever a set says."""
    source, received_at = arrival.source, arrival.received_at
    if released := arrival.released:
        key = set_key(RELEASED, released)
        return [Item(source, one, received_at, arrival.patient, key, b"", released) for one in arrival.sets]
    original = _original_of(arrival)
    return [
        Item(
            source, one, received_at, arrival.patient or one.patient, set_key(source, one.id), content_of(one),
            original=original,
        )
        for one in arrival.sets
    ]  # fmt: skip


def refused_of(arrival: Arrival) -> list[Kept]:
    """What of one request a device could not have measured. Staff were told, and are there."""
    if arrival.source < 0:
        return []
    return [
        Kept(
            arrival.source, one.id, content_of(one), one, arrival.received_at, Aside.IMPOSSIBLE, said_of(one),
            named=one.patient, original=_original_of(arrival),
        )
        for one in arrival.impossible
    ]  # fmt: skip


def odd_of(arrival: Arrival) -> list[Kept]:
    """What of one request its decoder kept aside."""
    return [
        Kept(
            arrival.source, one.id, content_of(one), one, arrival.received_at, Aside(one.reason), one.detail,
            named=arrival.patient or one.patient, original=_original_of(arrival),
        )
        for one in arrival.odd
    ]  # fmt: skip


def _original_of(arrival: Arrival) -> str | None:
    return None if arrival.original is None else arrival.original.id


def said_of(one: Impossible) -> str:
    """The refused values, each with the reason."""
    return "; ".join(f"refused {failed.field} {failed.value}: {failed.reason}" for failed in one.values)
