"""Two records of one person become one (hazard H21), and are two again where somebody sees that it was wrong.

Everything that hangs on a patient's key is given to the record that stays: spells with their beds, referrals, alerts,
kit. Readings, scores and plans hang on the spell and go with it, so nothing that is written once is touched. The
record merged away stays as it was, shows where it went, and its id and NHS number lead there. Which rows moved is
kept, and a merge that is undone gives back exactly those, and what has since come to their spells.

Nobody is watched less afterwards: two who are both on a ward are never merged, the drain pauses for the moment in
which a spell changes its patient, and where NEWS2 applies to one record and not to the other a person corrects them
first.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, BigInteger, bindparam, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from monitoring.acts import Act
from monitoring.events import NewEvent, emit
from monitoring.fields import Reason
from monitoring.flow.states import LIVE
from monitoring.flow.tables import Referral
from monitoring.patients.correcting import refuse_birth_after_admission, refuse_unwatched
from monitoring.patients.plan import reason_not_scored
from monitoring.patients.register import PatientView, find, patient
from monitoring.patients.tables import MERGE_LOCK, LatestVitals, Patient, PatientMerge
from monitoring.refusals import Conflict, NotFound, unacceptable
from monitoring.wards.tables import Episode, Ward

MOVES: Final[Mapping[str, str]] = {
    "episode": "id", "ward_stay": "id", "referral": "id", "alert": "id", "assignment": "id", "inpatient": "id",
    "set_aside": "key", "hospital_message": "id", "concern": "id", "ucr_referral": "id", "prevention": "id",
    "service_line": "id", "hotline_call": "id", "bars_message": "id", "device_trouble": "id", "prompt": "id",
    "suppressed": "id", "break_glass": "id",
}  # fmt: skip
"""Tables whose rows change their patient, each with its key. A test holds it against every foreign key to `patient`."""

_TWICE: Final = {
    "episode_open": "both are on a ward",
    "ward_stay_one_bed_at_a_time": "both were in a bed at the same time",
    "alert_one_open": "both have an open alert of the same kind: resolve one first",
    "referral_live": "both are referred to the same ward: withdraw one first",
    "inpatient_proposed": "both are proposed to the same ward: decline one first",
    "assignment_once_per_patient": "both have the same shared device: take it from one first",
}
"""What the database refuses of one person, and what that means for two."""


class MergeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Into which record, and why it is the same person."""

    into: UUID
    reason: Reason


class UnmergeBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Why they are two people after all."""

    reason: Reason


def merge(act: Act, patient_id: UUID, body: MergeBody) -> PatientView:
    """The record goes into another, which stays and is answered. Raises NotFound, Unacceptable, Conflict."""
    _pause_drains(act)
    gone, kept = find(act, patient_id), _into(act, body.into)
    if gone.public_id != patient_id:
        raise Conflict("It was merged already.", current={"state": "merged", "merged_into": gone.public_id})
    if gone.id == kept.id:
        raise unacceptable("into", "is the same record")
    wards = _lock(act, gone, kept)
    _refuse_two_people(act, gone, kept)
    moved = _move(act, gone, kept)
    brings_death = kept.died_at is None and gone.died_at is not None
    if brings_death:
        kept.died_at = gone.died_at
    gone.merged_into = kept.id
    act.session.add(
        PatientMerge(
            patient_id=gone.id, into_id=kept.id, at=act.now, by=act.who.id, reason=body.reason, moved=moved,
            brought_death=brings_death,
        )
    )  # fmt: skip
    _tell(act, wards, "patients_merged", gone, kept)
    return patient(act, kept.public_id)


def unmerge(act: Act, patient_id: UUID, body: UnmergeBody) -> PatientView:
    """They are two people again: the record has back what it brought. Raises NotFound, Conflict."""
    _pause_drains(act)
    kept, gone = find(act, patient_id), record(act, patient_id)
    if kept.id == gone.id:
        raise Conflict("It is merged into no other record.", current={"state": "not_merged"})
    wards = _lock(act, gone, kept)
    of_gone = select(PatientMerge).where(col(PatientMerge.patient_id) == gone.id, col(PatientMerge.undone_at).is_(None))
    done: PatientMerge = act.session.execute(of_gone).scalar_one()
    if done.into_id != kept.id:
        raise Conflict(
            "The record that it was merged into was merged itself: undo that first.",
            current={"state": "merged", "merged_into": kept.public_id},
        )
    _give_back(act, gone, kept, done)
    done.undone_at, done.undone_by, done.undone_reason = act.now, act.who.id, body.reason
    gone.merged_into = None
    _tell(act, wards, "patients_parted", gone, kept)
    return patient(act, patient_id)


def _pause_drains(act: Act) -> None:
    act.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MERGE_LOCK})


def _into(act: Act, patient_id: UUID) -> Patient:
    try:
        return find(act, patient_id)
    except NotFound as error:
        raise unacceptable("into", str(error)) from None


def record(act: Act, patient_id: UUID) -> Patient:
    """The very record of that id, merged or not. Whoever comes here has found the one that stays."""
    found: Patient = act.session.execute(select(Patient).where(col(Patient.public_id) == patient_id)).scalar_one()
    return found


def _lock(act: Act, gone: Patient, kept: Patient) -> list[str]:
    """In the order of everybody: the wards that are concerned, both records, what is known of who is on a ward.

    Returns the wards' codes.
    """
    both = [gone.id, kept.id]
    on = select(col(Episode.ward_id)).where(col(Episode.patient_id).in_(both), col(Episode.discharged_at).is_(None))
    asked = select(col(Referral.ward_id)).where(col(Referral.patient_id).in_(both), col(Referral.state).in_(LIVE))
    concerned = select(Ward).where(col(Ward.id).in_(on.union(asked))).order_by(col(Ward.code))
    wards = act.session.execute(concerned.with_for_update(key_share=True)).scalars().all()
    rows = select(Patient).where(col(Patient.id).in_(both)).order_by(col(Patient.id))
    act.session.execute(rows.with_for_update(key_share=True).execution_options(populate_existing=True)).all()
    known = (
        select(col(LatestVitals.episode_id))
        .join(Episode, col(Episode.id) == col(LatestVitals.episode_id))
        .where(col(Episode.patient_id).in_(both), col(Episode.discharged_at).is_(None))
        .order_by(col(LatestVitals.episode_id))
    )
    act.session.execute(known.with_for_update(of=LatestVitals)).all()
    return [ward.code for ward in wards]


def _refuse_two_people(act: Act, gone: Patient, kept: Patient) -> None:
    """Raise Conflict where what is recorded cannot be one person's, or somebody would be watched less."""
    if gone.merged_into is not None or kept.merged_into is not None:  # while we waited
        raise Conflict("One of the two was merged in this moment.", current={"state": "merged"})
    spells = _open_spells(act, gone, kept)
    if len(spells) > 1:
        raise Conflict("Both are on a ward: end one spell first.", current={"episodes": spells})
    if gone.nhs_number is not None and kept.nhs_number is None:
        raise Conflict(
            "Only this record has an NHS number: merge the other one into it.", current={"into": gone.public_id}
        )
    for dead, living in ((gone, kept), (kept, gone)):
        if dead.died_at is not None and any(one["patient"] == living.public_id for one in spells):
            raise Conflict("One of them died, and the other is on a ward.", current={"episodes": spells})
    reasons = {_not_scored(act, gone), _not_scored(act, kept)}
    if len(reasons) > 1:
        raise Conflict(
            "NEWS2 applies by one of the records only: correct birth date, pregnancy or spinal cord injury first.",
            current={"not_scored": sorted(str(one) for one in reasons if one is not None)},
        )
    refuse_birth_after_admission(act, gone, kept.birth_date)


def _not_scored(act: Act, one: Patient) -> str | None:
    return reason_not_scored(one.birth_date, one.pregnant, spinal_cord_injury=one.spinal_cord_injury, on=act.now.date())


def _open_spells(act: Act, *patients: Patient) -> list[dict[str, Any]]:
    query = (
        select(col(Patient.public_id), col(Episode.public_id), col(Ward.code))
        .join(Episode, col(Episode.patient_id) == col(Patient.id))
        .join(Ward, col(Ward.id) == col(Episode.ward_id))
        .where(col(Episode.discharged_at).is_(None), col(Patient.id).in_([one.id for one in patients]))
        .order_by(col(Episode.id))
    )
    return [{"patient": of, "episode": spell, "ward": ward} for of, spell, ward in act.session.execute(query)]


