"""Whatever is done with devices, in any order and however late it is told: each is in one state, and nobody's twice."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec import convert

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.database import transaction
from monitoring.flow.discharge import DischargeBody, discharge
from monitoring.flow.reopening import CancelDischargeBody, cancel_discharge
from monitoring.kit import devices
from monitoring.kit.assigning import AssignmentBody
from monitoring.kit.devices import DeviceBody, delete_assignment, put_assignment
from monitoring.kit.handling import MoveBody, handle
from monitoring.kit.states import FREE, NEXT, TAKES_AWAY, Move, State
from monitoring.refusals import Conflict, NotFound, Unacceptable
from monitoring.wards.admission import EpisodeBody, start_spell
from monitoring.wards.beds import lock_ward
from monitoring.wards.tables import Episode, Step
from tests.ward import Patient, Ward
from tests.workers.records import rows

DEVICES, PATIENTS = 2, 2
BY_HAND = [move for move in NEXT if move not in {Move.ISSUE, Move.SHARE, Move.HAND_ON, Move.AWAIT}]
USUALLY = {
    State.ISSUED: Move.RETURN,
    State.AWAITED: Move.RETURN,
    State.RETURNED: Move.CLEAN,
    State.LOST: Move.FIND,
    State.FAULTY: Move.REPAIR,
}
REFUSED = (Conflict, NotFound, Unacceptable)
which_device, which_patient = st.integers(0, DEVICES - 1), st.integers(0, PATIENTS - 1)
hours = st.integers(-30, 30)

_PERIODS = """
SELECT a.device_id, a.patient_id, lower(a.during) AS since, upper(a.during) AS until, device.shared
FROM assignment AS a JOIN device ON device.id = device_id WHERE device_id = ANY(:kit)
ORDER BY device_id, lower(during), a.id
"""
_MOVES = "SELECT * FROM kit_move WHERE device_id = ANY(:kit) ORDER BY device_id, id"
_STATES = "SELECT id, state FROM device WHERE id = ANY(:kit)"
_numbers = count(1)


class KitMachine(RuleBasedStateMachine):
    """Acts through the use cases of the routes; a model follows only the states."""

    def __init__(self, ward: Ward) -> None:
        super().__init__()
        self.ward = ward
        self.kit: list[UUID] = []
        self.keys: list[int] = []
        self.patients: list[Patient] = []

    @initialize()
    def begin(self) -> None:
        """Two devices, one of them shared; two patients with no kit on a ward of their own."""
        self.ward.code = f"KIT{next(_numbers)}"
        self.ward.opens(self.ward.code)
        with transaction(self.ward.engine) as session:
            for number in range(DEVICES):
                made, _ = devices.make(session, self.ward.now, DeviceBody("hub", f"M-{number}", shared=number == 1))
                self.kit.append(made.public_id)
                self.keys.append(made.id)
        self.patients = [self.ward.admit(kit=False) for _ in range(PATIENTS)]

    def act(self, do: Callable[[Act], object]) -> bool:
        """Whether it was done."""
        try:
            with transaction(self.ward.engine) as session:
                do(self.ward.act(session, Role.ADMIN))
        except REFUSED:
            return False
        return True

    @rule(hours_=st.integers(1, 40))
    def time_passes(self, hours_: int) -> None:
        """By so much."""
        self.ward.now += timedelta(hours=hours_)

    @rule(device=which_device, patient=which_patient, from_=st.none() | hours)
    def give(self, device: int, patient: int, from_: int | None) -> None:
        """Now, late or planned. What came back is cleaned first."""
        before = self._state(device)
        at = None if from_ is None else self.ward.now + timedelta(hours=from_)
        body = AssignmentBody(self.patients[patient].id, at)
        was_done = self.act(lambda act: put_assignment(act, self.kit[device], body))
        if was_done:
            assert before in {*FREE, State.ISSUED, State.AWAITED}
            assert self._state(device) is State.ISSUED

    @rule(device=which_device)
    def take(self, device: int) -> None:
        """It is nobody's from now on."""
        if self.act(lambda act: delete_assignment(act, self.kit[device])):
            assert self._state(device) is State.AWAITED

    @rule(device=which_device, patient=which_patient, steps=st.integers(1, 4), pause=st.integers(0, 3))
    def goes_on(self, device: int, patient: int, steps: int, pause: int) -> None:
        """The usual next steps of its life."""
        for _ in range(steps):
            self.ward.now += timedelta(hours=pause)
            if (move := USUALLY.get(self._state(device))) is None:
                self.give(device, patient, None)
            else:
                self.move(device, move, None)

    @rule(device=which_device, move=st.sampled_from(BY_HAND), ago=st.none() | st.integers(0, 30))
    def move(self, device: int, move: Move, ago: int | None) -> None:
        """By hand, now or told late: done where the table lets it, refused and nothing changed where not."""
        before = self._state(device)
        at = None if ago is None else self.ward.now - timedelta(hours=ago)
        was_done = self.act(lambda act: handle(act, self.kit[device], move, MoveBody(at=at)))
        if ago is None:
            assert was_done is (before in NEXT[move])
        assert self._state(device) is (NEXT[move][before] if was_done else before)
        if was_done and move in TAKES_AWAY:
            assert not [one for one in self._lasting() if one.device_id == self.keys[device]]

    @rule(patient=which_patient, undo=st.booleans(), kit=st.lists(which_device, unique=True, max_size=1))
    def spell_ends(self, patient: int, undo: bool, kit: list[int]) -> None:
        """By discharge, which may be taken back; else the patient comes again, with kit where that is free."""
        who = self.patients[patient]
        with transaction(self.ward.engine) as session:
            spell = session.get_one(Episode, who.episode_id).public_id
        body = convert({"outcome": "home", "decided_by": "Dr No"}, DischargeBody)
        if not self.act(lambda act: discharge(act, spell, body)):
            return
        assert not [one for one in self._lasting() if one.patient_id == who.key]
        if undo:
            assert self.act(lambda act: cancel_discharge(act, spell, CancelDischargeBody(reason="no transport")))
            return
        self.ward.now += timedelta(minutes=1)
        again = EpisodeBody(patient=who.id, ward=self.ward.code, step=Step.UP, devices=[self.kit[one] for one in kit])
        if not self.act(lambda act: start_spell(act, lock_ward(act, self.ward.code), again)):
            bare = EpisodeBody(patient=who.id, ward=self.ward.code, step=Step.UP)
            assert self.act(lambda act: start_spell(act, lock_ward(act, self.ward.code), bare))
        query = "SELECT id FROM episode WHERE patient_id = :who AND discharged_at IS NULL"
        who.episode_id = rows(self.ward.engine, query, who=who.key)[0].id

    @invariant()
    def a_device_is_issued_while_it_is_or_is_to_be_somebodys(self) -> None:
        """And in one state that its last move led to."""
        lasting = {one.device_id for one in self._lasting()}
        for row in self._rows(_STATES):
            assert (row.state == State.ISSUED) is (row.id in lasting), row

    @invariant()
    def nobody_has_what_another_has(self) -> None:
        """But of a shared device, and there everybody once."""
        periods = self._rows(_PERIODS)
        for number, one in enumerate(periods):
            for other in periods[number + 1 :]:
                same = one.device_id == other.device_id and (not one.shared or one.patient_id == other.patient_id)
                if same:
                    assert one.until is not None
                    assert one.until <= other.since

    @invariant()
    def the_history_is_whole(self) -> None:
        """Each move begins where the one before ended, and none of them issues what was not clean."""
        state: dict[int, State] = {}
        cleaned: dict[int, bool] = {}
        for row in self._rows(_MOVES):
            assert row.from_state == state.get(row.device_id)
            move, device = Move(row.move), row.device_id
            if row.from_state is not None:
                assert NEXT[move][State(row.from_state)] == row.to_state
            if move in {Move.ISSUE, Move.SHARE, Move.HAND_ON}:
                assert cleaned[device]
            cleaned[device] = row.to_state not in {State.RETURNED, State.LOST, State.FAULTY} and (
                move in {Move.REGISTER, Move.CLEAN} or cleaned[device]
            )
            state[device] = State(row.to_state)
        assert state == {row.id: row.state for row in self._rows(_STATES)}

    def _rows(self, query: str) -> list[Any]:
        return list(rows(self.ward.engine, query, kit=self.keys))

    def _state(self, device: int) -> State:
        return {row.id: State(row.state) for row in self._rows(_STATES)}[self.keys[device]]

    def _lasting(self) -> list[Any]:
        return [one for one in self._rows(_PERIODS) if one.until is None or one.until > self.ward.now]


def test_whatever_is_done_each_device_is_in_one_state_and_nobodys_twice(ward: Ward) -> None:
    run_state_machine_as_test(
        lambda: KitMachine(ward),  # type: ignore[arg-type]  # whatever makes a machine will do
        settings=settings(
            max_examples=16, stateful_step_count=18, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
