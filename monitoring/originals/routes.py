"""The document that a set of readings came in, over HTTP: as it came, byte by byte."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath
from sqlalchemy import any_, func, select
from sqlmodel import col

from devices.original import Format, unpack
from monitoring.acts import Act, Incoming, look
from monitoring.bars.outcomes import FHIR
from monitoring.openapi import HL7, answers_as_it_came
from monitoring.originals.tables import KeptOriginal
from monitoring.patients.register import seen_by
from monitoring.patients.tables import Patient
from monitoring.refusals import NotFound

MEDIA_TYPE: Final = {
    Format.FHIR: FHIR, Format.HL7V2: HL7, Format.GATT: "application/json", Format.OPEN_MHEALTH: "application/json",
}  # fmt: skip


def find(act: Act, original: UUID) -> KeptOriginal:
    """A document of patients all of whom the caller may see. Raises NotFound."""
    theirs = select(func.bool_and(seen_by(act))).where(col(Patient.id) == any_(col(KeptOriginal.patients)))
    query = select(KeptOriginal).where(
        col(KeptOriginal.id) == original, theirs.correlate(KeptOriginal).scalar_subquery()
    )
    found: KeptOriginal | None = act.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no original {original}.")
    return found


@get(
    "/v1/originals/{original:uuid}",
    opt={"allows": "read originals", "whose": find},
    tags=["devices"],
    operation_class=answers_as_it_came("The document.", MEDIA_TYPE.values()),
    summary="The document that a set of readings came in",
)
async def get_original(request: Incoming, original: FromPath[UUID]) -> Response[bytes]:
    """As it came, of FHIR, HL7 v2, GATT and Open mHealth: a set's `original` names it. It may name a patient."""
    found = await look(request, lambda act: find(act, original))
    return Response(unpack(found.packed), media_type=MEDIA_TYPE[found.format])


ROUTES: list[Any] = [get_original]
