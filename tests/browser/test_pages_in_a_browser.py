"""What only a browser shows: accessibility, the keyboard, news, a lost connection, a phone, an idle desk."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from socket import socket

import httpx
from playwright.sync_api import APIResponse, Page, Route, expect

from alert_rules.pathway import packaged_text
from monitoring.access import sessions
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.config import PREFIX, Settings
from tests.browser.people import A4, DESK, PATIENCE_MS, PHONE, ZOOMED, House, overflows, reached_by_keyboard, violations
from tests.monitoring.embedded.processes import eventually
from tests.monitoring.steps import admit, done, drain, has_alert, made, open_ward, posts, register
from tests.monitoring.ucr_steps import TEAM
from tests.rule_changes import SOONER, changed
from tests.ward import SICK, WELL

expect.set_options(timeout=PATIENCE_MS)
TAKE = "Take the alert of Ann Other"


def kept_aside(house: House) -> str:
    """The page of a set from the future."""
    posts(house.api, **WELL | {"taken_at": (utc_now() + timedelta(hours=2)).isoformat()})
    drain(house.api)
    return f"/set-aside/{house.api.get('/v1/set-aside').json()['items'][0]['id']}"


def asked_of_a_team(house: House, alert: str) -> None:
    """A clinician asks a team for a visit."""
    done(house.api.put("/v1/ucr/teams/LE1", TEAM))
    body = {"patient": str(house.api.ward.patient.id), "alert": alert, "need": "falls", "reason": "fell"}
    made(house.api.post("/v1/ucr/referrals", body, Role.CLINICIAN))


def test_axe_finds_nothing_on_any_page_light_or_dark_and_none_is_wider_than_a_phone(house: House) -> None:
    alert = has_alert(house.api, **SICK)["id"]
    aside = kept_aside(house)
    asked_of_a_team(house, alert)
    open_ward(house.api, "OTHER")
    patient = f"/patients/{house.api.ward.patient.id}"
    pages = {
        Role.ADMIN: (
            "/",
            "/wards/WARD1",
            f"/alerts/{alert}",
            patient,
            f"{patient}/plan",
            "/ucr",
            "/beds",
            "/equity",
            "/kit",
            "/break-glass",
            "/rules",
            "/rules/pathways/general",
            aside,
        ),
        Role.UCR: ("/ucr", "/beds"),  # the second is refused
    }
    found = []
    for role, paths in pages.items():
        page = house.sits_down(role, "/sign-in")
        for path in ("/sign-in", *paths):
            page.goto(path)
            found += [(path, how, one) for how, one in looked_at(page)]
            if path.endswith("/plan"):
                page.fill("#reason", "retains CO2")
                page.fill("#review_on", "2027-01-01")
                page.click("text=Look at the changes")
                found += [("second look", how, one) for how, one in looked_at(page)]
    assert found == []


def looked_at(page: Page) -> Iterator[tuple[str, object]]:
    """What is wrong with a page, in light and in dark, and on a phone."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        yield from ((scheme, one) for one in violations(page))
    for name, size in (("phone", PHONE), ("zoomed to 400 %", ZOOMED)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        if wider := overflows(page):
            yield name, f"{wider} px too wide"
    page.set_viewport_size(DESK)  # type: ignore[arg-type]


def test_an_alert_is_taken_by_the_keyboard_alone_and_news_takes_the_focus_from_nobody(house: House) -> None:
    has_alert(house.api, **SICK)
    page = house.sits_down(Role.CLINICIAN, "/wards/WARD1")
    assert reached_by_keyboard(page, TAKE)
    posts(house.api, **SICK | {"pulse": 135})
    drain(house.api)
    admit(house.api, register(house.api))  # the board is told of the bed, and fetches all
    expect(page.locator("tbody")).to_contain_text("pulse 135")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == TAKE
    page.keyboard.press("Enter")
    expect(page.locator(".fault")).to_contain_text("It changed meanwhile, and is now critical, open")
    page.keyboard.press("Enter")
    expect(page.locator("tbody")).to_contain_text("acknowledged, with")
    eventually(lambda: page.evaluate("document.activeElement.closest('tr') !== null"), within_s=5)


def test_what_stayed_as_it_was_under_the_focus_is_caught_up_with_afterwards(house: House) -> None:
    has_alert(house.api, **SICK)
    page = house.sits_down(Role.CLINICIAN, "/wards/WARD1")
    assert reached_by_keyboard(page, TAKE)
    posts(house.api, **SICK | {"pulse": 135})
    drain(house.api)
    expect(page.locator("tbody")).to_contain_text("pulse 135")
    expect(page.locator("tbody a.chip")).to_have_class("chip red")
    page.evaluate("document.activeElement.blur()")
    admit(house.api, register(house.api))  # of the first patient there is no news any more
    expect(page.locator("tbody a.chip")).to_have_class("chip critical")


def test_a_senior_accepts_a_value_on_the_patients_page_and_it_is_withdrawn_there(house: House) -> None:
    house.api.ward.tokens[Role.CLINICIAN] = house.api.ward.employ(Role.CLINICIAN, name="Dr Osei", senior=True)[1]
    page = house.sits_down(Role.CLINICIAN, f"/patients/{house.api.ward.patient.id}")
    page.get_by_text("Accept a value for some days").click()
    form = page.locator("form", has=page.get_by_label("Down to"))
    form.get_by_label("Vital sign").select_option("systolic")
    form.get_by_label("Why").fill("heart failure, lives there")
    form.get_by_label("Down to").fill("95")
    assert violations(page) == []
    form.get_by_role("button").click()
    expect(form.get_by_text("covers nothing: red begins at 90")).to_be_visible()
    form.get_by_label("Down to").fill("88")
    form.get_by_label("Until").select_option(label=form.locator("option", has_text="7 days").inner_text())
    form.get_by_role("button").click()
    expect(page.get_by_text("down to 88, by Dr Osei until")).to_be_visible()
    page.get_by_text("Withdraw what is accepted").click()
    page.get_by_label("Why").fill("falls")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("Accept a value for some days")).to_be_visible()
    expect(page.get_by_text("down to 88, by Dr Osei until")).to_have_count(0)


