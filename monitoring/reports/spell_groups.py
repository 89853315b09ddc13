"""What spells are put together by in reports, and whose wards they are of."""

from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ARRAY, Text, TextClause, bindparam, text

from monitoring.acts import Act
from monitoring.clock import WARD_TIME
from monitoring.reports.periods import Span

NOT_RECORDED: Final = "not recorded"


class SpellsBy(StrEnum):
    """What spells are put together by. A spell is of the ward where the patient is, or was last."""

    ALL = "all"
    CONDITION = "condition"
    PATHWAY = "pathway"
    WARD = "ward"
    STEP = "step"
    PROVIDER = "provider"
    ICB = "icb"


GROUP: Final[dict[SpellsBy, str]] = {
    SpellsBy.ALL: "'all'::text",
    SpellsBy.CONDITION: f"coalesce(referral.condition, '{NOT_RECORDED}')",
    SpellsBy.PATHWAY: "ward.pathway",
    SpellsBy.WARD: "ward.code",
    SpellsBy.STEP: "episode.step",
    SpellsBy.PROVIDER: "ward.provider",
    SpellsBy.ICB: "ward.icb",
}
"""The same in SQL, of a spell with its ward and its referral."""

WITH_WARD_AND_REFERRAL: Final = """
    JOIN ward ON ward.id = episode.ward_id AND (:wards IS NULL OR ward.code = ANY(:wards))
    LEFT JOIN referral ON referral.id = episode.referral_id
"""


def by_group(query: str, by: SpellsBy) -> TextClause:
    """A query of spells whose `{group}` is what they are put together by."""
    return text(query.replace("{group}", GROUP[by])).bindparams(bindparam("wards", type_=ARRAY(Text)))


def of_span(act: Act, span: Span) -> dict[str, Any]:
    """What a query of spells asks for: the caller's wards, a span up to now, and what day it is."""
    return {
        "from": span.from_at,
        "to": max(span.from_at, min(span.until_at, act.now)),
        "today": act.now.astimezone(WARD_TIME).date(),
        "zone": WARD_TIME.key,
        "wards": None if act.who.wards is None else sorted(act.who.wards),
    }
