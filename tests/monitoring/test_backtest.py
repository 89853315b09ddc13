"""Recorded readings: what is read and what is left out, what is counted, and what the command prints and draws."""

import csv
import gzip
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_rules.alarm_arrays import Answering
from alert_rules.alarms import Kind
from alert_rules.kinds import HOUR_US
from alert_rules.pathway import Pathway, pathways, read
from alert_rules.repeating import Why
from alert_rules.severity import Severity
from monitoring.backtest.reading import CannotRead, LeftOut
from monitoring.backtest.reading import read as read_files
from monitoring.backtest.recorded import Recorded, recorded
from monitoring.backtest.replay import replay
from monitoring.backtest.report import foretold, of_pathway, patient_days
from tests.test_commands import run

WELL = "16,97,0,125,72,A,36.8"
SICK = "26,97,0,125,72,A,36.8"  # a respiratory rate of 25 or more: red
WORSE = "26,90,0,95,118,A,36.8"  # NEWS2 10: critical
VITALS = "respiratory_rate,spo2,oxygen_flow,systolic,pulse,consciousness,temperature"
HEADER = f"patient,hours,{VITALS},label"


def _file(folder: Path, lines: Sequence[str], header: str = HEADER, name: str = "day.csv") -> Path:
    path = folder / name
    text = "\n".join([header, *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def _recorded(*paths: Path) -> tuple[Recorded, LeftOut]:
    left_out = LeftOut()
    return recorded(read_files(paths, left_out), left_out), left_out


def test_what_cannot_be_read_or_measured_is_left_out_by_line_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        [
            f"ann,0,{WELL},0",
            "ann,1,16,97,0,125,0,A,36.8,0",
            "ann,2,16,97,0,125,72,A,-17.8,0",
            "ann,3,16,97,0,125,fast,A,36.8,0",
            "ann,4,16,97",
            "ann,5,,,,,,,,0",
            "ann,6,16,97.5,0,125,72.5,A,35.05,0",
            f"ann,6.0,{WELL},0",
            f"ann,6,{WELL},0",
            f"ann,soon,{WELL},0",
            f",7,{WELL},0",
            "ann,8,16,97,0,125,72,X,36.8,0",
        ],
    )
    found, left_out = _recorded(path)
    assert set(left_out.named) == {
        f"{path}:6: has 4 cells, the header 10",
        f"{path}:11: hours: is not a time since the start",
        f"{path}:5: pulse: 'fast' is not a number",
        f"{path}:3: pulse: 0 is a failed measurement",
        f"{path}:13: consciousness: must be one of A, C, V, P, U",
        f"{path}:4: temperature: -17.8 cannot be a measurement: 20 to 46 can",
        f"{path}:12: patient: is missing",
    }
    assert dict(left_out.refused) == {
        "": 1, "hours": 1, "pulse": 2, "consciousness": 1, "temperature": 1, "patient": 1,
    }  # fmt: skip
    assert (left_out.empty, left_out.repeated) == (1, 1)
    assert found.sets.taken_us.tolist() == [0, 6 * HOUR_US, 6 * HOUR_US]
    halves = found.sets.values[[1, 4, 6]].T.tolist()
    assert [98, 73, 351] in halves  # half up in decimal, as at the door


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("patient,spo2", "needs a column patient, and one of taken_at, hours, minutes"),
        ("patient,hours,spo2,mood", "unknown: mood"),
        ("patient,hours,spo2,spo2", "twice: spo2"),
        ("patient,hours,minutes,spo2", "needs a column patient, and one of"),
    ],
)
def test_a_file_of_another_form_is_refused_whole(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(CannotRead, match=said):
        _recorded(_file(tmp_path, [], header))


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(gzip.compress(b"patient,hours,spo2\n" + b"ann,1,97\n" * 10_000)[:-200])
    with pytest.raises(CannotRead, match=r"broken\.csv\.gz"):
        _recorded(broken)


def test_the_challenges_of_2019_and_2012_are_known_by_their_headers(tmp_path: Path) -> None:
    of_2019 = _file(
        tmp_path,
        [
            "p1,80,97,36.8,120,90,70,16,,0.4,70,1,1,0",
            "p1,,,,,,,,,,70,1,2,1",
            "p1,80,97,36.8,120,90,70,16,,-50,70,1,3,1",
        ],
        "patient,HR,O2Sat,Temp,SBP,MAP,DBP,Resp,EtCO2,FiO2,Age,Gender,ICULOS,SepsisLabel",
        "a.csv.gz",
    )
    of_2012 = _file(
        tmp_path,
        ["a,7,0,GCS,14", "a,7,0,HR,73", "a,7,0,Weight,-1", "a,7,5,SysABP,120", "a,7,5,NISysABP,110", "a,7,9,HR,0"],
        "set,record_id,minute,parameter,value",
        "b.csv",
    )
    found, left_out = _recorded(of_2019, of_2012)
    assert found.patients == ("a7", "p1")
    assert left_out.refused == {"HR": 1, "on_oxygen": 1}
    assert found.sets.values[[2, 3, 4, 5]].T.tolist() == [[0, 0, 73, 1], [0, 110, 0, 0], [1, 120, 80, 0]]
    assert found.labels is not None
    assert found.labels.start_us.tolist() == [2 * HOUR_US]
    assert found.labels.end_us.tolist() == [3 * HOUR_US]
    assert found.prescribed.tolist() == [0, 0, 10_000]  # whoever was given oxygen there was prescribed it


def _figures(found: Recorded, window_h: float = 12, pathway: Pathway | None = None) -> dict[str, Any]:
    answering = Answering(resolved_after=timedelta(hours=4))
    return of_pathway(found, replay(found, pathway or pathways()["general"], answering), timedelta(hours=window_h))


def test_the_arithmetic_of_a_small_history(tmp_path: Path) -> None:
    """Two patients for a day each: Ann is called for 6 h before she deteriorates, Bob twice for nothing."""
    ann = [f"ann,{hour},{SICK if hour == 12 else WELL},{int(hour >= 18)}" for hour in range(0, 25, 2)]
    bob = [f"bob,{hour},{WORSE if hour in {4, 20} else WELL},0" for hour in range(0, 25, 2)]
    found, _ = _recorded(_file(tmp_path, [*ann, *bob]))
    figures = _figures(found)
    assert patient_days(found).tolist() == [1, 1]
    assert figures["sets_by_severity"] == {"amber": 0, "amber_plus": 0, "red": 1, "critical": 2}
    rates = {severity: one["per_patient_day"] for severity, one in figures["alarms"]["deterioration"].items()}
    assert rates == {"amber": 0, "amber_plus": 0, "red": 0.5, "critical": 1.0}
    red, critical = figures["at_least"]["red"], figures["at_least"]["critical"]
    assert red == {
        "alarms_per_patient_day": 1.5, "deteriorations": 1, "detected": 1, "sensitivity": 1.0,
        "lead_h": {"quartile_1": 6.0, "median": 6.0, "quartile_3": 6.0}, "positive_predictive_value": 0.3333,
    }  # fmt: skip
    assert (critical["sensitivity"], critical["positive_predictive_value"], critical["lead_h"]) == (0.0, 0.0, None)
    assert _figures(found, window_h=5)["at_least"]["red"]["sensitivity"] == 0.0


def test_what_one_open_alert_spares_is_counted_with_what_it_costs(tmp_path: Path) -> None:
    """Red from the start: the one call comes before the window, and every later set would have called within it."""
    ann = [f"ann,{hour / 4},{SICK},{int(hour >= 15)}" for hour in range(16)]
    found, _ = _recorded(_file(tmp_path, ann))
    figures = _figures(found, window_h=1)
    assert figures["grouping"] == {
        "sets_that_alert_alone": 16, "alarms": 1, "removed": 0.9375, "deteriorations_no_longer_told": 1,
        "told_later_by_h_mean": None,
    }  # fmt: skip
    assert figures["alerts"] == {
        "raised": 1,
        "stepped_up": 0,
        "reopened": 0,
        "worsened_while_open": 0,
        "let_pass_as_resolved": 0,
    }


def test_a_deterioration_that_had_begun_at_the_first_row_could_not_be_foretold(tmp_path: Path) -> None:
    lines = [f"ann,{hour},{SICK},{int(hour < 2 or hour == 9)}" for hour in range(10)]
    found, _ = _recorded(_file(tmp_path, lines))
    assert found.labels is not None
    assert (found.labels.start_us.tolist(), found.labels.begun_before) == ([9 * HOUR_US], 1)


def test_calls_of_others_foretell_nothing(tmp_path: Path) -> None:
    lines = [f"ann,5,{WELL},0", f"ann,6,{WELL},1", f"bob,5,{SICK},0"]
    found, _ = _recorded(_file(tmp_path, lines))
    assert found.labels is not None
    calls = np.array([False, False, True])
    told = foretold(found, found.labels, calls, found.sets.taken_us, timedelta(hours=12))
    assert (told.detected.tolist(), told.right, told.calls) == ([False], 0, 1)


MISSES = """
title = "Misses a weight"
readings_per_day = 2
spo2 = { amber_low = 93, red_low = 91 }

[[rules]]
name = "no_weight"
severity = "red"
kind = "absence"
vital = "weight"
for_h = 36

[[rules]]
name = "poor"
severity = "amber"
kind = "quality"
readings = 2
of = 2
within_h = 48
"""


def test_a_weight_is_missed_where_the_patient_ever_gave_one_and_poor_readings_tell_of_the_kit(tmp_path: Path) -> None:
    header = "patient,hours,pulse,weight,quality"
    lines = [f"{who},{hour},72,{70 if who == 'ann' and not hour else ''},{'low' if who == 'bob' else 'good'}"
             for who in ("ann", "bob") for hour in range(0, 49, 12)]  # fmt: skip
    found, _ = _recorded(_file(tmp_path, lines, header))
    replayed = replay(found, read("misses", MISSES), Answering())
    assert replayed.severity.tolist() == [0, 0, 0, Severity.RED, Severity.RED, 0, 0, 0, 0, 0]
    assert replayed.lives[Kind.DATA_QUALITY].asks.tolist() == [False] * 6 + [True] + [False] * 3


_LINES = st.lists(
    st.builds(
        lambda who, hour, vitals, label: f"{who},{hour},{vitals},{label}",
        st.sampled_from(["ann", "bob", "cy"]),
        st.integers(0, 6),
        st.sampled_from([WELL, SICK, WORSE, "26,,,,,,", ",90,,,,,", ",,,,0,,", ",,,,,,"]),
        st.sampled_from(["0", "1", ""]),
    ),
    min_size=1,
    max_size=24,
)


@given(_LINES, st.randoms(use_true_random=False), st.integers(1, 3))
@settings(max_examples=40)
def test_the_order_of_files_and_lines_decides_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], random: Any, files: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    said = []
    for shuffled in (False, True):
        if shuffled:
            random.shuffle(lines)
        parts = [lines[place::files] for place in range(files)] if shuffled else [lines]
        paths = [_file(folder, part, name=f"{shuffled}{place}.csv") for place, part in enumerate(parts)]
        found, left_out = _recorded(*paths)
        said.append((found.patients, _figures(found), left_out.refused, left_out.empty, left_out.repeated))
    assert said[0] == said[1]


