"""The page on what the software decides by default: every number on it is read from the code."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from alert_rules.accepted import ACCEPTED_FOR_MAX
from alert_rules.alarms import (
    ACKNOWLEDGE_WITHIN,
    ACT_WITHIN,
    ASK_AGAIN_AFTER,
    ASK_AGAIN_IN,
    COMPLETE_WITHIN,
    SNOOZE_MAX,
    TECHNICAL,
    WORSE_BY,
    Kind,
    Outcome,
    diagram,
)
from alert_rules.compose import AGE_LIMIT_US, GLUCOSE_LIMIT_US, OWN_WORD_US
from alert_rules.concern import DANGER
from alert_rules.duty import GAPS_LOOKED_FOR, HANDS_OVER_WITHIN, TAKEN_WITHIN
from alert_rules.kinds import DAY_US, EARLIER_MAX, WITHIN_MAX_US
from alert_rules.kit import (
    BATTERY_CHARGED_PERCENT,
    BATTERY_LOW_PERCENT,
    SELDOM_USED,
    SILENT_AFTER,
    TOLD_AGAIN_AFTER,
)
from alert_rules.ladder import REPEAT_S, When
from alert_rules.limits import LIMITED, LINES, SCALE_2, UNITS
from alert_rules.news2 import AGE_YEARS_MIN
from alert_rules.pathway import pathways, usual_ladders
from alert_rules.refractory import ANSWERED
from alert_rules.repeating import AMBER_WITHIN, WORSE_WITHIN
from alert_rules.sentences import would
from alert_rules.severity import COMPLETE_AT, COMPLETE_FROM, COMPLETE_IF_MAX, LINE_RULES, RULES, Rule, Severity
from alert_rules.silence import (
    FIRST_SET_AFTER,
    GRACE,
    USUAL_TIMES,
    WELFARE_CHECK_AFTER,
    WELFARE_CHECK_DECLINED,
    WELFARE_CHECK_MISSED,
    overdue_severity,
)
from alert_rules.usual import LEARNT_WITHIN, READINGS_MIN
from alert_rules.vitals import PARAMETERS
from alert_rules.words import LABELS, shown
from devices.plausible import POSSIBLE, PROBABLE, ZERO_IS_A_VALUE
from monitoring.escalation.proving import TESTED_FROM
from monitoring.patients.plan import NEEDED_WITHOUT_SCORE
from monitoring.prompts.views import ASKED_FROM, REMINDED_AFTER
from monitoring.recovery.clocks import RE_ACCESS_DAYS, Service
from monitoring.recovery.clocks import Outcome as RecoveryOutcome
from tests.spec.accepted import ACCEPTED, words
from tests.spec.kept_aside import kept_aside
from tests.spec.markdown import table
from tests.spec.policy_page import PAGE
from tests.spec.sentences import TOLD
from tests.spec.severity import SEVERITY, TO_COMPLETE
from workers.prompts import SMS_FROM, SMS_UNTIL

KINDS: Final = {
    Kind.DETERIORATION: "NEWS2, a threshold or a limit, of the newest that is known",
    Kind.CONCERN: "somebody is worried",
    Kind.OVERDUE: "readings that were due did not come",
    Kind.DEVICE: "a device is silent, its battery low or its clock wrong",
    Kind.DATA_QUALITY: "a refused value, readings kept aside that would be red, a NEWS2 that came and is not ours",
    Kind.LATE_DETERIORATION: "what a set found that came late, and newer ones measured again, was red or critical",
    Kind.POSTING_AFTER_DISCHARGE: "readings of a patient who is on no ward",
}

ENDS_BY_ITSELF: Final = {Kind.OVERDUE: "yes", Kind.DEVICE: "yes", Kind.DATA_QUALITY: "refused values"}


def policy() -> str:
    """The page."""
    return PAGE.format(
        severities=_severities(),
        rules="\n".join(_rule_rows()),
        age_years_min=AGE_YEARS_MIN,
        limited=", ".join(LABELS[vital] for vital in LIMITED),
        pathways=_pathways(),
        added=_added(),
        drawn=_drawn(),
        learnt_days=LEARNT_WITHIN.days,
        learnt_min=READINGS_MIN,
        earlier=EARLIER_MAX,
        within=f"{WITHIN_MAX_US // DAY_US} days",
        scale_2_amber=f"{(SCALE_2.red_low or 0) + 1}–{SCALE_2.amber_low}",
        scale_2_red=SCALE_2.red_low,
        scale_2_amber_high=f"{SCALE_2.amber_high}–{(SCALE_2.red_high or 0) - 1}",
        scale_2_red_high=SCALE_2.red_high,
        examples=table(
            ("Set", "Severity", "Rules"),
            [(row.given, row.severity, ", ".join(row.rules)) for row in SEVERITY],
        ),
        sentences=table(("Set", "Rule", "Says"), [(row.given, row.rule, row.text) for row in TOLD]),
        complete_at=COMPLETE_AT,
        complete_within=_span(COMPLETE_WITHIN),
        complete_from=COMPLETE_FROM,
        complete_if_max=COMPLETE_IF_MAX,
        to_complete=table(
            ("Set", "Score", "to", "Task"),
            [(row.given, row.score, row.score_max, "yes" if row.asked else "no") for row in TO_COMPLETE],
        ),
        carried=_carried(),
        glucose_limit=_span(_microseconds(GLUCOSE_LIMIT_US)),
        own_word=_span(_microseconds(OWN_WORD_US)),
        kinds=table(
            ("Kind", "Is about", "Ends by itself"),
            [(kind, KINDS[kind], ENDS_BY_ITSELF.get(kind, "")) for kind in Kind],
        ),
        diagram=diagram(),
        technical=", ".join(f"`{kind}`" for kind in Kind if kind in TECHNICAL),
        needed=_needed(),
        welfare=_span(WELFARE_CHECK_AFTER),
        ask_again=_span(ASK_AGAIN_AFTER),
        outcomes=", ".join(f"`{outcome}`" for outcome in Outcome),
        worse_by=WORSE_BY,
        schedules=table(
            ("Readings a day", "At*"), [(per_day, ", ".join(times) or "none") for per_day, times in USUAL_TIMES.items()]
        ),
        grace=_span(GRACE),
        ladders=_ladders(),
        repeat_critical=_span(timedelta(seconds=REPEAT_S[Severity.CRITICAL])),
        repeat_red=_span(timedelta(seconds=REPEAT_S[Severity.RED])),
        tested_from=f"{TESTED_FROM:%H:%M}",
        asked=_asked(),
        snooze=_span(SNOOZE_MAX),
        oncology=", ".join(f"`{step.tell}`" for step in pathways()["acute_oncology"].ladders["red"]),
        danger=", ".join(DANGER),
        gaps_days=GAPS_LOOKED_FOR.days,
        hands_over=_span(HANDS_OVER_WITHIN),
        taken=_span(TAKEN_WITHIN),
        first_set=_span(FIRST_SET_AFTER),
        overdue=_overdue(),
        **kept_aside(_span),
        accepted_days=ACCEPTED_FOR_MAX.days,
        accepted=table(
            ("Set", "Accepted", "Severity", "Rules"),
            [(row.given, words(row.accepted), row.severity, ", ".join(row.rules)) for row in ACCEPTED],
        ),
        refractory=", ".join(
            f"{one.title} {_span(one.refractory)}" for one in pathways().values() if one.refractory is not None
        ),
        answered=", ".join(f"`{outcome}`" for outcome in Outcome if outcome in ANSWERED),
        repeat_first=", ".join(sorted(one.title for one in pathways().values() if one.repeat_first)),
        amber_within=_span(AMBER_WITHIN),
        worse_within=_span(WORSE_WITHIN),
        reminded_after=_span(REMINDED_AFTER),
        asked_from=f"{ASKED_FROM:%H:%M}",
        sms_from=f"{SMS_FROM:%H:%M}",
        sms_until=f"{SMS_UNTIL:%H:%M}",
        kit=_kit(),
        silent=_span(SILENT_AFTER),
        charged=BATTERY_CHARGED_PERCENT,
        told_again=_span(TOLD_AGAIN_AFTER),
        zero="".join(f", but for {name.replace('_', ' ')}" for name in sorted(ZERO_IS_A_VALUE)),
        possible=_possible(),
        clocks=_clocks(),
        services=" or ".join(f"`{one}`" for one in Service),
        re_access=RE_ACCESS_DAYS,
        recovery_outcomes=", ".join(f"`{one}`" for one in RecoveryOutcome),
    )


def _kit() -> str:
    seldom = [(f"nothing heard of a {kind.replace('_', ' ')}", _span(span)) for kind, span in SELDOM_USED.items()]
    return table(
        ("Trouble", "From*"),
        [
            ("nothing heard of a device", _span(SILENT_AFTER)),
            *seldom,
            ("low battery", f"{BATTERY_LOW_PERCENT} % or less"),
        ],
    )


def _severities() -> str:
    return table(
        ("Severity", "Acknowledge within*", "Act within*"),
        [
            (one.label, _span(ACKNOWLEDGE_WITHIN[one]), _span(ACT_WITHIN[one]))
            for one in sorted(ACKNOWLEDGE_WITHIN, reverse=True)
        ],
    )


def _rule_rows() -> list[str]:
    """Rules worst first; those of limits in one row for each colour, where they begin."""
    first_of_lines = {rules[0]: rules for rules in LINE_RULES.values()}
    all_lines = {rule for rules in LINE_RULES.values() for rule in rules}
    rows = []
    for rule in RULES:
        if rule in first_of_lines:
            colour = rule.severity.label
            rows.append(_row(rule.severity, f"‹vital›_{colour}_low, ‹vital›_{colour}_high", f"{colour} limit"))
        elif rule not in all_lines:
            rows.append(_row(rule.severity, rule.name, _bound(rule)))
    return rows


def _row(severity: Severity, name: str, bound: str) -> str:
    return f"| {severity.label} | {name} | {bound} |"


def _bound(rule: Rule) -> str:
    """A rule's sentence without the values: `{pulse} (131 or more)` is "pulse … (131 or more)"."""
    if rule.says == "{consciousness}":
        return {"unresponsive": "consciousness V, P or U", "new_confusion": "consciousness C"}[rule.name]
    return re.sub(r"\{(\w+)\}", lambda found: _word(found[1]), rule.says)


