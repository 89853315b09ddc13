"""A referral finds a team: from a ladder, by hand, after a decline. Why this one, and why no other, is kept with it.

Locks: the alert's row (the caller's), then the referral's, then those of the area's teams: while somebody places a
referral nobody counts these teams' visits.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col
from uuid_utils.compat import uuid7

from alert_rules.sepsis import ASK_FROM, GRAVITY, UNANSWERED, Answer, gravest
from alert_rules.severity import Severity
from monitoring.alerts.tables import Alert
from monitoring.events import NewEvent
from monitoring.patients.plan import age_years
from monitoring.patients.tables import Patient
from monitoring.sepsis.asking import known_of
from monitoring.ucr import clock
from monitoring.ucr.candidates import choose_for
from monitoring.ucr.choosing import Choice
from monitoring.ucr.clock import ANSWER_WITHIN, Response
from monitoring.ucr.handover import handover_of, newest_score
from monitoring.ucr.marking import mark, owe
from monitoring.ucr.states import LIVE, State, send
from monitoring.ucr.tables import UcrReferral, UcrTeam
from monitoring.ucr.telling import SEPSIS, event, note, reached, tell_team, tell_ward
from monitoring.wards.tables import Episode, Ward

ADULT_YEARS: Final = 18
NOT_ALONE: Final = frozenset({"suspected", UNANSWERED})
"""What is known of sepsis with which a patient never goes to UCR alone: the ward is told in the same moment."""
BY_LADDER: Final = "deterioration"
"""The need of what a ladder refers: one at a time for a patient, whatever the alert."""
UNDER_AGE: Final = (
    "UCR takes adults only: for a child ring 999 in an emergency, else the community children's nurses or 111."
)
NO_TEAMS: Final = "no UCR team is known here"
"""Where none is commissioned nobody was asked, and no referral waits: the ladder goes on."""
SEPSIS_FIRST: Final = "Sepsis is suspected: UCR alone is not the answer. Ring 999 unless a clinician decided otherwise."
EMERGENCY_FIRST: Final = "Ring 999 first: this is critical, and a UCR referral does not answer it."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of UCR. `by`: who asks; None: a ladder."""

    patient: Patient
    episode: Episode | None
    ward: Ward | None
    alert: Alert | None
    need: str
    reason: str
    received_at: datetime
    response: Response = Response.TWO_HOUR
    skills: tuple[str, ...] = ()
    suspects_sepsis: bool | None = None
    by: int | None = None
    reviewed: bool = False
    rules_out: bool = False  # whether who asks may say, against an open question, that sepsis is not suspected
    district: str | None = None  # where the patient is, where that is not their home


@dataclass(frozen=True, slots=True)
class Referred:
    """What became of a ladder's `ucr` step.

    Not `placed`: go on with the next step at once, `why` says the reason. `alone`: the team would be the only one told
    of a patient who must not be left to UCR alone, so the next step is due at once too. `events` go to `events.emit` at
    the end of the transaction.
    """

    placed: bool
    team: str | None
    why: str
    referral: UUID | None = None
    alone: bool = False
    events: list[NewEvent] = field(default_factory=list)


def refer(session: Session, alert: Alert, now: datetime) -> Referred:
    """Refer an alert's patient to the next suitable team, as a ladder's step. The alert's row is locked.

    Who is with a team already is not sent to another: that referral is named.
    """
    if not session.execute(select(exists(select(col(UcrTeam.id))))).scalar_one():
        return Referred(placed=False, team=None, why=NO_TEAMS)
    patient = session.get_one(Patient, alert.patient_id)
    if age_years(patient.birth_date, now.date()) < ADULT_YEARS:
        return Referred(placed=False, team=None, why=UNDER_AGE)
    if (before := _live_of(session, patient)) is not None:
        return _once_more(session, before, alert, now)
    wanted = Wanted(
        patient=patient,
        episode=None if alert.episode_id is None else session.get_one(Episode, alert.episode_id),
        ward=session.get_one(Ward, alert.ward_id),
        alert=alert,
        need=BY_LADDER,
        reason="; ".join(str(one["text"]) for one in alert.reasons) or str(alert.kind),
        received_at=now,
    )
    try:
        with session.begin_nested():
            made, events = place(session, wanted, now)
    except IntegrityError:  # another alert of the patient was quicker
        if (before := _live_of(session, patient)) is None:
            raise
        return _once_more(session, before, alert, now)
    return _referred(session, made, events, now)


