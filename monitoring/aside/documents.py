"""What was kept aside, read back from its row: the document as it came, and the set that it may be."""

from typing import Any, Final

import msgspec

from devices.posted import as_posted
from devices.reading import Impossible, Odd, ReadingSet
from monitoring.intake.tables import SetAside

AS_IT_CAME: Final = "as_it_came"
"""Where the text of what could not even be read stands."""

Kept = ReadingSet | Impossible | Odd


def kept_in(row: SetAside) -> Kept | None:
    """What a row keeps; None where nobody can read it."""
    return _decoded(row.document)


def reads(row: SetAside) -> ReadingSet | None:
    """The set that it would be, were the doubt settled; of a refused set, what else it measured."""
    kept = kept_in(row)
    if isinstance(kept, Impossible):
        return kept.rest
    return kept.reads if isinstance(kept, Odd) else kept


def original(row: SetAside) -> Any:
    """The part of the document that it came as; our own JSON where that is what came."""
    kept = kept_in(row)
    if isinstance(kept, ReadingSet) and AS_IT_CAME not in row.document:
        return as_posted(kept)
    return msgspec.json.decode(kept.document) if isinstance(kept, Odd) else row.document


def _decoded(document: dict[str, Any]) -> Kept | None:
    try:
        if AS_IT_CAME in document:  # once its cause is mended it can be read
            document = msgspec.json.decode(document[AS_IT_CAME], type=dict)
        kind: type[Kept] = Odd if "document" in document else Impossible if "values" in document else ReadingSet
        return msgspec.json.decode(msgspec.json.encode(document), type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
