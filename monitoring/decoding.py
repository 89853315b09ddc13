"""`virtual-ward decode`: what is understood of documents, for engineers who connect a hub. Nothing is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from devices.formats import every
from devices.posted import KEPT_ASIDE, Decoded, Posted
from devices.reading import CHARTED, Odd, ReadingSet

BYTES_MAX: Final = 16 * 1_048_576
"""Of one file. A request holds at most 1 MiB."""

UNITS: Final = {
    "respiratory_rate": "/min", "spo2": "%", "oxygen_flow": "L/min", "systolic": "mmHg", "diastolic": "mmHg",
    "pulse": "/min", "temperature": "°C", "weight": "kg", "glucose": "mmol/L", "peak_flow": "L/min", "battery": "%",
}  # fmt: skip


__all__ = ["CannotRead", "as_json", "show", "understand"]


class CannotRead(Exception):
    """A file cannot be read."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What came of one file."""

    name: str
    format: str
    decoded: Decoded
    unreadable: dict[str, Any] | None = None  # where and why, if nothing of it could be read
    is_array: bool = False


def understand(path: Path, name: str | None, now: datetime) -> Understood:
    """Decode one file, of the format named or seen. Raises CannotRead."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise CannotRead(f"{path}: larger than {BYTES_MAX} bytes")
        body = path.read_bytes()
    except OSError as error:
        raise CannotRead(f"{path}: {error.strerror or error}") from error
    kind = name or every.guess(body)
    try:
        decoded, unreadable = every.decode(body, kind, now), None
    except every.REFUSALS as error:
        decoded, unreadable = Decoded(), _why(error)
    return Understood(str(path), kind, decoded, unreadable, is_array=kind != "gatt" and body.lstrip()[:1] == b"[")


def _why(error: Exception) -> dict[str, Any]:
    """A refusal of a whole document: by its place, where the format names one."""
    if (place := getattr(error, "place", None)) is not None:
        return {"place": place, "reason": getattr(error, "reason", str(error))}
    title = (error.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return {"place": "", "reason": f"{title}: {error}"}


def as_json(one: Understood) -> dict[str, Any]:
    """The sets as `POST /v1/readings` takes them, what was refused, and what is known beside."""
    decoded = one.decoded
    document: dict[str, Any] = {"sets": [as_posted(each) for each in decoded.sets], "refused": _refused(one)}
    if notes := [{"set": place, **said} for place, each in enumerate(decoded.sets) if (said := beside(each))]:
        document["notes"] = notes
    if decoded.battery is not None:
        document["battery"] = decoded.battery
    if decoded.clock_offset_s is not None:
        document["clock_offset_s"] = decoded.clock_offset_s
    return document


def as_posted(one: ReadingSet) -> dict[str, Any]:
    """A set by the contract's names, each value as it was sent, converted but not rounded to the chart."""
    sent = one.as_sent or {}
    posted: dict[str, Any] = {}
    for name in Posted.__struct_fields__:
        if name in CHARTED:
            into, decimals = CHARTED[name]
            units = getattr(one, into)
            value = sent.get(name, units / 10**decimals if decimals and units is not None else units)
        else:
            value = getattr(one, name)
        if value is not None and not (name == "quality" and value == "good"):
            posted[name] = instant(value) if isinstance(value, datetime) else value
    if "oxygen_flow" in posted:
        posted.pop("on_oxygen")
    return posted


def instant(at: datetime) -> str:
    """As the API writes it."""
    return at.isoformat().replace("+00:00", "Z")


def beside(one: ReadingSet) -> dict[str, Any]:
    """What a format says more than our own JSON can."""
    said = {name: getattr(one, name) for name in ("sensor", "slot", "clock", "reported_news2")}
    return {name: value for name, value in said.items() if value is not None} | (
        {"improbable": list(one.flags)} if one.flags else {}
    )


