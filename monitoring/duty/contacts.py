"""How a member of staff can be told, in their own order of preference."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlmodel import col

from monitoring.access.roles import Role
from monitoring.access.tables import Staff
from monitoring.acts import Act
from monitoring.delivery.targets import ADDRESS_LENGTH_MAX, NO_SECRET, WrongTarget, address, is_secret, new_secret
from monitoring.escalation.tables import By, Contact
from monitoring.fields import TimeOfDay
from monitoring.refusals import Fault, Forbidden, NotFound, Unacceptable

CONTACTS_MAX: Final = 10
OLD_SECRET_VALID_FOR: Final = timedelta(hours=24)
"""Beside a new secret the one before still signs: the receiver changes in their own time. The design's own."""

MANAGERS: Final = frozenset({Role.COORDINATOR, Role.ADMIN})


class Quiet(msgspec.Struct, forbid_unknown_fields=True):
    """Local times between which somebody off duty is left in peace, but for amber_plus and above."""

    from_: TimeOfDay = msgspec.field(name="from")
    to: TimeOfDay


class ContactBody(msgspec.Struct, forbid_unknown_fields=True):
    """One way to tell somebody."""

    by: By
    to: Annotated[str, msgspec.Meta(min_length=1, max_length=ADDRESS_LENGTH_MAX, pattern=r"^[^\x00]*$")]
    secret: Annotated[str, msgspec.Meta(max_length=200)] | None = None  # of a webhook; made where none is named
    quiet: Quiet | None = None


ContactsBody = Annotated[list[ContactBody], msgspec.Meta(max_length=CONTACTS_MAX)]


class ContactView(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One way to tell somebody. A secret is shown once: in the answer to the request by which it was made."""

    by: By
    to: str
    secret: str | msgspec.UnsetType = msgspec.UNSET
    quiet: Quiet | None = None
    failing_since: datetime | None = None


def theirs(act: Act, staff_id: UUID) -> Staff:
    """Somebody whose contacts the caller may see and set: one's own; of their wards, who manages those.

    Raises Forbidden, NotFound.
    """
    return _found(act, staff_id, MANAGERS)


def to_look_at(act: Act, staff_id: UUID) -> Staff:
    """The same for who only looks: auditors too. Raises Forbidden, NotFound."""
    return _found(act, staff_id, MANAGERS | {Role.AUDITOR})


def contacts(act: Act, staff_id: UUID) -> list[ContactView]:
    """Somebody's contacts, without their secrets. Raises Forbidden, NotFound."""
    return [_view(contact) for contact in _known(act, to_look_at(act, staff_id))]


def set_contacts(act: Act, staff_id: UUID, body: list[ContactBody], *, allow_private: bool) -> list[ContactView]:
    """Say how somebody is told, whole. Raises Forbidden, NotFound, Unacceptable.

    A webhook that names no secret keeps the one it has, and gets one where it has none. Whatever failed before counts
    as mended.
    """
    who = theirs(act, staff_id)
    act.session.execute(select(col(Staff.id)).where(col(Staff.id) == who.id).with_for_update(key_share=True))
    addresses = _addresses(body, allow_private=allow_private)
    before = {(contact.by, contact.to): contact for contact in _known(act, who)}
    act.session.execute(delete(Contact).where(col(Contact.staff_id) == who.id))
    shown = []
    for place, (one, to) in enumerate(zip(body, addresses, strict=True)):
        known = before.get((one.by, to))
        contact = Contact(
            staff_id=who.id, place=place, by=one.by, to=to, recorded_at=act.now,
            quiet=None if one.quiet is None else msgspec.to_builtins(one.quiet),
        )  # fmt: skip
        made = _sign(contact, one.secret, known, act.now) if one.by is By.WEBHOOK else None
        act.session.add(contact)
        shown.append(msgspec.structs.replace(_view(contact), secret=made or msgspec.UNSET))
    return shown


def valid_secrets(contact: Contact, now: datetime) -> list[str]:
    """What signs a webhook now, the newest first."""
    changes = contact.previous_until is not None and now < contact.previous_until
    return contact.secrets[: 2 if changes else 1]


def _found(act: Act, staff_id: UUID, managers: frozenset[Role]) -> Staff:
    who: Staff | None = act.session.execute(select(Staff).where(col(Staff.public_id) == staff_id)).scalar_one_or_none()
    is_me = who is not None and who.public_id == act.who.public_id
    if who is None or not (is_me or works_with(act, who)):
        raise NotFound(f"There is no member of staff {staff_id}.")
    if not is_me and act.who.role not in managers:
        raise Forbidden("Only your own contacts.")
    return who


def works_with(act: Act, who: Staff) -> bool:
    """Whether somebody works on a ward of the caller's."""
    return act.who.wards is None or who.wards is None or not act.who.wards.isdisjoint(who.wards)


def _known(act: Act, who: Staff) -> list[Contact]:
    query = select(Contact).where(col(Contact.staff_id) == who.id).order_by(col(Contact.place))
    return list(act.session.execute(query).scalars())


def _addresses(body: list[ContactBody], *, allow_private: bool) -> list[str]:
    """Each contact's address as it is kept. Raises Unacceptable naming all that are wrong."""
    faults, found = [], list[str]()
    for place, one in enumerate(body):
        if one.secret is not None and one.by is not By.WEBHOOK:
            faults.append(Fault(f"[{place}].secret", "only a webhook is signed"))
        elif one.secret is not None and not is_secret(one.secret):
            faults.append(Fault(f"[{place}].secret", NO_SECRET))
        try:
            found.append(address(one.by, one.to, allow_private=allow_private))
        except WrongTarget as error:
            found.append("")
            faults.append(Fault(f"[{place}].to", str(error)))
            continue
        if any((one.by, found[-1]) == (other.by, to) for other, to in zip(body[:place], found, strict=False)):
            faults.append(Fault(f"[{place}].to", "is named twice"))
    if faults:
        raise Unacceptable(*faults)
    return found


def _sign(contact: Contact, named: str | None, known: Contact | None, now: datetime) -> str | None:
    """Give a webhook its secrets; what was made for it, where it was."""
    old = [] if known is None else known.secrets
    if known is not None and old and named in {None, old[0]}:
        contact.secrets, contact.previous_until = old, known.previous_until
        return None
    made = None if named else new_secret()
    newest = named or made or ""
    contact.secrets = [newest, *(one for one in old[:1] if one != newest)]
    contact.previous_until = now + OLD_SECRET_VALID_FOR if old else None
    return made


def _view(contact: Contact) -> ContactView:
    quiet = None if contact.quiet is None else msgspec.convert(contact.quiet, Quiet)
    return ContactView(by=contact.by, to=contact.to, quiet=quiet, failing_since=contact.failing_since)
