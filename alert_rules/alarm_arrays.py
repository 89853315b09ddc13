"""The life of many patients' alerts at once, in arrays: what `alarms.weigh` says of one set, for months of sets.

For the backtest, where people answer by a stated assumption. Step by step in time: the first set of every patient,
then the second of every one. Rules are bits of 64-bit words, so that a set's are looked at together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.alarms import ACKNOWLEDGE_WITHIN, COMPLETE_THE_SET, WORSE_BY, Change
from alert_rules.compose import Composed, Sets
from alert_rules.facts import UNCARRIED
from alert_rules.hysteresis import AMBER_LINES
from alert_rules.kinds import PathwayRule, Persists, Value
from alert_rules.limits import LIMITED, LINES
from alert_rules.news2 import RED
from alert_rules.refractory_arrays import Lately, Looked
from alert_rules.severity import LOW_MEDIUM, Facts, Rule, Severity, Verdicts
from alert_rules.vitals import CONSCIOUSNESS, OXYGEN, PARAMETERS

if TYPE_CHECKING:
    from alert_rules.repeat_arrays import Raised, Repeats

Flags = NDArray[np.bool_]

UNKNOWN: Final = -1
NO_CHANGE: Final = 0
CHANGES: Final = (None, *Change)
"""By the number that stands in `Lives.change`."""
NEVER_US: Final = 1 << 62
_WORD: Final = 64


@dataclass(frozen=True, slots=True)
class Findings:
    """What n sets say, as `alarms.Finding` of each; in order of stay, then of time."""

    stay: NDArray[np.intp]
    taken_us: NDArray[np.int64]
    severity: NDArray[np.int8]
    points: NDArray[np.int8]  # (n, 7), UNKNOWN where none
    assumed: NDArray[np.int8]  # (n,) points of oxygen where nobody measured it, UNKNOWN elsewhere
    rules: NDArray[np.uint64]  # (n, words) bits of those that fire, but for sums of points; the first: complete the set
    cleared: NDArray[np.uint64]
    names: tuple[str, ...] = ()  # of the bits


@dataclass(frozen=True, slots=True)
class Answering:
    """When people answer, as far as nobody recorded it: so long after an alert asked (anew), by its severity.

    None: never. An answered alert opens again when the patient gets worse; a resolved one is over.
    """

    acknowledged: Callable[[Severity], timedelta | None] = field(default=ACKNOWLEDGE_WITHIN.__getitem__)
    resolved_after: timedelta | None = None

    def acknowledged_us(self) -> NDArray[np.int64]:
        """By severity, from NONE."""
        after = [None if severity is Severity.NONE else self.acknowledged(severity) for severity in Severity]
        return np.array([_us(one) for one in after], np.int64)

    def resolved_us(self) -> int:
        """NEVER_US where nobody does."""
        return _us(self.resolved_after)


@dataclass(frozen=True, slots=True)
class Lives:
    """What each set did to its patient's alert."""

    change: NDArray[np.int8]  # (n,) place in CHANGES
    asks: Flags  # (n,) somebody is called: raised, stepped up, or open again after it was answered
    severity: NDArray[np.int8]  # (n,) of the alert after the set, 0 where none is open
    let_pass: Flags  # (n,) it raised nothing, for the same was resolved lately
    at_us: NDArray[np.int64]  # (n,) when it did: later than the set where its repeat was waited for


@dataclass(slots=True)
class _State:
    """One alert per stay, as it stands."""

    alive: Flags
    severity: NDArray[np.int8]
    since_us: NDArray[np.int64]  # when it asked last
    points: NDArray[np.int8]
    score: NDArray[np.int16]
    rules: NDArray[np.uint64]
    worst: NDArray[np.int8]  # of the basis
    lately: Lately | None  # resolved

    @classmethod
    def of(cls, stays: int, words: int, lately: Lately | None) -> "_State":
        return cls(
            np.zeros(stays, np.bool_),
            np.zeros(stays, np.int8),
            np.zeros(stays, np.int64),
            np.full((stays, len(PARAMETERS)), UNKNOWN, np.int8),
            np.zeros(stays, np.int16),
            np.zeros((stays, words), np.uint64),
            np.zeros(stays, np.int8),
            lately,
        )


