"""How many people are registered in an ICB, from a day on: what capacity per 100,000 is counted on."""

from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, cast, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.database import AnyRow, AnySelect
from monitoring.fields import YEARS
from monitoring.paging import Page, before, page
from monitoring.refusals import Forbidden, unacceptable
from monitoring.wards.tables import IcbPopulation, Ward

EPOCH: Final = date(1970, 1, 1)
"""Days are paged by their number since then."""


class PopulationBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A population as sent."""

    population: Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]
    basis: Literal["16+", "all"]
    from_: date = msgspec.field(name="from")


class PopulationView(PopulationBody, kw_only=True):
    """A population, and who recorded it."""

    icb: str
    recorded_by: UUID
    recorded_at: datetime


def set_population(act: Act, icb: str, body: PopulationBody) -> PopulationView:
    """Record a population from a day on; one recorded for that day before is corrected. Raises Forbidden."""
    _refuse_stranger(act, icb)
    if body.from_.year not in YEARS:
        raise unacceptable("from", f"year {body.from_.year} is not between {YEARS[0]} and {YEARS[-1]}")
    said = {
        "population": body.population, "basis": body.basis, "recorded_by": act.who.id, "recorded_at": act.now,
    }  # fmt: skip
    key = {"icb": icb, "from_on": body.from_}
    recorded = insert(IcbPopulation).values(**key, **said)
    act.session.execute(recorded.on_conflict_do_update(index_elements=list(key), set_=said))
    query = _recorded(icb).where(col(IcbPopulation.from_on) == body.from_)
    return _view(act.session.execute(query).one())


def populations(act: Act, icb: str, limit: int, cursor: str | None) -> Page[PopulationView]:
    """The populations of an ICB, newest first."""
    days = cast(col(IcbPopulation.from_on) - EPOCH, BigInteger)
    query = _recorded(icb).where(days < before(cursor)).order_by(col(IcbPopulation.from_on).desc())
    return page(act.session, query, limit, key=lambda row: (row[0].from_on - EPOCH).days, show=_view)


def _refuse_stranger(act: Act, icb: str) -> None:
    """Raise Forbidden for somebody who works on certain wards, none of them of this ICB."""
    if act.who.wards is None:
        return
    ours = select(col(Ward.id)).where(col(Ward.icb) == icb, col(Ward.code).in_(act.who.wards)).limit(1)
    if act.session.execute(ours).one_or_none() is None:
        raise Forbidden(f"None of your wards is of ICB {icb}.")


def _recorded(icb: str) -> AnySelect:
    return (
        select(IcbPopulation, Staff)
        .join(Staff, col(Staff.id) == col(IcbPopulation.recorded_by))
        .where(col(IcbPopulation.icb) == icb)
        .execution_options(populate_existing=True)
    )


def _view(row: AnyRow) -> PopulationView:
    one, by = row
    return PopulationView(
        icb=one.icb,
        population=one.population,
        basis=one.basis,
        from_=one.from_on,
        recorded_by=by.public_id,
        recorded_at=one.recorded_at,
    )
