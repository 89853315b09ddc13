"""Whatever happens on a ward, in whatever order: an alert that is open is on its way to somebody."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from alert_rules.alarms import ENDED, Kind, Outcome
from monitoring.access.roles import Role
from monitoring.access.tokens import Caller
from monitoring.alerts import answers, resolving
from monitoring.database import transaction
from monitoring.duty.rotas import RotaBody, set_rota
from monitoring.escalation import by_hand
from monitoring.escalation.tables import By, Contact
from monitoring.refusals import Conflict, Unacceptable
from monitoring.ucr.states import Move
from tests.monitoring.ucr_steps import DAYTIME, does, has_team
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
LIVE = "('sent', 'accepted', 'dispatched', 'arrived', 'unplaced')"
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
STEPS = text(
    """
    SELECT ladder_step.id, ladder_step.at, ladder_step.taken = 'told' AS was_told,
           array_agg(message.staff_id) FILTER (WHERE message.staff_id IS NOT NULL) AS staff
    FROM ladder_step LEFT JOIN message ON message.ladder_step_id = ladder_step.id
    WHERE ladder_step.tell = 'clinician' AND ladder_step.id > :after
    GROUP BY ladder_step.id ORDER BY ladder_step.id
    """
)
DROPPED = text(
    """
    SELECT declined.id FROM ucr_referral AS declined
    LEFT JOIN ucr_referral AS following ON following.previous_id = declined.id
    WHERE declined.state = 'declined' AND following.id IS NULL
    """
)
TAKEN_BY_UCR = text("SELECT id FROM alert WHERE severity = 4 AND state = 'acknowledged' AND acknowledged_by = :ucr")
PAST_BREACH = text(
    """
    SELECT referral.id FROM ucr_referral AS referral JOIN alert ON alert.id = referral.alert_id
    WHERE referral.state IN ('sent', 'accepted', 'dispatched', 'unplaced') AND referral.breach_at <= :now
    AND alert.state = 'acknowledged' AND alert.acknowledged_by = referral.accepted_by
    """
)


class OnAWard(RuleBasedStateMachine):
    """Sets come, people and teams answer or don't, come on duty and go off it, the clock goes on."""

    ward: Ward
    clinicians: tuple[Caller, Caller]

    def __init__(self) -> None:
        super().__init__()
        long_ago = self.ward.now - timedelta(days=40)  # whom no rota names is there in the ward's staffed hours
        self.shifts = [(one, long_ago, long_ago + timedelta(hours=1)) for one in self.clinicians]
        self.can_be_told: set[int] = set()
        self.steps_seen = 0

    @initialize()
    def begin(self) -> None:
        self.ward.now += timedelta(minutes=1)
        with transaction(self.ward.engine) as session:
            self.steps_seen = session.execute(text("SELECT coalesce(max(id), 0) FROM ladder_step")).scalar_one()
        self.somebody_else_comes_on_duty([0], 12)
        self.who_can_be_told_changes({0, 1})

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

    @rule(reached=st.sets(st.integers(0, 1)))
    def who_can_be_told_changes(self, reached: set[int]) -> None:
        self.can_be_told = {self.clinicians[one].id for one in reached}
        with transaction(self.ward.engine) as session:
            session.execute(text("DELETE FROM contact"))
            for who in self.can_be_told:
                to = f"https://pager.example/{who}"
                session.add(Contact(staff_id=who, place=0, by=By.WEBHOOK, to=to, recorded_at=self.ward.now))

    @rule(there=st.lists(st.integers(0, 1), unique=True), hours=st.sampled_from([1, 8, 12]))
    def somebody_else_comes_on_duty(self, there: list[int], hours: int) -> None:
        now, until = self.ward.now, self.ward.now + timedelta(hours=hours)
        self.shifts = [(who, since, min(end, now)) for who, since, end in self.shifts if since < now]
        self.shifts += [(self.clinicians[one], now, until) for one in there]
        worked = [{"staff": who.public_id, "from": since, "to": end} for who, since, end in self.shifts if since < end]
        rota = {"ward": self.ward.code, "role": "clinician", "weekly": [], "overrides": worked}
        with transaction(self.ward.engine) as session:
            act = self.ward.act(session, Role.COORDINATOR)
            set_rota(act, "CLINICIANS", msgspec.convert(msgspec.to_builtins(rota), RotaBody))

    @rule(move=st.sampled_from([Move.ACCEPT, Move.DECLINE]), then=st.sampled_from([SICK, VERY_SICK]))
    def nobody_answers_and_a_team_does(self, move: Move, then: dict[str, Any]) -> None:
        self.ward.receives(**SICK)
        for _ in range(2):
            self.ward.at(timedelta(minutes=16))
        self.a_set_comes(then)
        self.a_team_answers(move)

    @rule(who=st.integers(0, 1))
    def one_shift_ends_and_the_next_begins_before_a_set_comes(self, who: int) -> None:
        self.somebody_else_comes_on_duty([who], 1)
        self.ward.at(timedelta(hours=2))
        self.ward.now += timedelta(minutes=1)
        self.somebody_else_comes_on_duty([1 - who], 8)
        self.a_set_comes(VERY_SICK)

    @rule(move=st.sampled_from([Move.ACCEPT, Move.DECLINE, Move.DISPATCH, Move.ARRIVE, Move.COMPLETE, Move.CANCEL]))
    def a_team_answers(self, move: Move) -> None:
        live = text(f"SELECT public_id FROM ucr_referral WHERE state IN {LIVE} ORDER BY id DESC LIMIT 1")
        with transaction(self.ward.engine) as session:
            referral: UUID | None = session.execute(live).scalar()
        if referral is None:
            return
        with suppress(Conflict, Unacceptable):
            does(self.ward, referral, move, Role.CLINICIAN if move is Move.CANCEL else Role.UCR)
        self.ward.at(timedelta())

    @rule(hours=st.sampled_from(["ALWAYS", "DAYTIME"]), visits=st.integers(0, 2))
    def a_team_changes(self, hours: str, visits: int) -> None:
        has_team(self.ward, "ONE", max_active=visits, **({"hours": DAYTIME} if hours == "DAYTIME" else {}))

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
    def who_is_told_is_on_duty_and_is_everybody_there_who_can_be(self) -> None:
        with transaction(self.ward.engine) as session:
            steps = session.execute(STEPS, {"after": self.steps_seen}).all()
        for step in steps:
            there = {who.id for who, since, until in self.shifts if since <= step.at < until}
            assert set(step.staff or ()) == there & self.can_be_told, (step, there, self.can_be_told)
            assert step.was_told is bool(step.staff)
            self.steps_seen = step.id

    @invariant()
    def a_decline_never_loses_the_patient_and_a_team_is_never_all_that_a_critical_alert_has(self) -> None:
        with transaction(self.ward.engine) as session:
            assert session.execute(DROPPED).all() == []
            assert session.execute(TAKEN_BY_UCR, {"ucr": self.ward.staff[Role.UCR].id}).all() == []
            assert session.execute(PAST_BREACH, {"now": self.ward.now}).all() == []

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
    kept.settings = kept.settings.model_copy(update={"fallback_to": "https://always.example"})
    kept.corrects(postcode_district="LE1")
    other, _ = kept.employ(Role.CLINICIAN, name="The other clinician")
    for code in ("ONE", "TWO"):
        has_team(kept, code)

    class Here(OnAWard):
        ward = kept
        clinicians = (kept.staff[Role.CLINICIAN], other)

        def __init__(self) -> None:
            super().__init__()
            with transaction(kept.engine) as session:  # as new: what an earlier run left is answered
                session.execute(text("UPDATE escalation SET due_at = NULL"))
                session.execute(text("UPDATE alert SET state = 'resolved', due_at = NULL WHERE state <> 'expired'"))
                session.execute(text("UPDATE message SET state = 'cancelled'"))
                session.execute(
                    text("UPDATE ucr_referral SET state = 'cancelled', due_at = NULL WHERE state <> 'declined'")
                )
                session.execute(text("DELETE FROM contact"))
            kept.now += timedelta(days=1)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
