"""What the served OpenAPI document says, in schemathesis's hands: requests are made of it, answers are held to it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Final

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

ROUNDS: Final = int(os.environ.get("VIRTUAL_WARD_CONTRACT_ROUNDS", "0"))
"""On how many wards, one after another; none is the suite's short way."""

NOT_HELD_TO: Final = [ignored_auth, positive_data_acceptance]
"""Who may: `test_access.py`. What is as described may still be refused: no schema knows which wards there are."""

STREAM: Final = "/v1/live"
UNNAMED: Final = "holds a value that cannot be stored"
"""What is said where only the database noticed: too late, for it names no field."""

INJECTED: Final = "x-injected"
"""A header that hostile texts try to add to an answer."""
TOLD_CHARACTERS_MAX: Final = 400

Operation = schemathesis.schemas.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]


@schemathesis.serializer("application/hl7-v2")
def hl7(_: object, value: object) -> bytes:
    """A message as it is sent."""
    return value if isinstance(value, bytes) else str(value).encode()


Vary = Callable[[Case], Iterator[Case]]


def as_it_is(case: Case) -> Iterator[Case]:
    """The request alone."""
    yield case


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token, or without one."""

    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Effort:
    """How many requests are made to an operation, and how many of those who may ask send each: in turn, if not all."""

    requests: int
    callers: int


@dataclass(frozen=True, slots=True)
class Served:
    """A service that runs, things there that requests can be about, and who sends them by method and path."""

    client: httpx.Client
    things: Mapping[str, str]
    callers: Mapping[tuple[str, str], list[Caller]]

    def operations(self) -> Iterator[Operation]:
        """Every operation of the document that is served."""
        document = self.client.get("/schema/openapi.json").json()
        del document["security"]  # a token is sent with every request, so that leaving it out is no fault
        schema = schemathesis.openapi.from_dict(document)
        schema.config.checks.negative_data_rejection.expected_statuses += ["413"]  # too many sets, as well
        for operation in schema.get_all_operations():
            assert not isinstance(operation, Err), operation.err()
            yield operation.ok()

    def faults(self, operation: Operation, effort: Effort, number: int, vary: Vary = as_it_is) -> list[str]:
        """What is wrong with the answers to so many requests, others with each number."""
        found: dict[str, str] = {}
        callers = self.callers[operation.method.upper(), operation.path]
        turns = cycle(callers)

        @seed(number)
        @settings(
            max_examples=effort.requests,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of(*self._requests(operation)))
        def send(case: Case) -> None:
            for one in vary(case):
                for caller in islice(turns, min(effort.callers, len(callers))):
                    for kind, fault in self._faults_of(one, caller):
                        found.setdefault(kind, fault)

        send()
        return [*found.values()]

    def _requests(self, operation: Operation) -> list[Any]:
        """As described; the same about things that are there; and with something in it that is not as described."""
        known = {name: self.things[name] for name in _names(operation.path) if name in self.things}
        ways = [operation.as_strategy().map(self._about_things)]
        if known:
            ways.append(operation.as_strategy(path_parameters=known).map(self._about_things))
        if operation.body or operation.query:
            ways.append(operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=known))
        return ways

    def _about_things(self, case: Case) -> Case:
        """The same with things that are there, in place of made-up ones, wherever what is sent names one."""
        for part in (case.body, case.query):
            if isinstance(part, dict):
                part |= {name: self.things[name] for name in part.keys() & self.things.keys()}
        return case

    def _faults_of(self, case: Case, caller: Caller) -> Iterator[tuple[str, str]]:
        """Each with its kind: of every kind one is enough to see it."""
        answer = self._answer(case, caller)
        asked = f"{caller.name}: {case.method} {answer.request.url.raw_path.decode()}"
        sent = answer.request.content[:TOLD_CHARACTERS_MAX]
        told = (
            f"{asked} {dict(case.headers or {})} {sent!r} -> {answer.status_code} {answer.text[:TOLD_CHARACTERS_MAX]}"
        )
        if UNNAMED in answer.text or INJECTED in answer.headers:
            yield answer.headers.get(INJECTED, UNNAMED), told
        left_empty = "" in dict(answer.request.url.params).values()  # which was not asked for: that is no fault
        try:
            case.validate_response(
                answer, excluded_checks=[*NOT_HELD_TO, negative_data_rejection] if left_empty else NOT_HELD_TO
            )
        except schemathesis.errors.FailureGroup as wrong:
            for one in wrong.exceptions:
                yield f"{type(one)} {answer.status_code}", f"{told}\n{one}"

    def _answer(self, case: Case, caller: Caller) -> httpx.Response:
        made = case.as_transport_kwargs(base_url=str(self.client.base_url))
        sent = {"params": made["params"], "json": made.get("json"), "content": made.get("data")}
        headers = {**made["headers"], "Authorization": f"Bearer {caller.token}"}
        request = self.client.build_request(made["method"], made["url"], headers=headers, **sent)
        answer = self.client.send(request, stream=True)
        if case.path == STREAM and answer.is_success:  # it never ends
            answer.close()
            begun = httpx.Response(answer.status_code, headers=answer.headers, request=request, content=b"")
            begun.elapsed = answer.elapsed
            return begun
        answer.read()
        return answer


def _names(path: str) -> list[str]:
    """The names in a path."""
    return re.findall(r"{(\w+)}", path)
