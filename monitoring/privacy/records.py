"""Records: whose time is over, what keeps one that it would be over for, and by which keys its rows are found.

A record is a person's: of several that were merged, the one that stays and those that went into it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from devices.reading import set_key
from monitoring.alerts.tables import OPEN
from monitoring.clock import local_day
from monitoring.flow.states import LIVE as REFERRED
from monitoring.privacy.policies import over_on
from monitoring.refusals import unacceptable
from monitoring.ucr.states import LIVE as VISITED

RECORDS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Record:
    """A person's record. `kept_because`: what keeps it though its time were over."""

    patient: int
    public_id: UUID
    seen_at: datetime
    over_on: date
    kept_because: str | None

    def is_due(self, now: datetime) -> bool:
        """Whether it may go."""
        return self.kept_because is None and self.over_on <= local_day(now)


@dataclass(frozen=True, slots=True)
class Keys:
    """By which the rows of records are found."""

    patients: list[int]
    episodes: list[int]
    spells: list[UUID]
    alerts: list[int]
    referrals: list[int]
    visits: list[int]
    asides: list[int]
    numbers: list[str]
    sources: list[int]  # beside `ids`: what a source called each of its sets
    ids: list[str]
    sets: list[UUID]
    originals: list[UUID]

    def asked(self) -> dict[str, Any]:
        """As parameters of a statement."""
        return asdict(self)


def every(connection: psycopg.Connection) -> Iterator[Record]:
    """Every record that is there, a page at a time."""
    after = 0
    while rows := _read(connection, _PAGE, {"after": after, "most": RECORDS_AT_ONCE}):
        yield from rows
        after = rows[-1].patient


def one(connection: psycopg.Connection, patient: int) -> Record | None:
    """One record as it is now; None where it is erased, or was merged meanwhile."""
    found = _read(connection, _ONE, {"patient": patient})
    return found[0] if found else None


def named(connection: psycopg.Connection, who: str) -> int:
    """The key of a record by an NHS number or the id of any of its parts. Raises Unacceptable."""
    number = who.replace(" ", "").replace("-", "")
    column: str = "public_id"
    value: object = number
    if number.isdigit():
        column = "nhs_number"
    else:
        try:
            value = UUID(who)
        except ValueError:
            raise unacceptable("PATIENT", "is neither an NHS number nor the id of a patient") from None
    row = connection.execute(
        f"SELECT coalesce(merged_into, id), erased_at FROM patient WHERE {column} = %s",  # noqa: S608 - constants
        (value,),
    ).fetchone()
    if row is None:
        raise unacceptable("PATIENT", "nobody is known by that")
    key, erased_at = row
    if erased_at is not None:
        raise unacceptable("PATIENT", f"the record was erased on {erased_at:%Y-%m-%d}")
    return int(key)


def keys_of(connection: psycopg.Connection, patients: Sequence[int], *, with_sets: bool = True) -> Keys:
    """The keys of some records, by those of the persons. Of their sets too, which may be many."""
    asked: dict[str, Any] = {"asked": list(patients)}
    for name, query in _KEYS.items():
        asked[name] = [row[0] for row in connection.execute(query, asked)]
    readings = connection.execute(_READINGS, asked).fetchall() if with_sets else []
    aside = connection.execute(_ASIDES, asked).fetchall()
    called = sorted({(source, own) for source, own, *_ in (*readings, *aside)})
    return Keys(
        **{name: asked[name] for name in _KEYS},
        asides=[key for *_, key in aside],
        sources=[source for source, _ in called],
        ids=[own for _, own in called],
        sets=[UUID(set_key(source, own)) for source, own in called],
        originals=sorted({original for *_, original in readings if original is not None}),
    )


def _read(connection: psycopg.Connection, query: str, asked: Mapping[str, Any]) -> list[Record]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_record(row) for row in cursor.execute(query, asked)]


def _record(row: dict[str, Any]) -> Record:
    seen_at = row["seen_at"].astimezone(UTC)
    return Record(
        row["id"], row["public_id"], seen_at, over_on(local_day(seen_at), row["birth_date"]), row["kept_because"]
    )


