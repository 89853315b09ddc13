"""`virtual-ward demo`: everything in a fresh temporary folder, until Ctrl-C."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from rich.console import Console
from rich.panel import Panel

from devices.simulator import Sending, sendings
from monitoring.clock import WARD_TIME, utc_now
from monitoring.config import PREFIX
from monitoring.demo import cast, seed, told
from monitoring.demo.agenda import Agenda
from monitoring.demo.crew import Crew
from monitoring.demo.introduction import introduce
from monitoring.demo.live import begin_to_follow
from monitoring.demo.pagers import Pagers, paging
from monitoring.demo.seed import Home
from monitoring.demo.staff import CHRIS, IRA, JOY, OSEI, Colleague, employ, sign_in_link
from monitoring.demo.story import SUMMARY_EVERY_S, Story
from monitoring.demo.ward_team import Clinician, Coordinator
from monitoring.embedded.supervisor import supervise
from monitoring.parts import service_on, settings_for

PARTS: Final = {f"{PREFIX}LOG_LEVEL": "error", f"{PREFIX}WEBHOOK_ALLOW_PRIVATE": "true"}
"""The pagers are on this machine, where messages are not sent unless that is allowed."""

SPEED_PER_PACE: Final = 5
"""Patients' days pass faster than the minutes of those who look after them: at 300, a minute of theirs in a second."""

STOP_S: Final = 10.0

FIRST_WORDS: Final = "[bold]Virtual Ward demo[/bold]: simulated patients, real servers. Not for patient care."


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the demo. `speed`: of the patients' time against the real one."""

    console: Console
    folder: Path
    url: str
    patients: int
    speed: float
    pagers: Pagers
    stop: threading.Event

    @property
    def pace(self) -> float:
        """How many of the people's minutes pass in a real one."""
        return max(1.0, self.speed / SPEED_PER_PACE)


def run_demo(port: int, patients: int, speed: float) -> int:
    """Run the demo. Returns an exit status."""
    console = Console()
    console.print(Panel(FIRST_WORDS, expand=False))
    folder = Path(tempfile.mkdtemp(prefix="virtual-ward-demo-"))
    stop, failed = threading.Event(), threading.Event()
    telling: list[threading.Thread] = []

    def say(message: str) -> None:
        console.print(f"[dim]{message}[/dim]", highlight=False)
        if message.startswith("stopping"):
            stop.set()
        if message.startswith("ready"):
            thread = threading.Thread(target=_tell, args=(run, failed))
            telling.append(thread)
            thread.start()

    with paging() as pagers:
        run = Run(console, folder, f"http://127.0.0.1:{port}", patients, speed, pagers, stop)
        try:
            return supervise(folder, service_on(port, 1, say, PARTS), say=say, until=failed) or int(failed.is_set())
        finally:
            stop.set()
            for thread in telling:
                thread.join(timeout=STOP_S)
            shutil.rmtree(folder, ignore_errors=True)


def _tell(run: Run, failed: threading.Event) -> None:
    """Seed, simulate and narrate, beside the servers."""
    with httpx.Client(base_url=run.url, timeout=10) as client, ExitStack() as cleanup:
        try:
            _tell_all(run, client, cleanup)
        except httpx.HTTPError as error:
            if not run.stop.is_set():
                run.console.print(f"[red]The demo cannot go on: {error}[/red]")
                failed.set()


def _tell_all(run: Run, client: httpx.Client, cleanup: ExitStack) -> None:
    today = utc_now().astimezone(WARD_TIME).date()
    people = cast.people(seed.PATHWAYS, run.patients, today)
    staff = employ(settings_for(run.folder), client)
    seed.open_wards(staff, people)
    told.give_pagers(staff[CHRIS], staff[JOY], run.pagers)
    told.set_ladders(staff[CHRIS], seed.WARDS, run.pagers, run.pace)
    told.make_ucr_teams(staff[CHRIS], run.pagers)
    homes, waiting = seed.admit_all(staff, people)
    door = sign_in_link(settings_for(run.folder), staff[JOY])
    introduce(run.console, run.url, door, staff, homes, run.speed, run.pace)
    story = Story(run.console, run.url, staff[JOY].token, {home.id: home for home in homes}, waiting, run.pace)
    gone: set[str] = set()
    set_to_work(run, staff, story, gone, cleanup)
    _live(run, client, homes, story, gone)


def set_to_work(run: Run, staff: Mapping[str, Colleague], story: Story, gone: set[str], cleanup: ExitStack) -> None:
    """From now on somebody watches, and does something about it; `cleanup` learns how to end that."""
    run.pagers.ring = story.ring
    agenda = Agenda(run.pace, run.stop, story.complain)
    acting = threading.Thread(target=agenda.run, daemon=True)
    acting.start()
    cleanup.callback(acting.join, STOP_S)  # before the client is closed that it uses
    cleanup.callback(run.stop.set)
    clinician = Clinician(staff[OSEI], agenda, story.homes, gone)
    on_ward = [story.hear, clinician.hear, Coordinator(staff[CHRIS], agenda).hear]
    begin_to_follow(run.url, staff[JOY].token, on_ward, run.stop)
    begin_to_follow(run.url, staff[IRA].token, [Crew(staff[IRA], agenda).hear], run.stop)


def _live(run: Run, client: httpx.Client, homes: list[Home], story: Story, gone: set[str]) -> None:
    """Post what the homes send, `speed` times as fast as it happens; the readings' own times shrink with it."""
    began = utc_now()
    people = [home.patient for home in homes]
    by_number = {home.patient.number: home for home in homes}
    start = cast.beginning(people, began.astimezone(WARD_TIME).date())

    def real(simulated: datetime) -> datetime:
        return began + (simulated - start) / run.speed

    said_at = began
    sent = sendings(people, start, start + timedelta(days=365), cast.SEED)
    for sending in takewhile(lambda _: not run.stop.is_set(), sent):
        while (wait_s := (real(sending.at) - utc_now()).total_seconds()) > 0:
            if run.stop.wait(min(wait_s, 1.0)):
                return
            if (utc_now() - said_at).total_seconds() > SUMMARY_EVERY_S:
                said_at = utc_now()
                story.tell_summary()
        if (home := by_number[sending.patient.number]).id not in gone:
            _post(client, home, sending, real)
            story.sets += len(sending.sets)


def _post(client: httpx.Client, home: Home, sending: Sending, real: Callable[[datetime], datetime]) -> None:
    sets: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in sending.sets]
    for one in sets:
        one["taken_at"] = real(datetime.fromisoformat(one["taken_at"])).isoformat()
    client.post("/v1/readings", json=sets, headers={"Authorization": f"Bearer {home.token}"})
