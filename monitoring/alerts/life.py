"""What happens to alerts by themselves: raised, stepped up, reopened, expired. People's answers: `answers.py`.

Used by the drain, the timekeeper and what ends or moves a spell, inside their transactions, with the patient's
`latest_vitals` row locked.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, any_, bindparam
from sqlmodel import Session, col, select

from alert_rules.alarms import (
    COMPLETE_THE_SET,
    COMPLETE_WITHIN,
    ENDED,
    HELD,
    TECHNICAL,
    Change,
    Finding,
    Kind,
    Outcome,
    State,
    go,
    weigh,
    withheld,
)
from alert_rules.severity import Severity
from alert_rules.staffed import StaffedHours, due_at
from monitoring.alerts.basis import WITHHELD, basis_as_json, held_of, with_graver
from monitoring.alerts.history import histories
from monitoring.alerts.views import HISTORY_TOLD_MAX, detail, event
from monitoring.escalation.starting import begin, end, let_go
from monitoring.events import NewEvent
from monitoring.patients.escalation_plans import escalation_plans
from monitoring.sepsis.asking import ask
from monitoring.tables import Alert, AlertHistory, Staff  # all tables: an alert's foreign keys name most of them

_PATIENTS = bindparam("patients", type_=ARRAY(BigInteger))


@dataclass(frozen=True, slots=True)
class About:
    """The patient that an alert is about, and the ward that answers for them."""

    patient_id: int
    patient: UUID
    episode_id: int | None
    ward_id: int
    ward: str
    staffed_hours: StaffedHours | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an alert shows of the set that raised or worsened it."""

    reasons: list[dict[str, Any]]
    why: dict[str, Any]
    news2: dict[str, Any] | None = None
    set: UUID | None = None