def _small(folder: Path) -> Path:
    ann = [f"ann,{hour},{SICK if hour == 12 else WELL},{int(hour >= 18)}" for hour in range(0, 25, 2)]
    bob = [f"=bob,{hour},{'21' + WELL[2:] if hour >= 8 else WELL},0" for hour in range(0, 25, 2)]
    return _file(folder, [*ann, *bob, "ann,25,16,97,0,125,0,A,36.8,1"], name="small.csv.gz")


def test_the_command_compares_two_pathways_patient_by_patient(tmp_path: Path) -> None:
    path, lines = _small(tmp_path), tmp_path / "patients.csv"
    done = run(
        "backtest", str(path), "--pathway", "general", "--against", "acute_respiratory", "--csv", str(lines), "--json"
    )
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert document["left_out"]["refused"] == {"pulse": 1}
    assert document["difference"] == {
        "from": "general", "to": "acute_respiratory", "sets_more_severe": 8, "sets_less_severe": 0,
        "patients_with_more_alarms": 1, "patients_with_fewer_alarms": 0, "patients_newly_foretold": 0,
        "patients_no_longer_foretold": 0,
    }  # fmt: skip
    assert "no default is tuned on it" in document["caution"]
    rows = list(csv.DictReader(lines.read_text(encoding="utf-8").splitlines()))
    assert [(row["patient"], row["deteriorations"], row["more alarms"]) for row in rows] == [
        ("'=bob", "0", "3"), ("ann", "1", "0"),  # asked first, it calls 15 min later each time: once less in a day
    ]  # fmt: skip


