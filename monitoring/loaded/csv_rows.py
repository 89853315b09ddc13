"""CSV with a header, read into structs: what is wrong is named by line and column, and nothing is guessed."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import islice
from typing import Final, TypeVar

import msgspec

from devices.formats.native import explain
from monitoring.acts import Incoming
from monitoring.refusals import Fault, Unacceptable, WrongMediaType, unacceptable

Row = TypeVar("Row", bound=msgspec.Struct)

MEDIA_TYPE: Final = "text/csv"
FAULTS_MAX: Final = 20
"""How many faults of a file are told at once."""


async def csv_body(request: Incoming) -> bytes:
    """The body of a request that sends CSV. Raises WrongMediaType."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise WrongMediaType(f"Send {MEDIA_TYPE}.")
    return await request.body()


def read(body: bytes, row: type[Row]) -> Iterator[tuple[int, Row]]:
    """Each line's number and its row, up to the first fault. Raises Unacceptable naming the first 20.

    UTF-8, as spreadsheets write it too (with a mark at its beginning); columns in any order; empty lines are skipped.
    """
    try:
        lines = csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
    except UnicodeDecodeError:
        raise unacceptable("", "is not text in UTF-8") from None
    faults: list[Fault] = []
    try:
        names = _header(next(lines, []), row)
        for cells in lines:
            if not cells:
                continue
            found = _row(cells, names, row, lines.line_num)
            if isinstance(found, Fault):
                faults.append(found)
            elif not faults:
                yield lines.line_num, found
            if len(faults) == FAULTS_MAX:
                break
    except csv.Error as error:
        faults.append(Fault(f"line {lines.line_num}", str(error)))
    if faults:
        raise Unacceptable(*faults)


def judged(body: bytes, row: type[Row], rows_max: int) -> Iterator[tuple[int, Row | list[Fault]]]:
    """Each line's number and its row, or everything that is wrong with it: lines are judged alone.

    Raises Unacceptable for a file that cannot be read to its end, whose header is wrong, or that has too many rows.
    """
    try:
        lines = csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        names = _header(next(lines, []), row)
        found = [(lines.line_num, cells) for cells in islice(filter(None, lines), rows_max + 1)]
    except UnicodeDecodeError:
        raise unacceptable("", "is not text in UTF-8") from None
    except csv.Error as error:
        raise unacceptable(f"line {lines.line_num}", str(error)) from None
    if len(found) > rows_max:
        raise unacceptable(f"line {found[-1][0]}", f"is beyond the {rows_max} rows that are taken at once")
    for line, cells in found:
        yield line, _judged(cells, names, row)


def _judged(cells: Sequence[str], names: Sequence[str], row: type[Row]) -> Row | list[Fault]:
    if len(cells) != len(names):
        return [Fault("", f"has {len(cells)} cells where the header has {len(names)}")]
    said = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    values, faults = {}, []
    for field in msgspec.structs.fields(row):
        if field.encode_name in said:
            try:
                values[field.name] = msgspec.convert(said[field.encode_name], field.type, strict=False)
            except msgspec.ValidationError as error:
                faults.append(Fault(field.encode_name, explain(error)[1]))
        elif field.required:
            faults.append(Fault(field.encode_name, "required"))
    return faults or row(**values)


def column_of(line: int, column: str) -> str:
    """A place in a file, as a fault names it."""
    return f"line {line}, {column}"


def _header(cells: Sequence[str], row: type[Row]) -> list[str]:
    names = [cell.strip() for cell in cells]
    fields = msgspec.structs.fields(row)
    known, needed = {one.encode_name for one in fields}, {one.encode_name for one in fields if one.required}
    faults = [Fault(column_of(1, name), "unknown column") for name in dict.fromkeys(names) if name not in known]
    faults += [Fault(column_of(1, name), "is there twice") for name in sorted(known) if names.count(name) > 1]
    faults += [Fault(column_of(1, name), "required") for name in sorted(needed - {*names})]
    if faults:
        raise Unacceptable(*faults[:FAULTS_MAX])
    return names


def _row(cells: Sequence[str], names: Sequence[str], row: type[Row], line: int) -> Row | Fault:
    if len(cells) != len(names):
        return Fault(f"line {line}", f"has {len(cells)} cells where the header has {len(names)}")
    said = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    try:
        return msgspec.convert(said, row, strict=False)  # all of CSV is text: "3" is a number here
    except msgspec.ValidationError as error:
        field, reason = explain(error)
        return Fault(column_of(line, field) if field else f"line {line}", reason)
