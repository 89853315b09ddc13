"""Registering and finding patients over HTTP."""

import csv
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from monitoring.access.roles import Role
from tests.conformance import CONFORMANCE
from tests.monitoring.api import Api
from tests.monitoring.steps import PERSON, admit, done, elsewhere, employ, faults, made, open_ward, refused, register

NUMBERED = {name: value for name, value in PERSON.items() if name != "no_nhs_number_reason"}
VECTORS = CONFORMANCE / "nhs_numbers.csv"
MISJUDGED = {"2983396363"}
"""Its check digit is right; the vectors' source holds it against a rule for Scottish numbers, as it did 2983396339."""
WHOLE: dict[str, Any] = NUMBERED | {
    "nhs_number": "9434765919",
    "address": "1 High Street",
    "staying_at": "her daughter's",
    "postcode": "LE1 7RH",
    "postcode_district": "LE1",
    "phones": ["0116 496 0000"],
    "next_of_kin": [{"name": "Bo Other", "phone": "0116 496 0001", "relationship": "son"}],
    "carer": "Bo Other",
    "key_safe": "1234",
    "access_notes": "side door",
    "scene_safety": "a dog",
    "allergies": ["penicillin"],
    "language": "en",
    "interpreter": False,
    "communication_needs": "large print",
    "ethnicity": "A",
    "gp_practice": "C82001",
    "pregnant": False,
    "spinal_cord_injury": False,
    "known_hypertension": True,
}


def test_an_nhs_number_is_kept_as_ten_digits_however_it_is_written(api: Api) -> None:
    sent = {"9434765919": "943 476 5919", "4010232137": "401-023-2137", "9990615225": "9990615225"}
    for digits, written in sent.items():
        answer = api.post("/v1/patients", NUMBERED | {"nhs_number": written}, Role.COORDINATOR)
        patient = made(answer)
        assert patient["nhs_number"] == digits
        assert answer.headers["location"] == f"/v1/patients/{patient['id']}"
        assert done(api.get(answer.headers["location"])) == patient


def test_a_number_that_is_nobodys_is_refused_by_name(api: Api) -> None:
    for sent in ("9434765918", "1111111111", "0000000000", "943476591", "94347659190", "٩434765919", "x", ""):
        assert faults(api.post("/v1/patients", NUMBERED | {"nhs_number": sent})) == ["nhs_number"]


def test_the_range_for_tests_is_flagged(api: Api) -> None:
    assert made(api.post("/v1/patients", NUMBERED | {"nhs_number": "9990615225"}))["nhs_number_is_test"]
    assert not made(api.post("/v1/patients", NUMBERED | {"nhs_number": "9434765919"}))["nhs_number_is_test"]


@pytest.mark.skipif(not VECTORS.exists(), reason="the conformance vectors are not here")
def test_numbers_that_others_judged_are_judged_the_same(api: Api) -> None:
    for row in csv.DictReader(VECTORS.read_text().splitlines()):
        if not row["expected_valid"]:  # standardised only
            continue
        valid = row["expected_valid"] == "True" or row["raw"] in MISJUDGED
        answer = api.post("/v1/patients", NUMBERED | {"nhs_number": row["raw"]})
        assert answer.status_code == (201 if valid else 422), row
        if answer.status_code == 201:
            assert answer.json()["nhs_number"] == row["standardised"]


def test_without_a_number_a_reason_is_needed(api: Api) -> None:
    assert faults(api.post("/v1/patients", NUMBERED)) == ["nhs_number"]
    assert faults(api.post("/v1/patients", NUMBERED | {"no_nhs_number_reason": "  "})) == ["no_nhs_number_reason"]
    assert made(api.post("/v1/patients", NUMBERED | {"no_nhs_number_reason": "visitor"}))["nhs_number"] is None


def test_a_number_and_a_reason_for_having_none_contradict_each_other(api: Api) -> None:
    both = PERSON | {"nhs_number": "9434765919"}
    assert faults(api.post("/v1/patients", both)) == ["no_nhs_number_reason"]
    assert faults(api.put(f"/v1/patients/{register(api)}", both)) == ["no_nhs_number_reason"]


def test_a_number_that_somebody_has_is_refused_with_whose_it_is(api: Api) -> None:
    first = made(api.post("/v1/patients", NUMBERED | {"nhs_number": "9434765919"}))
    problem = refused(api.post("/v1/patients", NUMBERED | {"nhs_number": "943 476 5919"}), 409)
    assert problem["current"] == {"patient": first["id"]}


