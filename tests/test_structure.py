"""The house keeps its shape: floors, names that are resolved late, one clock, and a wheel that holds what it needs."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
import yaml
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT: Final = Path(__file__).parents[1]
FLOORS: Final = ("alert_rules", "devices", "monitoring", "workers")
SOURCES: Final = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

DOTTED: Final = re.compile(rf"(?:{'|'.join(FLOORS)})(?:\.[a-z_]+)+")
RUN_BY_NAME: Final = re.compile(r"-m (tests(?:\.[a-z_]+)+)")
MAIN: Final = 'if __name__ == "__main__":'

DATA: Final = (
    "alert_rules/ladders.toml",
    "alert_rules/pathways/*.toml",
    "devices/*.toml",
    "monitoring/migrations/script.py.mako",
    "monitoring/pages/assets/*",
    "monitoring/pages/templates/*.html",
)
"""All that is not Python in the packages. hatch takes what is in their folders, so it is in the wheel."""

ASKS_THE_TIME: Final = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "func.now",
}  # fmt: skip
SQL_TIME: Final = re.compile(
    r"\b(now\(\)|current_timestamp|current_date|localtimestamp|(clock|statement)_timestamp)", re.IGNORECASE
)


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every string constant but the docstrings."""
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken:
            yield node.value


def _is_run(module: str) -> bool:
    """Whether `python -m module` does something."""
    spec = find_spec(module)
    if spec is not None and spec.submodule_search_locations:
        return find_spec(f"{module}.__main__") is not None
    return spec is not None and spec.origin is not None and MAIN in Path(spec.origin).read_text(encoding="utf-8")


def test_every_name_that_is_resolved_late_resolves() -> None:
    named = sorted({text for _, tree in _trees() for text in _texts(tree) if DOTTED.fullmatch(text)})
    assert {"workers.jobs.drain", "workers.worker", "workers.timekeeper", "monitoring.serve"} <= set(named)
    for name in named:
        module, _, attribute = name.rpartition(".")
        is_function = find_spec(module) is not None and hasattr(import_module(module), attribute)
        assert is_function or _is_run(name), name


@pytest.mark.parametrize("name", ["Makefile", ".ci/run"])
def test_modules_that_are_run_for_developers_exist(name: str) -> None:
    for module in RUN_BY_NAME.findall((ROOT / name).read_text(encoding="utf-8")):
        assert _is_run(module), module


def test_imports_point_down_the_floors(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = lint_imports(str(ROOT / "pyproject.toml"), cache_dir=str(tmp_path), no_logo=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_python_lives_in_the_packages_and_the_tests_only() -> None:
    hidden_or_made = (".", "build", "dist", "node_modules")
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(hidden_or_made)]
    stray = {path.name for path in folders if any(path.rglob("*.py"))} - {*FLOORS, "tests"}
    assert stray == set()
    assert {path.name for path in ROOT.glob("*.py")} <= {"vulture_allowlist.py"}


@pytest.mark.parametrize("floor", [*FLOORS, "tests"])
def test_every_folder_of_modules_is_a_package(floor: str) -> None:
    folders = {path.parent for path in (ROOT / floor).rglob("*.py")}
    revisions = ROOT / "monitoring" / "migrations" / "versions"  # alembic reads them by path
    assert [str(path) for path in folders - {revisions} if not (path / "__init__.py").exists()] == []


def test_the_packages_hold_python_and_the_data_that_the_wheel_takes() -> None:
    found = {path for floor in FLOORS for path in (ROOT / floor).rglob("*") if path.is_file()}
    data = {path for path in found if path.suffix not in {".py", ".pyc"}}
    assert data == {path for pattern in DATA for path in ROOT.glob(pattern)}
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["packages"]) == set(FLOORS)
    assert wheel.keys() == {"packages"}  # nothing is excluded
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()  # hatch leaves out what git ignores
    assert not [pattern for pattern in ignored if any(path.match(pattern.rstrip("/")) for path in data)]


def test_every_migration_is_found_by_its_number() -> None:
    folder = ROOT / "monitoring" / "migrations" / "versions"
    numbers = [path.name[:4] for path in sorted(folder.glob("*.py"))]
    assert numbers == [f"{number + 1:04}" for number in range(len(numbers))]


def test_every_container_is_unprivileged_and_ours_write_nowhere_but_in_tmp() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    ours = {name for name, service in services.items() if "build" in service}
    assert ours == {"migrate", "serve", "worker", "timekeeper"}
    for name, service in services.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid"}, name
    for name in ours:
        service = services[name]
        assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, ["/tmp"], ["ALL"]), name
        assert "volumes" not in service, name
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("FROM ")[2]
    assert re.findall(r"^USER (\S+)$", image, re.MULTILINE) == ["10001"]


def test_who_goes_by_a_pathway_asks_which_version_holds() -> None:
    """As they are packaged they are asked for by who changes them, and for which there are and by which clocks."""
    asking = {
        str(path)
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "alert_rules.pathway"
        if "pathways" in {one.name for one in node.names}
    }
    assert asking == {
        "alert_rules/rulebook.py", "monitoring/rules/deciding.py", "monitoring/rules/views.py",
        "monitoring/recovery/care.py", "monitoring/recovery/awaiting.py", "monitoring/backtest/command.py",
    }  # fmt: skip


def test_the_time_is_asked_in_one_place() -> None:
    asking = {
        str(path)
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in ASKS_THE_TIME
    }
    assert asking == {"monitoring/clock.py"}


def test_sql_never_asks_the_time() -> None:
    asking = {f"{path}: {text}" for path, tree in _trees() for text in _texts(tree) if SQL_TIME.search(text)}
    assert asking == set()


def test_a_worker_lives_without_the_web_framework_and_without_what_sends() -> None:
    code = "import sys, workers.jobs; print(sorted({'litestar', 'httpx', 'anyio'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"


def test_whatever_a_command_becomes_looks_for_garbage_again_once_it_has_begun() -> None:
    become = re.findall(r'_become\("([\w.]+)"\)', (ROOT / "monitoring" / "cli.py").read_text())
    assert len(become) == 4
    for module in become:
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text()
        assert re.search(r"^    resume_collecting\(\)$", source, re.MULTILINE), module
