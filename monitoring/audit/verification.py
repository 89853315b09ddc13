"""What the commands do: verify with the settings' keys, say what was found, and hand out a patient's events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.audit.chain import public_keys, signer
from monitoring.audit.events import Event, write
from monitoring.audit.listing import AuditFilter, AuditView, listed
from monitoring.audit.subjects import PATIENT
from monitoring.audit.tables import By
from monitoring.audit.verifying import Found, Kept, Wrong, verify, verify_head
from monitoring.config import Settings
from monitoring.database import connected, driver, driver_of, snapshot, transaction
from monitoring.paging import LIMIT_MAX
from monitoring.patients.tables import Patient
from monitoring.refusals import unacceptable
from monitoring.reports.answers import csv_lines, csv_names

EXPORT: Final = "virtual-ward audit export"


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant until before another one; open where there is none."""

    since: datetime | None
    until: datetime | None


def period(first: datetime | None, last: datetime | None) -> Period:
    """From the beginning of a day in UTC until the end of another."""
    until = None if last is None else last.replace(tzinfo=UTC) + timedelta(days=1)
    return Period(None if first is None else first.replace(tzinfo=UTC), until)


def run(settings: Settings, of: Period, head: str | None, now: datetime, say: Callable[[str], None]) -> Found:
    """Verify a period, and a head that was kept. Raises Unacceptable."""
    trusted = public_keys(settings.audit_public_keys)
    if (own := signer(settings.audit_signing_key)) is not None:
        trusted |= {own.public}

    def progress(kept: Kept, found: Found) -> None:
        if found.seals % 500 == 0:
            say(f"{kept.seal.sealed_at:%Y-%m-%d %H:%M}  {found.seals:,} seals, {found.events:,} events")

    with connected(settings.database_url) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        found = verify(driver_of(connection), trusted, now, of.since, of.until, progress)
        if head is not None:
            number, _, said = head.partition(":")
            if not number.isdigit() or len(number) > 18 or not said:
                raise unacceptable("--head", "is NUMBER:HASH, as an earlier run said it")
            verify_head(driver_of(connection), found, head)
    return found


def as_json(found: Found) -> str:
    """For programs."""
    return msgspec.json.encode(found).decode() + "\n"


def as_text(found: Found) -> str:
    """For people."""
    lines = [_line(one) for one in found.wrong]
    if found.wrong_count > len(found.wrong):
        lines.append(f"and {found.wrong_count - len(found.wrong):,} more")
    lines.append(f"{found.seals:,} seals over {found.events:,} events; {found.unsealed:,} events not sealed yet")
    lines.append(f"heads of days: {found.signed:,} signed, {found.unsigned:,} not signed")
    if found.head is not None:
        lines.append(f"head {found.head}, sealed {found.sealed_at:%Y-%m-%d %H:%M:%S}Z: keep it elsewhere")
    lines.append(f"WRONG: {found.wrong_count:,}" if found.wrong_count else "nothing was altered, taken out or put in")
    return "\n".join(lines) + "\n"


def _line(one: Wrong) -> str:
    where = "" if one.at is None else f"{one.at:%Y-%m-%d %H:%M:%S}Z seal {one.seal}: "
    return f"{one.what}: {where}{one.detail}"


def export(settings: Settings, subject: UUID, of: Period, now: datetime) -> Iterator[str]:
    """A patient's events as CSV, part by part. Raises Unacceptable where there is no such patient."""
    wanted = AuditFilter(subject, None, of.since, of.until)
    with connected(settings.database_url) as engine:
        with transaction(engine) as session:
            if session.execute(select(col(Patient.id)).where(col(Patient.public_id) == subject)).first() is None:
                raise unacceptable("--subject", "there is no such patient")
            write(driver(session), _exported(subject, now))
        yield csv_names(AuditView)
        cursor: str | None = None
        while True:
            with snapshot(engine) as session:
                page = listed(session, wanted, LIMIT_MAX, cursor)
            yield "".join(csv_lines(page.items))
            cursor = page.next
            if cursor is None:
                return


def _exported(subject: UUID, now: datetime) -> Event:
    """Whoever operates the installation looked."""
    return Event(
        at=now, by=By.COMMAND, who=None, role=None, browser=False, method="", route=EXPORT, allows="read audit",
        object=str(subject), status=200, request_id="", about=[(PATIENT, subject)],
    )  # fmt: skip
