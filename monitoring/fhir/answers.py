"""What became of Observations, in FHIR's own form: an Observation, a Bundle, or an OperationOutcome."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response

from devices.formats.fhir.members import Fate, Reading
from monitoring.bars.outcomes import CODES, FHIR, MEANS
from monitoring.fhir.taking import Done

LOCATION: Final = "/v1/fhir/Observation/"
TOLD_MAX: Final = 50
"""Issues in one OperationOutcome."""
GRAVITY: Final = {
    Fate.TAKEN: "warning", Fate.ASIDE: "warning", Fate.NOTED: "information", Fate.REFUSED: "error",
}  # fmt: skip
CODE: Final = {Fate.TAKEN: "business-rule", Fate.ASIDE: "business-rule", Fate.NOTED: "informational"}


def answer_one(reading: Reading, done: Done) -> Response[bytes]:
    """Of a single Observation: itself with its id where it was created, now or before."""
    if done.id is None:
        return _response(done.status, outcome([done]))
    headers = {"Location": f"{LOCATION}{done.id}", "ETag": ETAG}
    return _response(done.status, _with_id(reading.document.body, done), headers)


def answer_bundle(reading: Reading, done: Sequence[Done]) -> Response[bytes]:
    """Of a Bundle: an entry for each of its own, in order. A transaction that is refused, and a collection of which
    nothing is taken, are an OperationOutcome."""
    refused = [one for one in done if one.member.fate is Fate.REFUSED]
    nothing = all(one.id is None and one.member.fate is not Fate.ASIDE for one in done)
    if refused and (reading.type == "transaction" or (reading.type == "collection" and nothing)):
        return _response(_worst(refused), outcome(refused))
    kind = "transaction-response" if reading.type == "transaction" else "batch-response"
    entries = [{"response": _entry(one)} for one in done]
    return _response(HTTPStatus.OK, {"resourceType": "Bundle", "type": kind, "entry": entries})


ETAG: Final = 'W/"1"'
"""What was created is never changed."""


def _entry(one: Done) -> dict[str, Any]:
    response: dict[str, Any] = {"status": f"{one.status.value} {one.status.phrase}"}
    if one.id is not None:
        response |= {"location": f"Observation/{one.id}", "etag": ETAG}
    if one.member.reason:
        response["outcome"] = outcome([one])
    return response


def outcome(done: Sequence[Done]) -> dict[str, Any]:
    """An OperationOutcome: what is to be said of each, with the FHIRPath of its place."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(one) for one in done[:TOLD_MAX]]}


def _issue(one: Done) -> dict[str, Any]:
    member = one.member
    aside = {Fate.TAKEN: "taken, but for what is kept aside for a person: ", Fate.ASIDE: "kept aside for a person: "}
    issue: dict[str, Any] = {
        "severity": GRAVITY[member.fate],
        "code": CODE.get(member.fate, member.issue),
        "diagnostics": aside.get(member.fate, "") + member.reason,
        "expression": [member.place],
    }
    if member.fate is Fate.REFUSED:
        issue["details"] = {"coding": [{"system": CODES, "code": MEANS[one.status][0]}]}
    return issue


def _worst(refused: Sequence[Done]) -> HTTPStatus:
    """What cannot be read comes before what cannot be taken, and that before what was there first."""
    order = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT)
    return min((one.status for one in refused), key=order.index)


def _with_id(body: bytes, done: Done) -> dict[str, Any]:
    try:
        said: dict[str, Any] = msgspec.json.decode(body)
    except msgspec.DecodeError:  # a number that no type holds, in a field that is not read
        return outcome([done])
    return said | {"id": done.id}


def _response(status: HTTPStatus, said: dict[str, Any], headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(msgspec.json.encode(said), status_code=status.value, headers=headers, media_type=FHIR)
