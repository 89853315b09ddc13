"""The demo's story in small, minutes in twentieths of a second: an unanswered red alert, and a critical one."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from sqlalchemy import Engine

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.demo import cast, seed, told
from monitoring.demo.pagers import paging
from monitoring.demo.run import SPEED_PER_PACE, Run, set_to_work
from monitoring.demo.seed import Home
from monitoring.demo.staff import CHRIS, JOY, Colleague, employ
from monitoring.demo.story import Story
from monitoring.intake.clients import connect
from tests.monitoring.embedded.processes import eventually
from tests.monitoring.live_server import serving
from tests.ward import SICK, VERY_SICK
from workers.deliver import Deliverer
from workers.drain import loop
from workers.ladders import fire_due

PACE = 1200.0  # of the people's minutes in a real one


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo whose homes post nothing by themselves, and whose ladders are fired by the test."""

    settings: Settings
    engine: Engine
    client: httpx.Client
    staff: dict[str, Colleague]
    homes: dict[str, Home]  # by ward: one of each
    out: StringIO

    def posts(self, ward: str, vitals: dict[str, object]) -> None:
        """A home of that ward posts a set; it is scored, and whoever is next on a ladder is told."""
        body = {"id": "a", "taken_at": utc_now().isoformat(), **vitals}
        headers = {"Authorization": f"Bearer {self.homes[ward].token}"}
        assert self.client.post("/v1/readings", json=body, headers=headers).status_code == 202
        queue = connect(self.settings.queue_url)
        loop.run(loop.Drain(self.engine, queue, 0, lambda *_: None), until=lambda: False)
        queue.close()
        self.fires()

    def fires(self) -> None:
        """What is due of the ladders."""
        fire_due(self.engine, self.settings, utc_now())

    def tells(self, *lines: str) -> None:
        """The story tells all of these, each after the one before."""

        def told_in_order() -> bool:
            place = 0
            for line in lines:
                place = self.out.getvalue().find(line, place) + 1
                if not place:
                    return False
            return True

        try:
            eventually(told_in_order)
        except AssertionError:
            raise AssertionError(f"{lines} were not told:\n{self.out.getvalue()}") from None


@contextmanager
def demo_on(settings: Settings, engine: Engine) -> Iterator[Demo]:
    """The demo's people at work, until the test ends."""
    private = settings.model_copy(update={"webhook_allow_private": True})
    out, stop = StringIO(), threading.Event()
    console = Console(file=out, width=200)
    with serving(private) as url, paging() as pagers, ExitStack() as cleanup:
        client = cleanup.enter_context(httpx.Client(base_url=url, timeout=10))
        people = cast.people(seed.PATHWAYS, 5, utc_now().date())
        staff = employ(private, client)
        seed.open_wards(staff, people)
        told.give_pagers(staff[CHRIS], staff[JOY], pagers)
        told.set_ladders(staff[CHRIS], seed.WARDS, pagers, PACE)
        told.make_ucr_teams(staff[CHRIS], pagers)
        homes, waiting = seed.admit_all(staff, people)
        run = Run(console, Path(), url, len(people), PACE * SPEED_PER_PACE, pagers, stop)
        story = Story(console, url, staff[JOY].token, {home.id: home for home in homes}, waiting, PACE)
        deliverer = Deliverer(private, engine)
        deliverer.start()
        cleanup.callback(deliverer.stop)
        set_to_work(run, staff, story, set(), cleanup)
        yield Demo(private, engine, client, staff, {home.ward: home for home in homes}, out)


@pytest.mark.usefixtures("queue")
def test_a_red_alert_that_nobody_answers_climbs_to_a_crew_that_arrives_in_time_and_the_beds_follow(
    settings: Settings, engine: Engine
) -> None:
    with demo_on(settings, engine) as demo:
        demo.posts("FRAIL1", SICK)
        who = demo.homes["FRAIL1"].name
        demo.tells(
            f"red        {who}, FRAIL1: NEWS2", "curl -X POST", "pager      Sister Joy Adeyemi: red alert on FRAIL1"
        )
        (alert,) = demo.client.get("/v1/alerts", headers={"Authorization": f"Bearer {demo.staff[JOY].token}"}).json()[
            "items"
        ]
        for _ in ("to the coordinator", "to UCR"):
            demo.staff[JOY].post(f"/v1/alerts/{alert['id']}/escalate", {"to": "next", "reason": "no time to wait"})
            demo.fires()
        demo.posts("HEART1", VERY_SICK)
        demo.tells(
            f"{who}, FRAIL1: nobody has answered: step 2 of 4 tells the coordinator, Chris Morgan",
            "step 3 of 4 tells UCR (covers LE1",
            "acknowledged by Ira Clarke: the ladder stops at step 3 of 4",
            "LE1-UCR accepts",
            "a crew is on its way",
            "the crew is with the patient after",
            "min: in time, 1 h ",
            "completed: stayed at home",
            "resolved by Dr Ama Osei: ucr",
        )
        demo.tells(
            "ring 999 first", "recorded: 999 called", "1 free, offered to", "1 held", "1 of 1 beds taken, 0 free"
        )
        demo.tells("pager      Chris Morgan: red alert on FRAIL1")
        demo.tells("pager      UCR team LE1-UCR: UCR referral for a red alert on FRAIL1")