def findings(
    sets: Sets,
    wellness: Flags,
    composed: Composed,
    facts: Facts,
    verdicts: Verdicts,
    margins: Mapping[str, int],
) -> Findings:
    """What sets that come in order of time say of their patients. `wellness` (n,): the daily question was answered.

    `margins`: the pathway's hysteresis.
    """
    n = len(sets.stay)
    every = [*verdicts.every(), *verdicts.beyond]
    measured = measured_by(sets, wellness, composed, facts)
    whole = facts.news2.complete
    stands, cleared = [verdicts.to_complete], [whole & ~verdicts.to_complete]
    for rule, flags in every:
        if rule.of:
            stands.append(flags)
            seen = np.logical_or.reduce([measured[vital] for vital in rule.of])
            cleared.append(seen & ~flags & ~_nearly(rule, facts, margins, measured))
    points = np.where(facts.vitals.known & facts.scorable, facts.news2.points.view(np.int8), np.int8(UNKNOWN))
    assumed = np.where(composed.oxygen_assumed, points[OXYGEN], np.int8(UNKNOWN))
    points[OXYGEN, composed.oxygen_assumed] = UNKNOWN
    return Findings(
        sets.stay, sets.taken_us, verdicts.severity, np.ascontiguousarray(points.T), assumed, _bits(stands, n),
        _bits(cleared, n), (COMPLETE_THE_SET, *(rule.name for rule, _ in every if rule.of)),
    )  # fmt: skip


def of_the_kit(sets: Sets, verdicts: Verdicts) -> Findings:
    """Likewise, what the rules of pathways find of the kit."""
    n = len(sets.stay)
    severity = np.zeros(n, np.int8)
    for rule, flags in verdicts.technical:
        np.maximum(severity, flags * np.int8(rule.severity), out=severity)
    nothing = np.zeros(n, np.bool_)
    rules = _bits([nothing, *(flags for _, flags in verdicts.technical)], n)
    unknown = np.full((n, len(PARAMETERS)), UNKNOWN, np.int8)
    return Findings(sets.stay, sets.taken_us, severity, unknown, unknown[:, 0], rules, np.zeros_like(rules))


def live(
    found: Findings, answering: Answering, stays: int, looked: Looked | None = None, repeats: "Repeats | None" = None
) -> Lives:
    """Each stay's alert through all of its sets. `looked`: of these sets, where what was resolved may be let pass.

    `repeats`: what patients are asked first, where that is replayed.
    """
    n = len(found.stay)
    lives = Lives(
        np.zeros(n, np.int8), np.zeros(n, np.bool_), np.zeros(n, np.int8), np.zeros(n, np.bool_), found.taken_us.copy()
    )
    words = found.rules.shape[1]
    state = _State.of(stays, words, None if looked is None else Lately.of(looked, stays, words, len(PARAMETERS)))
    acknowledged_us, resolved_us = answering.acknowledged_us(), answering.resolved_us()
    first = np.searchsorted(found.stay, np.arange(stays), side="left")
    count = np.searchsorted(found.stay, np.arange(stays), side="right") - first
    longest_first = np.argsort(-count, kind="stable")
    shown_by = np.searchsorted(-count[longest_first], -np.arange(1, int(count.max(initial=0)) + 1), side="right")
    for step, many in enumerate(shown_by.tolist()):
        who = longest_first[:many]
        at = first[who] + step
        if repeats is not None:
            _raise(lives, state, repeats.unrepeated(who, found.taken_us[at]), acknowledged_us)
        _resolve(found, state, who, at, resolved_us)
        if state.lately is not None:
            who, at = _not_let_pass(found, lives, state, state.lately, who, at, repeats)
        if repeats is not None:
            ordinary, raised = repeats.weigh(who, at, state.alive[who])
            _raise(lives, state, raised, acknowledged_us)
            who, at = who[ordinary], at[ordinary]
        looks = state.alive[who] | (found.severity[at] > 0)
        _step(found, lives, state, who[looks], at[looks], at[looks], acknowledged_us)
    if repeats is not None:
        everybody = np.arange(stays)
        _raise(lives, state, repeats.unrepeated(everybody, np.full(stays, NEVER_US)), acknowledged_us)
    return lives


