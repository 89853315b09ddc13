"""Sets that can hardly be the patient's whose device sent them: kept aside for a person (hazard H5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from devices.plausible import hardly_theirs
from devices.reading import Number
from monitoring.intake.tables import Aside
from workers.drain.items import Item, Kept
from workers.drain.neighbours import microseconds
from workers.drain.stays import Placed, Stay


def hold_unlikely(placed: Placed) -> Placed:
    """Keep aside what can hardly be theirs: by the last weight that is known of the stay.

    Asks nobody: the last weight is known already, and of a batch the weights before. What staff measured or released
    is believed, and is what the next is held against.
    """
    weighed = [
        (item, stay) for item, stay in placed.items if item.one.weight is not None and item.one.quality != "test"
    ]
    unlikely = {id(item): detail for item, detail in _unlikely(weighed)} if weighed else {}
    if not unlikely:
        return placed
    others = [
        Kept.of(item, Aside.UNLIKELY, unlikely[id(item)], (stay.patient_id,))
        for item, stay in placed.items
        if id(item) in unlikely
    ]
    theirs = [(item, stay) for item, stay in placed.items if id(item) not in unlikely]
    return replace(placed, items=theirs, kept=[*placed.kept, *others])


def _unlikely(weighed: Sequence[tuple[Item, Stay]]) -> list[tuple[Item, str]]:
    known: dict[int, tuple[Number, int]] = {}
    found: list[tuple[Item, str]] = []
    for item, stay in sorted(weighed, key=lambda one: (one[0].one.taken_at, one[0].key)):
        weight, at_us = item.one.weight, microseconds(item.one.taken_at)
        assert weight is not None
        if stay.episode_id not in known and (last := stay.also.get("weight")) is not None:
            known[stay.episode_id] = last["value"], last["at_us"]
        is_believed = item.source < 0 or item.released is not None
        if stay.episode_id in known and not is_believed:
            before, before_us = known[stay.episode_id]
            if hardly_theirs(weight, before, timedelta(microseconds=at_us - before_us)):
                found.append((item, f"weight {weight} kg, and the last known of the stay was {before} kg"))
                continue
        if stay.episode_id not in known or at_us >= known[stay.episode_id][1]:
            known[stay.episode_id] = weight, at_us
    return found
