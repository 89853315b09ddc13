"""Signed webhooks, as Standard Webhooks says: https://www.standardwebhooks.com.

One connection a message and none kept: a kept one that the receiver closed meanwhile looks like a message lost.
"""

import asyncio
import ssl
from typing import Final

import httpx
import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from monitoring.delivery.channels.attempts import CONNECT_S, TOTAL_S, NotDelivered, Outgoing, Taken
from monitoring.delivery.channels.guard import addresses, fit_url

AGAIN: Final = frozenset({408, 425, 429})
GONE: Final = 410
REPEATED: Final = 409
"""BaRS's answer to a message whose X-Request-Id it knows."""
FHIR: Final = "application/fhir+json"
RETRY_AFTER_S_MAX: Final = 60.0
_TIMEOUTS: Final = {"connect": CONNECT_S, "read": TOTAL_S, "write": TOTAL_S, "pool": TOTAL_S}


class Webhooks:
    """Sends webhooks from one event loop. No proxy, no cookie, no redirect: only the transport."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._transport = httpx.AsyncHTTPTransport(
            verify=httpx.create_ssl_context(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
        )

    async def send(self, message: Outgoing) -> Taken:
        """Send one, within seconds. Raises NotDelivered."""
        url = fit_url(message.way.to, allow_private=self._allow_private)
        body = msgspec.json.encode(message.body)
        headers = {
            **signed(message, body),
            "Host": url.netloc.decode("ascii"),
            "Content-Type": FHIR if message.way.bars else "application/json",
            "User-Agent": "virtual-ward",
        }
        if message.way.bars:
            headers["X-Request-Id"] = headers["X-Correlation-Id"] = str(message.id)
        try:
            async with asyncio.timeout(TOTAL_S):
                status, after_s = await self._post(url, headers, body)
        except TimeoutError as error:
            raise NotDelivered(f"no answer within {TOTAL_S:g} s") from error
        if message.way.bars and message.again and status == REPEATED:
            return Taken()  # it arrived before, and we did not hear of it
        judge(status, after_s)
        return Taken()

    async def close(self) -> None:
        """Let go of what is open."""
        await self._transport.aclose()

    async def _post(self, url: httpx.URL, headers: dict[str, str], body: bytes) -> tuple[int, float | None]:
        """To the first of its addresses that takes a connection. The answer's body is not read."""
        error: httpx.HTTPError | None = None
        for address in await addresses(url, allow_private=self._allow_private):
            extensions = {"timeout": _TIMEOUTS, "sni_hostname": url.raw_host.decode("ascii").strip("[]")}
            request = httpx.Request(
                "POST", url.copy_with(host=address), headers=headers, content=body, extensions=extensions
            )
            try:
                response = await self._transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as failed:
                error = failed
                continue
            except httpx.HTTPError as failed:
                raise NotDelivered(f"no answer: {type(failed).__name__}") from failed
            await response.aclose()
            return response.status_code, _seconds(response.headers.get("retry-after"))
        if error is not None and _is_untrusted(error):
            raise NotDelivered("its certificate is not trusted", permanent=True) from error
        raise NotDelivered("it takes no connection") from error


def signed(message: Outgoing, body: bytes) -> dict[str, str]:
    """The headers that say which message this is, signed with each secret, the newest first. Raises NotDelivered."""
    headers = {"webhook-id": str(message.id), "webhook-timestamp": str(int(message.at.timestamp()))}
    try:
        signatures = [
            Webhook(secret).sign(headers["webhook-id"], message.at, body.decode()) for secret in message.way.secrets
        ]
    except (ValueError, EmptyWebhookSecretError) as error:
        raise NotDelivered("its secret cannot be used", permanent=True) from error
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def judge(status: int, after_s: float | None) -> None:
    """What an answer means. Raises NotDelivered for all but success; redirects are not followed."""
    if 200 <= status < 300:
        return
    later = status in AGAIN or status >= 500
    raise NotDelivered(f"answered {status}", permanent=not later, gone=status == GONE, after_s=after_s)


def _seconds(header: str | None) -> float | None:
    """A Retry-After in seconds; one that names a date is not waited for."""
    if header is None or not header.isascii() or not header.isdigit() or len(header) > 9:
        return None
    return min(float(header), RETRY_AFTER_S_MAX)


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
