"""Signing in at a real provider in a real browser: another site, its own pages, and back; and anew, nothing lost."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from monitoring.access.roles import Role
from monitoring.clock import utc_now
from tests.browser.people import violations
from tests.monitoring.api import Api
from tests.monitoring.live_server import serving
from tests.monitoring.outages import until
from tests.monitoring.steps import done
from tests.oidc.provider import PASSWORD
from tests.oidc.running import free_port, provider
from tests.ward import Ward


@dataclass
class Desk:
    """A browser in front of this service, where the ward's clinician is the provider's joy."""

    ward: Ward
    page: Page

    def signs_in_there(self, page: Page) -> None:
        """On the provider's own page."""
        page.fill("#id_username", "joy")
        page.fill("#id_password", PASSWORD)
        page.click("text=Log in")

    def an_hour_passes_since_the_sign_in(self) -> None:
        """For the sign-in only, and until the process knows it."""
        with self.ward.engine.begin() as connection:
            older = text("UPDATE token SET signed_in_at = signed_in_at - interval '1 hour', changed_at = :now")
            connection.execute(older, {"now": utc_now()})
        path, ours = f"/v1/patients/{self.ward.patient.id}/plan", {"Sec-Fetch-Site": "same-origin"}
        until(lambda: self.page.request.put(path, data={"no": "sense"}, headers=ours).status == 401)

    def plans(self) -> int:
        """How many plans the patient has had."""
        with self.ward.engine.connect() as connection:
            count: int = connection.execute(text("SELECT count(*) FROM plan")).scalar_one()
            return count


@pytest.fixture
def desk(ward: Ward, chromium: Browser) -> Iterator[Desk]:
    """The desk."""
    port = free_port()
    ours = f"http://127.0.0.1:{port}"
    with provider(ours) as there:
        settings = ward.settings.model_copy(update=there.settings | {"oidc_named_by": "email"})
        with Api(ward, **there.settings) as api, serving(settings, port):
            staff = ward.staff[Role.CLINICIAN].public_id
            done(api.put(f"/v1/staff/{staff}/identity", {"named": "joy@nhs.example"}))
            context = chromium.new_context(base_url=ours)
            yield Desk(ward, context.new_page())
            context.close()


def test_somebody_signs_in_at_the_provider_and_again_for_a_plan_with_nothing_lost(desk: Desk) -> None:
    page, patient = desk.page, desk.ward.patient.id
    page.goto("/wards/WARD1")
    page.click("text=Sign in with the provider")
    desk.signs_in_there(page)
    expect(page).to_have_url(re.compile("/wards/WARD1$"))  # the cookie went along, though another site sent us
    page.goto(f"/patients/{patient}/plan")
    page.select_option("#spo2_scale", "2")
    page.fill("#reason", "retains CO2")
    page.fill("#review_on", "2027-01-01")
    page.click("text=Look at the changes")
    desk.an_hour_passes_since_the_sign_in()
    before = desk.plans()
    page.click("text=Decide this plan")
    expect(page.locator(".fault")).to_contain_text("sign in again")
    assert desk.plans() == before
    assert violations(page) == []
    with page.context.expect_page() as opened:
        page.click("text=Sign in again in a new window")
    desk.signs_in_there(opened.value)
    expect(opened.value.locator("h1")).to_contain_text("You have signed in again")
    opened.value.close()
    page.click("text=Decide this plan")
    expect(page).to_have_url(re.compile(f"/patients/{patient}$"))
    assert desk.plans() == before + 1
