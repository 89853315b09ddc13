"""Charts of a backtest: alarm burden against sensitivity, and one patient with limits and alarms."""

from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from textwrap import fill
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from alert_rules.alarms import Kind
from alert_rules.kinds import HOUR_US
from alert_rules.limits import DECIMALS, LIMITED, LINES, LOW, NO_HIGH, NO_LOW, UNITS
from alert_rules.severity import Severity
from alert_rules.words import LABELS
from monitoring.backtest.recorded import Recorded
from monitoring.backtest.replay import Judged, Replayed, judge_sets, measured_values
from monitoring.backtest.report import ALERTING, CAUTION, calls_at_least, foretold, patient_days

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = ("#1b6ca8", "#c0392b", "#2e8b57", "#7d4fa0", "#b7791f", "#4a4a4a")
SEVERITY_COLOURS: Final = {
    Severity.AMBER: "#d99a1c", Severity.AMBER_PLUS: "#d2691e", Severity.RED: "#c0392b", Severity.CRITICAL: "#6b0f1a",
}  # fmt: skip
MARKERS: Final = {Severity.AMBER: "o", Severity.AMBER_PLUS: "s", Severity.RED: "^", Severity.CRITICAL: "D"}
CHARTED: Final = ("respiratory_rate", "spo2", "systolic", "pulse", "temperature", "weight", "glucose", "peak_flow")
GAP_US: Final = 6 * HOUR_US
"""Readings further apart are not joined: between them nobody looked. The design's own."""

_DRAWING: Final = Lock()  # matplotlib's fonts and texts are shared by all its figures


def burden(recorded: Recorded, each: Sequence[Replayed], window: timedelta, form: str) -> bytes:
    """A line for each version: what calling from a severity on costs, and what it foretells."""
    with _DRAWING:
        figure = _figure(9, 5.6)
        axes = figure.subplots()
        days = float(patient_days(recorded).sum())
        assert recorded.labels is not None
        for replayed, colour in zip(each, _colours(len(each)), strict=True):
            lives, points = replayed.lives[Kind.DETERIORATION], []
            for severity in ALERTING:
                calls = calls_at_least(lives, severity)
                found = foretold(recorded, recorded.labels, calls, lives.at_us, window)
                points.append((int(calls.sum()) / days, 100 * found.detected.mean() if found.deteriorations else 0))
            axes.plot(*zip(*points, strict=True), color=colour, lw=1.4, label=_named(replayed), zorder=2)
            for (across, up), severity in zip(points, ALERTING, strict=True):
                axes.plot(across, up, MARKERS[severity], color=colour, ms=8, mec="white", mew=0.8, zorder=3)
        for severity in ALERTING:
            named = severity.label.replace("_", " ") + (" and worse" if severity < Severity.CRITICAL else "")
            axes.plot([], [], MARKERS[severity], color="#666666", ms=7, label=named)
        hours = window / timedelta(hours=1)
        axes.set(
            xlabel="alarms per patient-day",
            ylabel=f"% of labelled deteriorations called for in the {hours:g} h before",
            ylim=(0, 103),
        )  # fmt: skip
        axes.set_xlim(left=0)
        _frame(axes)
        axes.legend(frameon=False, loc="lower right", fontsize=9)
        axes.set_title(
            f"Alarm burden against sensitivity: {len(recorded.labels.stay):,} deteriorations, {days:,.0f} patient-days",
            loc="left", fontsize=11.5, fontweight="bold",
        )  # fmt: skip
        figure.supxlabel(fill(CAUTION, 130), fontsize=8, color="#666666")
        return _saved(figure, form)


def chart(recorded: Recorded, replayed: Replayed, patient: str, form: str) -> bytes:
    """One patient's vital signs over time with the lines that applied, the calls above, and what was labelled."""
    place = recorded.patients.index(patient)
    one = recorded.of(slice(place, place + 1))
    judged = judge_sets(one, replayed.pathway)
    rows = slice(*np.searchsorted(recorded.sets.stay, [place, place + 1]).tolist())
    lives = replayed.lives[Kind.DETERIORATION]
    vitals = [vital for vital in CHARTED if measured_values(one, vital)[1].any()]
    hours = (one.sets.taken_us - one.first_us[0]) / HOUR_US
    with _DRAWING:
        figure = _figure(11, 1.6 + 0.9 + 1.25 * max(1, len(vitals)))
        panels = figure.subplots(
            1 + len(vitals), 1, sharex=True, squeeze=False, height_ratios=[0.9] + [1] * len(vitals)
        )
        top, *below = panels[:, 0].tolist()
        _scores(top, hours, judged)
        called = (lives.at_us[rows] - one.first_us[0]) / HOUR_US  # a repeat may have been waited for
        _calls(top, called, lives.asks[rows], lives.severity[rows])
        for panel, vital in zip(below, vitals, strict=True):
            _vital(panel, hours, one, judged, vital)
            for at, severity in zip(called[lives.asks[rows]], lives.severity[rows][lives.asks[rows]], strict=True):
                panel.axvline(at, color=SEVERITY_COLOURS[Severity(int(severity))], lw=0.8, alpha=0.5, zorder=1.5)
        for panel in (top, *below):
            _labelled(panel, recorded, place)
            _frame(panel)
        panels[-1, 0].set_xlabel("hours since the first row")
        calls = int(lives.asks[rows].sum())
        figure.suptitle(
            f"Patient {patient}, {_named(replayed)}: {calls} alarms in {hours[-1]:.0f} h"
            if len(hours) else f"Patient {patient}: nothing was measured",
            x=0.01, ha="left", fontsize=12, fontweight="bold", parse_math=False,
        )  # fmt: skip
        named = [panel.get_legend_handles_labels() for panel in (top, *below)]
        unique = {label: handle for handles, labels in named for handle, label in zip(handles, labels, strict=True)}
        figure.legend(unique.values(), unique, loc="outside lower center", ncols=len(unique), frameon=False, fontsize=9)
        return _saved(figure, form)


