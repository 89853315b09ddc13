"""Observations in: read, look up what was created before, put the rest on disk, claim it, and say what became of each.

Nothing is claimed before it is on disk; nothing of a transaction is queued unless all of it can be.
"""

from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from anyio import to_thread

from devices.formats.fhir.members import Fate, Member, Reading, contradicts
from devices.formats.fhir.observations import settle
from devices.original import Format, pack
from devices.reading import Arrival
from monitoring.clock import utc_now
from monitoring.fhir.claims import Claim, claim, claim_of, known
from monitoring.metrics import SETS
from monitoring.service import Service

_accepted, _refused = SETS.labels("accepted"), SETS.labels("refused")


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one entry. `id`: of the Observation that was created, now or before."""

    member: Member
    status: HTTPStatus
    id: str | None = None


async def take(service: Service, reading: Reading, source: int) -> list[Done]:
    """Take what can be taken, and answer for every entry, in their order. Raises Unavailable."""
    service.refuse_backlog(utc_now())
    ids: dict[int, str] = {}
    created: set[int] = set()
    if reading.type == "transaction" and _is_refused(reading):
        await _refuse_all(service, reading, source)
        return _done(reading, ids, created)
    fresh, again = await _sorted_out(service, reading, source, ids)
    if reading.type == "transaction" and _is_refused(reading):  # a name that was given to something else
        await _refuse_all(service, reading, source)
        return _done(reading, ids, created)
    settle(reading, fresh)
    await _append(service, reading, source)
    claims = {one.index: claim_of(part, source) for one in fresh if (part := one.part) is not None}
    if claims:
        now = utc_now()
        before = await to_thread.run_sync(lambda: claim(service.engine, source, list(claims.values()), now))
        for one in fresh:
            if (mine := claims.get(one.index)) is not None:
                _settle_claim(one, mine, before[mine.name], ids, created)
    for one, first in again:
        if first.index in ids:
            ids[one.index] = ids[first.index]
    _accepted.inc(len(reading.decoded.sets))
    _refused.inc(len(reading.decoded.refused))
    return _done(reading, ids, created)


async def _sorted_out(
    service: Service, reading: Reading, source: int, ids: dict[int, str]
) -> tuple[list[Member], list[tuple[Member, Member]]]:
    """The members that are new; and those that say again what another of this document says.

    What was created before is given its id; what contradicts it is kept aside.
    """
    claims = [(one, claim_of(part, source)) for one in reading.taken if (part := one.part) is not None]
    names = [mine.name for _, mine in claims]
    before = await to_thread.run_sync(lambda: known(service.engine, source, names)) if names else {}
    first: dict[bytes, tuple[Member, Claim]] = {}
    fresh: list[Member] = []
    again: list[tuple[Member, Member]] = []
    for one, mine in claims:
        if (was := before.get(mine.name)) is not None:
            if was.is_of(mine):
                ids[one.index] = was.id
            else:
                contradicts(reading, one)
        elif (same := first.get(mine.name)) is None:
            first[mine.name] = one, mine
            fresh.append(one)
        elif same[1].is_of(mine):
            again.append((one, same[0]))
        else:
            contradicts(reading, one)
    return fresh, again


def _settle_claim(one: Member, mine: Claim, was: Claim | None, ids: dict[int, str], created: set[int]) -> None:
    """Of those who claim one name at the same time the first created it."""
    if was is None:
        ids[one.index] = mine.id
        created.add(one.index)
    elif was.is_of(mine):
        ids[one.index] = was.id
    else:  # the drain keeps aside whichever of the two came second
        one.fate, one.issue = Fate.REFUSED, "conflict"
        one.reason = f"{one.own[:200]} was sent at the same time with other content"


def _is_refused(reading: Reading) -> bool:
    return any(one.fate is Fate.REFUSED for one in reading.members)


async def _refuse_all(service: Service, reading: Reading, source: int) -> None:
    """Nothing of it is taken; but what cannot be a measurement, or contradicts an earlier one, is told to somebody."""
    conflicts = [one for one in reading.decoded.odd if one.reason == "same id, other content"]
    reading.decoded.odd, reading.decoded.sets = conflicts, []
    _refused.inc(len(reading.members))
    await _append(service, reading, source)


async def _append(service: Service, reading: Reading, source: int) -> None:
    decoded = reading.decoded
    if decoded.sets or decoded.impossible or decoded.odd:
        arrival = Arrival(
            source=source,
            received_at=utc_now(),
            sets=decoded.sets,
            impossible=decoded.impossible,
            odd=decoded.odd,
            clock_offset_s=decoded.clock_offset_s,
            original=pack(source, Format.FHIR, reading.document.body) if decoded.sets else None,
        )
        await service.inlet.append(source, msgspec.json.encode(arrival))


def _done(reading: Reading, ids: dict[int, str], created: set[int]) -> list[Done]:
    return [Done(one, _status(one, ids, created), ids.get(one.index)) for one in reading.members]


def _status(one: Member, ids: dict[int, str], created: set[int]) -> HTTPStatus:
    if one.index in ids:
        return HTTPStatus.CREATED if one.index in created else HTTPStatus.OK
    if one.fate is not Fate.REFUSED:
        return HTTPStatus.ACCEPTED
    if one.issue == "conflict":
        return HTTPStatus.CONFLICT
    return HTTPStatus.BAD_REQUEST if one.is_unreadable else HTTPStatus.UNPROCESSABLE_ENTITY
