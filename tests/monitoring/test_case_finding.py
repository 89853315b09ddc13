"""Case finding: who may have hypertension, from home and from others, for whom to see, and what came back."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from monitoring.access.roles import Role
from monitoring.casefinding.cases import CasePage, Found, Source, Wanted, cases
from monitoring.reports.periods import Span
from tests.monitoring.api import Answer, Api
from tests.monitoring.loading import load, send_csv
from tests.monitoring.referring import acts
from tests.monitoring.steps import done, employ, faults, made, refused
from tests.ward import Patient, Ward
from tests.workers.records import change, count, rows

MARCH = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
REPORT = "/v1/reports/case-finding?from=2026-03-01&to=2026-04-01"
CONTACTS = "/v1/case-finding/contacts"
SENT = "/v1/case-finding/sent"
HEADER = "nhs_number,at,systolic,diastolic,conveyed,gp_practice\n"
NUMBERS = ("9434765919", "9449305552", "9912003888")
DAY = timedelta(days=1)


def measures(
    ward: Ward,
    patient: Patient,
    pressure: tuple[int, int] = (150, 95),
    days: int = 5,
    by_staff: int | None = None,
    **also: Any,
) -> Patient:
    """A patient measures as NICE asks, from today on; the clock is turned back afterwards."""
    begun, (systolic, diastolic) = ward.now, pressure
    sets = [
        {
            "id": f"{day}-{hour}-{minute}", "taken_at": begun + timedelta(days=day, hours=hour, minutes=minute),
            "systolic": systolic, "diastolic": diastolic, **also,
        }
        for day, hour, minute in product(range(days), (1, 12), (0, 2))
    ]  # fmt: skip
    ward.now = begun + days * DAY
    arrival = ward.arrival(sets, patient=patient)
    if by_staff is not None:
        arrival = replace(arrival, source=-by_staff, patient=str(patient.id))
    ward.drains([arrival])
    ward.now = begun
    return patient


def found(ward: Ward, limit: int = 50, cursor: str | None = None, **asked: Any) -> CasePage:
    """As a coordinator reads it, in April."""
    wanted: dict[str, Any] = {
        "span": MARCH,
        "source": Source.HOME,
        "gp_practice": None,
        "network": None,
        "finding": None,
    } | asked
    ward.now, now = datetime(2026, 4, 2, tzinfo=UTC), ward.now
    try:
        return acts(ward, lambda act: cases(act, Wanted(**wanted), limit, cursor))
    finally:
        ward.now = now


def test_raised_at_home_is_a_case_undiagnosed_or_known_and_uncontrolled(ward: Ward) -> None:
    undiagnosed = measures(ward, ward.admit(gp_practice="C81001", known_hypertension=False))
    known = measures(ward, ward.admit(gp_practice="C81001", known_hypertension=True), (135, 70))
    measures(ward, ward.admit(gp_practice="C81001"), (134, 84))
    measures(ward, ward.admit(gp_practice="C81001"), days=3)
    page = found(ward)
    assert [(one.patient, one.finding, one.systolic, one.days) for one in page.items] == [
        (known.id, Found.UNCONTROLLED, 135.0, 5),
        (undiagnosed.id, Found.UNDIAGNOSED, 150.0, 5),
    ]
    assert (page.items[0].measurements, page.items[0].at) == (16, ward.now + timedelta(days=4, hours=12, minutes=2))
    assert (page.next, page.looked_at, page.same_day) == (None, 5, 0)
    assert [one.patient for one in found(ward, finding=Found.UNCONTROLLED).items] == [known.id]


def test_severe_is_a_call_today_and_no_part_of_the_list(ward: Ward) -> None:
    severe = measures(ward, ward.admit(), (180, 70), days=1)
    page = found(ward)
    assert (page.items, page.same_day) == ([], 1)
    assert [one.patient for one in found(ward, finding=Found.SAME_DAY).items] == [severe.id]


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("died_at", {"value": datetime(2026, 3, 20, tzinfo=UTC)}),
        ("pregnant", {"value": "true"}),
        ("birth_date", {"value": date(2008, 4, 3)}),
    ],
)
def test_the_dead_the_pregnant_and_the_young_are_not_on_it(ward: Ward, what: str, values: dict[str, Any]) -> None:
    patient = measures(ward, ward.admit())
    assert len(found(ward).items) == 1
    change(ward.engine, f"UPDATE patient SET {what} = :value WHERE id = {patient.key}", **values)
    assert found(ward).items == []


def test_what_is_of_low_quality_or_measured_by_staff_does_not_count(ward: Ward) -> None:
    measures(ward, ward.admit(), quality="low")
    measures(ward, ward.patient, by_staff=ward.staff[Role.SUPPORT].id)
    assert count(ward.engine, "reading") == 40
    assert found(ward).items == []


def test_only_spells_of_the_period_are_looked_at(ward: Ward) -> None:
    measures(ward, ward.admit())
    assert found(ward, span=Span(MARCH.from_at, ward.now)).looked_at == 0
    assert len(found(ward, span=Span(ward.now + 20 * DAY, MARCH.until_at)).items) == 1  # still in


def test_by_practice_and_by_network(api: Api, ward: Ward) -> None:
    load(api, "practices", "gp_practice,network,contact\nC81001,U1,\nC81002,U1,\nC81003,U2,\n", "2026-01-01")
    for practice in ("C81001", "C81002", "C81003"):
        measures(ward, ward.admit(gp_practice=practice))
    assert [one.gp_practice for one in found(ward, gp_practice="C81002").items] == ["C81002"]
    assert [(one.gp_practice, one.network) for one in found(ward, network="U1").items] == [
        ("C81002", "U1"),
        ("C81001", "U1"),
    ]


def test_a_page_looks_at_so_many_spells_and_the_next_goes_on(ward: Ward) -> None:
    patients = [measures(ward, ward.admit(), (120, 70) if nth == 1 else (150, 95)) for nth in range(3)]
    pages: list[list[Any]] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = found(ward, limit=1, cursor=cursor)
        pages.append([one.patient for one in page.items])
        cursor = page.next
    assert pages == [[patients[2].id], [], [patients[0].id], []]  # the ward's first patient measures nothing


def test_a_page_is_one_query_that_reaches_readings_by_their_key(ward: Ward) -> None:
    for _ in range(3):
        measures(ward, ward.admit())
    statements: list[str] = []

    def heard(_: Any, __: Any, statement: str, ___: Any, context: Any, *____: Any) -> None:
        if "reading" in statement:
            statements.append(statement)
            parameters.append(context.compiled_parameters[0])

    parameters: list[Any] = []
    event.listen(ward.engine, "before_cursor_execute", heard)
    found(ward)
    event.remove(ward.engine, "before_cursor_execute", heard)
    (statement,) = statements
    with ward.engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement, parameters[0]))
    readings = [line for line in plan.splitlines() if " on reading_" in line]
    assert readings
    assert all("Index Scan" in line for line in readings), plan


def contacts(api: Api, *lines: str, **options: Any) -> Answer:
    """Others' contacts."""
    return send_csv(api, "POST", CONTACTS, HEADER + "".join(f"{line}\n" for line in lines), **options)


