"""Registering patients: who they are, and what somebody sent to their door needs to know."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import nhs_number as nhs
from sqlalchemy import ColumnElement, any_, false, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import col

from monitoring.acts import Act
from monitoring.clock import local_day
from monitoring.database import AnySelect
from monitoring.fields import Line, OdsCode, Reason, Text, Word
from monitoring.flow.states import LIVE
from monitoring.flow.tables import Referral
from monitoring.paging import Page, before, page
from monitoring.patients.tables import Patient, Sex
from monitoring.refusals import Conflict, Fault, NotFound, Unacceptable
from monitoring.wards.tables import Episode, Ward, WardStay

Known = bool | Literal["unknown"]
Texts = Annotated[list[Text], msgspec.Meta(max_length=50)]
BORN_SINCE = date(1890, 1, 1)
TEST_RANGE = "999"
_TEN_DIGITS = re.compile(r"[0-9]{10}")


class ContactBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody close to the patient."""

    name: Line
    phone: Text | None = None
    relationship: Text | None = None
    notes: Text | None = None


class PatientBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A patient as sent."""

    given_name: Line
    family_name: Line
    birth_date: date
    sex: Sex
    nhs_number: Word | None = None
    no_nhs_number_reason: Reason | None = None
    address: Text | None = None
    staying_at: Text | None = None
    postcode: Word | None = None
    postcode_district: Word | None = None
    phones: Annotated[list[Word], msgspec.Meta(max_length=10)] = []
    next_of_kin: Annotated[list[Text | ContactBody], msgspec.Meta(max_length=10)] = []
    carer: Text | ContactBody | None = None
    key_safe: Text | None = None
    access_notes: Text | None = None
    scene_safety: Text | None = None
    allergies: Text | Texts | None = None
    language: Text | None = None
    interpreter: bool | Text | None = None
    communication_needs: Text | Texts | None = None
    ethnicity: Word | None = None
    gp_practice: OdsCode | None = None
    pregnant: Known = "unknown"
    spinal_cord_injury: bool = False
    known_hypertension: Known = "unknown"


class PatientView(PatientBody, kw_only=True):
    """A patient as answered."""

    id: UUID
    nhs_number_is_test: bool
    ward: str | None  # where the patient is now
    episode: UUID | None
    died_at: datetime | None
    merged_into: UUID | None  # the record that this person has now: another one is shown there, under this id too
    created_at: datetime

    @property
    def subject_id(self) -> UUID:
        """Whom the audit records as shown."""
        return self.id


def register(act: Act, body: PatientBody) -> PatientView:
    """A new patient. Raises Unacceptable, and Conflict where the NHS number is known already."""
    patient = Patient(created_at=act.now, **fields_of(act, body))
    with refusing_known_number(act, patient.nhs_number):
        act.session.add(patient)
    return _view(patient, None, None, None)


def patient(act: Act, patient_id: UUID) -> PatientView:
    """One patient. Raises NotFound."""
    row = act.session.execute(_visible(act).where(col(Patient.public_id) == patient_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no patient {patient_id}.")
    return _view(*row)


def patients(act: Act, limit: int, cursor: str | None) -> Page[PatientView]:
    """Patients whom the caller may see, newest first."""
    query = _visible(act).where(col(Patient.id) < before(cursor)).order_by(col(Patient.id).desc())
    return page(act.session, query, limit, key=lambda row: row[0].id, show=lambda row: _view(*row))


def find(act: Act, patient_id: UUID) -> Patient:
    """A patient's row; of a merged record, the one that stays. Raises NotFound where there is none for this caller."""
    found = find_even_erased(act, patient_id)
    if found.erased_at is not None:
        raise NotFound(f"There is no patient {patient_id}.")
    return found


def find_even_erased(act: Act, patient_id: UUID) -> Patient:
    """The same, also where nothing but the audit of it is left."""
    query = select(Patient).where(col(Patient.id) == key_of(patient_id), seen_by(act))
    found: Patient | None = act.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no patient {patient_id}.")
    return found


def having(act: Act, number: str) -> Patient | None:
    """Who has that NHS number here, or had it before two records were merged. Raises Unacceptable where it is none."""
    query = select(Patient).where(col(Patient.nhs_number) == checked_number(number))
    found: Patient | None = act.session.execute(query).scalar_one_or_none()
    return found if found is None or found.merged_into is None else act.session.get_one(Patient, found.merged_into)


def is_somebody_else(found: Patient, family_name: str | None, birth_date: date | None) -> bool:
    """Whether neither the family name nor the birth date is the one that is known with that number."""
    is_another_name = family_name is not None and family_name.casefold() != found.family_name.casefold()
    return is_another_name and birth_date not in {None, found.birth_date}


def key_of(patient_id: UUID) -> Any:
    """The key of the record that a person has, by the id of any that was merged into it."""
    kept = func.coalesce(col(_Asked.merged_into), col(_Asked.id))
    return select(kept).where(col(_Asked.public_id) == patient_id).scalar_subquery()


def refuse_merged(act: Act, patient: Patient) -> None:
    """Raise Conflict, naming the record that stays, where this one was merged into it."""
    if patient.merged_into is not None:
        into = act.session.get_one(Patient, patient.merged_into).public_id
        raise Conflict("The record was merged into another.", current={"state": "merged", "merged_into": into})


