"""Messages of readings as devices write them, row by row."""

from typing import Any

from tests.hospital import header, segment

TAKEN_AT = "20261121095800+0000"
NAMES = {
    "spo2": ("150456^MDC_PULS_OXIM_SAT_O2^MDC", "262688^MDC_DIM_PERCENT^MDC"),
    "pulse": ("149530^MDC_PULS_OXIM_PULS_RATE^MDC", "264864^MDC_DIM_BEAT_PER_MIN^MDC"),
    "respiratory_rate": ("151562^MDC_RESP_RATE^MDC", "264928^MDC_DIM_RESP_PER_MIN^MDC"),
    "systolic": ("150021^MDC_PRESS_BLD_NONINV_SYS^MDC", "266016^MDC_DIM_MMHG^MDC"),
    "diastolic": ("150022^MDC_PRESS_BLD_NONINV_DIA^MDC", "266016^MDC_DIM_MMHG^MDC"),
    "temperature": ("150344^MDC_TEMP^MDC", "268192^MDC_DIM_DEGC^MDC"),
    "weight": ("188736^MDC_MASS_BODY_ACTUAL^MDC", "263875^MDC_DIM_KILO_G^MDC"),
    "HR": ("HR", "^bpm"),
    "ACVPU": ("ACVPU", ""),
}
"""By a name of ours: OBX-3 and OBX-6."""


def obx(what: str, value: str, address: str = "", **fields: str) -> str:
    """One OBX: `at` is OBX-14, `status` OBX-11, and any other by its number (`f8`)."""
    code, unit = NAMES.get(what, (what, ""))
    said = {
        2: "NM", 3: code, 4: address, 5: value, 6: unit, 11: fields.pop("status", "F"), 14: fields.pop("at", TAKEN_AT),
    }  # fmt: skip
    return segment("OBX", said | {int(name.removeprefix("f")): text for name, text in fields.items()})


def obr(number: str = "", at: str = TAKEN_AT) -> str:
    """One OBR: `number` is OBR-3."""
    return segment("OBR", {1: "1", 3: number, 4: "182777000^monitoring of patient^SCT", 7: at})


def pid(identifiers: str = "") -> str:
    """Whose."""
    return segment("PID", {1: "1", 3: identifiers})


def oru(*lines: str, control_id: str = "M1", **changed: str) -> str:
    """A message of these lines, which need no PID and no OBR of their own."""
    said: dict[str, Any] = {"msh12": "2.6", "msh3": "HUB^ECDE3D4E58532D31^EUI-64"} | changed
    begun = lines if lines and lines[0].startswith(("PID", "OBR")) else (obr(), *lines)
    return "\r".join([header("ORU^R01^ORU_R01", control_id, **said), *begun]) + "\r"


def batch(*messages: str, count: int | None = None, number: str = "B1") -> str:
    """Messages in a batch."""
    head = segment("BHS", {1: r"^~\&", 2: "HUB", 3: "HOME", 4: "VW", 5: "QXX", 10: number})
    return f"{head}\r{''.join(messages)}BTS|{len(messages) if count is None else count}\r"
