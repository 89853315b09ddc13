"""The spans of a batch: one of its own, linked with every request in it, and one in the trace of each request.

Only where this process traces and an entry carries a trace: with neither, none of this is called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from devices.reading import Arrival, set_key
from monitoring.tracing.alerts import note
from monitoring.tracing.spans import carried, start

if TYPE_CHECKING:
    from opentelemetry.trace import Span

Traced = tuple[str, Arrival]
"""A `traceparent`, and what the request brought."""


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of a batch that is being processed."""

    batch: "Span"
    requests: Sequence[tuple["Span", Arrival]]

    @classmethod
    def begin(cls, stream: str, entries: int, traced: Sequence[Traced]) -> "Spans":
        """A batch begins."""
        batch = start("drain", links=[trace for trace, _ in traced], kind="consumer", stream=stream, entries=entries)
        link = carried(batch)
        requests = [(start("score", parent=trace, links=[link], sets=len(one.sets)), one) for trace, one in traced]
        return cls(batch, requests)

    def note_alerts(self, connection: psycopg.Connection, behind: Mapping[UUID, int], now: datetime) -> None:
        """The alerts that these sets raised or changed: what is told of them goes on in the sets' traces."""
        found = {}
        for span, arrival in self.requests if behind else ():
            for one in arrival.sets:
                alert = behind.get(UUID(set_key(arrival.source, one.id)))
                if alert is not None:
                    span.set_attribute("alerts", 1)
                    found[alert] = carried(span)
        note(connection, found, now)

    def end(self) -> None:
        """It is committed and acknowledged."""
        for span, _ in self.requests:
            span.end()
        self.batch.end()
