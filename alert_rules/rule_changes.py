"""What two versions of a pathway's file differ in: key by key, and in the words of `would_alert`. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alert_rules.pathway import read
from alert_rules.toml_tables import loads
from alert_rules.would_alert import would_alert

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Changed:
    """One key, by its path: rules by their names, steps and conditions by their places. None: it is not in the file."""

    key: str
    old: Plain
    new: Plain


@dataclass(frozen=True, slots=True)
class Changes:
    """By key; and what is said of a ward by the one version and not by the other."""

    keys: tuple[Changed, ...]
    no_longer: tuple[str, ...]
    from_then_on: tuple[str, ...]


def changes(name: str, old: str, new: str) -> Changes:
    """From one version of a pathway's file to another. Raises WrongPathway where either can't be used."""
    said_before, said_after = _said(name, old), _said(name, new)
    before, after = dict(_flat(loads(old))), dict(_flat(loads(new)))
    keys = [
        Changed(key, before.get(key), after.get(key))
        for key in [*before, *(key for key in after if key not in before)]
        if before.get(key) != after.get(key)
    ]
    return Changes(
        tuple(keys),
        tuple(line for line in said_before if line not in said_after),
        tuple(line for line in said_after if line not in said_before),
    )


def _said(name: str, text: str) -> list[str]:
    pathway = read(name, text)
    about, *sections = would_alert(pathway, pathway.ladders)  # the first heading names the version
    said = [*about.lines]
    for section in sections:
        said.append(section.title)
        said += [f"{section.title.partition('.')[0]}: {line}" for line in section.lines]
    return said


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Plain]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _flat(one, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for place, one in enumerate(value, 1):
            name = one.get("name") if isinstance(one, dict) else None
            yield from _flat(one, f"{key}.{name}" if name else f"{key}[{place}]")
    else:
        yield key, float(value) if isinstance(value, Decimal) else value
