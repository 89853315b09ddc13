"""A report in the form that its reader accepts: JSON or CSV of the same rows, from any report's structs."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from io import StringIO
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from monitoring.acts import Incoming
from monitoring.refusals import NotAcceptable

JSON: Final = "application/json"
CSV: Final = "text/csv; charset=utf-8; header=present"
BY_ACCEPT: Final = {"Vary": "Accept, Authorization"}
_WEIGHT: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")  # RFC 9110, 12.4.2

AnyStruct = msgspec.Struct


def chosen(request: Incoming, offered: Sequence[str] = (JSON, CSV)) -> str:
    """The media type that the caller likes best, the first of those that are alike. Raises NotAcceptable."""
    ranges = _ranges(request.headers.get("accept", "*/*"))
    best = max(offered, key=lambda one: _quality(one, ranges))
    if _quality(best, ranges) == 0:
        raise NotAcceptable(f"Accept one of: {', '.join(map(_name, offered))}.")
    return best


def rows_or_csv(request: Incoming, whole: Any, rows: Sequence[AnyStruct], row: type[AnyStruct]) -> Response[bytes]:
    """A report as JSON (`whole`), or its `rows` as CSV. Raises NotAcceptable."""
    as_csv = chosen(request) == CSV
    content = "".join(csv_of(rows, row)).encode() if as_csv else msgspec.json.encode(whole)
    return Response(content, media_type=CSV if as_csv else JSON, headers=BY_ACCEPT)


def csv_of(rows: Sequence[AnyStruct], row: type[AnyStruct]) -> Iterator[str]:
    """RFC 4180: a header of the fields' names as in JSON, then a line for each struct; a struct's struct lies flat."""
    yield csv_names(row)
    yield from csv_lines(rows)


def csv_names(row: type[AnyStruct]) -> str:
    """The header."""
    return csv_line([*_names(row)])


def csv_lines(rows: Sequence[AnyStruct]) -> Iterator[str]:
    """A line for each struct."""
    return (csv_line([*_values(one)]) for one in rows)


def csv_line(values: Sequence[object]) -> str:
    """One line with its CRLF. What is not there is empty; instants are UTC (`Z`); what is not flat is JSON."""
    line = StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return line.getvalue()


def described(row: type[Any], *others: str) -> dict[int, ResponseSpec]:
    """For the OpenAPI document: the JSON answer of a report."""
    also = f", or {' or '.join(others)}" if others else ""
    return {200: ResponseSpec(row, description=f"JSON, CSV by `Accept: text/csv`{also}", generate_examples=False)}


def _names(row: type[AnyStruct]) -> Iterator[str]:
    for field in msgspec.structs.fields(row):
        if isinstance(field.type, type) and issubclass(field.type, AnyStruct):
            yield from (f"{field.encode_name}_{name}" for name in _names(field.type))
        else:
            yield field.encode_name


def _values(one: AnyStruct) -> Iterator[object]:
    for value in msgspec.structs.astuple(one):
        if isinstance(value, AnyStruct):
            yield from _values(value)
        else:
            yield value


def _cell(value: object) -> object:
    """A value as in JSON, without quotes; a ' before what a spreadsheet would take for a formula."""
    if isinstance(value, bool | dict | list | tuple | msgspec.Struct):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str):
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    if isinstance(value, datetime | date):
        return msgspec.to_builtins(value)
    return value


def _name(media_type: str) -> str:
    return media_type.partition(";")[0]


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    """The weight of the most specific range that names a media type."""
    name = _name(media_type)
    named = (name, f"{name.partition('/')[0]}/*", "*/*")
    return next((ranges[one] for one in named if one in ranges), 0.0)


def _ranges(accept: str) -> dict[str, float]:
    """The media ranges of an Accept header with their weights; one that is no number counts as 1."""
    found: dict[str, float] = {}
    for one in accept.split(","):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        found[name] = float(weight) if _WEIGHT.fullmatch(weight) else 1.0
    return found if any(found) else {"*/*": 1.0}
