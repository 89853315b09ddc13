# ruff: noqa: E501 (an example is one line, as on paper)
"""What a nurse reads: the sentence of each rule, with the value and the bound that it crossed."""

from dataclasses import dataclass
from typing import Final

from alert_rules.limits import Lines
from tests.spec.severity import Given


@dataclass(frozen=True, slots=True)
class Told:
    """An example, one of the rules that it fires, and what is said of it."""

    given: Given
    rule: str
    text: str


# fmt: off
TOLD: Final = (
    Told(Given(respiratory_rate="21", pulse="111", temperature="39.1", systolic="110"), "news2_high", "NEWS2 7: emergency response threshold (7 or more)"),
    Told(Given(respiratory_rate="21", pulse="111", temperature="38.1"), "news2_medium",      "NEWS2 5: urgent response threshold (5 or 6)"),
    Told(Given(respiratory_rate="21", pulse="91"),                "news2_low_medium",          "NEWS2 3: raised (3 or 4)"),
    Told(Given(respiratory_rate="-", consciousness="-", pulse="111", temperature="39.1", systolic="110"), "news2_medium", "NEWS2 5 to 11 (missing respiratory rate, consciousness): urgent response threshold (5 or 6)"),
    Told(Given(oxygen="-", prescribed="2", pulse="111", temperature="38.1"), "news2_medium", "NEWS2 5 (oxygen assumed): urgent response threshold (5 or 6)"),
    Told(Given(oxygen="-", prescribed="2", pulse="-", respiratory_rate="21"), "news2_low_medium", "NEWS2 4 to 7 (missing pulse, oxygen assumed): raised (3 or 4)"),
    Told(Given(consciousness="C"),                                "new_confusion",             "New confusion (C)"),
    Told(Given(consciousness="V"),                                "unresponsive",              "Responds only to voice (V)"),
    Told(Given(consciousness="P"),                                "unresponsive",              "Responds only to pain (P)"),
    Told(Given(consciousness="U"),                                "unresponsive",              "Unresponsive (U)"),
    Told(Given(respiratory_rate="7"),                             "respiratory_rate_critical", "Respiratory rate 7 /min (8 or less)"),
    Told(Given(respiratory_rate="26"),                            "respiratory_rate_high",     "Respiratory rate 26 /min (25 or more)"),
    Told(Given(spo2="87"),                                        "spo2_critical",             "SpO2 87 % (88 or less on scale 1)"),
    Told(Given(spo2="82", scale=2),                               "spo2_critical_scale_2",     "SpO2 82 % (83 or less on scale 2)"),
    Told(Given(spo2="90"),                                        "spo2_red_low",              "SpO2 90 % (red limit: 91 or less)"),
    Told(Given(spo2="91", pathway="acute_respiratory"),           "spo2_red_low",              "SpO2 91 % (red limit: 92 or less): 999 or the emergency department"),
    Told(Given(spo2="92"),                                        "spo2_amber_low",            "SpO2 92 % (amber limit: 93 or less)"),
    Told(Given(spo2="98", scale=2, oxygen="1", prescribed="1"),   "spo2_red_high",             "SpO2 98 % (red limit: 97 or more)"),
    Told(Given(systolic="85"),                                    "systolic_low",              "Systolic blood pressure 85 mmHg (90 or less)"),
    Told(Given(pulse="140"),                                      "pulse_high",                "Pulse 140 /min (131 or more)"),
    Told(Given(pulse="38"),                                       "pulse_low",                 "Pulse 38 /min (40 or less)"),
    Told(Given(oxygen="4", prescribed="2.5"),                     "oxygen_above_prescription", "Oxygen 4 L/min: more than prescribed (2.5 L/min)"),
    Told(Given(oxygen="0.25"),                                    "oxygen_unprescribed",       "On oxygen (0.25 L/min), and none is prescribed"),
    Told(Given(oxygen="oxygen"),                                  "oxygen_unprescribed",       "On oxygen (flow not given), and none is prescribed"),
    Told(Given(wellness="much worse"),                            "wellness_much_worse",       "Feels much worse"),
    Told(Given(wellness="worse"),                                 "wellness_worse",            "Feels worse"),
    Told(Given(glucose="2.9"),                                    "glucose_critical",          "Glucose 2.9 mmol/L: hypoglycaemia (below 3.0)"),
    Told(Given(glucose="3.5", consciousness="C"),                 "glucose_low_not_alert",     "Glucose 3.5 mmol/L: hypoglycaemia (below 4.0), and not alert: new confusion (C)"),
    Told(Given(glucose="3.5"),                                    "glucose_low",               "Glucose 3.5 mmol/L (below 4.0)"),
    Told(Given(glucose="22.4"),                                   "glucose_high",              "Glucose 22.4 mmol/L (above 20.0)"),
    Told(Given(systolic="230"),                                   "single_red",                "Scores 3 by itself: systolic blood pressure 230 mmHg (220 or more)"),
    Told(Given(temperature="34.6", spo2="91"),                    "single_red",                "Scores 3 by itself: SpO2 91 % (91 or less), temperature 34.6 °C (35.0 or less)"),
    Told(Given(spo2="97", scale=2, oxygen="1", prescribed="1"),   "single_red",                "Scores 3 by itself: SpO2 97 % (97 or more)"),
    Told(Given(consciousness="V"),                                "single_red",                "Scores 3 by itself: responds only to voice (V)"),
    Told(Given(spo2="92", pathway="acute_respiratory", limits={"spo2": Lines(amber_low=95)}), "spo2_red_low", "SpO2 92 % (red limit: 92 or less): 999 or the emergency department"),
    Told(Given(weight="72.50", limits={"weight": Lines(amber_high=7200)}), "weight_amber_high", "Weight 72.50 kg (amber limit: 72.00 or more)"),
    Told(Given(temperature="38.2", limits={"temperature": Lines(red_high=380)}), "temperature_red_high", "Temperature 38.2 °C (red limit: 38.0 or more)"),
    Told(Given(peak_flow="180", limits={"peak_flow": Lines(red_low=200)}), "peak_flow_red_low", "Peak flow 180 L/min (red limit: 200 or less)"),
)
# fmt: on
