"""Service lines: home care or therapy for one patient, asked for, begun and ended.

A patient awaits a package from the request until the care begins. After the spell therapy is given again within six
weeks, without a new referral: the line is of the same spell, and holds no bed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.clock import WARD_TIME
from monitoring.fields import Instant as At
from monitoring.fields import Line, Reason, Text
from monitoring.flow.spells import record, when
from monitoring.flow.tables import Entry
from monitoring.recovery.care import Care, lock_care
from monitoring.recovery.clocks import HOURS_STEP, Instant, Service, re_access_until
from monitoring.recovery.recording import keep
from monitoring.recovery.tables import ServiceLine
from monitoring.recovery.views import LineView, RecoveryView, line_view, view
from monitoring.refusals import Conflict, NotFound
from monitoring.wards.admission import refuse_dead

HOURS_MAX: Final = 672.0
"""Four carers round the clock; more is a slip of the pen. The design's own."""

HoursPerWeek = Annotated[float, msgspec.Meta(ge=HOURS_STEP, le=HOURS_MAX, multiple_of=HOURS_STEP)]


class LineBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A kind of care that is needed."""

    service: Service
    hours_per_week: HoursPerWeek
    provider: Line | None = None
    at: At | None = None
    note: Text | None = None


class BegunBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Somebody came for the first time."""

    at: At | None = None
    provider: Line | None = None
    note: Text | None = None


class EndedBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """It is over, or not needed after all."""

    reason: Reason
    at: At | None = None


def request_line(act: Act, episode_id: UUID, body: LineBody) -> RecoveryView:
    """Care is asked for: of a patient on the service, or therapy again within six weeks. Raises as its rules say."""
    care = lock_care(act, episode_id)
    refuse_dead(care.spell.patient)
    at = when(act, body.at, *_requested_since(care))
    re_access = care.until_at is not None
    if re_access:
        _refuse_re_access(act, care, body.service, at)
    if (known := _open_line(act, care, body.service)) is not None:
        raise Conflict(f"There is {body.service.replace('_', ' ')} already.", current=known)
    line = ServiceLine(
        episode_id=care.spell.episode.id,
        patient_id=care.spell.patient.id,
        ward_id=care.ward.id,
        service=body.service,
        hours_per_week=body.hours_per_week,
        provider=body.provider,
        requested_at=at,
        re_access=re_access,
    )
    act.session.add(line)
    said = {"hours_per_week": body.hours_per_week, "re_access": re_access, "note": body.note}
    return _done(act, care, line, "requested", at, said)


def begin_line(act: Act, episode_id: UUID, line_id: UUID, body: BegunBody) -> RecoveryView:
    """The care begins; the first of a spell is its first care. Raises NotFound, Unacceptable, Conflict."""
    care, line = _lock(act, episode_id, line_id)
    if line.begun_at is not None:
        raise Conflict("It has begun.", current=line_view(line))
    at = when(act, body.at, line.requested_at, "the request")
    if not line.re_access:
        first_at = care.known.get(Instant.FIRST_CARE)
        if first_at is None:
            keep(act, care, Instant.FIRST_CARE, at)
        elif at < first_at:
            raise Conflict("That is before the first care.", current={"first_care_at": first_at})
    line.begun_at, line.provider = at, body.provider or line.provider
    return _done(act, care, line, "begun", at, {"note": body.note})


def end_line(act: Act, episode_id: UUID, line_id: UUID, body: EndedBody) -> RecoveryView:
    """The care is over, or is not needed. Raises NotFound, Unacceptable, Conflict."""
    care, line = _lock(act, episode_id, line_id)
    since = (line.requested_at, "the request") if line.begun_at is None else (line.begun_at, "the beginning")
    line.ended_at = at = when(act, body.at, *since)
    line.end_reason = body.reason
    return _done(act, care, line, "ended", at, {"reason": body.reason})


def _requested_since(care: Care) -> tuple[datetime, str]:
    """From when care can be asked for, and what that was."""
    if care.until_at is not None:
        return care.until_at, "the discharge"
    referred_at = care.known.get(Instant.REFERRED)
    return (care.from_at, "the admission") if referred_at is None else (referred_at, "the referral")


def _refuse_re_access(act: Act, care: Care, service: Service, at: datetime) -> None:
    """Raise Conflict where the patient has left and this needs a new referral."""
    assert care.until_at is not None
    last = re_access_until(care.until_at)
    current = {"until": care.until_at, "re_access_until": last}
    if service is not Service.THERAPY:
        raise Conflict("The patient has left: only therapy is given again without a referral.", current=current)
    had = select(col(ServiceLine.id)).where(
        col(ServiceLine.episode_id) == care.spell.episode.id,
        col(ServiceLine.service) == Service.THERAPY,
        col(ServiceLine.begun_at).is_not(None),
    )
    if act.session.execute(had.limit(1)).first() is None:
        raise Conflict("The patient had no therapy here: it needs a new referral.", current=current)
    if at.astimezone(WARD_TIME).date() > last:
        raise Conflict("The six weeks are over: it needs a new referral.", current=current)


def _open_line(act: Act, care: Care, service: Service) -> LineView | None:
    query = select(ServiceLine).where(
        col(ServiceLine.episode_id) == care.spell.episode.id,
        col(ServiceLine.service) == service,
        col(ServiceLine.ended_at).is_(None),
    )
    found: ServiceLine | None = act.session.execute(query).scalar_one_or_none()
    return None if found is None else line_view(found)


def _lock(act: Act, episode_id: UUID, line_id: UUID) -> tuple[Care, ServiceLine]:
    """A line that is not over. Raises NotFound, Conflict."""
    care = lock_care(act, episode_id)
    query = select(ServiceLine).where(
        col(ServiceLine.episode_id) == care.spell.episode.id, col(ServiceLine.public_id) == line_id
    )
    line: ServiceLine | None = act.session.execute(query.with_for_update()).scalar_one_or_none()
    if line is None:
        raise NotFound(f"There is no service {line_id}.")
    if line.ended_at is not None:
        raise Conflict("It is over.", current=line_view(line))
    return care, line


def _done(act: Act, care: Care, line: ServiceLine, what: str, at: datetime, said: Mapping[str, Any]) -> RecoveryView:
    about = {"what": f"service_{what}", "service": line.service, "line": line.public_id}
    record(act, care.spell, Entry.CARE, at, {**about, **said})
    act.session.flush()
    return view(act, care)
