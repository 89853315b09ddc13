"""A small ICS, made through the public API as its users would make it: wards, staff, patients with their kits."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx
from faker import Faker

from devices.simulator import Patient, cohort
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.config import Settings
from monitoring.installing import add_staff, new_staff

SEED: Final = 2026

WARDS: Final[dict[str, dict[str, Any]]] = {
    "RESP1": {
        "name": "Respiratory virtual ward",
        "pathway": "acute_respiratory",
        "pathways": ("acute_respiratory", "copd"),
    },
    "FRAIL1": {"name": "Frailty hospital at home", "pathway": "frailty", "pathways": ("frailty", "general")},
    "HEART1": {"name": "Heart failure virtual ward", "pathway": "heart_failure", "pathways": ("heart_failure",)},
}
"""By code: the ward, and the simulator's pathways whose patients it takes."""

STAFF: Final = (
    ("Sister Joy Adeyemi", Role.CLINICIAN, True),
    ("Sam Patel", Role.SUPPORT, False),
    ("Chris Morgan", Role.COORDINATOR, False),
    ("Robin Lee", Role.ENGINEER, False),
)

PATHWAYS: Final = tuple(pathway for ward in WARDS.values() for pathway in ward["pathways"])


@dataclass(frozen=True, slots=True)
class Home:
    """A simulated patient, who they are to the service, and their device's token."""

    patient: Patient
    id: str
    name: str
    ward: str
    token: str


def employ(settings: Settings) -> dict[Role, str]:
    """The staff of the demo, by role: their tokens."""
    now = utc_now()
    return {
        role: add_staff(settings, new_staff(role, name, [], registered=registered, senior=registered, now=now)).token
        for name, role, registered in STAFF
    }


def open_wards(client: httpx.Client, tokens: dict[Role, str], patients: int) -> None:
    """Wards with beds for everybody."""
    for code, ward in WARDS.items():
        body = {
            "code": code, "name": ward["name"], "pathway": ward["pathway"], "provider": "RXX", "icb": "QXX",
            "funded": patients + 10, "staffed": patients,
        }  # fmt: skip
        post(client, "/v1/wards", tokens[Role.COORDINATOR], body)


def admit_all(client: httpx.Client, tokens: dict[Role, str], patients: list[Patient]) -> list[Home]:
    """Register, equip and admit every simulated patient."""
    names = Faker("en_GB")
    names.seed_instance(SEED)
    return [_admit(client, tokens, patient, names) for patient in patients]


def simulated(patients: int) -> list[Patient]:
    """The people of the demo."""
    return cohort(PATHWAYS, patients, SEED)


def post(client: httpx.Client, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST and return the answer. Raises httpx.HTTPStatusError where it is refused."""
    answer = client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def _admit(client: httpx.Client, tokens: dict[Role, str], patient: Patient, names: Faker) -> Home:
    ward = next(code for code, one in WARDS.items() if patient.pathway in one["pathways"])
    female = names.boolean()
    given = names.first_name_female() if female else names.first_name_male()
    family = names.last_name()
    person = post(client, "/v1/patients", tokens[Role.COORDINATOR], {
        "no_nhs_number_reason": "simulated", "given_name": given, "family_name": family,
        "birth_date": names.date_of_birth(minimum_age=60, maximum_age=92).isoformat(),
        "sex": "female" if female else "male", "address": names.address().replace("\n", ", "),
        "postcode_district": "LE1", "phones": [names.phone_number()], "key_safe": "by the back door",
    })  # fmt: skip
    device = post(client, "/v1/devices", tokens[Role.ENGINEER], {"kind": "hub", "serial": f"DEMO-{patient.number}"})
    plan: dict[str, Any] = {"spo2_scale": patient.spo2_scale, "readings_per_day": patient.readings_per_day}
    if patient.home_oxygen_l_min:
        plan["home_oxygen_l_min"] = patient.home_oxygen_l_min
    plan |= {"reason": "set at admission", "review_on": date(2100, 1, 1).isoformat()}
    stay = {"patient": person["id"], "ward": ward, "step": "up", "devices": [device["id"]], "plan": plan}
    post(client, "/v1/episodes", tokens[Role.CLINICIAN], stay)
    return Home(patient, person["id"], f"{given} {family}", ward, device["token"])
