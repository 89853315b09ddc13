"""Bearer tokens: 256 random bits, shown once, stored as SHA-256, held whole in every API process.

Intake asks no database: each process loads all live tokens at start and reads what changed twice a second, so that a
revocation holds everywhere within a second. A token not held asks the database once.

What somebody opened in an emergency is held with their tokens, and so costs a request nothing; when it ends, the
database is asked again.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, bindparam, func, select
from sqlmodel import Session, col

from monitoring.access.roles import Role
from monitoring.access.tables import BreakGlass, Staff, Token
from monitoring.database import AnyRow, AnySelect, snapshot
from monitoring.kit.tables import Device
from monitoring.refusals import SignInAgain
from monitoring.wards.tables import Ward

OVERLAP = timedelta(seconds=10)
"""Changes are read again for so long: a transaction may commit after a later one."""


@dataclass(frozen=True, slots=True)
class Recency:
    """How long a sign-in is recent, and whether whoever has an issued token counts as just signed in."""

    recent_for: timedelta = timedelta(minutes=15)
    issued_are_recent: bool = True


ISSUED_ARE_RECENT: Final = Recency()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: a device, or a member of staff with a role."""

    token: bytes
    id: int  # internal, of the device or of the member of staff
    public_id: UUID
    name: str
    role: Role | None  # None: a device
    wards: frozenset[str] | None = None  # None: every ward; with those that they opened
    registered: bool = False
    senior: bool = False
    teams: frozenset[str] | None = None  # UCR's; None: every team
    expires_at: datetime | None = None  # of a session at a browser
    signed_in_at: datetime | None = None  # None: counts as recent, however long ago it was
    recent_for: timedelta = ISSUED_ARE_RECENT.recent_for
    opened: frozenset[str] = frozenset()  # wards that they opened in an emergency
    opened_until: datetime | None = None  # the first of them

    def has_expired(self, now: datetime) -> bool:
        """Whether a session has ended by itself. A token that was issued never does."""
        return self.expires_at is not None and self.expires_at <= now

    def is_outdated(self, now: datetime) -> bool:
        """Whether access that they opened has ended, which this still knows of."""
        return self.opened_until is not None and self.opened_until <= now

    def refuse_unless_recent(self, now: datetime) -> None:
        """Raise SignInAgain where they signed in too long ago for what could harm most."""
        if self.signed_in_at is not None and self.signed_in_at <= now - self.recent_for:
            raise SignInAgain(int(self.recent_for.total_seconds()))

    def may_see(self, ward: str) -> bool:
        """Whether the ward's patients are this caller's to see."""
        return self.wards is None or ward in self.wards

    def may_see_team(self, team: str | None) -> bool:
        """Whether a UCR team's referrals are this caller's to see; None: one that no team has."""
        return self.teams is None or team in self.teams


def mint(session: Session, now: datetime, *, device_id: int | None = None, staff_id: int | None = None) -> str:
    """Make a token for a device or a member of staff. What is returned is never seen again."""
    text = f"{'vwd' if device_id is not None else 'vws'}_{secrets.token_urlsafe(32)}"
    session.add(Token(sha256=digest(text), device_id=device_id, staff_id=staff_id, created_at=now, changed_at=now))
    return text


def revoke(session: Session, now: datetime, *, device_id: int | None = None, staff_id: int | None = None) -> int:
    """End every token of a device, or of a member of staff, their sessions too. Returns how many."""
    owner = col(Token.device_id) == device_id if staff_id is None else col(Token.staff_id) == staff_id
    live = session.execute(select(Token).where(owner, col(Token.revoked_at).is_(None))).scalars().all()
    for token in live:
        token.revoked_at = token.changed_at = now
        session.add(token)
    return len(live)


def digest(text: str) -> bytes:
    """What is stored of a token."""
    return sha256(text.encode()).digest()


ROWS_AT_ONCE: Final = 1_000


