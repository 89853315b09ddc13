"""A ward decides its own ladders, in place of its pathway's."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from alert_rules.ladder import LADDERS, Ladder, WrongLadder, as_json, from_json, read_ladders
from monitoring.acts import Act
from monitoring.delivery.targets import NO_SECRET, WrongTarget, address, is_secret, new_secret
from monitoring.escalation.ladders import decided_by, in_force
from monitoring.escalation.reach import by_look
from monitoring.escalation.tables import By, WardLadders
from monitoring.refusals import unacceptable
from monitoring.rules.holding import pathway_at
from monitoring.wards.beds import ward_in_path
from monitoring.wards.tables import Ward


class LaddersView(msgspec.Struct):
    """Who is told of a ward's alerts, by severity: a step after the other."""

    ward: str
    own: list[str]  # ladders that the ward itself decided; the others are its pathway's
    decided_at: datetime | None
    ladders: dict[str, list[dict[str, Any]]]


def ladders(act: Act, code: str) -> LaddersView:
    """The ladders in force. A secret is never shown again. Raises Forbidden, NotFound."""
    ward = ward_in_path(act, code)
    return _view(act, ward, decided_by(act.session, [ward.id]).get(ward.id))


def set_ladders(act: Act, code: str, body: Mapping[str, Any], *, allow_private: bool) -> LaddersView:
    """Put a ward's own ladders in place of its pathway's. Raises Forbidden, NotFound; Unacceptable names the step.

    A secret that is made for a fallback's webhook is shown in this answer only; the one before it stays valid beside
    it. Alerts that climb already go on with the ladder on which they began.
    """
    ward = ward_in_path(act, code, lock=True)
    before = decided_by(act.session, [ward.id]).get(ward.id)
    try:
        read = read_ladders(body)
    except WrongLadder as error:
        raise unacceptable(error.place, error.reason) from None
    read = {name: _reachable(name, ladder, allow_private=allow_private) for name, ladder in read.items()}
    known = _secrets_of(() if before is None else map(from_json, before.ladders.values()))
    signed = _signed(read, known)
    decided = WardLadders(
        ward_id=ward.id, ladders={name: as_json(ladder) for name, ladder in signed.items()}, by=act.who.id, at=act.now
    )
    act.session.add(decided)
    shown = _view(act, ward, decided)
    for name, ladder in signed.items():
        newest = ladder[-1].secrets[:1]
        if newest and newest != known.get(ladder[-1].to, ())[:1]:
            shown.ladders[name][-1]["secret"] = newest[0]
    return shown


def _reachable(name: str, ladder: Ladder, *, allow_private: bool) -> Ladder:
    """The ladder with its last address as it is kept. Raises Unacceptable where nobody can be told there."""
    last, place = ladder[-1], f"{name}[{len(ladder) - 1}]"
    assert last.to is not None  # `read_ladders` wants one
    if any(not is_secret(secret) for secret in last.secrets):
        raise unacceptable(f"{place}.secret", NO_SECRET)
    try:
        kept = [address(By(by), last.to, allow_private=allow_private) for by in last.by or (by_look(last.to),)]
    except WrongTarget as error:
        raise unacceptable(f"{place}.to", str(error)) from None
    return (*ladder[:-1], replace(last, to=kept[0]))


def _secrets_of(ladders: Iterable[Ladder]) -> dict[str | None, tuple[str, ...]]:
    """What the webhooks of these ladders' last steps are signed with, by address."""
    return {ladder[-1].to: ladder[-1].secrets for ladder in ladders if ladder[-1].secrets}


def _signed(ladders: Mapping[str, Ladder], known: Mapping[str | None, tuple[str, ...]]) -> dict[str, Ladder]:
    """Each webhook with its secret: the one named, the one it has, or a new one; the one before stays the second.

    One address has one secret, whatever ladders end there.
    """
    named = _secrets_of(ladders.values())
    made: dict[str | None, tuple[str, ...]] = {}
    for ladder in ladders.values():
        last = ladder[-1]
        if "webhook" in last.by and last.to not in made:
            before = known.get(last.to, ())
            newest = named.get(last.to) or before[:1] or (new_secret(),)
            made[last.to] = tuple(dict.fromkeys((*newest, *before)))[:2]
    ends = {name: replace(ladder[-1], secrets=made.get(ladder[-1].to, ())) for name, ladder in ladders.items()}
    return {name: (*ladder[:-1], ends[name]) for name, ladder in ladders.items()}


def _view(act: Act, ward: Ward, own: WardLadders | None) -> LaddersView:
    found = in_force(pathway_at(act.session, ward.pathway, act.now), own)
    shown = {name: [_shown(step) for step in as_json(found[name])] for name in LADDERS}
    return LaddersView(ward.code, sorted(own.ladders) if own else [], own.at if own else None, shown)


def _shown(step: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in step.items() if name != "secrets"}
