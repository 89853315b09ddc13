"""The page on the sepsis question and on soft signs, from the code."""

from typing import Final

from alert_rules.sepsis import (
    ASK_FROM,
    CRITERIA,
    QUESTION,
    TELL_AT,
    UCR_ALONE,
    WINDOWS,
    WINDOWS_SOURCE,
)
from alert_rules.soft_signs import COUNTS_FOR_US, HOUR_US, SEVERAL, SOFT_SIGNS
from tests.spec.markdown import table

SEPSIS_PAGE: Final = """\
# Could this be sepsis? And soft signs

Written by `python -m tests.spec.render` from `alert_rules/sepsis.py` and `alert_rules/soft_signs.py`. What raises
an alert: [policy](policy.md); UCR: [urgent community response](ucr.md).

**No clinical safety officer has signed this page: the software is not for patient care until one has.**

Every figure marked * is the design's own; *[memory]* marks what was not seen in its source and has to be checked
against it before anybody relies on it.

## The question

"{question}" is asked of a clinician on an alert of deterioration at NEWS2 {ask_from} or more, or where one
parameter scores 3. It is a question, never a diagnosis: no rule answers it.

* **Clock.** It runs from the instant at which the score was calculated (`time_zero`) to the instant by which
  something has to be done where sepsis is suspected (`act_by`).

{windows}

  Source: {windows_source}, as SIGN quotes it; that NICE NG253 (from November 2025, before it NG51) says the same is
  *[memory]*. A worse score while the question stands can only shorten the clock.
* **Who answers.** `POST /v1/alerts/{{id}}/sepsis`: any clinician may suspect sepsis, or say that they cannot tell;
  only a registered one says that it is not suspected*. Who cannot tell has not answered it. The answer names its
  tool: NEWS2, which NICE has for hospitals, mental health and ambulances, or the table for the community below; a
  virtual ward stands between the two. Every answer is kept; the last one counts. A clinician may answer unasked, on
  a concern too*.
* **Unanswered.** After {tell_at} of the clock* the ward's clinicians on duty are told, whoever has the alert; who
  has it keeps it. To acknowledge an alert does not answer the question.
* **Asked once** for each alert; again, with a clock of its own, when the patient gets worse after an answer other
  than "suspected": NEWS2 higher by 2, or a parameter that newly scores 3, from the lowest since.
* **Suspected.** "{ucr_alone}" Nothing is called or sent by itself.
* **UCR is never told alone** while the question is unanswered, or where sepsis is suspected: see [UCR](ucr.md).
* Never asked in comfort care, nor where NEWS2 does not apply (under 16, pregnancy, spinal cord injury): for these
  NICE has guidance of its own (NG254, NG255 *[memory]*).

## The table for the community

NICE NG51 1.11.2 (from November 2025 NG253), 16 years and over, outside acute hospitals: the structure as published,
the values *[memory]*. Any one of high risk: refer for emergency care, usually 999, and tell the hospital before
(NG253 1.7.1–2).

{criteria}

## Soft signs

What those around a patient notice before any number changes, after RESTORE2 (a trademark; the wording is
*[memory]*). Staff tell them with a contact (`POST /v1/episodes/{{id}}/contacts`), anybody with a concern (`POST
/v1/concerns`), and the patient's device in answer to the question of the day (`POST /v1/prompts/{{id}}/answer`);
each takes `soft_signs`.

{signs}

* {several}, whichever they are*. With a concern they are told in its own alert, which is red at least.
* An empty list is an answer too: what it does not name has gone, and comes back as news. An answer told late never
  undoes what was told since.
* A sign stands beside the sets of the next {counts_h} h*, so that a pathway's rules can combine it (`kind =
  "soft_signs"`, with `sign` or `at_least`) with what is measured then. A rule of signs alone is refused: they alert
  in the moment they are told.
* In comfort care, and after the stay, they are kept and alert nobody; concerns climb as ever.
"""


def sepsis() -> str:
    """The page."""
    return SEPSIS_PAGE.format(
        question=QUESTION,
        ask_from=ASK_FROM,
        windows=table(
            ("NEWS2", "Something done within"),
            [
                (f"{one.news2} or more" if one.news2 else "less, with a single 3", f"{one.within.seconds // 3600} h")
                for one in WINDOWS
            ],
        ),
        windows_source=WINDOWS_SOURCE,
        tell_at=" and ".join(f"{100 * part:.0f} %" for part in TELL_AT),
        ucr_alone=UCR_ALONE,
        criteria=table(
            ("Criterion", "Seen", "Risk"), [(f"`{name}`", one.says, one.risk) for name, one in CRITERIA.items()]
        ),
        signs=table(
            ("Sign", "Asked", "As a nurse reads it", "Alone*"),
            [(f"`{name}`", one.asks, one.says, one.severity.label) for name, one in SOFT_SIGNS.items()],
        ),
        several=", ".join(
            f"{least} at once are {severity.label.replace('_', ' ')}" for least, severity in reversed(SEVERAL.items())
        ).capitalize(),
        counts_h=COUNTS_FOR_US // HOUR_US,
    )
