"""Every table of the schema: under which policy its rows are kept, whose they are, and what goes of them.

One table, in the order in which a record is deleted: what points to others before those. A test holds it against the
schema, another one each condition against the indexes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from monitoring.privacy.policies import (
    ANSWERS,
    ATTEMPTS,
    AUDIT,
    EVENTS,
    HEARTBEATS,
    HOUSE,
    LINKS,
    MESSAGES,
    RECORD,
    SAFETY,
    Policy,
)

NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Kept:
    """How the rows of one table are kept.

    `whose`: which of them are of a record, by the keys in `records.Keys`. Those go with it; or stay, where `blank` or
    the policy says so, with these columns put to these values. `at`, `alone`: since when others are kept, and which.
    """

    policy: Policy
    whose: str = ""
    blank: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    at: str = ""
    alone: str = ""
    told: str = "rows"  # how subject access shows it: as which resource, or `not: ` and why not
    others: frozenset[str] = frozenset()  # columns about somebody else, which it leaves out

    @property
    def stays(self) -> bool:
        """Whether the rows of a record stay when it goes."""
        return self.policy is SAFETY


_PATIENTS: Final = "patient_id = ANY(%(patients)s)"
_EPISODES: Final = "episode_id = ANY(%(episodes)s)"
_ALERTS: Final = "alert_id = ANY(%(alerts)s)"
_REFERRALS: Final = "referral_id = ANY(%(referrals)s)"

_IS_RAW: Final = "not: the message as it came may be about others; what was taken from it is told"
_IS_MERGED: Final = "not: it names another record, that may be somebody else's; what was merged is told as Patients"
_IS_KNOWN: Final = "not: an id and a hash of what is told as Observations"

TABLES: Final[Mapping[str, Kept]] = {
    "fallback_test": Kept(MESSAGES, at="at", alone="at < %(before)s"),
    "ledger": Kept(
        RECORD, "(source, id) IN (SELECT * FROM unnest(%(sources)s::bigint[], %(ids)s::text[]))", told=_IS_KNOWN
    ),
    "fhir_observation": Kept(RECORD, "set = ANY(%(sets)s)", told=_IS_KNOWN),
    # A document about several goes with the last of them.
    "original": Kept(
        RECORD,
        "id = ANY(%(originals)s) AND NOT EXISTS (SELECT FROM patient WHERE patient.id = ANY(original.patients)"
        " AND erased_at IS NULL AND patient.id <> ALL(%(patients)s))",
        told=_IS_RAW,
    ),
    "rescored": Kept(RECORD, _EPISODES, told="Observation"),
    "reading": Kept(RECORD, _EPISODES, told="Observation"),
    "latest_vitals": Kept(RECORD, _EPISODES, told="not: what the newest Observations say"),
    "plan": Kept(RECORD, _EPISODES, at="recorded_at"),
    "soft_signs": Kept(RECORD, _EPISODES, at="recorded_at"),
    "spell_entry": Kept(RECORD, _EPISODES, at="recorded_at"),
    "leave": Kept(RECORD, _EPISODES, at="from_at"),
    "delay": Kept(RECORD, _EPISODES, at="from_at"),
    "letter": Kept(RECORD, _EPISODES, at="due_at"),
    "recovery": Kept(RECORD, _EPISODES),
    "service_line": Kept(RECORD, _EPISODES, at="requested_at"),
    "prevention": Kept(RECORD, _PATIENTS, at="opened_at"),
    "set_aside_history": Kept(
        RECORD,
        "set_aside_key = ANY(%(asides)s)",
        at="at",
        alone="set_aside_key IN (SELECT key FROM set_aside WHERE patient_id IS NULL AND kept_at < %(before)s)",
    ),
    "set_aside": Kept(
        RECORD,
        _PATIENTS,
        at="kept_at",
        alone="patient_id IS NULL AND kept_at < %(before)s",
        others=frozenset({"content", "document", "detail", "released"}),  # nobody is sure whose they are
    ),
    "case_reply": Kept(
        RECORD,
        "case_id IN (SELECT id FROM case_sent WHERE \"case\" = ANY(%(spells)s))",
        at="recorded_at",
        alone="case_id IN (SELECT sent.id FROM outside_contact JOIN case_sent AS sent ON sent.\"case\" ="
        " outside_contact.public_id WHERE outside_contact.at < %(before)s)",
    ),
    "case_sent": Kept(
        RECORD,
        "\"case\" = ANY(%(spells)s)",
        alone="\"case\" IN (SELECT public_id FROM outside_contact WHERE at < %(before)s)",
    ),
    "outside_contact": Kept(RECORD, "nhs_number = ANY(%(numbers)s)", at="at", alone="at < %(before)s"),
    "concern": Kept(RECORD, _PATIENTS, at="received_at", told="Communication"),
    "hotline_call": Kept(
        RECORD,
        _PATIENTS,
        at="recorded_at",
        alone="patient_id IS NULL AND recorded_at < %(before)s",
        others=frozenset({"caller_name", "callback", "emergency"}),
    ),
    "ucr_history": Kept(RECORD, "referral_id = ANY(%(visits)s)", at="recorded_at"),
    "ucr_referral": Kept(RECORD, _PATIENTS, at="received_at", others=frozenset({"handover", "placing"})),
    "bars_message": Kept(RECORD, _PATIENTS, at="received_at", told=_IS_RAW),
    "hospital_message": Kept(
        RECORD,
        _PATIENTS,
        at="received_at",
        alone="patient_id IS NULL AND received_at < %(before)s",
        told=_IS_RAW,
    ),
    "inpatient": Kept(RECORD, _PATIENTS, at="proposed_at"),
    "bed_hold": Kept(RECORD, _REFERRALS, at="from_at"),
    "referral_history": Kept(RECORD, _REFERRALS, at="recorded_at"),
    # Before the referral that it came from.
    "episode": Kept(
        SAFETY,
        _PATIENTS,
        {"referral_id": "NULL", "extension_reason": "NULL", "decided_by": "NULL"},
        at="admitted_at",
        told="Encounter",
    ),
    "referral": Kept(RECORD, _PATIENTS, at="received_at"),
    "device_trouble": Kept(RECORD, _PATIENTS, at="told_at"),
    "assignment": Kept(RECORD, _PATIENTS),
    "patient_merge": Kept(
        RECORD, "patient_id = ANY(%(patients)s) OR into_id = ANY(%(patients)s)", at="at", told=_IS_MERGED
    ),
    "message": Kept(
        MESSAGES,
        "ladder_step_id IN (SELECT id FROM ladder_step WHERE alert_id = ANY(%(alerts)s))",
        at="created_at",
        alone="created_at < %(before)s",
        told="not: a reference and a link for staff; whom it was for is told with the alert's ladder",
    ),
    "ward_stay": Kept(SAFETY, _EPISODES, at="from_at"),
    "alert": Kept(
        SAFETY,
        _PATIENTS,
        {
            "reasons": "(SELECT coalesce(jsonb_agg(one || '{\"text\": \"\"}'), '[]')"
            " FROM jsonb_array_elements(reasons) AS one)",
            "why": "why - '{text,callback}'::text[]",
        },
        at="raised_at",
        told="Flag",
    ),
    # What somebody typed follows a colon.
    "alert_history": Kept(
        SAFETY, _ALERTS, {"what": "split_part(what, ':', 1)", "note": "NULL"}, at="at", told="Provenance"
    ),
    "escalation": Kept(SAFETY, _ALERTS, told="not: the ward's ladder; what was done of it is told"),
    "ladder_step": Kept(SAFETY, _ALERTS, {"reason": "split_part(reason, ':', 1)"}, at="at"),
    "emergency_call": Kept(
        SAFETY,
        _ALERTS,
        {
            "decided_by": "''", "called_by": "NULL", "incident_number": "NULL", "with_patient": "NULL",
            "destination": "NULL", "note": "NULL",
        },
        at="recorded_at",
        others=frozenset({"with_patient"}),
    ),
    "sepsis_answer": Kept(SAFETY, _ALERTS, {"note": "NULL"}, at="at"),
    "handover": Kept(SAFETY, _ALERTS, {"note": "NULL"}, at="offered_at"),
    "accepted_value": Kept(SAFETY, _EPISODES, {"reason": "''", "withdrawn_reason": "NULL"}, at="from_at"),
    "prompt": Kept(SAFETY, _PATIENTS, at="asked_at"),
    "suppressed": Kept(SAFETY, _PATIENTS, at="at"),
    "break_glass": Kept(SAFETY, _PATIENTS, {"reason": "''"}, at="at"),
    # Last: an empty row that the others still name. The audit finds its events by the id.
    "patient": Kept(
        SAFETY,
        "id = ANY(%(patients)s)",
        {
            "nhs_number": "NULL", "no_nhs_number_reason": "'erased'", "nhs_number_is_test": "false",
            "given_name": "''", "family_name": "''", "birth_date": "date_trunc('year', birth_date)::date",
            "address": "NULL", "staying_at": "NULL", "postcode": "NULL", "postcode_district": "NULL", "phones": "'{}'",
            "next_of_kin": "'[]'", "carer": "NULL", "key_safe": "NULL", "access_notes": "NULL", "scene_safety": "NULL",
            "allergies": "NULL", "language": "NULL", "interpreter": "NULL", "communication_needs": "NULL",
            "ethnicity": "NULL", "gp_practice": "NULL", "pregnant": "'unknown'", "spinal_cord_injury": "false",
            "known_hypertension": "'unknown'", "died_at": "NULL", "erased_at": "%(now)s",
            "erased_because": "%(because)s",
        },
        at="created_at",
        others=frozenset({"next_of_kin", "carer", "scene_safety"}),
    ),
    # Of nobody's record: the audit, what goes by age alone, and what says nothing of a patient.
    "audit_event": Kept(AUDIT, told="AuditEvent"),
    "audit_subjects": Kept(AUDIT, told="AuditEvent"),
    "audit_seal": Kept(AUDIT),
    "event": Kept(EVENTS, at="at", alone="at < %(before)s"),
    "alert_trace": Kept(EVENTS, _ALERTS, at="at", alone="at < %(before)s", told="not: numbers that engineers follow"),
    "system_alert": Kept(MESSAGES, at="at", alone="at < %(before)s"),
    "answered": Kept(ANSWERS, at="at", alone="at < %(before)s"),
    "heartbeat": Kept(HEARTBEATS, at="at", alone="at < %(before)s"),
    "oidc_attempt": Kept(ATTEMPTS, at="expires_at", alone="expires_at < %(before)s"),
    "sign_in_link": Kept(LINKS, at="expires_at", alone="expires_at < %(before)s"),
    **dict.fromkeys(
        (
            "bars_replies", "care_capacity", "cases_sent", "code", "contact", "deprivation", "device", "device_clock",
            "device_seen", "ethnic_group", "icb_population", "kit_move", "loading", "oidc_identity", "oidc_sign_in",
            "population_group", "postcode_lsoa", "practice", "pseudonym_key", "rota", "rule_decision", "rule_proposal",
            "sitrep", "staff", "token", "ucr_team", "ward", "ward_capacity", "ward_ladders", "ward_routes",
        ),
        Kept(HOUSE),
    ),
}  # fmt: skip

RECORDS: Final[Mapping[str, Kept]] = {name: kept for name, kept in TABLES.items() if kept.whose}
"""What is of somebody's record."""
