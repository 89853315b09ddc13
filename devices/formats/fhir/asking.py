"""What is asked to be done with an entry of a Bundle, and the name by which its sender will ask again.

Conditional create names an identifier; so does the resource; where neither does, what it says is its name
(domain knowledge of real hubs: one in use sends no identifier at all).
"""

import re
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_plus

import msgspec

from devices.formats.fhir.node import Refused
from devices.formats.fhir.shapes import Document, Entry, Observation
from devices.formats.fhir.whose import Subject

SEARCH: Final = "identifier="
NAME_MAX: Final = 2_000
_PLAIN: Final = re.compile(r"identifier=([^%+&|\s\0]{0,900}\|[^%+&|\s\0]{1,900})")


def refused_request(entry: Entry, document: Document, index: int) -> tuple[str, str, str] | None:
    """Place, reason and issue where an entry asks for what is not done here. A Bundle that says nothing posts.

    Of other resources only the identifiers are read, whether they are to be made or changed.
    """
    request = entry.request
    if request is None or document.type in {None, "collection"}:
        return None
    kind = entry.resource.resourceType if entry.resource is not None else "Observation"
    if request.method not in (_READ if kind == "Observation" else _NAMED):
        return f"Bundle.entry[{index}].request.method", f"is not done here of {kind or 'that'}"[:100], "not-supported"
    if kind == "Observation" and request.url is not None and request.url.strip("/") != kind:
        return f"Bundle.entry[{index}].request.url", "is not Observation", "value"
    return None


_READ: Final = frozenset({"POST", None})
_NAMED: Final = frozenset({"POST", "PUT", None})


def asked_for(condition: str) -> str:
    """The identifier of a conditional create, `system|value`. Raises Refused: no other search is understood."""
    if (plain := _PLAIN.fullmatch(condition)) is not None:
        return plain[1]
    condition = condition.strip().removeprefix("?")
    name = condition.removeprefix(SEARCH)
    if "%" in name or "+" in name:
        name = unquote_plus(name)
    if not condition.startswith(SEARCH) or "&" in condition or not name.strip("|"):
        raise Refused("request.ifNoneExist", "only identifier=system|value is understood", "not-supported")
    if len(name) > NAME_MAX:
        raise Refused("request.ifNoneExist", f"is longer than {NAME_MAX} characters", "too-long")
    return _without_nul(name if "|" in name else f"|{name}", "request.ifNoneExist")


def own_name(entry: Entry, one: Observation, subject: Subject, header: str | None) -> str:
    """The sender's name of an Observation: the same again is the same Observation. Raises Refused."""
    condition = header
    if condition is None and entry.request is not None:
        condition = entry.request.ifNoneExist
    if condition is not None:
        return asked_for(condition)
    for identifier in one.identifier or ():
        if identifier.value:
            return _without_nul(f"{identifier.system or ''}|{identifier.value}", "identifier")
    said = (
        subject.name, one.device, one.code, one.effectiveDateTime, one.effectiveInstant, one.effectivePeriod,
        one.effectiveTiming, one.component, [getattr(one, name) for name in _SAID],
    )  # fmt: skip
    return f"derived|{sha256(msgspec.json.encode(said)).hexdigest()}"


def _without_nul(name: str, place: str) -> str:
    """No database holds it, not even where it says why something was kept aside."""
    if "\0" in name:
        raise Refused(place, "holds the character NUL")
    return name


_SAID: Final = tuple(name for name in Observation.__struct_fields__ if name.startswith("value"))