class Tokens:
    """The live tokens, as one process holds them."""

    def __init__(self, engine: Engine, recency: Recency = ISSUED_ARE_RECENT) -> None:
        self._engine = engine
        self._recency = recency
        self._held: dict[bytes, Caller] = {}
        self._sessions: dict[bytes, Caller] = {}  # of them, those that expire
        self._opened: dict[bytes, Caller] = {}  # of them, those that have opened a ward
        self._read_until: datetime | None = None

    def held(self, text: str) -> Caller | None:
        """The caller behind a token that this process knows. Asks nobody."""
        return self._held.get(digest(text))

    def has(self, caller: Caller) -> bool:
        """Whether a caller's token is live and lets them see what it did, as far as this process knows."""
        held = self._held.get(caller.token)
        return held is not None and held.wards == caller.wards and held.role == caller.role

    def ask(self, text: str, now: datetime) -> Caller | None:
        """The caller behind a token that this process does not know yet, or not any more. Asks the database."""
        with snapshot(self._engine) as session:
            found = session.execute(_CALLERS.where(col(Token.sha256) == digest(text)), {"now": now}).first()
        if found is None or found.revoked_at is not None:
            return None
        return self._hold(found)

    def forget(self, token: bytes) -> None:
        """Ask the database at the token's next request: what it lets do has just changed."""
        self._let_go(token)

    def refresh(self, now: datetime) -> None:
        """Read what changed since the last time; everything, the first time."""
        for outdated in [one.token for one in self._opened.values() if one.is_outdated(now)]:
            self._let_go(outdated)
        query = _CALLERS
        if self._read_until is None:
            query = query.where(col(Token.revoked_at).is_(None))
        else:
            query = query.where(col(Token.changed_at) > self._read_until - OVERLAP)
        with snapshot(self._engine) as session:
            page = query.order_by(col(Token.sha256)).limit(ROWS_AT_ONCE)
            rows = session.execute(page, {"now": now}).all()
            while rows:
                for row in rows:
                    if row.revoked_at is None:
                        self._hold(row)
                    else:
                        self._let_go(row.sha256)
                rows = session.execute(page.where(col(Token.sha256) > rows[-1].sha256), {"now": now}).all()
        self._read_until = now
        for ended in [one.token for one in self._sessions.values() if one.has_expired(now)]:
            self._let_go(ended)

    def _hold(self, row: AnyRow) -> Caller:
        self._held[row.sha256] = caller = _caller(row, self._recency)
        if caller.expires_at is not None:
            self._sessions[row.sha256] = caller
        if caller.opened_until is not None:
            self._opened[row.sha256] = caller
        return caller

    def _let_go(self, token: bytes) -> None:
        self._held.pop(token, None)
        self._sessions.pop(token, None)
        self._opened.pop(token, None)


_OPENED: Final = (
    select(
        col(BreakGlass.staff_id).label("staff_id"),
        func.array_agg(col(Ward.code)).label("wards"),
        func.min(col(BreakGlass.until_at)).label("until_at"),
    )
    .join(Ward, col(Ward.id) == col(BreakGlass.ward_id))
    .where(col(BreakGlass.until_at) > bindparam("now"))
    .group_by(col(BreakGlass.staff_id))
    .subquery()
)

_CALLERS: Final[AnySelect] = (
    select(
        col(Token.sha256),
        col(Token.revoked_at),
        col(Token.expires_at),
        col(Token.created_at),
        col(Token.signed_in_at),
        col(Device.id).label("device"),
        col(Device.public_id).label("device_public_id"),
        col(Device.kind),
        col(Device.serial),
        col(Staff.id).label("staff"),
        col(Staff.public_id).label("staff_public_id"),
        col(Staff.name),
        col(Staff.role),
        col(Staff.wards),
        col(Staff.teams),
        col(Staff.registered),
        col(Staff.senior),
        _OPENED.c.wards.label("opened"),
        _OPENED.c.until_at.label("opened_until"),
    )
    .outerjoin(Device, col(Device.id) == col(Token.device_id))
    .outerjoin(Staff, col(Staff.id) == col(Token.staff_id))
    .outerjoin(_OPENED, _OPENED.c.staff_id == col(Token.staff_id))
)
"""Columns and no rows of the tables: 25,000 of those, read at start, took 50 MB that never came back."""


def _caller(row: AnyRow, recency: Recency) -> Caller:
    if row.staff is None:
        return Caller(row.sha256, row.device, row.device_public_id, f"{row.kind} {row.serial}", role=None)
    opened = frozenset(row.opened or ())
    return Caller(
        token=row.sha256,
        id=row.staff,
        public_id=row.staff_public_id,
        name=row.name,
        role=Role(row.role),
        wards=None if row.wards is None else frozenset(row.wards) | opened,
        registered=row.registered,
        senior=row.senior,
        teams=None if row.teams is None else frozenset(row.teams),
        expires_at=row.expires_at,
        signed_in_at=row.signed_in_at or (None if recency.issued_are_recent else row.created_at),
        recent_for=recency.recent_for,
        opened=opened,
        opened_until=row.opened_until,
    )