def test_one_person_registered_by_many_at_once_is_one_patient(api: Api) -> None:
    def post(_: int) -> int:
        return api.post("/v1/patients", NUMBERED | {"nhs_number": "9434765919"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(post, range(8))) == [201] + 7 * [409]


def test_everything_that_is_sent_comes_back(api: Api) -> None:
    patient = made(api.post("/v1/patients", WHOLE))
    assert {name: patient[name] for name in WHOLE} == WHOLE
    assert (patient["ward"], patient["episode"]) == (None, None)


def test_the_district_follows_from_the_postcode(api: Api) -> None:
    assert made(api.post("/v1/patients", PERSON | {"postcode": "le1 7rh"}))["postcode_district"] == "LE1"


def test_what_cannot_be_kept_is_refused_by_name(api: Api) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"surname": "Other"}, "surname"),
        ({"given_name": None}, "given_name"),
        ({"given_name": " "}, "given_name"),
        ({"sex": "f"}, "sex"),
        ({"birth_date": "1950-02-30"}, "birth_date"),
        ({"birth_date": "2190-01-01"}, "birth_date"),
        ({"birth_date": "1850-01-01"}, "birth_date"),
        ({"pregnant": "perhaps"}, "pregnant"),
        ({"gp_practice": "C82001\n"}, "gp_practice"),
        ({"next_of_kin": [{"name": "Bo", "email": "bo@example.org"}]}, "next_of_kin[0].email"),
    ]
    for changed, field in wrong:
        assert faults(api.post("/v1/patients", PERSON | changed)) == [field], changed
    assert faults(api.post("/v1/patients", {})) == ["given_name"]


def test_the_character_that_the_database_cannot_keep_is_refused_wherever_it_stands(api: Api) -> None:
    holding: dict[str, Any] = {
        "given_name": "A\0",
        "phones": ["0\0"],
        "allergies": ["nuts", "\0"],
        "next_of_kin": [{"name": "B\0"}],
        "carer": {"name": "Bo", "notes": "\0"},
        "interpreter": "\0",
        "ethnicity": "\0",
        "no_nhs_number_reason": "a\0",
    }
    for name, value in holding.items():
        (field,) = faults(api.post("/v1/patients", PERSON | {name: value}))
        assert field.startswith(name)


def test_a_patient_is_corrected(api: Api) -> None:
    patient = register(api)
    corrected = done(api.put(f"/v1/patients/{patient}", WHOLE, Role.CLINICIAN))
    assert {name: corrected[name] for name in WHOLE} == WHOLE
    assert done(api.get(f"/v1/patients/{patient}")) == corrected


def test_a_correction_does_not_take_somebody_elses_number(api: Api) -> None:
    first, second = register(api), register(api)
    done(api.put(f"/v1/patients/{first}", WHOLE))
    assert refused(api.put(f"/v1/patients/{second}", WHOLE), 409)["current"] == {"patient": first}
    assert done(api.get(f"/v1/patients/{second}"))["nhs_number"] is None


def test_a_patient_keeps_their_own_number_when_corrected(api: Api) -> None:
    patient = register(api)
    done(api.put(f"/v1/patients/{patient}", WHOLE))
    assert done(api.put(f"/v1/patients/{patient}", WHOLE | {"given_name": "Anna"}))["given_name"] == "Anna"


def test_who_may_is_judged_before_what_was_sent(api: Api) -> None:
    for role in (Role.CLINICIAN, Role.SUPPORT, Role.ENGINEER, Role.UCR, Role.AUDITOR):
        refused(api.post("/v1/patients", {"no": "sense"}, role), 403)
    refused(api.post("/v1/patients", {"no": "sense"}, token=api.device()), 403)


def test_patients_are_listed_newest_first_page_by_page(api: Api) -> None:
    known = [*[register(api) for _ in range(5)][::-1], str(api.ward.patient.id)]
    listed: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = done(api.get("/v1/patients", params=params))
        assert len(page["items"]) <= 2
        listed += [one["id"] for one in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert listed == known


def test_a_page_is_one_to_a_thousand_long_and_follows_a_cursor_that_we_gave(api: Api) -> None:
    wrong = [{"limit": "0"}, {"limit": "1001"}, {"limit": "many"}, {"cursor": "x!"}]
    for params in wrong:
        assert faults(api.get("/v1/patients", params=params)) == list(params), params
    assert len(done(api.get("/v1/patients", params={"limit": 1000}))["items"]) == 1


def test_a_patient_of_another_ward_is_not_there(api: Api) -> None:
    patient, token = elsewhere(api)
    for path in ("", "/plan", "/readings", "/scores", "/alerts"):
        refused(api.get(f"/v1/patients/{patient}{path}", token=token), 404)
    refused(api.put(f"/v1/patients/{patient}", PERSON, token=token), 404)
    refused(api.post(f"/v1/patients/{patient}/readings", {"no": "sense"}, token=token), 404)
    listed = done(api.get("/v1/patients", token=token))["items"]
    assert [one["id"] for one in listed] == [str(api.ward.patient.id)]


def test_a_patient_of_nobody_is_seen_by_every_ward_until_one_admits_them(api: Api) -> None:
    open_ward(api, "OTHER")
    patient = register(api)
    token = employ(api, Role.COORDINATOR, "WARD1")
    assert done(api.get(f"/v1/patients/{patient}", token=token))["ward"] is None
    stay = admit(api, patient, "OTHER")
    refused(api.get(f"/v1/patients/{patient}", token=token), 404)
    seen = done(api.get(f"/v1/patients/{patient}"))
    assert (seen["ward"], seen["episode"]) == ("OTHER", stay["id"])


def test_a_patient_who_does_not_exist_is_not_there(api: Api) -> None:
    refused(api.get(f"/v1/patients/{uuid4()}"), 404)
    refused(api.get("/v1/patients/nonsense"), 404)
