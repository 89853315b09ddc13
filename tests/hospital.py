"""Messages as a hospital writes them, field by field."""

from datetime import datetime
from typing import Any


def segment(name: str, fields: dict[int, str]) -> str:
    """A segment whose fields stand at their numbers."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields, default=0) + 1))])


def header(kind: str, control_id: str, **changed: str) -> str:
    """MSH: its first separator is a field of its own, and stands between all others."""
    fields = {
        2: r"^~\&", 3: "PAS", 4: "RXX", 5: "VW", 6: "QXX", 7: "20261121100000+0000", 9: kind, 10: control_id, 11: "P",
        12: "2.5.1", 18: "UNICODE UTF-8",
    } | {int(place.removeprefix("msh")): text for place, text in changed.items()}  # fmt: skip
    return segment("MSH", {number - 1: text for number, text in fields.items()})


def adt(trigger: str, at: datetime, control_id: str, *more: str, **said: Any) -> str:
    """An ADT message. `number`, `name` (family, given), `born`, `sex`, `ward`, `pid`, `pv1`, `msh`, `evn`: the rest."""
    family, given = said.get("name", ("Other", "Ann"))
    pid = {
        1: "1", 3: f"{said['number']}^^^NHS^NH" if said.get("number") else "", 5: f"{family}^{given}",
        7: said.get("born", "19500228"), 8: said.get("sex", "F"),
    } | said.get("pid", {})  # fmt: skip
    evn = {1: trigger, 2: stamp(at)} | said.get("evn", {})
    pv1 = {1: "1", 2: "I", 3: said.get("ward", "NNU-A1"), 7: "C1^Adler^Mary"} | said.get("pv1", {})
    lines = [
        header(f"ADT^{trigger}", control_id, **said.get("msh", {})),
        segment("EVN", evn),
        segment("PID", pid),
        *more,
        segment("PV1", pv1),
    ]
    return "\r".join(lines) + "\r"


def stamp(at: datetime) -> str:
    """An instant as HL7 writes it, to the millisecond."""
    return at.strftime("%Y%m%d%H%M%S.%f")[:18] + at.strftime("%z")
