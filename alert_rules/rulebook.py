"""Which version of each pathway holds when: the packaged one, until an approved one takes over at its instant. Pure.

Why so: docs/decisions/0012.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, NamedTuple

from alert_rules.accepted import BEYOND
from alert_rules.kinds import PathwayRule
from alert_rules.pathway import Pathway, pathways
from alert_rules.severity import RULES

EVER: Final = datetime.min.replace(tzinfo=UTC)


class Held(NamedTuple):
    """A version of a pathway, and the instant from which it holds."""

    from_at: datetime
    pathway: Pathway


class Unreadable(NamedTuple):
    """A version that was approved and that this program cannot use: what held before it goes on."""

    name: str
    version: str
    until_at: datetime | None  # when one that can be used takes over, if one was approved


@dataclass(frozen=True)
class Rulebook:
    """All versions of all pathways. `held`: by name, in order of their instants; the first held ever since.

    A set is judged by the version that held when it was taken, as by the plan of that time: so late sets, and what is
    scored again with them, never become something else because the rules changed since.
    """

    held: Mapping[str, tuple[Held, ...]]
    unreadable: tuple[Unreadable, ...] = ()

    def of(self, name: str, at: datetime) -> Pathway:
        """The version of a pathway that holds at an instant."""
        versions = self.held[name]
        if len(versions) == 1:
            return versions[0].pathway
        return versions[bisect_right(versions, at, key=lambda one: one.from_at) - 1].pathway

    def since(self, name: str, at: datetime) -> list[Pathway]:
        """The version of a pathway that holds at an instant, and all later ones."""
        now = self.of(name, at)
        return [now, *(one.pathway for one in self.held[name] if one.from_at > at)]

    def at(self, instant: datetime) -> dict[str, Pathway]:
        """Every pathway as it holds at an instant."""
        return {name: self.of(name, instant) for name in self.held}

    def unreadable_at(self, instant: datetime) -> list[Unreadable]:
        """What should hold then, or is to come, and cannot be used."""
        return [one for one in self.unreadable if one.until_at is None or one.until_at > instant]

    @cached_property
    def looked_at(self) -> dict[str, frozenset[str]]:
        """By rule, what it looks at in any version: an alert keeps those of another ward, or of before."""
        of = {rule.name: rule.of for rule in (*RULES, *BEYOND.values())}
        for rule in self._rules():
            of[rule.name] = of.get(rule.name, frozenset()) | rule.of
        return of

    @cached_property
    def technical(self) -> frozenset[str]:
        """The rules of any version that tell of the kit."""
        return frozenset(rule.name for rule in self._rules() if rule.is_technical)

    def _rules(self) -> Iterable[PathwayRule]:
        return (rule for versions in self.held.values() for one in versions for rule in one.pathway.rules)


PACKAGED: Final = Rulebook({name: (Held(EVER, one),) for name, one in pathways().items()})
"""Version zero of each pathway, as it came with the program."""


def with_approved(approved: Iterable[Held], unreadable: Iterable[Unreadable] = ()) -> Rulebook:
    """What holds when, after these approvals in their order.

    Each replaces what was approved before it from its own instant on, also what had not begun by then.
    """
    held = dict(PACKAGED.held)
    for one in approved:
        before = held[one.pathway.name]
        held[one.pathway.name] = (*(earlier for earlier in before if earlier.from_at < one.from_at), one)
    return Rulebook(held, tuple(unreadable))