def _word(word: str) -> str:
    word = word.removesuffix("_lately").removesuffix("_now")
    return f"{LABELS[word]} …" if word in LABELS else "…"


def _pathways() -> str:
    return table(
        ("Pathway", "Readings per day", "Amber", "Red", "Prompt at red", "Longest stay", "In the SitRep"),
        [
            (
                f"{one.title} (`{one.name}`)",
                one.readings_per_day,
                f"{one.spo2.red_low + 1}–{one.spo2.amber_low} %",
                f"{one.spo2.red_low} % or less",
                one.spo2.red_prompt,
                f"{one.max_stay_days} days",
                "yes" if one.in_sitrep else "no",
            )
            for one in pathways().values()
        ],
    )


def _added() -> str:
    return table(
        ("Pathway", "Severity", "Rule", "Fires when"),
        [
            (f"`{one.name}`", rule.severity.label, rule.name, would(rule))
            for one in pathways().values()
            for rule in sorted(one.rules, key=lambda rule: rule.severity, reverse=True)
        ],
    )


def _drawn() -> str:
    return "; ".join(
        f"`{one.name}` {LABELS[vital]} {line.replace('_', ' ')} {shown(vital, bound)} {UNITS[vital]}"
        for one in pathways().values()
        for vital, lines in one.limits.items()
        for line in LINES
        if (bound := getattr(lines, line)) is not None
    )


