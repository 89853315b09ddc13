"""Recorded readings from CSV files, plain or gzipped: rows to arrays, and what had to be left out, by line.

Forms, told apart by their header: our own (docs/backtest.md), and the two of PhysioNet's challenges of 2019
(a row an hour) and 2012 (a row a value).
"""

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
from numpy.typing import NDArray

from alert_rules.accepted import BEYOND, Side
from alert_rules.kinds import HOUR_US
from devices.plausible import POSSIBLE
from monitoring.backtest import columns
from monitoring.backtest.columns import EMPTY, REFUSED, Cells

ROWS_AT_ONCE: Final = 65_536
NAMED_MAX: Final = 20
"""How many refused lines are named; all are counted."""
MINUTE_US: Final = HOUR_US // 60

TIMES: Final[Mapping[str, Callable[[], Cells]]] = {
    "taken_at": columns.instant,
    "hours": lambda: columns.span(HOUR_US),
    "minutes": lambda: columns.span(MINUTE_US),
}
ACCEPTED: Final[Mapping[str, Side]] = {
    f"{vital}_accepted_{'high' if high else 'low'}": (vital, high) for vital, high in BEYOND
}
"""Columns of what was accepted of the patient, from their row on."""
OWN: Final[Mapping[str, Callable[[], Cells]]] = {
    **{name: (lambda name=name: columns.vital(name)) for name in POSSIBLE},  # type: ignore[misc]
    "on_oxygen": columns.flag,
    "consciousness": columns.consciousness,
    "assessed_by": lambda: columns.one_of("patient", "carer", "staff"),
    "wellness": columns.wellness,
    "quality": lambda: columns.one_of("good", "low", "test"),
    "spo2_scale": lambda: columns.one_of("1", "2", first=1),
    "home_oxygen_l_min": columns.hundredths,
    "label": columns.flag,
    **{name: (lambda vital=side[0]: columns.vital(vital)) for name, side in ACCEPTED.items()},  # type: ignore[misc]
}
"""What a column of our own form can be, beside `patient` and the time."""

CHALLENGE_2019: Final = {
    "HR": "pulse", "O2Sat": "spo2", "Temp": "temperature", "SBP": "systolic", "DBP": "diastolic",
    "Resp": "respiratory_rate", "FiO2": "on_oxygen", "ICULOS": "hours", "SepsisLabel": "label",
}  # fmt: skip
CHALLENGE_2012: Final = {
    "HR": "pulse", "SaO2": "spo2", "Temp": "temperature", "SysABP": "systolic", "NISysABP": "systolic",
    "DiasABP": "diastolic", "NIDiasABP": "diastolic", "RespRate": "respiratory_rate", "FiO2": "on_oxygen",
    "GCS": "consciousness",
}  # fmt: skip
HEADER_2012: Final = ["set", "record_id", "minute", "parameter", "value"]

STAFF: Final = 2
"""The place of `staff` among those who assess: in a hospital nobody else does."""


class CannotRead(Exception):
    """A file is not one of recorded readings."""


