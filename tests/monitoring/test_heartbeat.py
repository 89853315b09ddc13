"""Who is alive, who died, and who came in whose place."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.heartbeat import DEAD_AFTER, Heard, Pulse, heard, heirs
from monitoring.tables import Heartbeat
from tests.ward import Ward

BEAT = timedelta(seconds=2)


def lives(ward: Ward, name: str, beats: int) -> None:
    """A worker is started now, beats so often, and is killed."""
    pulse = Pulse(ward.engine, name, "worker")
    for _ in range(beats):
        pulse.beat(ward.now)
        ward.now += BEAT


@pytest.mark.parametrize("young", [1, 3])
def test_whoever_stays_has_come_for_all_who_died_one_after_the_other(ward: Ward, young: int) -> None:
    for number in range(young):
        lives(ward, f"dies young {number}", 1)
    lives(ward, "stays", DEAD_AFTER // BEAT + young + 2)
    assert heard(ward.engine, ward.now)["worker"] == Heard(alive=1, dead=0)


def test_who_comes_for_one_does_not_come_for_another_who_died_with_them(ward: Ward) -> None:
    other = Pulse(ward.engine, "other", "worker")
    other.beat(ward.now)
    lives(ward, "one", 1)
    lives(ward, "dies young", 1)
    lives(ward, "stays", DEAD_AFTER // BEAT + 4)
    assert heard(ward.engine, ward.now)["worker"] == Heard(alive=1, dead=1)


LIVES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.booleans()), max_size=8)


@given(LIVES)
def test_nobody_is_the_heir_of_two_nor_of_who_was_there_still_nor_of_the_living(
    lives: list[tuple[int, int, bool]],
) -> None:
    start = datetime(2026, 11, 26, tzinfo=UTC)
    there = [
        Heartbeat(
            name=f"{number}", part="worker", began_at=start + timedelta(seconds=began),
            at=start + timedelta(seconds=began + lived), took_a_place=took,
        )
        for number, (began, lived, took) in enumerate(lives)
    ]  # fmt: skip
    stale = start + timedelta(seconds=60)
    found = heirs(there, stale)
    assert len({heir.name for _, heir in found}) == len({dead.name for dead, _ in found}) == len(found)
    for dead, heir in found:
        assert dead.at < stale
        assert dead.at < heir.began_at
        assert not heir.took_a_place
    left = [one for one in there if one.at < stale and one.name not in {dead.name for dead, _ in found}]
    free = [one for one in there if not one.took_a_place and one.name not in {heir.name for _, heir in found}]
    assert not any(one.at < other.began_at for one in left for other in free)
