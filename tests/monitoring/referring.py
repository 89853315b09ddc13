"""What people do with referrals before a test's own act: over HTTP, or as use cases on a ward whose clock is turned."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine

from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.database import transaction
from monitoring.flow import decisions
from monitoring.flow.decisions import AcceptBody, AdmitBody, EndBody, RedirectBody, TriageBody
from monitoring.flow.referrals import ReferralBody, refer
from monitoring.flow.states import HOLD, Move, State
from monitoring.flow.tables import Source
from monitoring.patients.register import PatientBody, register
from monitoring.patients.tables import Sex
from monitoring.wards.tables import Step
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import made
from tests.monitoring.steps import register as register_over_http
from tests.ward import Ward
from tests.workers.records import change
from workers.holds import expire_holds

T = TypeVar("T")
WHY: dict[str, str] = {"reason": "no longer needed"}


def referred(api: Api, patient: str | None = None, ward: str = "WARD1", **changed: Any) -> dict[str, Any]:
    """A referral, of somebody new where nobody is named."""
    body = {"patient": patient or register_over_http(api), "ward": ward, "source": "gp", "step": "up"}
    return made(api.post("/v1/referrals", body | changed, Role.COORDINATOR))


def decide(api: Api, referral: str, verb: str, body: object = None, role: Role = Role.COORDINATOR) -> Answer:
    """A decision."""
    return api.post(f"/v1/referrals/{referral}/{verb}", body, role)


def acts(ward: Ward, use_case: Callable[[Act], T], role: Role = Role.COORDINATOR) -> T:
    """Something that somebody does now; a Conflict that is returned is committed."""
    with transaction(ward.engine) as session:
        return use_case(ward.act(session, role))


def set_beds(engine: Engine, code: str, staffed: int, now: datetime) -> None:
    """From now on a ward has so many beds."""
    change(
        engine,
        "INSERT INTO ward_capacity (ward_id, from_at, funded, staffed)"
        " SELECT id, :now, 40, :staffed FROM ward WHERE code = :code",
        code=code,
        staffed=staffed,
        now=now,
    )


def refers(ward: Ward, to: str) -> UUID:
    """Somebody new is referred to a ward."""
    person = PatientBody(
        given_name="Ann", family_name="Other", birth_date=(ward.now - timedelta(days=30_000)).date(),
        sex=Sex.FEMALE, no_nhs_number_reason="test",
    )  # fmt: skip
    patient = acts(ward, lambda act: register(act, person)).id
    body = ReferralBody(patient=patient, ward=to, source=Source.GP, step=Step.UP)
    return acts(ward, lambda act: refer(act, body)).id


def moves(ward: Ward, referral: UUID, move: Move) -> object:
    """Any move by its use case; the clock's own is the time of a hold that passes."""
    if move is Move.EXPIRE:
        ward.now += HOLD
        return expire_holds(ward.engine, ward.now)
    return acts(ward, lambda act: _MOVES[move](act, referral))


_MOVES: dict[Move, Callable[[Act, UUID], object]] = {
    Move.TRIAGE: lambda act, referral: decisions.triage(act, referral, TriageBody()),
    Move.ACCEPT: lambda act, referral: decisions.accept(act, referral, AcceptBody()),
    Move.WAIT: lambda act, referral: decisions.accept(act, referral, AcceptBody()),  # where no bed is free
    Move.ADMIT: lambda act, referral: decisions.admit(act, referral, AdmitBody()),
    Move.DECLINE: lambda act, referral: decisions.end(act, referral, Move.DECLINE, EndBody(reason="full")),
    Move.REDIRECT: lambda act, referral: decisions.end(act, referral, Move.REDIRECT, RedirectBody(reason="SDEC")),
    Move.WITHDRAW: lambda act, referral: decisions.end(act, referral, Move.WITHDRAW, EndBody(reason="better")),
    Move.NOT_ONBOARD: lambda act, referral: decisions.end(act, referral, Move.NOT_ONBOARD, EndBody(reason="kit")),
}

WAY_TO: dict[State, list[Move]] = {
    State.RECEIVED: [],
    State.TRIAGED: [Move.TRIAGE],
    State.ACCEPTED: [Move.ACCEPT],
    State.HOLD_EXPIRED: [Move.ACCEPT, Move.EXPIRE],
    State.ADMITTED: [Move.ACCEPT, Move.ADMIT],
    State.DECLINED: [Move.DECLINE],
    State.REDIRECTED: [Move.TRIAGE, Move.REDIRECT],
    State.WITHDRAWN: [Move.ACCEPT, Move.WITHDRAW],
    State.NOT_ONBOARDED: [Move.ACCEPT, Move.NOT_ONBOARD],
}
"""How a referral comes to each state on a ward with free beds; to `waiting`, on one without."""
