"""`/v1/live` on a real server: frames, wards, and that no durable event is ever skipped or told twice."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from socket import create_connection
from threading import Event as Signal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from redis import Redis
from sqlalchemy import text

from monitoring import live
from monitoring.access.roles import Role
from monitoring.access.tokens import Caller
from monitoring.clock import utc_now
from monitoring.database import transaction
from monitoring.events import NewEvent, emit
from monitoring.intake.clients import connect
from monitoring.live import WAITING_MAX, Watcher
from tests.chaos.lines import Line, Lines
from tests.monitoring.live_server import serving, watching
from tests.monitoring.outages import until
from tests.servers import Servers
from tests.ward import SICK, VERY_SICK, WELL, Ward
from workers.telling import tell


@pytest.fixture
def url(ward: Ward) -> Iterator[str]:
    """A server for the ward: over HTTP the real clock counts."""
    ward.now = utc_now()
    with serving(ward.settings) as address:
        yield address


def happens(ward: Ward, *, on: str | None = "WARD1", times: int = 1, each: int = 1, **data: Any) -> None:
    """Durable events, several in each transaction."""
    now = utc_now()
    for _ in range(times):
        events = [NewEvent("occupancy", now, on, None, data) for _ in range(each)]
        with transaction(ward.engine) as session:
            emit(session, events)


def ids(ward: Ward) -> list[str]:
    """The ids of all durable events, in order."""
    with transaction(ward.engine) as session:
        return [str(found) for found in session.execute(text("SELECT id FROM event ORDER BY id")).scalars()]


def get(url: str, path: str, token: str, **headers: str) -> httpx.Response:
    """A plain request."""
    return httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {token}", **headers}, timeout=20)


def clinician(ward: Ward, *wards: str) -> str:
    """A token of somebody who works there; everywhere, where nothing is named."""
    return ward.employ(Role.CLINICIAN, wards=list(wards) or None)[1]


def test_an_alert_is_told_as_it_can_be_read(ward: Ward, url: str) -> None:
    token = ward.tokens[Role.CLINICIAN]
    with watching(url, token) as stream:
        ward.receives(**SICK)
        raised = stream.next("alert")
        assert raised.data["alert"]["kind"] == "deterioration"
        path = f"/v1/alerts/{raised.data['alert']['id']}"
        read = get(url, path, token).json()
        assert raised.data.keys() == {"at", "ward", "patient", "alert"}
        assert (raised.data["ward"], raised.data["patient"]) == (ward.code, str(ward.patient.id))
        assert raised.data["alert"] == read
        headers = {"Authorization": f"Bearer {token}"}
        taken = httpx.post(f"{url}{path}/acknowledge", headers=headers, timeout=20).json()
        told = stream.next("alert")
        assert told.data["alert"] == taken == get(url, path, token).json()
        assert told.data["at"] == taken["acknowledged_at"]
        assert [raised.id, told.id] == ids(ward)


def test_a_reading_and_its_score_are_told_without_an_id(ward: Ward, url: str) -> None:
    scored, heard = ward.receives(**WELL), Signal()

    def keep_telling() -> None:
        """The channel forgets what nobody listens to yet."""
        with closing(connect(ward.settings.queue_url)) as queue:
            while not heard.wait(0.05):
                tell(ward.engine, queue, scored, utc_now())

    with ThreadPoolExecutor(1) as pool, watching(url, ward.tokens[Role.SUPPORT]) as stream:
        telling = pool.submit(keep_telling)
        try:
            ours = (one for one in stream if one.data["patient"] == str(ward.patient.id))
            told = {one.kind: one for one in islice(ours, 2)}
        finally:
            heard.set()
        telling.result()
    assert [one.id for one in told.values()] == [None, None]
    assert {one.data["ward"] for one in told.values()} == {ward.code}
    assert told["reading"].data["reading"]["spo2"] == WELL["spo2"]
    score = told["score"].data["score"]
    assert (score["score"], score["complete"]) == (0, True)


def test_a_line_to_the_queue_that_stays_silent_is_given_up_and_taken_up_again(
    ward: Ward, run_servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.02)
    queue_url = ward.settings.queue_url
    with Lines(tmp_path / "queue.sock", run_servers.valkey.socket) as lines, closing(connect(queue_url)) as queue:
        through = f"unix://{lines.socket}?{queue_url.partition('?')[2]}"
        with (
            serving(ward.settings.model_copy(update={"queue_url": through})) as address,
            watching(address, ward.tokens[Role.SUPPORT]) as _stream,  # let go of, it would end
        ):
            until(lambda: subscribers(queue))
            before = subscribers(queue)
            lines.become({str(os.getpid()): Line.SILENT})
            lines.become({}, forget=True)
            until(lambda: subscribers(queue) - before)


def subscribers(queue: Redis) -> set[int]:
    """The connections that listen, by the queue's own ids."""
    ours = str(queue.get_connection_kwargs()["db"])
    return {int(client["id"]) for client in queue.client_list() if client["sub"] != "0" and client["db"] == ours}


