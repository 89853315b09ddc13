"""Who somebody that signed in at the issuer is here: named by an admin, or by what the issuer says of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select, text, update
from sqlmodel import Session, col

from monitoring.access.oidc.claims import Grant, NotGranted, Proof, Roles, granted
from monitoring.access.tables import OidcIdentity, OidcSignIn, Staff, Token
from monitoring.access.tokens import digest
from monitoring.acts import Act
from monitoring.fields import Line
from monitoring.refusals import Conflict, NotFound
from monitoring.wards.tables import Ward

NAME_LENGTH_MAX: Final = 200
LOCK: Final = 7_726
"""With a hash of the issuer: whoever becomes known there holds it. Taken before any row."""


class NotLetIn(Exception):
    """The issuer knows this person, and nobody here does."""


def person(session: Session, issuer: str, proof: Proof, named_by: str, roles: Roles | None, now: datetime) -> Staff:
    """The member of staff who signed in. Raises NotLetIn: whoever nothing lets in stays outside."""
    _one_at_a_time(session, issuer)
    identity = _known(session, issuer, proof.subject) or _named(session, issuer, proof, named_by, now)
    if identity is not None and not identity.by_claims:
        return session.get_one(Staff, identity.staff_id)
    if roles is None:
        raise NotLetIn("not named by an admin")
    try:
        grant = granted(proof.claims, roles)
    except NotGranted as refused:
        _end_sessions(session, identity, now)
        raise NotLetIn(str(refused)) from None
    return _by_claims(session, identity, issuer, proof, grant, now)


def _one_at_a_time(session: Session, issuer: str) -> None:
    """People become known, or are named, one after the other: two who are the same would else both be new."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock, hashtext(:issuer))"), {"lock": LOCK, "issuer": issuer})


def _known(session: Session, issuer: str, subject: str) -> OidcIdentity | None:
    query = select(OidcIdentity).where(col(OidcIdentity.issuer) == issuer, col(OidcIdentity.subject) == subject)
    found: OidcIdentity | None = session.execute(query.with_for_update()).scalar_one_or_none()
    return found


def _named(session: Session, issuer: str, proof: Proof, named_by: str, now: datetime) -> OidcIdentity | None:
    """Whom an admin named so, at their first sign-in: from now on they are known by their subject."""
    named = proof.claims.get(named_by)
    if not isinstance(named, str) or not named:
        return None
    if named_by == "email" and proof.claims.get("email_verified") is not True:
        return None  # at many issuers people write their own
    query = select(OidcIdentity).where(
        col(OidcIdentity.issuer) == issuer, col(OidcIdentity.named) == named, col(OidcIdentity.subject).is_(None)
    )
    found: OidcIdentity | None = session.execute(query.with_for_update()).scalar_one_or_none()
    if found is not None:
        found.subject, found.linked_at = proof.subject, now
    return found


def _by_claims(
    session: Session, identity: OidcIdentity | None, issuer: str, proof: Proof, grant: Grant, now: datetime
) -> Staff:
    wards = grant.wards if grant.provider is None else _wards_of(session, grant.provider)
    fields: dict[str, Any] = {
        "role": grant.role, "registered": grant.registered, "senior": grant.senior,
        "wards": None if wards is None else sorted(wards),
        "teams": None if grant.teams is None else sorted(grant.teams),
    }  # fmt: skip
    if identity is None:
        staff = Staff(name=_name(proof.claims), created_at=now, **fields)
        session.add(staff)
        session.flush()
        session.add(
            OidcIdentity(
                staff_id=staff.id, issuer=issuer, subject=proof.subject, by_claims=True, recorded_at=now, linked_at=now
            )
        )
        return staff
    staff = session.get_one(Staff, identity.staff_id)
    if any(getattr(staff, name) != value for name, value in fields.items()):
        _end_sessions(session, identity, now)  # elsewhere they were somebody else
        for name, value in fields.items():
            setattr(staff, name, value)
    return staff


