"""The version of the rules: what decides belongs to it."""

from importlib.resources import files

from alert_rules.version import DECIDING

SHOWS_ONLY = {
    "__init__", "explain", "version", "hypertension", "duty", "ukons", "words", "sentences", "toml_tables",
    "would_alert", "usual", "alarm_arrays", "refractory_arrays", "repeat_arrays", "rule_changes",
}  # fmt: skip
"""Modules that decide nothing of alerts. Pathways, whichever holds, and ladders have versions of their own."""


def test_every_module_that_decides_is_part_of_the_version() -> None:
    modules = {entry.name.removesuffix(".py") for entry in files("alert_rules").iterdir() if entry.name.endswith(".py")}
    assert modules - SHOWS_ONLY - {"pathway", "rulebook", "ladder"} == set(DECIDING)
