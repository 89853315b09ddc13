"""Who falls ill in the demo, of what and when, and the moment at which its story begins."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

from devices.simulator import Patient, cohort, sendings
from devices.simulator.patients import INSTRUMENTS
from monitoring.clock import WARD_TIME

SEED: Final = 2119
"""Chosen: whoever is not ill here stays well on the first day, and who is ill has what `ILL` says of them."""

DAWN: Final = time(7)
"""Before the first readings of a simulated day."""

ILL: Final = (
    ("frailty", "pneumonia_that_responds", timedelta(hours=24)),
    ("heart_failure", "sepsis", timedelta(hours=8)),
    ("acute_respiratory", "pneumonia_that_responds", timedelta(hours=6)),
    ("copd", "copd_exacerbation", timedelta(0)),
)
"""Whose pathway, what happens to them, and how long before dawn it began.

The first is red at breakfast, before anybody else has sent anything, and better in the afternoon; the second amber at
breakfast, and critical in the afternoon; the third amber at breakfast and red at noon; the fourth later.
"""


def people(pathways: tuple[str, ...], patients: int, day: date) -> list[Patient]:
    """The simulated patients, some of whom fall ill that day. All clocks are right, so that nothing is kept aside."""
    dawn = _dawn(day)
    found = [replace(one, hub=replace(one.hub, clock_offset_s=0)) for one in cohort(pathways, patients, SEED)]
    for pathway, script, before in ILL:
        place = next((n for n, one in enumerate(found) if one.pathway == pathway), None)
        if place is not None:
            found[place] = _well_watched(found[place]).begins(script, dawn - before)
    return found


def beginning(people: list[Patient], day: date) -> datetime:
    """The simulated instant at which to begin: that of the first reading of who is ill first."""
    dawn = _dawn(day)
    first = next(one for one in people if one.pathway == ILL[0][0])
    sent = next(sendings([first], dawn, dawn + timedelta(days=1), SEED))
    return datetime.fromisoformat(sent.sets[0].taken_at)


def _dawn(day: date) -> datetime:
    return datetime.combine(day, DAWN, WARD_TIME)


def _well_watched(patient: Patient) -> Patient:
    """All that NEWS2 asks for is measured, on time, and a carer answers the questions."""
    kit = dict(patient.kit)
    for name in ("watch", "ear_thermometer"):
        kit = {**INSTRUMENTS[name], **kit}
    home = replace(patient.home, answers="carer", tells_oxygen="flow", habit_min=0.0, reliability=1.1)
    return replace(patient, kit=kit, home=home, hub=replace(patient.hub, outages_per_day=0.0))
