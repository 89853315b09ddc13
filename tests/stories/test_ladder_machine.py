"""Whatever happens on a ward, in whatever order: an alert that is open is on its way to somebody."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from alert_rules.alarms import ENDED, Kind, Outcome
from monitoring.access.roles import Role
from monitoring.alerts import answers, resolving
from monitoring.database import transaction
from monitoring.escalation import by_hand
from monitoring.refusals import Conflict, Unacceptable
from tests.ward import SICK, VERY_SICK, WELL, Ward

MILD = WELL | {"respiratory_rate": 21, "pulse": 95}  # NEWS2 3
HOURS = '{"mon": ["08:00", "20:00"], "tue": ["08:00", "20:00"], "wed": ["08:00", "20:00"]}'

LOST = text(
    """
    SELECT alert.id, alert.state, alert.severity, escalation.due_at, alert.acknowledged_by
    FROM alert LEFT JOIN escalation ON escalation.alert_id = alert.id
    WHERE alert.state IN ('open', 'acknowledged', 'actioned', 'snoozed')
    AND (escalation.due_at IS NULL OR alert.state IN ('acknowledged', 'actioned') AND alert.acknowledged_by IS NULL)
    OR alert.state IN ('resolved', 'expired') AND escalation.due_at IS NOT NULL
    OR escalation.due_at <= :now
    """
)
PAGED = text(
    """
    SELECT message.id, alert.state FROM message
    JOIN alert ON alert.id = message.alert_id
    WHERE message.state = 'pending' AND message.body ->> 'type' = 'escalation.step' AND alert.state <> 'open'
    """
)
TWICE = text(
    "SELECT ladder_step_id, staff_id FROM message WHERE ladder_step_id IS NOT NULL"
    " GROUP BY ladder_step_id, staff_id HAVING count(*) > 1"
)


class OnAWard(RuleBasedStateMachine):
    """Sets come, people answer or don't, the clock goes on."""

    ward: Ward

    @initialize()
    def begin(self) -> None:
        self.ward.now += timedelta(minutes=1)

    @rule(vitals=st.sampled_from([WELL, MILD, SICK, VERY_SICK]))
    def a_set_comes(self, vitals: dict[str, Any]) -> None:
        self.ward.receives(**vitals)
        self.ward.at(timedelta())

    @rule(minutes=st.sampled_from([1, 5, 14, 30, 61, 240, 800]))
    def time_passes(self, minutes: int) -> None:
        self.ward.at(timedelta(minutes=minutes))

    @rule(verb=st.sampled_from(["acknowledge", "act", "resolve", "snooze", "escalate"]), which=st.integers(0, 3))
    def somebody_answers(self, verb: str, which: int) -> None:
        alive = [alert for alert in self.ward.alerts() if alert.state not in ENDED]
        if not alive:
            return
        alert = alive[which % len(alive)].public_id
        snooze = answers.SnoozeBody(self.ward.now + timedelta(minutes=90), "asleep")
        with transaction(self.ward.engine) as session:
            act = self.ward.act(session, Role.CLINICIAN)
            deeds = {
                "acknowledge": lambda: answers.acknowledge_alert(act, alert, answers.AcknowledgeBody()),
                "act": lambda: answers.act_on_alert(act, alert, answers.ActionBody("called")),
                "resolve": lambda: resolving.resolve_alert(act, alert, resolving.ResolveBody(Outcome.ADVICE)),
                "snooze": lambda: answers.snooze_alert(act, alert, snooze),
                "escalate": lambda: by_hand.escalate(
                    act, alert, by_hand.EscalateBody("next", "not mine"), self.ward.settings
                ),
            }
            try:
                deeds[verb]()
            except (Conflict, Unacceptable):
                session.rollback()
        self.ward.at(timedelta())

    @rule(there=st.booleans())
    def who_can_be_told_changes(self, there: bool) -> None:
        with transaction(self.ward.engine) as session:
            session.execute(text("DELETE FROM contact"))
        if there:
            self.ward.reaches(Role.CLINICIAN)

    @rule(hours=st.sampled_from(["NULL", f"'{HOURS}'"]))
    def the_staffed_hours_change(self, hours: str) -> None:
        with transaction(self.ward.engine) as session:
            session.execute(text(f"UPDATE ward SET staffed_hours = {hours.replace(':', chr(92) + ':')}"))

    @invariant()
    def nobody_is_lost_and_nobody_is_paged_for_nothing(self) -> None:
        with transaction(self.ward.engine) as session:
            assert session.execute(LOST, {"now": self.ward.now}).all() == []
            assert session.execute(PAGED).all() == []
            assert session.execute(TWICE).all() == []

    @invariant()
    def what_is_red_never_waits_for_the_ward_to_open(self) -> None:
        for alert in self.ward.alerts():
            if alert.severity >= 2 and alert.kind == Kind.DETERIORATION and alert.state == "open":
                with transaction(self.ward.engine) as session:
                    query = text("SELECT due_at FROM escalation WHERE alert_id = :alert")
                    due_at = session.execute(query, {"alert": alert.id}).scalar_one()
                assert due_at <= self.ward.now + timedelta(minutes=30)


def test_whatever_happens_an_open_alert_is_on_its_way_to_somebody(ward: Ward) -> None:
    kept = ward
    kept.climbs = True

    class Here(OnAWard):
        ward = kept

        def __init__(self) -> None:
            super().__init__()
            with transaction(kept.engine) as session:  # as new: what an earlier run left is answered
                session.execute(text("UPDATE escalation SET due_at = NULL"))
                session.execute(text("UPDATE alert SET state = 'resolved', due_at = NULL WHERE state <> 'expired'"))
                session.execute(text("UPDATE message SET state = 'cancelled'"))
                session.execute(text("DELETE FROM contact"))
            kept.now += timedelta(days=1)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
