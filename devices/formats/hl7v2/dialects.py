"""What OBX says in words that no code system has: senders' own names, marks for no value, flags. Data, with sources."""

from typing import Final, Literal

from devices.reading import Quality

SYSTEMS: Final = {
    "MDC": "mdc",
    "LN": "loinc", "LOINC": "loinc",
    "SCT": "snomed", "SNOMED-CT": "snomed", "SNOMED": "snomed",
    "UCUM": "ucum",
    "": "local", "L": "local", "99COMEN": "comen",
}  # fmt: skip
"""HL7 table 0396, by our names of the code systems."""

DELIVERY, SCORING_SYSTEM, LOCAL_TOTAL, CONCERN = "oxygen_delivery", "scoring_system", "local_total", "concern"

LOCAL: Final = {
    # SEND, the e-observations of NHS wards (polaris-connector-api).
    ("local", "HR"): "pulse", ("local", "RR"): "respiratory_rate", ("local", "SPO2"): "spo2",
    ("local", "SBP"): "systolic", ("local", "DBP"): "diastolic", ("local", "TEMP"): "temperature",
    ("local", "ACVPU"): "consciousness", ("local", "O2Rate"): "oxygen_flow", ("local", "O2Delivery"): DELIVERY,
    ("local", "ScoringSystem"): SCORING_SYSTEM, ("local", "TotalScore"): LOCAL_TOTAL, ("local", "NC"): CONCERN,
    **{("local", f"{one}Score"): "news2_part" for one in ("HR", "RR", "SBP", "SPO2", "O2", "TEMP", "ACVPU")},
    **{
        ("local", one): "not_kept"
        for one in (
            "SpO2Scale", "Severity", "TimeNextObsSetDue", "MinutesLate", "BPPOS", "GCS", "GCS-Eyes", "GCS-Verbal",
            "GCS-Motor",
        )
    },
    ("comen", "2453"): "not_kept",  # COMEN_POS_BODY, the position of the body
}  # fmt: skip
"""By system and code: the concept, as `devices.codes` has it, or one of those above."""

MISNUMBERED: Final = {("150031", "MDC_PRESS_CUFF_SYS"): "systolic"}
"""By MDC code and name: a monitor sends 150031 for 150301; its name says so, and no home measures an aorta."""

NO_VALUE: Final = frozenset({-1, -99.9, -100, -999, -1000, 8388606, 8388607, -8388606, -8388607, -8388608})
"""Numbers with which monitors say that they measured nothing; the last five are IEEE 11073's specials, leaked."""

REFUSED: Final = "patient_refused"  # SEND

ON_OXYGEN: Final = {"RA": False} | dict.fromkeys(("V24", "V28", "V31", "V35", "V40", "V60"), True)
"""SEND's O2Delivery, as far as its codes explain themselves: room air, Venturi masks by their percentage."""

NO_CONCERN: Final = frozenset({"0", "N", "NO", "NONE", "NIL", "FALSE"})

Standing = Literal["given", "corrected", "withdrawn", "none"]
STANDING: Final[dict[str, Standing]] = {
    "": "given", "F": "given", "P": "given", "R": "given", "S": "given", "U": "given", "V": "given", "B": "given",
    "C": "corrected", "A": "corrected",
    "D": "withdrawn", "W": "withdrawn",
    "X": "none", "N": "none", "I": "none", "O": "none",
}  # fmt: skip
"""OBX-11, HL7 table 0085. Preliminary results are what a monitor has: nobody will ever sign them."""

NOT_MEASURED: Final = frozenset({"INV", "NAV", "NI", "NA", "NAN", "PINF", "NINF", "UNK", "MSK", "NAVU", "NASK"})
FLAGGED: Final[dict[str, Quality]] = {"QUES": "low", "EARLY": "low", "CAL": "test", "TEST": "test", "DEMO": "test"}
"""OBX-8 by the IHE device profiles: the measurement status of IEEE 11073. High, low and alarms are the sender's own."""
