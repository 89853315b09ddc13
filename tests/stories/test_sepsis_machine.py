"""Whatever happens on a ward, in whatever order: of what may be sepsis UCR is never the only one told."""

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from alert_rules.alarms import ENDED, HELD, Kind
from alert_rules.sepsis import ASK_FROM, UNANSWERED
from monitoring.access.roles import Role
from monitoring.alerts.tables import Alert
from monitoring.database import transaction
from monitoring.refusals import Conflict, NotFound, Unacceptable
from monitoring.sepsis.answering import SepsisAnswerBody, answer_sepsis
from monitoring.sepsis.asking import question_of
from monitoring.ucr.states import Move
from tests.monitoring.referring import acts
from tests.monitoring.ucr_steps import asks, does, has_team
from tests.ward import SICK, VERY_SICK, WELL, Ward
from tests.workers.records import rows

HOOK, ALWAYS = "https://ucr.example/hook", "https://always.example"
RED_ONLY = WELL | {"systolic": 90}  # NEWS2 3, of one parameter
WORSE = SICK | {"systolic": 100}  # NEWS2 8

SENT = text(
    """
    SELECT id, body ->> 'type' AS type, address FROM message
    WHERE created_at = :now AND id > :seen AND state <> 'cancelled' ORDER BY id
    """
)


class OnAWard(RuleBasedStateMachine):
    """Sets come, people answer or don't, teams take patients or don't, the clock goes on."""

    ward: Ward
    seen: int
    by_hand: bool
    reachable: bool
    comfort: bool

    @initialize()
    def begin(self) -> None:
        self.seen, self.by_hand, self.reachable, self.comfort = 0, False, False, False

    @rule(vitals=st.sampled_from([WELL, RED_ONLY, SICK, WORSE, VERY_SICK]))
    def a_set_comes(self, vitals: dict[str, Any]) -> None:
        self.ward.receives(**vitals)
        self.turn(1)

    @rule(minutes=st.sampled_from([1, 5, 16, 31, 95]))
    def time_passes(self, minutes: int) -> None:
        self.turn(minutes)

    @rule(answer=st.sampled_from(["suspected", "not_suspected", "cannot_tell"]))
    def a_clinician_answers(self, answer: str) -> None:
        if (alert := self.alert()) is not None:
            body = msgspec.convert({"answer": answer, "tool": "news2"}, SepsisAnswerBody)
            acts(self.ward, lambda act: answer_sepsis(act, alert.public_id, body), Role.CLINICIAN)

    @rule()
    def a_clinician_takes_the_alert(self) -> None:
        alert = self.alert()
        if alert is not None and alert.state == "open":
            self.ward.acknowledges(alert)

    @rule()
    def a_clinician_ends_the_alert(self) -> None:
        if (alert := self.alert()) is not None:
            self.ward.resolves(alert)

    @rule(move=st.sampled_from([Move.ACCEPT, Move.DECLINE, Move.ARRIVE, Move.COMPLETE]))
    def a_team_answers(self, move: Move) -> None:
        live = rows(self.ward.engine, "SELECT public_id FROM ucr_referral WHERE ended_at IS NULL ORDER BY id DESC")
        if live:
            try:
                does(self.ward, live[0].public_id, move)
            except (Conflict, NotFound):
                return
            self.turn(0)

    @rule(role=st.sampled_from([Role.CLINICIAN, Role.COORDINATOR]))
    def somebody_refers_by_hand(self, role: Role) -> None:
        if (alert := self.alert()) is None:
            return
        self.turn(1)
        try:
            asks(self.ward, role=role, alert=alert.public_id)
        except (Conflict, Unacceptable):
            return
        self.by_hand = True

    @rule(there=st.sampled_from([True, False]))
    def who_can_be_told_changes(self, *, there: bool) -> None:
        with transaction(self.ward.engine) as session:
            session.execute(text("DELETE FROM contact"))
        if there:
            self.ward.reaches(Role.CLINICIAN)
        self.reachable = there

    @rule(comfort=st.booleans())
    def the_plan_changes(self, *, comfort: bool) -> None:
        self.turn(1)
        self.ward.plans(monitoring="comfort" if comfort else "full")
        self.comfort = comfort

    def turn(self, minutes: int) -> None:
        self.ward.at(timedelta(minutes=minutes))

    def alert(self) -> Alert | None:
        alive = [one for one in self.ward.alerts() if one.kind == Kind.DETERIORATION and one.state not in ENDED]
        return alive[0] if alive else None

    @invariant()
    def ucr_is_never_the_only_one_told_of_what_may_be_sepsis(self) -> None:
        alert = self.alert()
        question = None if alert is None else question_of(alert.sepsis)
        with transaction(self.ward.engine) as session:
            sent = session.execute(SENT, {"now": self.ward.now, "seen": self.seen}).all()
        self.seen = max([self.seen, *(one.id for one in sent)])
        was_by_hand, self.by_hand = self.by_hand, False
        team = [one for one in sent if one.address == HOOK and one.type in {"ucr.referral", "ucr.told_again"}]
        if not team or question is None or question.status not in {"suspected", UNANSWERED}:
            return
        others = [one for one in sent if one.address != HOOK]
        has_it = alert is not None and alert.acknowledged_by == self.ward.staff[Role.CLINICIAN].id
        knows = (was_by_hand and not self.reachable) or (has_it and alert is not None and alert.state in HELD)
        assert others or knows, (question, sent)

    @invariant()
    def what_asks_is_asked_and_in_comfort_care_nobody_is(self) -> None:
        if (alert := self.alert()) is None:
            return
        question = question_of(alert.sepsis)
        if self.comfort:
            assert question is None or question.said is not None
        elif alert.news2 is not None and alert.raised_at == self.ward.now:
            reds = [name for name, points in alert.news2["subscores"].items() if points == 3]
            assert (question is not None) == bool(alert.news2["score"] >= ASK_FROM or reds)
        assert (alert.sepsis_due_at is None) or (question is not None and question.status == UNANSWERED)


