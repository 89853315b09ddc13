"""A clinician says whether sepsis is suspected, or says otherwise later. Each answer is one transaction."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from alert_rules.alarms import ENDED, Kind, State
from alert_rules.sepsis import CRITERIA, Answer, Question, Said, Tool, answered
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.alerts.answers import lock, refuse_stale
from monitoring.alerts.finding import as_view, found
from monitoring.alerts.holding import record, shown
from monitoring.alerts.tables import Alert
from monitoring.alerts.views import AlertDetail, event
from monitoring.events import emit
from monitoring.fields import Reason, Version, Word
from monitoring.refusals import Conflict, Fault, Forbidden, Unacceptable
from monitoring.sepsis.asking import keep, question_of
from monitoring.sepsis.tables import SepsisAnswer
from monitoring.sepsis.views import SepsisAnswerView, SepsisView, by_which, sepsis_view
from monitoring.ucr.suspecting import hear

ASKABLE: Final = frozenset({Kind.DETERIORATION, Kind.LATE_DETERIORATION, Kind.CONCERN})
"""Alerts that tell of the patient. The question is asked on the first; a clinician may answer it on all three."""
SHOWN_MAX: Final = 200
SAYS: Final = {
    Answer.SUSPECTED: "sepsis is suspected",
    Answer.NOT_SUSPECTED: "sepsis is not suspected",
    Answer.CANNOT_TELL: "cannot tell whether sepsis is suspected",
}
"""As an alert's history tells it."""


class SepsisAnswerBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the clinician thinks, and by which tool: NEWS2, or the NICE table for the community with what they saw."""

    answer: Answer
    tool: Tool
    criteria: Annotated[list[Word], msgspec.Meta(max_length=len(CRITERIA))] = []
    note: Reason | None = None
    version: Version | None = None


class CriterionView(msgspec.Struct):
    """A line of the table for the community."""

    name: str
    says: str
    risk: str  # high | moderate


class AnsweredView(SepsisAnswerView, kw_only=True):
    """An answer with the question that it was given to."""

    asked_at: datetime
    time_zero: datetime | None
    act_by: datetime | None
    score: int | None


class SepsisRecordView(msgspec.Struct, kw_only=True):
    """The question as it stands, every answer to it, the newest first, and what can be named as seen."""

    alert: UUID
    sepsis: SepsisView | None
    answers: list[AnsweredView]
    criteria: list[CriterionView]


def answer_sepsis(act: Act, alert_id: UUID, body: SepsisAnswerBody) -> AlertDetail:
    """Say whether sepsis is suspected; the last answer counts. Raises NotFound, Forbidden, Unacceptable, Conflict.

    To suspect is for every clinician; only a registered one says that it is not suspected. Who goes to the patient for
    UCR hears of it in the same transaction.
    """
    lock(act, alert_id)
    row = found(act, alert_id)
    alert: Alert = row[0]
    if body.answer is Answer.NOT_SUSPECTED and not (act.who.registered or act.who.role is Role.ADMIN):
        raise Forbidden("Only a registered clinician says that sepsis is not suspected.")
    _check(body)
    refuse_stale(row, body.version)
    if alert.state in ENDED:
        raise Conflict(f"The alert is {alert.state}.", current=as_view(row))
    if alert.kind not in ASKABLE:
        raise Conflict(f"An alert of {_plain(alert.kind)} tells nothing of sepsis.", current=as_view(row))
    question = _kept(act, alert, body)
    note = by_which(body.tool, body.criteria, body.note)
    record(act.session, alert, State(alert.state), SAYS[body.answer], act.now, by=act.who.id, note=note)
    told = hear(act.session, alert, question.status, act.now, act.who.id)
    detail = shown(act.session, alert, act.now)
    emit(act.session, [event(detail, act.now), *told])
    return detail


def sepsis_record(act: Act, alert_id: UUID) -> SepsisRecordView:
    """The question and its answers. Raises NotFound."""
    alert: Alert = found(act, alert_id)[0]
    query = (
        select(SepsisAnswer, Staff)
        .join(Staff, col(Staff.id) == col(SepsisAnswer.by))
        .where(col(SepsisAnswer.alert_id) == alert.id)
        .order_by(col(SepsisAnswer.id).desc())
        .limit(SHOWN_MAX)
    )
    return SepsisRecordView(
        alert=alert_id,
        sepsis=sepsis_view(alert.sepsis),
        answers=[_answered(one, staff) for one, staff in act.session.execute(query)],
        criteria=[CriterionView(name, *line) for name, line in CRITERIA.items()],
    )


def _check(body: SepsisAnswerBody) -> None:
    """Raise Unacceptable for criteria that there are not, or that the tool has not."""
    faults = [
        Fault(f"criteria[{place}]", f"is none of {', '.join(CRITERIA)}")
        for place, one in enumerate(body.criteria)
        if one not in CRITERIA
    ]
    if len(set(body.criteria)) < len(body.criteria):
        faults.append(Fault("criteria", "names one twice"))
    if body.criteria and body.tool is not Tool.NICE_COMMUNITY:
        faults.append(Fault("criteria", f"are of {Tool.NICE_COMMUNITY}"))
    if faults:
        raise Unacceptable(*faults)


def _kept(act: Act, alert: Alert, body: SepsisAnswerBody) -> Question:
    """Write the answer, once for good and once as how the question stands."""
    who = act.who
    said = Said(body.answer, body.tool, who.public_id, who.name, act.now, tuple(body.criteria), body.note)
    question = answered(question_of(alert.sepsis), said)
    keep(alert, question, act.now)
    act.session.add(
        SepsisAnswer(
            alert_id=alert.id, asked_at=question.asked_at, time_zero=question.time_zero, act_by=question.act_by,
            score=question.score, answer=body.answer, tool=body.tool, criteria=body.criteria, note=body.note, by=who.id,
            at=act.now,
        )
    )  # fmt: skip
    return question


def _answered(one: SepsisAnswer, staff: Staff) -> AnsweredView:
    return AnsweredView(
        answer=Answer(one.answer), tool=Tool(one.tool), criteria=one.criteria, note=one.note, by=staff.public_id,
        by_name=staff.name, at=one.at, asked_at=one.asked_at, time_zero=one.time_zero, act_by=one.act_by,
        score=one.score,
    )  # fmt: skip


def _plain(kind: str) -> str:
    return kind.replace("_", " ")
