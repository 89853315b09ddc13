"""Patient experience: what was answered, and never so few together that somebody could be known by it."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitoring.access.roles import Role
from monitoring.database import transaction
from monitoring.flow.tables import Entry, SpellEntry
from monitoring.reports.experience import Answers, ExperienceReport, experience
from monitoring.reports.periods import Span
from monitoring.reports.small_numbers import SHOWN_FROM, hidden
from monitoring.reports.spell_groups import SpellsBy
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.spells_made import Made, insert, opens, utc
from tests.monitoring.steps import done
from tests.ward import Ward
from tests.workers.records import rows

SPAN = Span(utc(2026, 3, 1), utc(2026, 4, 1))
GROUPS = st.dictionaries(st.integers(), st.integers(0, 12), max_size=8)


def report(ward: Ward, by: SpellsBy = SpellsBy.WARD) -> ExperienceReport:
    """As a coordinator reads it."""
    ward.now = utc(2026, 5, 1)
    return acts(ward, lambda act: experience(act, SPAN, by))


def answer(ward: Ward, code: str, *said: dict[str, Any], to: Made | None = None, day: int = 20) -> Made:
    """A patient of a ward answers, once or more."""
    one = to or Made([(utc(2026, 3, 2), code)])
    if to is None:
        insert(ward, one)
    with transaction(ward.engine) as session:
        (key,) = rows(ward.engine, "SELECT id FROM ward WHERE code = :code", code=code)
        for data in said:
            at = utc(2026, 3, day)
            by = ward.staff[Role.SUPPORT].id
            session.add(
                SpellEntry(
                    episode_id=one.episode, ward_id=key.id, kind=Entry.EXPERIENCE, at=at, by=by, data=data,
                    recorded_at=at,
                )
            )  # fmt: skip
    return one


@given(GROUPS)
def test_what_is_hidden_cannot_be_told_from_the_total(people: dict[int, int]) -> None:
    out = hidden(people)
    assert {group for group, number in people.items() if 0 < number < SHOWN_FROM} <= out
    if out and out != {group for group, number in people.items() if number}:
        assert len(out) > 1
        assert sum(people[group] for group in out) >= SHOWN_FROM


@given(GROUPS.map(lambda people: {group: max(number, SHOWN_FROM) for group, number in people.items()}))
def test_nothing_is_hidden_where_every_group_is_large_enough(people: dict[int, int]) -> None:
    assert hidden(people) == frozenset()


def test_the_smallest_other_group_is_hidden_with_a_single_small_one() -> None:
    assert hidden({"A": 3, "B": 40, "C": 9, "D": 0}) == {"A", "C"}


def test_each_question_is_answered_by_those_who_answered_it(ward: Ward) -> None:
    opens(ward, "A1", since=utc(2026, 1, 1))
    for score in (10, 9, 8, 7, 6):
        answer(ward, "A1", {"score": score, "recommend": 5 if score > 7 else 3, "felt_safe": score > 6})
    for _ in range(2):
        answer(ward, "A1", {"text": "thank you"})
    (found,) = report(ward).groups
    assert (found.group, found.answers) == ("A1", 7)
    assert found.score == Answers(answers=5, value=8.0)
    assert found.recommend == Answers(answers=5, value=0.6)
    assert found.felt_safe == Answers(answers=5, value=0.8)
    assert report(ward).total == type(found)(**{**vars_of(found), "group": "all"})
    assert report(ward, SpellsBy.ALL).groups == []


def vars_of(row: Any) -> dict[str, Any]:
    """A struct's fields."""
    return {name: getattr(row, name) for name in row.__struct_fields__}


def test_the_newest_answer_of_a_spell_counts_and_those_of_another_period_do_not(ward: Ward) -> None:
    opens(ward, "A1", since=utc(2026, 1, 1))
    for _ in range(5):
        one = answer(ward, "A1", {"score": 2}, {"score": 4})
        with transaction(ward.engine) as session:
            entry = session.get_one(SpellEntry, rows(ward.engine, "SELECT max(id) AS id FROM spell_entry")[0].id)
            fields = {name: getattr(entry, name) for name in ("episode_id", "ward_id", "kind", "by")}
            later = SPAN.until_at + timedelta(hours=1)
            session.add(SpellEntry(**fields, at=later, data={"score": 10}, recorded_at=later))
    assert one.episode
    (found,) = report(ward).groups
    assert found.score == Answers(answers=5, value=4.0)


def test_fewer_than_five_are_not_shown_nor_what_would_tell_of_them(ward: Ward) -> None:
    numbers = {"A1": 4, "B1": 5, "C1": 6}
    for code, number in numbers.items():
        opens(ward, code, since=utc(2026, 1, 1))
        for _ in range(number):
            answer(ward, code, {"score": 8} if code != "C1" else {"score": 8, "felt_safe": True})
    found = report(ward)
    assert {row.group: row.answers for row in found.groups} == {"A1": None, "B1": None, "C1": 6}
    assert {row.group: row.score.value for row in found.groups} == {"A1": None, "B1": None, "C1": 8.0}
    assert {row.group: row.felt_safe for row in found.groups}["C1"] == Answers(answers=6, value=1.0)
    assert found.total.answers == 15


def test_a_total_of_fewer_than_five_is_not_shown_either(ward: Ward) -> None:
    answer(ward, ward.code, {"score": 8})
    found = report(ward)
    assert (found.total.answers, found.total.score) == (None, Answers(answers=None, value=None))


def test_over_http_as_json_and_as_csv(api: Api) -> None:
    path = "/v1/reports/experience?by=pathway"
    assert done(api.get(path, Role.CLINICIAN))["total"]["answers"] == 0
    header, line = api.get(path, headers={"Accept": "text/csv"}).text.splitlines()
    assert header.startswith("group,answers,score_answers,score_value,")
    assert line == "all,0,0,,0,,0,"