@dataclass(slots=True)
class Alerts:
    """The open alerts of some patients within one transaction, what becomes of them, and whom to tell."""

    session: Session
    now: datetime
    open: dict[tuple[int, Kind], Alert] = field(default_factory=dict)
    _touched: dict[int, tuple[Alert, About]] = field(default_factory=dict)
    _climbing: list[Alert] = field(default_factory=list)  # asked anew: from the first step
    _ended: list[Alert] = field(default_factory=list)
    _history: list[tuple[Alert, AlertHistory]] = field(default_factory=list)

    @classmethod
    def lock(cls, session: Session, now: datetime, patients: Collection[int]) -> "Alerts":
        """Lock and load the open alerts of these patients, in order of id."""
        query = (
            select(Alert)
            .where(col(Alert.patient_id) == any_(_PATIENTS), col(Alert.state).not_in(ENDED))
            .order_by(col(Alert.id))
            .with_for_update()
        )
        rows = session.scalars(query, {"patients": list(patients)}) if patients else ()
        return cls(session, now, {(alert.patient_id, Kind(alert.kind)): alert for alert in rows})

    def weigh(self, about: About, kind: Kind, found: Finding, evidence: Callable[[], Evidence]) -> Change | None:
        """Hold a finding against the patient's open alert of that kind; write what follows.

        `evidence` is asked for only where something changes: most sets of a patient with an alert change nothing.
        """
        alert = self.open.get((about.patient_id, kind))
        before = None if alert is None else held_of(alert)
        held, change = weigh(before, found)
        if held is None:
            return None
        if alert is None:
            alert = self._new(about, kind)
        was = State(alert.state) if change is not Change.RAISED else None
        again = withheld(before.basis, found) if change is None and before is not None else None
        basis = basis_as_json(held.basis)
        if alert.basis != basis:
            alert.basis = basis
        asked = ask(alert, None if before is None else before.basis, found, self.now)
        if change is None:
            if again:
                shown = evidence()
                self.note(about, kind, WITHHELD, found.severity, shown.set, ", ".join(sorted(again)))
            if asked is not None:
                self.mention(alert, about, asked)
            return None
        is_asked_anew = was is not State.OPEN or held.severity > alert.severity
        alert.severity, alert.state = held.severity, held.state
        shown = evidence()
        milder = found.severity < held.severity
        alert.reasons = with_graver(shown.reasons, alert.reasons) if milder else shown.reasons
        alert.why, alert.news2 = shown.why, shown.news2
        if is_asked_anew:
            alert.due_at = self._due_at(alert, about)
            self._climbing.append(alert)
        if COMPLETE_THE_SET in found.rules and alert.due_at is not None:
            alert.due_at = min(alert.due_at, self.now + COMPLETE_WITHIN)
        self._record(alert, about, was, change, shown, also=asked)
        return change

    def tell_each(
        self,
        about: About,
        kind: Kind,
        severity: Severity,
        event: tuple[str, Severity],
        evidence: Callable[[], Evidence],
    ) -> None:
        """Tell of an event, named and as bad as it was: what is milder than one that is told is only noted.

        Nothing makes up for an event, as a better set does for a worse one: each is news.
        """
        what, bad = event
        alert = self.open.get((about.patient_id, kind))
        told = frozenset[str]() if alert is None else held_of(alert).basis.rules
        if any(f"{what}_{worse.label}" in told for worse in Severity if worse > bad):
            shown = evidence()
            self.note(about, kind, f"another_{what}", bad, shown.set, shown.reasons[0]["text"])
        else:
            found = Finding(severity, rules=frozenset({f"{what}_{bad.label}"}), by_itself=True)
            self.weigh(about, kind, found, evidence)

    def expire(self, about: About, kind: Kind, what: str, by: int | None = None) -> None:
        """End a technical alert whose cause has ended, or was ended by a person."""
        assert kind in TECHNICAL
        if alert := self.open.pop((about.patient_id, kind), None):
            was, alert.state, alert.due_at = State(alert.state), State.EXPIRED, None
            self._ended.append(alert)
            self._record(alert, about, was, what, None, by)

    def resolve_all(self, about: About, outcome: Outcome, by: int) -> None:
        """End every open alert of a patient at once, of whatever kind."""
        for alert in self._of(about):
            was, alert.state, alert.due_at = State(alert.state), State.RESOLVED, None
            alert.outcome, alert.resolved_at = outcome, self.now
            self._ended.append(alert)
            self._record(alert, about, was, f"resolved: {outcome}", None, by)
            del self.open[about.patient_id, Kind(alert.kind)]

    def move_all(self, about: About, by: int) -> None:
        """A patient's open alerts go with them to another ward, where nobody has answered them: from the first step."""
        for alert in self._of(about):
            was, alert.state, alert.ward_id = State(alert.state), State.OPEN, about.ward_id
            alert.due_at = self._due_at(alert, about)
            self._climbing.append(alert)
            self._record(alert, about, was, f"came to ward {about.ward}", None, by)

    def reopen(self, alert: Alert, about: About, what: str, *, anew: bool) -> None:
        """Nobody answers for an alert any more: it is open, on its ladder's first step (`anew`) or where it stood."""
        was, alert.state = State(alert.state), go(State(alert.state), State.OPEN)
        alert.due_at = self._due_at(alert, about)
        if anew:
            self._climbing.append(alert)
        self._record(alert, about, was, what)

    def ask_again(self, alert: Alert, about: About, by: datetime) -> None:
        """Something was done about an alert, and nobody has said how it ended."""
        alert.due_at = by
        self._record(alert, about, State(alert.state), "asked for its outcome")

    def mention(self, alert: Alert, about: About, what: str) -> None:
        """Something happened that changes nothing of the alert itself, and that whoever watches is to see."""
        self._record(alert, about, State(alert.state), what)

    def open_again(self, about: About, ended: Iterable[Alert], what: str, by: int) -> None:
        """What ended for a reason that was not so is open, from the first step; but where another of its kind is."""
        for alert in ended:
            kind = Kind(alert.kind)
            if (about.patient_id, kind) in self.open:
                continue
            was, alert.state, alert.ward_id = State(alert.state), State.OPEN, about.ward_id
            alert.outcome = alert.resolved_at = alert.acknowledged_at = alert.acknowledged_by = None
            alert.due_at = self._due_at(alert, about)
            self.open[about.patient_id, kind] = alert
            self._climbing.append(alert)
            self._record(alert, about, was, what, None, by)

    def note(
        self,
        about: About,
        kind: Kind,
        what: str,
        severity: Severity,
        set_id: UUID | None = None,
        said: str | None = None,
        by: int | None = None,
    ) -> None:
        """Add to an open alert's history what does not change it."""
        alert = self.open[about.patient_id, kind]
        entry = _entry(alert, self.now, State(alert.state), what, set_id)
        entry.severity, entry.note, entry.by = severity, said, by
        self._history.append((alert, entry))

    @property
    def behind(self) -> dict[UUID, int]:
        """The sets behind what happened to these alerts, and to which of them. To be asked once they are written."""
        return {entry.set: alert.id for alert, entry in self._history if entry.set is not None}

    def write(self) -> list[NewEvent]:
        """Write everything; what is returned goes to `events.emit` at the end of the transaction."""
        self.session.flush()
        for alert, entry in self._history:
            entry.alert_id = alert.id
        begin(self.session, list({alert.id: alert for alert in self._climbing}.values()), self.now)
        end(self.session, self._ended, self.now)
        let_go(self.session, [alert.id for alert, _ in self._touched.values() if alert.state not in HELD], self.now)
        self.session.add_all(entry for _, entry in self._history)
        self.session.flush()
        names = self._acknowledged_by()
        past = histories(self.session, [alert.id for alert, _ in self._touched.values()], HISTORY_TOLD_MAX)
        plans = escalation_plans(self.session, [alert.episode_id for alert, _ in self._touched.values()], self.now)
        shown = (
            detail(
                alert,
                past[alert.id],
                plans.get(alert.episode_id or 0),
                patient=about.patient,
                ward=about.ward,
                acknowledged_by=names.get(alert.acknowledged_by or 0),
            )
            for alert, about in self._touched.values()
        )
        return [event(one, self.now) for one in shown]

    def _new(self, about: About, kind: Kind) -> Alert:
        alert = Alert(
            patient_id=about.patient_id,
            episode_id=about.episode_id,
            ward_id=about.ward_id,
            kind=kind,
            severity=0,
            state=State.OPEN,
            raised_at=self.now,
            version=0,
        )
        self.session.add(alert)
        self.open[about.patient_id, kind] = alert
        return alert

    def _of(self, about: About) -> list[Alert]:
        return [alert for (patient_id, _), alert in self.open.items() if patient_id == about.patient_id]

    def _record(
        self,
        alert: Alert,
        about: About,
        was: State | None,
        what: str,
        shown: Evidence | None = None,
        by: int | None = None,
        also: str | None = None,
    ) -> None:
        alert.version += 1
        entry = _entry(alert, self.now, was, what, None if shown is None else shown.set)
        entry.by = by
        if shown is not None:  # the alert itself shows only what came last
            entry.note = "; ".join(one for one in (shown.reasons[0]["text"], also) if one)
        self._history.append((alert, entry))
        self._touched[id(alert)] = (alert, about)

    def _due_at(self, alert: Alert, about: About) -> datetime | None:
        return due_at(State(alert.state), Severity(alert.severity), self.now, about.staffed_hours)

    def _acknowledged_by(self) -> dict[int, UUID]:
        ids = {alert.acknowledged_by for alert, _ in self._touched.values() if alert.acknowledged_by}
        if not ids:
            return {}
        found = self.session.exec(select(Staff.id, Staff.public_id).where(col(Staff.id).in_(ids)))
        return {row[0]: row[1] for row in found}


def _entry(alert: Alert, now: datetime, was: State | None, what: str, set_id: UUID | None) -> AlertHistory:
    return AlertHistory(
        alert_id=0,  # known once the alert is written
        at=now,
        from_state=was,
        to_state=alert.state,
        severity=alert.severity,
        what=what,
        set=set_id,
    )
