"""A stay on the virtual ward for other systems: the document that NHS England drafted, as a FHIR Bundle.

Source: NHS England, virtual wards draft standards, supplementary remote-monitoring data (April 2023): a collection of
one Patient, one Encounter at home, the Organization, one DocumentReference with a PDF, and the Observations.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from monitoring.acts import Act
from monitoring.chart.drawing import draw
from monitoring.chart.paper import Limit, Paper
from monitoring.chart.pixels import pixels
from monitoring.chart.reading import Span, paper_of
from monitoring.clock import WARD_TIME, local_day
from monitoring.flow.spells import Spell, find_spell
from monitoring.patients.chart import sets
from monitoring.patients.tables import Patient
from monitoring.patients.views import ReadingView, ScoreView, reading_view, score_view
from monitoring.sharing.coding import NHS_NUMBER, ODS, SNOMED, Resource
from monitoring.sharing.observations import at, observations
from monitoring.sharing.summary import Section, Summary, pdf_of

SETS_MAX: Final = 500
"""The newest sets of a stay that go into its record; more is said."""
ROWS_MAX: Final = 40
"""Of these, in the table of the PDF."""

AT_HOME: Final = {"system": SNOMED, "code": "270420001", "display": "Seen in own home"}
HOME_HEALTH: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HH", "display": "home health",
}  # fmt: skip
_SUMMARIES: Final = UUID("5b0c1a52-7d4e-4f0a-9f0b-1f6d0c2b7a11")  # a summary has no key of its own: it is derived


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a stay, read and not yet written: writing takes longer than a transaction may wait."""

    resources: list[Resource]
    document: Resource  # still without its PDF
    summary: Summary  # still without its chart
    chart: Paper
    now: datetime


def read(act: Act, episode_id: UUID) -> Record:
    """What is known now of one stay. Raises NotFound."""
    spell = find_spell(act, episode_id)
    rows = sets(
        act.session, spell.patient.id, spell.episode.admitted_at, spell.episode.discharged_at or act.now, SETS_MAX + 1
    )
    shown = [(reading_view(row, spell.patient.public_id), score_view(row)) for row in rows[:SETS_MAX]]
    picture = paper_of(act, spell.patient, spell.episode, spell.ward, Span.STAY)
    encounter = {"encounter": {"reference": f"Encounter/{spell.episode.public_id}"}}
    made = [one | encounter for reading, score in shown for one in observations(reading, score)]
    return Record(
        resources=[patient(spell.patient), organization(spell), encounter_of(spell), *made],
        document=_document(spell, act.now),
        summary=_summary(spell, shown, picture, act.now, is_cut=len(rows) > SETS_MAX),
        chart=picture,
        now=act.now,
    )


def bundle(record: Record) -> Resource:
    """The Bundle of one stay."""
    pdf = pdf_of(replace(record.summary, chart_png=pixels(draw(record.chart))))
    attachment = {
        "contentType": "application/pdf",
        "title": record.summary.title,
        "creation": at(record.now),
        "data": b64encode(pdf).decode(),
    }
    document = record.document | {"content": [{"attachment": attachment}]}
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": at(record.now),
        "entry": [
            {"fullUrl": f"{one['resourceType']}/{one['id']}", "resource": one} for one in [*record.resources, document]
        ],
    }


def patient(who: Patient) -> Resource:
    """Whom it is about."""
    made: Resource = {
        "resourceType": "Patient",
        "id": str(who.public_id),
        "name": [{"use": "official", "family": who.family_name, "given": [who.given_name]}],
        "gender": who.sex,
        "birthDate": who.birth_date.isoformat(),
    }
    if who.nhs_number is not None:
        made["identifier"] = [{"system": NHS_NUMBER, "value": who.nhs_number}]
    if where := who.staying_at or who.address:
        made["address"] = [{"text": where} | ({"postalCode": who.postcode} if who.postcode else {})]
    if who.phones:
        made["telecom"] = [{"system": "phone", "value": one} for one in who.phones]
    return made


def organization(spell: Spell) -> Resource:
    """Who provides it."""
    return {
        "resourceType": "Organization",
        "id": spell.ward.provider,
        "identifier": [{"system": ODS, "value": spell.ward.provider}],
        "name": f"{spell.ward.name} ({spell.ward.code})",
    }


