"""Readings that staff send for the patient named in the path, and for nobody else."""

import msgspec

from devices.posted import Decoded
from devices.reading import ReadingSet, Refusal


def for_patient(decoded: Decoded, patient: str) -> Decoded:
    """The sets, each naming its patient: the same id sent for somebody else is then other content, kept aside.

    A set that itself names another patient is refused: who may see this one may not see that one.
    """
    refused = {one.index: one for one in decoded.refused}
    places = (place for place in range(len(decoded.sets) + len(refused)) if place not in refused)
    sets: list[ReadingSet] = []
    for place, one in zip(places, decoded.sets, strict=False):
        if one.patient is None or one.patient.lower() == patient:
            sets.append(msgspec.structs.replace(one, patient=patient))
        else:
            refused[place] = Refusal(place, "patient", "is not the patient whose readings these are")
    return Decoded(sets, [refused[place] for place in sorted(refused)], decoded.impossible)
