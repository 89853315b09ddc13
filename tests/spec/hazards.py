"""The hazard log as data: what the safety case's table is written from, and what tests hold the pages to."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LOG: Final = ROOT / "docs" / "clinical-safety" / "hazard-log.md"
STATUSES: Final = ("controlled", "partly controlled", "open")
CODE: Final = ("alert_rules", "devices", "monitoring", "workers")

ROW: Final = re.compile(r"^\| \[(H\d+)\]\(#(\S+)\) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMED_CODE: Final = re.compile(rf"`((?:{'|'.join(CODE)})/[\w/.]+)(?:: (\w+))?`")


@dataclass(frozen=True, slots=True)
class Hazard:
    """A row of the log with its section."""

    number: str
    anchor: str
    name: str
    status: str
    section: str

    @property
    def controls(self) -> list[str]:
        """The files whose functions are its controls, each once."""
        return list(dict.fromkeys(path for path, _ in NAMED_CODE.findall(self.section)))

    @property
    def tests(self) -> list[tuple[str, str]]:
        """The tests that prove them, before what is not there yet: by file and name, each once."""
        return list(dict.fromkeys(NAMED_TEST.findall(self.section.partition("* **Not yet:**")[0])))

    @property
    def lacks(self) -> str | None:
        """What is not there yet, in one line."""
        found = re.search(r"\* \*\*Not yet:\*\* (.+?)\n\* \*\*Status", self.section, re.DOTALL)
        return " ".join(found[1].split()) if found else None


def sections(page: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def hazards() -> list[Hazard]:
    """Every hazard of the log, in its order. Raises KeyError for a row without a section."""
    page = LOG.read_text(encoding="utf-8")
    of = sections(page)
    return [
        Hazard(number, anchor, name, status, of[f"{number} {name}"])
        for number, anchor, name, status in ROW.findall(page)
    ]
