"""Reports on stays: every figure is what plain Python counts on spells made by hand."""

import csv
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from io import StringIO
from itertools import accumulate
from typing import Any

import numpy as np
import pytest

from monitoring.access.roles import Role
from monitoring.clock import WARD_TIME
from monitoring.database import transaction
from monitoring.flow.tables import Code, Delay, Entry, SpellEntry
from monitoring.reports.delays import DelaysRow, delays
from monitoring.reports.periods import Span
from monitoring.reports.spell_groups import SpellsBy
from monitoring.reports.stays import Days, NoCriteria, StaysReport, StaysRow, stays
from monitoring.wards.tables import Leave, LeaveKind, Step
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.spells_made import Made, insert, opens, utc
from tests.monitoring.steps import done, faults
from tests.ward import Ward
from tests.workers.records import rows

WARDS = {"A1": "frailty", "B1": "general", "C1": "general"}
NOW = utc(2026, 5, 1, 8)
SPAN = Span(utc(2026, 3, 15), utc(2026, 4, 14, 23))  # days in London: the clocks change on 29 March
DAY = timedelta(days=1)


@pytest.fixture
def wards(ward: Ward) -> Ward:
    """Three wards, and staff who work on those only."""
    for code, pathway in WARDS.items():
        opens(ward, code, since=utc(2025, 1, 1), pathway=pathway)
    ward.now = NOW
    ward.staff[Role.COORDINATOR], ward.tokens[Role.COORDINATOR] = ward.employ(Role.COORDINATOR, wards=list(WARDS))
    return ward


def report(ward: Ward, by: SpellsBy = SpellsBy.ALL, span: Span = SPAN) -> StaysReport:
    """As a coordinator reads it."""
    return acts(ward, lambda act: stays(act, span, by))


def total(ward: Ward, span: Span = SPAN) -> StaysRow:
    """Every spell of the wards as one."""
    return report(ward, span=span).total


def spell(at: datetime, days: float | None = None, outcome: str | None = "home", **more: Any) -> Made:
    """A spell on A1, of so many days; still in where there is no number."""
    until = None if days is None else at + timedelta(days=days)
    return Made([(at, "A1")], until=until, outcome=None if days is None else outcome, **more)


def day(at: datetime) -> date:
    """The day in London."""
    return at.astimezone(WARD_TIME).date()


def test_every_figure_is_what_a_plain_recount_finds(wards: Ward) -> None:
    spells = some_spells(random.Random(11), 160)
    insert(wards, *spells)
    failed = fail_discharges(wards, spells)
    groups: dict[SpellsBy, Callable[[Made], str]] = {
        SpellsBy.CONDITION: lambda one: one.referral["condition"] if one.referral else "not recorded",
        SpellsBy.WARD: lambda one: one.ward,
        SpellsBy.PATHWAY: lambda one: WARDS[one.ward],
        SpellsBy.STEP: lambda one: str(one.step),
    }
    for by, key in groups.items():
        found = report(wards, by)
        assert found.total == recount("all", spells, spells, failed)
        assert found.groups == [
            recount(group, [one for one in spells if key(one) == group], spells, failed)
            for group in sorted({key(one) for one in spells if touches(one)})
        ]
    assert total(wards).avoided_open == 0  # every window is over
    assert min(total(wards).avoided, total(wards).readmitted_acute, total(wards).no_criteria.patients) > 0


def some_spells(rng: random.Random, number: int) -> list[Made]:
    """Spells of 60 patients, one after the other, with ends of every kind and what was said of each."""
    free_from = {patient: utc(2026, 1, 20) + timedelta(hours=rng.randrange(900)) for patient in range(60)}
    found: list[Made] = []
    people: dict[int, Made] = {}
    while len(found) < number and free_from:
        person = rng.choice(sorted(free_from))
        made = one_spell(rng, free_from[person])
        made.same_as = people.setdefault(person, made)
        found.append(made)
        if made.until is None or made.outcome == "died":
            del free_from[person]
        else:
            free_from[person] = made.until + timedelta(hours=rng.randrange(1, 1200))
    return [one for one in found if one.admitted_at < NOW - 9 * DAY and (one.until or NOW) <= NOW]


