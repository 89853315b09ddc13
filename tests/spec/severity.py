# ruff: noqa: E501 (an example is one line, as on paper)
"""Severity by example: each side of every rule's bound, on a patient who is well but for what the example names."""

from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Final

from alert_rules.limits import Lines
from alert_rules.news2 import Scale
from alert_rules.vitals import Consciousness, Vitals, to_chart
from alert_rules.words import LABELS, shown


@dataclass(frozen=True, slots=True)
class Given:
    """A set as a nurse would write it, and what the plan says; `-` is not measured."""

    respiratory_rate: str = "16"
    spo2: str = "97"
    oxygen: str = "air"  # air, oxygen, or a flow in L/min; assumed where it is prescribed and not measured
    systolic: str = "125"
    pulse: str = "72"
    consciousness: str = "A"
    temperature: str = "36.8"
    diastolic: str = "-"
    weight: str = "-"
    glucose: str = "-"
    peak_flow: str = "-"
    wellness: str = "-"
    scale: Scale = 1
    pathway: str = "general"
    prescribed: str = "-"  # home oxygen in L/min
    scored: bool = True  # False: pregnant, under 16 or spinal cord injury
    comfort: bool = False
    limits: dict[str, Lines] = field(default_factory=dict)  # the plan's own, in whole units of their resolution

    def vitals(self) -> Vitals:
        """The seven parameters in chart units."""
        return Vitals(
            respiratory_rate=units(self.respiratory_rate),
            spo2=units(self.spo2),
            on_oxygen={"-": None, "air": False}.get(self.oxygen, True),
            systolic=units(self.systolic),
            pulse=units(self.pulse),
            consciousness=None if self.consciousness == "-" else Consciousness(self.consciousness),
            temperature_tenths=units(self.temperature, decimals=1),
        )

    def flow_hundredths(self) -> int | None:
        """The flow as measured, in hundredths of L/min; None where only its being on is known."""
        return None if self.oxygen in {"-", "air", "oxygen"} else units(self.oxygen, decimals=2)

    def __str__(self) -> str:
        """What is not as in a well set, and SpO2 with its scale."""
        named = [one.name for one in fields(self) if getattr(self, one.name) != getattr(WELL, one.name)]
        if self.scale == 2 and "spo2" not in named:
            named.insert(0, "spo2")
        return ", ".join(_words(name, getattr(self, name)) for name in named) or "well"


@dataclass(frozen=True, slots=True)
class Judged:
    """An example, how bad it is, and the rules that are told, worst first."""

    given: Given
    severity: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToComplete:
    """An incomplete set, its score from certain to worst, and whether a person is asked to complete it."""

    given: Given
    score: int
    score_max: int
    asked: bool


def units(written: str, decimals: int = 0) -> int | None:
    """A value in whole units of its resolution; None for `-`."""
    return None if written == "-" else to_chart(Decimal(written), decimals)


