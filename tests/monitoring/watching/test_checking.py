"""Who would be told what is wrong with the system, and whether `check` warns where nobody would."""

from datetime import timedelta

from monitoring.watching.checking import engineers_part
from monitoring.watching.engineers import Engineers
from monitoring.watching.telling import body_of
from tests.monitoring.watching.watchers import reachable
from tests.ward import Ward
from tests.workers.records import change


def test_check_warns_where_nobody_would_be_told(ward: Ward) -> None:
    assert engineers_part(ward.engine, ward.settings, ward.now).status == "degraded"
    named = ward.settings.model_copy(update={"engineers_to": "ops@trust.example"})
    assert engineers_part(ward.engine, named, ward.now).status == "ok"
    reachable(ward, "https://pager.example/1")
    assert engineers_part(ward.engine, ward.settings, ward.now).status == "ok"


def test_who_comes_on_duty_later_is_known_though_the_database_has_gone_meanwhile(ward: Ward) -> None:
    reachable(ward, "https://pager.example/1")
    change(ward.engine, """UPDATE ward SET staffed_hours = '{"tue": ["09:00", "17:00"]}'""")
    engineers = Engineers()
    engineers.read(ward.engine, ward.now)  # Tuesday, 08:00
    assert engineers.on_duty(ward.now) == []
    assert [ways[0].to for ways in engineers.on_duty(ward.now + timedelta(hours=2))] == ["https://pager.example/1"]
    assert engineers.on_duty(ward.now + timedelta(hours=10)) == []


def test_a_message_says_where_it_stands_what_to_do(ward: Ward) -> None:
    said: dict[str, object] = {"problem": "outbox", "state": "began", "detail": "the oldest message is 70 s late"}
    body = body_of(said, "https://ward.example", ward.now)
    assert body["data"]["do"] == "docs/operations/alarms.md#outbox"
    assert body["data"]["link"] == "https://ward.example/kit"