def _clocks() -> str:
    return table(
        ("Pathway", "First care, from the hospital's referral", "Assessed, from reaching home", "Longest stay"),
        [
            (
                f"{one.title} (`{one.name}`)",
                *("" if limit is None else f"{limit} h" for limit in (one.first_care_within_h, one.assessed_within_h)),
                f"{one.max_stay_days} days",
            )
            for one in pathways().values()
            if one.gives_care
        ],
    )


def _needed() -> str:
    return ", ".join(
        f"{LABELS[vital]} {' and '.join(line.replace('_', ' ') for line in lines)}"
        for vital, lines in NEEDED_WITHOUT_SCORE.items()
    )


def _carried() -> str:
    limits = [_span(_microseconds(int(limit))) for limit in AGE_LIMIT_US[: len(PARAMETERS)]]
    return table(
        ("Vital sign", "Counts for*"), [(LABELS[name], limit) for name, limit in zip(PARAMETERS, limits, strict=True)]
    )


def _overdue() -> str:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    lately, long_ago = now - timedelta(hours=5), now - WELFARE_CHECK_AFTER
    cases = [
        ("One slot missed", overdue_severity(1, lately, now, worrying=False)),
        ("One slot missed, worrying", overdue_severity(1, lately, now, worrying=True)),
        (f"{WELFARE_CHECK_MISSED} slots missed", overdue_severity(WELFARE_CHECK_MISSED, lately, now, worrying=False)),
        (f"{_span(WELFARE_CHECK_AFTER)} silent", overdue_severity(1, long_ago, now, worrying=False)),
        (f"{WELFARE_CHECK_DECLINED} sets declined, and none sent since", Severity.RED),
    ]
    return table(("Silence", "Severity*"), [(words, severity.label) for words, severity in cases])


def _ladders() -> str:
    rows = [
        [
            name.replace("_", " "),
            " → ".join(f"{step.tell} ({_span(timedelta(seconds=step.wait_s))})" for step in ladder),
            "in staffed hours" if any(step.when is When.STAFFED for step in ladder) else "always",
        ]
        for name, ladder in usual_ladders().items()
    ]
    return table(["ladder", "who is told, and how long they have*", "when"], rows)


def _asked() -> str:
    after = [ASK_AGAIN_AFTER]
    for span in ASK_AGAIN_IN[:-1]:
        after.append(after[-1] + span)
    return ", ".join(_span(span) for span in after)


def _possible() -> str:
    return table(
        ("Value", "Unit", "Refused outside", "Improbable outside"),
        [
            (
                name.replace("_", " "),
                UNITS.get(name, "L/min"),
                f"{POSSIBLE[name][0]}–{POSSIBLE[name][1]}",
                f"{PROBABLE[name][0]}–{PROBABLE[name][1]}",
            )
            for name in POSSIBLE
        ],
    )


def _microseconds(span_us: int) -> timedelta:
    return timedelta(microseconds=span_us)


def _span(span: timedelta) -> str:
    """As people say it: minutes up to two hours, then hours."""
    minutes = span // timedelta(minutes=1)
    return f"{minutes} min" if minutes <= 120 else f"{minutes // 60} h"