def place(session: Session, wanted: Wanted, now: datetime) -> tuple[UcrReferral, list[NewEvent]]:
    """A new referral, sent to a team or unplaced. Raises IntegrityError where the patient has one for that need."""
    news2 = _worst(wanted.alert, newest_score(session, wanted.episode))
    key: UUID = uuid7()
    known: dict[str, Any] = {
        "public_id": key,
        "chain": key,
        "patient_id": wanted.patient.id,
        "episode_id": wanted.episode.id if wanted.episode else None,
        "ward_id": wanted.ward.id if wanted.ward else None,
        "alert_id": wanted.alert.id if wanted.alert else None,
        "need": wanted.need,
        "reason": wanted.reason,
        "skills": sorted({skill.casefold() for skill in wanted.skills}),
        "response": wanted.response,
        "severity": wanted.alert.severity if wanted.alert else 0,
        "news2": news2,
        "sepsis": _sepsis(wanted, news2, known_of(session, wanted.patient.id, now)),
        "district": wanted.district or district_of(wanted.patient),
        "automatic": wanted.by is None,
        "requested_by": wanted.by,
        "reviewed_by": wanted.by if wanted.reviewed else None,
        "reviewed_at": now if wanted.reviewed else None,
        "received_at": wanted.received_at,
    }
    made = UcrReferral(**known)
    choice, team = choose_for(session, made, now)
    patients_clock = clock.start(made.response, made.received_at, team.hours if team else None)
    made.clock_rule, made.starts_at = patients_clock.rule, patients_clock.starts_at
    made.breach_at = patients_clock.breach_at
    return made, _give(session, made, choice, team, wanted.alert, now)


def send_on(
    session: Session, before: UcrReferral, alert: Alert | None, now: datetime
) -> tuple[UcrReferral, list[NewEvent]]:
    """After a decline: the next referral of the chain, with the patient's clock as it stood. `before` has ended."""
    session.flush()
    copied = {name: getattr(before, name) for name in _KEPT}
    made = UcrReferral(**copied, public_id=uuid7(), previous_id=before.id)
    made.alert_id = before.alert_id if alert is None else alert.id
    made.sepsis = gravest(before.sepsis, known_of(session, before.patient_id, now))
    choice, team = choose_for(session, made, now)
    return made, _give(session, made, choice, team, alert, now)


def send_again(session: Session, unplaced: UcrReferral, alert: Alert | None, now: datetime) -> list[NewEvent]:
    """Look for a team once more. The referral's row is locked; nothing changes but why, where there is none."""
    choice, team = choose_for(session, unplaced, now)
    unplaced.placing = msgspec.to_builtins(choice)
    if team is None:
        return []
    unplaced.sepsis = gravest(unplaced.sepsis, known_of(session, unplaced.patient_id, now))
    was, unplaced.state = State(unplaced.state), send(State(unplaced.state))
    return _sent(session, unplaced, team, alert, was, now)


_KEPT: Final = (
    "chain", "patient_id", "episode_id", "ward_id", "alert_id", "need", "reason", "skills", "response", "severity",
    "news2", "sepsis", "district", "automatic", "requested_by", "reviewed_by", "reviewed_at", "received_at",
    "clock_rule", "starts_at", "breach_at", "told", "told_at",
)  # fmt: skip
"""What the next referral of a chain has from the one before: the patient, the need, and the patient's clock."""


def district_of(patient: Patient) -> str | None:
    """The postcode district where the patient lives, in capitals; None where nobody recorded it."""
    if patient.postcode_district:
        return patient.postcode_district.replace(" ", "").upper()
    return district_in(patient.postcode) if patient.postcode else None


def district_in(postcode: str) -> str | None:
    """A postcode's district, in capitals."""
    return postcode.replace(" ", "").upper()[:-3] or None


def _give(
    session: Session, made: UcrReferral, choice: Choice, team: UcrTeam | None, alert: Alert | None, now: datetime
) -> list[NewEvent]:
    """Write a new referral and tell of it."""
    made.placing, made.handover = msgspec.to_builtins(choice), {}
    made.state = State.UNPLACED if team is None else State.SENT
    if team is not None:
        return _sent(session, made, team, alert, None, now)
    made.sent_at = made.acted_at = made.answer_by = now
    made.provider_clock_rule, made.provider_breach_at = made.clock_rule, made.breach_at
    owe(made)
    made.handover = msgspec.to_builtins(handover_of(session, made, now))
    session.add(made)
    session.flush()
    mark(session, made, State.UNPLACED, None, now, reason=choice.why)
    note(session, alert, "ucr_unplaced", made.requested_by, choice.why, now)
    tell_ward(session, made, "unplaced", now)
    return [event(session, made, "unplaced", choice.why, now)]


