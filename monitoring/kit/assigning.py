"""Whose a device is: periods that never overlap, but of a device that several patients share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, case, func, select, true
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from monitoring.acts import Act
from monitoring.fields import Instant, in_utc
from monitoring.kit import life
from monitoring.kit.states import Move, State
from monitoring.kit.tables import Assignment, Device
from monitoring.patients.register import find as find_patient
from monitoring.patients.register import seen_by
from monitoring.patients.tables import Patient
from monitoring.refusals import Conflict, Fault, NotFound, Unacceptable

AHEAD_MAX = timedelta(days=31)
SHOWN_MAX = 20
"""Periods shown of one device, the newest ones."""


Slot = Annotated[
    int, msgspec.Meta(ge=0, le=254, description="Which of the device's own users the patient is; null: none of them")
]
"""255 is what Bluetooth devices say of a user whom they don't know."""


class AssignmentBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whose a device is from an instant on."""

    patient: UUID
    from_: Instant | None = msgspec.field(default=None, name="from")
    slot: Slot | msgspec.UnsetType | None = msgspec.UNSET


class AssignmentView(msgspec.Struct):
    """Whose a device is, or was."""

    patient: UUID | None  # None: somebody whom the caller may not see
    from_: datetime = msgspec.field(name="from")
    until: datetime | None = None
    slot: int | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it is the patient's then."""
        return self.from_ <= at and (self.until is None or at < self.until)


def assign(act: Act, device_id: UUID, patient: Patient, from_at: datetime, slot: int | None = None) -> None:
    """Give a device to a patient from an instant on. Raises Unacceptable; Conflict: another's, or not clean."""
    query = select(Device).where(col(Device.public_id) == device_id).with_for_update(key_share=True)
    device = act.session.execute(query).scalar_one_or_none()
    if device is None:
        raise Unacceptable(Fault("devices", f"there is no device {device_id}"))
    period = Range(from_at, None, bounds="[)")
    row = Assignment(device_id=device.id, patient_id=patient.id, during=period, shared=device.shared, slot=slot)
    with _refusing_overlap(act, device):
        act.session.add(row)
    life.give(act, device, from_at)


def reassign(act: Act, device: Device, body: AssignmentBody) -> None:
    """End the device's present assignment where the new one begins, and give it to the patient."""
    try:
        patient = find_patient(act, body.patient)
    except NotFound as error:
        raise Unacceptable(Fault("patient", str(error))) from None
    from_at = act.now if body.from_ is None else in_utc("from", body.from_)
    if from_at > act.now + AHEAD_MAX:
        raise Unacceptable(Fault("from", f"is more than {AHEAD_MAX.days} days ahead"))
    periods = _open(act, device)
    theirs = {_starts(row): row for row in periods if row.patient_id == patient.id}
    now = [at for at in theirs if at <= act.now] if body.from_ is None else []
    if from_at in theirs or now:  # sent again, or theirs already
        _enrol(act, device, theirs[from_at if from_at in theirs else max(now)], body)
        return
    if not device.shared:
        _end(periods, from_at)
        act.session.flush()
    assign(act, device.public_id, patient, from_at, None if body.slot is msgspec.UNSET else body.slot)


def _enrol(act: Act, device: Device, period: Assignment, body: AssignmentBody) -> None:
    """Which of the device's own users the patient is: of all that comes from now on, whenever it was taken."""
    if body.slot is not msgspec.UNSET and body.slot != period.slot:
        with _refusing_overlap(act, device):
            period.slot = body.slot
            act.session.add(period)


@contextmanager
def _refusing_overlap(act: Act, device: Device) -> Iterator[None]:
    """Raise Conflict with whose it is, where the device, or a slot of it, would be two people's at once."""
    try:
        with act.session.begin_nested():
            yield
    except IntegrityError:
        current = {"device": device.public_id, "assignments": assignments(act, [device.id])[device.id]}
        raise Conflict("The device is somebody's at that time.", current=current) from None


def unassign(act: Act, device: Device) -> None:
    """The device is nobody's from now on, nor to become somebody's. Raises NotFound where it is nobody's already."""
    if not take_away(act, device, act.now):
        raise NotFound("The device is assigned to nobody.")
    await_back(act, device, act.now)


def take_away(act: Act, device: Device, at: datetime) -> bool:
    """End what lasts of a device at an instant, and forget what was planned. Returns whether anything did.

    Of the patients whom the caller may see: another ward's it stays.
    """
    periods = _open(act, device)
    _end(periods, at)
    act.session.flush()
    for row in periods:
        if _starts(row) >= at:
            _never_comes(act, row)
    return bool(periods)


