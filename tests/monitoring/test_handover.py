"""The handover of a shift: an alert passes by name, is held until it is taken, or opens again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from alert_rules.alarms import State
from alert_rules.duty import TAKEN_WITHIN
from monitoring.access.roles import Role
from monitoring.access.tokens import Caller
from monitoring.acts import Act
from monitoring.alerts import answers
from monitoring.alerts.views import AlertDetail
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.duty import going_off, handover, rotas
from monitoring.duty.going_off import HandoverView
from monitoring.duty.handover import HandOverBody
from monitoring.duty.rotas import RotaBody
from monitoring.refusals import Conflict, Unacceptable
from tests.monitoring.api import Api
from tests.monitoring.steps import done, faults, has_alert, refused
from tests.ward import SICK, VERY_SICK, Ward
from tests.workers.records import change, rows
from tests.workers.test_alerts_at_once import together
from workers.handovers import lapse_handovers

TICK = timedelta(microseconds=1)


class Shift:
    """A ward on which Joy works from 08:00 to 20:00 and Sam from 20:00 on, and an alert that Joy acknowledged."""

    def __init__(self, ward: Ward) -> None:
        self.ward = ward
        self.joy, self.sam, self.kim = (ward.employ(Role.CLINICIAN, name=name)[0] for name in ("Joy", "Sam", "Kim"))
        week = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        weekly = [
            {"staff": str(who.public_id), "day": day, "from": start, "to": end}
            for who, start, end in ((self.joy, "08:00", "20:00"), (self.sam, "20:00", "08:00"))
            for day in week
        ]
        body = msgspec.convert({"ward": ward.code, "role": "clinician", "weekly": weekly}, RotaBody)
        with transaction(ward.engine) as session:
            rotas.set_rota(ward.act(session, Role.COORDINATOR), "CLINICIANS", body)
        ward.at("19:15").receives(**SICK)
        self.does(self.joy, lambda act: answers.acknowledge_alert(act, self.alert, answers.AcknowledgeBody()))

    @property
    def alert(self) -> UUID:
        """The alert's id."""
        return self.ward.alert().public_id

    @property
    def state(self) -> tuple[State, int | None]:
        """The alert's state, and who holds or held it."""
        found = self.ward.alert()
        return State(found.state), found.acknowledged_by

    def does(self, who: Caller, use_case: Callable[[Act], Any]) -> Any:
        """Somebody does something, now."""
        with transaction(self.ward.engine) as session:
            return use_case(Act(session, who, self.ward.now))

    def hands_over(self, giver: Caller, to: Caller) -> AlertDetail:
        """Somebody offers the alert to a colleague."""
        found: AlertDetail = self.does(
            giver, lambda act: handover.hand_over(act, self.alert, HandOverBody(to.public_id, note="see the note"))
        )
        return found

    def takes(self, who: Caller) -> AlertDetail:
        """Somebody takes the alert."""
        found: AlertDetail = self.does(who, lambda act: handover.take_over(act, self.alert, answers.AcknowledgeBody()))
        return found

    def listed(self) -> HandoverView:
        """What is to be handed over."""
        found: HandoverView = self.does(self.joy, lambda act: going_off.to_hand_over(act, self.ward.code))
        return found

    def due_ladders(self) -> list[tuple[int, int, datetime]]:
        """Run, step and due time of the alert's ladder."""
        found = rows(
            self.ward.engine,
            "SELECT run, step, escalation.due_at FROM escalation JOIN alert ON alert.id = alert_id"
            " WHERE kind = 'deterioration'",
        )
        return [(row.run, row.step, row.due_at) for row in found]

    def climbed(self) -> None:
        """The alert's ladder stands on its third step, and waits for Joy's action."""
        with transaction(self.ward.engine) as session:
            session.execute(
                text("UPDATE escalation SET run = 1, step = 2, due_at = :due"),
                {"due": self.ward.now + timedelta(hours=1)},
            )


@pytest.fixture
def shift(ward: Ward) -> Shift:
    """The ward at 19:15, a Tuesday in winter."""
    return Shift(ward)


def test_what_goes_off_duty_with_somebody_is_listed_with_who_comes_on(shift: Shift) -> None:
    shift.ward.at("19:29")
    assert shift.listed().items == []
    shift.ward.at("19:31")
    listed = shift.listed()
    ends, begins = shift.ward.now + timedelta(minutes=29), shift.ward.now + timedelta(minutes=29)
    (held,) = listed.items
    assert (held.alert, held.holder.name, held.off_at, held.offered_to) == (shift.alert, "Joy", ends, None)
    assert (listed.comes_on[0].name, listed.comes_on[0].from_) == ("Sam", begins)
    assert "Joy" not in {one.name for one in listed.comes_on}
    assert {one.from_ for one in listed.comes_on[1:]} == {None}  # who is in no rota is always there
    shift.hands_over(shift.joy, shift.sam)
    (held,) = shift.listed().items
    assert held.offered_to is not None
    assert (held.offered_to.name, held.take_by) == ("Sam", ends)
    shift.ward.at("20:01")
    assert shift.listed().items[0].off_at is None  # gone


