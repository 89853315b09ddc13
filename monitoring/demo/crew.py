"""A simulated UCR crew: hears of a referral over `/v1/live`, accepts, travels, helps."""

from dataclasses import dataclass
from typing import Any, Final

from monitoring.demo.agenda import Agenda
from monitoring.demo.staff import Colleague

ACCEPTS_AFTER_MIN: Final = 4.0
LEAVES_AFTER_MIN: Final = 4.0
TRAVELS_MIN: Final = 12.0
STAYS_MIN: Final = 12.0


@dataclass(slots=True)
class Crew:
    """One crew, which has all the visits of its team."""

    member: Colleague
    agenda: Agenda

    def hear(self, kind: str, data: dict[str, Any]) -> None:
        """A referral that is sent to the team is taken."""
        if kind == "ucr" and data["ucr"]["what"] == "sent":
            self.agenda.in_minutes(ACCEPTS_AFTER_MIN, lambda: self._accept(data["ucr"]["id"]))

    def _accept(self, referral: str) -> None:
        self._answer(referral, "accept")
        self.agenda.in_minutes(LEAVES_AFTER_MIN, lambda: self._dispatch(referral))

    def _dispatch(self, referral: str) -> None:
        self._answer(referral, "dispatch")
        self.agenda.in_minutes(TRAVELS_MIN, lambda: self._arrive(referral))

    def _arrive(self, referral: str) -> None:
        self._answer(referral, "arrive")
        how = {"outcome": "stayed_at_home", "note": "examined, antibiotics by the patient's own GP, to be seen again"}
        self.agenda.in_minutes(STAYS_MIN, lambda: self._answer(referral, "complete", how))

    def _answer(self, referral: str, verb: str, body: object = None) -> None:
        self.member.post(f"/v1/ucr/referrals/{referral}/{verb}", body)
