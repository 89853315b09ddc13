"""`virtual-ward decode`: what is understood of a document, by every format, without any server."""

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from devices.formats import every, native
from monitoring import decoding
from monitoring.cli import app

AT = "2026-11-21T10:00:00Z"
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SETS = [{"id": "a", "taken_at": AT, "temperature": 37.05, "oxygen_flow": 2, "battery": 80}, {"id": "b", "taken_at": AT}]
FRAMES = {
    "frames": [
        {"characteristic": "2A35", "value": "19BDF00B009FF0011200", "received_at": AT},
        {"characteristic": "2A19", "value": "50", "received_at": AT},
        {"characteristic": "2A37", "value": "00", "received_at": AT},
        {"characteristic": "2A5E", "value": "02540048000002", "received_at": AT},
    ]
}
POINT = {"body_temperature": {"value": 96.5, "unit": "F"}, "effective_time_frame": {"date_time": AT}}


def run(*arguments: object) -> Result:
    """The command's answer."""
    return CliRunner().invoke(app, ["decode", *map(str, arguments)])


def decoded(*arguments: object) -> list[dict[str, Any]]:
    """Its JSON."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Writes a document into a file."""

    def write(name: str, document: object) -> Path:
        path = tmp_path / name
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return path

    return write


def test_sets_are_as_posted_and_refusals_have_their_place(file: Any) -> None:
    files = [file("native.json", SETS), file("gatt.json", FRAMES), file("omh.json", POINT), file("broken.json", b"{")]
    sets, frames, point, broken = decoded(*files)
    assert sets["sets"] == [SETS[0]]
    assert [one["place"] for one in sets["refused"]] == ["[1]"]
    (cuff,) = frames["sets"]
    assert (round(cuff["systolic"], 2), cuff["quality"]) == (141.76, "low")
    assert (frames["battery"], frames["notes"]) == (80, [{"set": 0, "slot": 1, "clock": "assumed"}])
    assert [one["place"] for one in frames["refused"]] == ["frames[2].value", "frames[3].value"]
    assert frames["refused"][1]["reads"]["spo2"] == 84
    assert "taken_at" not in frames["refused"][1]["reads"]
    assert point["sets"][0]["temperature"] == pytest.approx(35.8333, abs=1e-3)
    assert broken["sets"] == []
    assert broken["refused"][0]["reason"].startswith("The body is not JSON")
    assert broken["refused"][0]["place"] == ""


def test_what_it_prints_as_sets_can_be_posted(file: Any) -> None:
    for document in (SETS[:1], FRAMES, POINT):
        name = "gatt" if document is FRAMES else None
        (one,) = decoded(file("one.json", document), *(("--format", name) if name else ()))
        assert one["sets"]
        again = native.decode(json.dumps(one["sets"]).encode())
        assert (again.refused, len(again.sets)) == ([], len(one["sets"]))


def test_people_see_a_line_for_each_set_and_each_refusal(file: Any) -> None:
    path, wide = file("gatt.json", FRAMES), Console(width=160, file=StringIO())
    assert run(path, "--format", "gatt").exit_code == 0
    with wide.capture() as capture:
        decoding.show(wide, [decoding.understand(one, None, NOW) for one in (path, file("broken.json", b"{"))])
    shown = " ".join(capture.get().split())
    for said in (
        "1 set, 2 refused",
        "systolic 141.761638 mmHg",
        "battery 80 %",
        "frames[2].value",
        "spo2 84 %",
        "(all)",
    ):
        assert said in shown


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_printed(file: Any, tmp_path: Path) -> None:
    result = run(file("native.json", SETS), tmp_path / "nowhere.json", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere.json" in result.stderr.replace("\n", "")


def test_the_format_is_seen_where_it_is_not_named() -> None:
    seen = {
        b"MSH|^~": "hl7v2",
        b'{"resourceType": "Bundle"}': "fhir",
        b'{ "frames" : []}': "gatt",
        b"{}": "open-mhealth",
    }
    assert {body: every.guess(body) for body in seen} == seen
    assert every.guess(json.dumps(SETS).encode()) == "native"
