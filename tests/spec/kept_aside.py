"""What the policy page says of what is kept aside and of clocks, from the rules themselves."""

from collections.abc import Callable
from datetime import timedelta

from devices.clock import AGREES, MEASURED_FOR, NEVER_SET_BEFORE, SAMPLES_MAX, STEADY, TOLERANCE
from devices.plausible import WEIGHT_JUMP_KG, WEIGHT_KNOWN_FOR
from monitoring.aside.deciding import WHEN, WHOSE
from monitoring.intake.tables import Aside
from tests.spec.markdown import table

NOTHING = frozenset({Aside.UNKNOWN_CODE, Aside.UNKNOWN_UNIT, Aside.POISON, Aside.IMPOSSIBLE})
"""Of these often nothing can be scored."""


def kept_aside(span: Callable[[timedelta], str]) -> dict[str, object]:
    """The page's fields."""
    return {
        "kept_aside": table(("Reason", "To release it, say"), [(reason, _to_say(reason)) for reason in Aside]),
        "weight_jump": WEIGHT_JUMP_KG,
        "weight_known": f"{WEIGHT_KNOWN_FOR.days} days",
        "tolerance": span(TOLERANCE),
        "measured_for": span(MEASURED_FOR),
        "samples": SAMPLES_MAX,
        "steady": STEADY,
        "agrees": f"{AGREES.seconds} s",
        "never_set": f"{NEVER_SET_BEFORE:%Y}",
    }


def _to_say(reason: Aside) -> str:
    if reason in WHOSE:
        return "`patient`"
    if reason in WHEN:
        return "`taken_at`"
    return "nothing; refused where nothing of it can be scored" if reason in NOTHING else "nothing"