AMBER = "16,94,0,125,72,A,36.8"  # by acute respiratory


def test_where_no_repeat_comes_each_amber_calls_a_quarter_of_an_hour_later(tmp_path: Path) -> None:
    found, _ = _recorded(_file(tmp_path, [f"ann,{hour},{AMBER if hour == 3 else WELL},0" for hour in range(9)]))
    replayed = replay(found, pathways()["acute_respiratory"], Answering(resolved_after=timedelta(hours=9)))
    lives = replayed.lives[Kind.DETERIORATION]
    assert (lives.at_us[lives.asks] / HOUR_US).tolist() == [3.25]
    assert (replayed.at_once.at_us[replayed.at_once.asks] / HOUR_US).tolist() == [3]
    asked = of_pathway(found, replayed, timedelta(hours=12))["asked_first"]
    assert (asked["asked"], asked["not_repeated_and_raised"], asked["raised_later_by_min_mean"]) == (1, 1, 15)
    assert (asked["alarms"], asked["alarms_had_nobody_been_asked"]) == (1, 1)


def test_a_normal_repeat_in_time_takes_the_alarm_away_and_its_cost_is_told(tmp_path: Path) -> None:
    lines = [f"ann,{at},{vitals},{label}" for at, vitals, label in (
        (0, WELL, 0), (3, AMBER, 0), (3.2, WELL, 0), (6, AMBER, 0), (6.1, AMBER, 0), (9, WELL, 0), (16, WELL, 1),
        (30, AMBER, 0), (30.1, WELL, 0), (40, WELL, 1),
    )]  # fmt: skip
    found, _ = _recorded(_file(tmp_path, lines))
    replayed = replay(found, pathways()["acute_respiratory"], Answering(resolved_after=timedelta(hours=1)))
    asked = of_pathway(found, replayed, timedelta(hours=12))["asked_first"]
    assert asked == {
        "asked": 3, "of_low_quality": 0, "repeated_and_not_raised": 2, "repeated_and_raised": 1,
        "not_repeated_and_raised": 0, "raised_later_by_min_mean": 6.0, "alarms_had_nobody_been_asked": 3, "alarms": 1,
        "deteriorations_no_longer_told": 1, "told_later_by_h_mean": 0.1,
    }  # fmt: skip


