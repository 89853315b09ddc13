"""The commands as their users type them."""

import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine

from monitoring.access import sessions
from monitoring.access.tokens import Tokens
from monitoring.cli import VARIABLES, app, main
from monitoring.clock import utc_now
from monitoring.config import PREFIX, Settings
from monitoring.database import transaction
from tests.servers import Servers

COMMANDS = (
    "demo", "up", "serve", "worker", "timekeeper", "migrate", "staff", "device", "decode", "report", "rules",
    "backtest", "backup", "restore", "check", "audit", "retention", "erase", "hold", "extract", "subject-access",
)  # fmt: skip

PARTS = frozenset({"up", "serve", "worker", "timekeeper", "migrate"})  # commands that become a process of their own


def run(*words: str, settings: Settings | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """A command, in this process where it does not become another: to start one takes longer than most commands."""
    urls = (
        {f"{PREFIX}DATABASE_URL": settings.database_url, f"{PREFIX}QUEUE_URL": settings.queue_url} if settings else {}
    )
    if words[0] in PARTS:
        command, said = (
            [sys.executable, "-m", "monitoring.cli", *words],
            {**os.environ, "COLUMNS": "200", **urls, **env},
        )
        return subprocess.run(command, env=said, capture_output=True, text=True, timeout=60, check=False)
    out, err, status = StringIO(), StringIO(), 0
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.setattr(sys, "argv", ["virtual-ward", *words])
        for name, value in {"COLUMNS": "200", **urls, **env}.items():
            patched.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def test_every_command_of_the_contract_is_there_and_says_what_it_does() -> None:
    named = {
        command.name or command.callback.__name__: command for command in app.registered_commands if command.callback
    }
    groups = {group.name: group.typer_instance for group in app.registered_groups if group.typer_instance}
    assert named.keys() | groups.keys() == set(COMMANDS)
    assert all(command.callback.__doc__ for command in named.values() if command.callback)
    every = [*named.values(), *(command for group in groups.values() for command in group.registered_commands)]
    assert all(command.context_settings == VARIABLES for command in every)


def test_a_wrong_setting_is_refused_by_name() -> None:
    done = run("serve", VIRTUAL_WARD_PORT="eighty", VIRTUAL_WARD_DATABASE_URL="mysql://somewhere")
    assert done.returncode == 2
    assert "VIRTUAL_WARD_PORT" in done.stderr
    assert "VIRTUAL_WARD_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_adding_staff_prints_an_id_and_a_token_that_opens_the_door(settings: Settings, engine: Engine) -> None:
    done = run("staff", "add", "--name", "Joy", "--role", "clinician", "--ward", "W1", "--json", settings=settings)
    made = json.loads(done.stdout)
    caller = Tokens(engine).ask(made["token"], utc_now())
    assert caller is not None
    assert (str(caller.public_id), caller.name, caller.role) == (made["id"], "Joy", "clinician")
    assert caller.wards == frozenset({"W1"})
    assert caller.registered  # clinicians are, unless said otherwise


def test_whoever_lost_a_token_gets_another_and_what_they_had_ends(settings: Settings, engine: Engine) -> None:
    first = json.loads(run("staff", "add", "--name", "Joy", "--role", "support", "--json", settings=settings).stdout)
    other = json.loads(run("staff", "add", "--name", "Sam", "--role", "support", "--json", settings=settings).stdout)
    tokens = Tokens(engine)
    tokens.refresh(utc_now())
    with transaction(engine) as session:
        at_a_browser = sessions.begin(session, tokens.held(first["token"]).id, utc_now())  # type: ignore[union-attr]
    second = json.loads(run("staff", "token", first["id"], "--json", settings=settings).stdout)
    assert second["id"] == first["id"]
    tokens.refresh(utc_now())  # what every process does twice a second
    assert tokens.held(first["token"]) is tokens.ask(first["token"], utc_now()) is None
    assert tokens.held(at_a_browser) is tokens.ask(at_a_browser, utc_now()) is None
    assert tokens.held(second["token"]) is not None
    said = json.loads(run("staff", "revoke", first["id"], "--json", settings=settings).stdout)
    assert said == {"id": first["id"], "ended": 1}
    tokens.refresh(utc_now())
    assert tokens.held(second["token"]) is tokens.ask(second["token"], utc_now()) is None
    assert tokens.held(other["token"]) is not None  # nobody else is signed out
    for verb in ("token", "revoke"):
        refused = run("staff", verb, str(UUID(int=1)), settings=settings)
        assert (refused.returncode, "there is no member of staff" in refused.stderr) == (2, True)


def test_a_ucr_teams_staff_are_of_that_team(settings: Settings, engine: Engine) -> None:
    words = ("staff", "add", "--name", "Ira", "--json", "--team", "LE-UCR")
    made = json.loads(run(*words, "--role", "ucr", settings=settings).stdout)
    caller = Tokens(engine).ask(made["token"], utc_now())
    assert caller is not None
    assert (caller.teams, caller.wards) == (frozenset({"LE-UCR"}), None)
    refused = run(*words, "--role", "support", settings=settings)
    assert (refused.returncode, "--team" in refused.stderr) == (2, True)


def test_adding_a_device_prints_an_id_and_a_token_that_opens_the_door(settings: Settings, engine: Engine) -> None:
    done = run("device", "add", "--kind", "hub", "--serial", "H-1", "--json", settings=settings)
    made = json.loads(done.stdout)
    caller = Tokens(engine).ask(made["token"], utc_now())
    assert caller is not None
    assert (str(caller.public_id), caller.role) == (made["id"], None)


def test_adding_the_devices_of_a_file_says_what_became_of_each_line(
    settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "kit.csv"
    file.write_text("kind,serial\nhub,H-1\n,H-2\nhub,H-3\n", encoding="utf-8")
    done = run("device", "add", "--file", str(file), "--json", settings=settings)
    said = json.loads(done.stdout)
    assert [(one["line"], one["serial"]) for one in said["registered"]] == [(2, "H-1"), (4, "H-3")]
    assert all(Tokens(engine).ask(one["token"], utc_now()) is not None for one in said["registered"])
    refused = {"line": 3, "errors": [{"field": "kind", "reason": "required"}]}
    assert (done.returncode, said["refused"]) == (1, [refused])
    again = run("device", "add", "--file", str(file), settings=settings)
    assert (again.returncode, again.stdout) == (2, "")
    assert "line 2, serial: hub H-1 is registered already" in again.stderr


def test_every_option_can_be_set_as_a_variable_of_its_name(settings: Settings, engine: Engine) -> None:
    options = {
        "NAME": "Joy",
        "ROLE": "clinician",
        "WARD": "W1 W2",
        "REGISTERED": "false",
        "SENIOR": "1",
        "JSON": "true",
    }
    done = run("staff", "add", settings=settings, **{f"{PREFIX}{name}": value for name, value in options.items()})
    caller = Tokens(engine).ask(json.loads(done.stdout)["token"], utc_now())
    assert caller is not None
    assert (caller.name, caller.role, caller.wards) == ("Joy", "clinician", frozenset({"W1", "W2"}))
    assert not caller.registered
    device = run("device", "add", settings=settings, VIRTUAL_WARD_KIND="hub", VIRTUAL_WARD_SERIAL="H-1")
    assert device.returncode == 0
    assert "/nonexistent/ward" in run("check", VIRTUAL_WARD_DATA="/nonexistent/ward").stderr


def test_what_is_typed_counts_more_than_a_variable(settings: Settings, engine: Engine) -> None:
    words = ("staff", "add", "--name", "Joy", "--role", "support", "--json")
    done = run(*words, settings=settings, VIRTUAL_WARD_NAME="Sam", VIRTUAL_WARD_ROLE="admin")
    caller = Tokens(engine).ask(json.loads(done.stdout)["token"], utc_now())
    assert caller is not None
    assert (caller.name, caller.role) == ("Joy", "support")


def test_what_cannot_be_added_is_refused_by_its_option_before_the_database_is_asked() -> None:
    wrong = {
        "--name": ("staff", "add", "--name", "", "--role", "admin"),
        "--ward": ("staff", "add", "--name", "Joy", "--role", "admin", "--ward", "W1", "--ward", "a b"),
        "--role": ("staff", "add", "--name", "TIE", "--role", "interface"),
        "--kind": ("device", "add", "--kind", " ", "--serial", "H-1"),
        "--kind and --serial, or --file": ("device", "add", "--kind", "hub"),
        "--file names the devices": ("device", "add", "--kind", "hub", "--file", "kit.csv"),
        "--file": ("device", "add", "--file", "/nonexistent/kit.csv"),
    }
    for option, words in wrong.items():
        done = run(*words, VIRTUAL_WARD_DATABASE_URL="postgresql://127.0.0.1:1/nowhere")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"virtual-ward: {option}: ")
        assert len(done.stderr.splitlines()) == 1


def test_a_database_that_is_away_is_said_in_one_line_that_keeps_its_password() -> None:
    for words in (
        ("staff", "add", "--name", "Joy", "--role", "admin"),
        ("device", "add", "--kind", "hub", "--serial", "H-1"),
        ("migrate",),
    ):
        done = run(*words, VIRTUAL_WARD_DATABASE_URL="postgresql://joy:hunter2@127.0.0.1:1/nowhere")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("virtual-ward: the database is not available: connection failed")
        assert len(done.stderr.splitlines()) == 1
        assert "hunter2" not in done.stderr


def test_a_database_without_its_schema_is_said_in_one_line(run_servers: Servers) -> None:
    url = run_servers.postgres.url("postgres")
    done = run("staff", "add", "--name", "Joy", "--role", "admin", VIRTUAL_WARD_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'virtual-ward: the database refused: relation "staff" does not exist\n'


def test_help_needs_no_database_library() -> None:
    heavy = {"sqlalchemy", "psycopg", "numpy"}
    code = f"import sys, monitoring.cli; print({heavy} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "set()"


def test_check_says_what_is_unhealthy_and_exits_with_one(settings: Settings) -> None:
    done = run("check", "--json", settings=settings)
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert said["parts"]["database"]["status"] == "ok"
    assert said["parts"]["workers"]["status"] == "degraded"
    assert said["parts"]["escalation"] == {"status": "ok", "detail": "no ward is open"}


def test_check_asks_the_database_whether_the_parts_could_alter_what_is_written_once(settings: Settings) -> None:
    assert json.loads(run("check", "--json", settings=settings).stdout)["parts"]["roles"]["status"] == "ok"
    as_owner = settings.model_copy(update={"database_url": settings.database_url.replace("vw_app@", "vw_owner@")})
    assert json.loads(run("check", "--json", settings=as_owner).stdout)["parts"]["roles"]["status"] == "degraded"


def test_commands_name_a_folder_on_which_nothing_runs(settings: Settings) -> None:
    done = run("check", "--data", "/nonexistent/ward", settings=settings)
    assert done.returncode == 2
    assert "/nonexistent/ward" in done.stderr


@pytest.fixture
def demo() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "monitoring.cli", "demo", "--port", str(port), "--patients", "8", "--speed", "600"]
    with subprocess.Popen(
        words,
        env={**os.environ, "COLUMNS": "300", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield f"http://127.0.0.1:{port}", process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=30)


def test_the_demo_raises_an_alert_that_a_newcomer_acknowledges_with_the_printed_command(
    demo: tuple[str, subprocess.Popen[str]],
) -> None:
    url, process = demo
    told = read_until(process, r"curl -X POST (\S+) -H \"(Authorization): (Bearer \S+)\"", timeout_s=90)
    path, header, token = told.groups()
    assert path.startswith(url)
    answer = httpx.post(path, headers={header: token})
    assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")
    read_until(process, r"acknowledged by Sister Joy Adeyemi: the ladder stops at step 1 of 4", timeout_s=30)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def read_until(process: subprocess.Popen[str], pattern: str, timeout_s: float) -> re.Match[str]:
    """The first line of the output that matches."""
    assert process.stdout is not None
    deadline, seen = time.monotonic() + timeout_s, []
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left_s := deadline - time.monotonic()) > 0 and selector.select(left_s):
            line = process.stdout.readline()
            if not line:
                break
            seen.append(line)
            if match := re.search(pattern, line):
                return match
    raise AssertionError(f"{pattern!r} was not told:\n{''.join(seen)}")
