"""A series of occupancy as JSON and as CSV: written group by group, so that a long one is never whole in memory."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from monitoring.reports.answers import csv_line
from monitoring.reports.choices import By, Every
from monitoring.reports.occupancy import Record, Series
from monitoring.reports.periods import as_datetime64


class SeriesView(msgspec.Struct):
    """The beds of a group of wards, a value for each of the report's `times`."""

    group: str
    occupied: list[int]
    reserved: list[int]
    on_leave: list[int]
    staffed: list[int]
    funded: list[int]
    occupancy: list[float | None]  # occupied / staffed; None where nothing is staffed


class OccupancyReport(msgspec.Struct):
    """Occupancy over time. Its instants are given once."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    step: Every
    by: By
    times: list[datetime]
    series: list[SeriesView]


CHUNK_BYTES: Final = 1 << 20

_COUNTS: Final = ("occupied", "reserved", "on_leave", "staffed", "funded")
_NULL: Final = 10_000
_SHARES: Final = np.array([str(thousandths / 1000).encode() for thousandths in range(_NULL)] + [b"null"], dtype=object)
"""Occupancy as it is written, by its thousandths: of a year's hours of every ward, four million are looked up here."""


def as_json(record: Record) -> Iterator[bytes]:
    """An OccupancyReport: its head, then one series after the other."""
    head = {
        "from": record.span.from_at,
        "to": record.span.until_at,
        "step": record.every,
        "by": record.by,
        "times": _times(record),
    }
    yield msgspec.json.encode(head)[:-1] + b',"series":['
    for number, one in enumerate(record.series()):
        counts = {name: getattr(one, name).tolist() for name in _COUNTS}
        yield (b"," if number else b"") + msgspec.json.encode({"group": one.group, **counts, "occupancy": _shares(one)})
    yield b"]}"


def as_csv(record: Record) -> Iterator[bytes]:
    """A line for each instant of each group."""
    yield csv_line(["at", "group", *_COUNTS, "occupancy"]).encode()
    times = _times(record)
    for one in record.series():
        counts = (getattr(one, name).tolist() for name in _COUNTS)
        shares = ("" if np.isnan(share) else share for share in one.occupancy.tolist())
        rows = zip(times, *counts, shares, strict=True)
        yield "".join(f"{at},{one.group},{','.join(map(str, row))}\r\n" for at, *row in rows).encode()


def in_chunks(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces: each that is sent costs a change of threads."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        if len(waiting) >= CHUNK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _times(record: Record) -> list[str]:
    moments = as_datetime64(record.times).astype("datetime64[s]")
    texts: list[str] = np.datetime_as_string(moments, timezone="UTC").tolist()
    return texts


def _shares(one: Series) -> msgspec.Raw:
    """The column of occupancy."""
    shares: npt.NDArray[np.float64] = one.occupancy
    if (shares >= _NULL / 1000).any():  # ten patients to a bed
        return msgspec.Raw(msgspec.json.encode(shares.tolist()))
    thousandths = np.where(np.isnan(shares), _NULL, np.rint(shares * 1000)).astype(np.int64)
    return msgspec.Raw(b"[" + b",".join(_SHARES[thousandths].tolist()) + b"]")