def test_what_cannot_be_relied_on_is_asked_for_again_by_every_pathway(tmp_path: Path) -> None:
    path = tmp_path / "low.csv"
    path.write_text("patient,hours,pulse,quality\nann,0,140,low\nann,0.1,75,good\nbob,0,140,low\nbob,5,75,good\n")
    found, _ = _recorded(path)
    replayed = replay(found, pathways()["general"], Answering())
    lives = replayed.lives[Kind.DETERIORATION]
    assert (lives.at_us[lives.asks] / HOUR_US * 60).tolist() == [10]
    assert sorted((one.row, one.why, one.raised) for one in replayed.endings) == [
        (0, Why.LOW_QUALITY, False), (2, Why.LOW_QUALITY, True),
    ]  # fmt: skip


def test_the_command_prints_tables_and_says_what_they_are_not(tmp_path: Path) -> None:
    done = run("backtest", str(_small(tmp_path)))
    assert done.returncode == 0
    assert "Alarms per patient-day" in done.stdout
    assert "1 labelled deteriorations" in done.stdout
    assert "no rate here is one of a virtual ward" in " ".join(done.stdout.split())
    assert "pulse: 0 is a failed measurement" in done.stderr


@pytest.mark.parametrize("words", [[], ["--patient", "ann"]])
def test_the_command_draws_charts(tmp_path: Path, words: list[str]) -> None:
    for name, begins in (("chart.png", b"\x89PNG"), ("chart.svg", b"<?xml")):
        done = run("backtest", str(_small(tmp_path)), *words, "--plot", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_bytes().startswith(begins)
    drawn = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    assert ("red limit" if words else "alarms per patient-day") in drawn


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pathway", "nowhere"], "no pathway is called nowhere"),
        (["--against", "general"], "is general itself"),
        (["--patient", "zoe", "--plot", "x.png"], "nobody of that name"),
        (["--patient", "ann"], "say into which file"),
        (["--plot", "x.pdf"], "a chart is a .png or a .svg"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_line(tmp_path: Path, words: list[str], said: str) -> None:
    done = run("backtest", str(_small(tmp_path)), *words)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_a_pathway_of_a_file_is_another_version(tmp_path: Path) -> None:
    general = pathways()["general"]
    file = tmp_path / "stricter.toml"
    file.write_text(MISSES.replace("red_low = 91", "red_low = 92"), encoding="utf-8")
    done = run("backtest", str(_small(tmp_path)), "--against", str(file), "--json")
    versions = [one["pathway_version"] for one in json.loads(done.stdout)["pathways"]]
    assert versions[0] == general.version
    assert versions[1] != versions[0]
