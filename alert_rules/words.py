"""Words for vital signs and their values, as a person reads them."""

from typing import Final

from alert_rules.limits import DECIMALS, UNITS
from alert_rules.severity import UNKNOWN_FLOW

LABELS: Final = {
    "respiratory_rate": "respiratory rate",
    "spo2": "SpO2",
    "oxygen": "oxygen",
    "systolic": "systolic blood pressure",
    "diastolic": "diastolic blood pressure",
    "pulse": "pulse",
    "consciousness": "consciousness",
    "temperature": "temperature",
    "weight": "weight",
    "glucose": "glucose",
    "peak_flow": "peak flow",
}

CONSCIOUS: Final = {
    "A": "alert (A)",
    "C": "new confusion (C)",
    "V": "responds only to voice (V)",
    "P": "responds only to pain (P)",
    "U": "unresponsive (U)",
}


def shown(vital: str, units: int) -> str:
    """A value in whole units of its resolution as a person reads it, without its unit."""
    decimals = DECIMALS.get(vital, 0)
    return f"{units / 10**decimals:.{decimals}f}"


def measured(vital: str, units: int) -> str:
    """A vital sign with its value and unit."""
    return f"{LABELS[vital]} {shown(vital, units)} {UNITS[vital]}"


def flow(hundredths: int) -> str:
    """A flow of oxygen."""
    return "flow not given" if hundredths == UNKNOWN_FLOW else f"{hundredths / 100:g} L/min"


def sentence(text: str) -> str:
    """Its first letter as a capital."""
    return text[0].upper() + text[1:]
