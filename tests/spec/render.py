"""Write the clinical tables as pages: `python -m tests.spec.render`. A test holds the pages to the tables."""

from collections.abc import Callable
from dataclasses import astuple
from math import inf
from pathlib import Path
from typing import Final

from alert_rules.news2 import AGE_YEARS_MIN, CHARTS, RED, RESPONSES, SPO2_SCALE_2_ROW, ChartRow, Response
from tests.spec.hotline import hotline
from tests.spec.markdown import table
from tests.spec.news2 import COMPLETE, INCOMPLETE, ROUNDED
from tests.spec.permissions import permissions
from tests.spec.policy import policy
from tests.spec.safety_case import PAGE as SAFETY_CASE
from tests.spec.safety_case import safety_case
from tests.spec.sepsis import sepsis
from tests.spec.ucr import ucr

ROOT: Final = Path(__file__).parents[2]

NEWS2_PAGE: Final = """\
# NEWS2 as this software scores it

Written by `python -m tests.spec.render` from the chart in `alert_rules/news2.py` and the examples in
`tests/spec/news2.py`, which the tests run. What raises an alert: [policy](policy.md).

**No clinical safety officer has signed this page: the software is not for patient care until one has.**

Source: Royal College of Physicians, *National Early Warning Score (NEWS) 2*, 2017.

## Chart

{chart}

Scale 2 is for hypercapnic respiratory failure with a prescribed target of 88–92 %, by a recorded clinical
decision; everyone else is on scale 1. C is new confusion.

## Rounding

A value is rounded once, half up, in decimal arithmetic: temperature to a tenth of a degree, all else to whole
numbers. Units are converted before, never after.

{rounded}

## Risk and response

Read from the bottom: the first line that fits holds. The response is the chart's for a hospital ward; at home
it says how urgent a person's decision is.

{responses}

## Complete sets

{complete}

## Incomplete sets

What was not measured is never taken as normal. The score is a range: from what is certain, to what it would
be with everything unknown at its worst. Alerts act on what is certain. A dash is not measured.

{incomplete}

A value that was assumed, such as prescribed home oxygen when the set is silent, is scored and named as
assumed, and the score does not count as complete.

## Not scored

Under {age_years_min} years, pregnant, or with a spinal cord injury: the risk is *not applicable*, with the
reason; personal limits are still watched. Pregnancy that is unknown does not stop scoring.

## Scores that messages carry

They are kept and compared with the readings beside them, never trusted: see the second complete set.
"""

SET: Final = ("Breaths", "SpO2", "Air or oxygen", "Systolic", "Pulse", "ACVPU", "°C", "Scale")


def news2() -> str:
    """The page on NEWS2."""
    return NEWS2_PAGE.format(
        chart=table(
            ("Parameter", "3", "2", "1", "0", "1", "2", "3"),
            [_chart_row(row) for row in (*CHARTS[1][:2], SPO2_SCALE_2_ROW, *CHARTS[1][2:])],
        ),
        rounded=table(
            ("Sent", "Rounded", "Points"),
            [(one.sent, f"{one.tenths / 10:.1f}", one.points) for one in ROUNDED],
        ),
        responses=table(
            ("Total", "Risk", "Observe again", "Response"),
            [(one.totals, one.risk, _hours(one), one.action) for one in RESPONSES],
        ),
        complete=table(
            (*SET, "Points", "Total", "Risk", "Shows"),
            [
                (*astuple(one.example), " ".join(map(str, one.points)), one.total, one.risk, one.shows)
                for one in COMPLETE
            ],
        ),
        incomplete=table(
            (*SET, "Score", "to", "Risk", "to", "Shows"),
            [
                (*astuple(one.example), one.score, one.score_max, one.risk, one.risk_max, one.shows)
                for one in INCOMPLETE
            ],
        ),
        age_years_min=AGE_YEARS_MIN,
    )


PAGES: Final[dict[str, Callable[[], str]]] = {
    SAFETY_CASE: safety_case,
    "docs/clinical/hotline.md": hotline,
    "docs/clinical/news2.md": news2,
    "docs/clinical/policy.md": policy,
    "docs/clinical/sepsis.md": sepsis,
    "docs/clinical/ucr.md": ucr,
    "docs/permissions.md": permissions,
}


def _chart_row(row: ChartRow) -> list[str]:
    """A row of the chart as printed: its label, then the bands under 3, 2, 1, 0, 1, 2, 3."""
    cells = [""] * (2 * RED + 1)
    for band, (low, high, points) in enumerate(row.bands):
        column = RED - points if band <= row.middle else RED + points
        cells[column] = _band(row, low, high)
        if row.high_side_on_oxygen and band > row.middle:
            cells[column] += " on oxygen"
    if row.high_side_on_oxygen:
        cells[RED] += f", or {_band(row, row.bands[row.middle + 1][0], inf)} on air"
    return [f"{row.label} ({row.unit})" if row.unit else row.label, *cells]


def _band(row: ChartRow, low: float, high: float) -> str:
    if row.words:
        return ", ".join(row.words[int(low) : int(high) + 1])
    if low == -inf:
        return f"≤ {high:.{row.decimals}f}"
    if high == inf:
        return f"≥ {low:.{row.decimals}f}"
    return f"{low:.{row.decimals}f}–{high:.{row.decimals}f}"


def _hours(asked: Response) -> str:
    if asked.hours_max == 0:
        return "continuously"
    least = f"{asked.hours_min}–" if asked.hours_min < asked.hours_max else ""
    return f"after {least}{asked.hours_max} h"


def main() -> None:
    """Write every page."""
    for path, page in PAGES.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
