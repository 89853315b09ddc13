"""How soon UCR came: the provider's measure and the patient's, against the standard, with the numbers under each.

Source: docs/clinical/policy.md, *Spells, clocks and counts*; METHOD says in the answer how each is counted.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from monitoring.acts import Act
from monitoring.clock import WARD_TIME
from monitoring.loaded.formats import TableName
from monitoring.loaded.loading import in_force
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import of_span
from monitoring.ucr.clock import STANDARD
from monitoring.ucr.leaving import DIED
from monitoring.ucr.report_query import MINUTES, UCR, UcrBy, by_group

METHOD: Final = {
    "in_scope": "Referrals that ask for the two-hour response; all others are out_of_scope, counted and in no share.",
    "provider": "Each referral that a team got in the period: from that team's receipt to its first face-to-face "
    "contact, by the clock rule kept with the referral (received out of its hours, it counts from its opening).",
    "patient": "Each request first made in the period, whatever teams it went through: from the first request to the "
    "first face-to-face contact, within two hours of the clock on the wall. No rule shortens it, no decline restarts "
    "it. In the group of the team that it came to last.",
    "met": "Seen in time. not_met: late, open_past_breach and, for the patient, unplaced and all_declined, even where "
    "they were called off later.",
    "excluded": "In scope and in no share: declined and unanswered (provider only: the patient goes on to another), "
    "and what ended before a visit in time could be made: cancelled, conveyed_before, died_before, no_access_before.",
    "pending": "Nobody is there yet, and there is time left.",
    "share": "met / (met + not_met); null where both are 0. The standard: 0.7.",
    "contacts": "Face-to-face contacts of all referrals counted, in scope or not. A phone call is none.",
    "minutes": "From receipt, or the first request, to the contact: of those in scope that were seen. Linear "
    "interpolation between the closest ranks.",
    "groups": "Hour: of the receipt (patient: of the first request), London. Area: postcode district. Deprivation: "
    "fifths of the Index of Multiple Deprivation, 1 the most deprived, from the tables loaded. As known now.",
}

NOT_MET: Final = ("late", "open_past_breach", "unplaced", "all_declined")
EXCLUDED: Final = ("declined", "unanswered", "cancelled", "conveyed_before", "died_before", "no_access_before")


class Measure(msgspec.Struct, kw_only=True):
    """One of the two measures: of all that are in scope, those met, not met and excluded by reason, and pending."""

    in_scope: int
    met: int
    not_met: int
    share: float | None
    meets_standard: bool | None
    late: int
    open_past_breach: int
    unplaced: int
    all_declined: int
    excluded: int
    declined: int
    unanswered: int
    cancelled: int
    conveyed_before: int
    died_before: int
    no_access_before: int
    pending: int
    minutes_median: float | None
    minutes_p90: float | None
    contacts: int
    out_of_scope: int


class UcrRow(msgspec.Struct, kw_only=True):
    """The two measures of a group."""

    group: str
    provider: Measure
    patient: Measure


class UcrReport(msgspec.Struct, kw_only=True):
    """The response in a period, in all and by group."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    by: UcrBy
    standard: float
    method: dict[str, str]
    total: UcrRow
    groups: list[UcrRow]

    @property
    def rows(self) -> list[UcrRow]:
        """Every line, the total first."""
        return [self.total, *self.groups]


Key = tuple[bool, str, str]
"""Whether it is the total, the group, and the measure."""


def ucr_response(act: Act, span: Span, by: UcrBy) -> UcrReport:
    """The response to referrals of the caller's wards."""
    asked = of_span(act, span) | {"now": act.now, "died": DIED}
    last_day = (asked["to"] - timedelta(microseconds=1)).astimezone(WARD_TIME).date()
    versions = in_force(act.session, last_day)
    for name in (TableName.DEPRIVATION, TableName.POSTCODES):
        asked[f"{name}_from"] = versions[name]
    classes: dict[Key, Counter[str]] = {}
    contacts: Counter[Key] = Counter()
    for row in act.session.execute(by_group(UCR, by), asked):
        key = (bool(row.is_total), row.grp, row.measure)
        classes.setdefault(key, Counter())[row[3]] += row.number
        contacts[key] += row.contacts
    minutes: dict[Key, Any] = {
        (bool(row.is_total), row.grp, row.measure): row for row in act.session.execute(by_group(MINUTES, by), asked)
    }

    def line(group: str, *, is_total: bool) -> UcrRow:
        keys = {measure: (is_total, group, measure) for measure in ("provider", "patient")}
        return UcrRow(
            group=group,
            **{
                name: _measure(classes.get(key, Counter()), contacts[key], minutes.get(key))
                for name, key in keys.items()
            },
        )

    groups = sorted({group for is_total, group, _ in classes if not is_total})
    return UcrReport(
        from_=asked["from"],
        to=asked["to"],
        by=by,
        standard=STANDARD,
        method=METHOD,
        total=line("all", is_total=True),
        groups=[] if by is UcrBy.ALL else [line(group, is_total=False) for group in groups],
    )


def _measure(classes: Mapping[str, int], contacts: int, minutes: Any) -> Measure:
    met = classes.get("met", 0)
    out_of_scope = classes.get("out_of_scope", 0)
    not_met, excluded = (sum(classes.get(name, 0) for name in names) for names in (NOT_MET, EXCLUDED))
    judged = met + not_met
    share = met / judged if judged else None
    return Measure(
        in_scope=sum(classes.values()) - out_of_scope,
        met=met,
        not_met=not_met,
        share=share,
        meets_standard=None if share is None else share >= STANDARD,
        **{name: classes.get(name, 0) for name in (*NOT_MET, *EXCLUDED)},
        excluded=excluded,
        pending=classes.get("pending", 0),
        minutes_median=None if minutes is None else float(minutes.median),
        minutes_p90=None if minutes is None else float(minutes.p90),
        contacts=contacts,
        out_of_scope=out_of_scope,
    )
