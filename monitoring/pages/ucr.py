"""What a UCR team looks at: its referrals as cards by state, each with its clock, and where they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar import Response, get

from monitoring.access.permissions import MAY
from monitoring.acts import Act, Incoming, look
from monitoring.health import Part
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.pages.unwell import what_is_unwell
from monitoring.ucr.states import LIVE, UNSEEN, Outcome, State
from monitoring.ucr.views import UcrReferralView, at_work

OPEN: Final[dict[str, Any]] = {"opt": {"allows": "read ucr"}, "include_in_schema": False}
LIVE_MAX: Final = 200
ENDED_MAX: Final = 12
DUTIES: Final = ("answer ucr", "cancel ucr", "review ucr", "refer to ucr")
COLUMNS: Final = {
    "To answer": (State.SENT, State.UNPLACED),
    "Accepted": (State.ACCEPTED,),
    "On the way": (State.DISPATCHED,),
    "With the patient": (State.ARRIVED,),
    "Ended last": tuple(state for state in State if state not in LIVE),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A referral, with the handover as the team was given it."""

    one: UcrReferralView
    handover: dict[str, Any]
    district: str | None
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """The referrals of a team, or of a ward's people, as they were at an instant."""

    at: datetime
    columns: dict[str, list[Card]]
    areas: dict[str, list[Card]]  # those that wait for somebody at the door, by postcode district
    may: frozenset[str]
    unwell: dict[str, Part]

    @property
    def waiting(self) -> int:
        """Referrals that nobody has answered."""
        return len(self.columns["To answer"])


@get("/ucr", **OPEN)
async def get_ucr(request: Incoming) -> Response[str]:
    """The whole page."""
    picture = await _picture(request)
    await goes_on(request)
    return page("ucr.html", me=request.user, **_shown(picture))


@get("/ucr/part", **OPEN)
async def get_ucr_part(request: Incoming) -> Response[str]:
    """The live part."""
    return page("_ucr.html", me=request.user, **_shown(await _picture(request)))


def _shown(picture: Picture) -> dict[str, Any]:
    seen = [one for one in Outcome if one is not Outcome.STAYED_AT_HOME]
    return {"picture": picture, "outcomes": {"arrived": seen, "before": sorted(UNSEEN)}}


async def _picture(request: Incoming) -> Picture:
    unwell = await what_is_unwell(request)
    return await look(request, lambda act: _read(act, unwell))


def _read(act: Act, unwell: dict[str, Part]) -> Picture:
    cards = [Card(one, row.handover, row.district, row.starts_at) for row, one in at_work(act, LIVE_MAX, ENDED_MAX)]
    return Picture(
        at=act.now,
        columns={name: [card for card in cards if card.one.state in states] for name, states in COLUMNS.items()},
        areas=_by_area(card for card in cards if card.one.state in LIVE and card.one.state != State.ARRIVED),
        may=frozenset(duty for duty in DUTIES if act.who.role in MAY[duty]),
        unwell=unwell,
    )


def _by_area(cards: Iterable[Card]) -> dict[str, list[Card]]:
    """Each area's soonest first, and the area with the soonest of all first: as the cards come."""
    found: dict[str, list[Card]] = {}
    for card in cards:
        found.setdefault(card.district or "no postcode", []).append(card)
    return found


ROUTES: list[Any] = [get_ucr, get_ucr_part]
