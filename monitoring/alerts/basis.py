"""What is known of a patient with an open alert, kept in the alert's row, and what the alert shows of it."""

from typing import Any, Final

from alert_rules.alarms import COMPLETE_THE_SET, Basis, Held, State
from alert_rules.severity import Severity
from monitoring.alerts.tables import Alert

WITHHELD: Final = "not told again: nearly better"
"""What stands in an alert's history for each time that hysteresis kept it from being told."""


def held_of(alert: Alert) -> Held:
    """An open alert as the rules see it."""
    return Held(State(alert.state), Severity(alert.severity), basis_from_json(alert.basis))


def basis_as_json(basis: Basis) -> dict[str, Any]:
    """For the alert's row."""
    points = dict(sorted(basis.points.items()))
    near = {"near": sorted(basis.near)} if basis.near else {}
    rules = sorted(basis.rules)
    return {"points": points, "score": basis.score, "rules": rules, "severity": int(basis.severity)} | near


def basis_from_json(stored: dict[str, Any]) -> Basis:
    """From the alert's row."""
    rules, severity = frozenset(stored.get("rules", ())), Severity(stored.get("severity", 0))
    return Basis(stored.get("points", {}), stored.get("score", 0), rules, severity, frozenset(stored.get("near", ())))


def with_graver(reasons: list[dict[str, Any]], held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is told now, after what was told before and is graver: an alert shows why it is as bad as it is."""
    now = {one["rule"] for one in reasons}
    worst = max(Severity[one["severity"].upper()] for one in reasons)
    graver = [one for one in held if one["rule"] not in now and Severity[one["severity"].upper()] > worst]
    return [one for one in graver if one["rule"] != COMPLETE_THE_SET] + reasons
