"""Which Observations a source has created already: looked up before its sets are queued, claimed once they are on disk.

Whoever claims first created it. Sets have derived ids, so whoever queued the same beside it queued nothing new; and
where a process dies between the two, the same request once more queues the same set and claims it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import Engine, select
from sqlmodel import col

from devices.formats.fhir.grouping import Part
from devices.reading import set_key
from monitoring.database import driver, once_more, snapshot, transaction
from monitoring.fhir.tables import FhirObservation

SAME_TIME: Final = timedelta(minutes=10)
"""Two gateways that read one stored measurement place it on timelines that differ a little. The design's own."""

WHAT: Final = {
    "systolic": "blood-pressure", "diastolic": "blood-pressure", "spo2": "spo2", "respiratory_rate": "respiratory-rate",
    "pulse": "pulse", "temperature": "temperature", "consciousness": "consciousness", "on_oxygen": "oxygen",
    "oxygen_flow": "oxygen", "weight": "weight", "glucose": "glucose", "peak_flow": "peak-flow",
    "reported_news2": "news2", "battery": "battery",
}  # fmt: skip
"""By field, what an Observation is of; the first that it has counts."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An Observation under its sender's name."""

    name: bytes
    content: bytes
    taken_at: datetime
    id: str = ""
    set: UUID | None = None

    def is_of(self, other: "Claim") -> bool:
        """Whether the other says the same."""
        return self.content == other.content and abs(self.taken_at - other.taken_at) <= SAME_TIME


def claim_of(part: Part, source: int) -> Claim:
    """What one Observation claims. Its id is known once its set is."""
    said = msgspec.json.encode((part.patient, part.quality, sorted(part.fields.items())))
    name, content = sha256(part.own.encode("utf-8", "surrogatepass")).digest()[:16], sha256(said).digest()[:16]
    if part.set_id is None:
        return Claim(name, content, part.taken_at)
    key = set_key(source, part.set_id)
    what = next(what for field, what in WHAT.items() if field in part.fields)
    return Claim(name, content, part.taken_at, f"{key}-{what}", UUID(key))


_CLAIM: Final = """
INSERT INTO fhir_observation (source, name, content, id, set, taken_at, made_at)
SELECT %s, name, content, id, set, taken_at, %s
FROM unnest(%s::bytea[], %s::bytea[], %s::text[], %s::uuid[], %s::timestamptz[])
     AS new (name, content, id, set, taken_at)
ORDER BY name
ON CONFLICT DO NOTHING
RETURNING name
"""


def known(engine: Engine, source: int, names: Sequence[bytes]) -> dict[bytes, Claim]:
    """Those of these names that are claimed."""
    query = select(FhirObservation).where(col(FhirObservation.source) == source, col(FhirObservation.name).in_(names))
    with snapshot(engine) as session:
        return {row.name: Claim(row.name, row.content, row.taken_at, row.id, row.set) for row in session.scalars(query)}


def claim(engine: Engine, source: int, claims: Sequence[Claim], now: datetime) -> dict[bytes, Claim | None]:
    """Claim what is on disk. By name: None where this request created it, else what was there before."""
    columns = [
        [one.name for one in claims], [one.content for one in claims], [one.id for one in claims],
        [one.set for one in claims], [one.taken_at for one in claims],
    ]  # fmt: skip

    def _claim() -> set[bytes]:
        with transaction(engine) as session:
            return {bytes(name) for (name,) in driver(session).execute(_CLAIM, (source, now, *columns))}

    created = once_more(_claim)
    others = [one.name for one in claims if one.name not in created]
    before = known(engine, source, others) if others else {}
    return {one.name: before.get(one.name) for one in claims}
