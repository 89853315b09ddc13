"""A referral's life on the real database: whatever happens, in whatever order and by whom, no patient is lost."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitoring.access.roles import Role
from monitoring.database import make_engine, once_more, transaction
from monitoring.refusals import Conflict
from monitoring.ucr import answering
from monitoring.ucr.answering import UcrDeclineBody
from monitoring.ucr.holding import UcrActBody
from monitoring.ucr.placing import refer
from monitoring.ucr.states import ACTIVE, LIVE, NEXT, WAITING, Move, State
from tests.monitoring.ucr_steps import asks, climbs, does, has_team, sick
from tests.ward import Patient, Ward
from tests.workers.records import rows
from workers.ucr_clock import watch_ucr

PATIENTS = 3
PASSES = (timedelta(minutes=14), timedelta(minutes=16), timedelta(minutes=50), timedelta(hours=3))
Step = tuple[int, Move | timedelta]


def chains(ward: Ward, patients: Sequence[Patient]) -> list[list[Any]]:
    """The referrals of each patient, in their order."""
    query = "SELECT * FROM ucr_referral WHERE patient_id = :who ORDER BY id"
    return [list(rows(ward.engine, query, who=one.key)) for one in patients]


def holds(found: list[list[Any]], now: datetime) -> None:
    """What must be true whatever happened."""
    for chain in found:
        *earlier, last = chain
        assert {one.chain for one in chain} == {chain[0].public_id}
        assert [one.previous_id for one in chain] == [None, *(one.id for one in earlier)]
        assert {one.state for one in earlier} <= {State.DECLINED}
        assert last.state != State.DECLINED  # a decline never loses the patient
        for told in ("received_at", "starts_at", "breach_at", "clock_rule"):
            assert len({getattr(one, told) for one in chain}) == 1
        asked = [one.team_id for one in chain if one.team_id]
        assert len(asked) == len(set(asked))
        for one in chain:
            assert (one.due_at is not None) == (one.state in WAITING)
            assert (one.arrived_at is not None) or one.state != State.ARRIVED
            assert one.due_at is None or one.due_at > now


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, PATIENTS - 1), st.sampled_from((*Move, *PASSES))), max_size=12),
)
@example([1], [(0, timedelta(minutes=14)), (0, timedelta(minutes=50)), (1, Move.SEND)])
@example([1, 1], [(0, Move.DECLINE), (0, Move.ACCEPT), (1, PASSES[1]), (2, Move.SEND), (0, PASSES[3])])
def test_no_patient_is_lost_and_no_clock_is_moved_whatever_happens(
    ward: Ward, capacities: list[int], walk: list[Step]
) -> None:
    (row,) = rows(ward.engine, "SELECT count(*) FROM ward")
    icb, code = f"Q{row[0]:03}", f"W{row[0]}"
    ward.opens(code, icb=icb)
    home = Ward(ward.settings, ward.engine, ward.now, ward.staff, ward.tokens, code)
    for number, visits in enumerate(capacities):
        has_team(home, f"{code}-{number}", icb=icb, postcode_districts=[], max_active=visits)
    most = {row.id: row.max_active for row in rows(home.engine, "SELECT id, max_active FROM ucr_team")}
    patients = [home.admit(kit=False) for _ in range(PATIENTS)]
    first = [asks(home, one.id).id for one in patients]
    after = chains(home, patients)
    for who, step in walk:
        before = after
        if isinstance(step, timedelta):
            home.now += step
        else:
            moves(home, before[who][-1], step)
        watch_ucr(home.engine, home.now)  # who is placed late owes a warning at once
        watch_ucr(home.engine, home.now)  # twice is safe
        after = chains(home, patients)
        assert [chain[0].public_id for chain in after] == first
        holds(after, home.now)
        active = Counter(one.team_id for chain in after for one in chain if one.state in ACTIVE)
        assert all(number <= most[team] for team, number in active.items())


def moves(ward: Ward, last: Any, step: Move) -> None:
    """A step, which is refused exactly where the table says so; a place may not be found either."""
    state = State(last.state)
    completing = {Move.COMPLETE, Move.COMPLETE_UNSEEN}
    possible = any(state in NEXT[way] for way in (completing if step is Move.COMPLETE_UNSEEN else {step}))
    if possible and step is not Move.SEND:
        does(ward, last.public_id, step, Role.ADMIN)
        return
    with suppress(Conflict):
        does(ward, last.public_id, step, Role.ADMIN)
        assert possible


def at_once(ward: Ward, asks: Sequence[Callable[[Any], object]]) -> list[Any]:
    """All in the same moment, each in its own transaction: what each answered, or the Conflict that it met."""
    engine = make_engine(ward.settings.database_url, pool_size=len(asks), max_overflow=0)
    start = Barrier(len(asks))

    def ask(one: Callable[[Any], object]) -> Any:
        start.wait()

        def _work() -> object:
            with transaction(engine) as session:
                return one(session)

        try:
            return once_more(_work)
        except Conflict as refusal:
            return refusal

    try:
        with ThreadPoolExecutor(len(asks)) as pool:
            return list(pool.map(ask, asks))
    finally:
        engine.dispose()


@pytest.mark.parametrize("of_alert", [True, False])
def test_of_two_who_answer_at_once_one_wins_and_the_other_is_told(ward: Ward, of_alert: bool) -> None:
    has_team(ward, "ONE")
    has_team(ward, "TWO")
    for _ in range(3):
        patient = ward.admit()
        referral = climbs(ward, sick(ward, patient)).referral if of_alert else asks(ward, patient.id).id
        assert referral is not None
        who: UUID = referral

        def accepts(session: Any, who: UUID = who) -> object:
            return answering.accept(ward.act(session, Role.UCR), who, UcrActBody())

        def declines(session: Any, who: UUID = who) -> object:
            return answering.decline(ward.act(session, Role.UCR), who, UcrDeclineBody(reason="busy"))

        answers = at_once(ward, [accepts, accepts])
        assert [isinstance(one, Conflict) for one in answers].count(True) == 1
        (lost,) = [one for one in answers if isinstance(one, Conflict)]
        assert lost.current.state == State.ACCEPTED  # type: ignore[attr-defined]
        (chain,) = chains(ward, [patient])
        assert len(chain) == 1
        at_once(ward, [declines, declines, lambda _: watch_ucr(ward.engine, ward.now + timedelta(minutes=16))])
        (chain,) = chains(ward, [patient])
        assert [one.state for one in chain][:1] == [State.DECLINED]
        assert sum(one.state in LIVE for one in chain) == 1


def test_many_alerts_at_once_take_no_visit_twice_and_one_patient_gets_one_team(ward: Ward) -> None:
    has_team(ward, "ONE", max_active=2)
    has_team(ward, "TWO", max_active=2)
    alerts = [sick(ward, ward.admit()) for _ in range(6)]

    def climbing(alert_id: int) -> Callable[[Any], object]:
        def _climb(session: Any) -> object:
            locked = session.get(type(alerts[0]), alert_id, with_for_update=True)
            return refer(session, locked, ward.now).team

        return _climb

    teams = at_once(ward, [climbing(alert.id) for alert in alerts])
    assert Counter(teams) == {"ONE": 2, "TWO": 2, None: 2}