def _raise(lives: Lives, state: _State, raised: "Raised | None", acknowledged_us: NDArray[np.int64]) -> None:
    """What was asked about is raised as of its own set, at its instant; nobody has an open alert there."""
    if raised is not None:
        lives.at_us[raised.rows] = raised.at_us
        _step(raised.found, lives, state, raised.who, np.arange(len(raised.who)), raised.rows, acknowledged_us)


def _step(
    found: Findings,
    lives: Lives,
    state: _State,
    who: NDArray[np.intp],
    at: NDArray[np.intp],
    row: NDArray[np.intp],
    acknowledged_us: NDArray[np.int64],
) -> None:
    """One set of each of some stays. `at`: its place among `found`; `row`: among `lives`."""
    if not len(who):
        return
    now_us, severity, named = found.taken_us[at], found.severity[at], found.points[at]
    alive = state.alive[who]
    known = np.where(alive[:, None], state.points[who], np.int8(UNKNOWN))
    rules = np.where(alive[:, None], state.rules[who], np.uint64(0))
    worst = np.where(alive, state.worst[who], np.int8(0))
    points = np.where(named != UNKNOWN, named, known)
    oxygen = points[:, OXYGEN]
    np.copyto(oxygen, found.assumed[at], where=oxygen == UNKNOWN)
    total = np.maximum(points, 0).sum(axis=1, dtype=np.int16)
    told = ~alive | ((severity > 0) & _is_worse(found, at, state.score[who], known, rules, worst, total))
    rules = (rules & ~found.cleared[at]) | found.rules[at]
    calm = (severity == 0) & (total < LOW_MEDIUM) & ~(points == RED).any(axis=1)
    calm &= ((rules & _all_but_the_first(rules.shape[1])) == 0).all(axis=1)  # that one raises nothing by itself
    worst = np.where(calm, np.int8(0), np.maximum(worst, severity))

    was_open = alive & (now_us - state.since_us[who] < acknowledged_us[state.severity[who]])
    before = np.where(alive, state.severity[who], np.int8(0))
    after = np.where(told, np.where(was_open, np.maximum(before, severity), worst), before)
    rose = was_open & (after > before)
    asks = told & (~was_open | rose)
    change = np.where(rose, _STEPPED_UP, np.where(alive, _WORSENED, _RAISED))
    lives.change[row] = np.where(told, change, np.int8(NO_CHANGE))
    lives.asks[row], lives.severity[row] = asks, after

    state.alive[who] = True
    state.severity[who], state.worst[who], state.points[who] = after, worst, points
    state.score[who] = np.where(told, total, np.minimum(state.score[who], total))
    state.rules[who] = np.where(calm[:, None], np.uint64(0), rules)
    state.since_us[who] = np.where(asks, now_us, state.since_us[who])


def _resolve(found: Findings, state: _State, who: NDArray[np.intp], at: NDArray[np.intp], resolved_us: int) -> None:
    """People resolved the alerts of some of these stays before their sets `at`."""
    is_over = state.alive[who] & (found.taken_us[at] - state.since_us[who] >= resolved_us)
    over, then = who[is_over], at[is_over]
    if state.lately is not None:
        mild = np.maximum(state.severity[over], state.worst[over]) <= Severity.AMBER
        state.lately.keep(over, then, state.since_us[over] + resolved_us, mild, (state.rules[over], state.points[over]))
    state.alive[over] = False


