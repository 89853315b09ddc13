"""Blood pressure that others measured (an ambulance crew, a pharmacy), as CSV: what is raised is kept, nothing else.

Who was conveyed is left out: the hospital saw them.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from alert_rules.hypertension import Finding, judge_clinic
from monitoring.acts import Act
from monitoring.casefinding.tables import OutsideContact
from monitoring.fields import Instant, OdsCode, Word, in_utc
from monitoring.loaded.csv_rows import column_of, read
from monitoring.loaded.loading import refuse_not_of_all
from monitoring.patients.register import checked_number
from monitoring.refusals import Fault, Unacceptable, unacceptable

ROWS_MAX: Final = 10_000
CLOCK_TOLERANCE: Final = timedelta(minutes=5)

Pressure = Annotated[int, msgspec.Meta(ge=1, le=350)]


class ContactRow(msgspec.Struct, kw_only=True):
    """A contact of somebody else, with the blood pressure that was measured, in mmHg."""

    nhs_number: Word
    at: Instant
    systolic: Pressure
    diastolic: Pressure
    conveyed: Literal["yes", "no", "true", "false"]
    gp_practice: OdsCode | None = None


class Imported(msgspec.Struct, kw_only=True):
    """What became of a file's rows."""

    rows: int
    kept: int
    known: int  # imported before
    conveyed: int
    not_raised: int
    same_day: int  # of those kept or known: at 180/120 or more, call today


def import_contacts(act: Act, body: bytes) -> Imported:
    """Keep the raised ones of a file; sent again, it changes nothing. Raises Forbidden, Unacceptable."""
    refuse_not_of_all(act)
    rows = _checked(act, body)
    staying = [row for row in rows if row.conveyed in {"no", "false"}]
    judged = {id(row): judge_clinic(row.systolic, row.diastolic) for row in staying}
    raised = [row for row in staying if judged[id(row)] is not Finding.NOT_RAISED]
    kept = _keep(act, raised)
    return Imported(
        rows=len(rows),
        kept=kept,
        known=len(raised) - kept,
        conveyed=len(rows) - len(staying),
        not_raised=len(staying) - len(raised),
        same_day=sum(judged[id(row)] is Finding.SAME_DAY for row in raised),
    )


def _checked(act: Act, body: bytes) -> list[ContactRow]:
    rows: list[ContactRow] = []
    for line, row in read(body, ContactRow):
        if len(rows) == ROWS_MAX:
            raise unacceptable(f"line {line}", f"more than {ROWS_MAX:,} rows: send the rest in another file")
        try:
            row.nhs_number = checked_number(row.nhs_number)
            row.at = _past(row.at, act.now)
        except Unacceptable as error:
            (fault,) = error.faults
            raise Unacceptable(Fault(column_of(line, fault.field), fault.reason)) from None
        rows.append(row)
    return rows


def _past(at: datetime, now: datetime) -> datetime:
    if (moment := in_utc("at", at)) > now + CLOCK_TOLERANCE:
        raise unacceptable("at", "is in the future")
    return moment


def _keep(act: Act, rows: list[ContactRow]) -> int:
    """Write them down. Returns how many are new."""
    if not rows:
        return 0
    values = [
        {
            "nhs_number": row.nhs_number,
            "at": row.at,
            "systolic": row.systolic,
            "diastolic": row.diastolic,
            "gp_practice": row.gp_practice,
            "loaded_by": act.who.id,
            "loaded_at": act.now,
        }
        for row in rows
    ]
    written = insert(OutsideContact).on_conflict_do_nothing(index_elements=["nhs_number", "at"])
    return len(act.session.execute(written.returning(col(OutsideContact.id)), values).all())
