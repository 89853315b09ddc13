"""The daily round of a ward: how many are on each list, and each list to be worked off. One query each."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from monitoring.access.gate import see_ward
from monitoring.acts import Act
from monitoring.database import AnyRow
from monitoring.flow.tables import LetterKind
from monitoring.paging import Page
from monitoring.refusals import NotFound
from monitoring.rounds.cursors import BEGINNING, as_instant, as_number, cursor_at, place_of
from monitoring.rounds.days import today
from monitoring.rounds.people import PERSON, PersonView, person
from monitoring.rounds.round_lists import HERE, LISTS, ListName, RoundList, asked_at
from monitoring.wards.occupancy import ShiftView, staffing
from monitoring.wards.tables import LeaveKind


class RoundView(msgspec.Struct, kw_only=True):
    """How many are on each list of a ward now, and how many patients there are to each member of staff."""

    ward: str
    at: datetime
    day: date  # in London
    patients: int
    lists: dict[ListName, int]
    staffing: list[ShiftView]


class RoundItem(PersonView, kw_only=True, omit_defaults=True):
    """Somebody on a list, why, and since when. `delay` or `letter` is what to end or to send."""

    why: str
    since: datetime
    admitted_at: datetime
    on_leave: LeaveKind | None
    delay: UUID | None = None
    letter: LetterKind | None = None


def _counts() -> TextClause:
    counted = ", ".join(f"(SELECT count(*) FROM ({one.query}) AS list) AS {name}" for name, one in LISTS.items())  # noqa: S608
    return text(
        f"""
        WITH {HERE}
        SELECT ward.staff_on_shift, (SELECT count(*) FROM here) AS patients, {counted}
        FROM ward WHERE ward.code = :ward
        """  # noqa: S608 - our own names
    )


def _page_of(one: RoundList) -> TextClause:
    return text(
        f"""
        WITH {HERE}, listed AS ({one.query})
        SELECT item.*
        FROM ward
        LEFT JOIN (
            SELECT {PERSON}, listed.since, listed.key, listed.said, episode.admitted_at, away.kind AS on_leave
            FROM listed
            JOIN episode ON episode.id = listed.episode_id
            JOIN patient ON patient.id = episode.patient_id
            LEFT JOIN leave AS away ON away.episode_id = episode.id AND away.until_at IS NULL
            WHERE (listed.since, listed.key) > (:after, :after_key)
            ORDER BY listed.since, listed.key LIMIT :limit
        ) AS item ON true
        WHERE ward.code = :ward
        ORDER BY item.since, item.key
        """  # noqa: S608 - our own names
    )


_COUNTS: Final = _counts()
_PAGES: Final = {name: _page_of(one) for name, one in LISTS.items()}


def daily_round(act: Act, code: str) -> RoundView:
    """The number of each list. Raises Forbidden, NotFound."""
    see_ward(act.who, code)
    row = act.session.execute(_COUNTS, asked_at(act.session, code, act.now)).one_or_none()
    if row is None:
        raise NotFound(f"There is no ward {code}.")
    return RoundView(
        ward=code,
        at=act.now,
        day=today(act.now),
        patients=row.patients,
        lists={name: getattr(row, name) for name in LISTS},
        staffing=staffing(row.patients, row.staff_on_shift or {}),
    )


def round_list(act: Act, code: str, name: ListName, limit: int, cursor: str | None) -> Page[RoundItem]:
    """Who is on a list, the longest first. Raises Forbidden, NotFound, Unacceptable."""
    see_ward(act.who, code)
    after, after_key = (as_number(BEGINNING), 0) if cursor is None else place_of(cursor, 2)
    asked = asked_at(act.session, code, act.now) | {
        "after": as_instant(after),
        "after_key": after_key,
        "limit": limit + 1,
    }
    rows = act.session.execute(_PAGES[name], asked).all()
    if not rows:
        raise NotFound(f"There is no ward {code}.")
    found = [row for row in rows if row.episode is not None]  # an empty list is a row of its own
    shown = [_item(name, row, act.now) for row in found[:limit]]
    return Page(shown, _next(found, limit))


def _next(rows: list[AnyRow], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return cursor_at(as_number(last.since), last.key)


def _item(name: ListName, row: AnyRow, now: datetime) -> RoundItem:
    also: dict[str, Any] = {}
    if "delay" in row.said:
        also["delay"] = UUID(row.said["delay"])
    if "letter" in row.said:
        also["letter"] = LetterKind(row.said["letter"])
    return RoundItem(
        **person(row, today(now)),
        why=LISTS[name].why(row.since, row.said, now),
        since=row.since,
        admitted_at=row.admitted_at,
        on_leave=row.on_leave,
        **also,
    )
