"""Retention, erasure, holds, subject access and the export, as their users type them."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from monitoring.config import PREFIX
from monitoring.embedded.postgres import OWNER
from monitoring.privacy.kept import TABLES
from tests.monitoring.api import Api
from tests.monitoring.audited import owner_of
from tests.monitoring.lives import NUMBER, lives
from tests.monitoring.test_pseudonymised import KEY
from tests.monitoring.test_retention import DAYS_OLD, old
from tests.test_commands import run
from tests.workers.records import count, rows


def typed(api: Api, *words: str, **env: str) -> tuple[int, str]:
    """A command of whoever operates the installation: its exit status, and all that it said."""
    owner = api.ward.settings.database_url.replace("vw_app", OWNER)
    done = run(*words, settings=api.ward.settings, **{f"{PREFIX}DATABASE_OWNER_URL": owner}, **env)
    return done.returncode, done.stdout + done.stderr


def erased(engine: Engine) -> int:
    """How many records are erased."""
    return len(rows(engine, "SELECT FROM patient WHERE erased_at IS NOT NULL"))


def test_retention_only_says_until_it_is_told_to_do_it(api: Api) -> None:
    life = lives(api)
    with owner_of(api.ward.settings) as owner:
        old(owner, life.patient, DAYS_OLD)
        status, said = typed(api, "retention", **{f"{PREFIX}APPLY": "true"})  # only what is typed counts
        assert (status, erased(owner)) == (0, 0)
        assert "1 records and" in said
        assert "would go" in said
        assert "Nothing was changed" in said
        assert typed(api, "retention", "--apply")[0] == 0
        assert (erased(owner), count(owner, "reading")) == (1, 0)
        status, said = typed(api, "retention", "--json")
        report = json.loads(said)
        assert (report["records"], report["applied"], len(report["tables"])) == (0, False, len(TABLES))
    assert typed(api, "audit", "verify")[0] == 0


def test_one_record_is_held_and_let_go_and_erased_for_a_reason(api: Api) -> None:
    lives(api)
    assert typed(api, "hold", NUMBER, "--because", "the inquiry") == (0, "held\n")
    status, said = typed(api, "erase", NUMBER, "--because", "by mistake", "--apply")
    assert (status, "a hold" in said) == (2, True)
    assert typed(api, "hold", NUMBER, "--end") == (0, "not held any more\n")
    status, said = typed(api, "erase", NUMBER, "--apply")
    assert (status, "--because" in said) == (2, True)
    assert typed(api, "erase", NUMBER, "--because", "by mistake")[0] == 0
    assert erased(api.ward.engine) == 0
    status, said = typed(api, "erase", NUMBER, "--because", "by mistake", "--apply", "--json")
    assert (status, json.loads(said)["reading"], erased(api.ward.engine)) == (0, 3, 1)


@pytest.mark.parametrize("words", [("hold", NUMBER), ("hold", NUMBER, "--because", "x", "--end"),
                                   ("hold", NUMBER, "--because", " ")])  # fmt: skip
def test_a_hold_has_a_reason_or_an_end(api: Api, words: tuple[str, ...]) -> None:
    assert typed(api, *words)[0] == 2


def test_what_is_owed_and_what_leaves_is_written_where_it_is_said(api: Api, tmp_path: Path) -> None:
    lives(api)
    status, said = typed(api, "subject-access", NUMBER, str(tmp_path / "bundle.json"))
    assert (status, "resources in" in said) == (0, True)
    assert json.loads((tmp_path / "bundle.json").read_bytes())["resourceType"] == "Bundle"
    for _ in range(4):
        api.ward.admit()
    asked = ("extract", str(tmp_path / "out"), "--from", "2026-01-01")
    status, said = typed(api, *asked)
    assert (status, "VIRTUAL_WARD_PSEUDONYM_KEY" in said) == (2, True)
    assert typed(api, *asked, **{f"{PREFIX}PSEUDONYM_KEY": KEY})[0] == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
