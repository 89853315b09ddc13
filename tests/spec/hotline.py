"""The page on the cancer hotline: its triage, from the code and the table of calls."""

from typing import Final

from alert_rules.ukons import (
    AMBERS_FOR_RED,
    COLD_BELOW_TENTHS,
    FEVER_TENTHS,
    LEAST,
    RANK,
    SACT_WITHIN,
    VERSION,
    Result,
    Symptom,
)
from monitoring.calls.report import METHOD
from tests.spec.markdown import table
from tests.spec.ukons import CALLED, Called

HOTLINE_PAGE: Final = """\
# The cancer hotline's triage as this software runs it

Written by `python -m tests.spec.render` from `alert_rules/ukons.py` and the calls in `tests/spec/ukons.py`, which the
tests run. How a call is sent: [referrals from outside](../referrals-from-outside.md).

**No clinical safety officer has signed this page: the software is not for patient care until one has.**

The colours follow the 24-hour triage tool of the UK Oncology Nursing Society (UKONS): whoever takes the call asks for
each symptom by the printed tool and answers green, amber or red; the tool's own criteria are not repeated here. Rules
`{version}`. What is marked * is the design's own.

* One red, or {ambers} ambers, is red; one amber is amber.
* A temperature of {fever} °C or more, or under {cold} °C, is an amber fever at least*; unwell is amber at least*.
* **Systemic anti-cancer therapy within {weeks} weeks** (also where nobody knows its day*) **and** such a temperature,
  fever, or unwell (said so, or any red answer*): critical. The acute oncology 24-hour line or 999, and nothing less
  whatever the reason; never UCR alone. The ward of a patient who is on one is told, as critical.
* Such therapy, and nobody measured the temperature: amber at least*.
* Who takes the call names the result. One that is less than the least needs a reason, and is counted.

Results, the greatest first: {results}. The ward and UCR are alike*. The least, by colour*: {least}.

Symptoms: {symptoms}.

## Calls

{calls}

## The report

{report}
"""


def hotline() -> str:
    """The page on the cancer hotline."""
    ranked = sorted(Result, key=lambda one: -RANK[one])
    return HOTLINE_PAGE.format(
        version=VERSION,
        ambers=AMBERS_FOR_RED,
        fever=FEVER_TENTHS / 10,
        cold=f"{COLD_BELOW_TENTHS / 10:.1f}",
        weeks=SACT_WITHIN.days // 7,
        results=", ".join(f"`{one}`" for one in ranked),
        least=", ".join(f"{colour} `{result}`" for colour, result in LEAST.items()),
        symptoms=", ".join(f"`{one}`" for one in Symptom),
        calls=table(
            ("Amber or red", "°C", "Unwell", "Weeks since therapy", "Colour", "At least", "Critical"),
            [_row(one) for one in CALLED],
        ),
        report=table(("Figure", "How it is counted"), METHOD.items()),
    )


def _row(one: Called) -> list[str]:
    said = ", ".join(f"{symptom.replace('_', ' ')} {colour}" for symptom, colour in one.answers.items()) or "-"
    return [
        said, one.temperature, "yes" if one.unwell else "-", one.weeks, one.colour, f"`{one.result}`",
        "yes" if one.critical else "-",
    ]  # fmt: skip
