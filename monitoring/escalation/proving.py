"""Whether who stands at the end of the ladders is really there: a test message a day, and whether it arrived."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, bindparam, select, text
from sqlmodel import Session, col

from alert_rules.ladder import LADDERS
from monitoring.clock import WARD_TIME, local_day
from monitoring.config import Settings
from monitoring.delivery.outbox import NewMessage, Way, put
from monitoring.escalation.ladders import ladders_of
from monitoring.escalation.reach import fallback_ways
from monitoring.escalation.tables import FallbackTest, Message
from monitoring.wards.tables import Ward

TEST: Final = "escalation.test"
TESTED_FROM: Final = time(9)
"""Local time: when somebody is there who can see to what does not arrive. The design's own."""
TRIED_FOR: Final = timedelta(minutes=10)
PROVED_FOR: Final = timedelta(hours=26)
"""A test of yesterday is proof until today's had its time."""


def is_time(now: datetime) -> bool:
    """Whether today's tests may be sent."""
    return now.astimezone(WARD_TIME).time() >= TESTED_FROM


def prove(session: Session, settings: Settings, ward: Ward, now: datetime) -> int:
    """Send today's test messages of a ward, whose row is locked, where none went yet. Returns how many."""
    today = local_day(now)
    before = select(col(FallbackTest.to)).where(col(FallbackTest.ward_id) == ward.id, col(FallbackTest.day) == today)
    tested = set(session.execute(before).scalars())
    ways = [
        way for way in ends_of(session, settings, {ward.id: ward.pathway}, now)[ward.id] if way.address not in tested
    ]
    body = {"type": TEST, "timestamp": now, "data": {"ward": ward.code, "test": True}}
    put(session, [NewMessage([way], body, 0, now + TRIED_FOR, ward_id=ward.id) for way in ways], now)
    sent = select(col(Message.id), col(Message.address)).where(
        col(Message.created_at) == now,
        col(Message.ward_id) == ward.id,
        col(Message.body)["type"].astext == body["type"],
    )
    ids = {address: message for message, address in session.execute(sent)} if ways else {}
    session.add_all(
        FallbackTest(ward_id=ward.id, day=today, to=way.address, message_id=ids[way.address], at=now) for way in ways
    )
    return len(ways)


def ends_of(session: Session, settings: Settings, wards: Mapping[int, str], now: datetime) -> dict[int, list[Way]]:
    """Where the last steps of wards' ladders are told, each once; empty where any ladder ends at nobody."""
    found: dict[int, list[Way]] = {}
    for ward, ladders in ladders_of(session, wards, now).items():
        ends = [fallback_ways(ladders[name][-1], settings) for name in LADDERS]
        found[ward] = list({way.address: way for ways in ends for way in ways}.values()) if all(ends) else []
    return found


def doubts(session: Session, settings: Settings, now: datetime) -> list[str]:
    """What is to be said against the ends of open wards' ladders, in order of the wards' codes."""
    query = select(Ward).where(col(Ward.closed_at).is_(None)).order_by(col(Ward.code))
    wards: Sequence[Ward] = session.execute(query).scalars().all()
    ends = ends_of(session, settings, {ward.id: ward.pathway for ward in wards}, now)
    tests: dict[tuple[int, str], Any] = {
        (row.ward_id, row.to): row for row in session.execute(_TESTS, {"wards": [ward.id for ward in wards]})
    }
    said = []
    for ward in wards:
        if not ends[ward.id]:
            said.append(f"ward {ward.code}: its ladders end at nobody: no fallback is configured")
        for way in ends[ward.id]:
            test = tests.get((ward.id, way.address))
            if test is not None and not _is_proved(test, now):
                said.append(f"ward {ward.code}: no test message reached the fallback ({way.by}) since a day")
    return said


def _is_proved(test: Any, now: datetime) -> bool:
    """By a test that arrived lately; one that is on its way is no doubt yet, nor is a fallback that is new."""
    if test.delivered_at is not None:
        return bool(test.delivered_at > now - PROVED_FOR)
    return bool(test.first_at > now - TRIED_FOR * 2)


_TESTS: Final = text(
    """
    SELECT test.ward_id, test."to", min(test.at) AS first_at,
           max(message.done_at) FILTER (WHERE message.state = 'delivered') AS delivered_at
    FROM fallback_test test JOIN message ON message.id = test.message_id
    WHERE test.ward_id = ANY(:wards)
    GROUP BY test.ward_id, test."to"
    """
).bindparams(bindparam("wards", type_=ARRAY(BigInteger)))