def one_spell(rng: random.Random, at: datetime) -> Made:
    """A spell that begins then."""
    step = rng.choice(list(Step))
    moves = accumulate([timedelta(), *(timedelta(hours=rng.randrange(1, 90)) for _ in range(rng.choice([0, 0, 1])))])
    stays = list(zip((at + later for later in moves), rng.sample(list(WARDS), 2), strict=False))
    until = stays[-1][0] + timedelta(minutes=rng.randrange(60, 30 * 1440)) if rng.random() < 0.9 else None
    referral: dict[str, Any] = {"condition": rng.choice(["heart failure", "copd"]), "would_be_admitted": None}
    if step is Step.UP:
        referral["would_be_admitted"] = rng.choice([True, True, False])
    elif rng.random() < 0.8:
        came = day(at) - timedelta(days=rng.randrange(12))
        referral |= {"hospital_admitted_on": came, "hospital_until_on": day(at) + timedelta(days=rng.randrange(-1, 9))}
    return Made(
        stays,
        step,
        until,
        rng.choice(["home", "home", "acute", "hospice", "died", "self"]) if until else None,
        referral if rng.random() < 0.9 else None,
        ready_at=at + timedelta(days=rng.randrange(40)) if until is None else None,
    )


def fail_discharges(ward: Ward, spells: Sequence[Made]) -> list[Made]:
    """Every fifth spell's discharge failed, an hour after it began."""
    failed = list(spells[::5])
    with transaction(ward.engine) as session:
        (key,) = rows(ward.engine, "SELECT id FROM ward WHERE code = 'A1'")
        for one in failed:
            at = one.admitted_at + timedelta(hours=1)
            told: dict[str, Any] = {
                "by": ward.staff[Role.CLINICIAN].id,
                "data": {"reason": "no transport"},
                "recorded_at": at,
            }
            kind = Entry.DISCHARGE_FAILED
            session.add(SpellEntry(episode_id=one.episode, ward_id=key.id, kind=kind, at=at, **told))
    return failed


def touches(one: Made) -> bool:
    """Whether a spell lies in the period."""
    return one.admitted_at < SPAN.until_at and (one.until is None or one.until >= SPAN.from_at)


def recount(group: str, spells: Sequence[Made], everybody: Sequence[Made], failed: Sequence[Made]) -> StaysRow:
    """A row, one spell after the other."""
    seen = [one for one in spells if touches(one)]
    admitted = [one for one in seen if one.admitted_at >= SPAN.from_at]
    ended = [one for one in seen if one.until is not None and one.until < SPAN.until_at]
    left = [one for one in ended if one.outcome not in {"acute", "died"}]
    still_in = [one for one in seen if one not in ended]
    step_up = [one for one in admitted if one.step is Step.UP]
    step_down = [one for one in admitted if one.step is Step.DOWN]
    avoidable = [one for one in step_up if (one.referral or {}).get("would_be_admitted")]
    saved = [
        (one.referral["hospital_until_on"] - day(one.admitted_at)).days
        for one in step_down
        if one.referral and "hospital_until_on" in one.referral
    ]
    back = [one for one in left if acute_within(one, everybody, one.until, 30)]
    outcomes = {outcome: sum(one.outcome == outcome for one in ended) for outcome in OUTCOMES}
    return StaysRow(
        group=group,
        admitted=len(admitted),
        step_up=len(step_up),
        step_down=len(step_down),
        would_be_admitted=len(avoidable),
        avoided=sum(not acute_within(one, everybody, one.admitted_at, 7) for one in avoidable),
        avoided_open=0,
        bed_days_saved=sum(saved) if saved else None,
        bed_days_saved_spells=len(saved),
        ended=len(ended),
        **outcomes,
        escalated_rate=share(outcomes["acute"], len(ended)),
        died_rate=share(outcomes["died"], len(ended)),
        failed_discharges=sum(
            one in seen and SPAN.from_at <= failed_at(one) < SPAN.until_at for one in failed if one in spells
        ),
        followed=sum(followed(one) for one in left),
        readmitted_acute=len(back),
        readmitted_here=sum(again(one, everybody) for one in left),
        readmission_rate=share(sum(followed(one) for one in back), sum(followed(one) for one in left)),
        still_in=len(still_in),
        ward_days=days_of(map(ward_days, left)),
        hospital_days=days_of(map(nights, left)),
        total_days=days_of(map(total_days, left)),
        acute_ward_days=days_of(ward_days(one) for one in ended if one.outcome == "acute"),
        died_ward_days=days_of(ward_days(one) for one in ended if one.outcome == "died"),
        still_in_ward_days=days_of(map(ward_days, still_in)),
        no_criteria=no_criteria([one for one in still_in if one.ready_at and one.ready_at <= SPAN.until_at]),
    )


