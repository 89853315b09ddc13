"""The served OpenAPI document: what routes that decode bytes themselves take, and what every route may refuse."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec
from litestar import Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)

from devices.formats.gatt.body import Frames
from devices.formats.native import SETS_MAX
from devices.formats.open_mhealth.schema import DataPoint
from devices.posted import Posted, PostedByStaff
from monitoring.problems import Problem

ASSETS: Final = "/schema/assets"
OPEN: Final = ("/health/",)
"""Where no token is asked for."""
ALSO: Final[dict[str, int]] = {
    **dict.fromkeys(
        ("/v1/duty", "/v1/duty/gaps", "/v1/duty/handover", "/v1/fhir/Observation", "/v1/set-aside", "/v1/audit"), 404
    ),
    **dict.fromkeys(
        ("/v1/episodes/{episode}/recovery", "/v1/wards/{code}/awaiting-care", "/v1/wards/{code}/care-load"), 409
    ),
}
"""Where what is looked for stands in the query; and where only wards of some pathways have what is looked at."""
LIVE: Final = "/v1/live"
HL7: Final = "application/hl7-v2"
FHIR_MESSAGES: Final = "/v1/fhir/$process-message"
OBSERVATIONS: Final = ("/v1/fhir", "/v1/fhir/Observation")
OWN_IDS: Final = (
    "/readings", "/v1/gatt", "/v1/open-mhealth", "/receipts/notify", "/v1/hl7v2", FHIR_MESSAGES, *OBSERVATIONS,
)  # fmt: skip
"""Where what is sent has ids of its own against repeats."""

_REF: Final = "#/components/schemas/{name}"
DECODED_BY_ROUTES: Final = (Posted, PostedByStaff, Frames, DataPoint, Problem)

REFUSALS: Final = {
    400: "The body is not JSON.",
    401: "No token, or one that is not valid; or `insufficient_user_authentication`: sign in again for this.",
    403: "Not with this role, or not on this ward.",
    404: "Not there, or not yours to see.",
    406: "It can't be answered in a form that you accept.",
    409: "What is now forbids it; `current` says what is.",
    413: "The body is larger than 1 MiB, or what the operation allows, or holds more than 1,000 sets.",
    415: "The body is not of the media type that is taken here: JSON, or what the operation names.",
    422: "Well-formed, but it cannot be accepted: `errors` names each field and the reason.",
    429: "Too fast: more requests than the token may make, or too many failed sign-ins from the address.",
    503: "The queue or the database cannot take it now. Send it again after `Retry-After` seconds.",
}

_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Kept for 24 h per token, method and path: the same body again gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


_LAST_EVENT_ID: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event that was read: the stream goes on from there.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
}
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_LOCATION: Final = {
    "Location": {
        "description": "Where what was made is found.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}
_REPLAYED: Final = {
    "Idempotency-Replayed": {
        "description": "`true` where this is the answer given before to the same Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def reads_sets(one: type) -> type[Operation]:
    """The operation of a route that decodes one set or an array of sets itself."""
    ref = {"$ref": _REF.format(name=one.__name__)}
    array = {"type": "array", "items": ref, "minItems": 1, "maxItems": SETS_MAX}
    return reads("application/json", {"oneOf": [ref, array]})


def reads_one(kind: type) -> type[Operation]:
    """The operation of a route that decodes one object itself."""
    return reads("application/json", {"$ref": _REF.format(name=kind.__name__)})


def reads(media_type: str, schema: dict[str, Any], *, answers: str | None = None) -> type[Operation]:
    """The operation of a route that decodes a body of that media type itself, and answers text of another than JSON."""
    content: Any = {media_type: {"schema": schema}}

    @dataclass
    class Reading(Operation):
        def __post_init__(self) -> None:
            self.request_body = RequestBody(content=content, required=True)
            if answers is not None and self.responses is not None:
                said = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
                self.responses["200"] = OpenAPIResponse(description="The answer.", content={answers: said})

    return Reading


def answers_fhir(description: str) -> type[Operation]:
    """The operation of a route that answers a FHIR resource."""
    return _answers(description, _FHIR_OBJECT)


def answers_as_it_came(description: str, media_types: Iterable[str]) -> type[Operation]:
    """The operation of a route that answers a document that somebody else wrote, in one of these media types."""
    return _answers(description, {media_type: OpenAPIMediaType() for media_type in media_types})


def _answers(description: str, content: dict[str, OpenAPIMediaType]) -> type[Operation]:
    @dataclass
    class Answering(Operation):
        def __post_init__(self) -> None:
            if self.responses is not None:
                self.responses["200"] = OpenAPIResponse(description=description, content=content)

    return Answering


def reads_fhir(takes: str, answers: Mapping[int, str]) -> type[Operation]:
    """The operation of a route that takes a FHIR resource and answers one: by status, what it is."""
    schema = {"type": "object", "required": ["resourceType"], "description": takes}

    @dataclass
    class Resources(Operation):
        def __post_init__(self) -> None:
            content: Any = {"application/fhir+json": {"schema": schema}}
            self.request_body = RequestBody(content=content, required=True)
            self.responses = {
                str(status): OpenAPIResponse(description=said, content=_FHIR_OBJECT) for status, said in answers.items()
            }

    return Resources


_FHIR_OBJECT: Final = {"application/fhir+json": OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))}


class Document(OpenAPI):
    """The document with what the framework does not know of our routes."""

    def to_schema(self) -> dict[str, Any]:
        """As JSON."""
        document = super().to_schema()
        _, components = msgspec.json.schema_components(DECODED_BY_ROUTES, ref_template=_REF)
        document["components"]["schemas"] |= components
        for path, item in document["paths"].items():
            for method, operation in item.items():
                _complete(path, method, operation)
        _say_how_long_pairs_are(document)
        return document


class Config(OpenAPIConfig):
    """The framework's configuration, for a Document."""

    def to_openapi_schema(self) -> OpenAPI:
        """An empty document."""
        return Document(**vars(super().to_openapi_schema()))


