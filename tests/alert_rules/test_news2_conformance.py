"""NEWS2 against vectors that others wrote: a deployed scorer, the openEHR rules, NHS Digital's examples.

The vectors are not ours to copy into the project: they are read from `shared/conformance` beside the
checkout, or from the folder that VIRTUAL_WARD_CONFORMANCE names. Without them these tests are skipped.
"""

import csv
from decimal import Decimal

import numpy as np
import pytest

from alert_rules.news2 import CONSCIOUSNESS_ROW, News2, Risk, Scale, mismatch, score
from alert_rules.news2_arrays import score_arrays
from alert_rules.vitals import Consciousness, VitalArrays, Vitals, to_chart
from tests.conformance import CONFORMANCE

Row = dict[str, str]

VECTORS = CONFORMANCE / "news2_vectors.csv"
EXPECTED = ("exp_rr", "exp_spo2", "exp_o2", "exp_sbp", "exp_pulse", "exp_acvpu", "exp_temp")

THE_CHART_SAYS = {
    "synanetics-ed-ig:CarolTest": (2, 2, 0, 0, 1, 0, 0),
    "ukcore:NEWS2Bundle": (2, 2, 0, 0, 1, 0, 0),
}
"""Rows whose source is wrong, looked at by hand, with the points of the printed chart.

Both hold the set of NHS Digital's own worked example (`nhsdigital:MrSmithScores.png`) and its points, 1 for
temperature and 6 in all; but they say 37.5 °C where that says 38.5, and 37.5 scores 0: the total is 5.
"""


def rows(audit: str) -> list[Row]:
    if not VECTORS.exists():
        return []
    with VECTORS.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["rcp_audit"].startswith(audit)]


def vitals_of(row: Row) -> list[Vitals]:
    """The set of a row; one for each letter where the row leaves open which, as in `C/V/P/U`."""

    def units(name: str, decimals: int = 0) -> int | None:
        return to_chart(Decimal(row[name]), decimals) if row[name] else None

    return [
        Vitals(
            respiratory_rate=units("rr"),
            spo2=units("spo2"),
            on_oxygen={"": None, "0": False, "1": True}[row["on_oxygen"]],
            systolic=units("sbp"),
            pulse=units("pulse"),
            consciousness=Consciousness(letter) if letter else None,
            temperature_tenths=units("temp", decimals=1),
        )
        for letter in row["acvpu"].split("/")
    ]


def scale_of(row: Row) -> Scale:
    return 2 if row["scale"] == "2" else 1


def points_of(news2: News2) -> list[int]:
    """The points as the vectors count them: 0 where missing."""
    return [points or 0 for points in news2.points.values()]


@pytest.mark.parametrize("row", rows("OK"), ids=lambda row: row["id"])
def test_we_score_as_the_vectors_that_agree_with_the_chart(row: Row) -> None:
    for vitals in vitals_of(row):
        news2 = score(vitals, scale_of(row))
        assert points_of(news2) == [int(row[name] or 0) for name in EXPECTED]
        assert news2.score == int(row["exp_total"])
        assert news2.complete == (row["kind"] == "full")
        unscored = [points is None for points in news2.points.values()]
        assert unscored == [row[name] == "" for name in EXPECTED]
        assert mismatch(int(row["exp_total"]), news2) is None


@pytest.mark.parametrize(
    # A nurse's concern raises that product's severity, not the Royal College's: such rows have no risk.
    "row",
    [row for row in rows("OK") if row["exp_risk"]],
    ids=lambda row: row["id"],
)
def test_we_give_the_risk_of_the_vectors(row: Row) -> None:
    for vitals in vitals_of(row):
        assert score(vitals, scale_of(row)).risk is Risk(row["exp_risk"].replace("-", "_"))


@pytest.mark.parametrize("row", rows("DIVERGES"), ids=lambda row: row["id"])
def test_where_a_published_score_is_wrong_we_keep_to_the_chart_and_tell(row: Row) -> None:
    (vitals,) = vitals_of(row)
    news2, chart = score(vitals, scale_of(row)), THE_CHART_SAYS[row["id"]]
    assert tuple(points_of(news2)) == chart
    assert news2.score == sum(chart) == 5
    published = [int(row[name]) for name in EXPECTED]
    assert [theirs - ours for ours, theirs in zip(chart, published, strict=True)] == [0, 0, 0, 0, 0, 0, 1]
    assert mismatch(int(row["exp_total"]), news2) == "reported 6, by the chart 5"


@pytest.mark.parametrize("row", rows("n/a"), ids=lambda row: row["id"])
def test_a_published_example_without_vital_signs_contradicts_itself(row: Row) -> None:
    """NHS Digital's table of sub-scores: they add up to 8, not 12, and consciousness cannot score 2."""
    published = {name: int(row[name]) for name in EXPECTED}
    assert sum(published.values()) == 8
    assert int(row["exp_total"]) == 12
    assert published["exp_acvpu"] not in {points for _, _, points in CONSCIOUSNESS_ROW.bands}


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors are not beside this checkout")
def test_every_vector_is_looked_at_and_scores_the_same_in_arrays() -> None:
    judged = [(vitals, row) for row in rows("OK") + rows("DIVERGES") for vitals in vitals_of(row)]
    scores = score_arrays(
        VitalArrays.of([vitals for vitals, _ in judged]), np.array([scale_of(row) == 2 for _, row in judged])
    )
    assert scores.points.T.tolist() == [points_of(score(vitals, scale_of(row))) for vitals, row in judged]
    assert len(rows("")) == len(rows("OK")) + len(rows("DIVERGES")) + len(rows("n/a"))
