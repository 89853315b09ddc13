"""Who stands at the end of the ladders is proved to be there, every day."""

from datetime import timedelta

from monitoring.config import Settings
from monitoring.escalation.checking import escalation_part
from monitoring.escalation.proving import PROVED_FOR
from tests.monitoring.test_duty import with_fallback
from tests.ward import Ward
from tests.workers.records import change, rows
from workers.fallbacks import prove_fallbacks
from workers.housekeeping import forget_old

LAST = {"tell": "fallback", "by": ["webhook"], "to": "https://own.example", "wait_s": 600}


def sent(ward: Ward) -> list[tuple[str, str]]:
    """Every test message: whose, and where to."""
    found = rows(
        ward.engine,
        "SELECT body -> 'data' ->> 'ward' AS ward, address FROM message WHERE body ->> 'type' = 'escalation.test'"
        " ORDER BY id",
    )
    return [(row.ward, row.address) for row in found]


def proves(ward: Ward, settings: Settings) -> int:
    """The timekeeper's look."""
    return prove_fallbacks(ward.engine, settings, ward.now)


def doubt(ward: Ward, settings: Settings) -> str:
    """What `check` says against the ends of the ladders."""
    said = escalation_part(ward.engine, settings, ward.now).detail.split("; ")
    return ", ".join(one for one in said if "fallback" in one)


def test_each_fallback_of_each_open_ward_is_tested_once_a_day_in_the_morning(ward: Ward) -> None:
    settings = with_fallback(ward)
    ward.opens("WARD2")
    ward.sets_ladders("WARD2", red=[LAST], critical=[LAST])
    ward.now = ward.now.replace(hour=8, minute=59)
    assert proves(ward, settings) == 0
    ward.now += timedelta(minutes=1)
    assert [proves(ward, settings) for _ in range(2)] == [3, 0]
    assert sorted(sent(ward)) == [
        ("WARD1", "https://always.example"), ("WARD2", "https://always.example"), ("WARD2", "https://own.example"),
    ]  # fmt: skip
    ward.now += timedelta(days=1)
    assert proves(ward, settings) == 3


def test_check_names_the_ward_whose_ladders_end_at_nobody(ward: Ward) -> None:
    assert doubt(ward, ward.settings) == "ward WARD1: its ladders end at nobody: no fallback is configured"
    assert doubt(ward, with_fallback(ward)) == ""


def test_a_fallback_is_doubted_when_its_test_does_not_arrive_and_trusted_when_it_does(ward: Ward) -> None:
    settings = with_fallback(ward)
    ward.now = ward.now.replace(hour=9)
    assert proves(ward, settings) == 1
    assert doubt(ward, settings) == ""  # it is on its way
    ward.now += timedelta(hours=1)
    assert doubt(ward, settings) == "ward WARD1: no test message reached the fallback (webhook) since a day"
    change(ward.engine, "UPDATE message SET state = 'delivered', done_at = :at", at=ward.now)
    assert doubt(ward, settings) == ""
    ward.now += PROVED_FOR
    assert doubt(ward, settings) != ""


def test_old_tests_are_forgotten_with_their_messages(ward: Ward) -> None:
    ward.now = ward.now.replace(hour=9)
    proves(ward, with_fallback(ward))
    forget_old(ward.engine, ward.now + timedelta(days=92))
    assert rows(ward.engine, "SELECT 1 FROM fallback_test UNION ALL SELECT 1 FROM message") == []
