"""The pages say what the code does: settings, metrics, health parts, commands, decisions, hazards and their tests."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import typer.main
from prometheus_client.metrics import MetricWrapperBase
from sqlmodel import SQLModel
from typer.core import TyperGroup, TyperOption

import monitoring.app  # noqa: F401 - with every table
from monitoring import metrics
from monitoring.cli import app
from monitoring.clock import utc_now
from monitoring.config import PREFIX, Settings
from monitoring.installing import examine
from tests.spec.hazards import CODE, LOG, NAMED_CODE, NAMED_TEST, ROOT, STATUSES, Hazard, hazards, sections

DOCS: Final = ROOT / "docs"
PAGES: Final = [*(ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")), *sorted(DOCS.rglob("*.md"))]
OPERATIONS: Final = (DOCS / "operations.md").read_text(encoding="utf-8")
SAFETY_CASE: Final = (DOCS / "clinical-safety" / "safety-case.md").read_text(encoding="utf-8")
DATA_PROTECTION: Final = (DOCS / "data-protection.md").read_text(encoding="utf-8")
THREATS: Final = (DOCS / "security" / "threat-model.md").read_text(encoding="utf-8")
DECISIONS: Final = DOCS / "decisions"

NAMED_FILE: Final = re.compile(r"`(tests/[\w/]+\.py|Dockerfile|compose\.yaml|pyproject\.toml|Makefile)`")
NAMED_PAGE: Final = re.compile(r"\bdocs/[\w/-]+(?:\.md)?")
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _table(page: str, heading: str) -> dict[str, list[str]]:
    """The first table under a heading, by what stands in backticks in its first column."""
    section = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].split("`")[1]: row for row in rows}


def _rows(page: str, first: str) -> list[list[str]]:
    """The rows of every table on a page whose first cell begins so."""
    return [re.split(r" \| ", line.strip("| ")) for line in page.splitlines() if re.match(rf"\| {first}\b", line)]


@cache
def _names_in(path: Path) -> frozenset[str]:
    """Every function, class and constant that a module defines, also within classes."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


@cache
def _commands() -> dict[str, set[str]]:
    """Every command by its words, with the environment variables of its options."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    groups = {f"{name} ": one for name, one in root.commands.items() if isinstance(one, TyperGroup)} | {"": root}
    return {
        before + name: {f"{PREFIX}{one.name}".upper() for one in command.params if isinstance(one, TyperOption)}
        for before, group in groups.items()
        for name, command in group.commands.items()
        if not isinstance(command, TyperGroup)
    }


def test_every_setting_is_documented_with_its_default() -> None:
    shown = {name: row[1] for name, row in _table(OPERATIONS, "Settings").items()}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    expected = {
        f"{PREFIX}{name.upper()}": "none" if value is None else f"`{value}`" for name, value in defaults.items()
    }
    assert shown == expected


def test_every_metric_is_documented_with_its_labels() -> None:
    shown = {name: set(re.findall(r"`(\w+)`", row[1])) for name, row in _table(OPERATIONS, "Metrics").items()}
    ours = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    families = [(next(iter(metric.describe())), set(metric._labelnames)) for metric in ours]
    expected = {
        f"{family.name}_total" if family.type == "counter" else family.name: labels for family, labels in families
    }
    assert shown == expected


def test_every_part_of_health_is_explained(settings: Settings) -> None:
    assert set(_table(OPERATIONS, "Is it well?")) == set(examine(settings, utc_now()))


def test_the_readme_lists_every_command() -> None:
    listed = re.findall(
        r"^\| `virtual-ward ([a-z -]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(_commands())


@pytest.mark.parametrize("page", [*PAGES, ROOT / "compose.yaml", ROOT / "Dockerfile"], ids=lambda page: page.name)
def test_only_variables_that_exist_are_named(page: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}.union(*_commands().values())
    named = set(re.findall(r"VIRTUAL_WARD_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8")))
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if target.startswith("https://"):
            continue
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {_slug(heading) for heading in headings}, target


def _slug(heading: str) -> str:
    """A heading's anchor, as the forges make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= targets


