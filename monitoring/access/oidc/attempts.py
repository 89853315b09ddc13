"""Sign-ins under way: begun in one browser, finished once, in that browser, and soon."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlmodel import Session, col

from monitoring.access.tables import OidcAttempt
from monitoring.access.tokens import digest

LIVES: Final = timedelta(minutes=10)
"""To type a password and find the card. The design's own."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What a sign-in begins with: `state`, `nonce` and the PKCE verifier, and what only the browser knows."""

    state: str
    nonce: str
    verifier: str
    browser: str


def begin(session: Session, wanted: str, again: bytes | None, now: datetime) -> Begun:
    """Begin a sign-in. `again`: the session that does it anew."""
    begun = Begun(*(secrets.token_urlsafe(32) for _ in range(4)))
    session.add(
        OidcAttempt(
            state=digest(begun.state), browser=digest(begun.browser), nonce=begun.nonce, verifier=begun.verifier,
            wanted=wanted, again=again, expires_at=now + LIVES,
        )
    )  # fmt: skip
    return begun


def take(session: Session, state: str, browser: str, now: datetime) -> OidcAttempt | None:
    """The sign-in that comes back, used up; None where it was, is too old, or began in another browser."""
    is_this = col(OidcAttempt.state) == digest(state), col(OidcAttempt.browser) == digest(browser)
    query = delete(OidcAttempt).where(*is_this, col(OidcAttempt.expires_at) > now).returning(OidcAttempt)
    found: OidcAttempt | None = session.execute(query).scalar_one_or_none()
    return found