def _scores(panel: "Axes", hours: NDArray[np.float64], judged: Judged) -> None:
    """NEWS2 as far as it is certain, as bars from nought."""
    score = judged.facts.news2.score.astype(float)
    panel.vlines(hours, 0, score, color="#9fb4c7", lw=2.2, zorder=1)
    panel.set_ylabel("NEWS2", rotation=0, ha="right", va="center")
    panel.set_ylim(0, max(8.0, score.max(initial=0) + 3))


def _calls(panel: "Axes", hours: NDArray[np.float64], asks: NDArray[np.bool_], severity: NDArray[np.int8]) -> None:
    height = panel.get_ylim()[1] * 0.92
    for one in ALERTING:
        at = hours[asks & (severity == one)]
        if len(at):
            named = f"{one.label.replace('_', ' ')} alarm"
            panel.plot(at, np.full(len(at), height), MARKERS[one], color=SEVERITY_COLOURS[one], ms=6, label=named)


def _vital(panel: "Axes", hours: NDArray[np.float64], one: Recorded, judged: Judged, vital: str) -> None:
    """What was measured, with gaps where nobody looked; and the lines of each set."""
    values, known = measured_values(one, vital)
    scale = 10 ** DECIMALS.get(vital, 0)
    at, shown = hours[known], values[known] / scale
    gaps = np.flatnonzero(np.diff(at) * HOUR_US > GAP_US) + 1
    panel.plot(np.insert(at, gaps, np.nan), np.insert(shown, gaps, np.nan), color="#1b2a3a", lw=1, marker=".", ms=4)
    lowest, highest = shown.min(), shown.max()
    margin = max(1.0, (highest - lowest) * 0.15)
    for place, line in enumerate(LINES):
        bounds = judged.facts.lines[place, LIMITED.index(vital)].astype(float)
        bounds[(bounds == NO_LOW) | (bounds == NO_HIGH)] = np.nan
        bounds /= scale
        if np.isfinite(bounds).any():
            colour = SEVERITY_COLOURS[Severity.RED if line.startswith("red") else Severity.AMBER]
            panel.step(hours, bounds, where="post", color=colour, lw=1, ls="--", label=f"{line.split('_')[0]} limit")
            near = np.nanmin(bounds) if place < LOW else np.nanmax(bounds)
            lowest, highest = min(lowest, near), max(highest, near)
    panel.set_ylim(lowest - margin, highest + margin)
    panel.set_ylabel(f"{LABELS.get(vital, vital)}\n{UNITS[vital]}", rotation=0, ha="right", va="center", fontsize=9)


def _labelled(panel: "Axes", recorded: Recorded, place: int) -> None:
    labels = recorded.labels
    if labels is None:
        return
    for row in np.flatnonzero(labels.stay == place).tolist():
        start, end = ((us - recorded.first_us[place]) / HOUR_US for us in (labels.start_us[row], labels.end_us[row]))
        panel.axvspan(start, max(end, start + 0.2), color="#b39ddb", alpha=0.35, lw=0, label="labelled", zorder=0)


def _named(replayed: Replayed) -> str:
    return f"{Path(replayed.pathway.name).name} {replayed.pathway.version}"


def _colours(count: int) -> list[str]:
    return [COLOURS[place % len(COLOURS)] for place in range(count)]


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def _frame(axes: "Axes") -> None:
    axes.grid(color="#e4e4e4", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _saved(figure: "Figure", form: str) -> bytes:
    import matplotlib as mpl

    drawn = BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "backtest"}):  # texts stay texts, and the same twice
        figure.savefig(drawn, format=form, metadata={"Date": None} if form == "svg" else None)
    return drawn.getvalue()
