"""How staff are told: in their own order, signed, at no address within our own network, and by whom it is said."""

from base64 import b64decode, b64encode
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.duty.contacts import OLD_SECRET_VALID_FOR, valid_secrets
from monitoring.escalation.tables import Contact
from tests.monitoring.api import Answer, Api
from tests.monitoring.steps import done, elsewhere, employ, faults, refused

HOOK = "https://pager.example.nhs.uk/joy"
SMS = {"by": "sms", "to": "07700 900123"}


def secret(size: int) -> str:
    """A webhook's secret of so many bytes."""
    return f"whsec_{b64encode(bytes(size)).decode()}"


def contacts_of(api: Api, role: Role = Role.CLINICIAN) -> str:
    """The path of somebody's contacts."""
    return f"/v1/staff/{api.ward.staff[role].public_id}/contacts"


def listed(answer: Answer) -> list[dict[str, Any]]:
    """The contacts of a 200."""
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def signing(api: Api, after: timedelta = timedelta()) -> list[str]:
    """What signs the clinician's webhook, now or later."""
    with Session(api.ward.engine) as session:
        contact = session.execute(select(Contact).where(col(Contact.by) == "webhook")).scalar_one()
        return valid_secrets(contact, utc_now() + after)


def test_a_secret_is_made_and_shown_once_and_a_changed_one_signs_beside_the_one_before_for_a_day(api: Api) -> None:
    path = contacts_of(api)
    quiet = {"from": "22:00", "to": "07:00"}
    first = listed(api.put(path, [SMS | {"quiet": quiet}, {"by": "webhook", "to": HOOK}], Role.CLINICIAN))
    assert [one["by"] for one in first] == ["sms", "webhook"]
    assert (first[0]["to"], first[0]["quiet"]) == ("07700900123", quiet)
    made = first[1]["secret"]
    assert len(b64decode(made.removeprefix("whsec_"), validate=True)) == 32
    shown = listed(api.get(path, Role.CLINICIAN))
    assert [one.keys() & {"secret", "secrets"} for one in shown] == [set(), set()]
    again = listed(api.put(path, list(reversed(shown)), Role.CLINICIAN))  # what was read can be sent back
    assert [one["by"] for one in again] == ["webhook", "sms"]
    assert "secret" not in again[0]
    assert signing(api) == [made]
    done(api.put(path, [{"by": "webhook", "to": HOOK, "secret": secret(24)}], Role.CLINICIAN))
    assert signing(api) == [secret(24), made]
    done(api.put(path, [{"by": "webhook", "to": HOOK}, SMS], Role.CLINICIAN))  # the day goes on
    assert signing(api, OLD_SECRET_VALID_FOR - timedelta(minutes=1)) == [secret(24), made]
    assert signing(api, OLD_SECRET_VALID_FOR) == [secret(24)]
    done(api.put(path, [{"by": "webhook", "to": HOOK, "secret": secret(64)}], Role.CLINICIAN))
    assert signing(api) == [secret(64), secret(24)]
    answer = api.put(path, [{"by": "webhook", "to": f"{HOOK}/2"}], headers={"Idempotency-Key": "once"})
    assert "secret" in answer.json()[0]
    replayed = api.put(path, [{"by": "webhook", "to": f"{HOOK}/2"}], headers={"Idempotency-Key": "once"})
    assert replayed.headers["idempotency-replayed"] == "true"
    assert "secret" not in replayed.json()[0]


