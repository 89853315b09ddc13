"""By which ways somebody is reached: a step's channels first, then what the person prefers."""

from collections.abc import Iterable
from typing import Final

from alert_rules.ladder import Step
from monitoring.config import Settings
from monitoring.delivery.outbox import Way
from monitoring.escalation.tables import By

_PHONE: Final = frozenset("+0123456789 ()-")


def by_preference(ways: Iterable[Way], by: tuple[str, ...]) -> list[Way]:
    """Every way, those that the step names first and in its order: what it does not name is better than nothing."""
    place = {By(name): number for number, name in enumerate(by)}
    return sorted(ways, key=lambda way: place.get(way.by, len(place)))


def fallback_ways(step: Step, settings: Settings | None = None) -> list[Way]:
    """Where a ladder's last step is told: as the ward says, else as the installation does; none where neither does."""
    if step.to is not None:
        by = [By(one) for one in step.by] or [by_look(step.to)]
        return [Way(one, step.to, step.secrets) for one in by]
    if settings is None or settings.fallback_to is None:
        return []
    secrets = () if settings.fallback_secret is None else (settings.fallback_secret,)
    return [Way(by_look(settings.fallback_to), settings.fallback_to, secrets)]


def by_look(to: str) -> By:
    """The channel of an address, by its form."""
    if to.startswith(("http://", "https://")):
        return By.WEBHOOK
    if set(to) <= _PHONE:
        return By.SMS
    return By.APPRISE if "://" in to else By.EMAIL
