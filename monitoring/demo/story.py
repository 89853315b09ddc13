"""The story as it unfolds: what `/v1/live` tells and what pagers show, a line for each."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from monitoring.clock import WARD_TIME, utc_now
from monitoring.demo import words
from monitoring.demo.seed import Home

COLOURS: Final = {
    "amber": "yellow", "amber_plus": "dark_orange", "red": "red", "critical": "bold white on red",
    "999": "bold white on red", "pager": "magenta", "ladder": "cyan", "UCR": "green", "beds": "blue",
}  # fmt: skip
"""By an alert's severity, or by whom a line is about."""

SUMMARY_EVERY_S: Final = 15.0
LABEL: Final = 10  # columns
INDENT: Final = 8 + 2 + LABEL + 2
WIDTH_MIN: Final = 60


@dataclass(slots=True)
class Story:
    """Tells what happens to the homes of the demo. `pace`: how many of the people's minutes pass in a real one."""

    console: Console
    url: str
    token: str  # a clinician's
    homes: Mapping[str, Home]
    waiting: Mapping[str, str]  # names of who waits for a bed, by id
    pace: float
    sets: int = 0
    _alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _climbed: dict[str, tuple[int, int]] = field(default_factory=dict)
    _shown_how: bool = False
    _summary: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def hear(self, kind: str, data: dict[str, Any]) -> None:
        """An event of `/v1/live`."""
        match kind:
            case "alert":
                self._tell_alert(data["alert"])
            case "escalation":
                self._tell_step(data)
            case "ucr":
                self._tell("UCR", self._whose(data), words.visit(data["ucr"], self.pace))
            case "occupancy":
                self._tell("beds", "", words.beds(data["ward"], data["occupancy"], self.waiting))

    def ring(self, owner: str, message: dict[str, Any]) -> None:
        """A pager shows a message."""
        self._tell("pager", "", words.page(owner, message))

    def tell_summary(self) -> None:
        """How things stand, where that is not what was said last."""
        with self._lock:
            states = [one["state"] for one in self._alerts.values()]
        open_now, taken = states.count("open"), states.count("acknowledged") + states.count("actioned")
        said = f"{self.sets} sets of readings taken in · alerts: {open_now} open, {taken} in hand"
        if said != self._summary:
            self._summary = said
            self._tell("", "", said, dim=True)

    def complain(self, what: str) -> None:
        """Something that a simulated person could not do."""
        self._tell("", "", what, dim=True)

    def _tell_alert(self, alert: dict[str, Any]) -> None:
        with self._lock:
            before = self._alerts.get(alert["id"])
            self._alerts[alert["id"]] = alert
            if before and before["version"] == alert["version"]:
                return
            said = words.alert_changed(alert, before, self._climbed.get(alert["id"]))
            self._tell(alert["severity"], self._whose(alert), said)
            if not self._shown_how and alert["state"] == "open" and alert["severity"] in {"red", "critical"}:
                self._shown_how = True
                self._show_how(alert["id"])

    def _tell_step(self, data: dict[str, Any]) -> None:
        step = data["escalation"]
        with self._lock:
            self._climbed[step["alert"]] = (step["step"], step["of"])
        if step.get("first") == "999" and not step["repeat"] and step["step"] == 1:
            self._tell("999", self._whose(data), f"ring 999 first; {words.ref(step['alert'])}")
        self._tell("ladder", self._whose(data), words.step_taken(step))

    def _whose(self, about: Mapping[str, Any]) -> str:
        home = self.homes.get(about.get("patient") or "")
        return f"{home.name}, {about['ward']}: " if home else f"{about['ward']}: "

    def _tell(self, label: str, who: str, what: str | None, *, dim: bool = False) -> None:
        """One line, or several where the terminal is narrow; nothing where there is nothing to say."""
        if what is None:
            return
        said = Text(who, style="bold")
        said.append(what, style="not bold")
        width = max(self.console.width, WIDTH_MIN) - INDENT
        line = Text.assemble((f"{utc_now().astimezone(WARD_TIME):%H:%M:%S}  ", "dim"))
        line.append(f" {label.replace('_', ' ')} ", style=COLOURS.get(label, ""))
        line.append(" " * max(INDENT - len(line), 0))
        for number, part in enumerate(said.wrap(self.console, width)):
            part.rstrip()
            line.append("\n" + " " * INDENT if number else "").append_text(part)
        self.console.print(line, style="dim" if dim else "", soft_wrap=True, highlight=False)

    def _show_how(self, alert_id: str) -> None:
        command = f'curl -X POST {self.url}/v1/alerts/{alert_id}/acknowledge -H "Authorization: Bearer {self.token}"'
        self.console.print(
            Text.assemble(
                ("\n        Nobody has answered yet. Take responsibility, from another terminal, and the ladder stops;"
                 "\n        do nothing, and watch it climb:\n\n", "bold"),
                (f"        {command}\n", "green"),
            ),
            soft_wrap=True, highlight=False,
        )  # fmt: skip
