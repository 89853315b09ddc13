"""Sets of readings and their scores as the outside sees them: in answers and on `/v1/live` alike."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from alert_rules.news2 import RED, Risk, risk_of
from alert_rules.vitals import PARAMETERS
from monitoring.database import AnyRow

LATE_AFTER: Final = timedelta(minutes=15)
"""A set that came this long after it was taken says how late it was. The design's own."""


class ReadingView(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One set as posted, with where it came from. What was not measured is left out."""

    id: str
    set: UUID
    taken_at: datetime
    received_at: datetime
    device: UUID | None
    patient: UUID
    flags: list[str]
    carried: bool
    quality: str
    respiratory_rate: float | None = None
    spo2: float | None = None
    oxygen_flow: float | None = None
    on_oxygen: bool | None = None
    systolic: float | None = None
    diastolic: float | None = None
    pulse: float | None = None
    consciousness: str | None = None
    temperature: float | None = None
    weight: float | None = None
    glucose: float | None = None
    peak_flow: float | None = None
    assessed_by: str | None = None
    wellness: str | None = None
    battery: int | None = None
    declined: str | None = None
    method: str | None = None
    measured_by: str | None = None
    late_s: int | None = None
    sensor: str | None = None  # behind a hub
    slot: int | None = None  # which of its users the sensor said it was
    clock: str | None = None  # synced, corrected or assumed
    device_time: datetime | None = None  # as the device gave it, where its clock is known to be wrong
    original: UUID | None = None  # the document that it came in
    kept_aside: UUID | None = None  # what it was released from
    reported_news2: int | None = None


class ScoreView(msgspec.Struct, kw_only=True):
    """The current score of one set."""

    id: UUID  # the set's
    at: datetime
    set: UUID
    score: int | None
    score_max: int | None
    complete: bool
    missing: list[str]
    scale: int | None
    risk: Risk
    risk_max: Risk
    subscores: dict[str, int | None]
    assumed: list[str]
    readings: list[UUID]
    not_scored: str | None


UNSCORED: Final = "-" * len(PARAMETERS)


def reading_view(row: AnyRow, patient: UUID) -> ReadingView:
    """A row of `reading`, with the public id of its device, as it was posted."""
    also = row.also or {}
    sent = row.as_sent or {}
    late_s = round((row.received_at - row.taken_at).total_seconds())
    return ReadingView(
        id=row.id,
        set=row.set,
        taken_at=row.taken_at,
        received_at=row.received_at,
        device=row.device,
        patient=patient,
        flags=row.flags or [],
        carried=False,
        quality=row.quality,
        respiratory_rate=sent.get("respiratory_rate", row.respiratory_rate),
        spo2=sent.get("spo2", row.spo2),
        oxygen_flow=sent.get("oxygen_flow", _scaled(row.oxygen_flow_hundredths, 100)),
        on_oxygen=row.on_oxygen,
        systolic=sent.get("systolic", row.systolic),
        diastolic=sent.get("diastolic", row.diastolic),
        pulse=sent.get("pulse", row.pulse),
        consciousness=row.consciousness,
        temperature=sent.get("temperature", _scaled(row.temperature_tenths, 10)),
        late_s=late_s if late_s >= LATE_AFTER.total_seconds() else None,
        **also,
    )


def score_view(row: AnyRow) -> ScoreView:
    """What a row of `reading` scores now: what it scored when it came, or `again` when an earlier set came later."""
    now = row.again or row._mapping
    points = now["points"]
    subscores = {
        name: None if one == "-" else int(one) for name, one in zip(PARAMETERS, points or UNSCORED, strict=True)
    }
    known = [point for point in subscores.values() if point is not None]
    missing = [name for name, point in subscores.items() if point is None]
    applies = points is not None
    return ScoreView(
        id=row.set,
        at=row.taken_at,
        set=row.set,
        score=now["score"],
        score_max=now["score_max"],
        complete=applies and not missing and not now["oxygen_assumed"],
        missing=missing,
        scale=now["scale"],
        risk=risk_of(now["score"], single_red=RED in known) if applies else Risk.NOT_APPLICABLE,
        risk_max=risk_of(now["score_max"], single_red=_may_be_red(known, missing)) if applies else Risk.NOT_APPLICABLE,
        subscores=subscores,
        assumed=["oxygen"] if now["oxygen_assumed"] else [],
        readings=[row.set, *(UUID(str(use)) for use in now["uses"] or ())],
        not_scored=now["not_scored"],
    )


def _may_be_red(known: list[int], missing: list[str]) -> bool:
    """Any parameter but oxygen and temperature can score 3; temperature can when low. Oxygen gives 2 at the most."""
    return RED in known or any(name != "oxygen" for name in missing)


def _scaled(units: int | None, by: int) -> float | None:
    return None if units is None else units / by
