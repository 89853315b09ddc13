"""A part of a page in pieces: who has the picture before is sent those that changed since, and is told of their order.

A board of a hundred rows weighs eighty kilobytes, and two hundred screens ask for it whenever somebody gets worse; what
changed then is a row. A piece is drawn anew only where what it shows differs, so that all it says has to be in there,
but for how long ago things were: pages tell that by their own clocks.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Piece:
    """What it shows, how that is drawn, and the number of the first picture that has it so."""

    shows: object
    drawn: str
    since: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """One picture: its pieces in order by the keys that the page has for them, and the patients whom it shows."""

    head: str  # small: goes with every picture
    pieces: Mapping[str, Piece]
    patients: list[UUID]
    chain: str  # of pictures: another process, or one that begins anew, has its own
    number: int

    @property
    def name(self) -> str:
        """By which a page says which picture it has."""
        return f"{self.chain}.{self.number}"

    def since(self, name: str | None) -> list[str]:
        """The pieces that changed since the picture of that name; all of them where it is not of this chain."""
        chain, _, number = (name or "").partition(".")
        has = int(number) if chain == self.chain and number.isdecimal() else 0
        return [piece.drawn for piece in self.pieces.values() if piece.since > has]


def drawn(
    before: Pieces | None, head: str, shown: Mapping[str, S], draw: Callable[[S], str], patients: list[UUID]
) -> Pieces:
    """The next picture. Of what shows the same as in the one before, its pieces are kept."""
    old, number = ({}, 1) if before is None else (before.pieces, before.number + 1)
    pieces = {}
    for key, shows in shown.items():
        piece = old.get(key)
        pieces[key] = piece if piece is not None and piece.shows == shows else Piece(shows, draw(shows), number)
    chain = secrets.token_urlsafe(6) if before is None else before.chain
    return Pieces(head, pieces, patients, chain, number)