def _wards_of(session: Session, provider: str) -> frozenset[str]:
    query = select(col(Ward.code)).where(col(Ward.provider) == provider)
    found = frozenset(session.execute(query).scalars())
    if not found:
        raise NotLetIn(f"no ward here is one of the organisation {provider}")
    return found


def _name(claims: Mapping[str, Any]) -> str:
    """As colleagues know them."""
    parts = (claims.get("given_name"), claims.get("family_name"))
    said = claims.get("name") or " ".join(part for part in parts if isinstance(part, str)) or claims["sub"]
    return "".join(one for one in str(said) if one.isprintable())[:NAME_LENGTH_MAX].strip() or "Unnamed"


def _end_sessions(session: Session, identity: OidcIdentity | None, now: datetime) -> None:
    if identity is not None:
        end_sessions(session, identity.staff_id, now)


def end_sessions(session: Session, staff_id: int, now: datetime) -> None:
    """Every session of somebody ends; tokens that were issued to them do not."""
    theirs = col(Token.staff_id) == staff_id, col(Token.expires_at).is_not(None), col(Token.revoked_at).is_(None)
    session.execute(update(Token).where(*theirs).values(revoked_at=now, changed_at=now))


def record(session: Session, text: str, staff: Staff, issuer: str, proof: Proof, now: datetime) -> None:
    """Write down how a session began."""
    session.add(
        OidcSignIn(
            token=digest(text), staff_id=staff.id, issuer=issuer, subject=proof.subject,
            signed_in_at=proof.signed_in_at, acr=proof.acr, amr=list(proof.amr), id_token=proof.id_token, at=now,
        )
    )  # fmt: skip


class IdentityBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who a member of staff is to the issuer: the value of the claim that the settings name."""

    named: Line


class IdentityView(msgspec.Struct, kw_only=True):
    """Who a member of staff is to the issuer. `linked_at`: since their first sign-in; None: they have not yet."""

    staff: UUID
    issuer: str | None  # None: they don't sign in there
    named: str | None
    linked_at: datetime | None


def find_staff(act: Act, staff_id: UUID) -> Staff:
    """A member of staff. Raises NotFound."""
    found: Staff | None = act.session.execute(
        select(Staff).where(col(Staff.public_id) == staff_id, col(Staff.device_id).is_(None))
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no member of staff {staff_id}.")
    return found


def name_staff(act: Act, staff_id: UUID, issuer: str, body: IdentityBody) -> IdentityView:
    """Say who somebody is to the issuer. Whoever signed in as them before does no more. Raises NotFound, Conflict."""
    staff = find_staff(act, staff_id)
    _forget(act, staff)
    made = new_identity(act.session, staff.id, issuer, body.named, act.now)
    return IdentityView(staff=staff.public_id, issuer=issuer, named=made.named, linked_at=None)


def new_identity(session: Session, staff_id: int, issuer: str, named: str, now: datetime) -> OidcIdentity:
    """The same at the making of a member of staff. Raises Conflict where somebody else is named so."""
    _one_at_a_time(session, issuer)
    query = select(col(OidcIdentity.staff_id)).where(
        col(OidcIdentity.issuer) == issuer, (col(OidcIdentity.named) == named) | (col(OidcIdentity.subject) == named)
    )
    if session.execute(query).first() is not None:
        raise Conflict("Somebody else is named so.", current={"named": named})
    made = OidcIdentity(staff_id=staff_id, issuer=issuer, named=named, recorded_at=now)
    session.add(made)
    return made


def forget_staff(act: Act, staff_id: UUID) -> IdentityView:
    """They sign in by the issuer no more, and the sessions that they have end. Raises NotFound."""
    staff = find_staff(act, staff_id)
    _forget(act, staff)
    return IdentityView(staff=staff.public_id, issuer=None, named=None, linked_at=None)


def _forget(act: Act, staff: Staff) -> None:
    if (known := act.session.get(OidcIdentity, staff.id, with_for_update=True)) is not None:
        act.session.delete(known)
        act.session.flush()
        end_sessions(act.session, staff.id, act.now)
