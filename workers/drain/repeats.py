"""What patients are asked to repeat before an alert is raised: what is open in a batch, and what its sets make of it.

Looked up where a stay has one open: a column that is read with the stay says so. No other set pays for it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from alert_rules.alarms import Kind
from alert_rules.limits import LIMITED
from alert_rules.repeating import Asked, Came, Ended, Step, decide
from alert_rules.words import shown
from monitoring.alerts.life import Alerts, Evidence
from monitoring.prompts.asking import (
    CONFIRMED,
    NOT_REPEATED,
    asked_of,
    new_prompt,
    open_prompts,
    raise_first,
    raised,
    renew,
    show,
    suppress,
)
from monitoring.prompts.tables import Prompt
from workers.drain.scoring import Scored
from workers.drain.stays import Stay


@dataclass(frozen=True, slots=True)
class Repeats:
    """What the patients of a batch are asked now, by stay."""

    session: Session
    open: dict[int, Prompt]
    _new: list[Prompt] = field(default_factory=list)
    _normal: list[tuple[Prompt, int, UUID, dict[str, str]]] = field(
        default_factory=list
    )  # ward, the repeat's set, values

    @classmethod
    def load(cls, session: Session, stays: Sequence[Stay]) -> "Repeats":
        """With one query, and none where nobody is asked anything. The stays are locked."""
        asked = [stay.episode_id for stay in stays if stay.repeat_by is not None]
        return cls(session, open_prompts(session, asked) if asked else {})

    def concern(self, scored: Scored, column: int) -> bool:
        """Whether a set may begin, change or end an asking. One that is only scored again does not."""
        row = scored.rows[column]
        stay = scored.stays[row.stay]
        if row.item is None or stay.discharged_at is not None:
            return False
        if stay.episode_id in self.open:
            return True
        return bool(scored.severity[column]) and (scored.versions.of(column).repeat_first or row.one.quality == "low")

    def weigh(self, alerts: Alerts, scored: Scored, column: int, came: Came, evidence: Callable[[], Evidence]) -> None:
        """Hold a set against what was asked; against the alerts only where it is not asked about instead."""
        row = scored.rows[column]
        stay = scored.stays[row.stay]
        prompt = self.open.get(stay.episode_id)
        before = None if prompt is None else asked_of(prompt)
        step, asked = decide(before, came, alerts.now, repeat_first=scored.versions.of(column).repeat_first)
        if step is Step.RAISE_BOTH and prompt is not None:
            late = before is not None and alerts.now >= before.by
            raise_first(alerts, stay.about, prompt, why=NOT_REPEATED if late else CONFIRMED)
        if step in {Step.ORDINARY, Step.RAISE, Step.RAISE_BOTH}:
            alerts.weigh(stay.about, Kind.DETERIORATION, came.found, evidence)
        if step is Step.RAISE and prompt is not None:
            raised(alerts, stay.about, prompt, why=CONFIRMED)
        values = _values(scored, column, came.measured)
        if step is Step.REPEATED and prompt is not None:
            prompt.ended_at, prompt.outcome = alerts.now, Ended.REPEATED
            self._normal.append((prompt, stay.ward.id, UUID(row.key), values))
        self._keep(alerts, stay, before, asked, evidence, values)

    def write(self, now: datetime) -> None:
        """After the pipeline. What ended comes first: of a stay one is open at a time."""
        if self._new or self._normal:
            self.session.flush()
            self.session.add_all(self._new)
            self.session.flush()
        for prompt, ward_id, set_id, values in self._normal:
            suppress(self.session, prompt, ward_id, Ended.REPEATED, now, (set_id, values))

    def _keep(
        self,
        alerts: Alerts,
        stay: Stay,
        before: Asked | None,
        asked: Asked | None,
        evidence: Callable[[], Evidence],
        values: dict[str, str],
    ) -> None:
        """What is asked from now on, on the stay and in the prompt's row."""
        stay.repeat_by = None if asked is None else asked.by
        if asked is None:
            self.open.pop(stay.episode_id, None)
            return
        of_these = {vital: value for vital, value in values.items() if vital in asked.vitals}
        if before is None:
            prompt = self.open[stay.episode_id] = new_prompt(stay.about, asked, evidence(), of_these, alerts.now)
            self._new.append(prompt)
        elif asked != before:
            prompt = self.open[stay.episode_id]
            renew(prompt, asked)
            if asked.finding.severity > before.finding.severity:
                show(prompt, evidence(), of_these)


def _values(scored: Scored, column: int, measured: Collection[str]) -> dict[str, str]:
    """What a set measured, as a person reads it."""
    facts = scored.facts
    return {
        vital: shown(vital, int(facts.limited[number, column]))
        for number, vital in enumerate(LIMITED)
        if vital in measured and facts.limited_known[number, column]
    }
