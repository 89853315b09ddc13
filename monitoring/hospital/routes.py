"""HL7 v2 over HTTP: messages of hospitals, and readings of devices."""

from typing import Annotated, Any, Final
from uuid import UUID

from anyio import to_thread
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from devices.formats.hl7v2.batch import is_batch, messages
from devices.formats.hl7v2.message import BYTES_MAX, open_envelope
from monitoring.acts import Incoming, leaving, look
from monitoring.clock import utc_now
from monitoring.database import once_more
from monitoring.hospital import inbox, readings, views
from monitoring.hospital.views import MessageDetail, MessageOutcome, MessageView
from monitoring.openapi import HL7, reads
from monitoring.paging import LIMIT, Cursor, Limit, Page
from monitoring.refusals import WrongMediaType
from monitoring.service import service_of

TAGS = ["hospitals"]
READ: Final[dict[str, Any]] = {"opt": {"allows": "read hospital messages"}, "tags": TAGS}

TAKEN: Final = frozenset({"", HL7, "application/hl7-v2+er7", "x-application/hl7-v2+er7"})
"""Media types under which HL7 v2 travels; one that is not declared at all is taken for it."""

ANSWERS: Final = """Answers an ACK. Its MSA-1 says what became of the message; the status is 200 for all three.

AA: done, kept, or noted (MSA-3 says which). AE: it cannot be accepted as it is, or not now; ERR has the place and the
reason, and the same message may be sent again. AR: not from this device, or not of a kind that is read here. The same
control id (MSH-10) with the same content is answered as before; with other content AE. ADT A01, A02, A03, A08, A11, A13
and A40 are used, from a device of kind `interface`. 400: no header could be read, so that nobody can be answered.

ORU^R01 holds readings, from any device, alone or in a batch, which is answered as one. AA: they are on disk, taken or
kept aside; ERR warns of each place that was refused, kept aside or not used. AE: all was refused. Sent again, under
whatever control id, it is the same sets.
"""

_TEXT: Final = {
    "type": "string",
    "description": "One message, or a batch of ORU^R01 (BHS … BTS), as bytes in the character set of its MSH-18.",
}


@post(
    "/v1/hl7v2",
    status_code=200,
    opt={"allows": "post hospital messages"},
    operation_class=reads(HL7, _TEXT, answers=HL7),
    request_max_body_size=BYTES_MAX,
    tags=TAGS,
    summary="One HL7 v2 message: a hospital's, or a device's readings",
    description=ANSWERS,
)
async def post_hl7v2(request: Incoming) -> Response[bytes]:
    """Take one message, or a batch of readings, and answer it in its own form."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in TAKEN:
        raise WrongMediaType(f"Send {HL7}.")
    service, who, body = service_of(request), request.user, await request.body()
    envelopes = [open_envelope(one) for one in messages(body)]
    if is_batch(body) or envelopes[0].header.code == "ORU":
        now = utc_now()
        answer = readings.batched(body, await readings.receive(service, who, body, envelopes, now), now)
    else:
        (envelope,) = envelopes
        answer = await to_thread.run_sync(
            lambda: once_more(lambda: inbox.receive(service.engine, who, envelope, utc_now(), leaving(request)))
        )
    return Response(answer, media_type=HL7)


@get("/v1/hospital-messages", **READ, summary="Messages of hospitals, newest first")
async def get_messages(
    request: Incoming,
    outcome: Annotated[MessageOutcome | None, QueryParameter(description="Only those answered so")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[MessageView]:
    """What came, and what became of it; without what it says of anybody."""
    return await look(request, lambda act: views.messages(act, outcome, limit, cursor))


@get(
    "/v1/hospital-messages/{message:uuid}",
    opt={"allows": "read hospital messages", "whose": views.message},
    tags=TAGS,
    summary="One message of a hospital, with its text",
)
async def get_message(request: Incoming, message: FromPath[UUID]) -> MessageDetail:
    """As it came, and as it was answered. It names a patient."""
    return await look(request, lambda act: views.message(act, message))


ROUTES: list[Any] = [post_hl7v2, get_messages, get_message]
