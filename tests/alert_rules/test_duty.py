"""Who is on duty when: by the clock on the wall, over both changes of it, on bank holidays, and when plans change."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_rules.duty import BANK_HOLIDAY, Override, Rota, Weekly, gaps, off, shifts, staffed, union, without
from alert_rules.silence import LOCAL
from alert_rules.staffed import DAYS, Shift

MARCH, OCTOBER = date(2026, 3, 29), date(2026, 10, 25)  # Sundays of 23 and of 25 hours
SINCE = datetime(2026, 3, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def never(_: date) -> bool:
    """No bank holiday."""
    return False


def london(text: str) -> datetime:
    """An instant by the clock on the wall."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL).astimezone(UTC)


def on_duty(rota: Rota, at: datetime) -> set[str]:
    """Who is there at an instant."""
    return set(shifts(rota, at, at + timedelta(microseconds=1), never))


times = st.integers(0, 24 * 4 - 1).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
instants = st.integers(0, 7 * 24 * 4).map(lambda quarter: SINCE + quarter * timedelta(minutes=15))
spans = st.tuples(instants, instants)
staff = st.sampled_from(["joy", "sam", "kim"])
weekly = st.builds(Weekly, staff, st.sampled_from(DAYS), times, times | st.just("24:00"))
overrides = st.builds(Override, staff, instants, instants, st.booleans()).filter(lambda one: one.start < one.end)
rotas = st.builds(Rota, st.lists(weekly, max_size=6).map(tuple), st.lists(overrides, max_size=4).map(tuple))


@cache
def wall(day: date) -> list[tuple[datetime, datetime]]:
    """Each minute from a day before until two days after, and what the clock on the wall then shows."""
    start = datetime.combine(day - timedelta(days=1), time(0), UTC)
    minutes = [start + n * MINUTE for n in range(4 * 24 * 60)]
    return [(at, at.astimezone(LOCAL).replace(tzinfo=None)) for at in minutes]


@given(day=st.sampled_from([MARCH, OCTOBER, date(2026, 6, 7)]), start=times, end=times | st.just("24:00"))
def test_a_shift_lasts_from_when_the_wall_first_shows_its_start_until_it_first_shows_its_end(
    day: date, start: str, end: str
) -> None:
    opens = time.fromisoformat(start)
    closes = time(0) if end == "24:00" else time.fromisoformat(end)
    last_day = day if closes > opens else day + timedelta(days=1)
    shown = wall(day)
    begins = next(at for at, clock in shown if clock >= datetime.combine(day, opens))
    ends = next(at for at, clock in shown if clock >= datetime.combine(last_day, closes))
    rota = Rota((Weekly("joy", DAYS[day.weekday()], start, end),))
    found = shifts(rota, begins - timedelta(hours=30), ends + timedelta(hours=30), never)
    assert found.get("joy", []) == ([(begins, ends)] if begins < ends else [])


@pytest.mark.parametrize(
    ("day", "night_hours", "day_hours"), [(MARCH, 11, 23), (OCTOBER, 13, 25), ("2026-06-07", 12, 24)]
)
def test_nights_and_days_of_the_clock_change_have_their_own_length(
    day: object, night_hours: int, day_hours: int
) -> None:
    sunday = date.fromisoformat(str(day))
    rota = Rota((Weekly("night", "sat", "20:00", "08:00"), Weekly("whole day", "sun", "00:00", "24:00")))
    around = [datetime.combine(sunday + timedelta(days=n), time(12), UTC) for n in (-2, 2)]
    found = shifts(rota, around[0], around[1], never)
    lengths = {who: [(end - start) / timedelta(hours=1) for start, end in of] for who, of in found.items()}
    assert lengths == {"night": [night_hours], "whole day": [day_hours]}


