"""What the SitRep counts, ward by ward, at an instant and in the period that ends with it: three queries.

Everything is counted from history as it is known when it is asked, so that an instant long past can be counted too.
What came first in the period and what came last in it count: patients at its end are those at its beginning, plus who
was admitted or transferred in, less who was discharged or transferred out.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Final, Literal

import msgspec
from sqlalchemy import ARRAY, Text, bindparam, text
from sqlmodel import Session

from monitoring.clock import WARD_TIME
from monitoring.wards.beds import Beds, beds


class Level(StrEnum):
    """What a line of the SitRep is about."""

    TOTAL = "total"
    ICB = "icb"
    PATHWAY = "pathway"
    WARD = "ward"


class Group(msgspec.Struct, kw_only=True):
    """A ward, or wards counted together."""

    level: Level
    group: str  # the ward's code, the pathway, the ICB
    name: str | None = None
    pathway: str | None = None
    provider: str | None = None
    icb: str | None = None


class Line(Group, kw_only=True):
    """What is counted. `patients` are those in a bed at the instant, who is on leave among them."""

    capacity: int  # staffed beds
    funded: int
    patients: int
    on_leave: int
    reserved: int
    with_devices: int  # patients with a device of ours at the instant
    admissions_step_up: int
    admissions_step_down: int
    transfers_in: int
    transfers_out: int
    discharges: int
    discharged_home: int
    discharged_acute: int
    discharged_hospice: int
    discharged_died: int
    discharged_self: int
    referrals_received: int
    referrals_accepted: int
    referrals_declined: int


COUNTS: Final = tuple(name for name in Line.__struct_fields__ if name not in Group.__struct_fields__)
"""The fields that add up."""


class Population(msgspec.Struct, kw_only=True):
    """How many people were registered in an ICB at the instant, and from when on that is known."""

    icb: str
    population: int
    basis: Literal["16+", "all"]
    from_: date = msgspec.field(name="from")


class Counted(msgspec.Struct, kw_only=True):
    """A SitRep's content: one line for each ward, and the populations of their ICBs."""

    since: datetime
    wards: list[Line]
    populations: list[Population]


def count(session: Session, since: datetime, as_of: datetime) -> Counted:
    """Count the wards that the SitRep is about: flagged for it, and not closed before the period began."""
    rows = session.execute(_MOVED, {"since": since, "as_of": as_of}).mappings().all()
    now_in = beds(session, [row["id"] for row in rows], as_of)
    wards = [msgspec.convert({**row, **_counted(now_in[row["id"]])}, Line) for row in rows]
    return Counted(since=since, wards=wards, populations=_populations(session, {row["icb"] for row in rows}, as_of))


def _counted(now_in: Beds) -> dict[str, int]:
    return {
        "capacity": now_in.staffed,
        "funded": now_in.funded,
        "patients": now_in.occupied,
        "on_leave": now_in.on_leave,
        "reserved": now_in.reserved,
    }


def _populations(session: Session, icbs: set[str], as_of: datetime) -> list[Population]:
    on = as_of.astimezone(WARD_TIME).date()
    rows = session.execute(_POPULATIONS, {"icbs": list(icbs), "on": on}).mappings()
    return [
        Population(icb=row["icb"], population=row["population"], basis=row["basis"], from_=row["from_on"])
        for row in rows
    ]


_POPULATIONS: Final = text(
    """
    SELECT DISTINCT ON (icb) icb, population, basis, from_on FROM icb_population
    WHERE icb = ANY(:icbs) AND from_on <= :on ORDER BY icb, from_on DESC
    """
).bindparams(bindparam("icbs", type_=ARRAY(Text)))

# A spell's first stay is its admission, its last one ends with the discharge; in between are transfers. OFFSET 0: which
# stay is which is asked once for each, and not for each figure.
_MOVED: Final = text(
    """
    WITH asked AS (
        SELECT ward_id, count(*) AS received FROM referral WHERE received_at > :since AND received_at <= :as_of
        GROUP BY ward_id
    ), decided AS (
        SELECT ward_id, count(DISTINCT referral.id) FILTER (WHERE what = 'accepted') AS accepted,
               count(DISTINCT referral.id) FILTER (WHERE what = 'declined') AS declined
        FROM referral_history JOIN referral ON referral.id = referral_id
        WHERE what IN ('accepted', 'declined') AND at > :since AND at <= :as_of
        GROUP BY ward_id
    )
    SELECT ward.id, 'ward' AS level, ward.code AS "group", ward.name, ward.pathway, ward.provider, ward.icb,
           came.*, went.*, watched.with_devices, coalesce(asked.received, 0) AS referrals_received,
           coalesce(decided.accepted, 0) AS referrals_accepted, coalesce(decided.declined, 0) AS referrals_declined
    FROM ward
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE is_first AND step = 'up') AS admissions_step_up,
               count(*) FILTER (WHERE is_first AND step = 'down') AS admissions_step_down,
               count(*) FILTER (WHERE NOT is_first) AS transfers_in
        FROM (SELECT episode.step, NOT EXISTS (SELECT FROM ward_stay earlier
                                               WHERE earlier.episode_id = stay.episode_id AND earlier.id < stay.id)
                     AS is_first
              FROM ward_stay stay JOIN episode ON episode.id = stay.episode_id
              WHERE stay.ward_id = ward.id AND stay.from_at > :since AND stay.from_at <= :as_of OFFSET 0) AS begun
    ) AS came
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE NOT is_last) AS transfers_out,
               count(*) FILTER (WHERE is_last) AS discharges,
               count(*) FILTER (WHERE is_last AND outcome = 'home') AS discharged_home,
               count(*) FILTER (WHERE is_last AND outcome = 'acute') AS discharged_acute,
               count(*) FILTER (WHERE is_last AND outcome = 'hospice') AS discharged_hospice,
               count(*) FILTER (WHERE is_last AND outcome = 'died') AS discharged_died,
               count(*) FILTER (WHERE is_last AND outcome = 'self') AS discharged_self
        FROM (SELECT episode.outcome, NOT EXISTS (SELECT FROM ward_stay later
                                                  WHERE later.episode_id = stay.episode_id AND later.id > stay.id)
                     AS is_last
              FROM ward_stay stay JOIN episode ON episode.id = stay.episode_id
              WHERE stay.ward_id = ward.id AND stay.until_at > :since AND stay.until_at <= :as_of OFFSET 0) AS ended
    ) AS went
    CROSS JOIN LATERAL (
        SELECT count(*) AS with_devices FROM ward_stay stay
        WHERE stay.ward_id = ward.id AND stay.from_at <= :as_of AND (stay.until_at IS NULL OR stay.until_at > :as_of)
          AND EXISTS (SELECT FROM assignment
                      WHERE assignment.patient_id = stay.patient_id AND assignment.during @> :as_of)
    ) AS watched
    LEFT JOIN asked ON asked.ward_id = ward.id
    LEFT JOIN decided ON decided.ward_id = ward.id
    WHERE ward.in_sitrep AND (ward.closed_at IS NULL OR ward.closed_at > :since)
      AND (EXISTS (SELECT FROM ward_capacity WHERE ward_capacity.ward_id = ward.id AND from_at <= :as_of)
           OR EXISTS (SELECT FROM ward_stay WHERE ward_stay.ward_id = ward.id AND from_at <= :as_of))
    ORDER BY ward.code
    """
)
