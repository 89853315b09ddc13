"""Stays: how long, to where, what they were instead of, and what came after. One query, whatever their number.

Source of every definition: docs/clinical/policy.md, *Spells, clocks and counts*; METHOD says them in the answer.
"""

from datetime import datetime
from typing import Final

import msgspec

from monitoring.acts import Act
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import SpellsBy, by_group, of_span
from monitoring.reports.stays_query import STAYS

METHOD: Final = {
    "spells": "admitted: began in the period; ended: discharged in it; still_in: in at its end. Of the ward where the "
    "patient is or was last. The period ends now at the latest, its end left out; what was recorded late counts when "
    "it was.",
    "length_of_stay": "ward days: from admission to discharge in days of 24 h (still in: to the end of the period). "
    "Hospital days: nights from the hospital admission to the admission here, where it was recorded. Total: both; a "
    "step-up without a hospital stay has none; a step-down whose hospital days were not recorded is left out.",
    "apart": "discharged: home, hospice and self. Escalated to acute and died are counted apart, and still in too.",
    "centile": "Linear interpolation between the closest ranks (as PostgreSQL's percentile_cont and numpy's default).",
    "avoided": "Step-up, a clinician recorded that the patient would have been admitted to hospital, and no acute "
    "admission is known here in the 7 days after: avoided. Those whose 7 days are not over: avoided_open. Beside them "
    "the raw counts, step_up and would_be_admitted.",
    "acute_admission": "Known here: a spell that ended in acute care, a leave in hospital, or a later referral that "
    "names a hospital admission. A hospital stay of which nobody told us is not counted, a planned one is.",
    "bed_days_saved": "Step-down: the date until which the patient was expected to stay in hospital without the ward, "
    "recorded at acceptance, minus the date of admission here; summed over those where it was recorded "
    "(bed_days_saved_spells).",
    "readmitted": "Of those discharged, not escalated, not died: an acute admission within 30 days is "
    "readmitted_acute, another spell here readmitted_here. The rate is the acute ones' share of those whose 30 days "
    "are over (followed).",
    "escalated_rate": "Spells that ended in acute care / all that ended; died_rate likewise.",
    "no_criteria": "In at the end of the period and ready to leave: by days since they were, and by days of stay.",
}


class Days(msgspec.Struct, kw_only=True):
    """How long, in days: of `spells` spells."""

    spells: int
    mean: float | None
    median: float | None
    p90: float | None


class NoCriteria(msgspec.Struct, kw_only=True):
    """Who no longer meets the criteria to reside and has not left."""

    patients: int
    days: int  # whole days since they were ready, summed
    ready_7: int  # ready for 7 days or longer
    ready_14: int
    ready_21: int
    stay_7: int  # ready, and here for 7 days or longer
    stay_14: int
    stay_21: int


class StaysRow(msgspec.Struct, kw_only=True):
    """The stays of a group."""

    group: str
    admitted: int
    step_up: int
    step_down: int
    would_be_admitted: int  # step-up
    avoided: int
    avoided_open: int
    bed_days_saved: int | None
    bed_days_saved_spells: int
    ended: int
    home: int
    hospice: int
    self: int
    acute: int
    died: int
    escalated_rate: float | None
    died_rate: float | None
    failed_discharges: int
    followed: int
    readmitted_acute: int
    readmitted_here: int
    readmission_rate: float | None
    still_in: int
    ward_days: Days  # of those discharged, as the next two
    hospital_days: Days
    total_days: Days
    acute_ward_days: Days
    died_ward_days: Days
    still_in_ward_days: Days
    no_criteria: NoCriteria


class StaysReport(msgspec.Struct, kw_only=True):
    """Stays in a period, in all and by group."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: SpellsBy
    method: dict[str, str]
    total: StaysRow
    groups: list[StaysRow]

    @property
    def rows(self) -> list[StaysRow]:
        """Every line, the total first."""
        return [self.total, *self.groups]


def stays(act: Act, span: Span, by: SpellsBy) -> StaysReport:
    """The stays of the caller's wards."""
    asked = of_span(act, span)
    rows = act.session.execute(by_group(STAYS, by), asked).mappings()
    total, *groups = [msgspec.convert(dict(row), StaysRow) for row in rows]
    return StaysReport(
        from_=asked["from"],
        to=asked["to"],
        by=by,
        method=METHOD,
        total=total,
        groups=[] if by is SpellsBy.ALL else groups,
    )
