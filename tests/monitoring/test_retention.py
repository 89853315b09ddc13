"""Retention: every table has its time, and what goes goes wholly; the audit stays, and what was done about alerts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.embedded.postgres import OWNER
from monitoring.patients.tables import MERGE_LOCK
from monitoring.privacy import one_record, retention
from monitoring.privacy.kept import RECORDS, TABLES
from monitoring.privacy.retention import Report
from monitoring.refusals import Unacceptable
from tests.monitoring.api import Api
from tests.monitoring.audited import events, owner_of, sealed, told, verified
from tests.monitoring.lives import IDENTIFYING, NUMBER, WORDS, found, lives
from tests.monitoring.steps import admit, done, refused, register
from tests.workers.records import change, count, rows

YEARS = timedelta(days=365 * 8 + 10)
DEVICES = {("device", "SER-774411")}
"""What says which device it was goes on: it is somebody else's by then."""


@pytest.fixture
def owner(api: Api) -> Iterator[Engine]:
    """Whoever owns the database."""
    with owner_of(api.ward.settings) as engine:
        yield engine


def owning(api: Api) -> Settings:
    """Settings of whoever operates the installation."""
    url = api.ward.settings.database_url
    return api.ward.settings.model_copy(update={"database_owner_url": url.replace("vw_app", OWNER)})


def silently(_: str) -> None:
    """Nobody waits."""


def later(owner: Engine, after: timedelta = YEARS) -> datetime:
    """An instant years from now, whose month of the audit is there."""
    now = utc_now() + after
    change(owner, "SELECT make_audit_month(:month)", month=now.date())
    return now


def goes(api: Api, now: datetime) -> Report:
    """Retention is applied."""
    return retention.apply(owning(api), now, silently)


def lines(report: Report) -> dict[str, int]:
    """Rows by table, of those that have any."""
    return {one.table: one.rows for one in report.tables if one.rows}


def test_a_dry_run_says_what_would_go_and_changes_nothing(api: Api, owner: Engine) -> None:
    lives(api)
    before = {table: count(owner, table) for table in TABLES}
    early = retention.look(owning(api), later(owner, timedelta(days=365 * 7)), silently)
    assert (early.records, {name for name in lines(early) if TABLES[name].policy.name == "record"}) == (0, set())
    report = retention.look(owning(api), later(owner), silently)
    assert (report.applied, report.records, report.kept_though_over) == (False, 1, {"an open stay": 1})
    some = lines(report)
    assert (some["reading"], some["plan"], some["concern"], some["set_aside"]) == (3, 2, 1, 1)
    assert {table: count(owner, table) for table in TABLES} == before
    assert next(one.oldest_kept for one in report.tables if one.table == "patient") is not None


def test_what_goes_leaves_no_name_no_word_and_no_reading(api: Api, owner: Engine) -> None:
    lives(api)
    everywhere = found(owner, IDENTIFYING + WORDS)
    assert {word for _, word in everywhere} == {*IDENTIFYING, *WORDS}
    report = goes(api, later(owner))
    assert (report.records, report.left) == (1, 0)
    change(owner, "DELETE FROM event; DELETE FROM answered")  # the timekeeper's, within days
    assert found(owner, IDENTIFYING + WORDS) == DEVICES
    for table in ("reading", "ledger", "fhir_observation", "original", "plan", "set_aside"):
        assert count(owner, table) == (1 if table == "plan" else 0), table  # of the ward's own patient


def test_of_an_alert_it_stays_who_did_what_when(api: Api, owner: Engine) -> None:
    life = lives(api)
    history = rows(owner, "SELECT at, split_part(what, ':', 1), to_state, by FROM alert_history ORDER BY id")
    goes(api, later(owner))
    assert rows(owner, "SELECT at, what, to_state, by FROM alert_history ORDER BY id") == history
    (alert,) = rows(owner, "SELECT * FROM alert WHERE public_id = :id", id=life.alert)
    assert (alert.state, alert.severity > 0, alert.news2 is not None, alert.why["rules_version"] is not None) == (
        "resolved", True, True, True,
    )  # fmt: skip
    assert {one["text"] for one in alert.reasons} == {""}
    done(api.get(f"/v1/alerts/{life.alert}"))


