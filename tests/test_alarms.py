"""The rules for Prometheus and the dashboard for Grafana ask for what is exported, and say what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from monitoring import metrics
from monitoring.watching.problems import KINDS
from tests.test_docs import _slug

FOLDER: Final = Path(__file__).parents[1] / "docs" / "operations"
ALARMS: Final = (FOLDER / "alarms.md").read_text(encoding="utf-8")
RULES: Final[list[dict[str, Any]]] = yaml.safe_load((FOLDER / "prometheus-rules.yml").read_text())["groups"][0]["rules"]
BOARD: Final[dict[str, Any]] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
TARGETS: Final = [
    (f"{panel['title']} {target['refId']}", target["expr"]) for panel in BOARD["panels"] for target in panel["targets"]
]
ASKED: Final = [(rule["alert"], rule["expr"]) for rule in RULES] + TARGETS
SUFFIXES: Final = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}


def exported() -> dict[str, set[str]]:
    """Every series that we export, with the names of its labels."""
    found = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            for suffix in SUFFIXES[type(metric)]:
                extra = {"le"} if suffix == "_bucket" else set[str]()
                found[family.name + suffix] = set(metric._labelnames) | extra
    return found


def parts(node: Any) -> Iterator[Any]:
    """An expression and all that is in it."""
    yield node
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if (inner := getattr(node, name, None)) is not None:
            yield from parts(inner)
    for argument in getattr(node, "args", ()):
        yield from parts(argument)


@pytest.mark.parametrize(("name", "expression"), ASKED, ids=[name for name, _ in ASKED])
def test_whatever_is_asked_for_is_exported_with_these_labels(name: str, expression: str) -> None:
    known = exported()
    nodes = list(parts(promql_parser.parse(expression)))
    selectors = [node for node in nodes if isinstance(node, promql_parser.VectorSelector)]
    assert selectors
    for selector in selectors:
        assert selector.name is not None
        assert selector.name in known, selector.name
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= known[selector.name]
    grouped = {label for listed in re.findall(r"\bby \(([^)]*)\)", expression) for label in listed.split(", ")}
    assert grouped <= set.union(*(known[selector.name or ""] for selector in selectors))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_rule_says_what_is_wrong_and_where_it_stands_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (FOLDER.parents[1] / page) == FOLDER / "alarms.md"
    headings = {_slug(heading): heading for heading in re.findall(r"^#+ (.+)$", ALARMS, re.MULTILINE)}
    section = ALARMS.split(f"# {headings[anchor]}\n", 1)[1].split("\n#", 1)[0]
    assert f"`{rule['alert']}`" in section
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    grouped = {label for listed in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for label in listed.split(", ")}
    assert named <= grouped


def test_every_problem_stands_in_the_table_with_its_patience_and_has_a_section_of_its_own() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]\(#\1\) \| .+ \| (at once|\d+ s) \|$", ALARMS, re.MULTILINE)
    told_after = {name: f"{kind.patience_s:g} s" if kind.patience_s else "at once" for name, kind in KINDS.items()}
    assert dict(rows) == told_after
    assert set(re.findall(r"^## ([a-z]+)$", ALARMS, re.MULTILINE)) == KINDS.keys()


def test_the_panels_have_places_of_their_own_and_ask_whichever_prometheus_is_chosen() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    boxes = [panel["gridPos"] for panel in panels]
    assert all(box["x"] + box["w"] <= 24 for box in boxes)
    apart = (
        one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        for one, other in combinations(boxes, 2)
    )  # fmt: skip
    assert all(apart)
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(one["datasource"] == chosen for panel in panels for one in (panel, *panel["targets"]))
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["datasource"]


def test_every_metric_is_on_the_board() -> None:
    shown = "".join(expression for _, expression in TARGETS)
    families = {re.sub("_(total|bucket|sum|count)$", "", name) for name in exported()}
    assert {name for name in families if name not in shown} == set()


TRIED: Final[list[dict[str, Any]]] = [
    one
    for group in yaml.safe_load((FOLDER / "prometheus-rules-test.yml").read_text())["tests"]
    for one in group["alert_rule_test"]
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_of_every_rule_it_is_tried_when_it_fires_and_when_not(rule: dict[str, Any]) -> None:
    fires = {bool(one.get("exp_alerts")) for one in TRIED if one["alertname"] == rule["alert"]}
    assert fires == {True, False}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, is not on the PATH")
def test_the_rules_do_what_is_written_of_them() -> None:
    tried = subprocess.run(
        ["promtool", "test", "rules", FOLDER / "prometheus-rules-test.yml"], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