def _not_let_pass(
    found: Findings,
    lives: Lives,
    state: _State,
    lately: Lately,
    who: NDArray[np.intp],
    at: NDArray[np.intp],
    repeats: "Repeats | None",
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The sets that say more than what was resolved lately. While a repeat is awaited none is let pass."""
    points = found.points[at].copy()
    np.copyto(points[:, OXYGEN], found.assumed[at], where=points[:, OXYGEN] == UNKNOWN)
    same = ~state.alive[who] & lately.cover(who, at, found.taken_us[at], found.rules[at], points)
    if repeats is not None:
        same &= ~repeats.pending[who]
    lives.let_pass[at] = same
    return who[~same], at[~same]


def _is_worse(
    found: Findings,
    at: NDArray[np.intp],
    score: NDArray[np.int16],
    known: NDArray[np.int8],
    rules: NDArray[np.uint64],
    worst: NDArray[np.int8],
    total: NDArray[np.int16],
) -> Flags:
    """As `alarms` has it, where something fires."""
    new_red = ((found.points[at] == RED) & (known != RED)).any(axis=1)
    new_rule = (found.rules[at] & ~rules).any(axis=1)
    worse: Flags = (found.severity[at] > worst) | (total >= score + WORSE_BY) | new_red | new_rule
    return worse


def _nearly(rule: Rule | PathwayRule, facts: Facts, margins: Mapping[str, int], measured: Mapping[str, Flags]) -> Flags:
    """(n,) as `hysteresis.nearly` of one rule."""
    near = np.zeros(len(facts.watched), np.bool_)
    if rule.severity is not Severity.AMBER:
        return near
    for vital, margin in margins.items():
        row = LIMITED.index(vital)
        bounds = [
            (facts.lines[LINES.index(line), row], line.endswith("high"))
            for line in AMBER_LINES
            if isinstance(rule, Rule) and rule.name == f"{vital}_{line}"
        ]
        if isinstance(rule, PathwayRule) and len(rule.conditions) == 1:
            one = rule.conditions[0]
            if isinstance(one, Value | Persists) and one.vital == vital:
                bounds.append((np.full(len(near), one.bound, np.int32), one.high))
        is_known = measured[vital] & facts.limited_known[row]
        for bound, high in bounds:
            value = facts.limited[row]
            near |= is_known & ((value >= bound - margin) if high else (value <= bound + margin))
    return near


def measured_by(sets: Sets, wellness: Flags, composed: Composed, facts: Facts) -> dict[str, Flags]:
    """By vital sign, the sets that measured it: a patient's own "alert" that lifts no confusion did not."""
    measured = {name: sets.known[slot] for slot, name in enumerate(PARAMETERS)}
    measured["consciousness"] = sets.known[CONSCIOUSNESS] & ~composed.held
    measured |= {vital: facts.limited_known[LIMITED.index(vital)] for vital in UNCARRIED}
    return measured | {"wellness": wellness, "quality": np.zeros(sets.known.shape[1], np.bool_)}


def _bits(flags: Sequence[Flags], n: int) -> NDArray[np.uint64]:
    """(n, words): the flags of each set as the bits of words."""
    padded = np.zeros((n, -(-len(flags) // _WORD) * _WORD // 8), np.uint8)
    for byte in range(-(-len(flags) // 8)):
        for bit, one in enumerate(flags[8 * byte : 8 * byte + 8]):
            padded[:, byte] |= one.view(np.uint8) << np.uint8(bit)
    return padded.view(np.uint64)


def _all_but_the_first(words: int) -> NDArray[np.uint64]:
    bits = np.full(words * _WORD // 8, 0xFF, np.uint8)
    bits[0] = 0xFE
    return bits.view(np.uint64)


def _us(after: timedelta | None) -> int:
    return NEVER_US if after is None else after // timedelta(microseconds=1)


_RAISED, _STEPPED_UP, _WORSENED = (
    np.int8(CHANGES.index(one)) for one in (Change.RAISED, Change.STEPPED_UP, Change.WORSENED)
)