def test_who_gives_holds_it_until_the_other_takes_it_and_the_clock_goes_on(shift: Shift) -> None:
    shift.ward.at("19:45")
    due = shift.ward.alert().due_at
    given = shift.hands_over(shift.joy, shift.sam)
    assert (given.state, given.acknowledged_by) == (State.ACKNOWLEDGED, shift.joy.public_id)
    shift.hands_over(shift.joy, shift.kim)  # she thinks better of it
    with pytest.raises(Conflict, match="not handed over to you"):
        shift.takes(shift.sam)
    shift.hands_over(shift.joy, shift.sam)
    shift.ward.at("19:50")
    taken = shift.takes(shift.sam)
    assert (taken.state, taken.acknowledged_by, taken.acknowledged_at) == (
        State.ACKNOWLEDGED, shift.sam.public_id, shift.ward.now,
    )  # fmt: skip
    assert taken.due_at == due
    assert [(one.what, one.by_name) for one in taken.history[-2:]] == [
        ("handed over to Sam, who has to take it", "Joy"), ("taken over from Joy", "Sam"),
    ]  # fmt: skip
    with pytest.raises(Conflict):
        shift.takes(shift.sam)
    shift.ward.at("20:00")
    assert lapse_handovers(shift.ward.engine, shift.ward.now) == 0
    assert shift.state == (State.ACKNOWLEDGED, shift.sam.id)
    told = rows(shift.ward.engine, "SELECT data FROM event WHERE kind = 'alert' ORDER BY id DESC LIMIT 1")
    assert told[0].data["alert"]["acknowledged_by"] == str(shift.sam.public_id)


def test_a_handover_that_nobody_took_by_the_end_of_the_shift_opens_the_alert_again_and_it_climbs(shift: Shift) -> None:
    shift.climbed()
    shift.ward.at("19:45")
    shift.hands_over(shift.joy, shift.sam)
    shift.ward.at("20:00")
    assert lapse_handovers(shift.ward.engine, shift.ward.now - TICK) == 0
    assert shift.state == (State.ACKNOWLEDGED, shift.joy.id)
    ended: list[int] = []
    together(*[lambda: ended.append(lapse_handovers(shift.ward.engine, shift.ward.now))] * 3)
    lapse_handovers(shift.ward.engine, shift.ward.now)  # one that was passed over, if any
    assert sum(ended) <= 1
    found = shift.ward.alert()
    assert found.state == State.OPEN
    assert found.due_at == shift.ward.now + timedelta(minutes=15)
    assert shift.ward.history(found)[-1] == "handover not taken by the end of the shift"
    assert shift.due_ladders() == [(2, 0, shift.ward.now)]
    with pytest.raises(Conflict, match="nobody holds it"):
        shift.takes(shift.sam)
    shift.does(shift.sam, lambda act: answers.acknowledge_alert(act, shift.alert, answers.AcknowledgeBody()))
    assert shift.state == (State.ACKNOWLEDGED, shift.sam.id)


def test_one_handover_that_cannot_be_ended_stops_no_other_and_is_tried_again_ever_more_rarely(shift: Shift) -> None:
    ward, other = shift.ward, shift.ward.admit()
    ward.at("19:45")
    shift.hands_over(shift.joy, shift.sam)
    spoilt = ward.alert()
    ward.receives(patient=other, **SICK)
    good = ward.alert(patient=other).public_id
    shift.does(shift.joy, lambda act: answers.acknowledge_alert(act, good, answers.AcknowledgeBody()))
    shift.does(shift.joy, lambda act: handover.hand_over(act, good, HandOverBody(shift.sam.public_id)))
    change(ward.engine, "UPDATE alert SET severity = 99 WHERE id = :id", id=spoilt.id)
    ward.at("20:00")
    ended, tried = 0, list[int]()
    said = "SELECT data -> 'system' AS system FROM event WHERE kind = 'system'"
    for second in range(0, 3600, 15):
        ended += lapse_handovers(ward.engine, ward.now + timedelta(seconds=second))
        if len(rows(ward.engine, said)) > len(tried):
            tried.append(second)
    assert ended == 1
    assert ward.alert(patient=other).state == State.OPEN
    assert tried == [0, 30, 60, 120, 240, 480, 960, 1920]
    told = {(row.system["problem"], row.system["alert"]) for row in rows(ward.engine, said)}
    assert told == {("handover_not_ended", str(spoilt.public_id))}
    change(ward.engine, "UPDATE alert SET severity = 3 WHERE id = :id", id=spoilt.id)
    assert lapse_handovers(ward.engine, ward.now + timedelta(seconds=3840)) == 1  # mended, it is ended


