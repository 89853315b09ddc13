"""What happens during a spell, and at its end, over HTTP. Each answers the spell as it now is."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from monitoring.acts import Incoming, change, look
from monitoring.fields import WardCode
from monitoring.flow import codes, contacts, delays, discharge, leave, letters, records, reopening, reviews, transfer
from monitoring.flow.codes import CodesBody, CodesView, ListName
from monitoring.flow.contacts import ContactBody, ExperienceBody, MdtBody
from monitoring.flow.delays import DelayBody, DelayEndedBody
from monitoring.flow.discharge import DischargeBody
from monitoring.flow.leave import AwayView, LeaveBody, ReturnBody
from monitoring.flow.letters import LetterBody
from monitoring.flow.records import EntryView
from monitoring.flow.reopening import CancelDischargeBody
from monitoring.flow.reviews import ExpectedDischargeBody, FailedBody, ReadyBody, ReviewBody
from monitoring.flow.spells import find_spell
from monitoring.flow.tables import Entry
from monitoring.flow.transfer import TransferBody
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.wards.beds import ward_in_path
from monitoring.wards.episodes import EpisodeView

TAGS = ["spells"]
RUN: dict[str, Any] = {"opt": {"allows": "run spells", "whose": find_spell}, "tags": TAGS, "status_code": 200}
SPEAK: dict[str, Any] = RUN | {"opt": {"allows": "record contacts", "whose": find_spell}}
OF = "/v1/episodes/{episode:uuid}"

Answered = Response[EpisodeView]
Spell = FromPath[UUID]


@post(f"{OF}/review", **RUN, summary="A board round")
async def post_review(request: Incoming, episode: Spell, data: JSONBody[ReviewBody | None] = None) -> Answered:
    """What the round says, with a plan where a clinician changes it. Without a body: reviewed, and nothing changed."""
    return await change(request, lambda act: reviews.review(act, episode, data or ReviewBody()))


@post(f"{OF}/expected-discharge", **RUN, summary="When the patient is expected to leave")
async def post_expected_discharge(request: Incoming, episode: Spell, data: JSONBody[ExpectedDischargeBody]) -> Answered:
    """An expected date of discharge. Beyond the ward's maximum stay it needs a reason."""
    return await change(request, lambda act: reviews.expect_discharge(act, episode, data))


@post(f"{OF}/discharge-ready", **RUN, summary="The patient is ready to leave")
async def post_discharge_ready(request: Incoming, episode: Spell, data: JSONBody[ReadyBody | None] = None) -> Answered:
    """No criteria to reside from then on."""
    return await change(request, lambda act: reviews.ready(act, episode, data or ReadyBody()))


@post(f"{OF}/discharge-failed", **RUN, summary="A planned discharge did not happen")
async def post_discharge_failed(request: Incoming, episode: Spell, data: JSONBody[FailedBody]) -> Answered:
    """Why, and whether the patient is still ready."""
    return await change(request, lambda act: reviews.discharge_failed(act, episode, data))


@post(f"{OF}/delay", **RUN, summary="Something delays the discharge")
async def post_delay(request: Incoming, episode: Spell, data: JSONBody[DelayBody]) -> Answered:
    """With a reason, an owner, and a time by which it is to be solved."""
    return await change(request, lambda act: delays.delay(act, episode, data))


@post(f"{OF}/delays/{{delay:uuid}}/end", **RUN, summary="A delay is solved")
async def post_delay_end(
    request: Incoming, episode: Spell, delay: FromPath[UUID], data: JSONBody[DelayEndedBody | None] = None
) -> Answered:
    """It delays nobody any more."""
    return await change(request, lambda act: delays.end_delay(act, episode, delay, data or DelayEndedBody()))


@post(f"{OF}/leave", **RUN, summary="Away, with the bed kept")
async def post_leave(request: Incoming, episode: Spell, data: JSONBody[LeaveBody]) -> Answered:
    """In an emergency department or a hospital no readings are due; with the family they are."""
    return await change(request, lambda act: leave.leave(act, episode, data))


@post(f"{OF}/return", **RUN, summary="Back from leave")
async def post_return(request: Incoming, episode: Spell, data: JSONBody[ReturnBody | None] = None) -> Answered:
    """A full set is due at once."""
    return await change(request, lambda act: leave.come_back(act, episode, data or ReturnBody()))


