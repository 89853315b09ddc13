"""What a nurse reads: each rule's sentence names the value and the bound that it crossed."""

import re

import pytest
from hypothesis import given

from alert_rules.explain import reasons, score_as_json
from alert_rules.limits import LIMITED, LINES, Lines, SpO2Defaults
from alert_rules.pathway import pathways
from alert_rules.severity import RULES
from alert_rules.vitals import ACVPU, PARAMETERS
from alert_rules.words import CONSCIOUS, LABELS
from tests.alert_rules.examples import examples
from tests.alert_rules.judged import judged
from tests.spec.sentences import TOLD, Told
from tests.spec.severity import SEVERITY, TO_COMPLETE, Given, ToComplete


def told(one: Given, spo2: SpO2Defaults | None = None) -> dict[str, str]:
    """The sentences told of an example, by rule."""
    facts, verdicts = judged(one)
    return {said["rule"]: said["text"] for said in reasons(facts, verdicts, 0, spo2)}


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row.text)
def test_a_sentence_names_the_value_and_the_bound(row: Told) -> None:
    assert told(row.given, pathways()[row.given.pathway].spo2)[row.rule] == row.text


def test_every_rule_but_those_of_limits_has_its_sentence() -> None:
    of_limits = {f"{vital}_{line}" for vital in LIMITED for line in LINES}
    assert {rule.name for rule in RULES} - of_limits <= {row.rule for row in TOLD}


@pytest.mark.parametrize("vital", LIMITED)
@pytest.mark.parametrize("line", LINES)
def test_every_limit_names_its_vital_the_value_and_the_line(vital: str, line: str) -> None:
    measured = {"weight": "50.00", "glucose": "10.0", "diastolic": "80", "peak_flow": "300"}
    well = Given(**measured, limits={vital: Lines(**{line: _value_of(vital, measured)})})  # type: ignore[arg-type]
    text = told(well)[f"{vital}_{line}"]
    value = getattr(well, vital)
    assert text.lower().startswith(f"{LABELS[vital]} {value} ".lower())
    colour, side = line.split("_")
    assert text.endswith(f"({colour} limit: {value} or {'less' if side == 'low' else 'more'})")


def _value_of(vital: str, measured: dict[str, str]) -> int:
    return int((measured | {v: getattr(Given(), v) for v in LIMITED if v not in measured})[vital].replace(".", ""))


# --- scores that are not whole


@given(examples())
def test_an_incomplete_score_is_never_told_alone(one: Given) -> None:
    facts, _ = judged(one)
    totals = [text for rule, text in told(one).items() if rule.startswith("news2_")]
    for text in totals:
        assert ("missing" in text or "assumed" in text) == (not facts.news2.complete[0])


@pytest.mark.parametrize("row", TO_COMPLETE, ids=lambda row: str(row.given))
def test_the_task_to_complete_the_set_stands_beside_what_alerts_and_is_no_worse(row: ToComplete) -> None:
    facts, verdicts = judged(row.given)
    said = reasons(facts, verdicts, 0)
    tasks = [one for one in said if one["rule"] == "complete_the_set"]
    assert len(tasks) == row.asked
    for task in tasks:
        assert task == said[-1]
        assert task["severity"] == said[0]["severity"]
        assert task["text"].startswith(f"Complete the set by phone within 15 min: NEWS2 is {row.score} ")


# --- the prompt of a pathway


@pytest.mark.parametrize(
    ("one", "prompted"),
    [
        (Given(spo2="92", pathway="acute_respiratory"), True),
        (Given(spo2="93", pathway="acute_respiratory"), False),
        (Given(spo2="91", pathway="general"), False),
        (Given(spo2="84", scale=2, pathway="acute_respiratory"), False),
        (Given(spo2="94", pathway="acute_respiratory", limits={"spo2": Lines(red_low=94)}), False),
        (Given(spo2="87", pathway="acute_respiratory", limits={"spo2": Lines(red_low=88)}), True),
    ],
)
def test_at_its_own_red_line_on_scale_1_a_respiratory_pathway_prompts_for_999(one: Given, prompted: bool) -> None:
    sentences = told(one, pathways()[one.pathway].spo2)
    assert [rule for rule, text in sentences.items() if "999" in text] == ["spo2_red_low"] * prompted


# --- whatever is found


@given(examples())
def test_every_sentence_renders_and_reads_as_one(one: Given) -> None:
    facts, verdicts = judged(one)
    for said in reasons(facts, verdicts, 0, pathways()[one.pathway].spo2):
        assert set(said) == {"rule", "severity", "text"}
        assert not re.search(r"[{}]|None|nan|-\d{5}|\d{6}", said["text"])
        assert said["text"][0] == said["text"][0].upper()


@given(examples())
def test_reasons_stand_worst_first_and_what_is_said_is_as_bad_as_the_alert(one: Given) -> None:
    facts, verdicts = judged(one)
    said = [reason for reason in reasons(facts, verdicts, 0) if reason["rule"] != "complete_the_set"]
    order = ["critical", "red", "amber_plus", "amber"]
    places = [order.index(reason["severity"]) for reason in said]
    assert places == sorted(places)
    assert (4 - places[0] if places else 0) == verdicts.severity[0]


def test_each_of_many_sets_is_told_its_own_reasons_and_none_that_a_graver_one_says() -> None:
    facts, verdicts = judged(*(row.given for row in SEVERITY))
    for column, row in enumerate(SEVERITY):
        texts = {said["rule"]: said["text"] for said in reasons(facts, verdicts, column)}
        assert texts == told(row.given)
        assert tuple(rule for rule in texts if rule != "complete_the_set") == row.rules


# --- the score as the contract shows it


def test_a_score_is_shown_with_what_is_missing_and_the_points_that_are_certain() -> None:
    facts, _ = judged(Given(), Given(pulse="-", respiratory_rate="21", spo2="93"))
    assert score_as_json(facts.news2, facts.vitals.known[:, 1].tolist(), 1) == {
        "score": 4,
        "score_max": 7,
        "complete": False,
        "missing": ["pulse"],
        "subscores": {
            "respiratory_rate": 2, "spo2": 2, "oxygen": 0, "systolic": 0, "pulse": None, "consciousness": 0,
            "temperature": 0,
        },
    }  # fmt: skip


def test_there_are_words_for_every_vital_sign_and_every_letter() -> None:
    assert set(LABELS) == {*PARAMETERS, *LIMITED}
    assert "".join(CONSCIOUS) == ACVPU
