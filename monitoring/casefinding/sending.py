"""Cases sent on to the practice's agreed contact, and what the practice replied. Nothing of it is ever changed."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlmodel import col

from monitoring.acts import Act
from monitoring.casefinding.cases import LISTED, Found, cases_named
from monitoring.casefinding.tables import CaseReply, CaseSent, CasesSent, Reply
from monitoring.fields import Instant, Line, OdsCode, Text, in_utc
from monitoring.loaded.formats import TableName
from monitoring.loaded.loading import in_force
from monitoring.loaded.tables import Practice
from monitoring.paging import Page, before
from monitoring.refusals import Conflict, NotFound, unacceptable

CASES_MAX: Final = 200


class SentBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A list as it was sent."""

    gp_practice: OdsCode
    to: Line
    cases: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=CASES_MAX)]


class ReplyBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the practice said of a case."""

    case: UUID
    reply: Reply
    note: Text | None = None
    at: Instant | None = None


class ReplyView(msgspec.Struct, kw_only=True):
    """What the practice said, and who wrote it down."""

    reply: Reply
    note: str | None
    at: datetime
    recorded_by: UUID


class SentCase(msgspec.Struct, kw_only=True):
    """A case of a list, and what came back."""

    case: UUID
    finding: Found
    replies: list[ReplyView]


class SentView(msgspec.Struct, kw_only=True):
    """A list that was sent."""

    id: UUID
    gp_practice: str
    to: str
    sent_at: datetime
    sent_by: UUID
    cases: list[SentCase]


def send(act: Act, body: SentBody) -> SentView:
    """Write down that cases were sent. Raises Unacceptable for what is no case of the practice, or another contact;
    Conflict for one that is not for a list.
    """
    _refuse_stranger(act, body)
    if len(set(body.cases)) < len(body.cases):
        raise unacceptable("cases", "names a case twice")
    known = cases_named(act, body.cases)
    for nth, one in enumerate(body.cases):
        case = known.get(one)
        if case is None or case.gp_practice != body.gp_practice:
            raise unacceptable(f"cases[{nth}]", f"is not a case of the practice {body.gp_practice}")
        if case.finding not in LISTED:
            raise Conflict("Somebody calls them today: that is not for a list.", current=case)
    sent = CasesSent(gp_practice=body.gp_practice, to=body.to, sent_by=act.who.id, sent_at=act.now)
    act.session.add(sent)
    act.session.flush()
    act.session.add_all(CaseSent(list_id=sent.id, case=one, finding=known[one].finding) for one in body.cases)
    act.session.flush()
    return one_sent(act, sent.public_id)


def reply(act: Act, list_id: UUID, body: ReplyBody) -> SentView:
    """Write down what the practice replied of a case. Raises NotFound, Unacceptable; Conflict before it was sent."""
    view = one_sent(act, list_id)
    case = act.session.execute(
        select(CaseSent)
        .join(CasesSent, col(CasesSent.id) == col(CaseSent.list_id))
        .where(col(CasesSent.public_id) == list_id, col(CaseSent.case) == body.case)
    ).scalar_one_or_none()
    if case is None:
        raise unacceptable("case", "is not on this list")
    at = act.now if body.at is None else in_utc("at", body.at)
    if at > act.now:
        raise unacceptable("at", "is in the future")
    if at < view.sent_at:
        raise Conflict("That is before the list was sent.", current={"sent_at": view.sent_at})
    act.session.add(
        CaseReply(case_id=case.id, reply=body.reply, note=body.note, at=at, recorded_by=act.who.id, recorded_at=act.now)
    )
    act.session.flush()
    return one_sent(act, list_id)


def one_sent(act: Act, list_id: UUID) -> SentView:
    """A list. Raises NotFound."""
    rows = _rows(act, {"id": list_id, "limit": 1})
    if not rows:
        raise NotFound(f"There is no list {list_id}.")
    return _view(rows[0])


def sent(act: Act, gp_practice: str | None, limit: int, cursor: str | None) -> Page[SentView]:
    """The lists that were sent, newest first."""
    rows = _rows(act, {"gp_practice": gp_practice, "before": before(cursor), "limit": limit + 1})
    return Page([_view(row) for row in rows[:limit]], str(rows[limit - 1].key) if len(rows) > limit else None)


def _refuse_stranger(act: Act, body: SentBody) -> None:
    """Raise Unacceptable where another contact was agreed with the practice: this is about people's health."""
    agreed = select(col(Practice.contact)).where(
        col(Practice.from_on) == in_force(act.session, act.now.date())[TableName.PRACTICES],
        col(Practice.gp_practice) == body.gp_practice,
    )
    contact = act.session.execute(agreed).scalar_one_or_none()
    if contact is not None and contact != body.to:
        raise unacceptable("to", "is not the agreed contact of this practice")


def _rows(act: Act, asked: dict[str, Any]) -> list[Any]:
    wards = None if act.who.wards is None else sorted(act.who.wards)
    everything = {"id": None, "gp_practice": None, "before": before(None), "wards": wards}
    return list(act.session.execute(_SENT, everything | asked))


def _view(row: Any) -> SentView:
    fields = dict(row._mapping)
    del fields["key"]
    return msgspec.convert(fields, SentView)


_SENT: Final = text(
    """
    SELECT cases_sent.id AS key, cases_sent.public_id AS id, cases_sent.gp_practice, cases_sent."to",
           cases_sent.sent_at, staff.public_id AS sent_by,
           (SELECT jsonb_agg(jsonb_build_object('case', case_sent.case, 'finding', case_sent.finding, 'replies',
                coalesce((SELECT jsonb_agg(jsonb_build_object('reply', case_reply.reply, 'note', case_reply.note,
                                                              'at', case_reply.at, 'recorded_by', by.public_id)
                                           ORDER BY case_reply.id)
                          FROM case_reply JOIN staff by ON by.id = case_reply.recorded_by
                          WHERE case_reply.case_id = case_sent.id), '[]')) ORDER BY case_sent.id)
            FROM case_sent WHERE case_sent.list_id = cases_sent.id) AS cases
    FROM cases_sent JOIN staff ON staff.id = cases_sent.sent_by
    WHERE cases_sent.id < :before AND (CAST(:id AS uuid) IS NULL OR cases_sent.public_id = :id)
      AND (CAST(:gp_practice AS text) IS NULL OR cases_sent.gp_practice = :gp_practice)
      AND (CAST(:wards AS text[]) IS NULL OR NOT EXISTS (
           SELECT FROM case_sent LEFT JOIN episode ON episode.public_id = case_sent.case
           LEFT JOIN ward ON ward.id = episode.ward_id
           WHERE case_sent.list_id = cases_sent.id AND (ward.code = ANY(:wards)) IS NOT TRUE))
    ORDER BY cases_sent.id DESC LIMIT :limit
    """
)
"""A list with its cases and replies; whoever works on certain wards sees those of their wards alone."""