def test_the_audit_is_whole_afterwards_and_tells_of_it(api: Api, owner: Engine) -> None:
    life = lives(api)
    sealed(owner)
    now = later(owner)
    before = [row.id for row in events(owner)]
    goes(api, now)
    sealed(owner, after_s=round(YEARS.total_seconds()))
    verdict = verified(owner, now=now)
    assert (told(verdict), verdict.unsealed, verdict.events > len(before)) == ([], 0, True)
    assert [row.id for row in events(owner)][: len(before)] == before
    left = [(row.object, row.patients) for row in events(owner) if row.route == retention.ROUTE]
    # No reading of that month was settled yet: its part is empty.
    (month, _), (_, whose), (total, _) = left
    assert (month, whose) == (f"month {utc_now():%Y-%m} rows 0", [life.patient])
    assert total.startswith("records 1 months 1 rows ")
    looked = done(api.get(f"/v1/audit?subject={life.patient}&limit=100"))["items"]
    assert {one["route"] for one in looked} >= {retention.ROUTE, "/v1/patients"}
    refused(api.get(f"/v1/patients/{life.patient}"), 404)
    refused(api.get(f"/v1/episodes/{life.episode}"), 404)
    assert life.patient not in {one["id"] for one in done(api.get("/v1/patients"))["items"]}


def test_the_number_of_who_is_gone_is_free(api: Api, owner: Engine) -> None:
    lives(api)
    goes(api, later(owner))
    register(api, nhs_number=NUMBER, no_nhs_number_reason=None)


KEEPS: dict[str, str] = {
    "an open alert": "UPDATE alert SET state = 'acknowledged', resolved_at = NULL WHERE public_id = '{alert}'",
    "an open stay": "UPDATE episode SET discharged_at = NULL WHERE public_id = '{episode}'",
    "a hold": "UPDATE patient SET hold_reason = 'inquiry' WHERE public_id = '{patient}'",
    "an open visit": "UPDATE ucr_referral SET state = 'arrived', due_at = NULL",
}


@pytest.mark.parametrize("why", KEEPS)
def test_nothing_goes_of_whom_something_is_open_or_held(api: Api, owner: Engine, why: str) -> None:
    life = lives(api)
    change(owner, KEEPS[why].format(patient=life.patient, episode=life.episode, alert=life.alert))
    before = {table: count(owner, table) for table in RECORDS}
    report = goes(api, later(owner))
    assert report.records == 0
    assert report.kept_though_over == ({why: 2} if why == "an open stay" else {why: 1, "an open stay": 1})
    assert {table: count(owner, table) for table in RECORDS} == before | {"message": count(owner, "message")}


def test_a_hold_is_for_the_whole_person_and_ends(api: Api, owner: Engine) -> None:
    life = lives(api)
    gone = register(api)
    done(api.post(f"/v1/patients/{gone}/merge", {"into": life.patient, "reason": "twice"}))
    one_record.hold_one(owning(api), gone, "the inquiry", utc_now())
    now = later(owner)
    assert goes(api, now).kept_though_over["a hold"] == 1
    assert [row.object for row in events(owner) if row.route == one_record.HOLD] == ["hold"]
    one_record.hold_one(owning(api), NUMBER, None, utc_now())
    assert goes(api, now).records == 1
    assert {row.given_name for row in rows(owner, "SELECT given_name FROM patient WHERE erased_at IS NOT NULL")} == {""}
    assert count(owner, "patient") == 3


def old(owner: Engine, patient: str, days: int) -> None:
    """All that is known of somebody was so many days ago."""
    for table in ("episode", "alert", "concern", "hotline_call", "ucr_referral", "set_aside"):
        columns = [
            row.column_name
            for row in rows(
                owner,
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_name = :table AND data_type = 'timestamp with time zone'",
                table=table,
            )
        ]
        moved = ", ".join(f"{name} = {name} - make_interval(days => :days)" for name in columns)
        change(owner, f"UPDATE {table} SET {moved} WHERE patient_id = (SELECT id FROM patient WHERE public_id = :who)",
               days=days, who=patient)  # fmt: skip
    change(owner, "UPDATE patient SET created_at = created_at - make_interval(days => :days) WHERE public_id = :who",
           days=days, who=patient)  # fmt: skip
    moved_readings = """
        WITH gone AS (DELETE FROM reading USING episode, patient WHERE reading.episode_id = episode.id
                      AND episode.patient_id = patient.id AND patient.public_id = :who RETURNING reading.*)
        INSERT INTO reading SELECT (jsonb_populate_record(NULL::reading, to_jsonb(gone) || jsonb_build_object(
            'taken_at', gone.taken_at - make_interval(days => :days), 'recent', false))).* FROM gone
    """
    for month in {(utc_now() - timedelta(days=days + more)).date().replace(day=1) for more in (0, 3)}:
        change(owner, "SELECT make_reading_month(:month)", month=month)
    change(owner, moved_readings, days=days, who=patient)


