"""Ladders: who is told of an alert, how, and how long they have before the next one is.

Source: docs/clinical/policy.md, *Ladders*. Pure: who is on duty, and the sending, are the caller's.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from alert_rules.severity import Severity

FALLBACK: Final = "fallback"
UCR: Final = "ucr"
ROTA: Final = "rota:"
ROUTE: Final = "route:"
ROLES: Final = frozenset({"clinician", "support", "coordinator"})
ROUTES: Final = ("999", "acute_take", "sdec", "gp_ooh", "palliative", "acute_oncology", "ucr", "ward_visit")
"""Ways out of the ward that a ladder or a person may name."""
CHANNELS: Final = frozenset({"webhook", "email", "sms", "apprise"})

NO_HOSPITAL: Final = "no_hospital"
"""The ladder of a patient whose treatment escalation plan says: not to hospital. It stands in for red and critical."""
LADDERS: Final = (*(severity.label for severity in Severity if severity), NO_HOSPITAL)

STEPS_MAX: Final = 20
WAIT_S: Final = range(10, 86_401)
REPEAT_S: Final = {Severity.CRITICAL: 300, Severity.RED: 600}
"""How often the last step says so again at the most, until a named person acknowledges. The design's own."""


class When(StrEnum):
    """Whether a step waits for staffed hours."""

    ALWAYS = "always"
    STAFFED = "staffed"


class WrongLadder(Exception):
    """A ladder cannot be used. `place` names where, `reason` why."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason


@dataclass(frozen=True, slots=True)
class Step:
    """Who is told, and how long until the next step."""

    tell: str  # a role on duty, rota:<code>, ucr, route:<name>, fallback
    wait_s: int
    by: tuple[str, ...] = ()  # channels to try first; then those that each person prefers
    to: str | None = None  # of the fallback: where it is told
    when: When = When.ALWAYS
    secrets: tuple[str, ...] = ()  # of the fallback's webhook, the newest first


Ladder = tuple[Step, ...]
Ladders = Mapping[str, Ladder]


def read_ladders(raw: Mapping[str, Any], *, needs_to: bool = True) -> dict[str, Ladder]:
    """Ladders by name, from what JSON or TOML hold. Raises WrongLadder naming the ladder, the step and the field.

    `needs_to`: the last step has to name where it is told; a pathway leaves that to the installation.
    """
    if unknown := raw.keys() - set(LADDERS):
        raise WrongLadder(min(unknown), f"is none of {', '.join(LADDERS)}")
    return {name: _ladder(name, steps, needs_to=needs_to) for name, steps in raw.items()}


def as_json(ladder: Ladder) -> list[dict[str, Any]]:
    """For a row: what is not said is left out."""
    return [{name: value for name, value in asdict(step).items() if value} for step in ladder]


def from_json(steps: Sequence[Mapping[str, Any]]) -> Ladder:
    """From a row that `as_json` made."""
    return tuple(
        Step(
            tell=step["tell"],
            wait_s=step["wait_s"],
            by=tuple(step.get("by", ())),
            to=step.get("to"),
            when=When(step.get("when", When.ALWAYS)),
            secrets=tuple(step.get("secrets", ())),
        )
        for step in steps
    )


def version(ladder: Ladder) -> str:
    """Of the content: kept with each alert that climbs it."""
    return hashlib.sha256(json.dumps(as_json(ladder), sort_keys=True).encode()).hexdigest()[:12]


def ladder_for(ladders: Ladders, severity: Severity, *, to_hospital: bool = True) -> Ladder:
    """The ladder of a severity. Whose plan says not to hospital has one of their own from red on."""
    if not to_hospital and severity >= Severity.RED and NO_HOSPITAL in ladders:
        return ladders[NO_HOSPITAL]
    return ladders[severity.label]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an alert stands: the step to take next, and how often the last one was repeated."""

    step: int = 0
    repeats: int = 0


def after(ladder: Ladder, place: Place) -> Place:
    """The place after that one: the last step comes again and again."""
    last = len(ladder) - 1
    return Place(place.step + 1) if place.step < last else Place(last, place.repeats + 1)


def untold(ladder: Ladder, told: Collection[str]) -> Place:
    """Where an alert goes on that changes to this ladder: at its first step that was not told yet, else its last."""
    return Place(next((place for place, step in enumerate(ladder) if step.tell not in told), len(ladder) - 1))


def wait_s(ladder: Ladder, place: Place, severity: Severity) -> int:
    """How long those who are told there have: the last step never waits longer than its severity lets it."""
    wait = ladder[place.step].wait_s
    return min(wait, REPEAT_S.get(severity, wait)) if place.step == len(ladder) - 1 else wait


def _ladder(name: str, steps: Any, *, needs_to: bool) -> Ladder:
    if not isinstance(steps, list | tuple) or not steps:
        raise WrongLadder(name, "has no steps")
    if len(steps) > STEPS_MAX:
        raise WrongLadder(name, f"has more than {STEPS_MAX} steps")
    read = tuple(_step(f"{name}[{number}]", step) for number, step in enumerate(steps))
    for number, step in enumerate(read):
        last = number == len(read) - 1
        if last is not (step.tell == FALLBACK):
            reason = "must be `fallback`: a ladder ends at who is always there" if last else "only the last step may be"
            raise WrongLadder(f"{name}[{number}].tell", reason)
        if step.when is When.STAFFED and name != Severity.AMBER.label:
            raise WrongLadder(f"{name}[{number}].when", "only amber waits for staffed hours")
    if needs_to and read[-1].to is None:
        raise WrongLadder(f"{name}[{len(read) - 1}].to", "is missing: where the fallback is told")
    return read


def _step(place: str, raw: Any) -> Step:
    if not isinstance(raw, Mapping):
        raise WrongLadder(place, "is not an object")
    if unknown := raw.keys() - {"tell", "by", "wait_s", "to", "when", "secret"}:
        raise WrongLadder(f"{place}.{min(unknown)}", "is unknown")
    tell, wait = raw.get("tell"), raw.get("wait_s")
    if not isinstance(tell, str) or not _is_known(tell):
        known = f"{', '.join(sorted(ROLES))}, rota:<code>, {UCR}, route:<name>, {FALLBACK}"
        raise WrongLadder(f"{place}.tell", f"is none of {known}")
    if type(wait) is not int or wait not in WAIT_S:
        raise WrongLadder(f"{place}.wait_s", f"must be {WAIT_S[0]} to {WAIT_S[-1]}")
    by = raw.get("by", [])
    if not isinstance(by, list | tuple) or not set(map(str, by)) <= CHANNELS or len(set(by)) < len(by):
        raise WrongLadder(f"{place}.by", f"must list some of {', '.join(sorted(CHANNELS))}, each once")
    if raw.get("when", When.ALWAYS) not in list(When):
        raise WrongLadder(f"{place}.when", f"is none of {', '.join(When)}")
    to, secret = raw.get("to"), raw.get("secret")
    for field, value in (("to", to), ("secret", secret)):
        if value is not None and (tell != FALLBACK or not isinstance(value, str) or not value.strip()):
            raise WrongLadder(f"{place}.{field}", "is a text, and the fallback's only")
    return Step(tell, wait, tuple(by), to, When(raw.get("when", When.ALWAYS)), () if secret is None else (secret,))


def _is_known(tell: str) -> bool:
    if tell.startswith(ROTA):
        return len(tell) > len(ROTA)
    if tell.startswith(ROUTE):
        return tell.removeprefix(ROUTE) in ROUTES
    return tell in {*ROLES, UCR, FALLBACK}
