"""Ambers that raise nothing, because the same was resolved shortly before: recognised, and recorded one by one.

What was resolved is read with the stay; no other set pays for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel import Session

from alert_rules.alarms import Finding, Kind
from alert_rules.kinds import PathwayRule
from alert_rules.limits import LIMITED
from alert_rules.refractory import is_same
from alert_rules.severity import Rule
from alert_rules.words import shown
from monitoring.alerts.life import Alerts
from monitoring.prompts.tables import NotRaised, Suppressed
from workers.drain.scoring import Scored


@dataclass(frozen=True, slots=True)
class Resolutions:
    """What a batch did not raise."""

    session: Session
    _rows: list[Suppressed] = field(default_factory=list)

    def cover(
        self, alerts: Alerts, scored: Scored, column: int, found: Finding, standing: Iterable[Rule | PathwayRule]
    ) -> bool:
        """Whether a set raises nothing since the same was resolved; it is recorded then.

        Never while an alert or a concern is open, while a repeat is awaited, or for what was stored and is scored anew.
        """
        row = scored.rows[column]
        stay = scored.stays[row.stay]
        quiet = stay.resolved
        if quiet is None or quiet.ward != stay.ward.id or row.item is None or stay.repeat_by is not None:
            return False
        if any((stay.patient_id, kind) in alerts.open for kind in (Kind.DETERIORATION, Kind.CONCERN)):
            return False
        facts, rules = scored.facts, list(standing)
        values = {
            vital: int(facts.limited[number, column])
            for number, vital in enumerate(LIMITED)
            if facts.limited_known[number, column]
        }
        if not is_same(quiet.what, found, rules, values, row.one.taken_at):
            return False
        of = sorted({vital for rule in rules for vital in rule.of & values.keys()})
        both = {vital: [shown(vital, quiet.what.values[vital]), shown(vital, values[vital])] for vital in of}
        self._rows.extend(
            Suppressed(
                alert_id=quiet.alert, patient_id=stay.patient_id, ward_id=stay.ward.id, rule=rule.name,
                severity=rule.severity, sets=[UUID(row.key)], values=both, why=NotRaised.REFRACTORY, at=alerts.now,
            )
            for rule in rules
        )  # fmt: skip
        return True

    def write(self) -> None:
        """After the pipeline."""
        if self._rows:
            self.session.add_all(self._rows)
            self.session.flush()