WRONG: list[dict[str, Any]] = [
    {"by": "email", "to": "joy"}, {"by": "email", "to": "joy@ward, sam@ward.nhs.uk"},
    {"by": "email", "to": "joy@localhost"}, {"by": "email", "to": "joy@ward.nhs.uk\nBcc: x@y.uk"},
    {"by": "sms", "to": "999"}, {"by": "sms", "to": "joy"}, {"by": "sms", "to": "+44 7700 900123 ext. 4"},
    {"by": "webhook", "to": "ftp://pager.example"}, {"by": "webhook", "to": "https://"},
    {"by": "webhook", "to": "https://joy:pass@pager.example"}, {"by": "webhook", "to": "https://pager.example:99999999/"},
    {"by": "apprise", "to": "a team"},
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "10.1.2.3", "192.168.0.1:8080", "172.16.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "localhost",
    "db.internal", "127.1", "2130706433", "0x7f000001", "[::ffff:10.0.0.1]", "localhost.", "0.0.0.0", "224.0.0.1",
]  # fmt: skip


def test_addresses_that_nobody_could_be_told_at_are_refused_by_name(api: Api) -> None:
    path = contacts_of(api)
    assert faults(api.put(path, WRONG[:10])) == [f"[{place}].to" for place in range(10)]
    assert faults(api.put(path, WRONG[10:])) == [f"[{place}].to" for place in range(len(WRONG) - 10)]
    for some in (PRIVATE[:8], PRIVATE[8:]):
        private = [{"by": "webhook", "to": f"http://{host}/hook"} for host in some]
        assert faults(api.put(path, private)) == [f"[{place}].to" for place in range(len(some))]
    assert faults(api.put(path, [{"by": "apprise", "to": "json://10.0.0.1/x"}])) == ["[0].to"]
    assert faults(api.put(path, [SMS, {"by": "sms", "to": "07700900123"}])) == ["[1].to"]
    for wrong in ("abc", secret(23), secret(65), "whsec_???"):
        assert faults(api.put(path, [{"by": "webhook", "to": HOOK, "secret": wrong}])) == ["[0].secret"]
    assert faults(api.put(path, [SMS | {"secret": secret(24)}])) == ["[0].secret"]
    assert faults(api.put(path, [SMS | {"note": "x"}])) == ["[0].note"]
    refused(api.put(path, [SMS] * 11), 422)
    assert listed(api.get(path)) == []


def test_private_networks_are_allowed_where_the_installation_says_so(api: Api) -> None:
    with Api(api.ward, webhook_allow_private=True) as allowing:
        shown = listed(allowing.put(contacts_of(api), [{"by": "webhook", "to": "http://127.0.0.1:9000/hook"}]))
    assert shown[0]["secret"]


def test_people_say_how_they_are_told_and_coordinators_for_the_staff_of_their_wards(api: Api) -> None:
    elsewhere(api)
    theirs, stranger = employ(api, Role.COORDINATOR, "WARD1"), employ(api, Role.COORDINATOR, "OTHER")
    nurse, token = api.ward.employ(Role.SUPPORT, wards=["WARD1"])
    path = f"/v1/staff/{nurse.public_id}/contacts"
    for allowed in (token, theirs, api.ward.tokens[Role.ADMIN]):
        done(api.put(path, [SMS], token=allowed))
    refused(api.put(path, [SMS], Role.CLINICIAN), 403)
    refused(api.get(path, Role.ENGINEER), 403)
    refused(api.put(path, [SMS], Role.AUDITOR), 403)
    refused(api.put(path, [SMS], token=stranger), 404)
    refused(api.get(path, token=stranger), 404)
    done(api.get(path, Role.AUDITOR))
    staff = {one["id"]: one for one in done(api.get("/v1/staff?ward=WARD1&role=support", token=theirs))["items"]}
    assert staff[str(nurse.public_id)]["has_contacts"]
    assert not staff[str(api.ward.staff[Role.SUPPORT].public_id)]["has_contacts"]  # of every ward
    assert staff[str(nurse.public_id)]["wards"] == ["WARD1"]
    others = done(api.get("/v1/staff?limit=1000", token=stranger))["items"]
    assert str(nurse.public_id) not in {one["id"] for one in others}
    refused(api.get("/v1/staff?ward=WARD1", token=stranger), 403)


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.UCR])
def test_anybody_may_be_told(api: Api, role: Role) -> None:
    done(api.put(contacts_of(api, role), [SMS], role))