def _refused(one: Understood) -> list[dict[str, Any]]:
    """Each refusal with its place in the document; with what was kept aside, what it reads."""
    if one.unreadable is not None:
        return [one.unreadable]
    aside = iter(one.decoded.odd)
    refused: list[dict[str, Any]] = []
    for said in one.decoded.refused:
        entry: dict[str, Any] = {"place": _place(one, said.index, said.field), "reason": said.reason}
        if said.reason.startswith(KEPT_ASIDE) and (odd := next(aside, None)) is not None and odd.reads is not None:
            entry["reads"] = _without_time(odd)
        refused.append(entry)
    return [*refused, *map(_kept_aside, aside)]


def _kept_aside(odd: Odd) -> dict[str, Any]:
    """What a decoder kept aside without a word to its sender. The detail begins with the place, if there is one."""
    place, is_there, detail = odd.detail.partition(": ")
    if not is_there or " " in place:
        place, detail = "", odd.detail
    entry: dict[str, Any] = {"place": place, "reason": f"{KEPT_ASIDE}{odd.reason}: {detail}"}
    return entry if odd.reads is None else entry | {"reads": _without_time(odd)}


def _without_time(odd: Odd) -> dict[str, Any]:
    assert odd.reads is not None
    reads = as_posted(odd.reads)
    if odd.taken_at is None:
        del reads["taken_at"]
    return reads


def _place(one: Understood, index: int, field: str) -> str:
    """In an array of our own JSON or of data points, the element too: its field alone names no place."""
    if not one.is_array:
        return field
    return f"[{index}].{field}" if field else f"[{index}]"


def render(one: Understood) -> RenderableType:
    """The same for people: a line per set, then what was refused."""
    sets, refused = one.decoded.sets, _refused(one)
    counts = f"{len(sets)} set{'s' * (len(sets) != 1)}, {len(refused)} refused"
    head = Text.from_markup(f"[bold]{escape(one.name)}[/bold]  {one.format}: {counts}")
    parts: list[RenderableType] = [head]
    if sets:
        parts.append(_sets(sets))
    parts.extend(Text(f"  {said}") for said in _about(one.decoded))
    if refused:
        parts.append(_refusals(refused))
    return Group(*parts)


def _sets(sets: Sequence[ReadingSet]) -> Table:
    table = Table(
        "taken at", "measured", "beside it", "id", box=None, pad_edge=False, padding=(0, 2), header_style="dim"
    )
    for column, options in zip(table.columns, ({"no_wrap": True}, {}, {}, {}), strict=True):
        column.no_wrap = bool(options)
    for one in sets:
        posted = as_posted(one)
        also = {**beside(one), **({"quality": one.quality} if one.quality != "good" else {})}
        if one.patient:
            also["patient"] = one.patient
        table.add_row(
            instant(one.taken_at), _measured(posted), _words(also), Text(one.id, style="dim", overflow="fold")
        )
    return table


NOT_MEASURED: Final = frozenset({"id", "taken_at", "patient", "quality"})


def _measured(posted: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value}{' ' + UNITS[name] if name in UNITS else ''}"
        for name, value in posted.items()
        if name not in NOT_MEASURED
    )


def _words(said: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {', '.join(value) if isinstance(value, list) else value}" for name, value in said.items())


def _about(decoded: Decoded) -> list[str]:
    said = []
    if decoded.battery is not None:
        said.append(f"battery {decoded.battery} %")
    if decoded.clock_offset_s is not None:
        ahead = "ahead" if decoded.clock_offset_s >= 0 else "behind"
        said.append(f"the device's clock is {abs(decoded.clock_offset_s)} s {ahead}")
    return said


def _refusals(refused: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("refused", "why", "reads", box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    for one in refused:
        reads = _measured(one.get("reads", {}))
        style = "yellow" if one["reason"].startswith(KEPT_ASIDE) else "red"
        table.add_row(Text(one["place"] or "(all)"), Text(one["reason"], style=style), reads)
    return table


def show(console: Console, understood: Sequence[Understood]) -> None:
    """Print what came of some files."""
    for number, one in enumerate(understood):
        if number:
            console.print()
        console.print(render(one), highlight=False)
