"""The pieces that a chart is drawn of: texts and lines of SVG, and the colours."""

from typing import Final
from xml.sax.saxutils import escape

FILLS: Final = ("#ffffff", "#fff3bf", "#ffd8a0", "#f6aea4")
"""By points: white, yellow, orange, red, as the Royal College prints them, paler, so that black stands out on each."""
INK: Final = "#212b32"
SOFT: Final = "#4c6272"
GRID: Final = "#d8dde0"
DAY: Final = "#93a4b0"
SEVERITIES: Final = {
    "amber": ("◇", "#8a5a00"),
    "amber_plus": ("◆", "#8a5a00"),
    "red": ("▲", "#b3261e"),
    "critical": ("✚", "#7a0c0c"),
}
"""A sign and a colour each."""

LEFT: Final = 210
RIGHT: Final = 1090

Place = tuple[float, float]
"""x and y, in pixels from the upper left."""


_HALO: Final = 'stroke="#ffffff" stroke-width="2" stroke-opacity="0.75" paint-order="stroke"'


def words(
    x: float, y: float, said: str, size: int = 12, *, weight: str = "normal", colour: str = INK, anchor: str = "start"
) -> str:
    """A text whose line stands at y, with a halo that parts it from what lies below."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}" {_HALO}>{escape(said)}</text>'
    )


def line(since: Place, until: Place, *, colour: str, width: float = 1, dashes: str = "", title: str = "") -> str:
    """A line, with what it says when it is pointed at."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<line x1="{since[0]:.1f}" y1="{since[1]:.1f}" x2="{until[0]:.1f}" y2="{until[1]:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"{dashed}>{inside}</line>'
    )
