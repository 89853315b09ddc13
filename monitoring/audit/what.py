"""What is audited: everything that is not here, so that a new route can't be forgotten."""

from typing import Any, Final, LiteralString

NOT_AUDITED: Final = {
    "everybody": "nobody is known yet, and nothing of anybody is shown",
    "post readings": "the ledger is written once and names source and set: more would be paid by each reading",
    "post hospital messages": "readings, as above; what changes a patient is written in its own transaction",
    "send receipts": "a provider's receipt names a message of the outbox",
    "read fhir metadata": "says what we can do",
    "read metrics": "counts",
    "use pages": "where to go, and that somebody is still there",
    "read wards": "wards, their beds and hours; codes and tables that are loaded",
    "read ladders": "who is told, of a ward",
    "read duty": "who works when",
    "read contacts": "how staff are told",
    "count kit": "counts",
    "read reports": "counts, without small ones",
    "read equity": "counts, without small ones",
}
"""By permission, why what asks for it leaves no event. A test holds the views that these routes answer against it."""

_EPISODE: Final = "SELECT patient_id FROM episode WHERE public_id = ANY(%(ids)s)"

OF_OBJECT: Final[dict[str, LiteralString]] = {
    name: f"SELECT public_id FROM patient WHERE id IN ({keys})"  # noqa: S608 - the constants below
    for name, keys in {
        "episode": _EPISODE,
        "case": _EPISODE,
        "alert": "SELECT patient_id FROM alert WHERE public_id = ANY(%(ids)s)",
        "referral": "SELECT patient_id FROM referral WHERE public_id = ANY(%(ids)s)"
        " UNION ALL SELECT patient_id FROM ucr_referral WHERE public_id = ANY(%(ids)s)",
        "request_id": "SELECT patient_id FROM ucr_referral WHERE public_id = ANY(%(ids)s)",
        "inpatient": "SELECT patient_id FROM inpatient WHERE public_id = ANY(%(ids)s)",
        "prevention": "SELECT patient_id FROM prevention WHERE public_id = ANY(%(ids)s)",
        "call": "SELECT patient_id FROM hotline_call WHERE public_id = ANY(%(ids)s)",
        "message": "SELECT patient_id FROM hospital_message WHERE public_id = ANY(%(ids)s)",
        "access": "SELECT patient_id FROM break_glass WHERE public_id = ANY(%(ids)s)",
        "original": "SELECT unnest(patients) FROM original WHERE id = ANY(%(ids)s)",
        "aside": "SELECT patient_id FROM set_aside WHERE public_id = ANY(%(ids)s)",
        "device": "SELECT assignment.patient_id FROM assignment JOIN device ON device.id = assignment.device_id"
        " WHERE device.public_id = ANY(%(ids)s) AND during @> %(at)s::timestamptz",
        "sent": "SELECT episode.patient_id FROM cases_sent JOIN case_sent ON case_sent.list_id = cases_sent.id"
        ' JOIN episode ON episode.public_id = case_sent."case" WHERE cases_sent.public_id = ANY(%(ids)s)',
    }.items()
}
"""By what a path or an answer names, whose it is: asked where no patient is named, as in a refusal."""


def is_audited(opt: dict[str, Any]) -> bool:
    """Whether a route with these options leaves events."""
    return opt.get("allows") not in NOT_AUDITED
