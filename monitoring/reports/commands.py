"""`virtual-ward report`: the figures of every ward, from the database itself."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from monitoring.config import Settings
from monitoring.database import connected, snapshot
from monitoring.refusals import unacceptable
from monitoring.reports.chart import draw
from monitoring.reports.choices import By, Every
from monitoring.reports.occupancy import OCCUPANCY_SPAN, Record, Series, Wanted, read
from monitoring.reports.occupancy_forms import as_json
from monitoring.reports.periods import span


def occupancy_record(
    settings: Settings, from_: str | None, to: str | None, every: Every, by: By, only: Mapping[str, str | None],
    now: datetime,
) -> Record:  # fmt: skip
    """What the series asked for is counted from; `only` names a ward, pathway, provider or ICB. Raises Unacceptable."""
    wanted = Wanted(span(from_, to, now, OCCUPANCY_SPAN), every, by, **only)
    with connected(settings.database_url) as engine, snapshot(engine) as session:
        return read(session, wanted, None, now)


def plot(record: Record, path: Path) -> None:
    """Draw the chart into a file, whose name says the form. Raises Unacceptable."""
    match path.suffix.lower():
        case ".png":
            path.write_bytes(draw(record, "png"))
        case ".svg":
            path.write_bytes(draw(record, "svg"))
        case _:
            raise unacceptable("--plot", "the file's name must end in .png or .svg")


def as_text(record: Record) -> str:
    """The report as one JSON document."""
    return b"".join(as_json(record)).decode()


def summary(record: Record) -> list[tuple[str, str, str, str, str]]:
    """For people: by group, at the end of the series, its mean occupancy, most patients, instants over capacity."""
    return [_line(one) for one in record.series()] if record.times.size else []


def _line(one: Series) -> tuple[str, str, str, str, str]:
    staffed = one.staffed > 0
    mean = f"{(one.occupied[staffed] / one.staffed[staffed]).mean():.1%}" if staffed.any() else "nothing staffed"
    over = np.count_nonzero(one.occupied > one.staffed)
    at_the_end = f"{one.occupied[-1]} in {one.staffed[-1]} beds"
    return one.group, at_the_end, mean, str(one.occupied.max()), f"{over} of {one.occupied.size}"
