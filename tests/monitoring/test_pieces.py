"""A page that is sent what changed since the picture that it has shows the same as one that is sent all."""

from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from monitoring.pieces import Pieces, drawn

SHOWN = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 2), max_size=5)


def pictures_of(shown: Sequence[dict[str, int]]) -> list[Pieces]:
    """One after the other, each piece drawn as its key and what it shows."""
    made: list[Pieces] = []
    for one in shown:
        told = {key: (key, value) for key, value in one.items()}
        made.append(drawn(made[-1] if made else None, "", told, lambda it: f"{it[0]}{it[1]}", [UUID(int=0)]))
    return made


@given(st.lists(SHOWN, min_size=1, max_size=8), st.data())
def test_whoever_takes_in_what_changed_shows_what_is(shown: list[dict[str, int]], data: st.DataObject) -> None:
    made = pictures_of(shown)
    looks = sorted(data.draw(st.sets(st.integers(0, len(made) - 1), min_size=1)))
    page: dict[str, str] = {}
    name = None
    for look in looks:
        picture = made[look]
        page |= {piece[0]: piece for piece in picture.since(name)}
        page = {key: page[key] for key in picture.pieces}
        name = picture.name
        assert list(page.values()) == [f"{key}{value}" for key, value in shown[look].items()]


def test_what_is_the_same_is_neither_drawn_nor_sent_again() -> None:
    first, second = pictures_of([{"a": 1, "b": 1}, {"b": 1, "a": 2}])
    assert second.since(first.name) == ["a2"]
    assert second.pieces["b"] is first.pieces["b"]


def test_a_picture_of_another_process_is_no_picture_to_go_on_from() -> None:
    (here,), (elsewhere,) = pictures_of([{"a": 1}]), pictures_of([{"a": 1}])
    for name in (elsewhere.name, "", "nonsense", f"{here.chain}.", f"{here.chain}.-1", f"{here.chain}.x"):
        assert here.since(name) == ["a1"], name
    assert here.since(here.name) == []