def test_every_decision_is_in_the_index_under_a_number_of_its_own() -> None:
    files = {path.name for path in DECISIONS.glob("*.md")} - {"README.md"}
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+?) \|", index, re.MULTILINE)
    assert {name for _, name, _ in listed} == files
    assert len({number for number, _, _ in listed}) == len(listed)
    for number, name, title in listed:
        first_line = (DECISIONS / name).read_text(encoding="utf-8").splitlines()[0]
        assert (name[:4], first_line) == (number, f"# {number} {title}")


def test_the_hazard_log_lists_every_hazard_with_its_status() -> None:
    every = hazards()
    assert [one.number for one in every] == [f"H{number}" for number in range(1, len(every) + 1)]
    assert [f"{one.number} {one.name}" for one in every] == list(sections(LOG.read_text(encoding="utf-8")))
    for one in every:
        assert one.status in STATUSES
        assert f"**Status:** {one.status}\n" in f"{one.section}\n"


@pytest.mark.parametrize("hazard", hazards(), ids=lambda one: one.number)
def test_a_hazard_is_called_controlled_only_with_a_test_that_proves_it(hazard: Hazard) -> None:
    assert "**Cause:**" in hazard.section
    if hazard.status != "open":
        assert "**Control:**" in hazard.section
        assert hazard.controls
        assert hazard.tests
    assert (hazard.status == "controlled") == (hazard.lacks is None)


def test_the_safety_case_proposes_the_risk_of_every_hazard_by_its_own_matrix() -> None:
    """Its tables of evidence are written from the log: `tests/alert_rules/test_pages.py` holds them to it."""
    matrix = (
        _rows(SAFETY_CASE, "likelihood")[0],
        [row for row in _rows(SAFETY_CASE, "(very |high|medium|low)") if len(row) == 6],
    )
    severities, rows = matrix[0][1:], {row[0]: row[1:] for row in matrix[1]}
    proposed = [row for row in _rows(SAFETY_CASE, r"H\d+") if len(row) == 5]
    assert [row[0] for row in proposed] == [one.number for one in hazards()]
    for number, _, severity, likelihood, risk in proposed:
        assert risk == rows[likelihood][severities.index(severity)], number


def test_the_threat_model_numbers_its_threats_and_names_a_test_or_says_that_there_is_none() -> None:
    rows = _rows(THREATS, r"T\d+")
    assert [row[0] for row in rows] == [f"T{number}" for number in range(1, len(rows) + 1)]
    for number, stride, _, _, proved_by, remains in rows:
        assert set(stride.split(", ")) <= set("STRIDE"), number
        assert NAMED_TEST.search(proved_by) or proved_by.startswith("none"), number
        assert remains, number


def test_every_table_of_the_database_is_on_the_page_of_data_protection_once() -> None:
    groups = [row for row in _rows(sections(DATA_PROTECTION)["What is held, where"], r"[a-z' ]+") if len(row) == 4]
    named = [name for row in groups[1:] for name in re.findall(r"`(\w+)`", row[3])]
    assert sorted(named) == sorted(SQLModel.metadata.tables)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_and_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [f"{path}::{name}" for path, name in NAMED_TEST.findall(text) if name not in _names_in(ROOT / path)]
    assert missing + [path for path in NAMED_FILE.findall(text) if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_that_a_page_names_exists(page: Path) -> None:
    for path, name in NAMED_CODE.findall(page.read_text(encoding="utf-8")):
        found = ROOT / path
        assert found.exists(), path
        assert not name or name in _names_in(found), f"{path}: {name}"


def test_pages_that_the_code_names_exist() -> None:
    sources = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]
    named = {name for path in sources for name in NAMED_PAGE.findall(path.read_text(encoding="utf-8"))}
    assert named
    missing = [name for name in named if not any(ROOT.glob(f"{name}*"))]
    assert missing == []