def _move(act: Act, gone: Patient, kept: Patient) -> dict[str, list[int]]:
    """Every row of one becomes the other's. Returns their keys by table."""
    asked = {"gone": gone.id, "kept": kept.id}
    moved: dict[str, list[int]] = {}
    with _refusing_twice(act, gone, kept):
        for table, key in MOVES.items():
            changed = f"UPDATE {table} SET patient_id = :kept WHERE patient_id = :gone RETURNING {key}"  # noqa: S608
            moved[table] = sorted(act.session.execute(text(changed), asked).scalars())
        earlier = text("UPDATE patient SET merged_into = :kept WHERE merged_into = :gone RETURNING id")
        moved["patient"] = sorted(act.session.execute(earlier, asked).scalars())
    act.session.expire_all()
    return moved


def _give_back(act: Act, gone: Patient, kept: Patient, done: PatientMerge) -> None:
    """What was moved, and what has come since to the spells that go back."""
    spells = done.moved["episode"]
    goes_on = _are_open(act, spells)
    if goes_on:
        refuse_unwatched(act, kept, _not_scored(act, gone))
    _change_death(act, gone, kept, done)
    act.session.flush()
    with _refusing_twice(act, gone, kept):
        for table, key in MOVES.items():
            _point(act, f"UPDATE {table} SET patient_id = :gone WHERE {key} = ANY(:keys) AND patient_id = :kept",  # noqa: S608
                   gone, kept, done.moved.get(table, []))  # fmt: skip
        for table in ("ward_stay", "alert"):
            _point(act, f"UPDATE {table} SET patient_id = :gone WHERE episode_id = ANY(:keys) AND patient_id = :kept",  # noqa: S608
                   gone, kept, spells)  # fmt: skip
        if goes_on:  # the kit that the patient on the ward has goes on measuring them
            act.session.execute(
                text(
                    "UPDATE assignment SET patient_id = :gone"
                    " WHERE patient_id = :kept AND (upper(during) IS NULL OR upper(during) > :now)"
                ),
                {"gone": gone.id, "kept": kept.id, "now": act.now},
            )
        _point(act, "UPDATE patient SET merged_into = :gone WHERE id = ANY(:keys) AND merged_into = :kept",
               gone, kept, done.moved["patient"])  # fmt: skip
    act.session.expire_all()


def _point(act: Act, statement: str, gone: Patient, kept: Patient, keys: Collection[int]) -> None:
    asked = text(statement).bindparams(bindparam("keys", type_=ARRAY(BigInteger)))
    act.session.execute(asked, {"gone": gone.id, "kept": kept.id, "keys": list(keys)})


def _are_open(act: Act, spells: Collection[int]) -> bool:
    query = select(func.count()).where(col(Episode.id).in_(spells), col(Episode.discharged_at).is_(None))
    found: int = act.session.execute(query).scalar_one()
    return found > 0


def _change_death(act: Act, gone: Patient, kept: Patient, done: PatientMerge) -> None:
    """Who died in a spell that goes back is who goes back."""
    died = select(func.count()).where(col(Episode.id).in_(done.moved["episode"]), col(Episode.outcome) == "died")
    if done.brought_death:
        kept.died_at = None
    elif kept.died_at is not None and act.session.execute(died).scalar_one():
        gone.died_at, kept.died_at = kept.died_at, None


@contextmanager
def _refusing_twice(act: Act, gone: Patient, kept: Patient) -> Iterator[None]:
    """Raise Conflict where the database refuses of one person what two have."""
    both = [gone.public_id, kept.public_id]
    try:
        with act.session.begin_nested():
            yield
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
        if name not in _TWICE:
            raise
        raise Conflict(f"The two cannot be one: {_TWICE[name]}.", current={"patients": both}) from None


def _tell(act: Act, wards: Collection[str], what: str, gone: Patient, kept: Patient) -> None:
    act.session.flush()
    said = {"what": what, "merged": gone.public_id, "into": kept.public_id}
    emit(act.session, [NewEvent("system", act.now, ward, kept.public_id, said) for ward in wards])