def test_one_person_proposes_a_rule_on_its_page_and_another_approves_it(house: House) -> None:
    desk = house.sits_down(Role.CLINICIAN, "/rules/pathways/general")
    file = desk.get_by_label("The pathway’s file")
    assert file.input_value() == packaged_text("general")
    file.fill("title = ")
    desk.get_by_label("Why it shall change").fill("as audited in May")
    desk.get_by_role("button", name="Propose").click()
    expect(desk.locator(".fault")).to_contain_text("general.toml:1: Invalid value")
    file.fill(changed("general", SOONER))
    desk.get_by_role("button", name="Propose").click()
    desk.get_by_role("row", name="as audited in May").get_by_role("link").click()
    expect(desk.get_by_text("Only a registered senior clinician approves rules")).to_be_visible()
    house.api.ward.tokens[Role.CLINICIAN] = house.api.ward.employ(Role.CLINICIAN, name="Dr Osei", senior=True)[1]
    other = house.sits_down(Role.CLINICIAN, desk.url)
    assert violations(other) == []
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_text("Approved by Dr Osei")).to_be_visible()
    other.goto("/rules/pathways/general")
    expect(other.get_by_text("SpO2 95 % or less (limit)")).to_be_visible()


def test_a_printed_board_is_a_table_without_what_can_only_be_pressed(house: House) -> None:
    has_alert(house.api, **SICK)
    page = house.sits_down(Role.CLINICIAN, "/wards/WARD1", at=A4)
    take = page.get_by_role("button", name=TAKE)
    expect(take).to_be_visible()
    page.emulate_media(media="print")
    expect(take).to_be_hidden()
    expect(page.get_by_role("columnheader", name="Last known")).to_be_in_viewport()
    assert overflows(page) <= 0


def test_news_that_comes_while_a_button_is_pressed_takes_the_press_from_nobody(house: House) -> None:
    has_alert(house.api, **SICK)
    page = house.sits_down(Role.CLINICIAN, "/wards/WARD1")
    expect(page.locator("#link")).to_contain_text("Live")
    page.get_by_role("button", name=TAKE).hover()
    page.mouse.down()
    with page.expect_response("**/board*") as answered:
        posts(house.api, **SICK | {"pulse": 135})  # the row changes
        drain(house.api)
    answered.value.finished()
    page.mouse.up()
    expect(page.locator("tbody")).to_contain_text(re.compile("acknowledged, with|It changed meanwhile"))


def test_of_two_taps_in_one_moment_the_second_waits_for_the_first(house: House) -> None:
    done(house.api.put("/v1/ucr/teams/LE1", TEAM))
    posts(house.api, **SICK)
    drain(house.api)
    asked = {"patient": str(house.api.ward.patient.id), "need": "falls", "reason": "cannot stand up"}
    referral = made(house.api.post("/v1/ucr/referrals", asked, Role.CLINICIAN))["id"]
    done(house.api.post(f"/v1/ucr/referrals/{referral}/accept", role=Role.UCR))
    crew = house.sits_down(Role.UCR, "/ucr", at=PHONE)
    expect(crew.locator("#link")).to_contain_text("Live")
    with crew.expect_response("**/arrive") as arrived:
        crew.evaluate(
            """for (const tap of ["dispatch", "arrive"]) document.querySelector(`[data-post$="/${tap}"]`).click()"""
        )
    assert arrived.value.status == 200
    expect(crew.locator("[data-rows='With the patient'] article")).to_contain_text("Ann Other")


