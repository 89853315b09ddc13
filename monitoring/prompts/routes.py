"""`GET /v1/prompts`: what a device should show its patient."""

from typing import Any

from litestar import get

from monitoring.acts import Incoming, look
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.prompts.views import PromptView, prompts


@get("/v1/prompts", opt={"allows": "read prompts"}, tags=["devices"], summary="What to show the patient now")
async def get_prompts(request: Incoming, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[PromptView]:
    """A reading to repeat, a reminder, the question of the day, and whom to call, each in words to show as they are.

    Of whoever has the calling device now; a shared hub gets those of all its patients, each naming its own.
    """
    return await look(request, lambda act: prompts(act, limit, cursor))


ROUTES: list[Any] = [get_prompts]
