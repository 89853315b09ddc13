"""What is said by SMS, e-mail and to pagers: a ward, a severity, a reference and where to look. Never who or why.

Made from fields that are named here, so that nothing else in a body can leave by these ways.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from monitoring.watching.problems import KINDS

REFERENCE: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that is taken for another on the phone
REFERENCES_MAX: Final = 10  # named in one line: an SMS is short
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_ABOUT: Final = {
    "escalation": ("alert", "Open the ward board."),
    "ucr": ("UCR referral", "Open the list of referrals."),
    "system": ("system", "Run `virtual-ward check`."),
    "access": ("access opened in an emergency", "See under Emergency access who opened it, and why."),
}
"""By the first word of a body's type: what it is about, and what to do."""


_SYSTEM: Final = {"system.began": "", "system.still": ", still", "system.ended": ": over"}
"""By the type of a body that goes to engineers: what is said after the problem's own words."""

_ASKS: Final = {
    "prompt.repeat": "From your virtual ward: please take your readings again now. If you feel worse call your ward or "
    "111, in an emergency 999."
}
"""By the type of a body that goes to a patient: all that is said, the same to everybody."""


def subject(body: Mapping[str, Any]) -> str:
    """One line: `Virtual ward RESP1: RED alert, ref 7F3K`; of several alerts how many, and which."""
    data = body.get("data", {})
    if (how := _SYSTEM.get(str(body.get("type", "")))) is not None and data.get("problem") in KINDS:
        return f"Virtual ward, system: {KINDS[data['problem']].said}{how}"
    about, _ = _about(body)
    where = f" {data['ward']}" if _is_plain(data.get("ward")) else ""
    severity = data.get("severity")
    how_bad = f"{severity.upper().replace('_', ' ')} " if _is_plain(severity) else ""
    reference = reference_of(data.get("alert") or data.get("referral"))
    if also := data.get("also"):
        named = [reference, *(reference_of(one.get("alert")) for one in also)]
        more = f" and {len(named) - REFERENCES_MAX} more" if len(named) > REFERENCES_MAX else ""
        worst = f" (worst: {how_bad.strip()})" if how_bad else ""
        return f"Virtual ward{where}: {len(named)} alerts wait{worst}, refs {', '.join(named[:REFERENCES_MAX])}{more}"
    return f"Virtual ward{where}: {how_bad}{about}" + (f", ref {reference}" if reference else "")


def text(body: Mapping[str, Any], public_url: str | None) -> str:
    """The whole of an SMS: the subject, what to do, and a link into our own pages; or what a patient is asked."""
    if (asked := _ASKS.get(str(body.get("type", "")))) is not None:
        return asked
    _, what_to_do = _about(body)
    said = f"{subject(body)}. {what_to_do}"
    link = body.get("data", {}).get("link")
    is_ours = public_url is not None and isinstance(link, str) and link.startswith(public_url)
    link = link if is_ours else public_url
    return f"{said} {link}" if link else said


def reference_of(public_id: object) -> str:
    """Four letters by which people name an alert on the phone; nothing where there is none."""
    try:
        number = UUID(str(public_id)).int
    except ValueError:
        return ""
    return "".join(REFERENCE[number >> shift & 31] for shift in (15, 10, 5, 0))


def _about(body: Mapping[str, Any]) -> tuple[str, str]:
    return _ABOUT.get(str(body.get("type", "")).partition(".")[0], ("message", "Open the ward board."))


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None
