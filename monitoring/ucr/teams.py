"""UCR teams: where, when and what for they come, how many visits at a time, and how they are told."""

import re
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from sqlalchemy import func, select
from sqlmodel import col

from monitoring.acts import Act
from monitoring.delivery.targets import NO_SECRET, WrongTarget, address, is_secret, new_secret
from monitoring.escalation.tables import By
from monitoring.fields import WARD_CODE, Line, OdsCode, WardCode, Word
from monitoring.paging import Page, before, page
from monitoring.refusals import Forbidden, NotFound, unacceptable
from monitoring.ucr.states import ACTIVE
from monitoring.ucr.tables import Format, UcrReferral, UcrTeam
from monitoring.ucr.views import see_team
from monitoring.wards.wards import Hours

_CODE: Final = re.compile(WARD_CODE)
District = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{1,2}[0-9][A-Za-z0-9]?$(?!\n)")]
Url = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^https?://[^\s\x00]+$(?!\n)")]
Secret = Annotated[str, msgspec.Meta(max_length=200)]
Words = Annotated[list[Word], msgspec.Meta(max_length=50)]


class Accepts(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a team accepts: a NEWS2 up to `max_news2`, and no need or reason that names one of `exclusions`."""

    max_news2: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    exclusions: Words = []


class UcrTeamFacts(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a team is, without how its messages are signed."""

    name: Line
    icb: OdsCode
    postcode_districts: Annotated[list[District], msgspec.Meta(max_length=500)]  # none: the whole ICB
    hours: Hours
    max_active: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    skills: Words = []
    referral_hours: Hours | None = None  # None: its hours
    accepts: Accepts = msgspec.field(default_factory=Accepts)
    phone: Word | None = None
    webhook: Url | None = None
    webhook_format: Format = Format.WEBHOOK  # bars: FHIR messages in the shape of BaRS, to a system that takes these


class UcrTeamBody(UcrTeamFacts, kw_only=True):
    """A team as sent. Without a secret one is made, and shown once; one that is there stays."""

    code: WardCode | None = None  # the path's
    secret: Secret | None = None


class UcrTeamView(UcrTeamFacts, kw_only=True):
    """A team as answered. `secret` only where it was just made."""

    id: str
    code: str
    active: int  # visits that have not ended
    version: int
    changed_at: datetime
    secret: str | msgspec.UnsetType = msgspec.UNSET


def put_team(act: Act, code: str, body: UcrTeamBody, *, allow_private: bool) -> UcrTeamView:
    """Say what a team is, whole; a new one, where there is none of that code. Raises Forbidden, Unacceptable."""
    to_manage(act, code)
    if not _CODE.match(code):
        raise unacceptable("code", "is no code")
    if body.code is not None and body.code != code:
        raise unacceptable("code", f"is not the path's ({code})")
    if not body.hours:
        raise unacceptable("hours", "a team without hours never comes")
    _refuse_unreachable(body, allow_private=allow_private)
    _lock_code(act, code)
    found: UcrTeam | None = act.session.execute(
        select(UcrTeam).where(col(UcrTeam.code) == code).with_for_update(key_share=True)
    ).scalar_one_or_none()
    made = _new_secret(body, found)
    facts = _columns(body)
    if found is None:
        found = UcrTeam(code=code, created_at=act.now, **facts, changed_by=act.who.id, changed_at=act.now)
    else:
        for name, value in facts.items():
            setattr(found, name, value)
        found.version += 1
        found.changed_by, found.changed_at = act.who.id, act.now
    if secret := body.secret or made:
        found.secrets = list(dict.fromkeys((secret, *found.secrets)))[:2]  # the one before signs beside it
    act.session.add(found)
    act.session.flush()
    shown = team(act, code)
    shown.secret = made or msgspec.UNSET
    return shown


def team(act: Act, code: str) -> UcrTeamView:
    """One team. Raises Forbidden, NotFound."""
    see_team(act.who, code)
    row = act.session.execute(_shown().where(col(UcrTeam.code) == code)).one_or_none() if _CODE.match(code) else None
    if row is None:
        raise NotFound(f"There is no UCR team {code}.")
    return _view(*row)


def teams(act: Act, limit: int, cursor: str | None) -> Page[UcrTeamView]:
    """Teams, newest first: a UCR team's staff see their own, everybody else all."""
    query = _shown().where(col(UcrTeam.id) < before(cursor)).order_by(col(UcrTeam.id).desc())
    if act.who.teams is not None:
        query = query.where(col(UcrTeam.code).in_(act.who.teams))
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(*row))


def to_manage(act: Act, code: str) -> None:
    """Raise Forbidden for a team that is not the caller's: who is in some teams manages those."""
    if not act.who.may_see_team(code):
        raise Forbidden(f"Team {code} is not yours.")


def _lock_code(act: Act, code: str) -> None:
    """Two who make the same team at once: one makes it, the other changes it."""
    act.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"ucr_team {code}", 0))))


def _refuse_unreachable(body: UcrTeamBody, *, allow_private: bool) -> None:
    """Raise Unacceptable for a webhook that nothing would be sent to, and a secret that cannot sign."""
    if body.secret is not None and not is_secret(body.secret):
        raise unacceptable("secret", NO_SECRET)
    if body.webhook is None:
        return
    try:
        address(By.WEBHOOK, body.webhook, allow_private=allow_private)
    except WrongTarget as error:
        raise unacceptable("webhook", str(error)) from None


def _new_secret(body: UcrTeamBody, found: UcrTeam | None) -> str | None:
    """As Standard Webhooks have it, where there is a webhook, and no secret yet."""
    has_one = body.secret is not None or (found is not None and found.secrets)
    if body.webhook is None or has_one:
        return None
    return new_secret()


def _columns(body: UcrTeamBody) -> dict[str, Any]:
    own = (name for name in UcrTeamFacts.__struct_fields__ if name in UcrTeam.model_fields)
    facts: dict[str, Any] = msgspec.to_builtins({name: getattr(body, name) for name in own})
    facts["postcode_districts"] = sorted({one.upper() for one in body.postcode_districts})
    return facts | {"max_news2": body.accepts.max_news2, "exclusions": body.accepts.exclusions}


def _shown() -> Any:
    active = (
        select(func.count())
        .where(col(UcrReferral.team_id) == col(UcrTeam.id), col(UcrReferral.state).in_(ACTIVE))
        .correlate(UcrTeam)
        .scalar_subquery()
    )
    return select(UcrTeam, active)


def _view(found: UcrTeam, active: int) -> UcrTeamView:
    own = (name for name in UcrTeamFacts.__struct_fields__ if name in UcrTeam.model_fields)
    facts = {name: getattr(found, name) for name in own}
    facts["hours"] = msgspec.convert(found.hours, Hours)
    facts["referral_hours"] = msgspec.convert(found.referral_hours, Hours | None)
    return UcrTeamView(
        **facts, accepts=Accepts(found.max_news2, found.exclusions), id=found.code, code=found.code, active=active,
        version=found.version, changed_at=found.changed_at,
    )  # fmt: skip
