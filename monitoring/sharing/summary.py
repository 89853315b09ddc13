"""The summary of a stay as PDF, for readers who have no system to read FHIR with.

What it holds is what NHS England's draft for virtual wards (April 2023) asks of it: who, the stay, the thresholds, the
key observations, alerts, notes, and the chart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitoring.chart.pixels import font_files

if TYPE_CHECKING:
    from fpdf import FPDF

FONT: Final = "DejaVu"
MARGIN_MM: Final = 14
CHART_MM: Final = 182


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its rows; the first row heads the columns where `is_headed`. `widths` are shares of the page."""

    heading: str
    rows: Sequence[Sequence[str]]
    widths: tuple[int, ...]
    is_headed: bool = True


@dataclass(frozen=True, slots=True)
class Summary:
    """What is written."""

    title: str
    written: str  # when, and as of what
    sections: Sequence[Section]
    chart_png: bytes = b""


def pdf_of(summary: Summary) -> bytes:
    """The document, A4."""
    from fpdf import FPDF  # noqa: PLC0415 - 60 ms that only a document needs

    pdf = FPDF(format="A4")
    pdf.set_margin(MARGIN_MM)
    pdf.set_title(summary.title)
    plain, bold = font_files()
    pdf.add_font(FONT, fname=plain)
    pdf.add_font(FONT, style="B", fname=bold)
    pdf.add_page()
    pdf.set_font(FONT, style="B", size=14)
    pdf.multi_cell(0, 8, summary.title, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(FONT, size=8)
    pdf.multi_cell(0, 5, summary.written, new_x="LMARGIN", new_y="NEXT")
    for section in summary.sections:
        _section(pdf, section)
    pdf.add_page()
    pdf.image(summary.chart_png, w=CHART_MM, alt_text="The NEWS2 chart of the stay")
    return bytes(pdf.output())


def _section(pdf: "FPDF", section: Section) -> None:
    if not section.rows:
        return
    pdf.ln(3)
    pdf.set_font(FONT, style="B", size=10)
    pdf.cell(0, 7, section.heading, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(FONT, size=7.5)
    with pdf.table(
        first_row_as_headings=section.is_headed,
        col_widths=section.widths,
        borders_layout="HORIZONTAL_LINES",
        line_height=4.5,
        text_align="LEFT",
        padding=0.6,
    ) as table:
        for row in section.rows:
            cells = table.row()
            for said in row:
                cells.cell(said)