def await_back(act: Act, device: Device, at: datetime) -> None:
    """A device that nobody has any more, now or later, is to come back."""
    if State(device.state) is State.ISSUED and not is_somebodys(act, device):
        life.go(act, device, Move.AWAIT, at)


def is_somebodys(act: Act, device: Device) -> bool:
    """Whether anybody at all has a device, or is to have it."""
    lasting = select(col(Assignment.id)).where(col(Assignment.device_id) == device.id, _lasts(act))
    return act.session.execute(lasting.limit(1)).scalar_one_or_none() is not None


def end_kit(act: Act, patient: Patient, at: datetime) -> None:
    """What a patient has is theirs until `at`; what they were given later, until now; what was to come, never."""
    theirs = select(col(Assignment.device_id)).where(col(Assignment.patient_id) == patient.id, _lasts(act))
    query = select(Device).where(col(Device.id).in_(theirs)).order_by(col(Device.id))
    kit = act.session.execute(query.with_for_update(key_share=True)).scalars().all()
    rows = select(Assignment).where(col(Assignment.patient_id) == patient.id, _lasts(act)).order_by(col(Assignment.id))
    for row in act.session.execute(rows.with_for_update()).scalars().all():
        if _starts(row) >= act.now:
            _never_comes(act, row)
        else:
            row.during = Range(_starts(row), at if _starts(row) < at else act.now, bounds="[)")
    act.session.flush()
    for device in kit:
        await_back(act, device, at)


def _never_comes(act: Act, planned: Assignment) -> None:
    """A period that was to come is forgotten; who was to give the device up for it keeps it."""
    starts = _starts(planned)
    act.session.delete(planned)
    act.session.flush()
    before = select(Assignment).where(
        col(Assignment.device_id) == planned.device_id, func.upper(col(Assignment.during)) == starts
    )
    for row in act.session.execute(before.with_for_update()).scalars().all() if starts > act.now else ():
        row.during = Range(_starts(row), None, bounds="[)")
    act.session.flush()


def assignments(act: Act, devices: Sequence[int]) -> dict[int, list[AssignmentView]]:
    """Whose each device was and is, newest first, by the device's internal key. Nobody reads of others' patients."""
    since, until = func.lower(col(Assignment.during)), func.upper(col(Assignment.during))
    place = func.row_number().over(partition_by=col(Assignment.device_id), order_by=since.desc())
    of = (
        select(
            col(Assignment.device_id),
            case((seen_by(act), col(Patient.public_id))),
            since,
            until,
            col(Assignment.slot),
            place.label("place"),
        )
        .join(Patient, col(Patient.id) == col(Assignment.patient_id))
        .where(col(Assignment.device_id).in_(devices))
        .subquery()
    )
    whose: dict[int, list[AssignmentView]] = {}
    for device, *period, _ in act.session.execute(select(of).where(of.c.place <= SHOWN_MAX).order_by(of.c.place)):
        whose.setdefault(device, []).append(AssignmentView(*period))
    return whose


def held_by_theirs(act: Act) -> ColumnElement[bool]:
    """A device is seen by those who see a patient who has it now, and by everybody while nobody has it."""
    if act.who.wards is None:
        return true()
    theirs = (
        select(func.bool_or(seen_by(act)))
        .select_from(Assignment)
        .join(Patient, col(Patient.id) == col(Assignment.patient_id))
        .where(col(Assignment.device_id) == col(Device.id), col(Assignment.during).contains(act.now))
    )
    return func.coalesce(theirs.scalar_subquery(), true())


def _open(act: Act, device: Device) -> Sequence[Assignment]:
    """The periods of a device that have not ended, of patients whom the caller may see, locked."""
    query = (
        select(Assignment)
        .join(Patient, col(Patient.id) == col(Assignment.patient_id))
        .where(col(Assignment.device_id) == device.id, _lasts(act), seen_by(act))
        .order_by(col(Assignment.id))
        .with_for_update(of=Assignment)
    )
    return act.session.execute(query).scalars().all()


def _lasts(act: Act) -> ColumnElement[bool]:
    """Periods that have not ended."""
    until = func.upper(col(Assignment.during))
    return until.is_(None) | (until > act.now)


def _end(periods: Sequence[Assignment], at: datetime) -> None:
    """End those periods that began before `at` and go on beyond it."""
    for row in periods:
        if _starts(row) < at and (row.during.upper is None or row.during.upper > at):
            row.during = Range(row.during.lower, at, bounds="[)")


def _starts(row: Assignment) -> datetime:
    assert row.during.lower is not None  # every period has a beginning
    return row.during.lower
