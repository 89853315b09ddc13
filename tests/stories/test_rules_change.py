"""A pathway changes while patients are watched by it: what decides before, after, late, and with broken rules."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from alert_rules.pathway import packaged_text, pathways, version_of
from alert_rules.severity import Severity
from monitoring.access.roles import Role
from monitoring.acts import Act
from monitoring.database import snapshot, transaction
from monitoring.escalation.tables import Escalation
from monitoring.health import database_parts
from monitoring.patients.plan import PlanBody
from monitoring.refusals import Conflict, Forbidden
from monitoring.rules.deciding import RejectBody, reject
from monitoring.rules.explaining import explained
from monitoring.rules.holding import pathway_at, rulebook
from monitoring.rules.views import ProposalDetail
from tests.rule_changes import SOONER, approves, changed, changes, proposes
from tests.ward import WELL, Ward
from tests.workers.records import current

AMBER_NOW = WELL | {"spo2": 94}
"""Nothing by the packaged pathway, amber by the changed one."""
HOUR = timedelta(hours=1)


def test_before_the_instant_the_old_rules_decide_and_after_it_the_new_ones(ward: Ward) -> None:
    approved = changes(ward, changed("general", SOONER), from_at=ward.now + HOUR)
    ward.at("08:59").receives(**AMBER_NOW)
    assert ward.alerts() == []
    ward.at("09:00").receives(**AMBER_NOW)
    alert = ward.alert()
    assert (alert.severity, alert.reasons[0]["rule"]) == (Severity.AMBER, "spo2_amber_low")
    assert alert.why["pathway_version"] == approved.version == version_of(changed("general", SOONER))
    assert approved.version != pathways()["general"].version


def test_sets_of_both_sides_of_the_instant_in_one_batch_go_each_by_its_own(ward: Ward) -> None:
    changes(ward, changed("general", SOONER), from_at=ward.now + HOUR)
    start = ward.now
    ward.at("09:30").receives_sets(
        [
            {"id": "before", "taken_at": start + HOUR - timedelta(seconds=1), **AMBER_NOW},
            {"id": "after", "taken_at": start + HOUR, **AMBER_NOW},
        ]
    )
    assert [current(ward, one).severity for one in ("before", "after")] == [Severity.NONE, Severity.AMBER]


def test_a_late_set_goes_by_the_rules_of_its_time_and_changes_nothing_that_they_did_not(ward: Ward) -> None:
    before = ward.now
    ward.at("08:20").receives_sets([{"id": "stored", "taken_at": ward.now, **AMBER_NOW}])
    ward.at("08:30")
    changes(ward, changed("general", SOONER))
    ward.at("10:00").receives_sets([{"id": "late", "taken_at": before, **AMBER_NOW, "temperature": 36.6}])
    assert [current(ward, one).severity for one in ("late", "stored")] == [Severity.NONE, Severity.NONE]
    assert ward.alerts() == []


def gaining(within_h: int) -> str:
    """General, and a rule that looks back on weights."""
    rule = f'name = "gain"\nseverity = "amber"\nkind = "trend"\nvital = "weight"\nrise = 1\nwithin_h = {within_h}\n'
    return packaged_text("general") + "\n[[rules]]\n" + rule


def test_rules_that_look_back_further_see_what_came_before_they_held(ward: Ward) -> None:
    start = ward.now
    changes(ward, gaining(24))
    changes(ward, gaining(72), from_at=start + 50 * HOUR)
    ward.receives(weight=70.0)
    ward.at(60 * HOUR).receives_sets(
        [
            {"id": "old", "taken_at": start + 49 * HOUR, "weight": 71.2},
            {"id": "new", "taken_at": start + 60 * HOUR, "weight": 71.2},
        ]
    )
    assert [current(ward, one).severity for one in ("old", "new")] == [Severity.NONE, Severity.AMBER]
    (last,) = (one for one in ward.alerts() if one.kind == "deterioration")
    assert last.why["looked_back"]["weight"][-1] == {"value": "70.00", "age_min": 60 * 60}


def test_a_late_set_is_seen_by_later_ones_as_far_as_their_own_rules_look_back(ward: Ward) -> None:
    start = ward.now
    changes(ward, gaining(24))
    changes(ward, gaining(72), from_at=start + 50 * HOUR)
    ward.at(60 * HOUR).receives_sets([{"id": "new", "taken_at": ward.now, "weight": 71.2}])
    ward.at(HOUR).receives_sets([{"id": "late", "taken_at": start, "weight": 70.0}])
    assert current(ward, "new").severity == Severity.AMBER


def test_a_later_approval_replaces_what_holds_and_what_was_still_to_come(ward: Ward) -> None:
    changes(ward, changed("general", SOONER), from_at=ward.now + 2 * HOUR)
    ward.at("09:00")
    again = changes(ward, packaged_text("general"))
    assert again.version == pathways()["general"].version
    ward.at("10:30").receives(**AMBER_NOW)
    assert ward.alerts() == []


def test_what_stands_open_by_a_rule_that_is_gone_is_cleared_by_what_it_looked_at(ward: Ward) -> None:
    rule = '[[rules]]\nname = "pulse_of_its_own"\nseverity = "amber"\nkind = "value"\nvital = "pulse"\nat_least = 88\n'
    changes(ward, packaged_text("general") + "\n" + rule)
    ward.at("09:00").receives(**WELL | {"pulse": 90})
    assert "pulse_of_its_own" in ward.alert().basis["rules"]
    changes(ward, packaged_text("general"))
    ward.at("10:00").receives(**WELL)
    assert "pulse_of_its_own" not in ward.alert().basis["rules"]


def test_everybody_who_goes_by_a_pathway_goes_by_the_one_that_holds(ward: Ward) -> None:
    ladder = (
        '[[ladders.amber]]\ntell = "coordinator"\nwait_s = 1234\n[[ladders.amber]]\ntell = "fallback"\nwait_s = 99\n'
    )
    content = changed("general", SOONER, ("readings_per_day = 4", "readings_per_day = 2")) + ladder
    made = changes(ward, content, from_at=ward.now + HOUR)
    assert pathways()["general"].version in explained(ward.settings, ward.code, ward.now)
    ward.at("09:00")
    said = explained(ward.settings, ward.code, ward.now)
    assert (made.version in said, "Readings: 08:00, 20:00" in said) == (True, True)
    assert "SpO2 95 % or less (limit)" in said
    assert "coordinator (20 min)" in said
    patient = ward.admit(plan=PlanBody())
    ward.receives(patient=patient, **AMBER_NOW)
    with Session(ward.engine) as session:
        planned = session.execute(text("SELECT readings_per_day FROM plan ORDER BY id DESC LIMIT 1")).scalar_one()
        climbs = session.get_one(Escalation, ward.alert(patient=patient).id)
    assert planned == 2
    assert (climbs.ladder[0]["tell"], climbs.ladder[0]["wait_s"]) == ("coordinator", 1234)


BREAK = text(
    "WITH broken AS (INSERT INTO rule_proposal (public_id, pathway, content, version, replaces_version, reason,"
    " proposed_by, proposed_at) SELECT gen_random_uuid(), 'general', :content, :version, 'x', 'x', min(id), :now"
    " FROM staff RETURNING id) INSERT INTO rule_decision (public_id, proposal_id, pathway, decision, from_at,"
    " decided_by, decided_at) SELECT gen_random_uuid(), broken.id, 'general', 'approved', :now, min(staff.id), :now"
    " FROM broken, staff GROUP BY broken.id"
)


@pytest.mark.parametrize(
    ("content", "version"),
    [("title = 1", version_of("title = 1")), (changed("general", SOONER), "0123456789ab"), ("[[", version_of("[["))],
)
def test_stored_rules_that_cannot_be_used_stop_nobody_and_are_not_silent(
    ward: Ward, content: str, version: str
) -> None:
    """They cannot come by the door: a newer program is stricter, or a hand was in the database."""
    held = changes(ward, changed("general", ("amber_low = 93", "amber_low = 94")))
    with transaction(ward.engine) as session:
        session.execute(BREAK, {"content": content, "version": version, "now": ward.now})
    ward.at("09:00").receives(**WELL | {"spo2": 95})
    assert ward.alerts() == []
    ward.receives(**AMBER_NOW)
    assert ward.alert().why["pathway_version"] == held.version
    part = database_parts(ward.engine, ward.now)["rules"]
    assert (part.status, f"general version {version}" in part.detail) == ("degraded", True)
    changes(ward, packaged_text("general"), from_at=ward.now + HOUR)
    assert database_parts(ward.engine, ward.now)["rules"].status == "degraded"
    assert database_parts(ward.engine, ward.now + HOUR)["rules"].status == "ok"


def test_who_proposed_rules_never_approves_them_however_senior(ward: Ward) -> None:
    senior, _ = ward.employ(Role.CLINICIAN, senior=True)
    mine = proposes(ward, changed("general", SOONER), who=senior)
    with pytest.raises(Forbidden):
        approves(ward, mine.id, who=senior)
    assert approves(ward, mine.id).state == "approved"


@pytest.mark.parametrize(
    "given",
    [{"senior": False}, {"senior": True, "registered": False}, {"senior": True, "wards": ["WARD1"]}],
    ids=["not senior", "not registered", "of one ward"],
)
def test_only_a_registered_senior_clinician_of_every_ward_approves(ward: Ward, given: dict[str, Any]) -> None:
    made = proposes(ward, changed("general", SOONER))
    who, _ = ward.employ(Role.CLINICIAN, **given)
    with pytest.raises(Forbidden):
        approves(ward, made.id, who=who)


def test_a_change_of_what_no_longer_is_the_newest_would_undo_another_and_is_refused(ward: Ward) -> None:
    one = proposes(ward, changed("general", SOONER))
    other = proposes(ward, changed("general", ("readings_per_day = 4", "readings_per_day = 3")))
    approves(ward, one.id)
    with pytest.raises(Conflict) as refused:
        approves(ward, other.id)
    assert isinstance(refused.value.current, ProposalDetail)
    assert (refused.value.current.id, refused.value.current.state) == (one.id, "approved")
    with pytest.raises(Conflict):
        approves(ward, one.id)


def test_who_proposed_may_take_it_back_and_then_nobody_approves_it(ward: Ward) -> None:
    made = proposes(ward, changed("general", SOONER))
    with transaction(ward.engine) as session:
        reject(Act(session, ward.staff[Role.CLINICIAN], ward.now), made.id, RejectBody(reason="a slip"))
    with pytest.raises(Conflict):
        approves(ward, made.id)
    with snapshot(ward.engine) as session:
        assert rulebook(session).held["general"][1:] == ()
        assert pathway_at(session, "general", ward.now).version == pathways()["general"].version