@dataclass(slots=True)
class LeftOut:
    """What was not taken, and why."""

    refused: Counter[str] = field(default_factory=Counter)  # sets, by the column that refused them
    named: list[str] = field(default_factory=list)  # the first of them
    empty: int = 0  # rows that measure nothing
    tests: int = 0
    repeated: int = 0  # the same again

    def refuse(self, path: Path, line: int, name: str, reason: str) -> None:
        """Leave one line out."""
        self.refused[name] += 1
        if len(self.named) < NAMED_MAX:
            self.named.append(f"{path}:{line}: {name}: {reason}" if name else f"{path}:{line}: {reason}")


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows: whose, when, and by field what the cells came to, EMPTY where they say nothing."""

    patients: Sequence[str]
    taken_us: NDArray[np.int64]
    fields: Mapping[str, NDArray[np.int64]]
    taken: NDArray[np.bool_]  # False: the set is refused; its patient was there all the same
    improbable: NDArray[np.bool_]
    in_hospital: bool = False


def read(paths: Iterable[Path], left_out: LeftOut, told: Callable[[int], object] = lambda _: None) -> list[Part]:
    """Every row of some files. `told` hears how many more were read. Raises CannotRead, and OSError."""
    parts = []
    for path in sorted(paths):
        with _opened(path) as file:
            try:
                for part in _parts(path, csv.reader(file), left_out):
                    parts.append(part)
                    told(len(part.patients))
            except (csv.Error, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
                raise CannotRead(f"{path}: {error}") from error
    return parts


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _parts(path: Path, rows: Iterator[list[str]], left_out: LeftOut) -> Iterator[Part]:
    header = [name.strip().removeprefix("\ufeff") for name in next(rows, [])]
    numbered = _of_one_width(path, rows, len(header), left_out)
    if header == HEADER_2012:
        yield from _of_2012(path, numbered, left_out)
        return
    is_2019 = "ICULOS" in header
    names = [CHALLENGE_2019.get(name, "" if name != "patient" else name) for name in header] if is_2019 else header
    cells = _cells(path, names, in_hospital=is_2019)
    while chunk := list(islice(numbered, ROWS_AT_ONCE)):
        yield _wide(path, names, cells, chunk, left_out, in_hospital=is_2019)


def _of_one_width(
    path: Path, rows: Iterator[list[str]], width: int, left_out: LeftOut
) -> Iterator[tuple[int, list[str]]]:
    for line, row in enumerate(rows, start=2):
        if len(row) == width:
            yield line, row
        elif row:
            left_out.refuse(path, line, "", f"has {len(row)} cells, the header {width}")


def _cells(path: Path, names: Sequence[str], *, in_hospital: bool) -> dict[str, Cells]:
    """A table for each column. Raises CannotRead where the header is not one of ours."""
    times = [name for name in names if name in TIMES]
    if "patient" not in names or len(times) != 1:
        raise CannotRead(f"{path}:1: needs a column patient, and one of {', '.join(TIMES)}")
    unknown = [name for name in names if name not in OWN and name not in TIMES and name not in {"patient", ""}]
    if unknown or (twice := [name for name, count in Counter(names).items() if name and count > 1]):
        raise CannotRead(f"{path}:1: {'unknown' if unknown else 'twice'}: {', '.join(unknown or twice)}")
    made = {name: (OWN.get(name) or TIMES[name])() for name in names if name not in {"patient", ""}}
    if in_hospital and "on_oxygen" in made:
        made["on_oxygen"] = columns.inspired_oxygen()
    return made


def _wide(
    path: Path,
    names: Sequence[str],
    cells: Mapping[str, Cells],
    chunk: Sequence[tuple[int, list[str]]],
    left_out: LeftOut,
    *,
    in_hospital: bool,
) -> Part:
    texts = dict(zip(names, zip(*(row for _, row in chunk), strict=True), strict=True))
    patients = texts.pop("patient")
    texts.pop("", None)
    found = {
        name: np.fromiter(map(cells[name].__getitem__, column), np.int64, len(chunk)) for name, column in texts.items()
    }
    time = next(name for name in texts if name in TIMES)
    found[time][found[time] == EMPTY] = REFUSED
    nobody = np.fromiter((not text.strip() for text in patients), np.bool_, len(chunk))
    taken = _refused(path, [line for line, _ in chunk], texts, found, cells, left_out) & ~nobody
    for row in np.flatnonzero(nobody).tolist():
        left_out.refuse(path, chunk[row][0], "patient", "is missing")
    taken_us = found.pop(time)
    there = (taken_us != REFUSED) & ~nobody
    improbable = np.zeros(len(chunk), np.bool_)
    for name, values in found.items():
        if cells[name].improbable:
            improbable |= np.isin(values, list(cells[name].improbable))
    fields = {name: values[there] for name, values in found.items()}
    whose = [patient.strip() for patient, is_there in zip(patients, there.tolist(), strict=True) if is_there]
    return Part(whose, taken_us[there], fields, taken[there], improbable[there], in_hospital)


def _refused(
    path: Path,
    lines: Sequence[int],
    texts: Mapping[str, Sequence[str]],
    found: Mapping[str, NDArray[np.int64]],
    cells: Mapping[str, Cells],
    left_out: LeftOut,
) -> NDArray[np.bool_]:
    """(n,) the rows that can be taken. As at the door, one cell that cannot be refuses the set."""
    taken = np.ones(len(lines), np.bool_)
    for name, values in found.items():
        for row in np.flatnonzero(taken & (values == REFUSED)).tolist():
            left_out.refuse(path, lines[row], name, cells[name].reasons[texts[name][row]])
        taken &= values != REFUSED
    if "oxygen_flow" in found and "on_oxygen" in found:
        flow, said = found["oxygen_flow"], found["on_oxygen"]
        against = taken & (flow != EMPTY) & (said != EMPTY) & ((flow > 0) != (said > 0))
        for row in np.flatnonzero(against).tolist():
            left_out.refuse(path, lines[row], "on_oxygen", "contradicts oxygen_flow")
        taken &= ~against
    return taken


def _of_2012(path: Path, numbered: Iterator[tuple[int, list[str]]], left_out: LeftOut) -> Iterator[Part]:
    """A row a value, in order of patient: those of one minute make a set. Of two values of a kind the lower counts."""
    cells = {name: columns.vital(into) for name, into in CHALLENGE_2012.items() if into in POSSIBLE}
    cells |= {"FiO2": columns.inspired_oxygen(), "GCS": columns.coma_scale()}
    minutes = columns.span(MINUTE_US)
    names = list(dict.fromkeys(CHALLENGE_2012.values()))
    held: list[tuple[int, list[str]]] = []
    while chunk := held + list(islice(numbered, ROWS_AT_ONCE)):
        last = chunk[-1][1][:2]
        cut = len(chunk)
        while cut and chunk[cut - 1][1][:2] == last:  # the last patient's rows may go on
            cut -= 1
        is_last = len(chunk) - len(held) < ROWS_AT_ONCE
        cut = len(chunk) if is_last or not cut else cut
        chunk, held = chunk[:cut], chunk[cut:]
        yield _pivoted(path, chunk, cells, minutes, names, left_out)


def _pivoted(
    path: Path,
    chunk: Sequence[tuple[int, list[str]]],
    cells: Mapping[str, Cells],
    minutes: Cells,
    names: Sequence[str],
    left_out: LeftOut,
) -> Part:
    places: dict[tuple[str, int], int] = {}
    rows: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in names}
    refused: set[int] = set()
    for line, (group, record, minute, parameter, text) in chunk:
        at = minutes[minute]
        if at in {REFUSED, EMPTY}:
            left_out.refuse(path, line, "minute", minutes.reasons.get(minute, "is missing"))
            continue
        place = places.setdefault((f"{group}{record}", at), len(places))
        if (into := CHALLENGE_2012.get(parameter)) is None:
            continue
        value = cells[parameter][text]
        if value == REFUSED:
            if place not in refused:
                left_out.refuse(path, line, parameter, cells[parameter].reasons[text])
            refused.add(place)
        elif value != EMPTY:
            rows[into][0].append(place)
            rows[into][1].append(value)
    n = len(places)
    fields: dict[str, Any] = {}
    for name, (where, values) in rows.items():
        most = np.full(n, np.iinfo(np.int64).max)
        np.minimum.at(most, where, values)
        fields[name] = np.where(most == np.iinfo(np.int64).max, EMPTY, most)
    taken = np.ones(n, np.bool_)
    taken[list(refused)] = False
    improbable = np.zeros(n, np.bool_)
    for parameter, one in cells.items():
        improbable |= np.isin(fields[CHALLENGE_2012[parameter]], list(one.improbable))
    taken_us = np.fromiter((at for _, at in places), np.int64, n)
    return Part([whose for whose, _ in places], taken_us, fields, taken, improbable, in_hospital=True)