def test_contacts_of_others_are_cases_from_the_threshold_of_the_clinic_on(api: Api, ward: Ward) -> None:
    change(ward.engine, "UPDATE patient SET nhs_number = :number, gp_practice = 'C81009', known_hypertension = 'true'",
           number=NUMBERS[1])  # fmt: skip
    said = done(
        contacts(
            api,
            "943 476 5919,2026-03-05T10:00:00Z,140,60,no,C81001",
            f"{NUMBERS[1]},2026-03-06T10:00:00Z,100,90,false,",
            f"{NUMBERS[2]},2026-03-07T10:00:00Z,139,89,no,C81001",
            f"{NUMBERS[2]},2026-03-08T10:00:00Z,200,130,yes,C81001",
        )
    )
    assert said == {"rows": 4, "kept": 2, "known": 0, "conveyed": 1, "not_raised": 1, "same_day": 0}
    first, second = found(ward, source=Source.CONTACT).items[::-1]
    assert (first.nhs_number, first.patient, first.finding) == (NUMBERS[0], None, Found.UNDIAGNOSED)
    assert (second.patient, second.finding) == (ward.patient.id, Found.UNCONTROLLED)
    assert second.gp_practice == "C81009"  # as recorded here, where the file does not say
    assert rows(ward.engine, "SELECT nhs_number FROM outside_contact WHERE nhs_number = :it", it=NUMBERS[2]) == []