def test_what_ended_or_opened_again_meanwhile_is_left_as_it_is(shift: Shift) -> None:
    shift.ward.at("19:45")
    shift.hands_over(shift.joy, shift.sam)
    shift.ward.receives(**VERY_SICK)
    history = shift.ward.history(shift.ward.alert())
    assert [row.ended for row in rows(shift.ward.engine, "SELECT ended FROM handover")] == ["moot"]
    shift.does(shift.joy, lambda act: answers.acknowledge_alert(act, shift.alert, answers.AcknowledgeBody()))
    with pytest.raises(Conflict, match="not handed over to you"):
        shift.takes(shift.sam)  # what was offered before it got worse
    shift.ward.at("20:00")
    assert lapse_handovers(shift.ward.engine, shift.ward.now) == 0
    assert shift.ward.history(shift.ward.alert()) == [*history, "acknowledged"]
    shift.hands_over(shift.joy, shift.sam)
    shift.ward.resolves(shift.ward.alert())
    assert [row.ended for row in rows(shift.ward.engine, "SELECT ended FROM handover")] == ["moot", "moot"]


def test_a_colleague_hands_over_what_somebody_still_holds_who_has_gone(shift: Shift) -> None:
    shift.ward.at("19:45")
    with pytest.raises(Conflict, match="Joy holds it, and is on duty"):
        shift.hands_over(shift.kim, shift.sam)
    shift.ward.at("20:05")
    shift.hands_over(shift.sam, shift.sam)
    (row,) = rows(shift.ward.engine, "SELECT due_at, giver_id FROM handover")
    assert (row.due_at, row.giver_id) == (shift.ward.now + TAKEN_WITHIN, shift.joy.id)
    assert shift.takes(shift.sam).acknowledged_by == shift.sam.public_id


def test_it_goes_only_to_who_could_answer_it(shift: Shift) -> None:
    shift.ward.at("19:45")
    stranger = shift.ward.employ(Role.CLINICIAN, wards=["OTHER"])[0]
    for to in (stranger, shift.ward.staff[Role.SUPPORT], shift.ward.staff[Role.AUDITOR], shift.joy):
        with pytest.raises(Unacceptable, match="to: "):
            shift.hands_over(shift.joy, to)


def test_without_an_end_of_the_shift_it_waits_for_who_is_to_take_it(ward: Ward) -> None:
    ward.receives(**SICK)
    ward.acknowledges(ward.alert())
    sam = ward.employ(Role.CLINICIAN, name="Sam")[0]
    with transaction(ward.engine) as session:
        act = ward.act(session, Role.CLINICIAN)
        handover.hand_over(act, ward.alert().public_id, HandOverBody(sam.public_id))
    assert [row.due_at for row in rows(ward.engine, "SELECT due_at FROM handover")] == [None]
    assert lapse_handovers(ward.engine, ward.now + timedelta(days=30)) == 0


def test_over_http_it_passes_by_name(api: Api) -> None:
    alert = has_alert(api, **SICK)["id"]
    sam, token = api.ward.employ(Role.CLINICIAN, name="Sam")
    body = {"to": str(sam.public_id)}
    path = f"/v1/alerts/{alert}"
    assert refused(api.post(f"{path}/hand-over", body, Role.CLINICIAN), 409)["current"]["state"] == "open"
    done(api.post(f"{path}/acknowledge", {}, Role.CLINICIAN))
    refused(api.post(f"{path}/hand-over", body, Role.COORDINATOR), 403)
    assert faults(api.post(f"{path}/hand-over", {"to": alert}, Role.CLINICIAN)) == ["to"]
    refused(api.post(f"{path}/hand-over", body | {"version": 1}, Role.CLINICIAN), 409)
    done(api.post(f"{path}/hand-over", body, Role.CLINICIAN))
    refused(api.post(f"{path}/take-over", {}, Role.CLINICIAN), 409)
    taken = done(api.post(f"{path}/take-over", token=token))
    assert taken["acknowledged_by"] == str(sam.public_id)
    listed = done(api.get("/v1/duty/handover?ward=WARD1", Role.SUPPORT))
    assert listed["items"] == []
    assert datetime.fromisoformat(listed["at"]) <= utc_now()
