# ruff: noqa: E501 (figures are longer by name than in print)
"""The words of the page on what the software decides by default; `policy.py` fills in what the code says."""

from typing import Final

PAGE: Final = """\
# What this software decides by default

Written by `python -m tests.spec.render` from the rules in `alert_rules/`, the pathways in `alert_rules/pathways/` and
the examples in `tests/spec/`, which the tests run. How the score is made: [NEWS2](news2.md).

**No clinical safety officer has signed this page: the software is not for patient care until one has.**

Sources: Royal College of Physicians, *NEWS2*, 2017, for the score and its thresholds; NHS England C1396 for SpO2 on the
acute respiratory and oximetry@home pathways. Every figure marked * is the design's own.

## Severity

The worst rule that fires is the severity of a set, and of the alert that it raises.

{severities}

An amber's hour runs in staffed hours, and it is acted upon by about the end of a shift; everything worse runs at any
hour.

| severity | rule | fires at |
| --- | --- | --- |
{rules}

A rule fires on everything beyond its bound, so a patient who gets better never fires a new one. Where a graver rule
already says the same, the milder one is not told.

Vital signs that can have limits: {limited}.
A limit's own value alerts: at or below a low line, at or above a high one.

Where NEWS2 does not apply (under {age_years_min}, pregnant, spinal cord injury) the totals, the single parameters and the default
SpO2 limits do not either. The plan's own limits, consciousness, oxygen, glucose and the daily question do. In comfort
care nothing on this page alerts.

A reading of low quality counts as any other.

### SpO2 limits when the plan names none

Scale 1, by pathway, with the readings per day* that it asks for:

{pathways}

Scale 2, on every pathway*: amber {scale_2_amber} %, red {scale_2_red} % or less; on oxygen also amber {scale_2_amber_high} %, red
{scale_2_red_high} % or more.

A plan's own low lines take the place of the default low ones, its high lines that of the default high ones. Lines rise
from red low to amber low to amber high to red high, or the plan is refused.

### Examples

Each differs from a well patient on scale 1 on the general pathway only as it says: 16 breaths, SpO2 97 % on air,
125 mmHg, pulse 72, alert, 36.8 °C.

{examples}

### What a nurse reads

{sentences}

## Scores that are not whole

What was not measured is never taken as normal: the score is a range, never shown alone, and rules act on what is
certain. An incomplete score of {complete_at} or more, or of {complete_from} or more that may be {complete_if_max}*, adds a task to the
alert: complete the set by phone within 15 min. The task raises nothing by itself.

{to_complete}

## Values that are carried forward

Within one stay a value counts for later sets too, until a newer one of its kind comes or it is too old. Exactly at its
limit it still counts; beyond it, it is unknown.

{carried}

* What is not in this table counts only in the set that measured it.
* A patient's own "alert" does not lift a confusion, or worse, that somebody saw within {own_word}*, nor one that the
  patient reported. It takes somebody else who sees them alert. Once the finding itself is too old to be carried,
  consciousness is unknown.
* Where oxygen is prescribed at home and the set is silent, the patient is taken to be on it: marked assumed, and the
  score is not complete. An earlier "air" does not change that; oxygen that was measured is not assumed.
* A set that comes late is made of what was taken before it, and what was scored after it is scored anew.

## The life of an alert

One open alert per patient and kind.

{kinds}

```mermaid
{diagram}
```

* Acknowledged: somebody took responsibility. Actioned: something was done. Neither is resolved. After an action the
  alert asks for its outcome {ask_again} later*.
* A better score never closes an alert, and its severity never falls. A person resolves it, with an outcome:
  {outcomes}.
* While an alert is open, a graver finding steps it up and the time starts anew.
* Once somebody has answered it, it opens again, told as `worsened`, when a set that alerts is worse than what they
  took on: a higher severity, a score higher by {worse_by} or more, a parameter that newly scores 3, or a rule that
  newly fires, such as another limit. After a complete set with a better score, the score counts from there.
* Technical alerts expire when their cause ends. No other does.
* A ward without staffed hours is always staffed. Hours may run past midnight; `24:00` ends a day.

## Schedules and silence

Times are those of the clock in London, in summer and in winter.

{schedules}

Any other number is spread evenly from 08:00 to 20:00*. A set belongs to its nearest slot, the earlier of two that are
as near, and the slot after that one is due next. Readings are overdue {grace}* after they were due. The first set of a
stay is due {first_set} after admission*. With no readings expected none is overdue.

{overdue}

Worrying: the last set, or an open alert of deterioration, was amber_plus or worse. Red is a welfare check: two calls,
the next of kin, a visit. The alert ends when what was due comes.

## What is refused at the door

Only what cannot be a measurement*. Anything else is kept and scored, and flagged where it is improbable: values near
death look improbable. Zero is a failed measurement unless staff sent it{zero}.

{possible}

## What is not decided yet

Trends, baselines, changes of weight, combinations, repeat readings, snoozing, times without repeats, ladders and the
answers to concerns are not on this page, because the software does not do them yet.
"""
