"""How the demo's story is told: one event, a few plain words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from monitoring.delivery.wording import reference_of

Shown = Mapping[str, Any]

WHO: Final = {
    "clinician": "the clinician",
    "coordinator": "the coordinator",
    "ucr": "UCR",
    "fallback": "who always answers",
}
"""Whom a step tells."""


def ref(alert: object) -> str:
    """The four letters by which an alert is named on a pager and on the phone."""
    return f"ref {reference_of(alert)}"


def alert_changed(alert: Shown, before: Shown | None, climbed: tuple[int, int] | None) -> str:
    """What changed about an alert. `climbed`: the last step of its ladder that was taken, and of how many."""
    why = str(alert["reasons"][0]["text"] if alert["reasons"] else alert["kind"])
    last = alert["history"][-1] if alert["history"] else {}
    what, by = str(last.get("what", "")), last.get("by_name")
    if before is None:
        return f"{why}, {ref(alert['id'])}"
    if what.startswith("999"):
        return f"recorded: {what}"
    if "sepsis" in what:
        return f"{what}, says {by}" if by else what
    if alert["state"] == "open":
        return f"{'got worse' if before['state'] != 'open' else 'is worse'}: {why}"
    if alert["state"] != "acknowledged":
        state, _, how = what.partition(": ")
        return (f"{state} by {by}" if by else state) + (f": {how.replace('_', ' ')}" if how else "")
    shown = climbed if alert["severity"] in {"red", "critical"} else None  # a milder one is in no hurry
    where = f": the ladder stops at step {shown[0]} of {shown[1]}" if shown else ""
    return f"acknowledged by {by or 'nobody known'}{where}"


def step_taken(step: Shown) -> str | None:
    """A step of a ladder; nothing for a first one, of which the pager tells."""
    which = f"step {step['step']} of {step['of']}"
    whom = WHO.get(step["tell"], step["tell"])
    if step["taken"] != "told":
        return f"{which} passed over, {whom}: {step['reason']}"
    if step["step"] <= 1 and not step["repeat"]:
        return None
    names = ", ".join(step["people"])
    told = f"{whom}, {names}" if names else f"{whom} ({step['reason']})" if step["tell"] == "ucr" else whom
    return f"nobody has answered: {which} tells {told}" + (" again" if step["repeat"] else "")


def visit(referral: Shown, pace: float) -> str | None:
    """What became of a referral to UCR; nothing where the ladder's own step told it."""
    what, team = referral["what"], referral["team"]
    match what:
        case "sent":
            return None if referral["automatic"] else f"asked of {team}"
        case "accepted":
            return f"{team} accepts"
        case "dispatched":
            return "a crew is on its way"
        case "arrived":
            return f"the crew is with the patient{_in_time(referral, pace)}"
        case _:
            return str(what).replace("_", " ")


def beds(ward: str, counted: Shown, names: Mapping[str, str]) -> str:
    """A ward's beds as they now are, and to whom a free one is offered."""
    held = f", {counted['reserved']} held" if counted["reserved"] else ""
    offered = ", ".join(names.get(one["patient"], "who waits longest") for one in counted["offered"])
    to = f", offered to {offered}" if offered else ""
    free = max(counted["available"], 0)
    return f"{ward}: {counted['occupied']} of {counted['staffed']} beds taken{held}, {free} free{to}"


def page(owner: str, message: Shown) -> str:
    """What a pager shows: no patient, only a reference."""
    data, kind = message["data"], str(message["type"])
    what = "UCR referral for a " if kind.startswith("ucr.") else "how did it end? " if "outcome" in kind else ""
    severity = f"{data.get('severity') or ''}".replace("_", " ")
    about = data.get("alert") or data.get("referral")
    return f"{owner}: {what}{severity} alert on {data['ward']}, {ref(about)}"


def _in_time(referral: Shown, pace: float) -> str:
    """How long after the referral, in the people's own minutes, and what is left of the time that there was."""
    received, arrived, by = (
        datetime.fromisoformat(referral[name]) for name in ("received_at", "arrived_at", "breach_at")
    )
    took_min = (arrived - received).total_seconds() * pace / 60
    spare_min = round((by - received).total_seconds() / 60 - took_min)
    if spare_min < 0:
        return f" after {took_min:.0f} min: too late by {_hours(-spare_min)}"
    return f" after {took_min:.0f} min: in time, {_hours(spare_min)} to spare"


def _hours(minutes: int) -> str:
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