OUTCOMES = ("home", "hospice", "self", "acute", "died")


def acute_within(one: Made, everybody: Sequence[Made], since: datetime | None, days: int) -> bool:
    """Whether an acute admission of the patient is known on a day of a window."""
    assert since is not None
    first, last = day(since), day(since) + timedelta(days=days)
    for other in everybody:
        if other.patient != one.patient:
            continue
        if other.outcome == "acute" and other.until and other.until >= since and first <= day(other.until) <= last:
            return True
        came = (other.referral or {}).get("hospital_admitted_on")
        if other is not one and came is not None and first <= came <= last:
            return True
    return False


def again(one: Made, everybody: Sequence[Made]) -> bool:
    """Whether another spell of the patient began within 30 days, this one being the last before it."""
    assert one.until is not None
    later = [
        other.admitted_at for other in everybody if other.patient == one.patient and other.admitted_at >= one.until
    ]
    return bool(later) and min(later) <= one.until + 30 * DAY


def followed(one: Made) -> bool:
    """Whether 30 days are over."""
    assert one.until is not None
    return day(one.until) + timedelta(days=30) < day(NOW)


def failed_at(one: Made) -> datetime:
    """When its discharge failed."""
    return one.admitted_at + timedelta(hours=1)


def ward_days(one: Made) -> float:
    """In days of 24 h, up to the end of the period."""
    return (min(one.until or SPAN.until_at, SPAN.until_at) - one.admitted_at) / DAY


def nights(one: Made) -> float | None:
    """Between the hospital and here."""
    came = (one.referral or {}).get("hospital_admitted_on")
    return None if came is None else (day(one.admitted_at) - came).days


def total_days(one: Made) -> float | None:
    """Hospital and ward."""
    before = nights(one)
    if before is None and one.step is Step.DOWN:
        return None
    return (before or 0) + ward_days(one)


def days_of(found: Iterable[float | None]) -> Days:
    """Mean and centiles, as numpy has them."""
    known = [one for one in found if one is not None]
    if not known:
        return Days(spells=0, mean=None, median=None, p90=None)
    p50, p90 = np.percentile(known, [50, 90])
    return Days(spells=len(known), mean=near(np.mean(known)), median=near(p50), p90=near(p90))


def near(value: Any) -> Any:
    """Two decimals, give or take one of the last."""
    return pytest.approx(float(value), abs=0.0051)


def share(part: int, whole: int) -> Any:
    """Four decimals."""
    return pytest.approx(part / whole, abs=0.00005) if whole else None