_Asked, _Into = aliased(Patient), aliased(Patient)
_Stay, _Of = aliased(Episode), aliased(Ward)  # apart from the stay and the ward that a query shows


def seen_by(act: Act) -> ColumnElement[bool]:
    """A patient is seen by the wards they are, were or shall be on, and by everybody until they come to the first.

    One look at each patient's own stays: `EXISTS` would be planned as a scan of all stays there ever were.
    """
    if act.who.wards is None:
        return true()
    kept = func.coalesce(
        col(Patient.merged_into), col(Patient.id)
    )  # a merged record is theirs whose is the one it is in
    wards = func.array(select(col(_Of.id)).where(col(_Of.code).in_(act.who.wards)).scalar_subquery())
    ours = (
        select(func.bool_or(col(WardStay.ward_id) == any_(wards)))
        .join(_Stay, col(_Stay.id) == col(WardStay.episode_id))
        .where(col(_Stay.patient_id) == kept)
    )
    asked = select(func.bool_or(col(Referral.ward_id) == any_(wards))).where(
        col(Referral.patient_id) == kept, col(Referral.state).in_(LIVE)
    )
    return func.coalesce(ours.scalar_subquery(), true()) | func.coalesce(asked.scalar_subquery(), false())


def _visible(act: Act) -> AnySelect:
    return (
        select(Patient, Episode, Ward, col(_Into.public_id))
        .outerjoin(Episode, (col(Episode.patient_id) == col(Patient.id)) & col(Episode.discharged_at).is_(None))
        .outerjoin(Ward, col(Ward.id) == col(Episode.ward_id))
        .outerjoin(_Into, col(_Into.id) == col(Patient.merged_into))
        .where(seen_by(act), col(Patient.erased_at).is_(None))
    )


def _view(patient: Patient, episode: Episode | None, ward: Ward | None, merged_into: UUID | None) -> PatientView:
    fields = {name: getattr(patient, name) for name in PatientBody.__struct_fields__}
    fields |= {name: _from_text(fields[name]) for name in ("pregnant", "known_hypertension")}
    return PatientView(
        id=patient.public_id,
        nhs_number_is_test=patient.nhs_number_is_test,
        ward=None if ward is None else ward.code,
        episode=None if episode is None else episode.public_id,
        died_at=patient.died_at,
        merged_into=merged_into,
        created_at=patient.created_at,
        **fields,
    )


def fields_of(act: Act, body: PatientBody) -> dict[str, Any]:
    """What is stored of a patient as sent. Raises Unacceptable."""
    fields: dict[str, Any] = msgspec.structs.asdict(body)
    if not BORN_SINCE <= body.birth_date <= local_day(act.now):
        raise Unacceptable(Fault("birth_date", "is not a date on which a living patient was born"))
    number = _number_of(body)
    fields["nhs_number"] = number
    fields["nhs_number_is_test"] = number is not None and number.startswith(TEST_RANGE)
    for name in ("pregnant", "known_hypertension"):
        fields[name] = str(fields[name]).lower()
    for name in ("next_of_kin", "carer"):
        fields[name] = msgspec.to_builtins(fields[name])
    if body.postcode and not body.postcode_district:
        fields["postcode_district"] = body.postcode.replace(" ", "").upper()[:-3] or None
    return fields


def checked_number(number: str) -> str:
    """An NHS number as ten digits. All-same digits pass the check digit, and are nobody's. Raises Unacceptable.

    Only the check digit decides: some numbers in use are rejected by rules that hold for the Scottish range.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not _TEN_DIGITS.fullmatch(digits) or len(set(digits)) == 1:
        raise Unacceptable(Fault("nhs_number", "is not a valid NHS number: ten digits, not all the same"))
    if nhs.calculate_checksum(digits[:9]) != int(digits[9]):
        raise Unacceptable(Fault("nhs_number", "is not a valid NHS number: its check digit is wrong"))
    return digits


def _number_of(body: PatientBody) -> str | None:
    if body.nhs_number is None:
        if body.no_nhs_number_reason is None:
            raise Unacceptable(Fault("nhs_number", "required; or say why not in no_nhs_number_reason"))
        return None
    if body.no_nhs_number_reason is not None:
        raise Unacceptable(Fault("no_nhs_number_reason", "contradicts nhs_number: send one of the two"))
    return checked_number(body.nhs_number)


@contextmanager
def refusing_known_number(act: Act, number: str | None) -> Iterator[None]:
    """Raise Conflict where somebody has that number: the index judges, for two may register in the same moment."""
    try:
        with act.session.begin_nested():
            yield
    except IntegrityError:
        has_it = select(func.coalesce(col(_Asked.merged_into), col(_Asked.id))).where(col(_Asked.nhs_number) == number)
        known = select(col(Patient.public_id)).where(col(Patient.id) == has_it.scalar_subquery())
        current = {"patient": act.session.execute(known).scalar_one()}
        raise Conflict("A patient with this NHS number is registered.", current=current) from None


def _from_text(value: str) -> Known:
    return "unknown" if value == "unknown" else value == "true"
