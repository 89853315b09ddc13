"""The story as it unfolds: `/v1/live` in one hand, what the homes send in the other."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
from rich.console import Console
from rich.text import Text

from monitoring.clock import WARD_TIME, utc_now
from monitoring.demo.seed import Home

COLOURS: Final = {"amber": "yellow", "amber_plus": "dark_orange", "red": "red", "critical": "bold white on red"}
SUMMARY_EVERY_S: Final = 15.0


@dataclass(slots=True)
class Story:
    """Tells what happens to the homes of the demo."""

    console: Console
    url: str
    token: str  # a clinician's
    homes: dict[str, Home]
    sets: int = 0
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    shown_how: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, stop: threading.Event) -> None:
        """Tell alerts as they come over `/v1/live`, until told to stop."""
        last_id: str | None = None
        while not stop.is_set():
            try:
                for event_id, event, data in self._events(last_id):
                    last_id = event_id
                    if event == "alert":
                        self.tell_alert(data["alert"])
                    if stop.is_set():
                        return
            except httpx.HTTPError:
                stop.wait(0.5)  # the API is being restarted: resume where we were

    def tell_alert(self, alert: dict[str, Any]) -> None:
        """One alert as it now is."""
        with self.lock:
            before = self.alerts.get(alert["id"])
            self.alerts[alert["id"]] = alert
        if before and before["version"] == alert["version"]:
            return
        line = Text(f"{_clock(utc_now())}  ")
        line.append(f" {alert['severity'].replace('_', ' ')} ", style=COLOURS[alert["severity"]])
        home = self.homes.get(alert["patient"])
        who = f"{home.name}, {home.ward}" if home else alert["ward"]
        line.append(f"  {who}: ", style="bold")
        line.append(_what(alert, before))
        self.console.print(line, soft_wrap=True)
        if not self.shown_how and alert["state"] == "open" and alert["severity"] in {"red", "critical"}:
            self.shown_how = True
            self._show_how(alert["id"])

    def tell_summary(self) -> None:
        """How things stand."""
        with self.lock:
            open_now = [one for one in self.alerts.values() if one["state"] == "open"]
            taken = [one for one in self.alerts.values() if one["state"] in {"acknowledged", "actioned"}]
        line = Text(f"{_clock(utc_now())}  ", style="dim")
        line.append(f"{self.sets} sets of readings taken in · {len(open_now)} alerts open · {len(taken)} in hand")
        self.console.print(line, style="dim", soft_wrap=True)

    def _show_how(self, alert_id: str) -> None:
        self.console.print(
            "\n        Nobody has answered yet. Take responsibility, from another terminal:\n", style="bold"
        )
        command = f'curl -X POST {self.url}/v1/alerts/{alert_id}/acknowledge -H "Authorization: Bearer {self.token}"'
        self.console.print(f"        {command}\n", style="green", soft_wrap=True, highlight=False)

    def _events(self, last_id: str | None) -> Iterator[tuple[str | None, str, dict[str, Any]]]:
        """(id, event, data) of `/v1/live`, after `last_id`."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Last-Event-ID": last_id} if last_id else {})
        timeout = httpx.Timeout(5, read=30)
        with httpx.stream("GET", f"{self.url}/v1/live", headers=headers, timeout=timeout) as stream:
            stream.raise_for_status()
            fields: dict[str, str] = {}
            for line in stream.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    last_id = fields.get("id", last_id)
                    yield last_id, fields["event"], json.loads(fields["data"])
                    fields = {}


def _what(alert: dict[str, Any], before: dict[str, Any] | None) -> str:
    """What changed about an alert, in a few words."""
    reasons = alert["reasons"]
    why = str(reasons[0]["text"] if reasons else alert["kind"])
    if before is None:
        return why
    if alert["state"] == "open":
        return f"{'got worse' if before['state'] != 'open' else 'is worse'}: {why}"
    return f"{alert['state']}" + (f" ({alert['outcome']})" if alert["outcome"] else "")


def _clock(now: datetime) -> str:
    return now.astimezone(WARD_TIME).strftime("%H:%M:%S")
