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
    """Give a device to a patient from an instant on. Raises Unacceptable, Conflict where it is another's then."""
    query = select(Device).where(col(Device.public_id) == device_id).with_for_update(key_share=True)
    device = act.session.execute(query).scalar_one_or_none()
    if device is None:
        raise Unacceptable(Fault("devices", f"there is no device {device_id}"))
    period = Range(from_at, None, bounds="[)")
    row = Assignment(device_id=device.id, patient_id=patient.id, during=period, shared=device.shared, slot=slot)
    with _refusing_overlap(act, device):
        act.session.add(row)


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
    periods = _open(act, device)
    if not periods:
        raise NotFound("The device is assigned to nobody.")
    _end(periods, act.now)
    for row in periods:
        if _starts(row) >= act.now:
            act.session.delete(row)
    act.session.flush()


def end_kit(act: Act, patient: Patient, at: datetime) -> None:
    """What a patient has is theirs until `at`; what they were given later, until now; what was to come, never."""
    until = func.upper(col(Assignment.during))
    query = select(Assignment).where(col(Assignment.patient_id) == patient.id, until.is_(None) | (until > act.now))
    for row in act.session.execute(query.order_by(col(Assignment.id)).with_for_update()).scalars():
        if _starts(row) >= act.now:
            act.session.delete(row)
        else:
            row.during = Range(_starts(row), at if _starts(row) < at else act.now, bounds="[)")
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
    until = func.upper(col(Assignment.during))
    query = (
        select(Assignment)
        .join(Patient, col(Patient.id) == col(Assignment.patient_id))
        .where(col(Assignment.device_id) == device.id, until.is_(None) | (until > act.now), seen_by(act))
        .order_by(col(Assignment.id))
        .with_for_update(of=Assignment)
    )
    return act.session.execute(query).scalars().all()


def _end(periods: Sequence[Assignment], at: datetime) -> None:
    """End those periods that began before `at` and go on beyond it."""
    for row in periods:
        if _starts(row) < at and (row.during.upper is None or row.during.upper > at):
            row.during = Range(row.during.lower, at, bounds="[)")


def _starts(row: Assignment) -> datetime:
    assert row.during.lower is not None  # every period has a beginning
    return row.during.lower
