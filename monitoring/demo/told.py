"""Who is told in the demo: pagers, the ladders of each ward, the UCR teams."""

from collections.abc import Iterable
from typing import Any, Final

from monitoring.demo.pagers import Pagers
from monitoring.demo.staff import UCR_TEAM, Colleague

CALL_CENTRE: Final = "the call centre"
"""The fallback: somebody always answers there."""

WAIT_S_MIN: Final = 10
"""No step of a ladder may be shorter."""

DAY_AND_NIGHT: Final = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("00:00", "24:00"))

LADDERS: Final = {
    "amber": (("clinician", 60), ("fallback", 240)),
    "amber_plus": (("clinician", 30), ("fallback", 30)),
    "red": (("clinician", 20), ("coordinator", 15), ("ucr", 15), ("fallback", 10)),
    "critical": (("clinician", 10), ("fallback", 10)),
}
"""By severity: who is told, and how many minutes they have. Nobody waits for staffed hours: the wards are always
staffed. UCR is no answer to what is critical."""


def give_pagers(coordinator: Colleague, joy: Colleague, pagers: Pagers) -> None:
    """The clinician and the coordinator on duty are paged; the simulated clinician watches the board instead."""
    for path, who in (("joy", joy), ("chris", coordinator)):
        coordinator.put(f"/v1/staff/{who.id}/contacts", [{"by": "webhook", **pagers.give(path, who.name)}])


def set_ladders(coordinator: Colleague, wards: Iterable[str], pagers: Pagers, pace: float) -> None:
    """Each ward's own ladders, as much faster as the people of the demo are."""
    always = {"by": ["webhook"], **pagers.give("call-centre", CALL_CENTRE)}
    ladders = {
        severity: [_step(tell, minutes, pace) | (always if tell == "fallback" else {}) for tell, minutes in steps]
        for severity, steps in LADDERS.items()
    }
    for code in wards:
        coordinator.put(f"/v1/wards/{code}/ladders", ladders)


def make_ucr_teams(coordinator: Colleague, pagers: Pagers) -> None:
    """The district's own team, and the county's behind it, day and night."""
    pager = pagers.give("ucr", f"UCR team {UCR_TEAM}")
    common = {"icb": "QXX", "hours": DAY_AND_NIGHT, "skills": ["deterioration", "falls"]}
    coordinator.put(f"/v1/ucr/teams/{UCR_TEAM}", {
        **common, "name": "Urgent community response LE1", "postcode_districts": ["LE1"], "max_active": 6,
        "webhook": pager["to"], "secret": pager["secret"],
    })  # fmt: skip
    coordinator.put("/v1/ucr/teams/ICS-UCR", {
        **common, "name": "Urgent community response, whole county", "postcode_districts": [], "max_active": 20,
    })  # fmt: skip


def _step(tell: str, minutes: float, pace: float) -> dict[str, Any]:
    return {"tell": tell, "wait_s": max(WAIT_S_MIN, round(minutes * 60 / pace))}
