"""The safety case's tables, written from the hazard log between two marks; the rest of the page is written by hand."""

from collections import Counter
from pathlib import PurePath
from typing import Final

from tests.spec.hazards import ROOT, STATUSES, Hazard, hazards
from tests.spec.markdown import table

PAGE: Final = "docs/clinical-safety/safety-case.md"
MARKS: Final = {
    "evidence": ("<!-- evidence: written by `make docs` -->", "<!-- end of the evidence -->"),
    "residual": ("<!-- residual: written by `make docs` -->", "<!-- end of the residual -->"),
}


def safety_case() -> str:
    """The page as it is, with its tables as the hazard log has them now."""
    page, every = (ROOT / PAGE).read_text(encoding="utf-8"), hazards()
    for name, text in (("evidence", _evidence(every)), ("residual", _residual(every))):
        begin, end = MARKS[name]
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


def _evidence(every: list[Hazard]) -> str:
    counts = Counter(one.status for one in every)
    said = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    rows = [(_link(one), one.name, one.status, _files(one.controls), _tests(one)) for one in every]
    return f"{len(every)} hazards: {said}.\n\n{table(('#', 'hazard', 'status', 'control', 'tests'), rows)}"


def _residual(every: list[Hazard]) -> str:
    return table(("#", "not yet"), [(_link(one), one.lacks) for one in every if one.lacks])


def _link(one: Hazard) -> str:
    return f"[{one.number}](hazard-log.md#{one.anchor})"


def _files(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


def _tests(one: Hazard) -> str:
    """How many in which file: their names stand in the log."""
    counts = Counter(PurePath(path).as_posix() for path, _ in one.tests)
    return ", ".join(f"`{path}` ({count})" for path, count in counts.items())
