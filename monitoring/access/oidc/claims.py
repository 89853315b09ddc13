"""What an issuer says of somebody, read as our roles and wards: by a table in a file, and nobody by what it leaves out.

Pure. The names of claims are NHS CIS2's unless the file says otherwise.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from monitoring.access.roles import Role
from monitoring.fields import WardCode

Given = Literal["clinician", "support", "coordinator", "ucr", "engineer", "auditor"]
"""Roles that an issuer can give. Admins are named one by one: whoever runs the issuer's groups is none by that."""

LISTED_MAX: Final = 200  # roles or groups of one person that are looked at


@dataclass(frozen=True, slots=True)
class Proof:
    """Who signed in, when, and how surely; and everything else that the issuer says of them."""

    subject: str
    signed_in_at: datetime
    acr: str | None
    amr: tuple[str, ...]
    id_token: str
    claims: Mapping[str, Any]


class RoleRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who has a role of the issuer's is one of ours.

    Wards are those that are named, else those of the provider whose ODS code the role's organisation is.
    """

    code: Annotated[str, msgspec.Meta(min_length=1)]  # whole, or one of the parts between colons of CIS2's codes
    role: Given
    registered: bool = False
    senior: bool = False
    wards: list[WardCode] = []
    every_ward: bool = False
    teams: list[WardCode] = []  # UCR's


class Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: where the issuer says somebody's roles, and the table."""

    role: Annotated[list[RoleRule], msgspec.Meta(min_length=1)]
    claim: str = "nhsid_nrbac_roles"  # a list: of words, or of objects with the fields below
    code: str = "role_code"
    organisation: str = "org_code"
    id: str = "person_roleid"
    selected: str = "selected_roleid"  # the claim that says by which of them somebody signed in


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody is here by their claims. `provider`: of that provider's wards, where no wards are named."""

    role: Role
    registered: bool
    senior: bool
    wards: frozenset[str] | None
    provider: str | None
    teams: frozenset[str] | None


class NotGranted(Exception):
    """Nothing that the issuer says lets this person in."""


def read_roles(file: Path) -> Roles:
    """The table from its file. Raises ValueError saying what is wrong with it, and where."""
    try:
        found = msgspec.convert(tomllib.loads(file.read_text()), Roles)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{file}: {error}") from None
    for number, rule in enumerate(found.role):
        if wrong := _contradiction(rule):
            raise ValueError(f"{file}: role[{number}] ({rule.code}): {wrong}")
    return found


def _contradiction(rule: RoleRule) -> str | None:
    if rule.role == "ucr":
        return None if rule.teams and not (rule.wards or rule.every_ward) else "ucr: name teams, and no wards"
    if rule.teams:
        return "only the role ucr has teams"
    if rule.wards and rule.every_ward:
        return "wards and every_ward contradict each other"
    return "registered is for clinicians" if rule.registered and rule.role != "clinician" else None


def granted(claims: Mapping[str, Any], roles: Roles) -> Grant:
    """What somebody is here: by the role that they signed in with, the first of the table that fits it.

    Raises NotGranted saying which role the issuer named.
    """
    held = list(_held(claims, roles))
    for rule in roles.role:
        for code, organisation in held:
            if rule.code == code or rule.code in code.split(":"):
                return _grant(rule, organisation)
    said = ", ".join(sorted({code for code, _ in held})[:5])
    raise NotGranted(f"no role here goes with {said}" if said else "the issuer names no role")


def _held(claims: Mapping[str, Any], roles: Roles) -> Iterator[tuple[str, str | None]]:
    """Codes, each with its organisation. Of several roles only that which was chosen counts."""
    listed = claims.get(roles.claim)
    listed = listed[:LISTED_MAX] if isinstance(listed, list) else []
    objects = [one for one in listed if isinstance(one, dict)]
    chosen = claims.get(roles.selected)
    if chosen is not None or len(objects) > 1:
        objects = [one for one in objects if chosen is not None and one.get(roles.id) == chosen]
    yield from ((one, None) for one in listed if isinstance(one, str))
    for one in objects:
        code, organisation = one.get(roles.code), one.get(roles.organisation)
        if isinstance(code, str):
            yield code, organisation if isinstance(organisation, str) else None


def _grant(rule: RoleRule, organisation: str | None) -> Grant:
    is_ucr = rule.role == "ucr"
    by_provider = not (is_ucr or rule.wards or rule.every_ward)
    if by_provider and organisation is None:
        raise NotGranted(f"the role {rule.code} comes without an organisation, and no wards are named for it")
    return Grant(
        role=Role(rule.role),
        registered=rule.registered,
        senior=rule.senior,
        wards=frozenset(rule.wards) or None,
        provider=organisation if by_provider else None,
        teams=frozenset(rule.teams) if is_ucr else None,
    )
