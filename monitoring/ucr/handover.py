"""The handover to a UCR team: what is known of the patient, gathered from every record of the ward.

It is written for somebody who has never met the patient and stands before their door. In words: `sbar.py`.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import TextClause, select, text
from sqlmodel import Session, col

from alert_rules.severity import Severity
from monitoring.alerts.tables import Alert
from monitoring.flow.tables import Referral
from monitoring.patients.plan import age_years
from monitoring.patients.tables import Patient, Plan
from monitoring.patients.views import ScoreView, score_view
from monitoring.rounds.trend import trend
from monitoring.sepsis.asking import question_of
from monitoring.ucr.sbar import Sbar, Scored, Tried, in_words
from monitoring.ucr.tables import UcrReferral
from monitoring.wards.tables import Episode, Ward

SCORES_MAX: Final = 6
TRIED_MAX: Final = 30

_SCORES: Final = text(
    """
    SELECT reading.*,
           (SELECT to_jsonb(rescored) FROM rescored
            WHERE rescored.episode_id = reading.episode_id AND rescored.taken_at = reading.taken_at
              AND rescored.set = reading.set
            ORDER BY revision DESC LIMIT 1) AS again
    FROM reading
    WHERE reading.episode_id = :episode AND reading.taken_at >= :since AND reading.points IS NOT NULL
    ORDER BY reading.taken_at DESC, reading.set DESC LIMIT :most
    """
)

_PLAN: Final = text(
    """
    SELECT plan.id FROM plan WHERE plan.episode_id = :episode AND plan.from_at <= :now
    ORDER BY plan.from_at DESC, plan.id DESC LIMIT 1
    """
)

_OF_ALERT: Final = text(
    """
    (SELECT history.at, history.what, history.note, staff.name, history.id FROM alert_history AS history
     LEFT JOIN staff ON staff.id = history.by WHERE history.alert_id = :alert
     UNION ALL
     SELECT step.at, 'told nobody of ' || step.tell, step.reason, NULL, 0
     FROM ladder_step AS step WHERE step.alert_id = :alert AND step.taken = 'failed')
    ORDER BY at DESC, id DESC LIMIT :most
    """
)

_CONTACTS: Final = text(
    """
    SELECT entry.at, 'contact: ' || (entry.data ->> 'mode') AS what,
           concat_ws('; ', entry.data ->> 'outcome', entry.data ->> 'note') AS note, staff.name
    FROM spell_entry AS entry JOIN staff ON staff.id = entry.by
    WHERE entry.episode_id = :episode AND entry.kind = 'contact'
    ORDER BY entry.at DESC LIMIT :most
    """
)


class Handover(Sbar, kw_only=True):
    """The handover in words, and its parts for a team's own system."""

    written_at: datetime
    patient: dict[str, Any]
    news2: Scored | None  # the last
    trend: list[Scored]  # the newest first
    direction: str  # up is worse
    vitals: dict[str, Any]  # of the last scored set, with when it was taken
    triggered: list[str]
    baseline: dict[str, Any]
    oxygen: dict[str, Any]
    escalation_plan: dict[str, Any] | None
    allergies: Any
    access: dict[str, Any]
    scene_safety: str | None
    contacts: dict[str, Any]
    tried: list[Tried]


def handover_of(session: Session, referral: UcrReferral, now: datetime) -> Handover:
    """All that the team should know, as it is now. Times in words are London's."""
    patient = session.get_one(Patient, referral.patient_id)
    ward = None if referral.ward_id is None else session.get_one(Ward, referral.ward_id)
    alert = None if referral.alert_id is None else session.get_one(Alert, referral.alert_id)
    episode = None if referral.episode_id is None else session.get_one(Episode, referral.episode_id)
    plan, sets = _plan(session, episode, now), _sets(session, episode)
    scores = [score_view(row) for row in sets]
    parts: dict[str, Any] = {
        "patient": _who(patient, now),
        "news2": _scored(scores[0]) if scores else None,
        "trend": [_scored(one) for one in scores],
        "direction": trend(*(_points(scores, place) for place in (0, 1))).value,
        "vitals": _vitals(sets[0]) if sets else {},
        "triggered": [str(one["text"]) for one in alert.reasons] if alert else [],
        "baseline": _baseline(plan),
        "oxygen": _oxygen(plan),
        "escalation_plan": None if plan is None else plan.escalation,
        "allergies": patient.allergies,
        "access": {name: getattr(patient, name) for name in _ACCESS},
        "scene_safety": patient.scene_safety,
        "contacts": {name: getattr(patient, name) for name in _CONTACT},
        "tried": _tried(session, referral, episode),
    }
    said = in_words(
        parts, need=referral.need, reason=referral.reason, response=referral.response, sepsis=referral.sepsis,
        breach_at=referral.breach_at, ward=None if ward is None else f"{ward.name} ({ward.code}, {ward.pathway})",
        severity=Severity(alert.severity).label if alert else None, raised_at=alert.raised_at if alert else None,
        condition=_condition(session, episode), admitted_at=episode.admitted_at if episode else None,
        asked=question_of(alert.sepsis) if alert else None,
    )  # fmt: skip
    return Handover(**msgspec.structs.asdict(said), written_at=now, **parts)