def test_who_comes_back_gets_the_latest_reading_and_score_of_each_patient_they_may_see(ward: Ward, url: str) -> None:
    ward.receives(taken=ward.now - timedelta(minutes=5), **WELL)
    ward.receives(**VERY_SICK)
    token = clinician(ward, "WARD1")
    readings = get(url, f"/v1/patients/{ward.patient.id}/readings", token).json()["items"]
    scores = get(url, f"/v1/patients/{ward.patient.id}/scores", token).json()["items"]
    with watching(url, token, after="0") as stream:
        assert stream.next("reading").data["reading"] == readings[0]
        assert stream.next("score").data["score"] == scores[0]
    with watching(url, clinician(ward, "OTHER"), after="0") as stream:
        happens(ward, on="OTHER")
        assert [next(iter(stream)).kind] == ["occupancy"]


def test_who_comes_and_goes_while_many_write_misses_nothing_and_hears_nothing_twice(ward: Ward, url: str) -> None:
    token, heard, enough = clinician(ward), ["0"], Signal()

    def keep_writing(each: int) -> None:
        while not enough.is_set():
            happens(ward, each=each)

    with ThreadPoolExecutor(3) as pool:
        writing = [pool.submit(keep_writing, each) for each in (1, 1, 3)]
        try:
            for _ in range(40):
                with watching(url, token, after=heard[-1]) as stream:
                    heard += stream.durable(20)
        finally:
            enough.set()
        for one in writing:
            one.result()
    assert heard[1:] == ids(ward)[: len(heard) - 1]


def test_who_had_no_event_yet_can_come_back_without_a_gap(ward: Ward, url: str) -> None:
    happens(ward, times=3)
    token = clinician(ward)
    began_at = None
    while began_at is None:  # just started, the server does not know yet where it stands
        with watching(url, token) as stream:
            began_at = stream.began_at
    happens(ward, times=2)
    with watching(url, token, after=began_at) as stream:
        assert stream.durable(2) == ids(ward)[-2:]


def test_each_hears_of_their_own_wards_and_of_what_concerns_everybody(ward: Ward, url: str) -> None:
    everywhere, here = clinician(ward), clinician(ward, "WARD1")
    with watching(url, everywhere) as all_of_it, watching(url, here) as own, watching(url, everywhere, ward="W2") as w2:
        for on in ("WARD1", "W2", None):
            happens(ward, on=on)
        first, second, third = ids(ward)
        assert all_of_it.durable(3) == [first, second, third]
        assert own.durable(2) == [first, third]
        assert w2.durable(2) == [second, third]
    with watching(url, here, after="0") as own:
        assert own.durable(2) == [first, third]


