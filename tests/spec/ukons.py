# ruff: noqa: E501 (an example is one line, as on paper)
"""A cancer hotline's calls and the least that follows: the tests run them, the page shows them."""

from dataclasses import dataclass, field
from typing import Final

from alert_rules.ukons import Colour, Result, Symptom


@dataclass(frozen=True, slots=True)
class Called:
    """A call. `weeks`: since the last systemic therapy, "-" none ever, "?" nobody knows when."""

    answers: dict[Symptom, Colour] = field(default_factory=dict)
    temperature: str = "-"
    unwell: bool = False
    weeks: str = "-"
    colour: Colour = Colour.GREEN
    result: Result = Result.ADVICE
    critical: bool = False


AMBER, RED = Colour.AMBER, Colour.RED
RASH, LOOSE, SICK = Symptom.SKIN, Symptom.DIARRHOEA, Symptom.VOMITING

# fmt: off
CALLED: Final = (
    Called(),
    Called({RASH: AMBER},                                              colour=AMBER, result=Result.WARD),
    Called({RASH: AMBER, SICK: AMBER},                                 colour=RED,   result=Result.ACUTE_ONCOLOGY),
    Called({LOOSE: RED},                                               colour=RED,   result=Result.ACUTE_ONCOLOGY),
    Called(temperature="39.0",                                         colour=AMBER, result=Result.WARD),
    Called({RASH: AMBER}, temperature="39.0",                          colour=RED,   result=Result.ACUTE_ONCOLOGY),
    Called(temperature="36.8", unwell=True,                            colour=AMBER, result=Result.WARD),
    Called(temperature="36.8", weeks="2"),
    Called(weeks="2",                                                  colour=AMBER, result=Result.WARD),
    Called(temperature="37.4", weeks="2"),
    Called(temperature="37.5", weeks="2",                              colour=RED,   result=Result.ACUTE_ONCOLOGY, critical=True),
    Called(temperature="36.0", weeks="2"),
    Called(temperature="35.9", weeks="2",                              colour=RED,   result=Result.ACUTE_ONCOLOGY, critical=True),
    Called(temperature="36.8", unwell=True, weeks="2",                 colour=RED,   result=Result.ACUTE_ONCOLOGY, critical=True),
    Called({Symptom.FEVER: AMBER}, weeks="2",                          colour=RED,   result=Result.ACUTE_ONCOLOGY, critical=True),
    Called({LOOSE: RED}, temperature="36.8", weeks="2",                colour=RED,   result=Result.ACUTE_ONCOLOGY, critical=True),
    Called({RASH: AMBER}, temperature="36.8", weeks="2",               colour=AMBER, result=Result.WARD),
    Called(temperature="38.0", weeks="6",                              colour=RED,   result=Result.ACUTE_ONCOLOGY, critical=True),
    Called(temperature="38.0", weeks="7",                              colour=AMBER, result=Result.WARD),
    Called(temperature="38.0", weeks="?",                              colour=RED,   result=Result.ACUTE_ONCOLOGY, critical=True),
)
# fmt: on