def test_a_picture_from_before_an_answer_does_not_hide_it(house: House) -> None:
    has_alert(house.api, **SICK)
    page = house.sits_down(Role.CLINICIAN, "/wards/WARD1")
    expect(page.locator("#link")).to_contain_text("Live")
    assert reached_by_keyboard(page, TAKE)
    underway: list[tuple[Route, APIResponse]] = []
    page.route("**/board*", lambda route: underway.append((route, route.fetch())), times=1)
    admit(house.api, register(house.api))  # the board is told of the bed, and fetches all
    eventually(lambda: page.evaluate("true") and bool(underway))
    with page.expect_response("**/acknowledge"):
        page.keyboard.press("Enter")
    route, answer = underway[0]
    route.fulfill(response=answer)
    expect(page.locator("tbody")).to_contain_text("acknowledged, with")


def test_three_people_see_a_deterioration_from_the_reading_to_the_team_at_the_door(house: House) -> None:
    done(house.api.put("/v1/ucr/teams/LE1", TEAM))
    joy = house.sits_down(Role.CLINICIAN, "/wards/WARD1")
    chris = house.sits_down(Role.COORDINATOR, "/ucr")
    crew = house.sits_down(Role.UCR, "/ucr", at=PHONE)
    expect(joy.locator("#link")).to_contain_text("Live")
    posts(house.api, **SICK)
    drain(house.api)
    joy.click("a.chip.red")
    joy.click("text=Ask a UCR team to go there")
    joy.fill("#need", "falls")
    joy.fill("#ucr-reason", "cannot stand up")
    joy.click("text=Send the referral")
    for page in (chris, crew):
        expect(page.locator("article")).to_contain_text("cannot stand up")
    expect(crew).to_have_title("(1) UCR – Virtual Ward")
    for tap, column in (
        ("Accept", "Accepted"), ("We are on the way", "On the way"), ("We are with the patient", "With the patient"),
    ):  # fmt: skip
        crew.get_by_role("button", name=tap, exact=True).click()
        for page in (chris, crew):
            expect(page.locator(f"[data-rows='{column}'] article")).to_contain_text("Ann Other")
    expect(chris.locator("article")).to_contain_text("in time")
    expect(joy.locator("[data-key=history]")).to_contain_text("ucr arrived")


@contextmanager
def process(settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """An API process that can be killed."""
    environment = os.environ | {
        f"{PREFIX}DATABASE_URL": settings.database_url, f"{PREFIX}QUEUE_URL": settings.queue_url,
        f"{PREFIX}PORT": str(port), f"{PREFIX}LOG_LEVEL": "error", f"{PREFIX}QUEUE_DURABILITY": "stated",
    }  # fmt: skip
    started = subprocess.Popen([sys.executable, "-m", "monitoring.cli", "serve"], env=environment)
    try:
        eventually(lambda: answers(port), within_s=90)
        yield started
    finally:
        started.kill()
        started.wait()


def answers(port: int) -> bool:
    """Whether somebody serves there."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def test_of_two_hundred_patients_the_one_who_falls_ill_comes_first(house: House) -> None:
    open_ward(house.api, "MANY", funded=200, staffed=200)
    patients = [register(house.api) for _ in range(200)]
    for patient in patients:
        admit(house.api, patient, "MANY")
    page = house.sits_down(Role.ADMIN, "/wards/MANY")
    rows = page.locator("[data-rows] > tr")
    expect(rows).to_have_count(200)
    ill = patients[150]
    taken = SICK | {"id": "by phone", "taken_at": house.api.now(), "method": "phone"}
    assert house.api.post(f"/v1/patients/{ill}/readings", taken, Role.CLINICIAN).status_code == 202
    drain(house.api)
    expect(rows.first.locator("th a")).to_have_attribute("href", f"/patients/{ill}")
    expect(rows.first).to_contain_text("Red")
    expect(rows).to_have_count(200)


def test_a_board_whose_api_was_killed_says_so_and_comes_back_with_all_that_happened(house: House) -> None:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings, house.url = house.api.ward.settings, f"http://127.0.0.1:{port}"
    with process(settings, port) as api:
        page = house.sits_down(Role.CLINICIAN, "/wards/WARD1")
        expect(page.locator("#link")).to_contain_text("Live")
        api.kill()
        expect(page.locator("#link")).to_contain_text("Connection lost. This is the picture of")
        has_alert(house.api, **SICK)  # meanwhile
    with process(settings, port):
        expect(page.locator("#link")).to_contain_text("Live")
        expect(page.locator("a.chip.red")).to_be_visible()


def test_an_idle_desk_is_warned_and_then_signed_out_with_nothing_left_to_read(house: House) -> None:
    page = house.sits_down(Role.CLINICIAN, "/wards/WARD1", clock=True)
    minute = 60_000
    warned = sessions.IDLE // timedelta(milliseconds=1) - minute
    page.clock.fast_forward(warned)
    expect(page.get_by_role("dialog")).to_contain_text("You will be signed out in")
    with page.expect_response("**/here"):  # the dialog is hidden before its page has heard of it
        page.get_by_role("button", name="I am still here").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.clock.fast_forward(warned)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.clock.fast_forward(2 * minute)
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    page.goto("/wards/WARD1")
    expect(page).to_have_title("Sign in – Virtual Ward")
