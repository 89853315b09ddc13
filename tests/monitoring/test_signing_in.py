"""Signing in at a browser: with a token or a link that works once; ended by idleness, by a shift, by signing out."""

from datetime import timedelta

from httpx import Response

from monitoring.access import sessions
from monitoring.access.gate import COOKIE
from monitoring.access.roles import Role
from monitoring.clock import utc_now
from monitoring.database import transaction
from tests.monitoring.api import Api
from tests.ward import Ward

OURS = {"Sec-Fetch-Site": "same-origin"}


def sign_in(api: Api, token: str, wanted: str = "/") -> Response:
    """What the form answers."""
    form = {"token": token, "next": wanted}
    return api.client.post("/sign-in", data=form, follow_redirects=False)


def session_of(answer: Response) -> str:
    """The session that an answer put into the browser."""
    assert (answer.status_code, COOKIE in answer.cookies) == (303, True), answer.text
    return answer.cookies[COOKIE]


def asks(api: Api, session: str, method: str = "GET", path: str = "/v1/patients", **headers: str) -> int:
    """The status of a request that a browser with a session makes."""
    api.client.cookies.clear()
    headers["Cookie"] = f"{COOKIE}={session}"
    body = {"at": utc_now().isoformat()} if method == "POST" else None
    return api.client.request(method, path, headers=headers, json=body).status_code


def link_for(ward: Ward, role: Role, lives: timedelta = sessions.LINK_LIVES) -> str:
    """A link for somebody of that role."""
    staff, _ = ward.employ(role)
    with transaction(ward.engine) as session:
        return sessions.make_link(session, staff.public_id, utc_now(), lives)


def test_a_token_signs_in_and_the_session_is_out_of_reach_of_scripts_and_other_sites(api: Api) -> None:
    answer = sign_in(api, f" {api.ward.tokens[Role.CLINICIAN]} ", "/wards/WARD1")
    session = session_of(answer)
    assert answer.headers["location"] == "/wards/WARD1"
    said = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(said.split("; "))
    assert session not in api.ward.tokens.values()
    assert asks(api, session) == 200


def test_what_is_no_token_of_a_person_is_refused_with_the_form(api: Api) -> None:
    own = session_of(sign_in(api, api.ward.tokens[Role.CLINICIAN]))
    for token in ("", "vws_guess", api.device(), own):
        answer = sign_in(api, token)
        assert answer.status_code == 422
        assert "not the token of a member of staff" in answer.text
        assert COOKIE not in answer.cookies


def test_nobody_is_sent_on_to_another_site(api: Api) -> None:
    token = api.ward.tokens[Role.CLINICIAN]
    for wanted in ("https://evil.example", "//evil.example", "/\\evil.example", "wards", "/a\r\nSet-Cookie: b=c"):
        assert sign_in(api, token, wanted).headers["location"] == "/"


def test_a_browser_changes_things_from_our_own_pages_only(api: Api) -> None:
    session = session_of(sign_in(api, api.ward.tokens[Role.ADMIN]))
    path = f"/v1/patients/{api.ward.patient.id}/merge"
    assert asks(api, session, "POST", path) == 403
    assert asks(api, session, "POST", path, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert asks(api, session, "POST", path, **{"Sec-Fetch-Site": "same-site"}) == 403
    assert asks(api, session, "POST", path, Origin="https://evil.example") == 403
    assert asks(api, session, "POST", path, **OURS) == 422, "let in, and what was sent is looked at"
    assert asks(api, session, "POST", path, Origin="http://testserver.local", Host="testserver.local") == 422


def test_a_link_signs_in_once_and_not_by_being_looked_at(api: Api) -> None:
    link = link_for(api.ward, Role.CLINICIAN)
    assert "Sign in as" in api.client.get(f"/sign-in/{link}").text
    assert "Sign in as" in api.client.get(f"/sign-in/{link}").text
    session = session_of(api.client.post(f"/sign-in/{link}", follow_redirects=False))
    assert asks(api, session) == 200
    for answer in (api.client.get(f"/sign-in/{link}"), api.client.post(f"/sign-in/{link}")):
        assert answer.status_code == 404
        assert "cannot be used" in answer.text


def test_a_link_that_is_too_old_signs_nobody_in(api: Api) -> None:
    link = link_for(api.ward, Role.CLINICIAN, lives=timedelta(0))
    assert api.client.post(f"/sign-in/{link}", follow_redirects=False).status_code == 404


def test_an_idle_session_ends_by_itself_and_a_used_one_at_the_end_of_a_shift(ward: Ward) -> None:
    began = utc_now()
    staff, token = ward.employ(Role.CLINICIAN)
    with Api(ward) as api:
        session = session_of(sign_in(api, token))
        caller = api.app.state.service.tokens.held(session) or api.app.state.service.tokens.ask(session, utc_now())
    assert caller.expires_at - began < sessions.IDLE + timedelta(minutes=1)
    assert not caller.has_expired(began + sessions.IDLE - timedelta(minutes=1))
    assert caller.has_expired(began + sessions.IDLE + timedelta(minutes=1))
    at = began
    for _ in range(40):
        at += timedelta(minutes=20)
        with transaction(ward.engine) as opened:
            sessions.extend(opened, caller, at)
        with Api(ward) as api:
            caller = api.app.state.service.tokens.ask(session, utc_now())
        if caller.has_expired(at):
            break
    assert at - began >= sessions.LONGEST
    assert caller.public_id == staff.public_id


def test_signing_out_ends_the_session_in_every_process(api: Api) -> None:
    session = session_of(sign_in(api, api.ward.tokens[Role.CLINICIAN]))
    assert asks(api, session) == 200
    assert asks(api, session, "POST", "/sign-out", **OURS) in {200, 303}
    with Api(api.ward) as elsewhere:
        assert asks(elsewhere, session) == 401


def test_a_page_without_a_session_asks_to_sign_in_and_comes_back(api: Api) -> None:
    answer = api.client.get("/sign-in?next=/wards/WARD1")
    assert 'value="/wards/WARD1"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