def test_a_person_is_one_case_by_the_newest_contact_and_severe_ones_are_called_today(api: Api, ward: Ward) -> None:
    lines = [f"{NUMBERS[0]},2026-03-0{day}T10:00:00Z,{value},80,no,C81001" for day, value in ((5, 150), (6, 160))]
    assert done(contacts(api, *lines))["kept"] == 2
    assert [one.systolic for one in found(ward, source=Source.CONTACT).items] == [160.0]
    assert done(contacts(api, *lines))["known"] == 2
    assert done(contacts(api, f"{NUMBERS[0]},2026-03-09T10:00:00Z,180,80,no,C81001"))["same_day"] == 1
    page = found(ward, source=Source.CONTACT)
    assert (page.items, page.same_day) == ([], 1)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("9434765918,2026-03-05T10:00:00Z,150,90,no,", "line 3, nhs_number"),
        ("9434765919,2026-03-05T10:00:00,150,90,no,", "line 3, at"),
        ("9434765919,2126-03-05T10:00:00Z,150,90,no,", "line 3, at"),
        ("9434765919,2026-03-05T10:00:00Z,400,90,no,", "line 3, systolic"),
        ("9434765919,2026-03-05T10:00:00Z,150,90,perhaps,", "line 3, conveyed"),
        ("9434765919,2026-03-05T10:00:00Z,150,90,no", "line 3"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_of_the_file_is_kept(api: Api, line: str, named: str) -> None:
    assert faults(contacts(api, f"{NUMBERS[1]},2026-03-05T10:00:00Z,150,90,no,", line)) == [named]
    assert count(api.ward.engine, "outside_contact") == 0


def send(api: Api, *ids: Any, practice: str = "C81001", to: str = "hub@example.nhs.uk", **options: Any) -> Answer:
    """What was sent to a practice."""
    return api.post(
        SENT, {"gp_practice": practice, "to": to, "cases": [str(one) for one in ids]}, Role.COORDINATOR, **options
    )


def test_what_was_sent_is_kept_with_the_replies(api: Api, ward: Ward) -> None:
    for _ in range(2):
        measures(ward, ward.admit(gp_practice="C81001"))
    first, second = found(ward).items
    answer = send(api, first.id, second.id)
    sent = made(answer)
    assert answer.headers["location"] == f"{SENT}/{sent['id']}"
    assert (sent["gp_practice"], sent["to"], sent["sent_by"]) == (
        "C81001", "hub@example.nhs.uk", str(ward.staff[Role.COORDINATOR].public_id),
    )  # fmt: skip
    assert [(one["case"], one["finding"], one["replies"]) for one in sent["cases"]] == [
        (str(first.id), "undiagnosed", []),
        (str(second.id), "undiagnosed", []),
    ]
    for said in ("reviewed", "diagnosed"):
        done(api.post(f"{SENT}/{sent['id']}/reply", {"case": str(second.id), "reply": said}))
    (listed,) = done(api.get(SENT))["items"]
    assert listed == done(api.get(f"{SENT}/{sent['id']}", Role.AUDITOR))
    assert [one["reply"] for one in listed["cases"][1]["replies"]] == ["reviewed", "diagnosed"]
    assert [one.sent_at is None for one in found(ward).items] == [False, False]
    assert done(api.get(f"{SENT}?gp_practice=C81002"))["items"] == []


def test_what_is_no_case_of_the_practice_is_not_sent(api: Api, ward: Ward) -> None:
    theirs = measures(ward, ward.admit(gp_practice="C81002"))
    well = measures(ward, ward.admit(gp_practice="C81001"), (120, 70))
    severe = measures(ward, ward.admit(gp_practice="C81001"), (185, 70))
    ids = {row.id: row.public_id for row in rows(ward.engine, "SELECT id, public_id FROM episode")}
    for patient in (theirs, well):
        assert faults(send(api, ids[patient.episode_id])) == ["cases[0]"]
    assert refused(send(api, ids[severe.episode_id]), 409)["current"]["finding"] == "same_day"
    assert faults(send(api, ids[theirs.episode_id], ids[theirs.episode_id], practice="C81002")) == ["cases"]
    assert count(ward.engine, "cases_sent") == 0


def test_it_is_sent_to_the_agreed_contact_only(api: Api, ward: Ward) -> None:
    load(api, "practices", "gp_practice,network,contact\nC81001,U1,hub@example.nhs.uk\n", "2026-01-01")
    measures(ward, ward.admit(gp_practice="C81001"))
    (case,) = found(ward).items
    assert faults(send(api, case.id, to="somebody@example.com")) == ["to"]
    made(send(api, case.id))


def test_a_contact_of_others_can_be_sent_and_replied_to(api: Api) -> None:
    done(contacts(api, f"{NUMBERS[0]},2026-03-05T10:00:00Z,150,60,no,C81001"))
    (case,) = done(api.get(f"{REPORT}&source=contact"))["items"]
    sent = made(send(api, case["id"]))
    reply = f"{SENT}/{sent['id']}/reply"
    assert faults(api.post(reply, {"case": sent["id"], "reply": "lifestyle"})) == ["case"]
    assert faults(api.post(reply, {"case": case["id"], "reply": "cured"})) == ["reply"]
    refused(api.post(reply, {"case": case["id"], "reply": "optimised", "at": "2026-03-05T10:00:00Z"}), 409)
    assert faults(api.post(reply, {"case": case["id"], "reply": "optimised", "at": "2099-03-05T10:00:00Z"})) == ["at"]
    refused(api.post(f"{SENT}/{case['id']}/reply", {"case": case["id"], "reply": "optimised"}), 404)
    done(api.post(reply, {"case": case["id"], "reply": "optimised", "note": "amlodipine"}))


def test_staff_of_certain_wards_find_and_see_what_is_of_these(api: Api, ward: Ward) -> None:
    measures(ward, ward.admit(gp_practice="C81001"))
    ours, other = (employ(api, Role.COORDINATOR, code) for code in ("WARD1", "OTHER"))
    (case,) = done(api.get(REPORT, token=ours))["items"]
    assert done(api.get(REPORT, token=other))["items"] == []
    assert faults(send(api, case["id"], token=other)) == ["cases[0]"]
    sent = made(send(api, case["id"], token=ours))
    refused(api.get(f"{SENT}/{sent['id']}", token=other), 404)
    done(api.get(f"{SENT}/{sent['id']}", token=ours))
    refused(api.get(f"{REPORT}&source=contact", token=ours), 403)
    refused(contacts(api, token=ours), 403)


def test_as_csv_it_is_the_whole_list_of_one_practice(api: Api, ward: Ward) -> None:
    for practice in ("C81001", "C81002"):
        measures(ward, ward.admit(gp_practice=practice))
    header, line = api.get(f"{REPORT}&gp_practice=C81001&limit=1", headers={"Accept": "text/csv"}).text.splitlines()
    assert header.startswith("id,source,finding,patient,nhs_number,gp_practice,network,")
    assert ",home,undiagnosed," in line


def test_what_is_refused(api: Api) -> None:
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.ENGINEER, Role.UCR):
        refused(api.get(f"{REPORT}&finding=nothing", role), 403)
        refused(send_csv(api, "POST", CONTACTS, "nonsense", role), 403)
    refused(send_csv(api, "POST", CONTACTS, HEADER, Role.AUDITOR), 403)
    refused(api.post(SENT, {"nonsense": 1}, Role.AUDITOR), 403)
    assert faults(api.get(f"{REPORT}&finding=nothing")) == ["finding"]
    assert faults(api.get("/v1/reports/case-finding?from=2025-03-01&to=2026-04-01")) == ["from"]
    assert faults(api.get(f"{REPORT}&cursor=x")) == ["cursor"]
    refused(api.post(CONTACTS, {}), 415)
