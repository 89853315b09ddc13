"""An issuer's roles as ours: a table in a file, deny by default; what is wrong with either is said by name."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from monitoring.access.oidc.claims import NotGranted, RoleRule, Roles, granted, read_roles
from monitoring.access.roles import Role
from monitoring.config import WrongSetting, read_settings

NURSE = RoleRule(code="R8001", role="clinician", registered=True)
CREW = RoleRule(code="ucr-crew", role="ucr", teams=["LE1"])
TABLE = Roles(role=[NURSE, CREW])


def cis2(*roles: tuple[str, str, str], selected: str | None = None) -> dict[str, Any]:
    """Claims of NHS CIS2: (id, organisation, code) of each role."""
    listed = [{"person_roleid": one, "org_code": org, "role_code": code} for one, org, code in roles]
    return {"sub": "s", "nhsid_nrbac_roles": listed} | ({} if selected is None else {"selected_roleid": selected})


def test_a_part_of_the_code_is_enough_and_the_organisation_says_whose_wards() -> None:
    found = granted(cis2(("1", "RXX", "S8000:G8000:R8001"), selected="1"), TABLE)
    assert (found.role, found.registered, found.provider, found.wards) == (Role.CLINICIAN, True, "RXX", None)


def test_of_several_roles_only_the_one_that_was_chosen_counts() -> None:
    two = (("1", "RXX", "S8000:G8000:R8001"), ("2", "RYY", "S0:G0:R0001"))
    assert granted(cis2(*two, selected="1"), TABLE).provider == "RXX"
    for selected in ("2", "3", None):
        with pytest.raises(NotGranted):
            granted(cis2(*two, selected=selected), TABLE)


def test_groups_of_another_issuer_are_words() -> None:
    found = granted({"groups": ["everybody", "ucr-crew"]}, Roles(role=[CREW], claim="groups"))
    assert (found.role, found.teams, found.provider) == (Role.UCR, frozenset({"LE1"}), None)


def test_a_group_without_an_organisation_needs_wards_that_are_named() -> None:
    claims = {"groups": ["nurses"]}
    with pytest.raises(NotGranted, match="without an organisation"):
        granted(claims, Roles(role=[RoleRule(code="nurses", role="clinician")], claim="groups"))
    own = Roles(role=[RoleRule(code="nurses", role="clinician", wards=["RESP1"])], claim="groups")
    assert granted(claims, own).wards == frozenset({"RESP1"})
    every = Roles(role=[RoleRule(code="nurses", role="auditor", every_ward=True)], claim="groups")
    assert (granted(claims, every).wards, granted(claims, every).provider) == (None, None)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(TABLE.__struct_fields__)), inner),
    max_leaves=8,
)


@given(roles=ANYTHING, selected=ANYTHING)
def test_whatever_an_issuer_says_lets_nobody_in_whom_the_table_does_not_name(roles: Any, selected: Any) -> None:
    with pytest.raises(NotGranted):
        granted({"nhsid_nrbac_roles": roles, "selected_roleid": selected}, TABLE)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "missing required field `role`"),
        ("role = []", "length >= 1"),
        ("[[role]]\ncode='R1'\nrole='admin'", "Invalid enum value 'admin' - at `$.role[0].role`"),
        ("[[role]]\ncode='R1'\nrole='interface'", "Invalid enum value"),
        ("[[role]]\ncode='R1'\nrole='clinician'\nward='W'", "unknown field `ward`"),
        ("[[role]]\ncode='R1'\nrole='ucr'", "name teams"),
        ("[[role]]\ncode='R1'\nrole='support'\nteams=['T']", "only the role ucr"),
        ("[[role]]\ncode='R1'\nrole='support'\nregistered=true", "registered is for clinicians"),
        ("[[role]]\ncode='R1'\nrole='support'\nwards=['W']\nevery_ward=true", "contradict"),
        ("[[role]\n", "line 1"),
    ],
)
def test_what_is_wrong_with_the_table_is_said(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "roles.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"roles\.toml") as refused:
        read_roles(file)
    assert wrong in str(refused.value)


WHOLE: dict[str, Any] = {
    "public_url": "https://ward.example", "oidc_issuer": "https://issuer.example", "oidc_client_id": "vw",
    "oidc_client_secret": "s",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"oidc_issuer": "http://issuer.example"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "issuer.example"}, "OIDC_ISSUER"),
        ({"oidc_client_id": None}, "OIDC_CLIENT_ID"),
        ({"public_url": None}, "OIDC_CLIENT_ID: needs VIRTUAL_WARD_PUBLIC_URL"),
        ({"oidc_client_secret": None}, "OIDC_CLIENT_KEY_FILE"),
        ({"oidc_client_key_file": "ours.pem"}, "OIDC_CLIENT_KEY_FILE"),
        ({"oidc_client_secret": None, "oidc_client_key_file": "nowhere.pem"}, "OIDC_CLIENT_KEY_FILE"),
        ({"oidc_client_secret": None, "oidc_client_key_file": "public.pem"}, "OIDC_CLIENT_KEY_FILE"),
        ({"oidc_scopes": "profile"}, "OIDC_SCOPES"),
        ({"oidc_roles_file": "nowhere.toml"}, "OIDC_ROLES_FILE"),
        ({"oidc_client_key_alg": "none"}, "OIDC_CLIENT_KEY_ALG"),
        ({"step_up_minutes": 0}, "STEP_UP_MINUTES"),
        ({"break_glass_minutes": 0}, "BREAK_GLASS_MINUTES"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(
    changed: dict[str, Any], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key = RSAKey.generate_key(2048)
    Path("ours.pem").write_bytes(key.as_pem(private=True))
    Path("public.pem").write_bytes(key.as_pem(private=False))
    with pytest.raises(WrongSetting, match=f"VIRTUAL_WARD_{named}"):
        read_settings(**WHOLE | changed)


def test_a_key_or_a_secret_is_enough_and_a_secret_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "ours.pem"
    file.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    assert read_settings(**WHOLE).oidc_issuer == "https://issuer.example"
    assert read_settings(**WHOLE | {"oidc_client_secret": None, "oidc_client_key_file": file})
    assert read_settings(**WHOLE | {"oidc_issuer": "http://127.0.0.1:9400"})
    with pytest.raises(WrongSetting) as refused:
        read_settings(fallback_secret="hush-hush")
    assert "hush-hush" not in str(refused.value)
