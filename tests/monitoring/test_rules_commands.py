"""`virtual-ward rules`: a file is refused by its line; a ward and a patient are explained as they are decided."""

import json
from pathlib import Path

from alert_rules.pathway import FOLDER, pathways
from monitoring.clock import utc_now
from monitoring.config import Settings
from tests.rule_changes import SOONER, changed, changes
from tests.test_commands import run
from tests.ward import Ward


def test_a_file_is_checked_and_a_wrong_one_refused_by_file_line_and_reason(tmp_path: Path) -> None:
    good, bad = tmp_path / "copd.toml", tmp_path / "bad.toml"
    text = (FOLDER / "copd.toml").read_text(encoding="utf-8")
    good.write_text(text, encoding="utf-8")
    done = run("rules", "check", str(good))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{good}: COPD, 6 rules of its own, version {pathways()['copd'].version}\n"
    wrong = text.replace("readings = 2\nof = 2", "readings = 3\nof = 2")
    bad.write_text(wrong, encoding="utf-8")
    line = wrong[: wrong.index("readings = 3\nof = 2")].count("\n") + 1
    done = run("rules", "check", str(bad), str(good))
    assert (done.returncode, done.stderr) == (1, f"{bad}:{line}: rules[6].readings: must be 2 to 2\n")
    assert "COPD" in done.stdout


def test_a_ward_is_explained_and_a_patient_by_the_plan_in_force(ward: Ward) -> None:
    last = {"tell": "fallback", "wait_s": 60, "by": ["webhook"], "to": "https://x.example/1"}
    ward.sets_ladders(red=[{"tell": "support", "wait_s": 60}, last])
    of_ward = run("rules", "explain", "WARD1", settings=ward.settings).stdout
    assert of_ward.startswith(f"Ward WARD1\n\nGeneral, rules of version {pathways()['general'].version}\n")
    assert "Red. Told: support (1 min); then fallback (1 min)" in of_ward
    assert "SpO2 91 % or less (limit)" in of_ward
    review_on = "2100-01-01"  # the command asks the real time
    ward.plans(limits={"spo2": {"red_low": 85}}, baselines={"news2": 2}, spo2_scale=2, review_on=review_on)
    of_patient = run("rules", "explain", str(ward.patient.id), settings=ward.settings).stdout
    assert "SpO2 85 % or less (the plan's limit)" in of_patient
    assert "Usual values: NEWS2 2" in of_patient
    assert "never yet: no usual systolic blood pressure is known" in of_patient


def test_names_mean_what_holds_in_an_installation_and_what_is_packaged_without_one(ward: Ward, tmp_path: Path) -> None:
    ward.now = utc_now()
    version = changes(ward, changed("general", SOONER)).version
    path = tmp_path / "day.csv"
    path.write_text("patient,hours,spo2\nann,0,95\n", encoding="utf-8")

    def judged(settings: Settings | None) -> tuple[str, int]:
        found = json.loads(run("backtest", str(path), "--json", settings=settings).stdout)["pathways"][0]
        return found["pathway_version"], found["sets_by_severity"]["amber"]

    assert judged(ward.settings) == (version, 1)
    assert judged(None) == (pathways()["general"].version, 0)


def test_who_is_nobody_is_said_to_be(ward: Ward) -> None:
    for which in ("WARD9", "01a21850-0000-7000-8000-000000000000"):
        done = run("rules", "explain", which, settings=ward.settings)
        assert (done.returncode, done.stdout) == (2, "")
        assert which in done.stderr