@pytest.mark.parametrize("role", Role)
def test_nobody_hears_live_what_they_may_not_read(ward: Ward, url: str, role: Role) -> None:
    token = ward.tokens[role]
    watcher = a_watcher(role)
    reads_alerts = get(url, "/v1/alerts", token).status_code == 200
    reads_patients = get(url, "/v1/patients", token).status_code == 200
    assert watcher.wants("alert", ward.code) is reads_alerts
    assert watcher.wants("reading", ward.code) is watcher.wants("score", ward.code) is reads_patients
    assert watcher.wants("ucr", ward.code) is (get(url, "/v1/ucr/referrals", token).status_code == 200)
    is_a_person = role is not Role.INTERFACE
    assert all(watcher.wants(kind, ward.code) is is_a_person for kind in ("system", "occupancy"))


def test_a_ucr_team_hears_of_its_own_patients_only_and_who_is_on_no_ward_is_for_staff_of_all(
    ward: Ward, url: str
) -> None:
    own = ward.employ(Role.UCR, teams=["MINE"])[1]
    told = [(team, on) for team in ("MINE", "THEIRS", None) for on in ("WARD1", None)]
    with watching(url, own) as mine, watching(url, clinician(ward, "WARD1")) as here:
        with transaction(ward.engine) as session:
            emit(session, [NewEvent("ucr", utc_now(), on, None, {"team": team}) for team, on in told])
        every = ids(ward)
        assert mine.durable(2) == every[:2]
        assert here.durable(3) == every[::2]
    with watching(url, own, after="0") as mine:
        assert mine.durable(2) == every[:2]


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.UCR])
def test_who_may_not_read_patients_is_told_of_the_rest_only(ward: Ward, url: str, role: Role) -> None:
    ward.receives(**SICK)
    happens(ward)
    with watching(url, ward.tokens[role], after="0") as stream:
        assert next(iter(stream)).kind == "occupancy"
        ward.at(timedelta(minutes=1)).receives(**VERY_SICK)
        happens(ward)
        again = next(iter(stream))
    assert (again.kind, again.id) == ("occupancy", ids(ward)[-1])
    assert len(ids(ward)) == 4


def test_what_may_not_be_watched_is_refused(ward: Ward, url: str) -> None:
    here = clinician(ward, "WARD1")
    assert get(url, "/v1/live?ward=W2", here).status_code == 403
    assert get(url, "/v1/live?ward=%00", clinician(ward)).status_code == 422
    assert get(url, "/v1/live", "nonsense").status_code == 401
    for sent in ("last", "-1", "9" * 19, "1.5"):
        refused = get(url, "/v1/live", here, **{"Last-Event-ID": sent})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


def test_who_was_away_too_long_is_told_to_begin_anew(ward: Ward, url: str) -> None:
    token = clinician(ward)
    happens(ward, times=4)
    first, second, *rest = ids(ward)
    old = utc_now() - timedelta(days=8)
    with transaction(ward.engine) as session:
        session.execute(text("UPDATE event SET at = :old WHERE id <= :id"), {"old": old, "id": int(second)})
    for forgotten in (False, True):
        with watching(url, token, after=first) as stream:
            reset = next(iter(stream))
            assert (reset.kind, reset.id, reset.data["reset"]) == ("system", None, True)
            expected = rest if forgotten else [second, *rest]
            assert stream.durable(len(expected)) == expected
        with transaction(ward.engine) as session:
            session.execute(text("DELETE FROM event WHERE at = :old"), {"old": old})
    with watching(url, token, after=rest[0]) as stream:
        assert next(iter(stream)).kind == "occupancy"
    with transaction(ward.engine) as session:
        session.execute(text("DELETE FROM event"))
    with watching(url, token, after=rest[0]) as stream:
        assert next(iter(stream)).data["reset"]


def test_an_id_that_was_never_ours_does_not_make_a_client_deaf(ward: Ward, url: str) -> None:
    happens(ward, times=2)
    with watching(url, clinician(ward), after="999999") as stream:
        assert next(iter(stream)).data["reset"]
        happens(ward)
        assert stream.durable(1) == ids(ward)[-1:]


