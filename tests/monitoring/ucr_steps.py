"""What people do with UCR before a test's own act: teams, referrals by a ladder, answers, on a ward with a clock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.alerts.tables import Alert
from monitoring.database import transaction
from monitoring.events import emit
from monitoring.ucr import answering, by_ward
from monitoring.ucr.answering import UcrCompleteBody, UcrDeclineBody
from monitoring.ucr.by_ward import UcrCancelBody, UcrPlaceBody
from monitoring.ucr.holding import UcrActBody
from monitoring.ucr.placing import Referred, refer
from monitoring.ucr.referring import UcrReferralBody, refer_by_hand
from monitoring.ucr.states import Move
from monitoring.ucr.tables import UcrReferral
from monitoring.ucr.teams import UcrTeamBody, put_team
from monitoring.ucr.views import UcrReferralDetail
from tests.monitoring.referring import acts
from tests.ward import SICK, Patient, Ward

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = dict.fromkeys(DAYS, ("00:00", "24:00"))
DAYTIME = dict.fromkeys(DAYS, ("08:00", "20:00"))
TEAM: dict[str, Any] = {
    "name": "Leicester UCR", "icb": "QXX", "postcode_districts": ["LE1"], "hours": ALWAYS, "max_active": 6,
}  # fmt: skip


def has_team(ward: Ward, code: str, **changed: Any) -> None:
    """A team that comes at any hour."""
    body = msgspec.convert(msgspec.to_builtins(TEAM | changed), UcrTeamBody)
    acts(ward, lambda act: put_team(act, code, body, allow_private=False))


def sick(ward: Ward, patient: Patient | None = None, **vitals: Any) -> Alert:
    """The patient's set raises an alert: red, unless said otherwise."""
    ward.receives(patient=patient, **(vitals or SICK))
    return ward.alert(patient=patient)


def climbs(ward: Ward, alert: Alert) -> Referred:
    """A ladder comes to its step `ucr`."""
    with transaction(ward.engine) as session:
        locked = session.get_one(Alert, alert.id, with_for_update=True)
        found = refer(session, locked, ward.now)
        emit(session, found.events)
        return found


def asks(ward: Ward, patient: UUID | None = None, role: Role = Role.CLINICIAN, **changed: Any) -> UcrReferralDetail:
    """Somebody refers by hand."""
    body = {"patient": patient or ward.patient.id, "need": "falls", "reason": "fell, no injury"} | changed
    return acts(ward, lambda act: refer_by_hand(act, msgspec.convert(body, UcrReferralBody)), role)


def does(ward: Ward, referral: UUID, move: Move, role: Role = Role.UCR, **said: Any) -> UcrReferralDetail:
    """A team, or the ward, answers."""
    return acts(ward, lambda act: _MOVES[move](act, referral, said), role)


_Said = dict[str, Any]


def _unseen(said: _Said) -> UcrCompleteBody:
    return msgspec.convert({"outcome": "conveyed"} | said, UcrCompleteBody)


def _seen(said: _Said) -> UcrCompleteBody:
    return msgspec.convert({"outcome": "stayed_at_home"} | said, UcrCompleteBody)


_MOVES: dict[Move, Callable[[Act, UUID, _Said], UcrReferralDetail]] = {
    Move.SEND: lambda act, who, _: by_ward.place_again(act, who, UcrPlaceBody()),
    Move.ACCEPT: lambda act, who, said: answering.accept(act, who, UcrActBody(**said)),
    Move.DECLINE: lambda act, who, said: answering.decline(
        act, who, msgspec.convert({"reason": "busy"} | said, UcrDeclineBody)
    ),
    Move.DISPATCH: lambda act, who, said: answering.dispatch(act, who, UcrActBody(**said)),
    Move.ARRIVE: lambda act, who, said: answering.arrive(act, who, UcrActBody(**said)),
    Move.COMPLETE: lambda act, who, said: answering.complete(act, who, _seen(said)),
    Move.COMPLETE_UNSEEN: lambda act, who, said: answering.complete(act, who, _unseen(said)),
    Move.CANCEL: lambda act, who, said: by_ward.cancel(act, who, UcrCancelBody(**said)),
}


def stored(ward: Ward, referral: UUID) -> UcrReferral:
    """Its row."""
    with transaction(ward.engine) as session:
        query = select(UcrReferral).where(col(UcrReferral.public_id) == referral)
        found: UcrReferral = session.execute(query).scalar_one()
        return found


def in_minutes(ward: Ward, minutes: float) -> datetime:
    """So many minutes from now."""
    return ward.now + timedelta(minutes=minutes)
