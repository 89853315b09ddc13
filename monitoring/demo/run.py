"""`virtual-ward demo`: everything in a fresh temporary folder, until Ctrl-C."""

import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Final

import httpx
import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from devices.simulator import Patient, Sending, sendings
from monitoring.access.roles import Role
from monitoring.clock import WARD_TIME, utc_now
from monitoring.config import PREFIX
from monitoring.demo import seed
from monitoring.demo.seed import Home
from monitoring.demo.story import SUMMARY_EVERY_S, Story
from monitoring.embedded.supervisor import supervise
from monitoring.parts import service_on, settings_for

MORNING: Final = time(7, 20)
"""The simulated day begins a little before the first readings are due."""

ILL: Final = (
    ("frailty", "sepsis", timedelta(hours=9)),
    ("acute_respiratory", "silent_hypoxia", timedelta(hours=1)),
    ("copd", "copd_exacerbation", timedelta(0)),
    ("heart_failure", "heart_failure_decompensation", timedelta(0)),
)
"""Who falls ill, of what, and how long before the morning it began: the first is ill at breakfast, the others later."""

QUIET: Final = {f"{PREFIX}LOG_LEVEL": "error"}

FIRST_WORDS: Final = "[bold]Virtual Ward demo[/bold]: simulated patients, real servers. Not for patient care."


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
            thread = threading.Thread(target=_tell, args=(console, folder, port, patients, speed, stop, failed))
            telling.append(thread)
            thread.start()

    try:
        return supervise(folder, service_on(port, 1, say, QUIET), say=say, until=failed) or int(failed.is_set())
    finally:
        stop.set()
        for thread in telling:
            thread.join(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _tell(
    console: Console,
    folder: Path,
    port: int,
    patients: int,
    speed: float,
    stop: threading.Event,
    failed: threading.Event,
) -> None:
    """Seed, simulate and narrate, beside the servers."""
    try:
        _tell_all(console, folder, port, patients, speed, stop)
    except httpx.HTTPError as error:
        if not stop.is_set():
            console.print(f"[red]The demo cannot go on: {error}[/red]")
            failed.set()


def _tell_all(console: Console, folder: Path, port: int, patients: int, speed: float, stop: threading.Event) -> None:
    url = f"http://127.0.0.1:{port}"
    tokens = seed.employ(settings_for(folder))
    morning = datetime.combine(utc_now().astimezone(WARD_TIME).date(), MORNING, WARD_TIME)
    people = _fall_ill(seed.simulated(patients), morning)
    with httpx.Client(base_url=url, timeout=10) as client:
        seed.open_wards(client, tokens, patients)
        homes = seed.admit_all(client, tokens, people)
        console.print(_introduction(url, tokens, homes))
        story = Story(console, url, tokens[Role.CLINICIAN], {home.id: home for home in homes})
        follower = threading.Thread(target=story.follow, args=(stop,), daemon=True)
        follower.start()
        _live(client, homes, story, morning, speed, stop)


def _fall_ill(people: list[Patient], morning: datetime) -> list[Patient]:
    """Somebody deteriorates at once, others later. All clocks are right, so that nothing is kept aside."""
    people = [replace(one, hub=replace(one.hub, clock_offset_s=0)) for one in people]
    for pathway, script, before in ILL:
        place = next((n for n, one in enumerate(people) if one.pathway == pathway and _is_well_watched(one)), None)
        if place is not None:
            people[place] = people[place].begins(script, morning - before)
    return people


def _is_well_watched(patient: Patient) -> bool:
    return "respiratory_rate" in patient.kit and patient.home.answers is not None


def _live(
    client: httpx.Client, homes: list[Home], story: Story, morning: datetime, speed: float, stop: threading.Event
) -> None:
    """Post what the homes send, `speed` times as fast as it happens; the readings' own times shrink with it."""
    began = utc_now()
    by_number = {home.patient.number: home for home in homes}

    def real(simulated: datetime) -> datetime:
        return began + (simulated - morning) / speed

    said_at = began
    sent = sendings([home.patient for home in homes], morning, morning + timedelta(days=365), seed.SEED)
    for sending in takewhile(lambda _: not stop.is_set(), sent):
        while (wait_s := (real(sending.at) - utc_now()).total_seconds()) > 0:
            if stop.wait(min(wait_s, 1.0)):
                return
            if (utc_now() - said_at).total_seconds() > SUMMARY_EVERY_S:
                said_at = utc_now()
                story.tell_summary()
        _post(client, by_number[sending.patient.number], sending, real)
        story.sets += len(sending.sets)


def _post(client: httpx.Client, home: Home, sending: Sending, real: Callable[[datetime], datetime]) -> None:
    sets = [msgspec.to_builtins(one) for one in sending.sets]
    for one in sets:
        one["taken_at"] = real(datetime.fromisoformat(one["taken_at"])).isoformat()
    client.post("/v1/readings", json=sets, headers={"Authorization": f"Bearer {home.token}"})


def _introduction(url: str, tokens: dict[Role, str], homes: list[Home]) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_row("API", url)
    table.add_row("Its pages", f"{url}/schema")
    table.add_row("Live events", f"{url}/v1/live")
    for name, role, _ in seed.STAFF:
        table.add_row(f"{role} token", f"{tokens[role]}   [dim]{name}[/dim]")
    table.add_row(
        "Patients", f"{len(homes)} at home on {len(seed.WARDS)} wards; most are stable, a few will deteriorate"
    )
    return Panel(table, title="Ready", expand=False)