def test_a_revoked_token_ends_its_stream_and_no_other(ward: Ward, url: str) -> None:
    (leaver, token), stays = ward.employ(Role.CLINICIAN), clinician(ward)
    with watching(url, token) as ended, watching(url, stays) as goes_on:
        with transaction(ward.engine) as session:
            revoked = "UPDATE token SET revoked_at = :now, changed_at = :now WHERE staff_id = :staff"
            session.execute(text(revoked), {"now": utc_now(), "staff": leaver.id})
        assert list(ended) == []
        happens(ward)
        assert goes_on.durable(1) == ids(ward)
    assert get(url, "/v1/live", token).status_code == 401


def test_a_client_that_does_not_read_is_cut_off_without_a_gap_and_resumes(ward: Ward, url: str) -> None:
    token, address = clinician(ward), httpx.URL(url)
    request = f"GET /v1/live HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    with create_connection((address.host, address.port), timeout=20) as slow, watching(url, token) as reads:
        slow.sendall(request.encode())
        assert slow.recv(1) == b"H"
        happens(ward, each=2 * WAITING_MAX, pad="x" * 2000)
        everything = reads.durable(2 * WAITING_MAX)
        got = b"".join(iter(partial(slow.recv, 1 << 20), b""))  # to the end: the server hung up
    whole = got[: got.rindex(b"\n\n")].split(b"\n\n")
    told = [frame.split(b"id: ", 1)[1].split(b"\n", 1)[0].decode() for frame in whole if b"event: occupancy" in frame]
    assert 0 < len(told) < len(everything)
    assert told == everything[: len(told)]
    with watching(url, token, after=told[-1]) as resumed:
        assert resumed.durable(len(everything) - len(told)) == everything[len(told) :]


def a_watcher(role: Role = Role.CLINICIAN) -> Watcher:
    """Somebody who may see every ward."""
    return Watcher(Caller(b"", 1, uuid4(), "Ann", role), None)


async def told(watcher: Watcher, count: int) -> list[bytes]:
    """The next frames that a client would get."""
    frames = watcher.frames(0)
    return [await anext(frames) for _ in range(count)]


def test_only_the_latest_score_of_a_patient_waits_and_durable_events_go_first() -> None:
    watcher = a_watcher()
    for n in range(3):
        watcher.tell_latest("score", "Ann", b"score %d" % n)
        watcher.tell_latest("score", "Bo", b"score of Bo %d" % n)
        watcher.tell(n + 1, "alert", b"alert %d" % n)
    assert asyncio.run(told(watcher, 4)) == [b"alert 0", b"alert 1", b"alert 2", b"score 2score of Bo 2"]


def test_scores_of_one_moment_go_together_and_an_alert_does_not_wait_for_them() -> None:
    watcher = a_watcher()
    frames = watcher.frames(0)

    async def told_one_by_one() -> list[bytes]:
        watcher.tell_latest("score", "Ann", b"first;")
        got = [await anext(frames)]
        coming = asyncio.ensure_future(anext(frames))
        for n in range(3):  # each of them while the stream waits
            watcher.tell_latest("score", "Ann", b"Ann %d;" % n)
            watcher.tell_latest("score", "Bo", b"Bo %d;" % n)
            for _ in range(10):
                await asyncio.sleep(0)
        watcher.tell(1, "alert", b"alert")
        return [*got, await coming, await anext(frames)]

    assert asyncio.run(told_one_by_one()) == [b"first;", b"alert", b"Ann 2;Bo 2;"]


def test_nothing_follows_what_a_slow_client_could_not_be_told() -> None:
    watcher = a_watcher()
    frames = watcher.frames(0)

    async def everything() -> list[bytes]:
        watcher.tell(1, "alert", b"first")
        first = await anext(frames)  # the client is slow to take it
        for n in range(2, WAITING_MAX + 3):
            watcher.tell(n, "alert", b"meanwhile")
        watcher.tell(WAITING_MAX + 3, "alert", b"after the gap")
        watcher.tell_latest("score", "Ann", b"score")
        return [first, *[frame async for frame in frames]]

    assert asyncio.run(everything()) == [b"first"]
