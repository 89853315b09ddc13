"""Sets as `POST /v1/readings` takes them: what instruments show, what people say, how a hub writes it."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from alert_rules.vitals import ACVPU
from devices.simulator.bodies import FELT, MEASURED, OXYGEN, Bodies, Dice, Floats, utc_offset_s
from devices.simulator.kits import Bools, Kits, Rows
from devices.simulator.patients import Patient

Objects = NDArray[np.object_]


class SentSet(msgspec.Struct, omit_defaults=True, frozen=True):
    """One set as a hub sends it, by the names of the public contract; None is left out of its JSON."""

    id: str
    taken_at: str
    respiratory_rate: float | None = None
    spo2: float | None = None
    oxygen_flow: float | None = None
    on_oxygen: bool | None = None
    systolic: float | None = None
    diastolic: float | None = None
    pulse: float | None = None
    consciousness: str | None = None
    temperature: float | None = None
    weight: float | None = None
    glucose: float | None = None
    peak_flow: float | None = None
    assessed_by: str | None = None
    wellness: str | None = None
    battery: float | None = None
    quality: str | None = None
    declined: str | None = None


# Shares of sets, all of them the design's own.
_DECLINED: Final = 0.01
_CONSCIOUSNESS_ANSWERED: Final = 0.9
_WELLNESS_ANSWERED: Final = 0.5
_OXYGEN_TOLD: Final = 0.95
_BATTERY_TOLD: Final = 0.12
_BATTERY_LOW_TOLD: Final = 0.5
_BATTERY_LOW_PERCENT: Final = 20

_DECLINED_BECAUSE: Final = np.array(
    ["too tired", "having visitors", "out at an appointment", "the cuff hurts", "not today"], dtype=object
)
_NOTHING_READ: Final = "could not get a reading"
_LETTERS: Final = np.array(list(ACVPU), dtype=object)
_WELLNESS: Final = np.array(["much better", "better", "same", "worse", "much worse"], dtype=object)
_WELLNESS_EDGES: Final = (-1.8, -0.9, 1.2, 2.3)  # of how a patient feels, between one word and the next
_WELLNESS_ERROR: Final = 0.3


class Hubs:
    """The hubs of a list of patients and the people beside them. `bodies` is what they measure."""

    def __init__(self, patients: Sequence[Patient], seed: int) -> None:
        self.dice = Dice(patients, seed)
        self.bodies = Bodies(patients, self.dice)
        self._kits = Kits(patients, self.dice)
        self._number = [patient.number for patient in patients]
        self._clock_offset_s = np.array([patient.hub.clock_offset_s for patient in patients])
        self._local_time = np.array([patient.hub.local_time for patient in patients])
        self._battery_s = np.array([patient.hub.battery_days * 86_400 for patient in patients])
        self._answers = np.array([patient.home.answers for patient in patients], dtype=object)
        self._tells_oxygen = np.array([patient.home.tells_oxygen for patient in patients], dtype=object)

    def sets(self, rows: Rows, seconds: Floats, true: Floats) -> list[SentSet]:
        """The sets of the patients in `rows`, in that order; `seconds` and `true` are of all patients."""
        shown = self._kits.read(rows, seconds, true)
        declines, why, *answer, battery = self.dice.uniform(7)[rows].T
        taken = shown.taken & (declines >= _DECLINED)[:, np.newaxis]
        some = taken.any(axis=1)
        because = np.where(declines < _DECLINED, _one_of(_DECLINED_BECAUSE, why), _NOTHING_READ)
        told = {vital: _numbers(shown.values[:, column], taken[:, column]) for column, vital in enumerate(MEASURED)}
        told |= self._answered(rows, seconds, true[rows], answer, some)
        told["battery"] = self._battery(rows, seconds[rows], battery, some)
        told["quality"] = _where(shown.low_quality & some, "low")
        told["declined"] = _where(~some, because)
        lists = {name: column.tolist() for name, column in told.items()}
        lists["id"] = [f"{self._number[row]}-{second:.0f}" for row, second in zip(rows, seconds[rows], strict=True)]
        lists["taken_at"] = self._stamps(rows, seconds[rows])
        return [SentSet(*values) for values in zip(*(lists[field] for field in SentSet.__struct_fields__), strict=True)]

    def _answered(
        self, rows: Rows, seconds: Floats, true: Floats, chance: Sequence[Floats], some: Bools
    ) -> dict[str, Objects]:
        """What people answer. Nobody says of themselves that they are confused: they do not answer then."""
        conscious, well, how_well, oxygen = chance
        index = self.bodies.consciousness(seconds)[rows]
        who = self._answers[rows]
        able = some & ((who == "carer") | ((who == "patient") & (index == 0)))
        says_conscious = able & (conscious < _CONSCIOUSNESS_ANSWERED)
        says_well = able & (well < _WELLNESS_ANSWERED)
        felt = true[:, FELT] + (how_well - 0.5) * (_WELLNESS_ERROR * np.sqrt(12))
        says_oxygen = some & (oxygen < _OXYGEN_TOLD)
        flow = np.maximum(np.rint(true[:, OXYGEN] * 2) / 2, 0)
        return {
            "consciousness": _where(says_conscious, _LETTERS[index]),
            "wellness": _where(says_well, _WELLNESS[np.searchsorted(_WELLNESS_EDGES, felt)]),
            "assessed_by": _where(says_conscious | says_well, who),
            "oxygen_flow": _numbers(flow, says_oxygen & (self._tells_oxygen[rows] == "flow")),
            "on_oxygen": _where(says_oxygen & (self._tells_oxygen[rows] == "yes_no"), flow > 0),
        }

    def _battery(self, rows: Rows, seconds: Floats, chance: Floats, some: Bools) -> Objects:
        percent = np.rint(100 - 97 * (seconds / self._battery_s[rows] % 1))
        likely = np.where(percent <= _BATTERY_LOW_PERCENT, _BATTERY_LOW_TOLD, _BATTERY_TOLD)
        return _numbers(percent, some & (chance < likely))

    def _stamps(self, rows: Rows, seconds: Floats) -> list[str]:
        """RFC 3339 by the hub's own clock, in Z or in London's time."""
        shown = seconds + self._clock_offset_s[rows]
        offset = np.where(self._local_time[rows], utc_offset_s(shown), 0)
        stamps = np.datetime_as_string((shown + offset).astype("datetime64[s]")).tolist()
        zones = np.where(self._local_time[rows], np.where(offset > 0, "+01:00", "+00:00"), "Z").tolist()
        return [stamp + zone for stamp, zone in zip(stamps, zones, strict=True)]


def _numbers(values: Floats, said: Bools) -> Objects:
    """As JSON has them: whole ones without a point, None where not said."""
    numbers = np.full(len(values), None, dtype=object)
    whole = values == np.rint(values)
    numbers[said & whole] = values[said & whole].astype(np.int64)
    numbers[said & ~whole] = values[said & ~whole]
    return numbers


def _where(said: Bools, what: Objects | Bools | str) -> Objects:
    told = np.full(len(said), None, dtype=object)
    told[said] = what if isinstance(what, str) else what[said]
    return told


def _one_of(words: Objects, chance: Floats) -> Objects:
    chosen: Objects = words[(chance * len(words)).astype(np.intp)]
    return chosen
