"""The simulated people of the wards: a clinician who answers alerts, and a coordinator who fills the beds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.demo.agenda import Agenda
from monitoring.demo.seed import Home
from monitoring.demo.staff import Colleague


@dataclass(slots=True)
class Clinician:
    """Answers alerts, but for one red at a time, so that somebody else does or its ladder climbs."""

    who: Colleague
    agenda: Agenda
    homes: Mapping[str, Home]
    gone: set[str] = field(default_factory=set)  # patients who left their ward
    _left: str | None = None  # the alert that is left to others
    _begun: set[tuple[str, str]] = field(default_factory=set)

    def hear(self, kind: str, data: dict[str, Any]) -> None:
        """An alert is answered; what a UCR team has ended is resolved."""
        if kind == "alert":
            self._see(data["alert"])
        elif kind == "ucr" and data["ucr"]["what"].startswith("completed") and data["ucr"]["alert"]:
            self.agenda.in_minutes(6, lambda: self._resolve(data["ucr"]["alert"], "ucr"))

    def _see(self, alert: dict[str, Any]) -> None:
        key, severity = alert["id"], alert["severity"]
        if key == self._left and (severity == "critical" or _is_settled(alert)):
            self._left = None
        if alert["state"] != "open" or (key, severity) in self._begun:
            return
        if severity == "red" and self._left in {None, key}:
            self._left = key
            return
        self._begun.add((key, severity))
        begin = self._ring_999 if severity == "critical" else self._phone
        self.agenda.in_minutes(4, lambda: begin(alert))

    def _phone(self, alert: dict[str, Any]) -> None:
        self._answer(alert, "acknowledge")
        self.agenda.in_minutes(6, lambda: self._advise(alert))

    def _advise(self, alert: dict[str, Any]) -> None:
        version = self._answer(alert, "action", {"what": "phoned, and asked for another set"})["version"]
        self.agenda.in_minutes(90, lambda: self._resolve(alert["id"], "advice", version))

    def _ring_999(self, alert: dict[str, Any]) -> None:
        """999 comes first and is recorded; only then who answers for it."""
        self._answer(alert, "emergency-calls", {"called_by": self.who.name, "with_patient": "a carer"})
        self._answer(alert, "acknowledge")
        self.agenda.in_minutes(10, lambda: self._goes(alert))

    def _goes(self, alert: dict[str, Any]) -> None:
        self._answer(alert, "action", {"what": "the ambulance takes the patient to hospital"})
        self._resolve(alert["id"], "ambulance")
        self.agenda.in_minutes(4, lambda: self._discharge(alert["patient"]))

    def _discharge(self, patient: str) -> None:
        self.gone.add(patient)  # the hub is taken home: it sends no more
        body = {"outcome": "acute", "decided_by": self.who.name}
        self.who.post(f"/v1/episodes/{self.homes[patient].episode}/discharge", body)

    def _resolve(self, alert: str, outcome: str, version: int | None = None) -> None:
        """Where a version is named, nothing may have happened since: 409 otherwise, and the alert stays."""
        self.who.post(f"/v1/alerts/{alert}/resolve", {"outcome": outcome, "version": version})

    def _answer(self, alert: dict[str, Any], verb: str, body: object = None) -> dict[str, Any]:
        return self.who.post(f"/v1/alerts/{alert['id']}/{verb}", body)


def _is_settled(alert: Mapping[str, Any]) -> bool:
    """Whether a person of the ward answers for it now, or it has ended. While a UCR team does, one red is enough."""
    by_ucr = any(entry["what"].startswith("ucr_accepted") for entry in alert["history"])
    return alert["state"] in {"resolved", "expired"} or (alert["state"] != "open" and not by_ucr)


@dataclass(slots=True)
class Coordinator:
    """Gives a bed that becomes free to whom it is offered: the first of the ward's waiting list."""

    who: Colleague
    agenda: Agenda
    _begun: set[str] = field(default_factory=set)

    def hear(self, kind: str, data: dict[str, Any]) -> None:
        """A bed is offered."""
        if kind != "occupancy":
            return
        for offer in data["occupancy"]["offered"]:
            if offer["referral"] not in self._begun:
                self._begun.add(offer["referral"])
                self._later(5, offer["referral"], "accept")

    def _later(self, minutes: float, referral: str, verb: str) -> None:
        self.agenda.in_minutes(minutes, lambda: self._decide(referral, verb))

    def _decide(self, referral: str, verb: str) -> None:
        self.who.post(f"/v1/referrals/{referral}/{verb}")
        if verb == "accept":
            self._later(6, referral, "admit")
