"""How soon UCR came, counted from referrals whose story is known."""

from datetime import timedelta
from typing import Any

from monitoring.access.roles import Role
from monitoring.reports.periods import Span
from monitoring.ucr.report import UcrReport, ucr_response
from monitoring.ucr.report_query import UcrBy
from monitoring.ucr.states import Move
from tests.monitoring.api import Api
from tests.monitoring.referring import acts
from tests.monitoring.steps import employ, refused
from tests.monitoring.ucr_steps import asks, does, has_team
from tests.ward import Ward
from tests.workers.records import change
from workers.ucr_clock import watch_ucr


def report(ward: Ward, by: UcrBy = UcrBy.ALL) -> UcrReport:
    """The report of the day."""
    span = Span(ward.now - timedelta(days=1), ward.now + timedelta(seconds=1))
    return acts(ward, lambda act: ucr_response(act, span, by))


def passes(ward: Ward, minutes: int) -> None:
    """Time passes for UCR."""
    ward.now += timedelta(minutes=minutes)
    watch_ucr(ward.engine, ward.now)


def has_story(ward: Ward) -> None:
    """One of each kind, from 08:00 on."""
    has_team(ward, "A", max_active=50)
    has_team(ward, "B", max_active=50, icb="QYY", postcode_districts=["LE9"])
    le1: dict[str, Any] = {"kit": False, "postcode": "LE1 5WW"}
    names = ("met", "late", "conveyed", "cancelled", "phoned", "later", "refused", "pending")
    who = {name: asks(ward, ward.admit(**le1).id).id for name in names[:-2]}
    two_day = asks(ward, ward.admit(**le1).id, response="2_day").id
    for name in ("met", "late", "conveyed", "phoned"):
        does(ward, who[name], Move.ACCEPT)
    does(ward, who["later"], Move.DECLINE)  # nobody else covers LE1: unplaced
    does(ward, who["conveyed"], Move.COMPLETE_UNSEEN)
    does(ward, who["cancelled"], Move.CANCEL)
    does(ward, two_day, Move.ACCEPT)
    does(ward, two_day, Move.ARRIVE)
    asks(ward, ward.admit(kit=False).id, skills=["nobody's"])  # unplaced from the beginning
    passes(ward, 60)
    does(ward, who["met"], Move.ARRIVE)
    silent = ward.admit(kit=False, postcode="LE9 1AA")
    asks(ward, silent.id)
    passes(ward, 15)  # unanswered
    passes(ward, 75)  # half past ten
    does(ward, who["late"], Move.ARRIVE)
    asks(ward, ward.admit(**le1).id)  # pending; "phoned" is open past its breach: a call stops no clock
    passes(ward, 1)
    change(
        ward.engine,
        "INSERT INTO loading VALUES ('deprivation', '2020-01-01', 1, NULL, :now)",
        now=ward.now,
    )
    change(ward.engine, "INSERT INTO deprivation VALUES ('2020-01-01', 'LE1', 2)")


def counted(measure: Any) -> dict[str, int]:
    """The figures that are not 0."""
    names = (
        "in_scope", "met", "not_met", "late", "open_past_breach", "unplaced", "all_declined", "excluded", "declined",
        "unanswered", "cancelled", "conveyed_before", "pending", "contacts", "out_of_scope",
    )  # fmt: skip
    return {name: number for name in names if (number := getattr(measure, name))}


def test_both_measures_count_everybody_once_and_exclude_by_reason(ward: Ward) -> None:
    has_story(ward)
    total = report(ward).total
    assert counted(total.provider) == {
        "in_scope": 8, "met": 1, "not_met": 2, "late": 1, "open_past_breach": 1, "excluded": 4, "declined": 1,
        "unanswered": 1, "cancelled": 1, "conveyed_before": 1, "pending": 1, "contacts": 3, "out_of_scope": 1,
    }  # fmt: skip
    assert counted(total.patient) == {
        "in_scope": 9, "met": 1, "not_met": 5, "late": 1, "open_past_breach": 1, "unplaced": 1, "all_declined": 2,
        "excluded": 2, "cancelled": 1, "conveyed_before": 1, "pending": 1, "contacts": 3, "out_of_scope": 1,
    }  # fmt: skip
    assert (total.provider.share, total.patient.share) == (1 / 3, 1 / 6)
    assert total.provider.meets_standard is False
    assert (total.provider.minutes_median, total.provider.minutes_p90) == (105, 141)
    every = [report(ward, by) for by in UcrBy if by is not UcrBy.ALL]
    for one in every:
        assert sum(row.patient.in_scope for row in one.groups) == total.patient.in_scope
        assert sum(row.provider.met for row in one.groups) == total.provider.met
    groups = {one.by: [row.group for row in one.groups] for one in every}
    assert groups == {
        UcrBy.TEAM: ["A", "B", "no team"],
        UcrBy.HOUR: ["08", "09", "10"],
        UcrBy.AREA: ["LE1", "LE9", "not_stated"],
        UcrBy.DEPRIVATION: ["2", "not_stated"],
        UcrBy.WARD: ["WARD1"],
    }


def test_the_report_comes_as_json_and_csv_of_the_callers_wards_and_says_how_it_counts(api: Api) -> None:
    has_team(api.ward, "A")
    asks(api.ward, api.ward.admit(kit=False).id)
    span = {"from": "2026-03-10", "to": "2026-03-11"}
    body = api.get("/v1/reports/ucr-response", Role.COORDINATOR, params=span).json()
    assert (body["total"]["provider"]["open_past_breach"], body["standard"]) == (1, 0.7)
    assert body["method"].keys() >= {"provider", "patient", "excluded"}
    csv = api.get("/v1/reports/ucr-response", params=span, headers={"Accept": "text/csv"}).text.splitlines()
    assert csv[0].startswith("group,provider_in_scope,provider_met,provider_not_met,provider_share")
    assert [line.split(",")[0] for line in csv[1:]] == ["all", "A"]
    none = api.get("/v1/reports/ucr-response", token=employ(api, Role.CLINICIAN, "NOWHERE"), params=span).json()
    assert none["total"]["patient"]["in_scope"] == 0
    refused(api.get("/v1/reports/ucr-response", Role.UCR), 403)
    refused(api.get("/v1/reports/ucr-response", params={"by": "nothing"}), 422)