@given(rota=rotas, at=instants)
def test_nobody_off_duty_is_there_and_nobody_on_duty_is_missing(rota: Rota, at: datetime) -> None:
    """Held against each entry by itself; the last override that speaks of an instant decides."""
    around = SINCE - timedelta(days=2), SINCE + timedelta(days=9)
    expected = {
        entry.staff
        for entry in rota.weekly
        if any(start <= at < end for start, end in shifts(Rota((entry,)), *around, never).get(entry.staff, ()))
    }
    for override in rota.overrides:
        if override.start <= at < override.end:
            (expected.discard if override.off else expected.add)(override.staff)
    assert on_duty(rota, at) == expected


@given(rota=rotas, ends=spans)
def test_gaps_and_what_is_covered_are_the_whole_period_and_disjoint(rota: Rota, ends: Shift) -> None:
    since, until = min(ends), max(ends)
    there = shifts(rota, since, until, never)
    for each in there.values():
        assert each == union(each)
        assert all(since <= start < end <= until for start, end in each)
    covered = union(span for each in there.values() for span in each)
    missing = gaps(covered, since, until)
    assert union([*covered, *missing]) == ([(since, until)] if since < until else [])
    whole = sum((end - start for start, end in [*covered, *missing]), timedelta())
    assert whole == until - since  # none counted twice
    assert without(covered, missing) == covered


def test_bank_holidays_stand_in_place_of_the_weekday_where_the_rota_has_any() -> None:
    friday = Weekly("joy", "fri", "08:00", "20:00")
    at = london("2026-12-25 12:00")

    def christmas(day: date) -> bool:
        return (day.month, day.day) == (12, 25)

    def there(*entries: Weekly) -> set[str]:
        return set(shifts(Rota(entries), at, at + MINUTE, christmas))

    assert there(friday) == {"joy"}
    assert there(friday, Weekly("sam", BANK_HOLIDAY, "10:00", "16:00")) == {"sam"}
    assert there(friday, Weekly("sam", BANK_HOLIDAY, "14:00", "16:00")) == set()
    eve = Weekly("kim", "thu", "20:00", "14:00")  # a night that began before it goes on
    assert there(eve, Weekly("sam", BANK_HOLIDAY, "10:00", "16:00")) == {"kim", "sam"}


def test_overrides_win_and_the_later_one_wins_over_the_earlier() -> None:
    noon = london("2026-03-24 12:00")
    hour = timedelta(hours=1)
    works = Weekly("joy", "tue", "08:00", "20:00")
    ill = Override("joy", noon - hour, noon + hour, off=True)
    back = Override("joy", noon, noon + hour)
    bank = Override("sam", noon, noon + hour)
    assert on_duty(Rota((works,)), noon) == {"joy"}
    assert on_duty(Rota((works,), (ill, bank)), noon) == {"sam"}
    assert on_duty(Rota((works,), (ill, back)), noon) == {"joy"}
    assert on_duty(Rota((works,), (back, ill)), noon) == set()
    assert Rota((works,), (ill, bank)).members == {"joy", "sam"}
    only_ill = Rota((), (ill,))
    assert (only_ill.members, off(only_ill, "joy")) == (frozenset(), [(ill.start, ill.end)])


def test_a_ward_without_staffed_hours_is_always_staffed() -> None:
    day = london("2026-03-24 00:00"), london("2026-03-25 00:00")
    assert staffed(None, *day) == [day]
    assert staffed({"tue": ["08:00", "20:00"]}, *day) == [(london("2026-03-24 08:00"), london("2026-03-24 20:00"))]
    assert staffed({"mon": ["08:00", "20:00"]}, *day) == []


def test_a_rota_of_fifty_is_known_for_two_weeks_in_milliseconds() -> None:
    rota = Rota(tuple(
        Weekly(f"staff-{n}", DAYS[(n + shift) % 7], *hours)
        for n in range(50)
        for shift, hours in enumerate([("08:00", "20:00"), ("08:00", "20:00"), ("20:00", "08:00"), ("14:00", "22:00")])
    ))  # fmt: skip
    shifts(rota, SINCE, SINCE + timedelta(days=14), never)
    began = perf_counter()
    found = shifts(rota, SINCE, SINCE + timedelta(days=14), never)
    assert perf_counter() - began < 0.05  # 1 ms on the machine that this was written on
    assert len(found) == 50
