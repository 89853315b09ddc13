"""Never one too many: whoever asks for the last bed at once, and by whichever way, one gets it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from psycopg.errors import ExclusionViolation
from sqlalchemy.exc import IntegrityError

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.database import make_engine, once_more, transaction
from monitoring.flow import decisions
from monitoring.flow.decisions import AcceptBody, AdmitBody
from monitoring.flow.states import HOLD, Move, State
from monitoring.refusals import Conflict
from monitoring.wards.admission import EpisodeBody, admit
from monitoring.wards.beds import Beds, beds
from monitoring.wards.tables import Step
from tests.monitoring.referring import acts, moves, refers
from tests.monitoring.test_referral_states import state_of
from tests.ward import Ward
from tests.workers.records import change, rows
from workers.holds import expire_holds

TWICE = (
    "INSERT INTO ward_stay (episode_id, patient_id, ward_id, from_at)"
    " SELECT episode_id, patient_id, ward_id, from_at + interval '1 s' FROM ward_stay LIMIT 1",
    "INSERT INTO assignment (device_id, patient_id, during, shared)"
    " SELECT device_id, (SELECT max(id) FROM patient), during, shared FROM assignment",
)
ASKERS = 50
CONNECTIONS = 25
CODE = "LAST"

Ask = Callable[[Act], object]


def at_once(ward: Ward, asks: list[Ask]) -> list[bool]:
    """Everybody asks in the same moment, each in a transaction; whether each got a bed."""
    engine = make_engine(ward.settings.database_url, pool_size=CONNECTIONS, max_overflow=0)
    start = Barrier(len(asks))

    def ask(one: Ask) -> bool:
        start.wait()

        def _work() -> bool:
            with transaction(engine) as session:
                return not isinstance(one(ward.act(session, Role.COORDINATOR)), Conflict)

        try:
            return once_more(_work)
        except Conflict:
            return False

    try:
        with ThreadPoolExecutor(len(asks)) as pool:
            return list(pool.map(ask, asks))
    finally:
        engine.dispose()


def accepting(referral: UUID) -> Ask:
    """A bed is asked for by accepting."""
    return lambda act: decisions.accept(act, referral, AcceptBody())


def admitting(referral: UUID) -> Ask:
    """A bed is asked for by admitting from a hold that is over."""
    return lambda act: decisions.admit(act, referral, AdmitBody())


def coming(patient: UUID) -> Ask:
    """A bed is asked for at once."""
    return lambda act: admit(act, EpisodeBody(patient=patient, ward=CODE, step=Step.UP))


def patient_of(ward: Ward, referral: UUID) -> UUID:
    """Who was referred."""
    query = (
        "SELECT patient.public_id FROM referral JOIN patient ON patient.id = patient_id WHERE referral.public_id = :id"
    )
    found: UUID = rows(ward.engine, query, id=referral)[0][0]
    return found


def counted(ward: Ward) -> Beds:
    """The ward's beds now."""
    (key,) = rows(ward.engine, "SELECT id FROM ward WHERE code = :code", code=CODE)
    return acts(ward, lambda act: beds(act.session, [key.id], act.now))[key.id]


@pytest.mark.parametrize("way", ["accept", "admit", "episode", "all"])
def test_the_last_bed_goes_to_exactly_one_of_fifty(ward: Ward, way: str) -> None:
    ward.opens(CODE, staffed=1, funded=1)
    referrals = []
    for number in range(ASKERS):
        referral = refers(ward, CODE)
        if way == "admit" or (way == "all" and number % 3 == 1):
            expired(ward, referral)
        referrals.append(referral)
    every: dict[str, Callable[[UUID], Ask]] = {"accept": accepting, "admit": admitting, "episode": coming}
    kinds = [every[way]] if way in every else list(every.values())
    asks: list[Ask] = []
    for number, referral in enumerate(referrals):
        kind = kinds[number % len(kinds)]
        asks.append(kind(patient_of(ward, referral) if kind is coming else referral))
    assert at_once(ward, asks).count(True) == 1
    found = counted(ward)
    assert (found.occupied + found.reserved, found.available) == (1, 0)


def expired(ward: Ward, referral: UUID) -> None:
    """The referral had a bed, and nobody came."""
    acts(ward, accepting(referral))
    ward.now += HOLD
    expire_holds(ward.engine, ward.now)


def test_the_bed_that_is_held_goes_to_its_patient_whoever_asks_beside_and_to_nobody_twice(ward: Ward) -> None:
    ward.opens(CODE, staffed=1, funded=1)
    mine = refers(ward, CODE)
    others = [refers(ward, CODE) for _ in range(10)]
    acts(ward, accepting(mine))
    asks: list[Ask] = [admitting(mine), *map(accepting, others), admitting(mine)]
    won = at_once(ward, asks)
    assert (won[0] + won[-1], sum(won)) == (1, 1)
    assert (counted(ward).occupied, counted(ward).reserved) == (1, 0)
    assert {state_of(ward, other) for other in others} == {State.WAITING}


def test_a_bed_that_comes_free_while_many_ask_goes_to_one(ward: Ward) -> None:
    ward.opens(CODE, staffed=1, funded=1)
    mine = refers(ward, CODE)
    acts(ward, accepting(mine))
    others = [refers(ward, CODE) for _ in range(10)]
    for other in others:
        moves(ward, other, Move.WAIT)
    ward.now += HOLD
    asks: list[Ask] = [*map(accepting, others), *(_expiring(ward) for _ in range(3))]
    assert at_once(ward, asks)[: len(others)].count(True) == 1
    expire_holds(ward.engine, ward.now)
    assert state_of(ward, mine) is State.HOLD_EXPIRED
    assert counted(ward).reserved == 1


@pytest.mark.parametrize("first", ["accept", "episode"])
def test_a_bed_that_was_taken_by_a_clock_that_is_ahead_is_taken(ward: Ward, first: str) -> None:
    ward.opens(CODE, staffed=1, funded=1)
    one, other, third = (refers(ward, CODE) for _ in range(3))
    ward.now += timedelta(seconds=1)  # on one machine, or before one who waited for the ward's row so long
    acts(ward, accepting(one) if first == "accept" else coming(patient_of(ward, one)))
    ward.now -= timedelta(seconds=1)
    assert isinstance(acts(ward, accepting(other)), Conflict)
    with pytest.raises(Conflict):
        acts(ward, coming(patient_of(ward, third)))


def _expiring(ward: Ward) -> Ask:
    """A timekeeper looks, too."""
    return lambda _: expire_holds(ward.engine, ward.now)


@pytest.mark.parametrize("again", TWICE)
def test_the_database_itself_gives_nobody_two_beds_and_no_device_to_two_at_one_time(ward: Ward, again: str) -> None:
    ward.admit(kit=False)
    with pytest.raises(IntegrityError) as refused:
        change(ward.engine, again)
    assert isinstance(refused.value.orig, ExclusionViolation)
