"""What a request may hold besides what is asked for: nothing. Bodies, filters, and how their faults are named."""

import msgspec
import pytest

from monitoring.bodies import BODY_BYTES_SEARCHED_MAX, decode
from monitoring.refusals import Unacceptable
from tests.monitoring.api import Api
from tests.monitoring.steps import PERSON, done, elsewhere, faults, has_alert, refused
from tests.ward import SICK, VERY_SICK


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """What an object of any keys holds."""

    low: int = 0
    marks: dict[str, int] = {}


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """A body that holds objects of any keys."""

    lines: dict[str, Line] = {}
    many: list[dict[str, int]] = []


def field_at_fault(body: bytes) -> str:
    """The field that a body is refused for."""
    with pytest.raises(Unacceptable) as refusal:
        decode(body, Body)
    (fault,) = refusal.value.faults
    return fault.field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"lines": {"a": {}, "b": {"high": 1}}}', "lines.b.high"),
        (b'{"lines": {"a": {"low": "x"}, "b": {"low": "x"}}}', "lines.a.low"),
        (b'{"lines": {"a": {"marks": {"m": 1}}, "b": {"marks": {"m": 1, "n": null}}}}', "lines.b.marks.n"),
        (b'{"many": [{}, {"a": 1, "b": "2"}]}', "many[1].b"),
        (b'{"lines": {"a": {"low": "x"}, "a": {}}}', "lines[...].low"),  # only the last of a name is kept
        (b'{"lines[...]": 1}', "lines[...]"),
        (b'{"x` - at `$.y[...]": 1}', "y[...].x"),
        (b'{"lines": {"a": {"low": 1e400}}}', "lines[...].low"),
        (b'{"lines": {"' + b"a" * BODY_BYTES_SEARCHED_MAX + b'": {"low": "x"}}}', "lines[...].low"),
    ],
)
def test_a_fault_inside_an_object_of_any_keys_names_the_key(body: bytes, field: str) -> None:
    assert field_at_fault(body) == field


def test_a_body_that_is_needed_and_empty_is_malformed(api: Api) -> None:
    device = f"/v1/devices/{api.ward.patient.device_id}/assignment"
    for method, path in (("POST", "/v1/patients"), ("POST", "/v1/wards"), ("PUT", device)):
        problem = refused(api.call(method, path), 400)
        assert problem["detail"] == "the body is empty"


def test_what_a_route_does_not_take_is_refused_by_name(api: Api) -> None:
    path = f"/v1/devices/{api.ward.patient.device_id}"
    for method, verb in (("POST", "token"), ("POST", "revoke"), ("DELETE", "assignment")):
        assert faults(api.call(method, f"{path}/{verb}", body={"reason": "lost"})) == ["reason"]
        assert faults(api.call(method, f"{path}/{verb}", body=[])) == [""]
        refused(api.call(method, f"{path}/{verb}", content=b"{"), 400)
        refused(api.call(method, f"{path}/{verb}", content=b"x", headers={"Content-Type": "text/plain"}), 415)
    assert done(api.get(path))["patient"] == str(api.ward.patient.id)
    for method, verb in (("POST", "token"), ("POST", "revoke"), ("DELETE", "assignment")):
        done(api.call(method, f"{path}/{verb}", body={}))
    done(api.call("POST", f"{path}/token", headers={"Content-Type": "application/x-www-form-urlencoded"}))


def test_a_filter_that_a_route_does_not_know_is_refused_by_name(api: Api) -> None:
    for path, wrong in (
        ("/v1/alerts?states=open", ["states"]),
        ("/v1/alerts?in_state=open", ["in_state"]),
        ("/v1/alerts?state=open&limits=5&%00=1", ["limits", "\0"]),
        ("/v1/alerts?state=open&state=resolved", ["state"]),
        ("/v1/alerts?state=open&state=", ["state"]),
        ("/v1/patients?ward=WARD1", ["ward"]),
        ("/v1/live?wards=WARD1", ["wards"]),
        (f"/v1/patients/{api.ward.patient.id}?limit=5", ["limit"]),
        (f"/v1/patients/{api.ward.patient.id}/readings?since=2026-01-01T00:00:00Z", ["since"]),
        ("/metrics?name=up", ["name"]),
        ("/v1/reports/occupancy?icb=%00&pathway=a%00", ["icb", "pathway"]),
        ("/v1/reports/sitrep?version=32768", ["version"]),
        ("/v1/reports/sitrep?icb=Q%20X", ["icb"]),
    ):
        assert faults(api.get(path)) == wrong, path
    assert faults(api.post("/v1/patients?dry_run=true", PERSON)) == ["dry_run"]
    assert faults(api.post("/v1/readings?test=true", [], token=api.device())) == ["test"]
    assert api.get("/health/live?probe=1", token="").status_code == 200


def test_a_filter_that_is_left_empty_was_not_asked_for(api: Api) -> None:
    _, here = elsewhere(api)
    alert = has_alert(api, **SICK)
    for query in ("ward=", "state=", "severity=", "patient=", "limit=", "cursor=", "ward=&state=&limit", "&"):
        assert done(api.get(f"/v1/alerts?{query}"))["items"] == [alert], query
        assert done(api.get(f"/v1/alerts?{query}", token=here))["items"] == [alert], query
    assert done(api.get("/v1/alerts?state=&severity=critical"))["items"] == []
    has_alert(api, **VERY_SICK)
    assert len(done(api.get("/v1/alerts?state=&severity=critical"))["items"]) == 1
    readings = f"/v1/patients/{api.ward.patient.id}/readings"
    assert done(api.get(f"{readings}?from=&to="))["items"] == done(api.get(readings))["items"] != []


def test_a_filter_by_ward_takes_what_can_be_a_code(api: Api) -> None:
    for ward in ("A%0A", "%20", "%00", "-A", "A" * 33, "%F0%9F%8F%A5"):
        for path in ("/v1/alerts", "/v1/live"):
            assert faults(api.get(f"{path}?ward={ward}")) == ["ward"], (path, ward)
    assert done(api.get("/v1/alerts?ward=A"))["items"] == []