@post(f"{OF}/transfer", **RUN, summary="To a bed on another ward")
async def post_transfer(request: Incoming, episode: Spell, data: JSONBody[TransferBody]) -> Answered:
    """One bed frees as the other fills; the spell, the plan, the kit and the alerts go on there."""
    return await change(request, lambda act: transfer.transfer(act, episode, data))


@post(f"{OF}/discharge", **RUN, summary="End a spell")
async def post_discharge(request: Incoming, episode: Spell, data: JSONBody[DischargeBody]) -> Answered:
    """Refused while a red or critical alert is unanswered, unless the patient died."""
    return await change(request, lambda act: discharge.discharge(act, episode, data))


@post(f"{OF}/cancel-discharge", **RUN, summary="A discharge that did not happen")
async def post_cancel_discharge(request: Incoming, episode: Spell, data: JSONBody[CancelDischargeBody]) -> Answered:
    """The spell goes on in a free bed, with its kit, and readings are due; also where a death was told wrongly."""
    return await change(request, lambda act: reopening.cancel_discharge(act, episode, data))


@post(f"{OF}/contacts", **SPEAK, summary="Somebody called, or called on, the patient")
async def post_contact(request: Incoming, episode: Spell, data: JSONBody[ContactBody]) -> Answered:
    """By phone, by video, or a visit; also once the spell has ended."""
    return await change(request, lambda act: contacts.record_contact(act, episode, data))


@post(f"{OF}/mdt", **RUN, summary="A multidisciplinary meeting")
async def post_mdt(request: Incoming, episode: Spell, data: JSONBody[MdtBody]) -> Answered:
    """Who was there, and what was decided."""
    return await change(request, lambda act: contacts.record_mdt(act, episode, data))


@post(f"{OF}/experience", **SPEAK, summary="How the patient found it")
async def post_experience(request: Incoming, episode: Spell, data: JSONBody[ExperienceBody]) -> Answered:
    """As much as they wanted to answer; mostly once the spell has ended."""
    return await change(request, lambda act: contacts.record_experience(act, episode, data))


@post(f"{OF}/letters/{{kind:str}}", **RUN, summary="A letter to the GP was sent")
async def post_letter(request: Incoming, episode: Spell, kind: FromPath[str], data: JSONBody[LetterBody]) -> Answered:
    """`admission_notice`, or `discharge_summary` once the spell has ended; each is due within 24 h."""
    return await change(request, lambda act: letters.send_letter(act, episode, kind, data))


@get(
    f"{OF}/record",
    opt={"allows": "read patients", "whose": find_spell},
    tags=TAGS,
    summary="The record of a spell, newest first",
)
async def get_record(
    request: Incoming,
    episode: Spell,
    kind: Annotated[Entry | None, QueryParameter(description="Only entries of this kind")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[EntryView]:
    """Everything that was done and decided, by whom."""
    return await look(request, lambda act: records.entries(act, episode, kind, limit, cursor))


@get(
    "/v1/wards/{code:str}/leave",
    opt={"allows": "read patients", "whose": ward_in_path},
    tags=TAGS,
    summary="Who is on leave",
)
async def get_leave(
    request: Incoming,
    code: FromPath[WardCode],
    decision_due: Annotated[bool, QueryParameter(description="Only who is in a hospital for 24 h or longer")] = False,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[AwayView]:
    """Newest first; after 24 h in a hospital it must be decided: return, transfer or discharge."""
    return await look(request, lambda act: leave.away(act, code, limit, cursor, decision_due=decision_due))


@get("/v1/codes/{name:str}", opt={"allows": "read wards"}, tags=TAGS, summary="A list of codes")
async def get_codes(request: Incoming, name: FromPath[ListName]) -> CodesView:
    """`delay_reason` or `destination`, as it was loaded."""
    return await look(request, lambda act: codes.codes(act, name))


@put("/v1/codes/{name:str}", opt={"allows": "load codes"}, tags=TAGS, summary="Load a list of codes")
async def put_codes(request: Incoming, name: FromPath[ListName], data: JSONBody[CodesBody]) -> Response[CodesView]:
    """Replaces the whole list. From then on a code that is not on it is refused."""
    return await change(request, lambda act: codes.load_codes(act, name, data))


ROUTES: list[Any] = [
    post_review, post_expected_discharge, post_discharge_ready, post_discharge_failed, post_delay, post_delay_end,
    post_leave, post_return, post_transfer, post_discharge,
    post_cancel_discharge, post_contact, post_mdt, post_experience, post_letter,
    get_record, get_leave, get_codes, put_codes,
]  # fmt: skip
