"""What a page that is open hears: on a real server, and what one screen makes of what it is told."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from uuid import uuid4

import httpx
import pytest
from redis import Redis
from sqlalchemy import create_engine

from monitoring.access.roles import Role
from monitoring.access.tokens import Caller
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.events import NEWS_CHANNEL, TRANSIENT_CHANNEL, NewEvent, emit
from monitoring.live import Hub
from monitoring.pages.news import Screen, told
from tests.monitoring.live_server import TIMEOUT_S, serving, watching
from tests.monitoring.outages import until
from tests.ward import SICK, WELL, Ward
from workers.telling import tell


@pytest.fixture
def url(ward: Ward) -> Iterator[str]:
    """A server for the ward: over HTTP the real clock counts."""
    ward.now = utc_now()
    with serving(ward.settings) as address:
        yield address


def news(url: str, token: str, ward: str) -> Iterator[str]:
    """Line by line, beginning with one that says that it is open."""
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": "1"}
    with httpx.stream("GET", f"{url}/news", headers=headers, params={"ward": ward}, timeout=TIMEOUT_S) as answer:
        assert answer.status_code == 200, answer.read()
        yield from answer.iter_lines()


def test_a_page_hears_of_what_kind_the_news_is_and_nothing_of_anybody(ward: Ward, url: str) -> None:
    ward.opens("OTHER")
    lines = news(url, ward.employ(Role.CLINICIAN, wards=["WARD1"])[1], "WARD1")
    assert [next(lines), next(lines)] == ["retry: 1000", ""]
    with transaction(ward.engine) as session:
        emit(session, [NewEvent("occupancy", ward.now, "OTHER", None, {})])
    ward.receives(**SICK)
    assert [next(lines), next(lines), next(lines)] == ["event: alert", "data: {}", ""]


def test_pages_hear_of_scores_by_their_ward_and_clients_of_whose_they_are(ward: Ward, url: str, queue: Redis) -> None:
    token, done = ward.tokens[Role.CLINICIAN], ward.receives(**WELL)
    lines = news(url, token, "WARD1")
    with watching(url, token, ward="WARD1") as client:
        assert [next(lines), next(lines)] == ["retry: 1000", ""]
        until(lambda: all(count for _, count in queue.pubsub_numsub(TRANSIENT_CHANNEL, NEWS_CHANNEL)))
        tell(ward.engine, queue, done, utc_now())
        assert [next(lines), next(lines), next(lines)] == ["event: score", "data: {}", ""]
        heard = list(islice(client, 2))
        while {one.kind for one in heard if one.data["patient"] == str(ward.patient.id)} != {"reading", "score"}:
            heard.append(next(iter(client)))  # a channel knows no databases: other tests' patients come too
    assert "" not in {one.data["patient"] for one in heard}


def test_what_happened_before_an_api_began_to_tell_a_page_asks_for() -> None:
    async def heard() -> list[bytes]:
        hub = Hub("", "", create_engine("sqlite://"))
        frames = told(hub, Screen(Caller(b"", 1, uuid4(), "Ann", Role.CLINICIAN), None))
        opened = await anext(frames)
        hub.begun.set()
        return [opened, await anext(frames)]

    assert asyncio.run(heard()) == [b"retry: 1000\n\n", b"event: system\ndata: {}\n\n"]


def test_of_a_ward_that_is_not_theirs_nobody_hears_anything(ward: Ward, url: str) -> None:
    token = ward.employ(Role.CLINICIAN, wards=["WARD1"])[1]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{url}/news?ward=OTHER", headers=headers, timeout=TIMEOUT_S).status_code == 403


def test_whoevers_score_it_is_a_screen_hears_once_that_there_are_some() -> None:
    async def heard() -> list[bytes]:
        screen = Screen(Caller(b"", 1, uuid4(), "Ann", Role.CLINICIAN), None)
        for patient in ("Ann", "Bo", "Cy"):
            screen.tell_latest("score", patient, b"hers or his")
        screen.tell(7, "alert", b"hers")
        frames = screen.frames(after=0)
        return [await anext(frames), await anext(frames)]

    assert asyncio.run(heard()) == [b"event: alert\ndata: {}\n\n", b"event: score\ndata: {}\n\n"]
