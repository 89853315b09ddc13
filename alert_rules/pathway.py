"""Pathways: what a ward of one kind does by default, read from the TOML files beside this one."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from alert_rules.ladder import Ladder, Ladders, WrongLadder, read_ladders
from alert_rules.limits import SpO2Defaults

FOLDER: Final = files("alert_rules") / "pathways"
LADDERS: Final = files("alert_rules") / "ladders.toml"

READINGS_PER_DAY_MAX: Final = 24

_NEEDED: Final[dict[str, type]] = {"title": str, "readings_per_day": int, "spo2": dict}
_KEYS: Final[dict[str, type]] = _NEEDED | {
    "max_stay_days": int,
    "in_sitrep": bool,
    "first_care_within_h": int,
    "assessed_within_h": int,
    "ladders": dict,
}
_AT_LEAST_ONE: Final = ("max_stay_days", "first_care_within_h", "assessed_within_h")
_SPO2_KEYS: Final[dict[str, type]] = {"amber_low": int, "red_low": int, "red_prompt": str}


@dataclass(frozen=True, slots=True)
class Pathway:
    """The defaults of one kind of ward, until a clinician decides otherwise for a patient."""

    name: str
    title: str
    readings_per_day: int
    spo2: SpO2Defaults
    version: str  # of the content: kept with every decision that it made
    ladders: Ladders  # by severity's name, and `no_hospital`
    max_stay_days: int = 14  # NHS England's operational framework, August 2024
    in_sitrep: bool = True  # whether the national return counts wards of this kind
    first_care_within_h: int | None = None  # of the hospital's referral; None: no such clock
    assessed_within_h: int | None = None  # of reaching home; None: no such clock

    @property
    def gives_care(self) -> bool:
        """Whether a service of this kind brings care to the home by a clock of its own, as recovery does."""
        return self.first_care_within_h is not None or self.assessed_within_h is not None


class WrongPathway(Exception):
    """A pathway file cannot be used."""


def read(name: str, text: str) -> Pathway:
    """A pathway from its file's text. Raises WrongPathway naming the file, and the key or the line."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongPathway(f"{name}.toml: {error}") from error
    if fault := _fault(content):
        raise WrongPathway(f"{name}.toml: {fault}")
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    ladders = usual_ladders() | _ladders(name, content.pop("ladders", {}))
    return Pathway(name=name, version=version, ladders=ladders, **content | {"spo2": SpO2Defaults(**content["spo2"])})


@cache
def usual_ladders() -> dict[str, Ladder]:
    """The ladders of every pathway that has none of its own."""
    return _ladders("ladders", tomllib.loads(LADDERS.read_text(encoding="utf-8")))


def _ladders(name: str, raw: dict[str, Any]) -> dict[str, Ladder]:
    try:
        return read_ladders(raw, needs_to=False)
    except WrongLadder as error:
        raise WrongPathway(f"{name}.toml: ladders.{error}") from error


@cache
def pathways() -> dict[str, Pathway]:
    """All pathways by name."""
    return {
        (name := entry.name.removesuffix(".toml")): read(name, entry.read_text(encoding="utf-8"))
        for entry in sorted(FOLDER.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }


def _fault(content: Mapping[str, Any]) -> str | None:
    """What is wrong with a file's content, or None."""
    if fault := _wrong_keys(content, _KEYS, needed=_NEEDED):
        return fault
    if fault := _wrong_keys(content["spo2"], _SPO2_KEYS, needed={"amber_low", "red_low"}):
        return f"spo2: {fault}"
    if not content["title"].strip():
        return "title: is empty"
    if not 0 <= content["readings_per_day"] <= READINGS_PER_DAY_MAX:
        return f"readings_per_day: must be 0 to {READINGS_PER_DAY_MAX}"
    if low := [key for key in _AT_LEAST_ONE if content.get(key, 1) < 1]:
        return f"{low[0]}: must be at least 1"
    if not 70 <= content["spo2"]["red_low"] < content["spo2"]["amber_low"] <= 100:
        return "spo2: red_low must be below amber_low, both 70 to 100"
    return None


def _wrong_keys(content: Mapping[str, Any], known: Mapping[str, type], *, needed: Iterable[str]) -> str | None:
    if unknown := content.keys() - known.keys():
        return f"unknown: {', '.join(sorted(unknown))}"
    if missing := set(needed) - content.keys():
        return f"missing: {', '.join(sorted(missing))}"
    wrong = [key for key, value in content.items() if type(value) is not known[key]]  # True is no number here
    return f"{wrong[0]}: must be {known[wrong[0]].__name__}" if wrong else None