def with_teams(ward: Ward) -> Ward:
    """Two teams, asked before the fallback."""
    has_team(ward, "ONE", webhook=HOOK, max_active=9)
    has_team(ward, "TWO", webhook=HOOK)
    step = [{"tell": "ucr", "wait_s": 600}, {"tell": "ucr", "wait_s": 600}]
    last = {"tell": "fallback", "wait_s": 600, "to": ALWAYS}
    ladder = [*step, last]
    ward.sets_ladders(amber_plus=ladder, red=ladder, critical=ladder)
    ward.climbs = True
    return ward


def test_a_decline_goes_on_for_the_alert_that_asked_for_the_team_since_its_first_one_ended(ward: Ward) -> None:
    with_teams(ward).at("23:00").at("33:00")  # sets that were due did not come: ONE is asked
    ward.receives(**RED_ONLY)  # they come, and are red: ONE is told again
    ward.at(timedelta(minutes=1))
    overdue, red = sorted(ward.alerts(), key=lambda one: one.id)
    assert (overdue.state, red.state, red.kind) == ("expired", "open", Kind.DETERIORATION)
    told = "SELECT count(*) FROM ladder_step WHERE alert_id = :alert AND tell = 'fallback' AND taken = 'told'"
    before = rows(ward.engine, told, alert=red.id)[0][0]
    (asked,) = rows(ward.engine, "SELECT public_id FROM ucr_referral WHERE ended_at IS NULL")
    ward.now += timedelta(seconds=30)
    does(ward, asked.public_id, Move.DECLINE)
    ward.at(timedelta(0))
    (sent,) = rows(ward.engine, "SELECT alert_id FROM ucr_referral WHERE ended_at IS NULL")
    assert sent.alert_id == red.id
    assert rows(ward.engine, told, alert=red.id)[0][0] == before + 1, "not TWO alone"


def test_whatever_happens_ucr_is_never_told_alone_of_what_may_be_sepsis(ward: Ward) -> None:
    kept = with_teams(ward)

    class Here(OnAWard):
        ward = kept

        def __init__(self) -> None:
            super().__init__()
            with transaction(kept.engine) as session:  # as new: what an earlier run left has ended
                session.execute(text("UPDATE escalation SET due_at = NULL"))
                session.execute(text("UPDATE alert SET state = 'resolved', due_at = NULL, sepsis_due_at = NULL"))
                session.execute(text("UPDATE message SET state = 'cancelled'"))
                session.execute(text("UPDATE ucr_referral SET state = 'cancelled', due_at = NULL, ended_at = now()"))
                session.execute(text("DELETE FROM contact"))
            kept.now += timedelta(days=1)
            kept.plans()

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=20,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        ),
    )
