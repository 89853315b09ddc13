"""The chain: what is sealed is not altered, taken out, put in or moved without a trace, not by the database's owner."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from monitoring.audit.chain import Signer, new_key, signer
from monitoring.audit.events import Event, write
from monitoring.audit.tables import By
from monitoring.audit.verifying import UNSEALED_MAX, verify_head
from monitoring.clock import utc_now
from monitoring.database import driver, driver_of, transaction
from tests.monitoring.audited import owner_of, sealed, told, verified
from tests.ward import Ward
from tests.workers.records import change, count, rows


@pytest.fixture
def owner(ward: Ward) -> Iterator[Engine]:
    """Whoever owns the database, and may do anything."""
    with owner_of(ward.settings) as engine:
        yield engine


@pytest.fixture
def key() -> Signer:
    """A key that signs."""
    found = signer(new_key()[0])
    assert found is not None
    return found


def an_event(ward: Ward, number: int = 0) -> Event:
    """Somebody looks at the ward's patient."""
    return Event(
        at=utc_now(), by=By.STAFF, who=None, role="clinician", browser=False, method="GET",
        route="/v1/patients/{patient}", allows="read patients", object=None, status=200, request_id=f"r-{number}",
        about=[("patient", ward.patient.id)],
    )  # fmt: skip


def looks(ward: Ward, *numbers: int) -> None:
    """So many events are written together."""
    with transaction(ward.engine) as session:
        for number in numbers:
            write(driver(session), an_event(ward, number))


@pytest.fixture
def chain(ward: Ward) -> Ward:
    """Three seals over three events each."""
    for number in range(3):
        looks(ward, *range(3 * number, 3 * number + 3))
        assert sealed(ward.engine, after_s=number) == 3
    assert told(verified(ward.engine)) == []
    return ward


def test_what_came_is_sealed_once_and_nothing_is_sealed_twice(chain: Ward) -> None:
    assert sealed(chain.engine) == 0
    found = verified(chain.engine)
    assert (found.seals, found.events, found.unsealed, found.wrong) == (3, 9, 0, [])


ALTERED = (
    ("an event's status", "UPDATE audit_event SET status = 404 WHERE id = 5", [("altered", 2)]),
    ("who it was", "UPDATE audit_event SET who = gen_random_uuid() WHERE id = 5", [("altered", 2)]),
    ("when it was", "UPDATE audit_event SET at = at + interval '1 microsecond' WHERE id = 5", [("altered", 2)]),
    ("whom it names", "UPDATE audit_event SET subjects = NULL WHERE id = 5", [("altered", 2)]),
    ("an event taken out", "DELETE FROM audit_event WHERE id = 5", [("missing", 2)]),
    ("the last event taken out", "DELETE FROM audit_event WHERE id = 9", [("missing", 3)]),
    ("two events in another order",
     "UPDATE audit_event AS one SET request_id = other.request_id FROM audit_event AS other"
     " WHERE one.id IN (4, 5) AND other.id = 9 - one.id", [("altered", 2)]),
    ("an event under an id that nobody draws",
     "INSERT INTO audit_event OVERRIDING SYSTEM VALUE SELECT -5, {rest} FROM audit_event WHERE id = 5", [("added", 1)]),
    ("an event twice",
     "INSERT INTO audit_event OVERRIDING SYSTEM VALUE SELECT id, at + interval '1 s', {but_at} FROM audit_event"
     " WHERE id = 5", [("added", 2)]),
    ("the patients that events name",
     "UPDATE audit_subjects SET patients = ARRAY[gen_random_uuid()]", [("subjects", 1)]),
    ("the patients taken out", "DELETE FROM audit_subjects", [("subjects", 1)]),
    ("a seal taken out", "DELETE FROM audit_seal WHERE number = 2", [("missing", 3), ("added", 3)]),
    ("the first seal taken out", "DELETE FROM audit_seal WHERE number = 1", [("missing", 2), ("added", 2)]),
    ("a seal's hash", "UPDATE audit_seal SET hash = sha256(hash) WHERE number = 2", [("altered", 2), ("link", 3)]),
    ("what a seal follows", "UPDATE audit_seal SET previous = hash WHERE number = 2", [("link", 2), ("altered", 2)]),
    ("when it was sealed", "UPDATE audit_seal SET sealed_at = sealed_at + interval '1 ms' WHERE number = 2",
     [("altered", 2)]),
    ("where a seal ends", "UPDATE audit_seal SET to_id = 5 WHERE number = 2",
     [("altered", 2), ("link", 3), ("added", 3)]),
    ("where a seal ends, far away", "UPDATE audit_seal SET to_id = 1::bigint << 60, events = 9 WHERE number = 2",
     [("altered", 2), ("link", 3), ("missing", 3)]),
    ("a gap that was none", "UPDATE audit_seal SET gaps = '{[5,6)}', events = 2 WHERE number = 2",
     [("altered", 2)]),
    ("seals in another order",
     "UPDATE audit_seal SET number = -number WHERE number IN (2, 3);"
     " UPDATE audit_seal SET number = number + 5 WHERE number < 0",
     [("link", 2), ("added", 2), ("altered", 2), ("link", 3), ("missing", 3)]),
)  # fmt: skip
COLUMNS = "by, who, role, browser, method, route, allows, object, subjects, status, request_id"