DAYS_OLD = 365 * 8 + 70


def parts(owner: Engine) -> set[str]:
    """The months of readings that are there."""
    return {row[0] for row in rows(owner, "SELECT relname::text FROM pg_class WHERE relname ~ '^reading_[0-9]'"
                                          " AND relkind = 'r'")}  # fmt: skip


def test_a_month_that_is_nobodys_else_goes_as_a_whole(api: Api, owner: Engine) -> None:
    life = lives(api)
    old(owner, life.patient, DAYS_OLD)
    now = utc_now()
    before, dry = parts(owner), retention.look(owning(api), now, silently)
    assert dry.months
    assert parts(owner) == before
    report = goes(api, now)
    assert (report.months, report.records) == (dry.months, 1)
    assert before - parts(owner) == {f"reading_{month:%Y_%m}" for month in dry.months}
    assert (count(owner, "reading"), count(owner, "ledger"), count(owner, "original")) == (0, 0, 0)
    assert next(row.object for row in events(owner) if (row.object or "").startswith("month")).endswith("rows 3")
    went, would = lines(report), lines(dry)
    emptied = {name for name in went | would if TABLES[name].stays}  # those that say nothing more are not touched
    assert {name: went[name] for name in went if name not in emptied} == {
        name: would[name] for name in would if name not in emptied
    }


def test_a_month_with_somebodys_reading_who_came_back_stays_and_only_the_others_rows_go(
    api: Api, owner: Engine
) -> None:
    life = lives(api)
    back = register(api)
    admit(api, back)
    old(owner, life.patient, DAYS_OLD)
    first = (utc_now() - timedelta(days=DAYS_OLD)).date().replace(day=1)
    came_back = """
        INSERT INTO reading (
            episode_id, taken_at, set, source, id, received_at, quality, oxygen_assumed, severity, recent
        )
        SELECT episode.id, :at, gen_random_uuid(), -1, 'then', :at, 'good', false, 0, false
        FROM episode JOIN patient ON patient.id = patient_id WHERE patient.public_id = :who
    """
    change(owner, came_back, at=datetime(first.year, first.month, 15, tzinfo=UTC), who=back)
    assert first not in retention.look(owning(api), utc_now(), silently).months
    report = goes(api, utc_now())
    assert report.records == 1
    assert first not in report.months
    assert [row.id for row in rows(owner, "SELECT id FROM reading")] == ["then"]


def test_what_somebody_has_locked_is_left_for_the_next_run(api: Api, owner: Engine) -> None:
    lives(api)
    now = later(owner)
    with owner.connect() as holder:
        holder.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MERGE_LOCK})")
        report = goes(api, now)
        assert (report.records, report.left, count(owner, "reading")) == (0, 1, 3)
    assert goes(api, now).records == 1
    assert lines(goes(api, now)) == {}


def test_a_month_that_somebody_reads_is_waited_for_no_longer_than_two_seconds(api: Api, owner: Engine) -> None:
    life = lives(api)
    old(owner, life.patient, DAYS_OLD)
    with owner.connect() as reader:
        reader.exec_driver_sql("LOCK TABLE reading IN ACCESS SHARE MODE")  # as a long look does
        report = goes(api, utc_now())
        assert (report.months, report.left > 0, report.records) == ([], True, 1)  # row by row it can go all the same
        assert count(owner, "reading") == 0
    assert (goes(api, utc_now()).left, count(owner, "ledger")) == (0, 0)


