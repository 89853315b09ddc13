"""What is wrong with the kit at home: as a table of cases, and what holds of any kit."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.kit import BATTERY_CHARGED_PERCENT, BATTERY_LOW_PERCENT, SILENT_AFTER, Trouble, Worn, troubles
from alert_rules.silence import GRACE, Schedule, overdue_at, times_for

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SILENT, BATTERY = (1, Trouble.SILENT), (1, Trouble.BATTERY)
Key = tuple[int, Trouble]


def worn(
    device: int = 1, *, h: float | None = 0, battery: int | None = None, kind: str = "hub", since_h: float = 999
) -> Worn:
    """A device that was heard so many hours ago; None: never."""
    seen = None if h is None else NOW - timedelta(hours=h)
    return Worn(device, kind, NOW - timedelta(hours=since_h), seen, battery)


@dataclass(frozen=True)
class Case:
    """A kit, what was told of it, and what holds."""

    what: str
    kit: list[Worn]
    holds: set[Key]
    told: frozenset[Key] = frozenset()
    overdue: bool = False
    watched_h: float = 999


CASES = [
    Case("heard", [worn()], set()),
    Case("heard a minute less than 26 h ago", [worn(h=26 - 1 / 60)], set()),
    Case("silent", [worn(h=26)], {SILENT}),
    Case("silent, readings overdue: one call", [worn(h=26)], set(), overdue=True),
    Case("told before the readings were overdue", [worn(h=30)], {SILENT}, frozenset({SILENT}), overdue=True),
    Case("admitted a day ago", [worn(h=40)], set(), watched_h=25),
    Case("heard when another had it", [worn(h=40, since_h=20)], set()),
    Case("never switched on", [worn(h=None, since_h=26)], {SILENT}),
    Case("a sensor behind its hub", [worn(h=None, since_h=99), worn(2)], set()),
    Case("a sensor that was named once", [worn(h=27), worn(2)], {SILENT}),
    Case("a scale after three days", [worn(h=71, kind="scale")], set()),
    Case("a scale after more", [worn(h=72, kind="scale")], {SILENT}),
    Case("low", [worn(battery=20)], {BATTERY}),
    Case("not low", [worn(battery=21)], set()),
    Case("told, and not charged", [worn(battery=29)], {BATTERY}, frozenset({BATTERY})),
    Case("charged", [worn(battery=30)], set(), frozenset({BATTERY})),
    Case("low when another had it", [worn(h=9, battery=3, since_h=2)], set()),
    Case("silent with a low battery: one trouble", [worn(h=30, battery=3)], {SILENT}),
    Case("low, then overdue", [worn(h=30, battery=3)], {BATTERY}, frozenset({BATTERY}), overdue=True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_what_holds_of_a_kit(case: Case) -> None:
    since = NOW - timedelta(hours=case.watched_h)
    assert troubles(case.kit, since, NOW, case.told, overdue=case.overdue) == case.holds


hours = st.none() | st.floats(0, 200)
kits = st.lists(
    st.builds(
        lambda h, battery, kind, since_h: worn(h=h, battery=battery, kind=kind, since_h=since_h),
        hours, st.none() | st.integers(0, 100), st.sampled_from(["hub", "scale"]), st.floats(0, 200),
    ),
    max_size=4,
).map(lambda kit: [replace(one, device=number) for number, one in enumerate(kit)])  # fmt: skip
keys = st.frozensets(st.tuples(st.integers(0, 3), st.sampled_from(Trouble)))


@given(kits, st.floats(0, 200), keys, st.booleans())
def test_one_trouble_a_device_and_none_of_what_is_well(
    kit: list[Worn], watched_h: float, told: frozenset[Key], overdue: bool
) -> None:
    since = NOW - timedelta(hours=watched_h)
    found = troubles(kit, since, NOW, told, overdue=overdue)
    assert len({device for device, _ in found}) == len(found)
    for device, trouble in found:
        one = kit[device]
        if trouble is Trouble.SILENT:
            assert one.last_seen_at is None or NOW - one.last_seen_at >= SILENT_AFTER
        else:
            assert one.battery_percent is not None
            assert one.battery_percent < BATTERY_CHARGED_PERCENT
    assert troubles(kit, since, NOW, told, overdue=True) <= troubles(kit, since, NOW, told, overdue=False) | told
    well = [replace(one, last_seen_at=NOW, battery_percent=BATTERY_CHARGED_PERCENT) for one in kit]
    assert troubles(well, since, NOW, told, overdue=overdue) == frozenset()


@given(st.integers(1, 6), st.integers(0, 24 * 60 - 1))
def test_whoever_is_late_is_overdue_before_their_device_is_silent(per_day: int, minute: int) -> None:
    schedule = Schedule.of(times_for(per_day))
    heard = NOW + timedelta(minutes=minute)
    deadline = overdue_at(schedule.due_after(heard), heard)
    assert deadline is not None
    assert deadline <= heard + SILENT_AFTER


def test_the_lines_are_those_of_the_page() -> None:
    assert (20, timedelta(hours=24) + 2 * GRACE) == (BATTERY_LOW_PERCENT, SILENT_AFTER)