def _words(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"own limits: {', '.join(_drawn(*one) for one in value.items())}"
    label = {"prescribed": "prescribed oxygen", "scored": "not scorable", "comfort": "comfort care"}.get(
        name, LABELS.get(name, name)
    )
    if isinstance(value, bool):
        return label
    if value == "oxygen":
        return "on oxygen"
    flow = " L/min" if name in {"oxygen", "prescribed"} else ""
    return f"no {label}" if value == "-" else f"{label} {value}{flow}"


def _drawn(vital: str, lines: Lines) -> str:
    edges = {one.name: getattr(lines, one.name) for one in fields(lines)}
    drawn = [f"{line.replace('_', ' ')} {shown(vital, edge)}" for line, edge in edges.items() if edge is not None]
    return f"{LABELS[vital]} {' and '.join(drawn) or 'none drawn'}"


WELL: Final = Given()

# fmt: off
SEVERITY: Final = (
    Judged(Given(),                                                      "none",       ()),
    # NEWS2, by parameters that score less than 3
    Judged(Given(respiratory_rate="21"),                                 "none",       ()),
    Judged(Given(respiratory_rate="21", pulse="91"),                     "amber",      ("news2_low_medium",)),
    Judged(Given(respiratory_rate="21", pulse="111"),                    "amber",      ("news2_low_medium",)),
    Judged(Given(respiratory_rate="21", pulse="111", temperature="38.1"), "red",       ("news2_medium",)),
    Judged(Given(respiratory_rate="21", pulse="111", temperature="39.1"), "red",       ("news2_medium",)),
    Judged(Given(respiratory_rate="21", pulse="111", temperature="39.1", systolic="110"), "critical", ("news2_high",)),
    # consciousness
    Judged(Given(consciousness="C"),                                     "red",        ("new_confusion", "single_red", "news2_low_medium")),
    Judged(Given(consciousness="V"),                                     "critical",   ("unresponsive", "single_red", "news2_low_medium")),
    Judged(Given(consciousness="P"),                                     "critical",   ("unresponsive", "single_red", "news2_low_medium")),
    Judged(Given(consciousness="U"),                                     "critical",   ("unresponsive", "single_red", "news2_low_medium")),
    # respiratory rate
    Judged(Given(respiratory_rate="8"),                                  "critical",   ("respiratory_rate_critical", "single_red", "news2_low_medium")),
    Judged(Given(respiratory_rate="9"),                                  "none",       ()),
    Judged(Given(respiratory_rate="24"),                                 "none",       ()),
    Judged(Given(respiratory_rate="25"),                                 "red",        ("respiratory_rate_high", "single_red", "news2_low_medium")),
    # SpO2 on scale 1, with the pathway's limits
    Judged(Given(spo2="88"),                                             "critical",   ("spo2_critical", "spo2_red_low", "single_red", "news2_low_medium")),
    Judged(Given(spo2="89"),                                             "red",        ("spo2_red_low", "single_red", "news2_low_medium")),
    Judged(Given(spo2="91"),                                             "red",        ("spo2_red_low", "single_red", "news2_low_medium")),
    Judged(Given(spo2="92"),                                             "amber",      ("spo2_amber_low",)),
    Judged(Given(spo2="93"),                                             "amber",      ("spo2_amber_low",)),
    Judged(Given(spo2="94"),                                             "none",       ()),
    Judged(Given(spo2="92", pathway="acute_respiratory"),                "red",        ("spo2_red_low",)),
    Judged(Given(spo2="93", pathway="acute_respiratory"),                "amber",      ("spo2_amber_low",)),
    Judged(Given(spo2="94", pathway="acute_respiratory"),                "amber",      ("spo2_amber_low",)),
    Judged(Given(spo2="95", pathway="acute_respiratory"),                "none",       ()),
    Judged(Given(spo2="92", pathway="oximetry_at_home"),                 "red",        ("spo2_red_low",)),
    Judged(Given(spo2="94", pathway="oximetry_at_home"),                 "amber",      ("spo2_amber_low",)),
    # SpO2 on scale 2
    Judged(Given(spo2="83", scale=2),                                    "critical",   ("spo2_critical_scale_2", "spo2_red_low", "single_red", "news2_low_medium")),
    Judged(Given(spo2="84", scale=2),                                    "red",        ("spo2_red_low",)),
    Judged(Given(spo2="85", scale=2),                                    "red",        ("spo2_red_low",)),
    Judged(Given(spo2="86", scale=2),                                    "amber",      ("spo2_amber_low",)),
    Judged(Given(spo2="87", scale=2),                                    "amber",      ("spo2_amber_low",)),
    Judged(Given(spo2="88", scale=2),                                    "none",       ()),
    Judged(Given(spo2="99", scale=2),                                    "none",       ()),
    Judged(Given(spo2="92", scale=2, oxygen="1", prescribed="1"),        "none",       ()),
    Judged(Given(spo2="93", scale=2, oxygen="1", prescribed="1"),        "amber",      ("news2_low_medium", "spo2_amber_high")),
    Judged(Given(spo2="96", scale=2, oxygen="1", prescribed="1"),        "amber",      ("news2_low_medium", "spo2_amber_high")),
    Judged(Given(spo2="97", scale=2, oxygen="1", prescribed="1"),        "red",        ("news2_medium", "spo2_red_high", "single_red")),
    Judged(Given(spo2="97", scale=2, oxygen="-"),                        "none",       ()),
    Judged(Given(spo2="92", scale=2, pathway="acute_respiratory"),       "none",       ()),
    # blood pressure and pulse
    Judged(Given(systolic="90"),                                         "red",        ("systolic_low", "single_red", "news2_low_medium")),
    Judged(Given(systolic="91"),                                         "none",       ()),
    Judged(Given(systolic="219"),                                        "none",       ()),
    Judged(Given(systolic="220"),                                        "amber_plus", ("single_red", "news2_low_medium")),
    Judged(Given(pulse="130"),                                           "none",       ()),
    Judged(Given(pulse="131"),                                           "red",        ("pulse_high", "single_red", "news2_low_medium")),
    Judged(Given(pulse="41"),                                            "none",       ()),
    Judged(Given(pulse="40"),                                            "red",        ("pulse_low", "single_red", "news2_low_medium")),
    # temperature
    Judged(Given(temperature="35.0"),                                    "amber_plus", ("single_red", "news2_low_medium")),
    Judged(Given(temperature="35.1"),                                    "none",       ()),
    Judged(Given(temperature="41.0"),                                    "none",       ()),
    # oxygen and its prescription
    Judged(Given(oxygen="oxygen"),                                       "red",        ("oxygen_unprescribed",)),
    Judged(Given(oxygen="0.5"),                                          "red",        ("oxygen_unprescribed",)),
    Judged(Given(oxygen="2", prescribed="2"),                            "none",       ()),
    Judged(Given(oxygen="2.01", prescribed="2"),                         "red",        ("oxygen_above_prescription",)),
    Judged(Given(oxygen="oxygen", prescribed="2"),                       "none",       ()),
    # glucose
    Judged(Given(glucose="2.9"),                                         "critical",   ("glucose_critical",)),
    Judged(Given(glucose="3.0"),                                         "red",        ("glucose_low",)),
    Judged(Given(glucose="3.9"),                                         "red",        ("glucose_low",)),
    Judged(Given(glucose="4.0"),                                         "none",       ()),
    Judged(Given(glucose="3.9", consciousness="C"),                      "critical",   ("glucose_low_not_alert", "new_confusion", "single_red", "news2_low_medium")),
    Judged(Given(glucose="3.9", consciousness="V"),                      "critical",   ("unresponsive", "glucose_low_not_alert", "single_red", "news2_low_medium")),
    Judged(Given(glucose="4.0", consciousness="C"),                      "red",        ("new_confusion", "single_red", "news2_low_medium")),
    Judged(Given(glucose="20.0"),                                        "none",       ()),
    Judged(Given(glucose="20.1"),                                        "amber",      ("glucose_high",)),
    # wellness
    Judged(Given(wellness="much worse"),                                 "red",        ("wellness_much_worse",)),
    Judged(Given(wellness="worse"),                                      "amber",      ("wellness_worse",)),
    Judged(Given(wellness="same"),                                       "none",       ()),
    # a plan's own limits stand in place of the default ones of their side
    Judged(Given(spo2="90", limits={"spo2": Lines(red_low=86, amber_low=89)}), "amber_plus", ("single_red", "news2_low_medium")),
    Judged(Given(spo2="89", limits={"spo2": Lines(red_low=86, amber_low=89)}), "amber_plus", ("single_red", "news2_low_medium", "spo2_amber_low")),
    Judged(Given(spo2="92", pathway="acute_respiratory", limits={"spo2": Lines(amber_low=95)}), "red", ("spo2_red_low",)),
    Judged(Given(spo2="91", limits={"spo2": Lines(red_high=100)}),       "red",        ("spo2_red_low", "single_red", "news2_low_medium")),
    Judged(Given(spo2="91", limits={"spo2": Lines()}),                   "red",        ("spo2_red_low", "single_red", "news2_low_medium")),
    Judged(Given(weight="90.00", limits={"weight": Lines(amber_high=9000, red_high=9200)}), "amber", ("weight_amber_high",)),
    Judged(Given(weight="89.99", limits={"weight": Lines(amber_high=9000, red_high=9200)}), "none",  ()),
    Judged(Given(weight="92.00", limits={"weight": Lines(amber_high=9000, red_high=9200)}), "red",   ("weight_red_high",)),
    Judged(Given(temperature="37.8", limits={"temperature": Lines(amber_high=378)}), "amber", ("temperature_amber_high",)),
    Judged(Given(diastolic="110", limits={"diastolic": Lines(red_high=110)}), "red",    ("diastolic_red_high",)),
    Judged(Given(peak_flow="150", limits={"peak_flow": Lines(red_low=150, amber_low=200)}), "red",  ("peak_flow_red_low",)),
    # what was not measured says nothing, and what was is enough
    Judged(Given(respiratory_rate="-", consciousness="-", oxygen="-"),   "none",       ()),
    Judged(Given(respiratory_rate="30", spo2="-", oxygen="-", systolic="-", pulse="-", consciousness="-", temperature="-"), "red", ("respiratory_rate_high", "single_red", "news2_low_medium")),
    # not scorable: adult thresholds do not hold; own limits, consciousness, oxygen, glucose and the daily question do
    Judged(Given(scored=False, respiratory_rate="30", pulse="140", systolic="85", temperature="39.5"), "none", ()),
    Judged(Given(scored=False, pulse="140", limits={"pulse": Lines(red_high=140)}), "red", ("pulse_red_high",)),
    Judged(Given(scored=False, consciousness="C"),                       "red",        ("new_confusion",)),
    Judged(Given(scored=False, consciousness="V"),                       "critical",   ("unresponsive",)),
    Judged(Given(scored=False, glucose="2.9"),                           "critical",   ("glucose_critical",)),
    Judged(Given(scored=False, wellness="much worse"),                   "red",        ("wellness_much_worse",)),
    Judged(Given(scored=False, oxygen="oxygen"),                         "red",        ("oxygen_unprescribed",)),
    # comfort care: nothing here alerts
    Judged(Given(comfort=True, respiratory_rate="30", consciousness="U", wellness="much worse"), "none", ()),
)

TO_COMPLETE: Final = (
    ToComplete(Given(respiratory_rate="-", consciousness="-", pulse="111"),                     2,  8, False),
    ToComplete(Given(respiratory_rate="-", consciousness="-", pulse="111", temperature="38.1"), 3,  9, True),
    ToComplete(Given(respiratory_rate="-", pulse="111", temperature="38.1"),                    3,  6, False),
    ToComplete(Given(respiratory_rate="-", pulse="111", temperature="39.1"),                    4,  7, True),
    ToComplete(Given(respiratory_rate="-", pulse="111", temperature="39.1", systolic="110"),    5,  8, True),
    ToComplete(Given(oxygen="-", pulse="111", temperature="39.1", systolic="110"),              5,  7, True),
    ToComplete(Given(oxygen="-", pulse="111", temperature="38.1", systolic="110"),              4,  6, False),
    ToComplete(Given(oxygen="-", prescribed="2", pulse="111", temperature="38.1"),              5,  5, True),
    ToComplete(Given(respiratory_rate="21", pulse="111", temperature="39.1"),                   6,  6, False),
    ToComplete(Given(respiratory_rate="-", pulse="111", temperature="39.1", scored=False),      4,  7, False),
    ToComplete(Given(respiratory_rate="-", pulse="111", temperature="39.1", comfort=True),      4,  7, False),
)
# fmt: on
