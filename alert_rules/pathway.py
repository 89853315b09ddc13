"""Pathways: what a ward of one kind does by default, read from the TOML files beside this one."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.compose import AGE_LIMIT_US, ASSESSED, MINUTE_US, REACH_US
from alert_rules.kinds import PathwayRule, Reach, missed_us, windows
from alert_rules.ladder import Ladder, Ladders, WrongLadder, read_ladders
from alert_rules.limits import Lines, SpO2Defaults
from alert_rules.rule_files import read_limits, read_margins, read_rules
from alert_rules.toml_tables import Table, Wrong, line_of, loads
from alert_rules.vitals import CONSCIOUSNESS, PARAMETERS

FOLDER: Final = files("alert_rules") / "pathways"
LADDERS: Final = files("alert_rules") / "ladders.toml"

READINGS_PER_DAY_MAX: Final = 24
STAY_DAYS_MAX: Final = 365
CLOCK_H_MAX: Final = 24 * 365
REFRACTORY_MIN_MAX: Final = 24 * 60
"""The design's own: what nobody answered for a day is looked at again."""
CARRIED_MIN: Final = range(1, REACH_US // MINUTE_US + 1)
"""How long a value can be carried at most: a late set scores again what lies within that of it."""


@dataclass(frozen=True)
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
    limits: Mapping[str, Lines] = field(default_factory=dict)  # of an adult, where the plan draws none; but SpO2's
    carried_min: Mapping[str, int] = field(default_factory=dict)  # by parameter, where not as `compose` has it
    hysteresis: Mapping[str, int] = field(default_factory=dict)  # by vital sign, in whole units
    repeat_first: bool = False  # the patient is asked to repeat a reading before an amber is raised
    refractory: timedelta | None = None  # after an amber is resolved, for how long the same raises nothing; None: not
    rules: tuple[PathwayRule, ...] = ()

    @property
    def gives_care(self) -> bool:
        """Whether a service of this kind brings care to the home by a clock of its own, as recovery does."""
        return self.first_care_within_h is not None or self.assessed_within_h is not None

    @cached_property
    def windows(self) -> dict[str, Reach]:
        """By vital sign, how far before a set that measures it its rules look."""
        return windows(self.rules)

    @cached_property
    def missed_us(self) -> dict[str, int]:
        """By vital sign that its rules miss, how far before a set they look."""
        return missed_us(self.rules)

    @cached_property
    def looks_back(self) -> bool:
        """Whether its rules need more than the sets themselves."""
        return bool(self.windows or self.missed_us)

    @cached_property
    def age_limit_us(self) -> NDArray[np.int64]:
        """(SLOTS,) how long each value is carried; `compose.AGE_LIMIT_US` itself where it is as there."""
        limits = AGE_LIMIT_US.copy()
        for name, minutes in self.carried_min.items():
            limits[PARAMETERS.index(name)] = minutes * MINUTE_US
        limits[ASSESSED] = limits[CONSCIOUSNESS]
        return AGE_LIMIT_US if np.array_equal(limits, AGE_LIMIT_US) else limits


class WrongPathway(Exception):
    """A pathway file cannot be used."""


def read(name: str, text: str) -> Pathway:
    """A pathway from its file's text. Raises WrongPathway naming the file, the line, the key and the reason."""
    try:
        return _read(name, text)
    except Wrong as wrong:
        raise WrongPathway(f"{name}.toml:{line_of(text, wrong)}: {wrong}") from wrong


def version_of(text: str) -> str:
    """What a pathway's content is called."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def packaged_text(name: str) -> str:
    """A pathway's file as it is packaged."""
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def _read(name: str, text: str) -> Pathway:
    table = Table(loads(text))
    limits = read_limits(table.table("limits"))
    pathway = Pathway(
        name=name,
        title=table.text("title"),
        readings_per_day=table.whole("readings_per_day", 0, READINGS_PER_DAY_MAX),
        spo2=_spo2(table),
        version=version_of(text),
        ladders=usual_ladders() | _ladders(table.raw("ladders")),
        max_stay_days=table.whole("max_stay_days", 1, STAY_DAYS_MAX, Pathway.max_stay_days),
        in_sitrep=table.flag("in_sitrep", default=Pathway.in_sitrep),
        first_care_within_h=_clock(table, "first_care_within_h"),
        assessed_within_h=_clock(table, "assessed_within_h"),
        limits=limits,
        carried_min=_carried(table.table("carried_min")),
        hysteresis=read_margins(table.table("hysteresis")),
        repeat_first=table.flag("repeat_first", default=False),
        refractory=_refractory(table),
        rules=read_rules(table.tables("rules"), limits),
    )
    table.done()
    return pathway


def _spo2(table: Table) -> SpO2Defaults:
    if "spo2" not in table:
        raise table.wrong("spo2", "is missing")
    own = table.table("spo2")
    lines = SpO2Defaults(own.whole("amber_low", 70, 100), own.whole("red_low", 70, 100), own.text("red_prompt", ""))
    own.done()
    if lines.red_low >= lines.amber_low:
        raise own.wrong("red_low", "overlaps: must be below amber_low")
    return lines


def _clock(table: Table, key: str) -> int | None:
    return table.whole(key, 1, CLOCK_H_MAX) if key in table else None


def _refractory(table: Table) -> timedelta | None:
    """Of ambers only: nothing else is ever let pass."""
    if "refractory" not in table:
        return None
    own = table.table("refractory")
    for key in own.keys:
        if key in {"critical_min", "red_min", "amber_plus_min"}:
            raise own.wrong(key, "can never be: only an amber has a time in which the same raises nothing")
    minutes = own.whole("amber_min", 1, REFRACTORY_MIN_MAX)
    own.done()
    return timedelta(minutes=minutes)


def _carried(table: Table) -> dict[str, int]:
    for key in table.keys:
        if key not in PARAMETERS:
            raise table.wrong(key, "is unknown")
    return {key: table.whole(key, CARRIED_MIN[0], CARRIED_MIN[-1]) for key in table.keys}


@cache
def usual_ladders() -> dict[str, Ladder]:
    """The ladders of every pathway that has none of its own."""
    return read_ladders(tomllib.loads(LADDERS.read_text(encoding="utf-8")), needs_to=False)


def _ladders(raw: Any) -> dict[str, Ladder]:
    if not isinstance(raw, dict):
        raise Wrong(("ladders",), "must be tables")
    try:
        ladders = read_ladders(raw, needs_to=False)
    except WrongLadder as error:
        place = [int(key) if key.isdigit() else key for key in re.findall(r"\w+", error.place)]
        raise Wrong(("ladders", *place), error.reason) from error
    for name, ladder in ladders.items():
        if ladder[-1].to is not None or ladder[-1].secrets:
            raise Wrong(("ladders", name, len(ladder) - 1, "to"), "is a ward's own to name, or the installation's")
    return ladders


@cache
def pathways() -> dict[str, Pathway]:
    """All pathways by name, as they are packaged: version zero. Which versions hold is `rulebook`'s to say."""
    return {
        (name := entry.name.removesuffix(".toml")): read(name, packaged_text(name))
        for entry in sorted(FOLDER.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
