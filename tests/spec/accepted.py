# ruff: noqa: E501 (an example is one line, as on paper)
"""Accepted values by example: what shows amber, and what alarms as before."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from alert_rules.accepted import Accepted
from alert_rules.limits import DECIMALS, Lines
from alert_rules.words import LABELS
from tests.spec.severity import Given, units

UNTIL: Final = datetime(2026, 3, 14, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Relieved:
    """A set, what is accepted, how bad the set is with it, and the rules that are told, worst first."""

    given: Given
    accepted: Accepted
    severity: str
    rules: tuple[str, ...]


def down_to(vital: str, value: str) -> Accepted:
    """Accepted by a senior clinician, down to a value."""
    return Accepted(vital, False, units(value, DECIMALS.get(vital, 0)) or 0, "Dr Osei", UNTIL)


def up_to(vital: str, value: str) -> Accepted:
    """The same, up to a value."""
    return Accepted(vital, True, units(value, DECIMALS.get(vital, 0)) or 0, "Dr Osei", UNTIL)


def words(accepted: Accepted) -> str:
    """As on the page."""
    return f"{LABELS[accepted.vital]} {accepted.bound}"


# fmt: off
ACCEPTED: Final = (
    Relieved(Given(systolic="90"),                     down_to("systolic", "88"), "amber",    ("systolic_low", "single_red", "news2_low_medium")),
    Relieved(Given(systolic="88"),                     down_to("systolic", "88"), "amber",    ("systolic_low", "single_red", "news2_low_medium")),
    Relieved(Given(systolic="87"),                     down_to("systolic", "88"), "red",      ("systolic_low", "single_red", "news2_low_medium", "systolic_beyond_accepted_low")),
    Relieved(Given(systolic="91"),                     down_to("systolic", "88"), "none",     ()),
    Relieved(Given(systolic="220"),                    down_to("systolic", "88"), "amber_plus", ("single_red", "news2_low_medium")),
    Relieved(Given(systolic="88", respiratory_rate="21"), down_to("systolic", "88"), "red",   ("news2_medium", "systolic_low", "single_red")),
    Relieved(Given(systolic="88", respiratory_rate="24", pulse="111"), down_to("systolic", "88"), "critical", ("news2_high", "systolic_low", "single_red")),
    Relieved(Given(systolic="88", respiratory_rate="-", consciousness="-", pulse="111", temperature="39.1"), down_to("systolic", "88"), "critical", ("news2_high", "systolic_low", "single_red")),
    Relieved(Given(systolic="88", consciousness="C"),  down_to("systolic", "88"), "red",      ("news2_medium", "new_confusion", "single_red", "systolic_low")),
    Relieved(Given(systolic="88", temperature="35.0"), down_to("systolic", "88"), "red",      ("news2_medium", "single_red", "systolic_low")),
    Relieved(Given(pulse="135"),                       down_to("systolic", "88"), "red",      ("pulse_high", "single_red", "news2_low_medium")),
    Relieved(Given(pulse="135"),                       up_to("pulse", "135"),     "amber",    ("pulse_high", "single_red", "news2_low_medium")),
    Relieved(Given(pulse="136"),                       up_to("pulse", "135"),     "red",      ("pulse_high", "single_red", "news2_low_medium", "pulse_beyond_accepted_high")),
    Relieved(Given(pulse="39"),                        up_to("pulse", "135"),     "red",      ("pulse_low", "single_red", "news2_low_medium")),
    Relieved(Given(spo2="89"),                         down_to("spo2", "89"),     "amber",    ("spo2_red_low", "single_red", "news2_low_medium")),
    Relieved(Given(spo2="88"),                         down_to("spo2", "85"),     "critical", ("spo2_critical", "spo2_red_low", "single_red", "news2_low_medium")),
    Relieved(Given(spo2="84", scale=2),                down_to("spo2", "84"),     "amber",    ("spo2_red_low",)),
    Relieved(Given(respiratory_rate="8"),              down_to("respiratory_rate", "7"), "critical", ("respiratory_rate_critical", "single_red", "news2_low_medium")),
    Relieved(Given(temperature="34.8"),                down_to("temperature", "34.5"), "amber", ("single_red", "news2_low_medium")),
    Relieved(Given(temperature="34.4"),                down_to("temperature", "34.5"), "amber_plus", ("single_red", "news2_low_medium", "temperature_beyond_accepted_low")),
    Relieved(Given(pulse="140", scored=False, limits={"pulse": Lines(red_high=140)}), up_to("pulse", "145"), "amber", ("pulse_red_high",)),
    Relieved(Given(glucose="3.5"),                     down_to("glucose", "3.2"), "red",      ("glucose_low",)),
    Relieved(Given(oxygen="2", systolic="88"),         down_to("systolic", "88"), "red",      ("news2_medium", "oxygen_unprescribed", "systolic_low", "single_red")),
)
# fmt: on
