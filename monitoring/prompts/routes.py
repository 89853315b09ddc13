"""What a device should show its patient, and the answer about soft signs that it takes from them."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from monitoring.acts import Incoming, change, look
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.prompts.answering import PromptAnswerBody, PromptAnswerView, answer_prompt
from monitoring.prompts.views import PromptView, asked_of_today, prompts


@get("/v1/prompts", opt={"allows": "read prompts"}, tags=["devices"], summary="What to show the patient now")
async def get_prompts(request: Incoming, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[PromptView]:
    """A reading to repeat, a reminder, the question of the day, and whom to call, each in words to show as they are.

    Of whoever has the calling device now; a shared hub gets those of all its patients, each naming its own.
    """
    return await look(request, lambda act: prompts(act, limit, cursor))


@post(
    "/v1/prompts/{prompt:uuid}/answer",
    status_code=200,
    opt={"allows": "answer prompts", "whose": asked_of_today},
    tags=["devices"],
    summary="Which soft signs there are today",
)
async def post_prompt_answer(
    request: Incoming, prompt: FromPath[UUID], data: JSONBody[PromptAnswerBody]
) -> Response[PromptAnswerView]:
    """The answer to the question of the day, beside `wellness` in the readings: any sign alerts, none is an answer.

    The question's id holds all day, also once it is answered: what changed since the morning is said again.
    """
    return await change(request, lambda act: answer_prompt(act, prompt, data))


ROUTES: list[Any] = [get_prompts, post_prompt_answer]
