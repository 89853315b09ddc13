"""The page on UCR: the states, the clock rules and the reasons, from the code."""

from datetime import UTC, datetime, timedelta
from typing import Final

from alert_rules.sepsis import ASK_FROM
from monitoring.ucr.clock import (
    ANSWER_WITHIN,
    IN_SCOPE,
    STANDARD,
    TELL_AGAIN_EVERY,
    WARN_AT,
    Response,
    start,
)
from monitoring.ucr.placing import ADULT_YEARS, EMERGENCY_FIRST, SEPSIS_FIRST, UNDER_AGE
from monitoring.ucr.report import METHOD
from monitoring.ucr.sbar import SEPSIS
from monitoring.ucr.states import UNSEEN, diagram
from tests.spec.markdown import table

UCR_PAGE: Final = """\
# Urgent community response as this software runs it

Written by `python -m tests.spec.render` from `monitoring/ucr/`. What raises an alert: [policy](policy.md).

**No clinical safety officer has signed this page: the software is not for patient care until one has.**

Every figure marked * is the design's own. The standard, {share} seen within two hours, is NHS England's.

## A referral

```mermaid
{diagram}
```

A referral goes to the team that covers the patient's postcode district (or the ICB, where the team covers all of it or
nobody recorded the district), is at work, has the skills, accepts the NEWS2 and the need, and has a visit free. Of
several, the one skilled in the need comes first, then the one of the district itself, then the least loaded. Each team
that was considered stands in the referral's `placing`, with the reason.

* Unanswered for {answer:.0f} min* is declined. Declined, it goes to the next suitable team at once: the new referral
  has `previous`, and the patient's `received_at` and `breach_at` as they were. With no team left it is `unplaced`, and
  the ladder of the alert's ward goes on.
* To accept acknowledges the alert in the name of who accepted: the visit is owed by the breach. To be there, or to say
  that the patient was conveyed or died, is what was owed; the ward's clinicians are asked how it ended. Nothing that a
  team does resolves the alert. Where nobody let the team in, the ladder goes on at once.
* A patient's death calls every team off at once; a transfer makes the referral the new ward's.
* A discharge calls off whoever is not there yet, as "patient discharged: …", and the team is told in that moment, by
  the ward where it has no webhook*. An alert that the team had taken is open again; one that somebody else has stays
  theirs. A team that is with the patient makes its visit, and completes it as any other. What 111 or 999 asked for
  still holds after a discharge home*: it had nothing to do with the stay.
* What no team takes ends with the alert that asked for it, when a clinician resolves that or its cause ends. A visit
  that a team may still make outlives the alert; declined after all, it goes on telling the ward: it was promised.
* A critical alert: "{emergency_first}" It stays open until a person says what was done, whoever accepts.
* After {warnings} of the window* the ward is warned. At the breach its ladder goes on at once, whoever has
  accepted; the clock runs on, and the ward is told again every {again:.0f} min* until somebody is there.
* Under {adult} years a referral is refused: "{under_age}" A suspected emergency is refused too: 999.
* Before a visit it ends only as {unseen}. To call it off lets the ladder of an alert that
  has not ended go on.
* From NEWS2 {sepsis_from} on a clinician is [asked whether sepsis is suspected](sepsis.md). Where nobody answers, or it
  is suspected, the ward is told in the moment in which the team is, whenever a step, a person or a decline goes to one;
  where no clinician of the ward can be told then, the ladder's next step is due at once*. That message is not taken
  back when the team accepts.
* Where it is suspected: "{sepsis_first}" The alert stays open whoever accepts, and one that only a team had taken opens
  again. The team is told what a clinician says later, too, and the handover is written anew.
* What a ladder referred is not reviewed until a clinician says so. Who has cancer is referred as others are.

What the handover says of sepsis:

{sepsis}

## The clock

The first face-to-face contact stops it; a phone call never does. Only `{in_scope}` is in scope of the standard. The
rule that was used is kept with each referral, for the patient (`clock_rule`) and for the team's provider
(`provider_clock_rule`). Here a referral at 12:00 and at 22:00 on a Tuesday to a team that visits from 08:00 to 20:00:

{clocks}

## The report

{method}
"""
DAYTIME: Final = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("08:00", "20:00"))
TUESDAY: Final = datetime(2026, 3, 10, tzinfo=UTC)


def ucr() -> str:
    """The page on UCR."""
    return UCR_PAGE.format(
        share=f"{STANDARD:.0%}".replace("%", " %"),
        diagram=diagram(),
        answer=ANSWER_WITHIN.total_seconds() / 60,
        again=TELL_AGAIN_EVERY.total_seconds() / 60,
        warnings=" and ".join(f"{100 * part:.0f} %" for part in WARN_AT),
        emergency_first=EMERGENCY_FIRST,
        under_age=UNDER_AGE,
        adult=ADULT_YEARS,
        unseen=" or ".join(f"`{outcome}`" for outcome in sorted(UNSEEN)),
        sepsis_from=ASK_FROM,
        sepsis_first=SEPSIS_FIRST,
        sepsis=table(("Sepsis", "Words"), [(f"`{name}`", said) for name, said in SEPSIS.items()]),
        in_scope=IN_SCOPE,
        clocks=table(
            ("Response", "Received", "Rule", "To be seen by"),
            [_clock(response, hour) for response in Response for hour in (12, 22)],
        ),
        method=table(("Figure", "How it is counted"), METHOD.items()),
    )


def _clock(response: Response, hour: int) -> tuple[str, str, str, str]:
    clock = start(response, TUESDAY + timedelta(hours=hour), DAYTIME)
    return f"`{response}`", f"Tue {hour}:00", f"`{clock.rule}`", f"{clock.breach_at:%a %H:%M}"
