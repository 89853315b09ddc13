"""The question as the outside sees it: in every alert that asks it, in answers, live and in the handover."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from alert_rules.sepsis import CRITERIA, QUESTION, UCR_ALONE, WHO, WINDOWS_SOURCE, Answer, Question, Tool
from monitoring.sepsis.asking import question_of


class SepsisAnswerView(msgspec.Struct, kw_only=True):
    """What a clinician said."""

    answer: Answer
    tool: Tool
    criteria: list[str]  # of the table for the community, as seen
    note: str | None
    by: UUID
    by_name: str
    at: datetime


class SepsisView(msgspec.Struct, kw_only=True):
    """The question on an alert. Where sepsis is suspected, something has to be done `act_by`."""

    question: str
    who: str
    status: str  # unanswered | suspected | not_suspected; who cannot tell has not answered it
    why: str
    asked_at: datetime
    time_zero: datetime | None  # when the score was calculated from which the clock runs
    act_by: datetime | None
    window: str
    answer: SepsisAnswerView | None
    advice: str | None


def sepsis_view(stored: dict[str, Any] | None) -> SepsisView | None:
    """From the alert's row."""
    if (question := question_of(stored)) is None:
        return None
    return SepsisView(
        question=QUESTION,
        who=WHO,
        status=question.status,
        why=why(question),
        asked_at=question.asked_at,
        time_zero=question.time_zero,
        act_by=question.act_by,
        window=WINDOWS_SOURCE,
        answer=_answer(question),
        advice=UCR_ALONE if question.status == Answer.SUSPECTED else None,
    )


def why(question: Question) -> str:
    """Why it is asked."""
    if question.score is None:
        return "a clinician said so unasked"
    reds = sorted(question.reds)
    alone = f"{', '.join(one.replace('_', ' ') for one in reds)} scoring 3" if reds else ""
    return f"NEWS2 {question.score}" + (f", {alone}" if alone else "")


def by_which(tool: Tool, criteria: list[str] | tuple[str, ...], note: str | None) -> str:
    """How an answer was come to, in a sentence."""
    by = "by NEWS2" if tool is Tool.NEWS2 else "by the NICE table for the community"
    seen = "; ".join(CRITERIA[one].says for one in criteria)
    return ": ".join(one for one in (by, seen, note) if one)


def _answer(question: Question) -> SepsisAnswerView | None:
    if (said := question.said) is None:
        return None
    return SepsisAnswerView(
        answer=said.answer, tool=said.tool, criteria=list(said.criteria), note=said.note, by=said.by,
        by_name=said.by_name, at=said.at,
    )  # fmt: skip
