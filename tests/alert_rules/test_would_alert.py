"""What would alert, in plain English: all of a pathway's rules, and a patient's own lines in their place."""

import pytest

from alert_rules.limits import Lines
from alert_rules.pathway import pathways
from alert_rules.sentences import would
from alert_rules.severity import Severity
from alert_rules.words import sentence
from alert_rules.would_alert import Own, Section, as_text, would_alert


def said(name: str, own: Own | None = None) -> dict[str, Section]:
    """The sections by their heading, up to its first stop."""
    pathway = pathways()[name]
    return {one.title.split(".")[0]: one for one in would_alert(pathway, pathway.ladders, own)}


@pytest.mark.parametrize("name", pathways())
def test_every_rule_of_a_pathway_is_said_under_its_severity(name: str) -> None:
    sections = said(name)
    for severity in list(Severity)[1:]:
        lines = sections[severity.label.replace("_", " ").capitalize()].lines
        assert {sentence(would(rule)) for rule in pathways()[name].rules if rule.severity is severity} <= set(lines)
        assert len(set(lines)) == len(lines)
    assert "Respiratory rate (8 or less)" in sections["Critical"].lines
    assert "{" not in as_text(sections.values())


def test_a_patients_own_lines_scale_and_usual_values_stand_in_place_of_the_pathways() -> None:
    own = Own(scale=2, usual={"spo2": 90}, lines={"pulse": Lines(red_high=120)}, times=("08:00",))
    sections = said("copd", own)
    assert "Pulse 120 /min or more (the plan's limit)" in sections["Red"].lines
    assert {"SpO2 85 % or less (limit)", "SpO2 97 % or more on oxygen (limit)"} <= set(sections["Red"].lines)
    assert "SpO2 (88 or less on scale 1)" not in sections["Critical"].lines
    assert "Usual values: SpO2 90 %" in sections[f"COPD, rules of version {pathways()['copd'].version}"].lines
    never = [line for line in sections["Amber"].lines if "never yet" in line]
    assert never == ["NEWS2 2 or more above the patient's usual value (never yet: no usual NEWS2 is known)"]


def test_in_comfort_care_nothing_is_said_to_alert_and_without_a_score_no_adult_bound_is() -> None:
    assert list(said("copd", Own(comfort=True)))[1:] == ["Alerts"]
    child = said("heart_failure", Own(not_scored="under_16", lines={"pulse": Lines(red_high=140)}))
    assert not any("NEWS2" in line or "Respiratory rate" in line for line in child["Red"].lines)
    assert "Systolic blood pressure 95 mmHg or less (limit)" not in child["Amber"].lines
    assert "Pulse 140 /min or more (the plan's limit)" in child["Red"].lines
    assert {"New confusion (C)", "Glucose (below 4.0)"} <= set(child["Red"].lines)
