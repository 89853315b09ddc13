"""Pathway files: each loads, none with a mistake does, and the version tells of every change."""

from typing import Final

import pytest

from alert_rules.limits import Lines, impossible
from alert_rules.pathway import FOLDER, WrongPathway, pathways, read
from alert_rules.silence import Schedule, times_for

GOOD: Final = """\
title = "General"
readings_per_day = 4

[spo2]
amber_low = 93
red_low = 91
"""


def test_every_pathway_file_loads() -> None:
    names = {entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml")}
    assert set(pathways()) == names
    assert "general" in names
    assert all(pathways()[name].name == name for name in names)


@pytest.mark.parametrize("name", pathways())
def test_every_pathways_defaults_make_a_plan(name: str) -> None:
    pathway = pathways()[name]
    assert impossible(Lines(red_low=pathway.spo2.red_low, amber_low=pathway.spo2.amber_low)) is None
    assert len(Schedule.of(times_for(pathway.readings_per_day)).times) == pathway.readings_per_day


@pytest.mark.parametrize("name", pathways())
def test_only_the_acute_respiratory_pathways_have_the_lines_and_the_prompt_of_c1396(name: str) -> None:
    spo2 = pathways()[name].spo2
    by_c1396 = name in {"acute_respiratory", "oximetry_at_home"}
    assert (spo2.red_low, spo2.amber_low) == ((92, 94) if by_c1396 else (91, 93))
    assert ("999" in spo2.red_prompt) == by_c1396


def test_a_pathway_is_as_its_file_says() -> None:
    pathway = read("general", GOOD)
    assert (pathway.title, pathway.readings_per_day) == ("General", 4)
    assert (pathway.spo2.amber_low, pathway.spo2.red_low, pathway.spo2.red_prompt) == (93, 91, "")


def test_a_stay_is_two_weeks_and_the_return_counts_it_unless_the_pathway_says_otherwise() -> None:
    assert (read("general", GOOD).max_stay_days, read("general", GOOD).in_sitrep) == (14, True)
    by_own_clock = {"discharge_to_assess", "recovery"}
    assert {name for name, one in pathways().items() if not one.in_sitrep} == {"oximetry_at_home", *by_own_clock}
    longer = {name: one.max_stay_days for name, one in pathways().items() if one.max_stay_days != 14}
    assert longer == dict.fromkeys(by_own_clock, 42)


def test_recovery_and_discharge_to_assess_have_clocks_of_their_own_and_no_other_pathway_has() -> None:
    assert {name for name, one in pathways().items() if one.gives_care} == {"discharge_to_assess", "recovery"}
    recovery, assess = pathways()["recovery"], pathways()["discharge_to_assess"]
    assert (recovery.first_care_within_h, recovery.assessed_within_h) == (24, None)
    assert (assess.first_care_within_h, assess.assessed_within_h) == (None, 72)


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("title =", "titel =", "unknown: titel"),
        ('title = "General"\n', "", "missing: title"),
        ('"General"', '" "', "title: is empty"),
        ('"General"', "7", "title: must be str"),
        ("= 4", '= "4"', "readings_per_day: must be int"),
        ("= 4", "= true", "readings_per_day: must be int"),
        ("= 4", "= -1", "readings_per_day: must be 0 to 24"),
        ("= 4", "= 25", "readings_per_day: must be 0 to 24"),
        ("[spo2]", "max_stay_days = 0\n[spo2]", "max_stay_days: must be at least 1"),
        ("[spo2]", "first_care_within_h = 0\n[spo2]", "first_care_within_h: must be at least 1"),
        ("[spo2]", "in_sitrep = 0\n[spo2]", "in_sitrep: must be bool"),
        ("[spo2]", "[spO2]", "unknown: spO2"),
        ("[spo2]\namber_low = 93\nred_low = 91", "spo2 = 93", "spo2: must be dict"),
        ("amber_low = 93\n", "", "spo2: missing: amber_low"),
        ("amber_low = 93", "amber_low = 93\nred_high = 97", "spo2: unknown: red_high"),
        ("= 93", "= 93.5", "spo2: amber_low: must be int"),
        ("= 93", "= 91", "spo2: red_low must be below amber_low, both 70 to 100"),
        ("= 91", "= 69", "spo2: red_low must be below amber_low, both 70 to 100"),
        ("= 93", "= 101", "spo2: red_low must be below amber_low, both 70 to 100"),
        ("= 93", "= ", r"Invalid value \(at line 5, column 13\)"),
    ],
)
def test_a_mistake_in_a_file_is_refused_by_file_and_place(right: str, wrong: str, fault: str) -> None:
    assert right in GOOD
    with pytest.raises(WrongPathway, match=rf"^general\.toml: {fault}$"):
        read("general", GOOD.replace(right, wrong))


def test_the_version_changes_with_the_content_and_with_nothing_else() -> None:
    version = read("general", GOOD).version
    assert read("other", GOOD).version == version
    assert read("general", GOOD.replace("= 4", "= 3")).version != version
    assert read("general", GOOD + "# signed off\n").version != version
