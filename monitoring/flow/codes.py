"""Lists of codes: loaded by a site, or published whole. A list that nobody has loaded yet refuses nothing."""

from datetime import date
from typing import Annotated, Final, Literal, get_args

import msgspec
from sqlalchemy import delete, select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.fields import Line, Word
from monitoring.flow.tables import Code
from monitoring.refusals import unacceptable

ListName = Literal["delay_reason", "destination"]
CODES_MAX: Final = 1000

CriterionToReside = Literal["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"]
CRITERIA_TO_RESIDE: Final[dict[str, str]] = {
    "01": "critical care or high dependency",
    "02": "oxygen or non-invasive ventilation",
    "03": "intravenous fluids",
    "04": "NEWS2 above 3",
    "05": "diminished consciousness where recovery is realistic",
    "06": "acute functional impairment beyond what home can bear",
    "07": "last hours of life",
    "08": "intravenous medication more than twice a day",
    "09": "lower limb surgery within 48 hours",
    "10": "thorax, abdomen or pelvis surgery within 72 hours",
    "11": "invasive procedure within 24 hours",
    "12": "not recorded",
}
"""NHS Data Dictionary, criteria to reside (archive of November 2024). A help: they predict discharge weakly."""
assert tuple(CRITERIA_TO_RESIDE) == get_args(CriterionToReside)


class CodeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One code of a list."""

    code: Word
    meaning: Line
    until: date | None = None  # no longer used from then on


class CodesBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole list."""

    codes: Annotated[list[CodeBody], msgspec.Meta(max_length=CODES_MAX)]


class CodesView(CodesBody, kw_only=True):
    """A list as it is loaded; empty where nobody has."""

    id: ListName


def codes(act: Act, named: ListName) -> CodesView:
    """A list of codes, in their order."""
    query = select(Code).where(col(Code.list) == named).order_by(col(Code.code)).limit(CODES_MAX)
    found = act.session.execute(query).scalars()
    return CodesView(
        id=named, codes=[CodeBody(code=one.code, meaning=one.meaning, until=one.until_on) for one in found]
    )


def load_codes(act: Act, named: ListName, body: CodesBody) -> CodesView:
    """Replace a list. What was recorded under a code that is gone keeps it. Raises Unacceptable for one named twice."""
    seen: set[str] = set()
    for place, one in enumerate(body.codes):
        if one.code in seen:
            raise unacceptable(f"codes[{place}].code", "is named twice")
        seen.add(one.code)
    act.session.execute(delete(Code).where(col(Code.list) == named))
    act.session.add_all(Code(list=named, code=one.code, meaning=one.meaning, until_on=one.until) for one in body.codes)
    act.session.flush()
    return codes(act, named)


def check_code(act: Act, named: ListName, field: str, code: str | None, on: date) -> None:
    """Raise Unacceptable for a code that is not of the list on that day, once the list is loaded."""
    if code is None:
        return
    of_list = act.session.execute(select(col(Code.code), col(Code.until_on)).where(col(Code.list) == named)).all()
    if of_list and not any(one == code and (until is None or on < until) for one, until in of_list):
        raise unacceptable(field, f"is not a code of the list {named} that was loaded")
