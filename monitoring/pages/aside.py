"""Something that was kept aside, as a page: the original beside what is understood of it, and what to do with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from monitoring.access.permissions import MAY
from monitoring.acts import Act, Incoming, look
from monitoring.aside import views
from monitoring.aside.deciding import WHEN, WHOSE
from monitoring.aside.documents import AS_IT_CAME
from monitoring.aside.views import SetAsideDetail
from monitoring.pages.rendering import page
from monitoring.pages.seen import goes_on
from monitoring.patients import register
from monitoring.patients.register import PatientView


@dataclass(frozen=True, slots=True)
class Picture:
    """It, as it was at an instant."""

    at: datetime
    one: SetAsideDetail
    patients: list[PatientView]  # whose it may be; none for who may not read patients
    original: str
    may_decide: bool
    asks_whose: bool  # a person has to say whose it is
    asks_when: bool  # a person has to say when it was taken


@get(
    "/set-aside/{aside:uuid}",
    opt={"allows": "read kept-aside sets", "whose": views.one},
    include_in_schema=False,
)
async def get_aside_page(request: Incoming, aside: FromPath[UUID]) -> Response[str]:
    """The whole page."""
    picture = await look(request, lambda act: _read(act, aside))
    await goes_on(request)
    return page("aside.html", me=request.user, picture=picture)


def _read(act: Act, aside: UUID) -> Picture:
    one = views.one(act, aside)
    knows = act.who.role in MAY["read patients"]
    return Picture(
        at=act.now,
        one=one,
        patients=[register.patient(act, patient) for patient in one.patients] if knows else [],
        original=as_text(one.document),
        asks_whose=one.reason in WHOSE or len(one.patients) != 1,
        asks_when=one.reason in WHEN,
        may_decide=act.who.role in MAY["decide kept-aside sets"] and one.state == "open",
    )


def as_text(document: Any) -> str:
    """A document as people read it: HL7 v2 a segment to a line, JSON with its depth shown."""
    if isinstance(document, dict) and AS_IT_CAME in document:
        document = document[AS_IT_CAME]
    if isinstance(document, str):
        return document.replace("\r\n", "\n").replace("\r", "\n")
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


ROUTES: Final[list[Any]] = [get_aside_page]
