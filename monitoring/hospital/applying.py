"""What one message does: who it is about, where they are, what is recorded of them. One transaction with its row.

Messages come late and in any order. Each patient has two marks, the newest EVN-2 that told where they are and the
newest that told who they are: what is older than a mark does not touch what came by it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from devices.formats.hl7v2.adt import ADMIT, CANCEL_ADMIT, CANCEL_DISCHARGE, MERGE, UPDATE, Adt
from devices.formats.hl7v2.message import Refused
from monitoring.acts import Act
from monitoring.hospital import people
from monitoring.hospital.placing import die, live, place
from monitoring.hospital.steps import Done, Step, by_whom, noted
from monitoring.hospital.tables import CORRECTED, HospitalMessage
from monitoring.hospital.undoing import undo
from monitoring.patients.merging import MergeBody, merge
from monitoring.patients.tables import Patient

OLDER: Final = "something newer is known"

_PLACED: Final[ColumnElement[bool]] = col(HospitalMessage.placed).is_(True)
_CORRECTED: Final[ColumnElement[bool]] = col(HospitalMessage.corrected).is_(True)


def apply(act: Act, said: Adt) -> Done:
    """Do what a message says. Raises Refused naming the place, and whatever the use cases refuse."""
    if said.trigger == MERGE:
        return _merge(act, said)
    patient = people.find(act, said.person.nhs_number, "PID-3")
    if patient is None and said.trigger == ADMIT:
        patient = people.register_new(act, said.person)
        step = place(act, said, patient)
        return Done(f"registered; {step.text}", patient, step.did | CORRECTED, placed=True, corrected=True)
    patient = people.known(act, said.person)
    tells_where = said.trigger != UPDATE or _tells_of_death(said, patient)
    is_placed = tells_where and not _is_older(act, said, patient, _PLACED)
    step = _place(act, said, patient) if is_placed else noted(OLDER) if tells_where else Step("")
    done = Done(step.text, patient, step.did, placed=is_placed)
    return _correct(act, said, patient, done) if said.trigger in {ADMIT, UPDATE} else done


def _tells_of_death(said: Adt, patient: Patient) -> bool:
    """Whether what PID-30 says, if anything, is not what is known."""
    return said.person.died is not None and said.person.died != (patient.died_at is not None)


def _place(act: Act, said: Adt, patient: Patient) -> Step:
    """Where the patient is, or that they died, or did not."""
    if said.trigger == UPDATE:
        return die(act, said, patient) if said.person.died else live(act, patient)
    return undo(act, said, patient) if said.trigger in {CANCEL_ADMIT, CANCEL_DISCHARGE} else place(act, said, patient)


def _correct(act: Act, said: Adt, patient: Patient, done: Done) -> Done:
    """Who the patient is, unless something newer told that; an older message fills no gap either."""
    if _is_older(act, said, patient, _CORRECTED):
        what, did, is_newest = noted(OLDER).text, done.did, False
    elif people.correct(act, patient, said.person):
        what, did, is_newest = "corrected", done.did | CORRECTED, True
    else:
        what, did, is_newest = "nothing to correct", done.did, True
    return replace(done, text=f"{done.text}; {what}" if done.text else what, did=did, corrected=is_newest)


def _is_older(act: Act, said: Adt, patient: Patient, mark: ColumnElement[bool]) -> bool:
    query = select(func.max(col(HospitalMessage.event_at))).where(col(HospitalMessage.patient_id) == patient.id, mark)
    newest: datetime | None = act.session.execute(query).scalar_one()
    return newest is not None and said.recorded_at < newest


def _merge(act: Act, said: Adt) -> Done:
    """PID survives, MRG-1 is merged away. Two records that were made one stay so, in whatever order messages come."""
    if said.merged_number is None:
        return Done(noted("MRG-1 holds no NHS number, and the hospital's own are not kept here").text)
    kept = people.known(act, said.person)
    gone = people.find(act, said.merged_number, "MRG-1")
    if gone is None:
        return Done(noted("nobody here has the number that is merged away").text, kept)
    if gone.id == kept.id:
        return Done(noted("the two are one here already").text, kept)
    if gone.birth_date != kept.birth_date and gone.family_name.casefold() != kept.family_name.casefold():
        raise Refused("MRG-1.1", "belongs here to somebody of another family name and another birth date")
    merge(act, gone.public_id, MergeBody(into=kept.public_id, reason=f"A40, as {by_whom(act, said)} says"))
    return Done("merged", kept, {"merged": gone.public_id, "into": kept.public_id})
