"""Composing as the drain does it, batch after batch; and the same again one set at a time, in plain Python."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alert_rules.compose import ASSESSED, MINUTE_US, REACH_US, SLOTS, Composed, Known, Sets, compose, newest, slots
from alert_rules.vitals import PARAMETERS, Consciousness, VitalArrays, Vitals

HOLDS_MIN: Final = {"consciousness": 15, "oxygen": 24 * 60}
"""How long a value counts, in minutes, and an hour where not named: the policy's figures, written down once more."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One set: whose, when, what, and whether the patient answered for themselves."""

    at_min: float
    vitals: Vitals
    stay: int = 0
    key: str = "a"
    own_word: bool = False
    prescribed: bool = False  # oxygen at home

    @property
    def at_us(self) -> int:
        """Microseconds."""
        return round(self.at_min * MINUTE_US)

    @property
    def place(self) -> tuple[int, int, str]:
        """Sets go by stay, then time; sets of one instant by their key."""
        return self.stay, self.at_us, self.key

    def measured(self, parameter: str) -> int | None:
        """A value in chart units."""
        return self.vitals.chart_units()[PARAMETERS.index(parameter)]

    @property
    def own_alert(self) -> bool:
        """Nobody but the patient says that they are alert."""
        return self.own_word and self.vitals.consciousness is Consciousness.ALERT


@dataclass(frozen=True, slots=True)
class Whole:
    """What a set was scored with: values in chart units, and the set that each came from."""

    values: tuple[int | None, ...]
    origins: tuple[str | None, ...]
    oxygen_assumed: bool


# --- one set at a time


def expected(one: Taken, history: Iterable[Taken]) -> Whole:
    """The policy in plain words: the newest value of each kind up to this set, unless it is too old."""
    past = sorted((it for it in history if it.stay == one.stay and it.place <= one.place), key=lambda it: it.place)

    def last(parameter: str, *, seen_by_others: bool = False) -> Taken | None:
        found = [it for it in past if it.measured(parameter) is not None and not (seen_by_others and it.own_alert)]
        return found[-1] if found else None

    def holds(origin: Taken | None, minutes: int) -> bool:
        return origin is not None and one.at_us - origin.at_us <= minutes * MINUTE_US

    origins = {name: last(name) for name in PARAMETERS}
    seen = last("consciousness", seen_by_others=True)
    newest_word = origins["consciousness"]
    if newest_word and newest_word.own_alert and holds(seen, 24 * 60) and seen and seen.measured("consciousness"):
        origins["consciousness"] = seen
    known = {name: origin for name, origin in origins.items() if holds(origin, HOLDS_MIN.get(name, 60))}
    values = {name: origin.measured(name) for name, origin in known.items() if origin}
    assumed = one.prescribed and one.vitals.on_oxygen is None and values.get("oxygen") != 1
    if assumed:
        values["oxygen"] = 1
    return Whole(
        tuple(values.get(name) for name in PARAMETERS),
        tuple(
            origin.key if (origin := known.get(name)) and not (assumed and name == "oxygen") else None
            for name in PARAMETERS
        ),
        assumed,
    )


# --- in arrays, batch after batch


class Drain:
    """What is stored of some stays, and how each set scores now."""

    def __init__(self, stays: int) -> None:
        self.stored: list[Taken] = []
        self.scored: dict[str, Whole] = {}
        self.before = Known(
            np.zeros((SLOTS, stays), np.int16), np.zeros((SLOTS, stays), np.int64), np.zeros((SLOTS, stays), np.bool_)
        )
        self.keys: list[list[str | None]] = [[None] * stays for _ in range(SLOTS)]

    def takes(self, batch: Sequence[Taken]) -> None:
        """Compose a batch, and stored neighbours of what comes late."""
        newest_place = {one.stay: max(it.place for it in self.stored if it.stay == one.stay) for one in self.stored}
        late = [one for one in batch if one.stay in newest_place and one.place <= newest_place[one.stay]]
        neighbours = [it for it in self.stored if any(_within_reach(it, one) for one in late)]
        rows = sorted([*batch, *neighbours], key=lambda one: one.place)
        sets = as_sets(rows, late=[one.stay in newest_place and one.place <= newest_place[one.stay] for one in rows])
        composed = compose(sets, self.before, np.array([one.prescribed for one in rows], np.bool_))
        for column, one in enumerate(rows):
            if one in batch or any(_changes(new, one) for new in late):
                self.scored[one.key] = self._whole(composed, column, rows)
        self._learn(sets, rows)
        self.stored.extend(batch)

    def _whole(self, composed: Composed, column: int, rows: Sequence[Taken]) -> Whole:
        assumed = bool(composed.oxygen_assumed[column])
        known, origin = composed.vitals.known[:, column].tolist(), composed.origin[:, column].tolist()
        return Whole(
            composed.vitals.at(column).chart_units(),
            tuple(
                None
                if not known[slot] or (assumed and name == "oxygen")
                else rows[origin[slot]].key
                if origin[slot] >= 0
                else self.keys[ASSESSED if name == "consciousness" and composed.held[column] else slot][
                    rows[column].stay
                ]
                for slot, name in enumerate(PARAMETERS)
            ),
            assumed,
        )

    def _learn(self, sets: Sets, rows: Sequence[Taken]) -> None:
        won = newest(sets, self.before, [one.key for one in rows], self.keys)
        for slot, stay in np.argwhere(won >= 0).tolist():
            row = won[slot, stay]
            self.before.values[slot, stay] = sets.values[slot, row]
            self.before.taken_us[slot, stay] = sets.taken_us[row]
            self.before.known[slot, stay] = True
            self.keys[slot][stay] = rows[row].key


def as_sets(rows: Sequence[Taken], late: Sequence[bool]) -> Sets:
    """Rows in order, as `compose` takes them."""
    own_word = np.array([one.own_word for one in rows], np.bool_)
    values, known = slots(VitalArrays.of([one.vitals for one in rows]), own_word)
    return Sets(
        stay=np.array([one.stay for one in rows], np.intp),
        taken_us=np.array([one.at_us for one in rows], np.int64),
        values=values,
        known=known,
        late=np.array(late, np.bool_),
    )


def composed(*history: Taken) -> list[Vitals]:
    """What each of some sets of one stay is scored with, all known together and none late. Keys are given by place."""
    named = [replace(one, key=f"{number:03}") for number, one in enumerate(history)]
    drain = Drain(stays=1)
    drain.takes(named)
    return [vitals_of(drain.scored[one.key]) for one in named]


def vitals_of(whole: Whole) -> Vitals:
    """Values in chart units as a set again."""
    values = np.array([[value or 0] for value in whole.values], np.int16)
    known = np.array([[value is not None] for value in whole.values], np.bool_)
    return VitalArrays(values, known).at(0)


def _within_reach(stored: Taken, late: Taken) -> bool:
    return stored.stay == late.stay and abs(stored.at_us - late.at_us) <= REACH_US


def _changes(late: Taken, stored: Taken) -> bool:
    """A set before the late one stays as it is, and what it was made of may lie out of reach."""
    return _within_reach(stored, late) and late.place < stored.place
