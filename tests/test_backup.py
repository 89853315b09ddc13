"""A backup made under load, restored into nothing: what was promised before it began is there, once, and works."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import httpx
import pytest
from sqlalchemy import Engine, text

from monitoring.backup.folder import DATABASE, MANIFEST, QUEUE, BackupError, opened
from monitoring.backup.restoring import load
from monitoring.backup.saving import save
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.database import transaction
from monitoring.embedded import postgres
from monitoring.intake.clients import connect
from monitoring.intake.stream import DRAIN_LOCK, stream_name
from tests.chaos.homes import Admissions
from tests.chaos.load import Load
from tests.chaos.up import Up, environment, running
from tests.monitoring.embedded.processes import REPOSITORY, eventually
from tests.monitoring.outages import until
from tests.receivers import Receiver, receiving
from tests.servers import Servers
from tests.ward import Ward


def silently(_: str) -> None:
    """Nobody watches."""


SCORED = """
SELECT device.public_id, ledger.id, count(reading.set)
FROM ledger JOIN device ON device.id = ledger.source
LEFT JOIN reading ON reading.source = ledger.source AND reading.id = ledger.id
GROUP BY device.public_id, ledger.id
"""
ALERTS = "SELECT patient_id, kind, state, severity FROM alert ORDER BY patient_id, kind"


def restores(folder: Path, data: Path) -> subprocess.CompletedProcess[str]:
    """`virtual-ward restore`."""
    command = [sys.executable, "-m", "monitoring.cli", "restore", str(folder), "--data", str(data), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY, env=environment())


def test_what_was_promised_before_a_backup_is_there_once_after_its_restore() -> None:
    with running(workers=1) as up, receiving() as pager:
        _back_up_and_restore(up, pager)


def _back_up_and_restore(up: Up, pager: Receiver) -> None:
    backup, data = up.data.with_name("backup"), up.data.with_name("restored")
    admissions = Admissions(up, pager)
    homes = admissions.admit(6)
    admissions.close()
    homes[0].stage = 2
    with Load(up.url, homes, Random(7)) as posting:
        eventually(lambda: posting.promises > 40, within_s=60)
        promised = {(one.device, one.id) for one in posting.sent if one.promised}
        up.command("backup", str(backup))
        now_promised = posting.promises
        eventually(lambda: posting.promises > now_promised + 10, within_s=60)  # it goes on, and scores go on
    assert posting.wrong == []
    eventually(lambda: waits(up) == 0, within_s=60)
    with up.connect() as connection:
        alerts = connection.execute(ALERTS).fetchall()
    assert len(alerts) == 1
    assert up.stop() == 0
    assert restores(backup, data).returncode == 0
    with Up(data, workers=1) as restored:
        restored.ready()
        eventually(lambda: waits(restored) == 0, within_s=60)
        with restored.connect() as connection:
            found = {(device, own_id): sets for device, own_id, sets in connection.execute(SCORED)}
            assert connection.execute(ALERTS).fetchall() == alerts
        assert promised - found.keys() == set()
        assert found.keys() - {(one.device, one.id) for one in posting.sent} == set()
        assert set(found.values()) == {1}
        _, body, _ = homes[1].measure(utc_now())
        headers = {"Authorization": f"Bearer {homes[1].token}"}
        assert httpx.post(f"{restored.url}/v1/readings", json=body, headers=headers).status_code == 202


@pytest.fixture
def owned(ward: Ward, run_servers: Servers) -> Settings:
    """The ward's settings, as whoever owns its database."""
    owner = run_servers.postgres.url(ward.database, postgres.OWNER)
    return ward.settings.model_copy(update={"database_owner_url": owner})


def test_a_backup_covers_nothing_and_is_whole_or_none(owned: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    made = save(owned, folder, utc_now(), silently)
    assert {path.name for path in folder.iterdir()} == {DATABASE, QUEUE, MANIFEST}
    assert (folder.stat().st_mode & 0o077, opened(folder)) == (0, made)
    with pytest.raises(BackupError, match="is not empty"):
        save(owned, folder, utc_now(), silently)
    with pytest.raises(BackupError, match=r"holds \d+ tables: restore into one that is empty"):
        load(owned, folder, silently)
    with (folder / QUEUE).open("a") as file:
        file.write("\n")
    with pytest.raises(BackupError, match="is not what was backed up"):
        load(owned, folder, silently)
    (folder / MANIFEST).unlink()
    with pytest.raises(BackupError, match=r"is no whole backup: .*manifest\.json is missing"):
        load(owned, folder, silently)


def test_a_batch_that_is_under_way_ends_before_the_instant_of_a_backup(
    owned: Settings, engine: Engine, tmp_path: Path
) -> None:
    """Or its readings were neither in the queue's copy nor in the database's."""
    with transaction(engine) as session, ThreadPoolExecutor(1) as pool:
        session.execute(text(f"SELECT pg_advisory_xact_lock({DRAIN_LOCK}, 0)"))
        saving = pool.submit(save, owned, tmp_path / "backup", utc_now(), silently)
        until(lambda: _waits_for_the_drain(engine))
        assert not (tmp_path / "backup" / QUEUE).exists()
        session.commit()
        assert saving.result(30).entries == 0


def _waits_for_the_drain(engine: Engine) -> bool:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        return bool(found.scalar_one())


def waits(up: Up) -> int:
    """How many requests wait to be scored."""
    with connect(up.installation.queue_url) as queue:
        return int(queue.xlen(stream_name(0)))