@pytest.mark.parametrize(("statement", "expected"), [pytest.param(*rest, id=name) for name, *rest in ALTERED])
def test_whatever_its_owner_does_to_it_is_found(
    chain: Ward, owner: Engine, statement: str, expected: list[tuple[str, int]]
) -> None:
    for one in statement.replace("{rest}", f"at, {COLUMNS}").replace("{but_at}", COLUMNS).split(";"):
        change(owner, one.replace(":", "\\:"))
    found = told(verified(chain.engine))
    assert found == expected


def test_what_is_wrong_says_which_event_and_when_it_was_sealed(chain: Ward, owner: Engine) -> None:
    change(owner, "DELETE FROM audit_event WHERE id IN (4, 6)")
    (wrong,) = verified(chain.engine).wrong
    (seal,) = rows(chain.engine, "SELECT sealed_at FROM audit_seal WHERE number = 2")
    assert (wrong.detail, wrong.at) == ("event 4, 6: not there", seal.sealed_at)


def test_what_is_not_sealed_yet_is_counted_and_too_long_is_wrong(chain: Ward) -> None:
    looks(chain, 10)
    assert (verified(chain.engine).unsealed, told(verified(chain.engine))) == (1, [])
    late = verified(chain.engine, now=utc_now() + UNSEALED_MAX + timedelta(seconds=5))
    assert told(late) == [("unsealed", None)]


def test_a_transaction_that_commits_late_is_sealed_late_and_counts_once(ward: Ward) -> None:
    with ward.engine.connect() as slow, slow.begin() as undecided:
        write(driver_of(slow), an_event(ward, 1))
        looks(ward, 2)
        assert sealed(ward.engine) == 1  # without waiting for the other
        found = verified(ward.engine)
        assert (told(found), found.events) == ([], 1)
        undecided.commit()
    assert verified(ward.engine).unsealed == 1
    assert sealed(ward.engine, after_s=1) == 1
    looks(ward, 3)
    assert sealed(ward.engine, after_s=2) == 1
    found = verified(ward.engine)
    assert (told(found), found.events, found.unsealed) == ([], 3, 0)
    assert [list(row.late) for row in rows(ward.engine, "SELECT late FROM audit_seal ORDER BY number")] == [[], [1], []]


def test_a_transaction_that_is_undone_leaves_a_gap_and_nothing_is_wrong(ward: Ward, owner: Engine) -> None:
    with ward.engine.connect() as slow, slow.begin() as undone:
        write(driver_of(slow), an_event(ward, 1))
        undone.rollback()
    looks(ward, 2)
    assert sealed(ward.engine) == 1
    assert told(verified(ward.engine)) == []
    for number in range(2):
        looks(ward, 3 + number)
        sealed(ward.engine, after_s=86_400 * (number + 1) + 60)  # a day later nobody looks for it any more
    change(
        owner,
        f"INSERT INTO audit_event OVERRIDING SYSTEM VALUE SELECT 1, at, {COLUMNS} FROM audit_event WHERE id = 2",
    )
    assert sealed(ward.engine, after_s=86_400 * 4) == 0
    assert told(verified(ward.engine)) == [("added", 1)]


