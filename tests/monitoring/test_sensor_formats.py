"""`POST /v1/gatt` and `POST /v1/open-mhealth`: answered as `/v1/readings`, and scored like them."""

from datetime import timedelta
from typing import Any

import pytest
from redis import Redis

from devices.formats.gatt.clocks import LONDON
from monitoring.clock import utc_now
from tests.monitoring.api import Api
from tests.monitoring.steps import refused
from tests.workers.records import count, drain_all, kept_aside, rows

HEART, CUFF, BATTERY = "2A37", "2A35", "2A19"


def frame(characteristic: str, value: str, ago: timedelta = timedelta()) -> dict[str, str]:
    """A frame, heard just now."""
    return {"characteristic": characteristic, "value": value, "received_at": (utc_now() - ago).isoformat()}


def point(own_id: str, **body: Any) -> dict[str, Any]:
    """A heart rate measured just now."""
    rate = {"heart_rate": {"value": 72, "unit": "beats/min"}, "effective_time_frame": {"date_time": _now()}}
    return {"header": {"id": own_id, "modality": "sensed"}, "body": rate | body}


def _now() -> str:
    return utc_now().isoformat()


@pytest.fixture
def queue(api: Api) -> Redis:
    """The queue that the API puts things on."""
    return Redis.from_url(api.ward.settings.queue_url)


def test_frames_become_readings_and_the_battery_the_devices(api: Api, queue: Redis) -> None:
    frames = [frame(HEART, "0048"), frame(CUFF, "00800050006000"), frame(BATTERY, "50"), frame(HEART, "00")]
    answer = api.post("/v1/gatt", {"frames": frames}, token=api.device())
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "rejected": [{"index": 3, "field": "frames[3].value", "reason": "1 bytes: its flags say 2"}],
    }
    drain_all(api.ward, queue)
    found = rows(
        api.ward.engine, "SELECT pulse, systolic, also - 'original' AS also FROM reading ORDER BY pulse NULLS LAST"
    )
    assert [(row.pulse, row.systolic, row.also) for row in found] == [
        (72, None, {"clock": "assumed"}), (None, 128, {"clock": "assumed"}),
    ]  # fmt: skip
    assert _seen(api).battery_percent == 80


def test_a_battery_alone_reaches_the_device_and_is_no_reading(api: Api, queue: Redis) -> None:
    token = api.device()
    for percent in ("50", "4f"):
        answer = api.post("/v1/gatt", {"frames": [frame(BATTERY, percent)]}, token=token)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "rejected": []})
    drain_all(api.ward, queue)
    assert count(api.ward.engine, "reading") == 0
    seen = _seen(api)
    assert (seen.battery_percent, (utc_now() - seen.last_seen_at) < timedelta(minutes=1)) == (79, True)
    assert api.get(f"/v1/devices/{api.ward.patient.device_id}").json()["battery"] == 79


def test_what_a_cuff_sends_live_and_again_from_its_memory_is_one_reading(api: Api, queue: Redis) -> None:
    taken = utc_now() - timedelta(minutes=20)
    shown = taken.astimezone(LONDON)
    time = shown.year.to_bytes(2, "little") + bytes([shown.month, shown.day, shown.hour, shown.minute, shown.second])
    for ago in (timedelta(minutes=20), timedelta()):
        frames = [frame(CUFF, f"02800050006000{time.hex()}", ago)]
        assert api.post("/v1/gatt", {"frames": frames}, token=api.device()).json()["accepted"] == 1
        drain_all(api.ward, queue)
    assert kept_aside(api.ward.engine) == []
    (one,) = rows(api.ward.engine, "SELECT taken_at, also - 'original' AS also FROM reading")
    assert (one.taken_at, one.also) == (taken.replace(microsecond=0), {"clock": "synced"})


def test_data_points_become_readings_once(api: Api, queue: Redis) -> None:
    token, points = api.device(), [point("a"), point("b", descriptive_statistic="average")]
    for _ in range(2):
        answer = api.post("/v1/open-mhealth", points, token=token)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
        assert answer.json()["rejected"][0]["field"] == "body.descriptive_statistic"
    drain_all(api.ward, queue)
    assert [row.id for row in rows(api.ward.engine, "SELECT id FROM reading WHERE pulse = 72")] == ["a"]


def test_what_nobody_can_time_is_kept_aside_once_and_the_ward_is_told_where_it_is_red(api: Api, queue: Redis) -> None:
    saturation = {"heart_rate": None, "oxygen_saturation": {"value": 84, "unit": "%"}, "effective_time_frame": None}
    token, dateless = api.device(), frame("2A5E", "02540048002002")
    for _ in range(2):
        problem = refused(api.post("/v1/open-mhealth", point("c", **saturation), token=token), 422)
        assert problem["rejected"][0]["reason"].startswith("kept aside: time not known")
        refused(api.post("/v1/gatt", {"frames": [dateless]}, token=token), 422)
    drain_all(api.ward, queue)
    assert sorted(kept_aside(api.ward.engine)) == [
        ("2A5E-02540048002002", "time not known"), ("c", "time not known"),
    ]  # fmt: skip
    (alert,) = api.ward.alerts()
    assert "SpO2 84 %" in alert.reasons[0]["text"]


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/gatt", {"frames": []}), ("/v1/gatt", {"frame": []}), ("/v1/open-mhealth", [])]
)
def test_what_holds_nothing_is_unacceptable(api: Api, path: str, body: object) -> None:
    problem = refused(api.post(path, body, token=api.device()), 422)
    assert problem["accepted"] == 0
    refused(api.call("POST", path, token=api.device(), content=b"{", headers={"Content-Type": "application/json"}), 400)
    refused(api.call("POST", path, token=api.device(), content=b"{}", headers={"Content-Type": "text/csv"}), 415)
    refused(api.post(path, body), 403)


def _seen(api: Api) -> Any:
    (seen,) = rows(api.ward.engine, "SELECT * FROM device_seen")
    return seen
