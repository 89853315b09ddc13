"""A simulated day through the real drain and through the backtest: set by set they say the same, and call the same."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlmodel import Session

from alert_rules.alarm_arrays import CHANGES, Answering, Lives
from alert_rules.alarms import ENDED, Change, Kind, State
from alert_rules.pathway import pathways
from alert_rules.repeating import Ended, Why
from alert_rules.severity import Severity
from devices.simulator import bulk, cohort
from monitoring.alerts.tables import Alert
from monitoring.backtest.reading import LeftOut, read
from monitoring.backtest.recorded import recorded
from monitoring.backtest.replay import Replayed, judge_sets, replay
from tests.ward import Patient, Ward
from workers.prompts import raise_unrepeated

ACKNOWLEDGED_AFTER, RESOLVED_AFTER = timedelta(hours=3), timedelta(hours=5)
"""So late that an open alert has time to step up."""
NOTHING = "-------"
NOT_RECORDED = {"id", "battery", "declined"}
SCRIPTED = ("sepsis", "pneumonia_that_responds", None, None)

WELL: dict[str, Any] = {"respiratory_rate": 16, "spo2": 97, "oxygen_flow": 0, "systolic": 125, "temperature": 36.8}
STORY: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, WELL | {"pulse": 72, "consciousness": "A", "assessed_by": "carer", "weight": 70}),
    (30, {"pulse": 135}),
    (40, {"consciousness": "C", "assessed_by": "carer"}),
    (50, {"consciousness": "A", "assessed_by": "patient"}),  # their own word: lifts nothing
    (52, {"consciousness": "C", "assessed_by": "carer"}),  # so this is not news
    (60, {"consciousness": "A", "assessed_by": "carer"}),
    (65, {"consciousness": "C", "assessed_by": "carer"}),  # and this is
    (75, {"glucose": 3.5}),
    (85, {"glucose": 6.1, "wellness": "worse"}),
    (95, {"glucose": 3.5, "wellness": "same"}),
    (100, {"wellness": "worse", "temperature": 24.5}),
    (110, {"spo2": 40}),  # improbable
    (115, {"spo2": 45}),
    (120, {"spo2": 97, "pulse": 72, "systolic": 125, "diastolic": 80}),
    (300, {"spo2": 93}),
    (310, {"spo2": 94}),  # no better by the margin of hysteresis
    (320, {"spo2": 93}),  # so this is no news
    (400, WELL | {"pulse": 72, "consciousness": "A", "assessed_by": "carer"}),
    (410, {"respiratory_rate": 22, "oxygen_flow": 2}),  # nobody prescribed it
    (420, {"weight": 72.5}),
    (430, {"spo2": 93, "temperature": 38.2, "pulse": 112}),  # incomplete: somebody completes the set
    (1000, WELL | {"pulse": 72, "consciousness": "A", "assessed_by": "carer"}),
    (1010, {"spo2": 94}),  # an amber where the pathway repeats first
    (1020, {"spo2": 97}),  # the repeat is normal
    (1040, {"spo2": 94}),
    (1045, {"pulse": 74}),  # no repeat
    (1050, {"spo2": 93}),  # nor any better
    (1400, WELL | {"pulse": 72, "consciousness": "A", "assessed_by": "carer"}),
    (1410, {"spo2": 90, "quality": "low"}),
    (1412, {"spo2": 94, "quality": "low"}),  # no repeat: it cannot be relied on either
    (1417, {"spo2": 96}),
    (1430, {"pulse": 135, "quality": "low"}),  # nobody repeats it in time
    (1460, {"pulse": 72}),
    (1800, {"spo2": 93}),  # the last of all: still raised when its time is up
)
"""Minutes, and what was sent: what a simulated day does not bring, news and what is none."""

QUIET_STORY: tuple[tuple[int, dict[str, Any]], ...] = (
    (1, {"systolic": 94}),  # amber; resolved five hours later, and then for six hours nothing
    (4, {"systolic": 94}),
    (7, {"systolic": 94}),
    (8, {"systolic": 95}),
    (9, {"systolic": 93}),  # worse: raised
    (15, {"systolic": 93}),
    (16, {"systolic": 93, "spo2": 93}),  # another one: raised
    (22, {"systolic": 94, "spo2": 93, "respiratory_rate": 21}),  # another one still: NEWS2
    (26, {"systolic": 125, "spo2": 97}),
    (40, {"systolic": 88, "systolic_accepted_low": 88}),
    (41, {"systolic": 87}),  # beyond what is accepted
    (42, {"systolic": 88}),
    (47, {"systolic": 88}),  # after a red: raised
    (53, {"systolic": 88}),
    (55, {"systolic": 89, "glucose": 21}),
    (62, {"systolic": 89, "glucose": 20.5}),
    (63, {"systolic": 88, "pulse": 91}),
    (70, {"wellness": "worse"}),
    (76, {"wellness": "worse"}),
    (40 + 7 * 24, {"systolic": 88}),  # it is over
)
"""Hours, and what was sent on a ward that lets what was resolved pass: a value is accepted meanwhile."""

Sent = tuple[datetime, int, dict[str, Any]]


def _sent(start: datetime) -> list[Sent]:
    """A day and some hours of four patients, two of whom get worse: a set every hour and a half, each of some kit."""
    people = [
        replace(one, hub=replace(one.hub, clock_offset_s=0, local_time=False)) for one in cohort(["frailty"], 4, seed=7)
    ]
    people = [one.begins(name, start) if name else one for one, name in zip(people, SCRIPTED, strict=True)]
    posts, sent = bulk(people, start, timedelta(minutes=90), seed=7), []
    for _, post in zip(range(4 * 18), posts, strict=False):
        one = msgspec.json.decode(post.body)
        sent.append((datetime.fromisoformat(one["taken_at"]).astimezone(UTC), people.index(post.patient), one))
    sent += [
        (at, 4, {"id": f"story-{minute}", "taken_at": at.isoformat(), **said})
        for minute, said in STORY
        if (at := start + timedelta(minutes=minute))
    ]
    return sorted(sent, key=lambda one: one[0])


def _turns(ward: Ward, to: datetime) -> None:
    """The timekeeper raises what nobody repeats, each at its time."""
    while True:
        with Session(ward.engine) as session:
            by = session.execute(_NEXT, {"to": to}).scalar_one()
        if by is None:
            break
        raise_unrepeated(ward.engine, by)
    ward.now = to


def _people_answer(ward: Ward, patient: Patient) -> None:
    """As the backtest assumes: acknowledged and resolved some hours after it called."""
    for alert in ward.alerts(patient):
        if alert.kind != Kind.DETERIORATION or alert.state in ENDED:
            continue
        since = ward.now - _asked_at(ward, alert)
        if since >= RESOLVED_AFTER:
            ward.resolves(alert)
        elif alert.state == State.OPEN and since >= ACKNOWLEDGED_AFTER:
            ward.acknowledges(alert)


_NEXT = text("SELECT min(repeat_by) FROM latest_vitals WHERE repeat_by <= :to")
_ASKED = text(
    "SELECT max(at) FROM alert_history WHERE alert_id = :id"
    " AND (what IN ('raised', 'stepped_up') OR (what = 'worsened' AND from_state <> 'open'))"
)
_ENDED = text("SELECT why, outcome FROM prompt")
_JUDGED = text(
    "SELECT taken_at, severity, points FROM reading WHERE episode_id = :episode AND quality <> 'test' ORDER BY taken_at"
)
_CHANGED = text(
    "SELECT h.at, h.what, h.severity FROM alert_history AS h JOIN alert ON alert.id = h.alert_id"
    " WHERE alert.patient_id = :patient AND alert.kind = 'deterioration'"
    " AND h.what IN ('raised', 'stepped_up', 'worsened') ORDER BY h.id"
)
_LET_PASS = text("SELECT count(DISTINCT sets[1]) FROM suppressed WHERE why = 'refractory'")


def _asked_at(ward: Ward, alert: Alert) -> datetime:
    with Session(ward.engine) as session:
        at = session.execute(_ASKED, {"id": alert.id}).scalar_one()
        assert isinstance(at, datetime)
        return at


def _as_csv(path: Path, sent: list[Sent], plans: list[dict[str, Any]]) -> None:
    lines = [
        {
            "patient": f"p{place}",
            **plans[place],
            **{name: said for name, said in one.items() if name not in NOT_RECORDED},
        }
        for _, place, one in sent
    ]
    names = sorted({name for line in lines for name in line})
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, names)
        rows.writeheader()
        rows.writerows(lines)


def _same_both_ways(
    ward: Ward, patients: list[Patient], recorded_as: Path, pathway: str, some: int = 12
) -> tuple[set[int], set[str], Replayed]:
    """What the drain made of patients, against a file of the same: how bad, what changed, and the backtest."""
    found = recorded(read([recorded_as], LeftOut()), LeftOut())
    facts = judge_sets(found, pathways()[pathway]).facts
    replayed = replay(found, pathways()[pathway], Answering(lambda _: ACKNOWLEDGED_AFTER, RESOLVED_AFTER))
    lives = replayed.lives[Kind.DETERIORATION]
    severities, changes = set[int](), set[str]()
    for place, patient in enumerate(patients):
        with Session(ward.engine) as session:
            judged = [tuple(row) for row in session.execute(_JUDGED, {"episode": patient.episode_id})]
            changed = [tuple(row) for row in session.execute(_CHANGED, {"patient": patient.key})]
        columns = [column for column, stay in enumerate(found.sets.stay.tolist()) if stay == place]
        taken = [datetime.fromtimestamp(found.sets.taken_us[one] / 1e6, UTC) for one in columns]
        points = [_points(facts.news2.points[:, one], facts.vitals.known[:, one]) for one in columns]
        said = list(zip(taken, replayed.severity[columns].tolist(), points, strict=True))
        assert said == [(at, severity, scored or NOTHING) for at, severity, scored in judged if at in taken]
        assert len(said) >= some
        assert len(changed) < len(said)
        assert [
            (called_at, change.value, int(lives.severity[column]))
            for called_at, column in _by_call(lives, columns)
            if (change := CHANGES[int(lives.change[column])]) is not None
        ] == changed
        severities |= set(replayed.severity[columns].tolist())
        changes |= {what for _, what, _ in changed}
    return severities, changes, replayed


@pytest.mark.parametrize("name", ["frailty", "acute_respiratory"], ids=["alerts at once", "repeats first"])
def test_a_day_says_the_same_through_the_drain_and_through_the_backtest(ward: Ward, tmp_path: Path, name: str) -> None:
    ward.opens("OTHER", pathway=name)
    ward.code = "OTHER"
    patients = [ward.admit() for _ in range(5)]
    plans: list[dict[str, Any]] = [{}, {}, {"spo2_scale": 2, "home_oxygen_l_min": 1.0}, {}, {}]
    ward.plans(patients[2], **plans[2])
    sent = _sent(ward.now)
    for taken_at, place, one in sent:
        _turns(ward, taken_at)
        _people_answer(ward, patients[place])
        ward.receives_sets([one], patient=patients[place])
    _turns(ward, ward.now + timedelta(hours=1))

    _as_csv(tmp_path / "day.csv", sent, plans)
    severities, changes, replayed = _same_both_ways(ward, patients, tmp_path / "day.csv", name)
    assert (max(severities), changes) == (Severity.CRITICAL, set(Change))
    assert not replayed.lives[Kind.DETERIORATION].let_pass.any()
    _ends_as_asked(ward, replayed)


def test_what_is_accepted_and_what_was_resolved_lately_count_the_same_both_ways(ward: Ward, tmp_path: Path) -> None:
    ward.opens("HEART", pathway="heart_failure")
    ward.code = "HEART"
    patient, start = ward.admit(), ward.now
    sent: list[Sent] = []
    story = dict(QUIET_STORY)
    for hour in range(max(story) + 1):
        ward.now = taken_at = start + timedelta(hours=hour)
        _people_answer(ward, patient)
        if (said := story.get(hour)) is None:
            continue
        one = {"id": f"h-{hour}", "taken_at": taken_at.isoformat(), **WELL, "pulse": 72, **said}
        if "systolic_accepted_low" in one:
            ward.accepts(patient, down_to=one["systolic_accepted_low"], until=ward.now + timedelta(days=7))
        posted = {name: value for name, value in one.items() if name != "systolic_accepted_low"}
        ward.receives_sets([posted | {"consciousness": "A", "assessed_by": "carer"}], patient=patient)
        sent.append((taken_at, 0, one | {"consciousness": "A", "assessed_by": "carer"}))
    _as_csv(tmp_path / "stay.csv", sent, [{}])
    severities, changes, replayed = _same_both_ways(ward, [patient], tmp_path / "stay.csv", "heart_failure")
    assert (severities, changes) == ({0, 1, 3}, {Change.RAISED, Change.STEPPED_UP})
    with Session(ward.engine) as session:
        let_pass = int(replayed.lives[Kind.DETERIORATION].let_pass.sum())
        assert let_pass == session.execute(_LET_PASS).scalar_one() == 5


def _ends_as_asked(ward: Ward, replayed: Replayed) -> None:
    """What patients were asked ended alike, and every way of ending came to pass."""
    with Session(ward.engine) as session:
        asked = [tuple(row) for row in session.execute(_ENDED)]
    found = [(one.why, Ended.RAISED if one.raised else Ended.REPEATED) for one in replayed.endings]
    assert sorted(found) == sorted(asked)
    amber, low = Why.AMBER, Why.LOW_QUALITY
    expected = {(low, Ended.REPEATED), (low, Ended.RAISED)}
    assert set(found) == expected | ({(amber, end) for _, end in expected} if replayed.pathway.repeat_first else set())
    assert {one.in_time for one in replayed.endings if one.raised} >= {False}


def _by_call(lives: Lives, columns: list[int]) -> list[tuple[datetime, int]]:
    """Sets in the order in which they called: what was asked about first came after sets that changed nothing."""
    return sorted((datetime.fromtimestamp(lives.at_us[column] / 1e6, UTC), column) for column in columns)


def _points(points: Any, known: Any) -> str:
    return "".join(str(one) if is_known else "-" for one, is_known in zip(points.tolist(), known.tolist(), strict=True))
