"""Pathway files: each loads, none with a mistake does, and the version tells of every change."""

import re
from datetime import timedelta
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


def test_the_same_amber_is_let_pass_only_where_the_pathway_says_so() -> None:
    assert read("general", GOOD).refractory is None
    assert read("general", GOOD + "[refractory]\namber_min = 90\n").refractory == timedelta(minutes=90)
    assert {name for name, one in pathways().items() if one.refractory} == {"copd", "heart_failure"}


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
        ("title =", "titel =", "1: title: is missing"),
        ("[spo2]", 'titel = ""\n[spo2]', "4: titel: is unknown"),
        ('title = "General"\n', "", "1: title: is missing"),
        ('"General"', '" "', "1: title: is empty"),
        ('"General"', "7", "1: title: must be text"),
        ("= 4", '= "4"', "2: readings_per_day: must be a whole number"),
        ("= 4", "= true", "2: readings_per_day: must be a whole number"),
        ("= 4", "= -1", "2: readings_per_day: must be 0 to 24"),
        ("= 4", "= 25", "2: readings_per_day: must be 0 to 24"),
        ("[spo2]", "max_stay_days = 0\n[spo2]", "4: max_stay_days: must be 1 to 365"),
        ("[spo2]", "first_care_within_h = 0\n[spo2]", "4: first_care_within_h: must be 1 to 8760"),
        ("[spo2]", "in_sitrep = 0\n[spo2]", "4: in_sitrep: must be true or false"),
        ("[spo2]", "[spO2]", "1: spo2: is missing"),
        ("[spo2]\namber_low = 93\nred_low = 91", "spo2 = 93", "4: spo2: must be a table"),
        ("amber_low = 93\n", "", "4: spo2.amber_low: is missing"),
        ("amber_low = 93", "amber_low = 93\nred_high = 97", "6: spo2.red_high: is unknown"),
        ("= 93", "= 93.5", "5: spo2.amber_low: must be a whole number"),
        ("= 93", "= 91", "6: spo2.red_low: overlaps: must be below amber_low"),
        ("= 91", "= 69", "6: spo2.red_low: must be 70 to 100"),
        ("= 93", "= 101", "5: spo2.amber_low: must be 70 to 100"),
        ("= 93", "= ", "5: Invalid value (at line 5, column 13)"),
        ("= 91\n", '= "', "6: Unterminated string (at end of document)"),
        ("= 91\n", "= 91\n[carried_min]\nspo2 = 1441", "8: carried_min.spo2: must be 1 to 1440"),
        ("= 91\n", "= 91\n[carried_min]\nweight = 60", "8: carried_min.weight: is unknown"),
        ("= 91\n", "= 91\n\n# more\n[limits.pulse]\nred_hi = 9", "10: limits.pulse.red_hi: is unknown"),
        ("= 91\n", "= 91\n[limits.spo2]\nred_low = 9", "7: limits.spo2: is in [spo2]"),
        (
            "= 91\n",
            "= 91\n[limits.pulse]\nred_high = 400",
            "8: limits.pulse.red_high: can never be measured: 0 to 350 can",
        ),
        (
            "= 91\n",
            "= 91\n[limits.weight]\nred_low = 60\namber_low = 55",
            "9: limits.weight.amber_low: overlaps: red_low must be below amber_low",
        ),
        (
            "= 91\n",
            "= 91\n[limits.pulse]\namber_high = 131",
            "8: limits.pulse.amber_high: says nothing new: pulse_high is as bad, and fires wherever it does",
        ),
        (
            "= 91\n",
            "= 91\n[limits.weight]\namber_low = 60.001",
            "8: limits.weight.amber_low: is finer than weight is held",
        ),
        ("= 91\n", "= 91\n[hysteresis]\nspo2 = 0", "8: hysteresis.spo2: must be more than 0 and less than 100"),
        ("= 91\n", "= 91\n[refractory]\namber_min = 0", "8: refractory.amber_min: must be 1 to 1440"),
        ("= 91\n", "= 91\n[refractory]\namber_min = 1441", "8: refractory.amber_min: must be 1 to 1440"),
        ("= 91\n", '= 91\n[refractory]\namber_min = "6 h"', "8: refractory.amber_min: must be a whole number"),
        ("= 91\n", "= 91\n[refractory]", "7: refractory.amber_min: is missing"),
        ("= 91\n", "= 91\n[refractory]\namber_min = 60\nhours = 1", "9: refractory.hours: is unknown"),
        ("= 91\n", "= 91\n[refractory]\nred_min = 60", "8: refractory.red_min: can never be: only an amber has"),
        ("= 91\n", '= 91\n[[ladders.red]]\ntell = "nobody"\nwait_s = 60', "8: ladders.red[1].tell: is none of"),
    ],
)
def test_a_mistake_in_a_file_is_refused_by_file_line_and_reason(right: str, wrong: str, fault: str) -> None:
    assert right in GOOD
    with pytest.raises(WrongPathway, match=rf"^general\.toml:{re.escape(fault)}"):
        read("general", GOOD.replace(right, wrong))


def test_the_version_changes_with_the_content_and_with_nothing_else() -> None:
    version = read("general", GOOD).version
    assert read("other", GOOD).version == version
    assert read("general", GOOD.replace("= 4", "= 3")).version != version
    assert read("general", GOOD + "# signed off\n").version != version
