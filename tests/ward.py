"""A whole ward with a clock you can turn: the real database and the real drain, nothing patched.

ward.at("12:00").receives(respiratory_rate=26, spo2=90)
assert ward.alert().severity == Severity.CRITICAL
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Engine, select
from sqlmodel import Session, col

from alert_rules.alarms import ENDED, Kind
from devices.formats.native import decode
from devices.reading import Arrival
from monitoring.accepted.deciding import AcceptedBody, WithdrawBody, accept, withdraw
from monitoring.accepted.views import AcceptedView
from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.access.tokens import Caller, mint
from monitoring.acts import Act
from monitoring.alerts import answers, resolving
from monitoring.alerts.tables import Alert, AlertHistory
from monitoring.config import Settings
from monitoring.database import transaction
from monitoring.escalation.deciding import set_ladders
from monitoring.escalation.tables import By, Contact, LadderStep, Message, Taken
from monitoring.flow.discharge import DischargeBody, discharge
from monitoring.flow.leave import LeaveBody, ReturnBody, come_back, leave
from monitoring.flow.transfer import TransferBody, transfer
from monitoring.kit import devices
from monitoring.kit.devices import DeviceBody
from monitoring.patients import correcting, register
from monitoring.patients.plan import PlanBody
from monitoring.patients.plans import replace_plan
from monitoring.patients.register import PatientBody
from monitoring.patients.tables import LatestVitals, Sex
from monitoring.wards import wards
from monitoring.wards.admission import EpisodeBody, start_spell
from monitoring.wards.beds import lock_ward
from monitoring.wards.episodes import EpisodeView
from monitoring.wards.tables import Episode, Step
from monitoring.wards.wards import WardBody
from workers.drain.batch import Done, process
from workers.kit import watch_kit
from workers.ladders import fire_due
from workers.overdue import raise_overdue
from workers.prompts import raise_unrepeated
from workers.sepsis import NOT_ANSWERED, watch_sepsis
from workers.ucr_clock import watch_ucr

DAY = date(2026, 3, 10)  # a Tuesday in winter: London is on UTC
WELL: dict[str, Any] = {
    "respiratory_rate": 16, "spo2": 97, "oxygen_flow": 0, "systolic": 125, "pulse": 72, "consciousness": "A",
    "temperature": 36.8,
}  # fmt: skip
SICK: dict[str, Any] = WELL | {"respiratory_rate": 22, "spo2": 94, "pulse": 112, "temperature": 38.4}  # NEWS2 6
VERY_SICK: dict[str, Any] = WELL | {"respiratory_rate": 26, "spo2": 90, "systolic": 95, "pulse": 118}  # NEWS2 10


def person(*, birth_date: date = date(1950, 2, 28), **patient: Any) -> PatientBody:
    """Somebody to register."""
    return PatientBody(
        given_name="Ann", family_name="Other", birth_date=birth_date, sex=Sex.FEMALE, no_nhs_number_reason="test",
        **patient,
    )  # fmt: skip


@dataclass
class Patient:
    """Somebody on the ward, with a device that posts for them."""

    id: UUID
    key: int
    episode_id: int
    device_id: UUID
    device_key: int


@dataclass
class Ward:
    """A ward, the time there, and the staff that work on it."""

    settings: Settings
    engine: Engine
    now: datetime
    staff: dict[Role, Caller] = field(default_factory=dict)
    tokens: dict[Role, str] = field(default_factory=dict)
    code: str = "WARD1"
    climbs: bool = False  # whether turning the clock takes what is due of the ladders: in stories about them
    patient: Patient = field(init=False)
    _posted: int = 0

    @classmethod
    def open(cls, settings: Settings, engine: Engine) -> Ward:
        """A ward of 20 beds with one patient, at 08:00."""
        ward = cls(settings, engine, datetime(DAY.year, DAY.month, DAY.day, 8, tzinfo=UTC))
        for role in Role:
            ward.staff[role], ward.tokens[role] = ward.employ(role)
        ward.opens(ward.code)
        ward.patient = ward.admit()
        return ward

    @property
    def database(self) -> str:
        """The name of the ward's database."""
        return self.engine.url.database or ""

    def copied(self, settings: Settings, engine: Engine) -> Ward:
        """The same ward on a copy of its database."""
        copy = replace(self, settings=settings, engine=engine, staff=dict(self.staff), tokens=dict(self.tokens))
        copy.patient = self.patient
        return copy

    def opens(self, code: str, **changed: Any) -> None:
        """A ward of 20 beds opens."""
        body = {"pathway": "general", "provider": "RXX", "icb": "QXX", "funded": 40, "staffed": 20} | changed
        with transaction(self.engine) as session:
            act = self.act(session, Role.COORDINATOR)
            wards.open_ward(act, msgspec.convert({"code": code, "name": f"Ward {code}", **body}, WardBody))

    def employ(
        self,
        role: Role,
        *,
        name: str = "",
        wards: list[str] | None = None,
        registered: bool | None = None,
        senior: bool = False,
        teams: list[str] | None = None,
    ) -> tuple[Caller, str]:
        """A member of staff and their token."""
        if registered is None:
            registered = role is Role.CLINICIAN
        with transaction(self.engine) as session:
            staff = Staff(
                name=name or f"The {role}", role=role, wards=wards, registered=registered, senior=senior,
                teams=teams, created_at=self.now,
            )  # fmt: skip
            session.add(staff)
            session.flush()
            token = mint(session, self.now, staff_id=staff.id)
            allowed = None if wards is None else frozenset(wards)
            own = None if teams is None else frozenset(teams)
            return Caller(b"", staff.id, staff.public_id, staff.name, role, allowed, registered, senior, own), token

    def act(self, session: Session, role: Role) -> Act:
        """What a member of staff does, now."""
        return Act(session, self.staff[role], self.now)

    def admit(
        self,
        *,
        plan: PlanBody | None = None,
        kit: bool = True,
        at: datetime | None = None,
        birth_date: date = date(1950, 2, 28),
        **patient: Any,
    ) -> Patient:
        """Register a patient with a device and admit them, now unless said otherwise."""
        body = person(birth_date=birth_date, **patient)
        with transaction(self.engine) as session:
            known = register.register(self.act(session, Role.COORDINATOR), body)
            device, _ = devices.make(session, self.now, DeviceBody("hub", f"H-{known.id}"))
            stay = EpisodeBody(
                patient=known.id, ward=self.code, step=Step.UP, plan=plan, at=at,
                devices=[device.public_id] if kit else [],
            )  # fmt: skip
            act = self.act(session, Role.CLINICIAN)
            start_spell(act, lock_ward(act, self.code), stay)  # told to nobody: the story's own events are the first
            key = register.find(self.act(session, Role.ADMIN), known.id).id
            episode = session.execute(select(col(Episode.id)).where(col(Episode.patient_id) == key)).scalar_one()
            return Patient(known.id, key, episode, device.public_id, device.id)

    def at(self, clock: str | timedelta) -> Ward:
        """Turn the clock to a time of the day (or forward by so much), and let the timekeeper look once."""
        if isinstance(clock, str):
            hours, minutes = clock.split(":")
            self.now = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(
                hours=int(hours), minutes=int(minutes)
            )
        else:
            self.now += clock
        raise_unrepeated(self.engine, self.now)
        raise_overdue(self.engine, self.now)
        watch_kit(self.engine, self.now)
        watch_sepsis(self.engine, self.now)
        watch_ucr(self.engine, self.now)
        if self.climbs:
            fire_due(self.engine, self.settings, self.now)
        return self

    def receives(self, *, patient: Patient | None = None, taken: datetime | None = None, **vitals: Any) -> Done:
        """The patient's device posts one set, taken now unless said otherwise."""
        self._posted += 1
        one = {"id": f"set-{self._posted}", "taken_at": taken or self.now, **vitals}
        return self.receives_sets([one], patient=patient)

    def receives_sets(self, sets: list[dict[str, Any]], *, patient: Patient | None = None) -> Done:
        """The patient's device posts several sets in one request."""
        return self.drains([self.arrival(sets, patient=patient)])

    def arrival(self, sets: list[dict[str, Any]], *, patient: Patient | None = None) -> Arrival:
        """A request's sets as they travel on the stream."""
        decoded = decode(msgspec.json.encode(sets))
        source = (patient or self.patient).device_key
        return Arrival(source=source, received_at=self.now, sets=decoded.sets, impossible=decoded.impossible)

    def drains(self, arrivals: list[Arrival]) -> Done:
        """One batch in one transaction."""
        with transaction(self.engine) as session:
            return process(session, arrivals, self.now)

    def plans(self, patient: Patient | None = None, **plan: Any) -> None:
        """A clinician decides a plan."""
        whole = {"spo2_scale": 1, "readings_per_day": 4, "reason": "decided", "review_on": self.now.date()} | plan
        with transaction(self.engine) as session:
            who = (patient or self.patient).id
            replace_plan(self.act(session, Role.CLINICIAN), who, msgspec.convert(whole, PlanBody))

    def decides(
        self, use_case: Callable[[Act, UUID, Any], EpisodeView], body: object, patient: Patient | None = None
    ) -> EpisodeView:
        """A coordinator does something to the patient's spell."""
        with transaction(self.engine) as session:
            spell = session.get_one(Episode, (patient or self.patient).episode_id).public_id
            return use_case(self.act(session, Role.COORDINATOR), spell, body)

    def discharges(self, patient: Patient | None = None, **changed: Any) -> EpisodeView:
        """The spell ends, at home unless said otherwise."""
        body = msgspec.convert({"outcome": "home", "decided_by": "Dr No"} | changed, DischargeBody)
        return self.decides(discharge, body, patient)

    def transfers(self, to: str, patient: Patient | None = None, **changed: Any) -> EpisodeView:
        """The patient goes to a bed on another ward."""
        return self.decides(transfer, msgspec.convert({"ward": to} | changed, TransferBody), patient)

    def leaves(self, kind: str, **changed: Any) -> EpisodeView:
        """The patient is away, and keeps the bed."""
        return self.decides(leave, msgspec.convert({"kind": kind} | changed, LeaveBody))

    def returns(self, **changed: Any) -> EpisodeView:
        """The patient is back."""
        return self.decides(come_back, msgspec.convert(changed, ReturnBody))

    def accepts(self, patient: Patient | None = None, **changed: Any) -> AcceptedView:
        """A senior clinician accepts a value, systolic unless said otherwise, for three days."""
        whole = {"vital": "systolic", "until": self.now + timedelta(days=3), "reason": "lives there"} | changed
        with transaction(self.engine) as session:
            senior = replace(self.staff[Role.CLINICIAN], senior=True)
            return accept(
                Act(session, senior, self.now), (patient or self.patient).id, msgspec.convert(whole, AcceptedBody)
            )

    def withdraws(self, accepted: AcceptedView, patient: Patient | None = None) -> None:
        """A clinician withdraws an accepted value."""
        with transaction(self.engine) as session:
            act = self.act(session, Role.CLINICIAN)
            withdraw(act, (patient or self.patient).id, accepted.id, WithdrawBody("it got worse"))

    def corrects(self, **patient: Any) -> None:
        """A clinician corrects what is recorded of the patient."""
        with transaction(self.engine) as session:
            correcting.correct(self.act(session, Role.CLINICIAN), self.patient.id, person(**patient))

    def acknowledges(self, alert: Alert, role: Role = Role.CLINICIAN) -> None:
        """Somebody takes responsibility."""
        with transaction(self.engine) as session:
            answers.acknowledge_alert(self.act(session, role), alert.public_id, answers.AcknowledgeBody())

    def resolves(self, alert: Alert, outcome: str = "advice") -> None:
        """A clinician says how it ended."""
        with transaction(self.engine) as session:
            body = msgspec.convert({"outcome": outcome}, resolving.ResolveBody)
            resolving.resolve_alert(self.act(session, Role.CLINICIAN), alert.public_id, body)

    def alerts(self, patient: Patient | None = None) -> list[Alert]:
        """Every alert of the patient, oldest first."""
        who = (patient or self.patient).key
        with Session(self.engine) as session:
            query = select(Alert).where(col(Alert.patient_id) == who).order_by(col(Alert.id))
            return list(session.execute(query).scalars())

    def alert(self, kind: Kind = Kind.DETERIORATION, patient: Patient | None = None) -> Alert:
        """The patient's one open alert of a kind."""
        (found,) = [one for one in self.alerts(patient) if one.kind == kind and one.state not in ENDED]
        return found

    def history(self, alert: Alert) -> list[str]:
        """What happened to an alert, in its own words; who was told of it: `told`."""
        with Session(self.engine) as session:
            query = select(AlertHistory).where(col(AlertHistory.alert_id) == alert.id).order_by(col(AlertHistory.id))
            entries = [entry.what for entry in session.execute(query).scalars()]
            return [what for what in entries if not what.startswith(("told ", "passed over ", NOT_ANSWERED))]

    @property
    def told(self) -> list[str]:
        """Every step that any ladder took: when, whom, and where nobody could be told, why."""
        steps = select(LadderStep, col(Alert.kind)).join(Alert, col(Alert.id) == col(LadderStep.alert_id))
        with Session(self.engine) as session:
            return [
                f"{step.at:%H:%M} {step.tell}" + ("" if step.taken == Taken.TOLD else f": {step.reason}")
                for step, _ in session.execute(steps.order_by(col(LadderStep.id)))
            ]

    def messages(self, alert: Alert) -> list[Message]:
        """What was written to tell of an alert, oldest first."""
        with Session(self.engine) as session:
            query = select(Message).where(col(Message.alert_id) == alert.id).order_by(col(Message.id))
            return list(session.execute(query).scalars())

    def reaches(self, role: Role, to: str = "https://pager.example/1") -> None:
        """The member of staff of a role can be told."""
        with transaction(self.engine) as session:
            session.add(Contact(staff_id=self.staff[role].id, place=0, by=By.WEBHOOK, to=to, recorded_at=self.now))

    def sets_ladders(self, code: str = "WARD1", **ladders: Any) -> None:
        """The coordinator decides a ward's own ladders."""
        with transaction(self.engine) as session:
            set_ladders(self.act(session, Role.COORDINATOR), code, ladders, allow_private=False)

    def known(self, patient: Patient | None = None) -> LatestVitals:
        """What is known of the patient now."""
        with Session(self.engine) as session:
            return session.get_one(LatestVitals, (patient or self.patient).episode_id)
