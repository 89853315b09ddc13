"""Wards and stays, as far as readings need them. Referrals, the waiting list and returns build on these tables."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody

from monitoring.acts import Incoming, change, look
from monitoring.fields import WardCode
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.wards import admission, closing, episodes, wards
from monitoring.wards.admission import EpisodeBody
from monitoring.wards.closing import CloseBody, ReopenBody
from monitoring.wards.episodes import EpisodeView
from monitoring.wards.wards import WardBody, WardFacts, WardView

TAGS = ["wards"]


@post("/v1/wards", opt={"allows": "manage wards"}, tags=TAGS, summary="Open a virtual ward")
async def post_ward(request: Incoming, data: JSONBody[WardBody]) -> Response[WardView]:
    """A ward with its pathway, provider, ICB and beds."""
    return await change(request, lambda act: wards.open_ward(act, data), location=lambda made: f"/v1/wards/{made.code}")


@get("/v1/wards", opt={"allows": "read wards"}, tags=TAGS, summary="Wards, newest first")
async def get_wards(request: Incoming, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[WardView]:
    """The caller's wards."""
    return await look(request, lambda act: wards.wards(act, limit, cursor))


@get("/v1/wards/{code:str}", opt={"allows": "read wards", "whose": wards.ward}, tags=TAGS, summary="One ward")
async def get_ward(request: Incoming, code: FromPath[WardCode]) -> WardView:
    """A ward with the beds in force."""
    return await look(request, lambda act: wards.ward(act, code))


@put("/v1/wards/{code:str}", opt={"allows": "manage wards", "whose": wards.ward}, tags=TAGS, summary="Correct a ward")
async def put_ward(request: Incoming, code: FromPath[WardCode], data: JSONBody[WardFacts]) -> Response[WardView]:
    """Say what a ward is, whole; its beds are decided under `capacity`. Reports show its past under what it is now."""
    return await change(request, lambda act: wards.correct_ward(act, code, data))


@post(
    "/v1/wards/{code:str}/close",
    opt={"allows": "manage wards", "whose": wards.ward},
    tags=TAGS,
    status_code=200,
    summary="Close a ward",
)
async def post_close(request: Incoming, code: FromPath[WardCode], data: JSONBody[CloseBody]) -> Response[WardView]:
    """Close a ward that nobody is in, that holds no bed, and to which no referral is open: else 409 counts them."""
    return await change(request, lambda act: closing.close_ward(act, code, data))


@post(
    "/v1/wards/{code:str}/reopen",
    opt={"allows": "manage wards", "whose": wards.ward},
    tags=TAGS,
    status_code=200,
    summary="Open it again",
)
async def post_reopen(request: Incoming, code: FromPath[WardCode], data: JSONBody[ReopenBody]) -> Response[WardView]:
    """Open a closed ward again, with beds from now on."""
    return await change(request, lambda act: closing.reopen_ward(act, code, data))


@post("/v1/episodes", opt={"allows": "admit"}, tags=TAGS, summary="Admit a patient at once")
async def post_episode(request: Incoming, data: JSONBody[EpisodeBody]) -> Response[EpisodeView]:
    """Admit to a free bed: by a coordinator, or by a clinician where the plan departs from the pathway's."""
    return await change(
        request, lambda act: admission.admit(act, data), location=lambda made: f"/v1/episodes/{made.id}"
    )


@get(
    "/v1/episodes/{episode:uuid}",
    opt={"allows": "read patients", "whose": episodes.episode},
    tags=TAGS,
    summary="One stay",
)
async def get_episode(request: Incoming, episode: FromPath[UUID]) -> EpisodeView:
    """A stay on a virtual ward."""
    return await look(request, lambda act: episodes.episode(act, episode))


ROUTES: list[Any] = [post_ward, get_wards, get_ward, put_ward, post_close, post_reopen, post_episode, get_episode]