def _listed(states: Sequence[str]) -> str:
    """Our own words, for a condition."""
    return ", ".join(f"'{state}'" for state in states)


_SEEN: Final[Mapping[str, str]] = {
    "episode": "greatest(admitted_at, discharged_at)",
    "referral": "received_at",
    "alert": "greatest(raised_at, resolved_at)",
    "ucr_referral": "greatest(received_at, ended_at)",
    "concern": "received_at",
    "hotline_call": "recorded_at",
    "hospital_message": "received_at",
    "inpatient": "coalesce(decided_at, proposed_at)",
    "prevention": "coalesce(closed_at, opened_at)",
}
"""When somebody was last cared for here, by each table that says so."""

_KEPT_BECAUSE: Final[Mapping[str, str]] = {
    "an open stay": "SELECT FROM episode WHERE patient_id = patient.id AND discharged_at IS NULL",
    "an open alert": f"SELECT FROM alert WHERE patient_id = patient.id AND {OPEN}",
    "an open referral": f"SELECT FROM referral WHERE patient_id = patient.id AND state IN ({_listed(REFERRED)})",
    "an open visit": f"SELECT FROM ucr_referral WHERE patient_id = patient.id AND state IN ({_listed(VISITED)})",
    "care that goes on": "SELECT FROM service_line WHERE patient_id = patient.id AND ended_at IS NULL",
    "support that goes on": "SELECT FROM prevention WHERE patient_id = patient.id AND closed_at IS NULL",
    "a hold": "SELECT FROM patient AS part WHERE hold_reason IS NOT NULL"
    " AND (part.id = patient.id OR part.merged_into = patient.id)",
}
"""What keeps a record whatever its age, the first that there is."""

_NEWEST: Final[str] = ", ".join(
    f"(SELECT max({seen}) FROM {table} WHERE patient_id = patient.id)"  # noqa: S608 - constants
    for table, seen in _SEEN.items()
)
_WHY: Final[str] = " ".join(f"WHEN EXISTS ({of}) THEN '{why}'" for why, of in _KEPT_BECAUSE.items())
_RECORD: Final[str] = f"""
SELECT id, public_id, birth_date, CASE {_WHY} END AS kept_because,
       greatest(created_at, {_NEWEST}, (SELECT max(created_at) FROM patient AS part WHERE merged_into = patient.id),
                (SELECT max(line.ended_at) FROM episode JOIN service_line AS line ON line.episode_id = episode.id
                 WHERE episode.patient_id = patient.id)) AS seen_at
FROM patient WHERE merged_into IS NULL AND erased_at IS NULL
"""  # noqa: S608 - put together from constants
_PAGE: Final[str] = f"{_RECORD} AND id > %(after)s ORDER BY id LIMIT %(most)s"
_ONE: Final[str] = f"{_RECORD} AND id = %(patient)s"

_KEYS: Final[Mapping[str, str]] = {
    "patients": "SELECT id FROM patient WHERE id = ANY(%(asked)s) OR merged_into = ANY(%(asked)s) ORDER BY id",
    "numbers": "SELECT nhs_number FROM patient WHERE id = ANY(%(patients)s) AND nhs_number IS NOT NULL",
    "episodes": "SELECT id FROM episode WHERE patient_id = ANY(%(patients)s) ORDER BY id",
    "spells": "SELECT public_id FROM episode WHERE patient_id = ANY(%(patients)s) UNION ALL"
    " SELECT public_id FROM outside_contact WHERE nhs_number = ANY(%(numbers)s)",
    "alerts": "SELECT id FROM alert WHERE patient_id = ANY(%(patients)s) ORDER BY id",
    "referrals": "SELECT id FROM referral WHERE patient_id = ANY(%(patients)s) ORDER BY id",
    "visits": "SELECT id FROM ucr_referral WHERE patient_id = ANY(%(patients)s) ORDER BY id",
}
_READINGS: Final = "SELECT source, id, (also ->> 'original')::uuid FROM reading WHERE episode_id = ANY(%(episodes)s)"
_ASIDES: Final = "SELECT source, id, key FROM set_aside WHERE patient_id = ANY(%(patients)s)"