def config() -> OpenAPIConfig:
    """The document at /schema, with pages that need no internet."""
    pages = SwaggerRenderPlugin(
        js_url=f"{ASSETS}/swagger-ui-bundle.js",
        css_url=f"{ASSETS}/swagger-ui.css",
        standalone_preset_js_url=f"{ASSETS}/swagger-ui-standalone-preset.js",
        favicon=f'<link rel="icon" href="{ASSETS}/favicon-32x32.png">',
        path="/",
    )
    return Config(
        title="Virtual Ward",
        version=version("virtual-ward"),
        description="Readings from home become alerts that a clinician acknowledges. Not for patient care until a "
        "clinical safety officer has signed it.",
        openapi_router=Router("/schema", route_handlers=[], opt={"allows": "everybody"}, include_in_schema=False),
        render_plugins=[pages, JsonRenderPlugin()],
        components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"token": []}],
    )


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    changes = method != "get" and not path.endswith(OWN_IDS)
    if path.startswith(OPEN):
        operation["security"] = []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            parameter["allowEmptyValue"] = True  # what is left empty was not asked for
    if headers := [_IDEMPOTENCY_KEY] * changes + [_LAST_EVENT_ID] * (path == LIVE):
        operation.setdefault("parameters", []).extend(headers)
    responses = operation["responses"]
    responses.pop("400", None)  # the framework's own, of another shape
    in_fhir = any([*one.get("content", {})] == ["application/fhir+json"] for one in responses.values())
    for status in _refusals(path, operation, changes=changes):
        responses[str(status)] = _refusal(status, in_fhir=in_fhir)
    for status, response in responses.items():
        if carried := _headers(status, changes=changes):
            response["headers"] = response.get("headers", {}) | carried
    operation["responses"] = dict(sorted(responses.items()))


def _refusals(path: str, operation: dict[str, Any], *, changes: bool) -> set[int]:
    """What a route may answer instead of what was asked for."""
    refusals = (
        set() if path.startswith(OPEN) else {401, 403, 422, 429, 503}
    )  # 422: also for a parameter that is unknown
    if "{" in path:
        refusals |= {404}
    if path in ALSO:
        refusals |= {ALSO[path]}
    if path.startswith("/v1/reports/") and not changes:
        refusals |= {406}
    if changes or path in {FHIR_MESSAGES, *OBSERVATIONS}:
        refusals |= {409}
    if changes or "requestBody" in operation:  # a body is also refused where none is taken
        refusals |= {400, 413, 415}
    return refusals


def _headers(status: str, *, changes: bool) -> dict[str, Any]:
    """What an answer carries beside its body, where it applies."""
    made = _LOCATION if status == "201" else {}
    replayed = _REPLAYED if changes and status.startswith("2") else {}
    return made | replayed | (_RETRY_AFTER if status in {"429", "503"} else {})


def _refusal(status: int, *, in_fhir: bool) -> dict[str, Any]:
    outcome: dict[str, Any] = {"type": "object", "description": "An OperationOutcome."}
    fhir = {"application/fhir+json": {"schema": outcome}} if in_fhir else {}
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name=Problem.__name__)}}}
    if in_fhir and status != HTTPStatus.NOT_FOUND:  # where the address holds no id at all, no route of FHIR's answers
        problem = {}
    return {"description": REFUSALS[status], "content": fhir | problem}


def _say_how_long_pairs_are(part: Any) -> None:
    """The framework says of the members of a tuple what they are, and not how many there must be."""
    if isinstance(part, dict):
        if "prefixItems" in part:
            first, *others = part.pop("prefixItems")
            assert all(other == first for other in others), "say how to describe a tuple of different members"
            part |= {"items": first, "minItems": 1 + len(others), "maxItems": 1 + len(others)}
        part = part.values()
    if not isinstance(part, str | int | float | None):
        for inner in part:
            _say_how_long_pairs_are(inner)
