"""What stands after the `?`: only what the route declares, lists apart each once; what is left empty was not asked."""

from collections import Counter
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode

from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg, QueryParameter

from monitoring.fields import WARD_CODE
from monitoring.refusals import Fault, Unacceptable

FAULTS_MAX: Final = 20

WardFilter = Annotated[str | None, QueryParameter(pattern=WARD_CODE, description="A ward's code")]


def strictly(query: bytes, handler: BaseRouteHandler) -> bytes:
    """The query without what is empty. Raises Unacceptable for what the route does not declare, and for repeats.

    A typo in a filter would otherwise list everything.
    """
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    declared = _declared(handler)
    faults = [
        Fault(name[:200], "is given more than once" if name in declared else "unknown parameter")
        for name, times in Counter(name for name, _ in given).items()
        if name not in declared or (times > 1 and not declared[name])
    ]
    faults += [Fault(name[:200], "holds a NUL") for name, value in given if "\0" in value and name in declared]
    if faults:
        raise Unacceptable(*faults[:FAULTS_MAX])
    return urlencode([(name, value) for name, value in given if value]).encode()


def _declared(handler: BaseRouteHandler) -> dict[str, bool]:
    """The names of a route's query parameters, as they are written in an address, and whether each may be repeated."""
    parameters = handler.parsed_fn_signature.parameters
    return {
        kind.name or name: any(one.is_non_string_sequence for one in (field, *field.inner_types))
        for name, field in parameters.items()
        if isinstance(kind := field.kwarg_definition, ParameterKwarg) and kind.param_type == ParamType.QUERY
    }
