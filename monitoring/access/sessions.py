"""People at a browser: a session is a token that ends by itself.

It begins with a token they have, a link, or a sign-in at the issuer, and is a new one each time.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from monitoring.access.tables import SignInLink, Staff, Token
from monitoring.access.tokens import Caller, digest

IDLE: Final = timedelta(minutes=30)
"""Without anybody doing anything a session ends."""
LONGEST: Final = timedelta(hours=12)
"""A shift; then somebody signs in anew."""
EXTENDED_AFTER: Final = timedelta(minutes=1)
"""A session in use is written down no more often."""
LINK_LIVES: Final = timedelta(minutes=15)


def begin(session: Session, staff_id: int, now: datetime, *, signed_in_at: datetime | None = None) -> str:
    """Begin a session of a member of staff. What is returned goes into the browser's cookie and is never seen again.

    `signed_in_at`: when they signed in at the issuer; None where they showed a token of ours, or a link.
    """
    text = f"vwb_{secrets.token_urlsafe(32)}"
    session.add(
        Token(
            sha256=digest(text), staff_id=staff_id, created_at=now, changed_at=now, expires_at=now + IDLE,
            signed_in_at=signed_in_at,
        )
    )  # fmt: skip
    return text


def extend(session: Session, caller: Caller, now: datetime) -> None:
    """Somebody is there: the session goes on, until it has lasted a shift."""
    if caller.expires_at is None or caller.expires_at - now > IDLE - EXTENDED_AFTER:
        return
    token = session.get(Token, caller.token, with_for_update=True)
    if token is not None and token.revoked_at is None:
        token.expires_at, token.changed_at = min(now + IDLE, token.created_at + LONGEST), now


def end(session: Session, caller: Caller, now: datetime) -> None:
    """Sign out: in every process within a second."""
    token = session.get(Token, caller.token, with_for_update=True)
    if token is not None and token.expires_at is not None:
        token.revoked_at = token.changed_at = now


def make_link(session: Session, staff: UUID, now: datetime, lives: timedelta = LINK_LIVES) -> str:
    """The secret of a link that signs somebody in once."""
    found = session.execute(select(Staff).where(col(Staff.public_id) == staff)).scalar_one()
    text = secrets.token_urlsafe(24)
    session.add(SignInLink(sha256=digest(text), staff_id=found.id, created_at=now, expires_at=now + lives))
    return text


def whose_link(session: Session, text: str, now: datetime) -> Staff | None:
    """Whom a link signs in; None where it was used, is too old, or is none."""
    found = session.execute(_LINKS.where(col(SignInLink.sha256) == digest(text))).one_or_none()
    if found is None or found[0].used_at is not None or found[0].expires_at <= now:
        return None
    staff: Staff = found[1]
    return staff


def use_link(session: Session, text: str, now: datetime) -> str | None:
    """Use a link up, and begin a session; None where it cannot be used. Of two who race one gets in."""
    link = session.get(SignInLink, digest(text), with_for_update=True)
    if link is None or link.used_at is not None or link.expires_at <= now:
        return None
    link.used_at = now
    return begin(session, link.staff_id, now)


_LINKS: Final = select(SignInLink, Staff).join(Staff, col(Staff.id) == col(SignInLink.staff_id))
