"""Recovery and discharge to assess over HTTP: what is recorded of a spell, the care, its capacity, who awaits it."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look, look_over
from monitoring.fields import WardCode
from monitoring.flow.spells import find_spell
from monitoring.moments import instant
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.recovery import awaiting, capacity, lines, recording, views
from monitoring.recovery.awaiting import AwaitingView
from monitoring.recovery.capacity import CareHoursBody, CareHoursView, CareLoadView
from monitoring.recovery.clocks import Instant
from monitoring.recovery.lines import BegunBody, EndedBody, LineBody
from monitoring.recovery.recording import InstantBody, OutcomeBody
from monitoring.recovery.views import RecoveryView
from monitoring.wards.beds import ward_in_path

TAGS: Final = ["recovery"]
RUN: Final[dict[str, Any]] = {"opt": {"allows": "run spells", "whose": find_spell}, "tags": TAGS, "status_code": 200}
OF: Final = "/v1/episodes/{episode:uuid}"
LINE: Final = f"{OF}/services/{{line:uuid}}"
WARD: Final = "/v1/wards/{code:str}"
READ_WARD: Final[dict[str, Any]] = {"opt": {"allows": "read wards", "whose": ward_in_path}, "tags": TAGS}

Answered = Response[RecoveryView]
Spell = FromPath[UUID]
At = Annotated[str | None, QueryParameter(description="An instant, RFC 3339; now where none is given")]


@get(
    f"{OF}/recovery",
    opt={"allows": "read patients", "whose": find_spell},
    tags=TAGS,
    summary="The recovery, or discharge to assess, of a spell",
)
async def get_recovery(request: Incoming, episode: Spell) -> RecoveryView:
    """Its instants, its clocks, its care and its outcome; 409 where the spell was on no such service."""
    return await look(request, lambda act: views.recovery(act, episode))


@post(f"{OF}/hospital-referral", **RUN, summary="When the hospital referred")
async def post_hospital_referral(
    request: Incoming, episode: Spell, data: JSONBody[InstantBody | None] = None
) -> Answered:
    """Where the spell did not come from a referral to the service, which says it."""
    return await _record(request, episode, Instant.REFERRED, data)


@post(f"{OF}/home", **RUN, summary="The patient is home")
async def post_home(request: Incoming, episode: Spell, data: JSONBody[InstantBody | None] = None) -> Answered:
    """The clock of discharge to assess begins. To correct what is recorded needs a `reason`."""
    return await _record(request, episode, Instant.HOME, data)


@post(f"{OF}/first-care", **RUN, summary="First care came")
async def post_first_care(request: Incoming, episode: Spell, data: JSONBody[InstantBody | None] = None) -> Answered:
    """The clock of recovery ends. A service that begins says it too, where nobody has."""
    return await _record(request, episode, Instant.FIRST_CARE, data)


@post(f"{OF}/assessed", **RUN, summary="The patient was assessed at home")
async def post_assessed(request: Incoming, episode: Spell, data: JSONBody[InstantBody | None] = None) -> Answered:
    """The clock of discharge to assess ends."""
    return await _record(request, episode, Instant.ASSESSED, data)


@post(f"{OF}/recovery-outcome", **RUN, summary="How recovery ended")
async def post_outcome(request: Incoming, episode: Spell, data: JSONBody[OutcomeBody]) -> Answered:
    """Once the spell has ended. Who died or went to acute care has that outcome already."""
    return await change(request, lambda act: recording.record_outcome(act, episode, data))


@post(f"{OF}/services", **RUN, summary="Ask for home care or therapy")
async def post_service(request: Incoming, episode: Spell, data: JSONBody[LineBody]) -> Answered:
    """A package that the patient awaits until it begins; within six weeks of leaving, therapy again."""
    return await change(request, lambda act: lines.request_line(act, episode, data))


@post(f"{LINE}/begin", **RUN, summary="A service begins")
async def post_service_begin(
    request: Incoming, episode: Spell, line: FromPath[UUID], data: JSONBody[BegunBody | None] = None
) -> Answered:
    """Somebody came for the first time."""
    return await change(request, lambda act: lines.begin_line(act, episode, line, data or BegunBody()))


@post(f"{LINE}/end", **RUN, summary="A service ends")
async def post_service_end(
    request: Incoming, episode: Spell, line: FromPath[UUID], data: JSONBody[EndedBody]
) -> Answered:
    """It is over, or not needed after all. Other hours are another service: end this one and ask again."""
    return await change(request, lambda act: lines.end_line(act, episode, line, data))


@put(
    f"{WARD}/care-hours",
    opt={"allows": "manage wards", "whose": ward_in_path},
    tags=TAGS,
    summary="Hours of care a week from an instant on",
)
async def put_care_hours(
    request: Incoming, code: FromPath[WardCode], data: JSONBody[CareHoursBody]
) -> Response[CareHoursView]:
    """What the service can give beside its beds; every decision is kept. The same one again changes nothing."""
    return await change(request, lambda act: capacity.set_care_hours(act, code, data))


@get(f"{WARD}/care-hours", **READ_WARD, summary="Every decision on a ward's hours of care")
async def get_care_hours(
    request: Incoming, code: FromPath[WardCode], limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[CareHoursView]:
    """Who decided on how many, from when: the latest decision first."""
    return await look(request, lambda act: capacity.care_hours(act, code, limit, cursor))


@get(f"{WARD}/care-load", **READ_WARD, summary="Hours of care at an instant")
async def get_care_load(request: Incoming, code: FromPath[WardCode], at: At = None) -> CareLoadView:
    """Hours a week that can be given, are planned, and are awaited, by service; at any instant."""
    when = instant("at", at)
    return await look(request, lambda act: capacity.care_load(act, code, when))


@get(
    f"{WARD}/awaiting-care",
    opt={"allows": "read patients", "whose": ward_in_path},
    tags=TAGS,
    summary="Who awaits a package of care",
)
async def get_awaiting(
    request: Incoming, code: FromPath[WardCode], at: At = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[AwaitingView]:
    """At any instant: who waits the longest comes first. Referred patients who have not come yet are among them."""
    when = instant("at", at)
    return await look_over(request, lambda act: awaiting.awaiting(act, code, when, limit, cursor))


async def _record(request: Incoming, episode: UUID, what: Instant, data: InstantBody | None) -> Answered:
    return await change(request, lambda act: recording.record_instant(act, episode, what, data or InstantBody()))


ROUTES: list[Any] = [
    get_recovery, post_hospital_referral, post_home, post_first_care, post_assessed, post_outcome,
    post_service, post_service_begin, post_service_end, put_care_hours, get_care_hours, get_care_load, get_awaiting,
]  # fmt: skip