def no_criteria(ready: Sequence[Made]) -> NoCriteria:
    """Who is ready and still in."""
    since = [(SPAN.until_at - one.ready_at) // DAY for one in ready if one.ready_at]
    return NoCriteria(
        patients=len(ready),
        days=sum(since),
        **{f"ready_{least}": sum(days >= least for days in since) for least in (7, 14, 21)},
        **{f"stay_{least}": sum(ward_days(one) >= least for one in ready) for least in (7, 14, 21)},
    )


def test_centiles_lie_between_the_closest_ranks(wards: Ward) -> None:
    insert(wards, *(spell(utc(2026, 3, 20), days) for days in (1, 2, 3, 10)))
    found = total(wards).ward_days
    assert (found.spells, found.mean, found.median, found.p90) == (4, 4.0, 2.5, 7.9)


def test_where_nobody_was_there_is_nothing_and_no_rate(wards: Ward) -> None:
    found = report(wards, SpellsBy.WARD)
    assert found.groups == []
    assert (found.total.admitted, found.total.ended, found.total.still_in) == (0, 0, 0)
    assert (found.total.escalated_rate, found.total.readmission_rate, found.total.bed_days_saved) == (None, None, None)
    assert found.total.ward_days == Days(spells=0, mean=None, median=None, p90=None)


def test_a_day_ends_at_midnight_in_london(wards: Ward) -> None:
    insert(wards, *(Made([(at - DAY, "A1")], until=at, outcome="home") for at in (
        utc(2026, 3, 28, 23, 59),  # before the clocks change
        utc(2026, 3, 29, 0), utc(2026, 3, 29, 22, 59),  # the day of 23 hours
        utc(2026, 3, 29, 23),  # after midnight, by summer time
    )))  # fmt: skip
    assert total(wards, Span(utc(2026, 3, 29), utc(2026, 3, 29, 23))).ended == 2


def test_nights_in_hospital_are_counted_over_a_leap_day_and_a_change_of_the_clocks(wards: Ward) -> None:
    wards.now = utc(2028, 5, 1)
    for came, at, expected in (
        (date(2028, 2, 27), utc(2028, 3, 1, 0, 10), 3),
        (date(2028, 3, 25), utc(2028, 3, 26, 23, 30), 2),  # 00:30 on the 27th, by summer time
        (date(2028, 4, 2), utc(2028, 4, 1), 0),  # told wrong: never below nothing
    ):
        one = spell(at, 2, step=Step.DOWN, referral={"hospital_admitted_on": came})
        insert(wards, one)
        found = total(wards, Span(at, at + 3 * DAY))
        assert (found.hospital_days.mean, found.total_days.mean) == (expected, expected + 2), came


def test_a_step_down_whose_hospital_days_are_not_known_has_no_total(wards: Ward) -> None:
    insert(wards, spell(utc(2026, 3, 20), 4, step=Step.DOWN), spell(utc(2026, 3, 20), 2, step=Step.UP))
    found = total(wards)
    assert (found.ward_days.spells, found.hospital_days.spells) == (2, 0)
    assert (found.total_days.spells, found.total_days.mean) == (1, 2.0)


def test_an_admission_is_avoided_once_seven_days_passed_without_one(wards: Ward) -> None:
    would = {"would_be_admitted": True}
    insert(
        wards,
        spell(utc(2026, 4, 23, 12), referral=would),  # its seventh day is 30 April: over
        spell(utc(2026, 4, 24, 12), referral=would),
        spell(utc(2026, 4, 20), 3, "acute", referral=would),
        spell(utc(2026, 4, 20), 3, step=Step.DOWN, referral=would),
        spell(utc(2026, 4, 20), 3, referral={"would_be_admitted": False}),
        spell(utc(2026, 4, 20), 3),
    )
    found = total(wards, Span(utc(2026, 4, 1), NOW))
    assert (found.step_up, found.would_be_admitted, found.avoided, found.avoided_open) == (5, 3, 1, 1)


@pytest.mark.parametrize(("kind", "after_days", "avoided"), [("hospital", 6, 0), ("hospital", 8, 1), ("ed", 6, 1)])
def test_a_leave_in_hospital_is_an_admission_that_was_not_avoided(
    wards: Ward, kind: str, after_days: int, avoided: int
) -> None:
    one = spell(utc(2026, 4, 1), 20, referral={"would_be_admitted": True})
    insert(wards, one)
    with transaction(wards.engine) as session:
        (key,) = rows(wards.engine, "SELECT id FROM ward WHERE code = 'A1'")
        away = one.admitted_at + after_days * DAY
        session.add(
            Leave(episode_id=one.episode, ward_id=key.id, kind=LeaveKind(kind), from_at=away, until_at=away + DAY)
        )
    assert total(wards, Span(utc(2026, 4, 1), NOW)).avoided == avoided


def test_what_was_before_the_admission_does_not_count_against_it(wards: Ward) -> None:
    before = spell(utc(2026, 4, 1), 10 + 8 / 24, "acute")
    after = spell(
        utc(2026, 4, 11, 10), 2 / 24, same_as=before,
        referral={"would_be_admitted": True, "hospital_admitted_on": date(2026, 4, 11)},  # where they came from
    )  # fmt: skip
    insert(wards, before, after)
    found = total(wards, Span(utc(2026, 4, 11), NOW))
    assert (found.avoided, found.ended, found.readmitted_acute) == (1, 2, 0)


def test_a_period_ends_now_at_the_latest(wards: Ward) -> None:
    insert(wards, spell(NOW - 3 * DAY))
    found = report(wards, span=Span(NOW - 5 * DAY, NOW + 365 * DAY))
    assert (found.to, found.total.still_in_ward_days.mean) == (NOW, 3.0)


def test_bed_days_saved_are_those_expected_less_the_actual_also_where_that_was_late(wards: Ward) -> None:
    for until in (date(2026, 3, 25), date(2026, 3, 18)):
        insert(wards, spell(utc(2026, 3, 20), 4, step=Step.DOWN, referral={"hospital_until_on": until}))
    found = total(wards)
    assert (found.bed_days_saved, found.bed_days_saved_spells, found.step_down) == (5 - 2, 2, 2)


@pytest.mark.parametrize(("days", "readmitted"), [(0, 1), (30, 1), (31, 0)])
def test_readmission_counts_an_acute_admission_up_to_the_thirtieth_day(wards: Ward, days: int, readmitted: int) -> None:
    left = spell(utc(2026, 3, 16), 1)
    came = {"hospital_admitted_on": date(2026, 3, 17) + timedelta(days=days)}
    insert(wards, left, spell(utc(2026, 4, 25), 1, step=Step.DOWN, referral=came, same_as=left))
    found = total(wards, Span(utc(2026, 3, 16), utc(2026, 3, 18)))
    assert (found.followed, found.readmitted_acute, found.readmission_rate) == (1, readmitted, float(readmitted))
    assert found.readmitted_here == 0  # 39 days after


def test_reasons_for_delay_are_counted_by_the_days_that_lie_in_the_period(wards: Ward) -> None:
    one, other = spell(utc(2026, 3, 1)), Made([(utc(2026, 3, 1), "B1")])
    insert(wards, one, other)
    delay(wards, one, "care", utc(2026, 3, 10), utc(2026, 3, 17))  # two days of it
    delay(wards, one, "care", utc(2026, 4, 13, 23), None)  # one, and open
    delay(wards, one, "kit", utc(2026, 3, 20), utc(2026, 3, 21, 12))
    delay(wards, other, "care", utc(2026, 4, 1), utc(2026, 4, 11))
    delay(wards, other, "kit", utc(2026, 3, 10), SPAN.from_at)  # over when it began
    with transaction(wards.engine) as session:
        session.add(Code(list="delay_reason", code="care", meaning="Awaiting a package of care"))
    found = acts(wards, lambda act: delays(act, SPAN, SpellsBy.WARD)).rows
    meaning = "Awaiting a package of care"
    assert found == [
        DelaysRow(
            group="A1", reason="care", meaning=meaning, delays=2, patients=1, days=3.0, median_days=4.0, p90_days=6.4,
            open=1, overdue=1,
        ),
        DelaysRow(
            group="A1", reason="kit", meaning=None, delays=1, patients=1, days=1.5, median_days=1.5, p90_days=1.5,
            open=0, overdue=0,
        ),
        DelaysRow(
            group="B1", reason="care", meaning=meaning, delays=1, patients=1, days=10.0, median_days=10.0,
            p90_days=10.0, open=0, overdue=0,
        ),
    ]  # fmt: skip


def delay(ward: Ward, one: Made, reason: str, from_at: datetime, ended_at: datetime | None) -> None:
    """Something that delayed a discharge, to be solved within a day."""
    with transaction(ward.engine) as session:
        (key,) = rows(ward.engine, "SELECT id FROM ward WHERE code = :code", code=one.ward)
        about = {"episode_id": one.episode, "ward_id": key.id, "owner": "Ann", "due_at": from_at + DAY / 2}
        session.add(Delay(**about, reason=reason, from_at=from_at, ended_at=ended_at))


def test_over_http_the_period_is_in_local_days_and_the_method_is_said(api: Api) -> None:
    path = "/v1/reports/stays?from=2026-03-01&to=2026-04-01&by=ward"
    found = done(api.get(path, Role.AUDITOR))
    assert (found["from"], found["to"]) == ("2026-03-01T00:00:00Z", "2026-03-31T23:00:00Z")
    assert found["total"]["step_up"] == 1
    assert [row["group"] for row in found["groups"]] == ["WARD1"]
    assert {"centile", "avoided", "bed_days_saved", "readmitted"} <= found["method"].keys()


def test_as_csv_what_is_nested_lies_flat(api: Api) -> None:
    path = "/v1/reports/stays?from=2026-03-01&to=2026-04-01&by=ward"
    lines = list(csv.DictReader(StringIO(api.get(path, headers={"Accept": "text/csv"}).text)))
    assert [(one["group"], one["still_in"], one["no_criteria_ready_7"]) for one in lines] == [
        ("all", "1", "0"), ("WARD1", "1", "0"),
    ]  # fmt: skip
    assert float(lines[0]["still_in_ward_days_mean"]) > 20
    assert lines[0]["ward_days_mean"] == ""


@pytest.mark.parametrize("report_of", ["stays", "delays", "experience", "extract"])
def test_a_period_that_cannot_be_is_refused_by_name(api: Api, report_of: str) -> None:
    for asked, field in (
        ("from=yesterday", "from"), ("to=2026-02-30", "to"), ("from=2026-03-01&to=2026-03-01", "to"),
    ):  # fmt: skip
        assert faults(api.get(f"/v1/reports/{report_of}?{asked}")) == [field], asked
    assert api.get(f"/v1/reports/{report_of}?from=2030-01-01&to=2031-01-01").status_code == 200
