"""Delivery receipts over HTTP. Providers come in with a token from the settings."""

from typing import Any

from anyio import to_thread
from litestar import Request, post
from litestar.params import JSONBody

from monitoring.clock import utc_now
from monitoring.database import once_more, transaction
from monitoring.delivery.receipts import NotifyReceipt, Receipt, receive
from monitoring.service import service_of


@post(
    "/v1/receipts/notify",
    status_code=200,
    opt={"allows": "send receipts"},
    tags=["operations"],
    summary="GOV.UK Notify says whether a message arrived",
)
async def post_notify_receipt(request: Request[Any, Any, Any], data: JSONBody[NotifyReceipt]) -> Receipt:
    """One that did not arrive goes by its next way at once. The same receipt again changes nothing."""
    engine, now = service_of(request).engine, utc_now()

    def take() -> Receipt:
        with transaction(engine) as session:
            return receive(session, data, now)

    return await to_thread.run_sync(once_more, take)


ROUTES: list[Any] = [post_notify_receipt]
