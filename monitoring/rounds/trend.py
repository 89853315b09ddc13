"""Where a patient is heading: the newest score beside the one before."""

from enum import StrEnum

from alert_rules.vitals import PARAMETERS


class Trend(StrEnum):
    """Up is worse."""

    UP = "up"
    DOWN = "down"
    SAME = "same"
    UNKNOWN = "unknown"


def trend(newest: str | None, before: str | None) -> Trend:
    """How the newest points differ from those before, over the parameters that both have.

    A score that lacks what the one before had can be worse than it looks: of it only UP is said. `-` is missing.
    """
    if newest is None or before is None:
        return Trend.UNKNOWN
    both = list(zip(newest, before, strict=True))
    change = [int(now) - int(then) for now, then in both if "-" not in {now, then}]
    if change and sum(change) > 0:
        return Trend.UP
    if not change or any(now == "-" != then for now, then in both):
        return Trend.UNKNOWN
    return Trend.DOWN if sum(change) < 0 else Trend.SAME


def changed(newest: str | None, before: str | None) -> dict[str, int]:
    """By how many points each parameter differs from the score before, where both have it and they do."""
    if newest is None or before is None:
        return {}
    both = zip(PARAMETERS, newest, before, strict=True)
    return {name: int(now) - int(then) for name, now, then in both if "-" not in {now, then} and now != then}