def encounter_of(spell: Spell) -> Resource:
    """The stay, at home."""
    ended = spell.episode.discharged_at
    period = {"start": at(spell.episode.admitted_at)} | ({} if ended is None else {"end": at(ended)})
    return {
        "resourceType": "Encounter",
        "id": str(spell.episode.public_id),
        "status": "in-progress" if ended is None else "finished",
        "class": HOME_HEALTH,
        "type": [{"coding": [AT_HOME]}],
        "subject": {"reference": f"Patient/{spell.patient.public_id}"},
        "period": period,
        "serviceProvider": {"reference": f"Organization/{spell.ward.provider}"},
    }


def _document(spell: Spell, now: datetime) -> Resource:
    return {
        "resourceType": "DocumentReference",
        "id": str(uuid5(_SUMMARIES, str(spell.episode.public_id))),
        "status": "current",
        "docStatus": "preliminary" if spell.episode.discharged_at is None else "final",
        "type": {"text": "Virtual ward summary"},
        "subject": {"reference": f"Patient/{spell.patient.public_id}"},
        "date": at(now),
        "custodian": {"reference": f"Organization/{spell.ward.provider}"},
        "context": {"encounter": [{"reference": f"Encounter/{spell.episode.public_id}"}]},
    }


def _summary(
    spell: Spell, shown: Sequence[tuple[ReadingView, ScoreView]], picture: Paper, now: datetime, *, is_cut: bool
) -> Summary:
    episode = spell.episode
    ended = (
        "still on the ward" if episode.discharged_at is None else f"{_day(episode.discharged_at)}: {episode.outcome}"
    )
    only = f" The newest {SETS_MAX} sets of readings; the stay has more." if is_cut else ""
    stay = [
        ("Patient", picture.who),
        ("About", picture.about),
        ("Address", spell.patient.staying_at or spell.patient.address or "not recorded"),
        ("Admitted", f"{_day(episode.admitted_at)}, step {episode.step}"),
        ("Discharged", ended),
    ]
    limits = [("Vital sign", "Line", "Value", "From", "Until")]
    limits += [_limit(one) for one in picture.limits]
    marks = [(_when(one.at), one.text) for one in reversed(picture.marks)][:ROWS_MAX]
    newest = f"Key observations, the newest {min(len(shown), ROWS_MAX)}"
    return Summary(
        title=f"Virtual ward summary: {picture.who}",
        written=f"Written {_when(now)}, from what was known then. Times are Europe/London.{only}",
        sections=[
            Section("The stay", stay, (1, 5), is_headed=False),
            Section("Thresholds", limits, (2, 2, 1, 2, 2)),
            Section(newest, _table(shown[:ROWS_MAX]), (28, 8, 9, 8, 8, 8, 10, 12, 10, 10, 20, 12)),
            Section("Alerts and contacts, newest first", marks, (1, 5), is_headed=False),
        ],
    )


def _limit(one: Limit) -> tuple[str, str, str, str, str]:
    value = f"{one.value / 10:.1f}" if one.vital.endswith("_tenths") else str(one.value)
    vital = one.vital.removesuffix("_tenths").replace("_", " ")
    return vital, one.line.replace("_", " "), value, _when(one.since), _when(one.until)


COLUMNS: Final = (
    ("RR", "respiratory_rate"), ("SpO2", "spo2"), ("O2", "oxygen_flow"), ("Sys", "systolic"), ("Dia", "diastolic"),
    ("Pulse", "pulse"), ("ACVPU", "consciousness"), ("Temp", "temperature"), ("kg", "weight"), ("Feels", "wellness"),
)  # fmt: skip


def _table(shown: Sequence[tuple[ReadingView, ScoreView]]) -> list[list[str]]:
    return [
        ["Taken", *(head for head, _ in COLUMNS), "NEWS2"],
        *(
            [_when(one.taken_at), *(_cell(getattr(one, field)) for _, field in COLUMNS), _total(of)]
            for one, of in shown
        ),
    ]


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _total(score: ScoreView) -> str:
    return "" if score.score is None else str(score.score) if score.complete else f"≥{score.score}"


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(WARD_TIME):%d %b %Y %H:%M}"


def _day(moment: datetime) -> str:
    return f"{local_day(moment):%-d %B %Y}"
