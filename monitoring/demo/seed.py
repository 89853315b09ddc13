"""A small ICS, made through the public API as its users would make it: wards, patients with their kits, who waits."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx
from faker import Faker

from devices.simulator import Patient
from monitoring.demo.cast import SEED
from monitoring.demo.staff import CHRIS, JOY, ROBIN, Colleague

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

PATHWAYS: Final = tuple(pathway for ward in WARDS.values() for pathway in ward["pathways"])

FULL: Final = "HEART1"
"""The ward without a free bed, where somebody waits for one."""
FREE_ELSEWHERE: Final = 2


@dataclass(frozen=True, slots=True)
class Home:
    """A simulated patient, who they are to the service, their stay, and their device's token."""

    patient: Patient
    id: str
    episode: str
    name: str
    ward: str
    token: str


Staff = Mapping[str, Colleague]


def open_wards(staff: Staff, patients: list[Patient]) -> None:
    """Wards with beds for everybody; but for one, with some to spare."""
    needed = Counter(_ward_of(patient) for patient in patients)
    for code, ward in WARDS.items():
        staffed = needed[code] + (0 if code == FULL else FREE_ELSEWHERE)
        staff[CHRIS].post("/v1/wards", {
            "code": code, "name": ward["name"], "pathway": ward["pathway"], "provider": "RXX", "icb": "QXX",
            "funded": staffed + 10, "staffed": staffed,
        })  # fmt: skip


def admit_all(staff: Staff, patients: list[Patient]) -> tuple[list[Home], dict[str, str]]:
    """Register, equip and admit every simulated patient; one more waits for a bed: their name, by id."""
    names = Faker("en_GB")
    names.seed_instance(SEED)
    homes = [_admit(staff, patient, names) for patient in patients]
    return homes, _let_wait(staff, names)


def _let_wait(staff: Staff, names: Faker) -> dict[str, str]:
    """Somebody is referred to the full ward, and accepted: no bed is free (409), so they join its waiting list."""
    waiting, name = _register(staff, names)
    asked = {"patient": waiting, "ward": FULL, "source": "gp", "step": "up", "priority": "urgent"}
    referral = staff[CHRIS].post("/v1/referrals", asked)["id"]
    with suppress(httpx.HTTPStatusError):
        staff[CHRIS].post(f"/v1/referrals/{referral}/accept")
    return {waiting: name}


def _register(staff: Staff, names: Faker) -> tuple[str, str]:
    """Somebody new: their id and their name."""
    female = names.boolean()
    given = names.first_name_female() if female else names.first_name_male()
    family = names.last_name()
    person = staff[CHRIS].post("/v1/patients", {
        "no_nhs_number_reason": "simulated", "given_name": given, "family_name": family,
        "birth_date": names.date_of_birth(minimum_age=60, maximum_age=92).isoformat(),
        "sex": "female" if female else "male", "address": names.address().replace("\n", ", "),
        "postcode_district": "LE1", "phones": [names.phone_number()], "key_safe": "by the back door",
    })  # fmt: skip
    return person["id"], f"{given} {family}"


def _admit(staff: Staff, patient: Patient, names: Faker) -> Home:
    person, name = _register(staff, names)
    device = staff[ROBIN].post("/v1/devices", {"kind": "hub", "serial": f"DEMO-{patient.number}"})
    plan: dict[str, Any] = {"spo2_scale": patient.spo2_scale, "readings_per_day": patient.readings_per_day}
    if patient.home_oxygen_l_min:
        plan["home_oxygen_l_min"] = patient.home_oxygen_l_min
    plan |= {"reason": "set at admission", "review_on": date(2100, 1, 1).isoformat()}
    ward = _ward_of(patient)
    stay = {"patient": person, "ward": ward, "step": "up", "devices": [device["id"]], "plan": plan}
    episode = staff[JOY].post("/v1/episodes", stay)
    return Home(patient, person, episode["id"], name, ward, device["token"])


def _ward_of(patient: Patient) -> str:
    return next(code for code, one in WARDS.items() if patient.pathway in one["pathways"])
