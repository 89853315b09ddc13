"""Many patients asked at once say, set by set, what one alone says: `repeating.decide` and `alarms.weigh` in turn."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_rules.alarm_arrays import CHANGES, UNKNOWN, Answering, Findings, live
from alert_rules.alarms import COMPLETE_THE_SET, Change, Finding, Held, State, weigh
from alert_rules.compose import MINUTE_US
from alert_rules.kinds import Answer, PathwayRule, Points, Value
from alert_rules.repeat_arrays import SKIPPED, Repeatable, Repeats
from alert_rules.repeating import Asked, Came, Step, decide
from alert_rules.severity import Rule, Severity, Wellness
from alert_rules.vitals import PARAMETERS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RULES: list[Rule | PathwayRule] = [
    PathwayRule("spo2_low", Severity.AMBER, (Value("spo2", 94, high=False),)),
    PathwayRule("pulse_high", Severity.AMBER, (Value("pulse", 110, high=True),)),
    PathwayRule("pulse_very_high", Severity.RED, (Value("pulse", 140, high=True),)),
    PathwayRule("feels_worse", Severity.AMBER, (Answer(Wellness.WORSE),)),
    PathwayRule("heart", Severity.AMBER_PLUS, (Points("pulse", 2),)),
]
NAMES = (COMPLETE_THE_SET, *(rule.name for rule in RULES))
VITALS = ("spo2", "pulse", "wellness")
Told = tuple[Change | None, bool, Severity, int]


@dataclass(frozen=True)
class Set:
    """A set, and how long after the one before it came."""

    gap_min: int
    fired: frozenset[int]
    measured: frozenset[str]
    points: dict[str, int]
    to_complete: bool
    low: bool

    @property
    def found(self) -> Finding:
        """As of a set that clears whatever it measured and that does not fire."""
        rules = {RULES[one].name for one in self.fired}
        cleared = {rule.name for rule in RULES if rule.of & self.measured} - rules
        severity = max((RULES[one].severity for one in self.fired), default=Severity.NONE)
        whole = {COMPLETE_THE_SET} if self.to_complete else set()
        return Finding(severity, self.points, {}, frozenset(rules | whole), frozenset(cleared))


def _set(gap_min: int, fired: frozenset[int], also: frozenset[str], points: int, mark: str) -> Set:
    """Mostly what can be asked for again: a set that measured what fires, and is whole."""
    own = frozenset[str]() if mark == "carried" else frozenset[str]().union(*(RULES[one].of for one in fired))
    return Set(gap_min, fired, own | also, {"pulse": points}, mark == "to complete", mark == "low")


_SETS = st.builds(
    _set,
    st.sampled_from([1, 5, 9, 10, 14, 15, 16, 60, 241]),
    st.sampled_from([frozenset(some) for some in ((), (), (0,), (0,), (1,), (0, 1), (2,), (3,), (4,), (0, 3))]),
    st.sampled_from([frozenset[str](), frozenset(("spo2",)), frozenset(("pulse",)), frozenset(VITALS)]),
    st.integers(0, 3),
    st.sampled_from(["", "", "", "", "low", "low", "carried", "to complete"]),
)
_PATIENTS = st.lists(st.lists(_SETS, min_size=2, max_size=12), min_size=1, max_size=4)


@settings(max_examples=300)
@given(_PATIENTS, st.sampled_from([True, True, False]), st.sampled_from([None, 30, 240]))
def test_everybody_is_asked_as_they_would_be_alone(
    patients: list[list[Set]], repeat_first: bool, resolved_min: int | None
) -> None:
    answering = Answering(resolved_after=None if resolved_min is None else timedelta(minutes=resolved_min))
    found, sets = _as_arrays(patients, repeat_first=repeat_first)
    lives = live(found, answering, len(patients), repeats=Repeats.of(found, sets, len(patients)))
    columns = (lives.change.tolist(), lives.asks.tolist(), lives.severity.tolist(), lives.at_us.tolist())
    said = [
        (CHANGES[change], asks, Severity(severity), at) for change, asks, severity, at in zip(*columns, strict=True)
    ]
    assert said == [one for patient in patients for one in _Alone(answering, repeat_first).all(patient)]


def _instants(patient: list[Set]) -> list[int]:
    return list(accumulate(one.gap_min * MINUTE_US for one in patient))


class _Alone:
    """One patient, a set after the other."""

    def __init__(self, answering: Answering, repeat_first: bool) -> None:
        self.answering, self.repeat_first = answering, repeat_first
        self.held: Held | None = None
        self.called_us = 0
        self.asked: tuple[int, Asked] | None = None
        self.told: list[Told] = []

    def all(self, patient: list[Set]) -> list[Told]:
        """What became of each set."""
        for row, (one, now_us) in enumerate(zip(patient, _instants(patient), strict=True)):
            self.told.append((None, False, Severity.NONE, now_us))
            self._unrepeated(now_us)
            if self.held and self._since(now_us) >= (self.answering.resolved_after or timedelta.max):
                self.held = None
            came = self._came(one, now_us)
            before = self.asked[1] if self.asked else None
            step, asked = decide(before, came, _at(now_us), repeat_first=self.repeat_first)
            if step is Step.RAISE_BOTH and self.asked:
                self._weigh(self.asked[0], self.asked[1].finding, now_us)
            first = self.asked[0] if self.asked else row
            self.asked = None if asked is None else (first, asked)
            if step not in SKIPPED:
                self._weigh(row, one.found, now_us)
        self._unrepeated(1 << 60)
        return self.told

    def _unrepeated(self, now_us: int) -> None:
        if self.asked and (by_us := (self.asked[1].by - EPOCH) // timedelta(microseconds=1)) <= now_us:
            self._weigh(self.asked[0], self.asked[1].finding, by_us)
            self.asked = None

    def _came(self, one: Set, now_us: int) -> Came:
        blamed = tuple(RULES[rule].blames(one.points) for rule in sorted(one.fired))
        return Came(one.found, now_us, one.measured, blamed, is_low=one.low, may_ask=self.held is None)

    def _since(self, now_us: int) -> timedelta:
        return timedelta(microseconds=now_us - self.called_us)

    def _weigh(self, row: int, found: Finding, now_us: int) -> None:
        within = self.answering.acknowledged(self.held.severity) if self.held else None
        if self.held and within is not None and self._since(now_us) >= within:
            self.held = replace(self.held, state=State.ACKNOWLEDGED)
        before = self.held
        self.held, change = weigh(self.held, found)
        rose = before is not None and self.held is not None and self.held.severity > before.severity
        asks = change is not None and (before is None or before.state is not State.OPEN or rose)
        if asks:
            self.called_us = now_us
        self.told[row] = (change, asks, self.held.severity if self.held else Severity.NONE, now_us)


def _at(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def _as_arrays(patients: list[list[Set]], *, repeat_first: bool) -> tuple[Findings, Repeatable]:
    every = [one for patient in patients for one in patient]
    n = len(every)
    found = [one.found for one in every]
    bits = np.zeros((2, n, 64), np.bool_)
    for row, one in enumerate(found):
        for kind, names in enumerate((one.rules, one.cleared)):
            bits[kind, row, [NAMES.index(name) for name in names]] = True
    packed = np.packbits(bits, axis=2, bitorder="little").view(np.uint64)
    points = [[one.points.get(name, UNKNOWN) for name in PARAMETERS] for one in every]
    findings = Findings(
        np.array([stay for stay, patient in enumerate(patients) for _ in patient], np.intp),
        np.array([at for patient in patients for at in _instants(patient)], np.int64),
        np.array([one.severity for one in found], np.int8),
        np.array(points, np.int8).reshape(n, len(PARAMETERS)),
        np.full(n, UNKNOWN, np.int8),
        packed[0],
        packed[1],
        NAMES,
    )
    fired = np.array([[place in one.fired for place in range(len(RULES))] for one in every], np.bool_)
    measured = {vital: np.array([vital in one.measured for one in every], np.bool_) for vital in VITALS}
    low, to_complete = (np.array([getattr(one, name) for one in every], np.bool_) for name in ("low", "to_complete"))
    return findings, Repeatable(repeat_first, low, RULES, fired.reshape(n, len(RULES)), to_complete, measured)
