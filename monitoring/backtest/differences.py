"""Two versions of the rules beside each other, patient by patient."""

import csv
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alert_rules.alarms import Kind
from alert_rules.kinds import HOUR_US
from alert_rules.severity import Severity
from monitoring.backtest.recorded import Recorded
from monitoring.backtest.replay import Replayed
from monitoring.backtest.report import foretold, patient_days


@dataclass(frozen=True, slots=True)
class PerPatient:
    """What one version meant for each patient."""

    alarms: NDArray[np.intp]
    worst: NDArray[np.int8]
    sets_alerting: NDArray[np.intp]
    detected: NDArray[np.intp]  # of their labelled deteriorations
    lead_h: NDArray[np.float64]  # the longest, 0 where none was foretold


def per_patient(recorded: Recorded, replayed: Replayed, window: timedelta) -> PerPatient:
    """Each patient's figures."""
    n, stay, main = len(recorded.patients), recorded.sets.stay, replayed.lives[Kind.DETERIORATION]
    worst = np.zeros(n, np.int8)
    np.maximum.at(worst, stay, replayed.severity)
    detected, lead_h = np.zeros(n, np.intp), np.zeros(n)
    if (labels := recorded.labels) is not None:
        found = foretold(recorded, labels, main.asks, main.at_us, window)
        np.add.at(detected, labels.stay, found.detected)
        np.maximum.at(lead_h, labels.stay, found.lead_us / HOUR_US)
    return PerPatient(
        alarms=np.bincount(stay[main.asks], minlength=n),
        worst=worst,
        sets_alerting=np.bincount(stay[replayed.severity > 0], minlength=n),
        detected=detected,
        lead_h=lead_h,
    )


def summary(recorded: Recorded, one: Replayed, other: Replayed, window: timedelta) -> dict[str, Any]:
    """How many patients would have had it otherwise, in which direction; sets that are judged otherwise."""
    mine, theirs = per_patient(recorded, one, window), per_patient(recorded, other, window)
    said = {
        "from": one.pathway.name,
        "to": other.pathway.name,
        "sets_more_severe": int((other.severity > one.severity).sum()),
        "sets_less_severe": int((other.severity < one.severity).sum()),
        "patients_with_more_alarms": int((theirs.alarms > mine.alarms).sum()),
        "patients_with_fewer_alarms": int((theirs.alarms < mine.alarms).sum()),
    }
    if recorded.labels is not None:
        said |= {
            "patients_newly_foretold": int((theirs.detected > mine.detected).sum()),
            "patients_no_longer_foretold": int((theirs.detected < mine.detected).sum()),
        }
    return said


def write(path: Path, recorded: Recorded, replayed: list[Replayed], window: timedelta) -> None:
    """A line for each patient, the same columns for each version; of two, what the second has more."""
    each = [(f"{one.pathway.name}@{one.pathway.version}", per_patient(recorded, one, window)) for one in replayed]
    labels = recorded.labels
    labelled = [0] * len(recorded.patients)
    if labels is not None:
        labelled = np.bincount(labels.stay, minlength=len(recorded.patients)).tolist()
    days = patient_days(recorded).round(4).tolist()
    names = ("alarms", "sets_alerting", "worst", "detected", "lead_h")
    header = ["patient", "days", "deteriorations", *(f"{name} {version}" for version, _ in each for name in names)]
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*header, "more alarms"] if len(each) == 2 else header)
        for place, patient in enumerate(recorded.patients):
            cells = [cell for _, found in each for cell in _cells(found, place)]
            if len(each) == 2:
                cells.append(int(each[1][1].alarms[place] - each[0][1].alarms[place]))
            lines.writerow([_safe(patient), days[place], labelled[place], *cells])


def _cells(found: PerPatient, place: int) -> list[object]:
    return [
        int(found.alarms[place]), int(found.sets_alerting[place]), Severity(int(found.worst[place])).label,
        int(found.detected[place]), round(float(found.lead_h[place]), 2),
    ]  # fmt: skip


def _safe(text: str) -> str:
    """What a spreadsheet would take for a formula is not one."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text
