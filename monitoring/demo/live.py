"""`/v1/live` as one member of staff follows it."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import httpx

Hear = Callable[[str, dict[str, Any]], None]
"""Hears an event: its kind, and what it carries."""


BEGIN_S: Final = 10.0


def begin_to_follow(url: str, token: str, hear: Sequence[Hear], stop: threading.Event) -> None:
    """Hand each durable event on, on a thread of its own, until told to stop. Returns once nothing is missed any more.

    After an interruption it goes on from where it was.
    """
    watches = threading.Event()
    thread = threading.Thread(target=_follow, args=(url, token, hear, stop, watches), daemon=True)
    thread.start()
    watches.wait(BEGIN_S)


def _follow(url: str, token: str, hear: Sequence[Hear], stop: threading.Event, watches: threading.Event) -> None:
    last_id: str | None = None
    while not stop.is_set():
        try:
            for event_id, kind, data in _events(url, token, last_id):
                watches.set()
                last_id = event_id
                for one in hear if kind else ():
                    one(kind, data)
                if stop.is_set():
                    return
        except httpx.HTTPError:
            stop.wait(0.5)  # the API is being restarted


def _events(url: str, token: str, last_id: str | None) -> Iterator[tuple[str | None, str, dict[str, Any]]]:
    """(id, kind, data) after `last_id`; the stream's own beginning has no kind."""
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last_id} if last_id else {})
    with httpx.stream("GET", f"{url}/v1/live", headers=headers, timeout=httpx.Timeout(5, read=30)) as stream:
        stream.raise_for_status()
        fields: dict[str, str] = {}
        for line in stream.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            last_id = fields.get("id", last_id)
            yield last_id, fields.get("event", ""), json.loads(fields.get("data", "{}"))
            fields = {}