def test_who_is_held_while_it_runs_is_kept(api: Api, owner: Engine) -> None:
    lives(api)
    other = lives(api, nhs_number="9449305552")

    def holds(line: str) -> None:
        if line.startswith("1 of 2"):
            one_record.hold_one(owning(api), other.patient, "the inquiry", utc_now())

    report = retention.apply(owning(api), later(owner), holds)
    assert (report.records, report.left) == (1, 1)
    assert rows(owner, "SELECT erased_at FROM patient WHERE public_id = :id", id=other.patient)[0].erased_at is None


def test_a_month_of_who_is_held_while_it_goes_stays(api: Api, owner: Engine) -> None:
    life = lives(api)
    old(owner, life.patient, DAYS_OLD)

    def holds(line: str) -> None:
        if "of 3 sets" in line:
            one_record.hold_one(owning(api), life.patient, "the inquiry", utc_now())

    report = retention.apply(owning(api), utc_now(), holds)
    assert (report.records, count(owner, "reading")) == (0, 3)


def test_a_run_that_is_interrupted_is_gone_on_with(api: Api, owner: Engine) -> None:
    lives(api)
    other = lives(api, nhs_number="9449305552")
    now = later(owner)

    def stops(line: str) -> None:
        if line.startswith("1 of 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retention.apply(owning(api), now, stops)
    left = rows(owner, "SELECT public_id::text FROM patient WHERE erased_at IS NULL AND given_name = 'Zebedee'")
    assert [row[0] for row in left] == [other.patient]
    assert goes(api, now).records == 1
    sealed(owner, after_s=round(YEARS.total_seconds()))
    assert told(verified(owner, now=now)) == []


def test_what_is_nobodys_goes_by_its_age(api: Api, owner: Engine) -> None:
    nobody = """
        INSERT INTO set_aside (public_id, source, id, content, reason, detail, document, received_at, kept_at, severity)
        VALUES (gen_random_uuid(), 1, :id, '', 'time not known', '', '{}', :at, :at, 0)
    """
    for own_id, days in (("old", DAYS_OLD), ("new", 10)):
        change(owner, nobody, id=own_id, at=utc_now() - timedelta(days=days))
    change(owner, "INSERT INTO set_aside_history (set_aside_key, at, what) SELECT key, kept_at, 'seen' FROM set_aside")
    report = goes(api, utc_now())
    assert lines(report) == {"set_aside": 1, "set_aside_history": 1}
    assert [row.id for row in rows(owner, "SELECT id FROM set_aside")] == ["new"]
    assert next(one.oldest_kept for one in report.tables if one.table == "set_aside") is not None


def test_the_parts_own_role_can_let_nothing_go(api: Api) -> None:
    with pytest.raises(Unacceptable, match="VIRTUAL_WARD_DATABASE_OWNER_URL"):
        retention.apply(api.ward.settings, utc_now(), silently)


def test_a_record_goes_before_its_time_for_a_reason_only(api: Api, owner: Engine) -> None:
    life = lives(api)
    now = utc_now()
    with pytest.raises(Unacceptable, match="--because"):
        one_record.erase_one(owning(api), NUMBER, None, now, apply=True)
    would = one_record.erase_one(owning(api), NUMBER, "registered by mistake", now, apply=False)
    assert (would["reading"], count(owner, "reading")) == (3, 3)
    gone = one_record.erase_one(owning(api), life.patient, "registered by mistake", now, apply=True)
    assert {name: number for name, number in gone.items() if number and not RECORDS[name].stays} == {
        name: number for name, number in would.items() if number and not RECORDS[name].stays
    }
    change(owner, "DELETE FROM event; DELETE FROM answered")
    assert found(owner, IDENTIFYING + WORDS) == DEVICES
    (left,) = [row for row in events(owner) if row.route == one_record.ERASE]
    assert (left.patients, left.by) == ([life.patient], "command")
    with pytest.raises(Unacceptable, match="erased on"):
        one_record.erase_one(owning(api), life.patient, None, now, apply=True)


def test_who_is_on_a_ward_is_not_erased_whatever_the_reason(api: Api, owner: Engine) -> None:
    who = str(api.ward.patient.id)
    with pytest.raises(Unacceptable, match="an open stay"):
        one_record.erase_one(owning(api), who, "because", utc_now(), apply=True)
    for unknown in ("9449305552", "nobody", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(Unacceptable, match="PATIENT"):
            one_record.erase_one(owning(api), unknown, "because", utc_now(), apply=True)