def test_many_writers_and_two_sealers_lose_nothing(ward: Ward) -> None:
    def work(number: int) -> None:
        looks(ward, number)
        if number % 5 == 0:
            sealed(ward.engine)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(120)))
    sealed(ward.engine)
    found = verified(ward.engine)
    assert (told(found), found.events, found.unsealed) == ([], 120, 0)


def test_a_period_is_verified_alone(chain: Ward, owner: Engine) -> None:
    change(owner, "DELETE FROM audit_event WHERE id = 2")
    seals = rows(chain.engine, "SELECT sealed_at FROM audit_seal ORDER BY number")
    after = verified(chain.engine, since=seals[1].sealed_at)
    assert (told(after), after.seals, after.events) == ([], 2, 6)
    before = verified(chain.engine, until=seals[1].sealed_at)
    assert (told(before), before.seals) == ([("missing", 1)], 1)


def test_a_long_chain_is_read_in_parts(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.audit.verifying.SEALS_AT_ONCE", 2)
    monkeypatch.setattr("monitoring.audit.verifying.EVENTS_MAX", 3)
    for number in range(7):
        looks(ward, number, number)
        sealed(ward.engine, after_s=number)
    found = verified(ward.engine)
    assert (told(found), found.seals, found.events) == ([], 7, 14)


def test_more_than_fits_into_one_seal_goes_into_several(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.audit.sealing.EVENTS_MAX", 4)
    looks(ward, *range(10))
    assert sealed(ward.engine) == 10
    assert count(ward.engine, "audit_seal") == 3
    assert told(verified(ward.engine)) == []


def test_a_signed_chain_cannot_be_made_anew_without_the_key(ward: Ward, owner: Engine, key: Signer) -> None:
    looks(ward, 1)
    sealed(ward.engine, key)
    trusted = frozenset({key.public})
    good = verified(ward.engine, trusted)
    assert (told(good), good.signed, good.unsigned) == ([], 1, 0)
    change(owner, "UPDATE audit_event SET status = 404")
    change(owner, "DELETE FROM audit_seal")
    other = signer(new_key()[0])
    for forger, wrong in ((None, "signature"), (other, "signature")):
        sealed(owner, forger)
        assert told(verified(ward.engine)) == []  # to somebody without a key it is a chain like any other
        assert told(verified(ward.engine, trusted)) == [(wrong, 1)]
        change(owner, "DELETE FROM audit_seal")


def test_a_signature_that_is_another_seals_is_wrong(ward: Ward, owner: Engine, key: Signer) -> None:
    for number in range(2):
        looks(ward, number)
        sealed(ward.engine, key, after_s=number)
    change(owner, "UPDATE audit_seal SET signature = (SELECT signature FROM audit_seal WHERE number = 1)")
    assert told(verified(ward.engine)) == [("signature", 2)]  # the key that it names did not sign it


def test_the_head_of_each_day_is_looked_at(ward: Ward, owner: Engine, key: Signer) -> None:
    for day in range(3):
        looks(ward, day)
        sealed(ward.engine, key if day != 1 else None, after_s=86_400 * day)
    found = verified(ward.engine, frozenset({key.public}))
    assert (told(found), found.signed, found.unsigned) == ([("signature", 2)], 2, 1)


def test_a_head_that_was_kept_elsewhere_shows_that_the_end_was_cut_off(chain: Ward, owner: Engine) -> None:
    head = verified(chain.engine).head
    assert head is not None
    change(owner, "DELETE FROM audit_event WHERE id > 6")
    change(owner, "DELETE FROM audit_seal WHERE number = 3")
    found = verified(chain.engine)
    assert told(found) == []  # what is left is whole
    with chain.engine.connect() as connection:
        verify_head(driver_of(connection), found, head)
    assert told(found) == [("head", None)]


def test_keys_are_what_ed25519_takes() -> None:
    secret, public = new_key()
    found = signer(secret)
    assert found is not None
    assert base64.b64decode(public) == found.public
    assert len(found.public) == 32