def newest_score(session: Session, episode: Episode | None) -> int | None:
    """What the newest scored set of a stay scores at least."""
    sets = _sets(session, episode)
    return score_view(sets[0]).score if sets else None


_ACCESS: Final = ("address", "staying_at", "postcode", "key_safe", "access_notes")
_CONTACT: Final = ("phones", "next_of_kin", "carer", "language", "interpreter", "communication_needs")
_VITALS: Final = (
    "respiratory_rate", "spo2", "on_oxygen", "systolic", "diastolic", "pulse", "consciousness",
)  # fmt: skip


def _who(patient: Patient, now: datetime) -> dict[str, Any]:
    return {
        "name": f"{patient.given_name} {patient.family_name}",
        "nhs_number": patient.nhs_number,
        "birth_date": patient.birth_date,
        "age": age_years(patient.birth_date, now.date()),
        "sex": patient.sex,
        "pregnant": patient.pregnant,
    }


def _plan(session: Session, episode: Episode | None, now: datetime) -> Plan | None:
    if episode is None:
        return None
    found = session.execute(_PLAN, {"episode": episode.id, "now": now}).scalar_one_or_none()
    return None if found is None else session.get(Plan, found)


def _sets(session: Session, episode: Episode | None) -> list[Any]:
    """The newest scored sets of the stay. Its beginning lets PostgreSQL look into the stay's months only."""
    if episode is None:
        return []
    asked = {"episode": episode.id, "since": episode.admitted_at, "most": SCORES_MAX}
    return list(session.execute(_SCORES, asked))


def _scored(one: ScoreView) -> Scored:
    return Scored(
        at=one.at, score=one.score, score_max=one.score_max, complete=one.complete, missing=one.missing,
        scale=one.scale, subscores=one.subscores,
    )  # fmt: skip


def _points(scores: list[ScoreView], place: int) -> str | None:
    if place >= len(scores):
        return None
    return "".join("-" if one is None else str(one) for one in scores[place].subscores.values())


def _vitals(row: Any) -> dict[str, Any]:
    measured = {name: value for name in _VITALS if (value := getattr(row, name)) is not None}
    if row.oxygen_flow_hundredths is not None:
        measured["oxygen_flow"] = row.oxygen_flow_hundredths / 100
    if row.temperature_tenths is not None:
        measured["temperature"] = row.temperature_tenths / 10
    return {"taken_at": row.taken_at, "quality": row.quality, **measured}


def _baseline(plan: Plan | None) -> dict[str, Any]:
    if plan is None:
        return {}
    usual = {} if plan.usual_consciousness is None else {"consciousness": plan.usual_consciousness}
    return {**plan.baselines, **usual}


def _oxygen(plan: Plan | None) -> dict[str, Any]:
    if plan is None:
        return {}
    home = plan.home_oxygen_l_min
    return {"spo2_scale": plan.spo2_scale, "home_oxygen_l_min": None if home is None else float(home)}


def _condition(session: Session, episode: Episode | None) -> str | None:
    if episode is None or episode.referral_id is None:
        return None
    query = select(col(Referral.condition)).where(col(Referral.id) == episode.referral_id)
    found: str | None = session.execute(query).scalar_one_or_none()
    return found


def _tried(session: Session, referral: UcrReferral, episode: Episode | None) -> list[Tried]:
    """What happened to the alert and who was told of it, and the contacts of the stay, oldest first."""
    asked: list[tuple[TextClause, dict[str, Any]]] = []
    if referral.alert_id is not None:
        asked.append((_OF_ALERT, {"alert": referral.alert_id, "most": TRIED_MAX}))
    if episode is not None:
        asked.append((_CONTACTS, {"episode": episode.id, "most": TRIED_MAX}))
    found = [
        Tried(at=row.at, what=row.what, by=row.name, note=row.note)
        for query, values in asked
        for row in session.execute(query, values)
    ]
    found.reverse()  # so that what happened in the same instant is in order, too
    return sorted(found, key=lambda one: one.at)[-TRIED_MAX:]
