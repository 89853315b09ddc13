"""A handover in words: situation, background, assessment, recommendation. Pure; times are London's."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from alert_rules.sepsis import Answer, Question
from alert_rules.silence import LOCAL
from monitoring.sepsis.views import by_which, why
from monitoring.ucr.clock import Response

HOSPITAL: Final = {
    "yes": "Hospital if needed.",
    "no": "NOT for hospital: care at home, as the plan says; 999 stays possible.",
    "discuss": "Hospital only after discussion.",
}
SEPSIS: Final = {
    "suspected": "SEPSIS IS SUSPECTED, and UCR alone is not the answer: emergency care, usually 999, with the hospital "
    "told before, where a high-risk criterion is met. The ward was told in the same moment.",
    "unanswered": "Whether sepsis is suspected is NOT answered: ask it first. The ward was told in the same moment.",
    "not_suspected": "Sepsis is not suspected.",
    "not_asked": "Sepsis: not asked.",
}
SOON: Final = {
    Response.TWO_HOUR: "within two hours of the first request",
    Response.SAME_DAY: "today",
    Response.TWO_DAY: "within two days",
}
NOT_RECORDED: Final = "not recorded"


class Scored(msgspec.Struct, kw_only=True):
    """A NEWS2 score: at least `score`, at most `score_max`."""

    at: datetime
    score: int | None
    score_max: int | None
    complete: bool
    missing: list[str]
    scale: int | None
    subscores: dict[str, int | None]


class Tried(msgspec.Struct, kw_only=True):
    """Something that was done before."""

    at: datetime
    what: str
    by: str | None
    note: str | None


class Sbar(msgspec.Struct, kw_only=True):
    """A handover in words."""

    situation: str
    background: str
    assessment: str
    recommendation: str


def in_words(  # noqa: PLR0913 - what a handover says
    parts: Mapping[str, Any], *, need: str, reason: str, response: Response, sepsis: str, breach_at: datetime,
    ward: str | None, severity: str | None, raised_at: datetime | None, condition: str | None,
    admitted_at: datetime | None, asked: Question | None = None,
) -> Sbar:  # fmt: skip
    """The four paragraphs. What nobody recorded is said to be so, never left to be guessed."""
    who = parts["patient"]
    situation = [
        f"{who['name']}, {who['age']} years, {who['sex']}, NHS number {who['nhs_number'] or NOT_RECORDED}.",
        f"Asked of you: {need}. {reason}",
        f"Alert: {severity}, raised {_at(raised_at)}: {'; '.join(parts['triggered'])}." if severity else "No alert.",
    ]
    stay = f"On the virtual ward {ward} since {_at(admitted_at)}." if ward and admitted_at else "On no virtual ward."
    background = [
        stay,
        f"Condition: {condition or NOT_RECORDED}.",
        f"Usual values: {_listed(parts['baseline'])}.",
        _oxygen(parts["oxygen"]),
        _escalation(parts["escalation_plan"]),
        f"Allergies: {_plain(parts['allergies'])}.",
    ]
    news2 = _news2(parts["news2"], parts["trend"], parts["direction"])
    assessment = [news2, _vitals(parts["vitals"]), SEPSIS[sepsis], *_asked(asked)]
    recommendation = [
        f"See the patient face to face {SOON[response]}: by {_at(breach_at)}. A phone call does not count.",
        *_door(parts["access"], parts["scene_safety"], parts["contacts"]),
        _tried(parts["tried"]),
        "In an emergency ring 999, then tell the ward.",
    ]
    said = (" ".join(one) for one in (situation, background, assessment, recommendation))
    return Sbar(**dict(zip(Sbar.__struct_fields__, said, strict=True)))


def _news2(last: Scored | None, scores: Sequence[Scored], direction: str) -> str:
    if last is None:
        return "NEWS2: no score on this stay."
    missing = f", missing {', '.join(last.missing)}" if last.missing else ""
    before = ", ".join(f"{_score(one)} at {_at(one.at)}" for one in scores[1:]) or "none"
    heading = {"up": "rising", "down": "falling", "same": "unchanged"}.get(direction, "trend not known")
    return f"NEWS2 {_score(last)} at {_at(last.at)} (scale {last.scale}{missing}), {heading}; before: {before}."


def _score(one: Scored) -> str:
    return str(one.score) if one.score == one.score_max else f"{one.score} to {one.score_max}"


def _asked(question: Question | None) -> Iterator[str]:
    """Who said what of sepsis, and by when something has to be done where it is suspected."""
    if question is None:
        return
    if (said := question.said) is not None:
        by = by_which(said.tool, said.criteria, said.note)
        yield f"{said.by_name} said at {_at(said.at)}: {said.answer.replace('_', ' ')}, {by}."
    if question.act_by is not None and question.status != Answer.NOT_SUSPECTED:
        since = f"the score of {_at(question.time_zero)} ({why(question)})"
        yield f"Where sepsis is suspected, treatment is due by {_at(question.act_by)}, from {since}."


def _vitals(measured: Mapping[str, Any]) -> str:
    values = {name: value for name, value in measured.items() if name not in {"taken_at", "quality"}}
    if not values:
        return "No vital signs."
    doubt = "" if measured["quality"] == "good" else f" ({measured['quality']} quality)"
    return f"Measured {_at(measured['taken_at'])}{doubt}: {_listed(values)}."


def _oxygen(plan: Mapping[str, Any]) -> str:
    flow = plan.get("home_oxygen_l_min")
    home = f"home oxygen {flow:g} L/min" if flow else "no home oxygen prescribed"
    target = ", target 88–92 % (scale 2)" if plan.get("spo2_scale") == 2 else ""
    return f"Oxygen: {home}{target}."


def _escalation(plan: Mapping[str, Any] | None) -> str:
    if plan is None:
        return "Treatment escalation plan: none recorded."
    rest = {name: value for name, value in plan.items() if name != "hospital" and value}
    return f"Treatment escalation plan: {HOSPITAL[plan['hospital']]}{f' {_listed(rest)}.' if rest else ''}"


def _door(access: Mapping[str, Any], scene_safety: str | None, contacts: Mapping[str, Any]) -> Iterator[str]:
    where = access["staying_at"] or access["address"] or NOT_RECORDED
    yield f"Where: {where}, {access['postcode'] or 'postcode not recorded'}."
    yield f"Key safe: {access['key_safe'] or NOT_RECORDED}. Access: {access['access_notes'] or NOT_RECORDED}."
    yield f"Scene safety: {scene_safety or 'nothing recorded'}."
    yield f"Phones: {', '.join(contacts['phones']) or NOT_RECORDED}. Next of kin: {_plain(contacts['next_of_kin'])}."
    yield f"Carer: {_plain(contacts['carer'])}. Language: {contacts['language'] or NOT_RECORDED}."
    yield f"Interpreter: {_plain(contacts['interpreter'])}. Needs: {_plain(contacts['communication_needs'])}."


def _tried(tried: Sequence[Tried]) -> str:
    if not tried:
        return "Tried before: nothing recorded."
    said = "; ".join(f"{_at(one.at)} {one.what}{f' ({one.by})' if one.by else ''}" for one in tried)
    return f"Tried before: {said}."


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in values.items()) or NOT_RECORDED


def _plain(value: Any) -> str:
    """Whatever was written down, as words."""
    match value:
        case None | "" | [] | {}:
            return NOT_RECORDED
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list():
            return "; ".join(map(_plain, value))
        case dict():
            return ", ".join(_plain(one) for one in value.values())
        case _:
            return str(value)


def _at(moment: datetime | None) -> str:
    return NOT_RECORDED if moment is None else f"{moment.astimezone(LOCAL):%H:%M on %d %b}"
