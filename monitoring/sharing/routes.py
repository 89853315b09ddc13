"""The record in FHIR over HTTP."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from anyio import to_thread
from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from monitoring.acts import Incoming, look
from monitoring.bars.outcomes import FHIR, handlers
from monitoring.clock import utc_now
from monitoring.flow.spells import find_spell
from monitoring.openapi import answers_fhir
from monitoring.refusals import unacceptable
from monitoring.service import service_of
from monitoring.sharing.capability import RECORD, capability
from monitoring.sharing.record import bundle, read
from monitoring.sharing.searching import COUNT, COUNT_MAX, Found, asked_for, search

TAGS: Final = ["fhir"]
SEARCH: Final = "/v1/fhir/Observation"

Text = Annotated[str | None, QueryParameter(max_length=400)]
Dates = Annotated[
    list[str] | None, QueryParameter(max_length=10, description="A day or an instant, with ge, le, gt, lt")
]
Count = Annotated[int, QueryParameter(name="_count", ge=1, le=COUNT_MAX, description="Observations on a page")]
After = Annotated[str | None, QueryParameter(max_length=64, description="From the `next` link of the page before")]


@get(
    "/v1/fhir/metadata",
    opt={"allows": "read fhir metadata"},
    operation_class=answers_fhir("A CapabilityStatement."),
    exception_handlers=handlers(),
    tags=TAGS,
    summary="What we do in FHIR",
)
async def get_metadata(request: Incoming) -> Response[bytes]:
    """The CapabilityStatement."""
    return _answer(capability(_here(request), utc_now()))


@get(
    SEARCH,
    opt={"allows": "read patients"},
    operation_class=answers_fhir("A Bundle of type searchset."),
    exception_handlers=handlers(),
    tags=TAGS,
    summary="Search a patient's Observations",
)
async def get_observations(
    request: Incoming,
    patient: Annotated[str, QueryParameter(max_length=80, description="An id, or Patient/id")],
    code: Text = None,
    category: Text = None,
    date: Dates = None,
    count: Count = COUNT,
    cursor: After = None,
) -> Response[bytes]:
    """Vital signs and NEWS2 with its parts in UK Core's shape, newest first.

    An incomplete NEWS2 is `preliminary`, and each missing part has its `dataAbsentReason`.
    """
    key = _key(patient)
    found = await look(
        request, lambda act: search(act, key, lambda: asked_for(code, category, date or []), count, cursor)
    )
    return _answer(_searchset(_here(request), request, found))


@get(
    f"/v1/fhir/Encounter/{{episode:uuid}}/${RECORD}",
    opt={"allows": "read patients", "whose": find_spell},
    operation_class=answers_fhir("A Bundle of type collection."),
    exception_handlers=handlers(),
    tags=TAGS,
    summary="A stay on the virtual ward, as NHS England's draft shapes it",
)
async def get_record(request: Incoming, episode: FromPath[UUID]) -> Response[bytes]:
    """Patient, Encounter, Organization, DocumentReference with a summary as PDF, and the Observations."""
    record = await look(request, lambda act: read(act, episode))
    return _answer(await to_thread.run_sync(bundle, record))


def _key(patient: str) -> UUID:
    try:
        return UUID(patient.removeprefix("Patient/"))
    except ValueError:
        raise unacceptable("patient", "is no id of a patient") from None


def _searchset(here: str, request: Incoming, found: Found) -> dict[str, Any]:
    asked = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    links = [{"relation": "self", "url": _url(here, list(request.query_params.multi_items()))}]
    if found.next is not None:
        links.append({"relation": "next", "url": _url(here, [*asked, ("cursor", found.next)])})
    entries = [
        {"fullUrl": f"{here}/Observation/{one['id']}", "resource": one, "search": {"mode": "match"}}
        for one in found.observations
    ]
    made = {"resourceType": "Bundle", "type": "searchset", "timestamp": utc_now().isoformat(), "link": links}
    return made | ({"entry": entries} if entries else {})


def _url(here: str, asked: list[tuple[str, Any]]) -> str:
    return f"{here}/Observation?{urlencode(asked)}"


def _here(request: Incoming) -> str:
    base = service_of(request).settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/v1/fhir"


def _answer(resource: dict[str, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(resource), media_type=FHIR)


ROUTES: list[Any] = [get_metadata, get_observations, get_record]
