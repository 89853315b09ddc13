"""How pages say things: times of the ward's clock, how long ago, severities and states in plain words."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from monitoring.clock import WARD_TIME

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

SEVERITY: Final = {"amber": "Amber", "amber_plus": "Amber+", "red": "Red", "critical": "Critical"}
SIGNS: Final = {"amber": "◇", "amber_plus": "◆", "red": "▲", "critical": "✚"}
"""A shape for each severity: colour is never alone."""


def clock(at: datetime) -> str:
    """14:05."""
    return f"{at.astimezone(WARD_TIME):%H:%M}"


def moment(at: datetime) -> str:
    """Thu 26 Nov 14:05."""
    return f"{at.astimezone(WARD_TIME):%a %-d %b %H:%M}"


def stamp(at: datetime) -> str:
    """An instant for scripts, to the second, in UTC: a board has hundreds of them."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def day(on: date) -> str:
    """26 Nov 2026."""
    return f"{on:%-d %b %Y}"


def age(at: datetime, now: datetime) -> str:
    """How long ago: 4 min, 3 h, 2 days. What lies ahead is said without a sign: the sentence says which."""
    passed = abs(now - at)
    if passed < HOUR:
        return f"{passed // MINUTE} min"
    if passed < 2 * DAY:
        hours, rest = divmod(passed, HOUR)
        return f"{hours} h {rest // MINUTE} min" if hours < 6 and rest >= MINUTE else f"{hours} h"
    return f"{passed // DAY} days"


def plain(code: str) -> str:
    """A code as words: amber_plus is amber plus."""
    return str(code).replace("_", " ")


def vital(code: str) -> str:
    """A vital sign as clinicians write it."""
    return "SpO2" if code == "spo2" else plain(code).capitalize()


def nhs(number: str | None) -> str:
    """An NHS number in its three groups."""
    return f"{number[:3]} {number[3:6]} {number[6:]}" if number else "no NHS number"


def number(value: float | None) -> str:
    """A number as people write it; nothing where it was not measured."""
    return "" if value is None else f"{value:g}"


def percent(share: float | None) -> str:
    """0.8125 is 81 %; nothing where there is no share."""
    return "" if share is None else f"{share:.0%}".replace("%", " %")


HAPPENED: Final = {
    "mdt": "board round",
    "plan": "plan decided",
    "referred_to_ucr": "UCR asked",
    "ucr_ended": "UCR ended",
    "value_withdrawn": "accepted value withdrawn",
    "kit_given": "kit given",
    "kit_back": "kit taken back",
}


def happened(code: str) -> str:
    """What happened to a patient."""
    return HAPPENED.get(code, plain(code))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "clock": clock,
    "moment": moment,
    "stamp": stamp,
    "day": day,
    "age": age,
    "plain": plain,
    "happened": happened,
    "vital": vital,
    "nhs": nhs,
    "number": number,
    "percent": percent,
    "severity": lambda code: SEVERITY[code],
    "sign": lambda code: SIGNS[code],
}
