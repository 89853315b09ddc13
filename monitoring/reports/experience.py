"""How patients found it: what they answered in a period, never so few together that somebody could be known by it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from monitoring.acts import Act
from monitoring.reports.periods import Span
from monitoring.reports.small_numbers import SHOWN_FROM, hidden
from monitoring.reports.spell_groups import WITH_WARD_AND_REFERRAL, SpellsBy, by_group, of_span

METHOD: Final = {
    "answers": "The newest of each spell that was given in the period.",
    "score": "Mean of 0 to 10.",
    "recommend": "Share that answered 4 or 5 of 5.",
    "felt_safe": "Share that answered yes.",
    "suppressed": f"A figure of fewer than {SHOWN_FROM} answers is null, and the smallest others with it where it "
    "could be told from the total. It is counted for each question by itself.",
}

QUESTIONS: Final = ("answers", "score", "recommend", "felt_safe")


class Answers(msgspec.Struct, kw_only=True):
    """The answers to one question: how many and what they come to, both null where they are too few to be shown."""

    answers: int | None
    value: float | None


class ExperienceRow(msgspec.Struct, kw_only=True):
    """What patients of a group answered."""

    group: str
    answers: int | None
    score: Answers
    recommend: Answers
    felt_safe: Answers


class ExperienceReport(msgspec.Struct, kw_only=True):
    """Patient experience in a period, in all and by group."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: SpellsBy
    method: dict[str, str]
    total: ExperienceRow
    groups: list[ExperienceRow]

    @property
    def rows(self) -> list[ExperienceRow]:
        """Every line, the total first."""
        return [self.total, *self.groups]


def experience(act: Act, span: Span, by: SpellsBy) -> ExperienceReport:
    """The experience of the patients of the caller's wards."""
    asked = of_span(act, span)
    rows = act.session.execute(by_group(_EXPERIENCE, by), asked).mappings()
    total, *groups = [msgspec.convert(dict(row), ExperienceRow) for row in rows]
    return ExperienceReport(
        from_=asked["from"],
        to=asked["to"],
        by=by,
        method=METHOD,
        total=_shown([total])[0],
        groups=[] if by is SpellsBy.ALL else _shown(groups),
    )


def _shown(rows: Sequence[ExperienceRow]) -> list[ExperienceRow]:
    """The rows without what counts too few."""
    too_few = {question: hidden({row.group: _number(row, question) for row in rows}) for question in QUESTIONS}
    return [_without(row, too_few) for row in rows]


def _number(row: ExperienceRow, question: str) -> int:
    asked: Answers | int | None = getattr(row, question)
    return (asked.answers if isinstance(asked, Answers) else asked) or 0


def _without(row: ExperienceRow, too_few: Mapping[str, frozenset[str]]) -> ExperienceRow:
    nothing: Mapping[str, Answers | None] = {"answers": None}
    gone = {
        question: nothing.get(question, Answers(answers=None, value=None))
        for question in QUESTIONS
        if row.group in too_few[question]
    }
    return msgspec.structs.replace(row, **gone)


def _question(field: str, value: str) -> str:
    """An Answers of a field of what was said."""
    return f"""jsonb_build_object('answers', count(said -> '{field}'),
               'value', round((avg({value}) FILTER (WHERE said ? '{field}'))::numeric, 4)) AS {field}"""


_EXPERIENCE: Final = f"""
WITH answer AS (
    SELECT DISTINCT ON (entry.episode_id) {{group}} AS grp, entry.data AS said
    FROM spell_entry entry JOIN episode ON episode.id = entry.episode_id {WITH_WARD_AND_REFERRAL}
    WHERE entry.kind = 'experience' AND entry.at >= :from AND entry.at < :to
    ORDER BY entry.episode_id, entry.id DESC
)
SELECT CASE WHEN grouping(grp) = 1 THEN 'all' ELSE grp END AS "group", count(*) AS answers,
       {_question("score", "(said ->> 'score')::int")},
       {_question("recommend", "((said ->> 'recommend')::int >= 4)::int")},
       {_question("felt_safe", "(said ->> 'felt_safe')::boolean::int")}
FROM answer
GROUP BY GROUPING SETS ((), (grp))
ORDER BY grouping(grp) DESC, grp
"""  # noqa: S608 - put together from the constants above
