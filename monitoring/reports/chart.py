"""A chart of occupancy: a panel for each group, what is occupied against what is staffed."""

from collections.abc import Sequence
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from monitoring.clock import WARD_TIME
from monitoring.refusals import unacceptable
from monitoring.reports.occupancy import Record, Series
from monitoring.reports.periods import as_datetime64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS_MAX: Final = 12
POINTS_MAX: Final = 100_000
"""Instants to a panel: more than there are pixels."""

GOOD_OCCUPANCY: Final = 0.8
"""NHS England's ambition for virtual wards is more than that."""

_COLOURS: Final = {
    "occupied": "#4c8bbe",
    "over": "#c0392b",
    "staffed": "#1b2a3a",
    "good": "#2e8b57",
    "funded": "#8a8a8a",
}
_DRAWING: Final = Lock()  # matplotlib's fonts and texts are shared by all its figures


def draw(record: Record, form: Literal["png", "svg"]) -> bytes:
    """The chart as PNG or SVG. Raises Unacceptable where there are too many groups to look at."""
    if len(record.groups) > PANELS_MAX:
        reason = f"makes {len(record.groups)} panels, and a chart holds {PANELS_MAX}: name a ward or an ICB, or by=all"
        raise unacceptable("by", reason)
    if record.times.size > POINTS_MAX:
        raise unacceptable("step", f"makes {record.times.size:,} points to a panel: take longer steps")
    with _DRAWING:
        return _drawn(record, list(record.series()), form)


def _drawn(record: Record, series: Sequence[Series], form: Literal["png", "svg"]) -> bytes:
    import matplotlib as mpl  # noqa: PLC0415 - 0.3 s and 40 MB that only a chart needs
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels = max(1, len(series))
    figure = Figure(figsize=(11, 1.9 + (3.4 if panels == 1 else 2.1 * panels)), dpi=120, layout="constrained")
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    for panel, one in zip(axes, series, strict=False):
        _panel(panel, record, one)
    if not series or not record.times.size:
        axes[0].text(0.5, 0.5, "nothing to show", transform=axes[0].transAxes, ha="center", color=_COLOURS["funded"])
    _frame(figure, record, axes[-1])
    drawn = BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "occupancy"}):  # texts stay texts, and the same twice
        figure.savefig(drawn, format=form, metadata={"Date": None} if form == "svg" else None)
    return drawn.getvalue()


def _panel(panel: "Axes", record: Record, one: Series) -> None:
    """One group: its beds as lines, its patients as what fills them, red where they are more than the beds."""
    if not record.times.size:
        return
    times = np.append(as_datetime64(record.times), np.datetime64(record.span.until_at.replace(tzinfo=None), "us"))
    occupied, reserved, staffed, funded = (
        np.append(values, values[-1]) for values in (one.occupied, one.reserved, one.staffed, one.funded)
    )

    def fill(low: object, high: object, colour: str, label: str, alpha: float = 1) -> None:
        panel.fill_between(times, low, high, step="post", color=colour, alpha=alpha, lw=0, label=label)  # type: ignore[arg-type]

    fill(0, np.minimum(occupied, staffed), _COLOURS["occupied"], "occupied", 0.75)
    fill(staffed, np.maximum(occupied, staffed), _COLOURS["over"], "over capacity", 0.85)
    fill(occupied, occupied + reserved, _COLOURS["occupied"], "reserved", 0.25)
    panel.step(times, funded, where="post", color=_COLOURS["funded"], lw=1, ls=":", label="funded beds")
    good = f"{GOOD_OCCUPANCY:.0%} of the staffed".replace("%", " %")
    panel.step(times, staffed * GOOD_OCCUPANCY, where="post", color=_COLOURS["good"], lw=1, ls="--", label=good)
    panel.step(times, staffed, where="post", color=_COLOURS["staffed"], lw=1.8, label="staffed beds")
    highest = max((occupied + reserved).max(), staffed.max(), funded.max(), 1)
    panel.set(ylim=(0, highest * 1.08), xlim=(times[0], times[-1]), ylabel="patients, beds")
    panel.set_title("all wards" if one.group == "all" else one.group, loc="left", fontsize=11, fontweight="bold")
    panel.set_title(_at_the_end(one), loc="right", fontsize=10, color=_COLOURS["staffed"])


def _at_the_end(one: Series) -> str:
    occupied, staffed = int(one.occupied[-1]), int(one.staffed[-1])
    share = f" ({occupied / staffed:.0%})".replace("%", " %") if staffed else ""
    over = f", {occupied - staffed} over capacity" if occupied > staffed else ""
    return f"at the end {occupied} patients in {staffed} staffed beds{share}{over}"


def _frame(figure: "Figure", record: Record, lowest: "Axes") -> None:
    """What all panels share: title, dates, legend beside the data."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    first, last = (moment.astimezone(WARD_TIME) for moment in (record.span.from_at, record.span.until_at))
    figure.suptitle(
        f"Virtual ward occupancy by {record.every}, {first:%-d %B %Y} to {last:%-d %B %Y}",
        x=0.01, ha="left", fontsize=13, fontweight="bold",
    )  # fmt: skip
    locator = AutoDateLocator(tz=WARD_TIME)  # type: ignore[no-untyped-call]
    lowest.xaxis.set_major_locator(locator)
    lowest.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=WARD_TIME))  # type: ignore[no-untyped-call]
    lowest.set_xlabel("time, Europe/London")
    for panel in figure.axes:
        panel.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
        panel.grid(axis="y", color="#dddddd", lw=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
