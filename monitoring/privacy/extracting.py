"""A pseudonymised export for research and for trying rules: readings as backtests read them, alerts, ages and sexes.

No NHS number, name, address, postcode, ward, device or text leaves by it. Rows go by pseudonym: their order says
nothing of when anybody came.
"""

import csv
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import Session

from alert_rules.severity import Severity
from monitoring.audit.events import write
from monitoring.clock import local_day
from monitoring.config import Settings
from monitoring.database import AnyRow, connected, driver, snapshot, transaction
from monitoring.patients.chart import cursor_after, sets
from monitoring.patients.views import reading_view
from monitoring.privacy import erasing
from monitoring.privacy.pseudonyms import Pseudonym, age_band, pseudonyms
from monitoring.refusals import unacceptable
from monitoring.reports.periods import Span
from monitoring.reports.small_numbers import SHOWN_FROM

ROUTE: Final = "virtual-ward extract"
SETS_AT_ONCE: Final = 500
MEASURED: Final = (
    "respiratory_rate", "spo2", "oxygen_flow", "on_oxygen", "systolic", "diastolic", "pulse", "consciousness",
    "temperature", "weight", "glucose", "peak_flow", "wellness", "assessed_by", "quality",
)  # fmt: skip
READINGS: Final = ("patient", "taken_at", *MEASURED)
"""As docs/backtest.md has it."""
ALERTS: Final = (
    "patient", "pathway", "kind", "severity", "state", "outcome", "raised_at", "acknowledged_at", "resolved_at",
    "news2", "news2_max", "rules",
)  # fmt: skip
PEOPLE: Final = ("patient", "age", "sex")

Rows = Iterator[Sequence[object]]


def extract(settings: Settings, of: Span, folder: Path, now: datetime, tell: Callable[[str], None]) -> int:
    """Write readings.csv, alerts.csv and patients.csv of a period into a new folder. Returns how many people.

    Raises Unacceptable: without a key, and of so few people that each could be found among them.
    """
    if settings.pseudonym_key is None:
        raise unacceptable("VIRTUAL_WARD_PSEUDONYM_KEY", "is needed: nothing leaves under a name")
    pseudonym = pseudonyms(settings.pseudonym_key)
    with connected(settings.database_url) as engine, snapshot(engine) as session:
        found = session.execute(text(_PEOPLE), {"from": of.from_at, "to": of.until_at}).all()
        if len(found) < SHOWN_FROM:
            raise unacceptable("--from", f"fewer than {SHOWN_FROM} people: each could be found among them")
        people = sorted(((pseudonym(one.public_id), one) for one in found), key=lambda pair: pair[0].name)
        with _new(folder):
            with transaction(engine) as own:  # before anything is written
                write(driver(own), erasing.event(ROUTE, now, f"patients {len(people)}", (), "read extracts"))
            _write(folder / "patients.csv", PEOPLE, _ages(people))
            _write(folder / "readings.csv", READINGS, _readings(session, people, of, tell))
            _write(folder / "alerts.csv", ALERTS, _alerts(session, people, of))
    return len(people)


@contextmanager
def _new(folder: Path) -> Iterator[None]:
    """A folder that only its owner reads; half of one is not left behind."""
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise unacceptable("DIR", f"cannot be made: {error.strerror}") from None
    try:
        yield
    except BaseException:
        shutil.rmtree(folder)
        raise


def _write(file: Path, header: Sequence[str], rows: Rows) -> None:
    with file.open("x", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)


def _ages(people: Sequence[tuple[Pseudonym, AnyRow]]) -> Rows:
    return ((who.name, age_band(one.birth_date, local_day(one.seen_at)), one.sex) for who, one in people)


def _readings(
    session: Session, people: Sequence[tuple[Pseudonym, AnyRow]], of: Span, tell: Callable[[str], None]
) -> Rows:
    for number, (who, one) in enumerate(people, 1):
        cursor: str | None = None
        while rows := sets(session, one.id, of.from_at, of.until_at, SETS_AT_ONCE, cursor):
            for row in rows:
                if row.quality != "test":
                    view = reading_view(row, one.public_id)
                    yield who.name, _said(who.at(row.taken_at)), *(_said(getattr(view, name)) for name in MEASURED)
            cursor = cursor_after(rows[-1])
        tell(f"{number:,} of {len(people):,} people")


def _alerts(session: Session, people: Sequence[tuple[Pseudonym, AnyRow]], of: Span) -> Rows:
    for who, one in people:
        asked = {"patient": one.id, "from": of.from_at, "to": of.until_at}
        for row in session.execute(text(_ALERTS), asked):
            instants = (_said(who.at(moment)) for moment in (row.raised_at, row.acknowledged_at, row.resolved_at))
            news2 = row.news2 or {}
            yield (
                who.name, row.pathway, row.kind, Severity(row.severity).label, row.state, _said(row.outcome), *instants,
                _said(news2.get("score")), _said(news2.get("score_max")), " ".join(row.basis.get("rules", ())),
            )  # fmt: skip


def _said(value: Any) -> object:
    """As a cell."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else value


_PEOPLE: Final = """
SELECT patient.id, patient.public_id, patient.birth_date, patient.sex, min(episode.admitted_at) AS seen_at
FROM episode JOIN patient ON patient.id = episode.patient_id AND patient.erased_at IS NULL
WHERE episode.admitted_at < :to AND (episode.discharged_at IS NULL OR episode.discharged_at >= :from)
GROUP BY patient.id
"""

_ALERTS: Final = """
SELECT alert.*, ward.pathway FROM alert JOIN ward ON ward.id = alert.ward_id
WHERE patient_id = :patient AND raised_at >= :from AND raised_at < :to ORDER BY alert.id
"""
