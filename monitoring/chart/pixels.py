"""A chart as pixels, for documents that hold no SVG."""

from importlib.resources import files
from typing import Final

ZOOM: Final = 2.0  # sharp on paper
FONTS: Final = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
"""Of matplotlib, so that there are letters on a machine without any fonts."""


def font_files() -> list[str]:
    """The plain and the bold one."""
    folder = files("matplotlib") / "mpl-data" / "fonts" / "ttf"
    return [str(folder / name) for name in FONTS]


def pixels(svg: str) -> bytes:
    """A chart as PNG."""
    from resvg_py import svg_to_bytes  # noqa: PLC0415 - 5 MB that only a picture needs

    return svg_to_bytes(
        svg_string=svg,
        zoom=ZOOM,
        skip_system_fonts=True,
        font_files=font_files(),
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
    )
