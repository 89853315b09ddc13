"""Several at once: one open alert per patient and kind, and events in the order of their commits, none missing."""

from collections.abc import Callable, Sequence
from threading import Barrier, Event, Thread
from typing import Any

import msgspec
import pytest

from alert_rules.alarms import Kind
from alert_rules.severity import Severity
from devices.reading import Arrival
from monitoring.access.roles import Role
from monitoring.alerts import answers, finding
from monitoring.alerts.views import HISTORY_TOLD_MAX
from monitoring.database import driver, once_more, transaction
from monitoring.events import NewEvent, emit
from monitoring.kit import devices
from monitoring.kit.assigning import assign
from monitoring.kit.devices import DeviceBody
from monitoring.patients import register
from tests.ward import SICK, VERY_SICK, WELL, Patient, Ward
from tests.workers.records import change, count, rows


def together(*works: Callable[[], object]) -> None:
    """Do all of it at once, in threads of their own."""
    start = Barrier(len(works))

    def work(one: Callable[[], object]) -> None:
        start.wait()
        one()

    threads = [Thread(target=work, args=(one,)) for one in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def second_device(ward: Ward) -> Patient:
    """The ward's patient with another device, which another stream may carry."""
    with transaction(ward.engine) as session:
        act = ward.act(session, Role.ADMIN)
        device, _ = devices.make(session, ward.now, DeviceBody("watch", "W-1"))
        assign(act, device.public_id, register.find(act, ward.patient.id), ward.now)
        one = ward.patient
        return Patient(one.id, one.key, one.episode_id, device.public_id, device.id)


def drains(ward: Ward, batches: Sequence[list[Arrival]]) -> None:
    """One batch after the other, as the loop does where one is chosen as a deadlock's victim."""
    for batch in batches:
        once_more(lambda batch=batch: ward.drains(batch))  # type: ignore[misc]


def test_two_streams_of_one_patient_raise_one_alert(ward: Ward) -> None:
    watch = second_device(ward)
    ward.at("08:30")
    hub_sets, watch_sets = (
        [[ward.arrival([{"id": f"{n}", "taken_at": ward.now, **SICK}], patient=one)] for n in range(8)]
        for one in (ward.patient, watch)
    )
    together(lambda: drains(ward, hub_sets), lambda: drains(ward, watch_sets))
    assert count(ward.engine, "reading") == 16
    assert [alert.kind for alert in ward.alerts()] == [Kind.DETERIORATION]
    assert ward.history(ward.alert()) == ["raised"]


def test_two_drains_of_the_same_patients_in_opposite_order_do_not_stop_each_other(ward: Ward) -> None:
    patients = [ward.patient, *(ward.admit() for _ in range(5))]

    def batch(name: str, order: Sequence[Patient]) -> list[Arrival]:
        return [ward.arrival([{"id": name, "taken_at": ward.now, **SICK}], patient=one) for one in order]

    there = [batch(f"there{n}", patients) for n in range(4)]
    back = [batch(f"back{n}", patients[::-1]) for n in range(4)]
    together(lambda: drains(ward, there), lambda: drains(ward, back))
    assert count(ward.engine, "reading") == 48
    assert count(ward.engine, "alert") == 6


def test_an_answer_and_a_worse_set_at_once_leave_the_worse_set_seen(ward: Ward) -> None:
    ward.receives(**SICK)
    alert = ward.alert()
    ward.at("08:30")

    def acknowledge() -> None:
        with transaction(ward.engine) as session:
            act = ward.act(session, Role.CLINICIAN)
            answers.acknowledge_alert(act, alert.public_id, answers.AcknowledgeBody())

    together(acknowledge, lambda: ward.receives(**VERY_SICK))
    assert ward.alert().severity == Severity.CRITICAL
    assert ward.history(alert)[1:] in (["acknowledged", "worsened"], ["stepped_up", "acknowledged"])


def test_events_are_numbered_in_the_order_of_their_commits(ward: Ward) -> None:
    """A reader that asks for what follows the last id it saw never loses one."""
    with transaction(ward.engine) as first:
        emit(first, [NewEvent("system", ward.now, None, None, {"n": 1})])
        second = Thread(target=_emit, args=(ward, 2))
        second.start()
        _until_somebody_waits(ward)
        assert rows(ward.engine, "SELECT id FROM event") == []
    second.join()
    assert [row.n for row in rows(ward.engine, "SELECT data->'system'->>'n' AS n FROM event ORDER BY id")] == ["1", "2"]


def _emit(ward: Ward, number: int) -> None:
    with transaction(ward.engine) as session:
        emit(session, [NewEvent("system", ward.now, None, None, {"n": number})])


def _emit_some(ward: Ward, many: int) -> None:
    for number in range(many):
        _emit(ward, number)


def _until_somebody_waits(ward: Ward) -> None:
    while not rows(ward.engine, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        pass


def test_a_reader_of_what_is_new_sees_every_event_of_several_writers(ward: Ward) -> None:
    seen: list[int] = []
    written = Event()

    def read() -> None:
        while True:
            last_look = written.is_set()
            query = "SELECT id FROM event WHERE id > :last ORDER BY id LIMIT 7"
            new = [row.id for row in rows(ward.engine, query, last=seen[-1] if seen else 0)]
            seen.extend(new)
            if last_look and not new:
                return

    reader = Thread(target=read)
    reader.start()
    together(*[lambda: _emit_some(ward, 25)] * 4)
    written.set()
    reader.join()
    assert len(seen) == 100
    assert seen == [row.id for row in rows(ward.engine, "SELECT id FROM event ORDER BY id")]


def newest_event(ward: Ward) -> Any:
    """What was told last."""
    return rows(
        ward.engine, "SELECT kind, ward, patient, data FROM event WHERE kind = 'alert' ORDER BY id DESC LIMIT 1"
    )[0]


def read(ward: Ward, kind: Kind = Kind.DETERIORATION) -> Any:
    """The alert as a clinician reads it."""
    with transaction(ward.engine) as session:
        found = finding.alert(ward.act(session, Role.CLINICIAN), ward.alert(kind).public_id)
    shown = msgspec.json.decode(msgspec.json.encode(found))
    shown["history"] = [entry for entry in shown["history"] if not entry["what"].startswith("passed over")]
    return shown


def test_an_event_carries_the_alert_as_it_can_be_read(ward: Ward) -> None:
    ward.receives(**SICK)
    told = newest_event(ward)
    assert (told.kind, told.ward, told.patient) == ("alert", ward.code, ward.patient.id)
    assert told.data["alert"] == read(ward)
    assert told.data["alert"]["why"]["readings"]
    ward.acknowledges(ward.alert())
    ward.at("08:30").receives(**VERY_SICK)
    worse = newest_event(ward).data["alert"]
    assert worse == read(ward)
    assert [(entry["what"], entry["by_name"]) for entry in worse["history"]] == [
        ("raised", None),
        ("acknowledged", ward.staff[Role.CLINICIAN].name),
        ("worsened", None),
    ]


def test_an_overdue_alert_is_told_as_it_can_be_read(ward: Ward) -> None:
    ward.at("18:00")
    assert newest_event(ward).data["alert"] == read(ward, Kind.OVERDUE)


def test_an_event_carries_no_more_of_a_long_history_than_its_newest_entries(ward: Ward) -> None:
    ward.receives(**SICK)
    change(
        ward.engine,
        """
        INSERT INTO alert_history (alert_id, at, to_state, severity, what)
        SELECT id, raised_at, state, severity, 'noted' FROM alert, generate_series(1, 1200)
        """,
    )
    ward.at("08:30").receives(**VERY_SICK)
    told = newest_event(ward).data["alert"]["history"]
    assert len(told) == HISTORY_TOLD_MAX
    assert told[-1]["what"] == "stepped_up"
    assert told == read(ward)["history"][-HISTORY_TOLD_MAX:]
    ward.acknowledges(ward.alert())
    assert len(newest_event(ward).data["alert"]["history"]) == HISTORY_TOLD_MAX


def test_a_set_that_changes_nothing_tells_nothing(ward: Ward) -> None:
    ward.receives(**WELL)
    assert count(ward.engine, "event") == 0


def test_a_batch_that_rolls_back_tells_nothing(ward: Ward) -> None:
    def fails() -> None:
        with transaction(ward.engine) as session:
            emit(session, [NewEvent("system", ward.now, None, None, {})])
            driver(session).execute("SELECT 1/0")

    with pytest.raises(Exception, match="division by zero"):
        fails()
    assert count(ward.engine, "event") == 0
