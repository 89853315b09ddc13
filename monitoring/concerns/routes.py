"""`POST /v1/concerns`: from a patient's device, from whoever cares for them, from staff."""

from typing import Any

from litestar import Response, post
from litestar.params import JSONBody

from monitoring.acts import Incoming, change
from monitoring.concerns.raising import ConcernBody, ConcernView, raise_concern
from monitoring.service import service_of


@post("/v1/concerns", opt={"allows": "raise concerns"}, tags=["devices"], summary="Somebody is worried")
async def post_concern(request: Incoming, data: JSONBody[ConcernBody]) -> Response[ConcernView]:
    """Always an alert, red or critical. The answer says what to do meanwhile, and who was told."""
    settings = service_of(request).settings
    return await change(
        request, lambda act: raise_concern(act, data, settings), location=lambda made: f"/v1/alerts/{made.alert}"
    )


ROUTES: list[Any] = [post_concern]