def _sent(
    session: Session, made: UcrReferral, team: UcrTeam, alert: Alert | None, was: State | None, now: datetime
) -> list[NewEvent]:
    """The referral is this team's from now on: its provider's clock starts."""
    made.team_id, made.sent_at, made.acted_at, made.answer_by = team.id, now, now, now + ANSWER_WITHIN
    own = clock.start(made.response, now, team.hours)
    made.provider_clock_rule, made.provider_breach_at = own.rule, own.breach_at
    owe(made)
    made.handover = msgspec.to_builtins(handover_of(session, made, now))
    session.add(made)
    session.flush()
    why = made.placing["why"]
    mark(session, made, State.SENT, was, now, by=made.requested_by, reason=f"{team.code}: {why}")
    note(session, alert, f"ucr_sent: {team.code}", made.requested_by, why, now)
    tell_team(session, made, team, "referral", now)
    if made.sepsis in NOT_ALONE:
        tell_ward(session, made, f"{SEPSIS}{made.sepsis}", now)
    elif made.automatic or team.webhook is None:  # without a webhook somebody has to ring the team
        tell_ward(session, made, "referral", now)
    return [event(session, made, "sent", why, now)]


def _once_more(session: Session, before: UcrReferral, alert: Alert, now: datetime) -> Referred:
    """The patient was referred before: where no team took them, look again."""
    events: list[NewEvent] = []
    if before.state == State.UNPLACED:
        own = alert if before.alert_id == alert.id else None  # another alert's row is not locked: its history waits
        events = send_again(session, before, own, now)
        return _referred(session, before, events, now)
    team = session.get_one(UcrTeam, before.team_id)
    why = f"with {team.code} already ({before.state}); told again"
    before.sepsis = gravest(before.sepsis, known_of(session, before.patient_id, now))
    mark(session, before, "told_again", State(before.state), now, reason=why)
    tell_team(session, before, team, "told_again", now)
    if before.sepsis in NOT_ALONE:
        tell_ward(session, before, f"{SEPSIS}{before.sepsis}", now)
    events = [event(session, before, "told_again", why, now)]
    return _answer(session, before, team.code, alert.severity, why, events, now)


def _referred(session: Session, made: UcrReferral, events: list[NewEvent], now: datetime) -> Referred:
    team = None if made.team_id is None else session.get_one(UcrTeam, made.team_id).code
    return _answer(session, made, team, made.severity, made.placing["why"], events, now)


def _answer(
    session: Session, of: UcrReferral, team: str | None, severity: int, why: str, events: list[NewEvent], now: datetime
) -> Referred:
    first = [SEPSIS_FIRST] if of.sepsis == Answer.SUSPECTED else []
    if severity >= Severity.CRITICAL:
        first = [EMERGENCY_FIRST]
    placed, said = of.state != State.UNPLACED, " ".join([*first, why])
    return Referred(placed, team, said, of.public_id, alone=is_alone(session, of, now), events=events)


def is_alone(session: Session, of: UcrReferral, now: datetime) -> bool:
    """Whether a team is the only one told now of a patient who must not be left to UCR alone."""
    if of.state == State.UNPLACED or of.sepsis not in NOT_ALONE:
        return False
    return of.ward_id is None or not reached(session, of.ward_id, now)


def _live_of(session: Session, patient: Patient) -> UcrReferral | None:
    """A referral of the patient's alerts that still wants something, locked; one that has a team rather than another.

    A visit that was asked for otherwise, for a catheter say, is no answer to an alert.
    """
    query = (
        select(UcrReferral)
        .where(col(UcrReferral.patient_id) == patient.id, col(UcrReferral.state).in_(LIVE))
        .where(col(UcrReferral.alert_id).is_not(None), col(UcrReferral.response) == Response.TWO_HOUR)
        .order_by((col(UcrReferral.state) == State.UNPLACED), col(UcrReferral.id).desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found: UcrReferral | None = session.execute(query).scalar_one_or_none()
    return found


def _worst(alert: Alert | None, newest: int | None) -> int | None:
    shown: dict[str, Any] = (alert.news2 if alert else None) or {}
    known = [one for one in (shown.get("score"), newest) if one is not None]
    return max(known) if known else None


def _sepsis(wanted: Wanted, news2: int | None, known: str | None) -> str:
    """What the team is told of sepsis. `known`: of the patient's open alerts.

    Whoever asks can say that it is suspected; that it is not, against an open question, only a registered clinician.
    """
    if wanted.suspects_sepsis:
        return Answer.SUSPECTED.value
    is_asked = known == UNANSWERED or (known is None and news2 is not None and news2 >= ASK_FROM)
    if wanted.suspects_sepsis is False and known != Answer.SUSPECTED and (wanted.rules_out or not is_asked):
        return Answer.NOT_SUSPECTED.value
    return UNANSWERED if is_asked else known or GRAVITY[0]
