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

An amber's hour passes only while the ward is staffed: begun a minute before it closes, it ends 59 minutes after it
opens again. An amber is acted upon by the end of the shift, this one or the next; the fixed time holds where the ward
never closes or has no hours. Everything worse runs at any hour.

| severity | rule | fires at |
| --- | --- | --- |
{rules}

A rule fires on everything beyond its bound, so a patient who gets better never fires a new one. Where a graver rule
already says the same, the milder one is not told.

Vital signs that can have limits: {limited}.
A limit's own value alerts: at or below a low line, at or above a high one.

Where NEWS2 does not apply (under {age_years_min}, pregnant, spinal cord injury) the totals, the single parameters and the default
SpO2 limits do not either. The plan's own limits, consciousness, oxygen, glucose and the daily question do, and a plan
without these lines is refused: {needed}. Age counts on the day
of the set: who turns {age_years_min} is scored from then on. In comfort care nothing on this page alerts.

A reading of low quality counts as any other, but the patient is [asked to repeat it](#please-repeat-the-reading) first.

### SpO2 limits when the plan names none

Scale 1, by pathway, with the readings per day* that it asks for:

{pathways}

Scale 2, on every pathway*: amber {scale_2_amber} %, red {scale_2_red} % or less; on oxygen also amber {scale_2_amber_high} %, red
{scale_2_red_high} % or more.

Each line that a plan draws takes the place of the default one, and the others stay: whoever draws a stricter amber
keeps the red and its prompt. Lines rise from red low to amber low to amber high to red high, or the plan is refused.

### What pathways add

NEWS2 and the rules above hold on every pathway, and no file can take from them. Each pathway's file adds its own; every
figure has its source beside it there, and most are the design's own.

{added}

Lines that a pathway draws where the plan names none, for whom NEWS2 applies to: {drawn}.

* All conditions of a rule hold in one set, or it does not fire. A value counts as it is known, carried or not; what is
  looked at over time has to be measured in the set itself.
* Usual values are the plan's `baselines`; without one such a rule says nothing. NEWS2 counts as far as it is certain.
  `GET /v1/patients/{{id}}/baselines` proposes them: the median of the first {learnt_days} days, from {learnt_min} readings on*, with
  their number, their time and their spread. Nothing alerts by a proposal: a clinician puts it into the plan.
* A trend is the Theil-Sen line through all readings of its time, so that one wrong reading makes none; and the last
  reading itself has to be so far from the lowest or highest of them. A slope needs its whole time to be said.
* Looked back is in event time, on {earlier} earlier readings* and {within}* at the most. Of one instant, the set with the
  higher id is the later; two readings of one instant make no line. Who is measured by the minute has {earlier} minutes:
  what lasts for a time then lasts where all of them are beyond the bound.
* A set that comes late judges anew every later one that looks back on it. In whatever order sets come, each is worth the
  same in the end.
* A vital sign is missed where the plan expects it (`expects`), and nobody measured it for so long.
* Values are whole numbers from the door on: what is not a number, infinite or beyond what can be measured never comes
  here. One reading ever has no trend; nothing measured fires nothing but answers and what is missed.
* Hysteresis: an amber counts as better only beyond a margin inside its bound (`hysteresis` in the file*). Within the
  margin it is not told again when it fires once more: each time is noted in the alert's history, and counted as
  `withheld` in the report on alert burden. What is red, critical or scores 3 is told by its own bound, and NEWS2 too.
* Rules on the quality of readings tell of the kit: they raise `data_quality`, which ends with a good set.
* Limits that change in the middle of a stay hold for what is taken from then on; nothing is judged anew by them.

### Examples

Each differs from a well patient on scale 1 on the general pathway only as it says: 16 breaths, SpO2 97 % on air,
125 mmHg, pulse 72, alert, 36.8 °C.

{examples}

### What a nurse reads

{sentences}

## Scores that are not whole

What was not measured is never taken as normal: the score is a range, never shown alone, and rules act on what is
certain. An incomplete score of {complete_at} or more, or of {complete_from} or more that may be {complete_if_max}*, adds a task to the
alert: complete the set by phone within {complete_within}, at any hour. The task raises nothing by itself; newly asked
for, it is told as what is worse. It is done when a whole set comes.

{to_complete}

## Values that are carried forward

Within one stay a value counts for later sets too, until a newer one of its kind comes or it is too old. Exactly at its
limit it still counts; beyond it, it is unknown.

{carried}

* What is not in this table counts only in the set that measured it. But low glucose counts for {glucose_limit}* beside
  consciousness, whatever else a set measures.
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
* What is known of the patient stays with the alert: the newest points of each parameter and the rules that fire, as
  every set measures them again, better or worse. When somebody answers makes no difference to it.
* It is worse when a set that alerts brings a higher severity, a score higher by {worse_by} or more than when something was
  last told or than the lowest since, a parameter that newly scores 3, or a rule that newly fires, such as another
  limit. What was measured to be better and is bad again is new. What a set does not give stays as it was last known.
* An open alert shows what is worse at once, with a new version and an entry in its history; a graver finding steps it
  up and the time starts anew, anything else leaves the time as it is. An alert that somebody has answered opens again,
  told as `worsened`.
* A better score never closes an alert. A person resolves it, with an outcome:
  {outcomes}.
* Its severity falls in one case only: when an answered alert opens again after nothing fired any more, it is as bad as
  what opens it. Its history keeps how bad it was.
* A set is overtaken only where newer ones measured again all that made a rule fire; what still stands alerts whatever
  its age, and says how old it is. What is overtaken, was red or critical, and is not what the alert already stands for,
  is told as `late_deterioration`. A set's new score, by a late one beside it, raises only what is graver than it was.
* Of late and of unverified sets each is news that is as bad as the worst so far; a milder one is noted.
* What ends by itself is told as `expired`: overdue readings when they come; refused values when a sound set measured
  them later; a wrong clock when it is right again; silent or flat kit when it is heard or charged. Nothing else does, an unverified red set least of all: nobody knows
  whose it was or when. Support workers may answer and resolve technical alerts: {technical}.
* What was unverified and red ends by a person: who resolves the alert; who releases the set, which then alerts by itself
  where it has to; or who discards it and may answer alerts. What an engineer discards is noted in the alert, and the
  call is still owed. Where several were told of, the last decision ends it.
* A NEWS2 that came with readings is compared with the score of their set, whole or as a range. Where it cannot be the
  same, or is graver than what the set raised, it is told as gravely as the higher of the two; of a set that came an hour
  late or more, as amber. It is never taken for our own score.
* A refused set is kept aside. What else it measured is judged like any set that was kept aside: where it would be red,
  the ward is told to call. Each refused value is noted; the third refused set in a row is amber_plus*.
* What a hub of several patients sent for nobody in particular, and would be red or was refused, is told of every patient
  who has the hub.
* A ward without staffed hours is always staffed. Hours may run past midnight; `24:00` ends a day.

### Accepted values

A senior clinician may accept one vital sign of a patient down, or up, to a value for {accepted_days} days at most: a patient with
heart failure lives at a systolic pressure of 88. `POST /v1/patients/{{id}}/accepted-values`, with a reason.

{accepted}

* Within the value, itself included, what is red (or amber_plus) by that vital sign alone and by a bound shows amber: a
  single parameter, a red limit, a parameter that scores 3, a pathway's rule of one value. Everything else stays as it is:
  NEWS2 as a whole or in part, 5 and 6 too; what is critical by itself; combinations, usual values and trends; answers.
* Consciousness and oxygen have no value to accept. A low glucose is treated, never accepted*. Refused is what is critical
  by itself, and what covers nothing since nothing is red there.
* One at a time for each patient*: what two together would mean is nobody's guess. Withdrawn, with a reason, by whoever
  decides plans; over by itself at its end. All are kept; `GET …/accepted-values` lists them.
* Beyond it everything alarms as before, and it is news (`‹vital›_beyond_accepted_‹side›`), also in an alert that is red
  for something else.
* It holds for sets taken from its decision until it ends, whenever they come; nothing is judged anew by it. An open alert
  stays as bad as it is, and the same value is no news by it. Once it is over, the next set alarms as before.
* It goes with the patient to another ward, and ends with the stay. A set kept aside is judged without it.
* An alert says who accepted what until when, in its reasons and in `why`; so do the plan and `rules explain`.

### What was resolved lately

A resolved amber that is there again at the next set, no worse, is no news to who has just resolved it. Pathways may name a
time in which it raises nothing (`refractory` in the file*): {refractory}. The others name none, and have none.

* Begun by a clinician who resolves an alert that was never worse than amber, with one of the outcomes
  {answered}. Never after a false reading, or where nobody was reached.
* Let pass is a set, taken in that time, that is amber and no more, of which every rule fired when the alert was resolved,
  and no value that they look at is worse than the last one known then. Of a score, and a parameter that scores 3: no
  parameter scores more than it did. An amber by an accepted value counts as any other.
* Never let pass: what is worse than amber, and so NEWS2 of 5 or more; another rule or vital sign; an answer to the daily
  question; a vital sign that is missed; a set that a person has to complete by phone; anything while a concern is open.
* It ends with a concern, a new plan, another ward, and whatever is resolved next. Once it is over, the next set that finds
  the amber raises it.
* Each rule of each such set is recorded with the alert that was resolved and the values of then and now; the report on
  the burden of alerts counts them (`suppressed`, of which `refractory`). The alert's history says until when.

### Please repeat the reading

Most ambers at home are a cold finger or a hurried cuff. So a patient can be asked to measure again before the ward is
told: by their device (`GET /v1/prompts`) and, where the ward says so, by SMS, which says nothing of them. Pathways that
repeat first*: {repeat_first}.

| asked instead of | where | no repeat within* |
| --- | --- | --- |
| an amber | the pathway repeats first | {amber_within}: the amber is raised, as of its set |
| an amber of low quality | everywhere | {amber_within}: it is raised as it stands |
| amber_plus, red or critical of low quality | everywhere | {worse_within}: it is raised as it stands |

* Only a new alert is waited for: with an alert of deterioration open, in whatever state, nothing is. Of good quality,
  amber_plus, red, critical and NEWS2 of 5 or more never wait; concerns never do, nor a set that a person has to complete
  by phone.
* Asked again is what a device measured in that very set. An answer, consciousness and oxygen are no readings: what rests
  on them alerts at once. So does what staff measured, what came an hour late, and what comes from a patient in hospital.
* A good set that measures all of it again and raises nothing ends the asking, and nothing is raised. One that is still
  amber, or worse, is raised at once, and the alert's history says that it was repeated. What a set does not measure again
  stays asked for until the time is over, and is raised then.
* Another set of low quality is no repeat. What it finds is asked about with the rest, never for longer.
* Once nobody repeated in time, readings that are overdue after it are so at amber_plus.
* It ends with the stay. Nobody is discharged, but by death, while a repeat of what may be red is waited for.
* Each rule that raised nothing is recorded with the ward, the sets and the values of both; the report on the burden of
  alerts counts them (`suppressed`).
* Devices also show that readings are due, from {reminded_after} after their time; the question of the day, from
  {asked_from} until it is answered; and whom to call. SMS go from {sms_from} to {sms_until}*, once for each asking.

## Kept aside

Nothing that came is dropped. What nobody can score as it is waits for a person, with what it came as and the reason:

{kept_aside}

* Who it is about is told where it would be red. A released set is scored as of its time, by the rules for late sets; it
  counts as having come when it was released. What was in doubt has to be said: whose it is, or when it was taken.
* A weight that differs by {weight_jump} kg or more from the last known one of the stay, up to {weight_known} apart*, is
  kept aside with all of its set. What staff weighed or released is believed, and the next is held against it.
* A device that tells its users apart is assigned with the patient's number. A set of another number is kept aside; a set
  without one is taken for the patient's.

### Clocks

* A clock may be off by {tolerance}. It is measured where a document shows the device's time and ours at once, which counts
  for {measured_for}*; otherwise by the newest set of each of the last {samples} requests, against when that came: the median
  of them, and steady once {steady} agree within {agrees}*.
* A clock that is off is told to the ward as an amber `device` alert, which ends once it is right.
* Times are put right, and the device's own kept beside, only where a document showed how far the clock is off, or live
  readings are steadily ahead of when they came, or years behind it; and only where the newest set of the same request
  agrees within {agrees}*. Steadily behind by less may be late sending as well: it is told, and the times stay.
* A device that says it is before {never_set} has a clock that was never set*: time not known.

## Schedules and silence

Times are those of the clock in London, in summer and in winter.

{schedules}

Any other number is spread evenly from 08:00 to 20:00*. A set answers a coming slot only from {grace}* before it; an
earlier one is an extra one, and the slot stays due. Readings are overdue {grace}* after they were due, or after
{welfare} of silence where that is sooner; a day that ends about the slot, as of who sends once a day, ends with the
slot's {grace}. The first set of a stay is due {first_set} after the admission was entered*. A new plan leaves a set owed
that was due already. With no readings expected none is overdue.

{overdue}

Worrying: the last set that says how the patient is was amber_plus or worse, or an alert of any kind that is red or
worse is open. A weight or the patient's own "alert" says too little. Red is a welfare check: two calls, the next of kin,
a visit. The alert ends when what was due comes: what the plan expects of the patient's kit or, where it names nothing,
one of respiratory rate, SpO2, blood pressure, pulse and temperature. A declined set is none.

## Kit at home

What is wrong with a device is told as `device`: amber, in the ward's staffed hours only, once. Its call is a gentle one:
ask how things are, have it charged, swap the kit, visit.

{kit}

* Only of a patient on a ward who is at home and to send readings: not on leave of any kind, nor on comfort monitoring.
  A device counts as heard when it came to them, at the admission and at each return; what it said of its battery in
  another home is not theirs.
* {silent} is the longest that somebody who sends once a day, and is in time, can take from one set to the next. So who is
  late is overdue before their device is silent.
* Overdue readings and a silent device are one call. While `overdue` is open no silence is told anew; that alert shows the
  kit, when it was heard and how full it was. A silence told before stays, with whoever has it.
* A sensor behind a hub is heard where the hub names it by its EUI, and the battery of such a set is the sensor's. A device
  that was never heard by itself is not silent while other kit of the patient is heard: it speaks through that. Where
  nothing of the kit was ever heard, it was never switched on, and is told.
* A set that is refused, kept aside or sent again is heard all the same.
* Of a silent device its battery is no second trouble: the alert says how full it was. Of a device that several share one
  patient's ward is told.
* It ends by itself: when the device is heard, charged ({charged} % or more*), given back, lost or swapped, or when the
  patient leaves, is discharged or goes on leave. Of two troubles the alert goes on with the one that is left.
* Resolved by a person while it lasts, a silence is told again after {told_again}* more; a low battery is not.

## Who is told, and who next

A ladder begins with its alert and is climbed until a named person answers. Each step says who is told and how long they
have; a ward may decide its own ladders, which must end at `fallback`, somebody who is always there.

{ladders}

* A step that nobody can take, because nobody is on duty or can be told, is passed over at once and noted. What is not
  delivered goes by the person's next way, then to the next step at once.
* The last step comes again until a named person answers: after {repeat_critical} at critical and {repeat_red} at red* at
  the latest. A test message from {tested_from}* each day proves that it is there.
* Alerts of one ward that wait to be told there at the same moment are told in one message*, which says how many and which.
  Each keeps a step, a history and a next step of its own; who answers one leaves the others waiting. What is critical is
  always told by itself.
* Acknowledging stops the ladder. What is not acted on in its time is open again, and the ladder goes on where it stood.
  A step up in severity, worsening after an answer, a transfer and the end of a snooze begin it anew.
* An alert shows the treatment escalation plan in force. Where it says `no` to hospital, red and critical climb the ladder
  `no_hospital`; `discuss` is no `no`. A plan that changes while an alert climbs changes its ladder from the next step on,
  and when that is due stays as it was: the new ladder begins at its first step that the old one did not tell. 999 stays
  named whatever the plan says.
* Who acted is asked how it ended after {asked}, then every day.
* An amber can be snoozed: for {snooze}* at most, and not beyond the next set that is due or the end of the shift.
* Acute oncology is never sent to UCR: {oncology}.

A concern is red, `urgent` or words of danger* make it critical: {danger}.

## Who is on duty

Times are those of the clock in London: a shift begins when the clock on the wall first shows its start and ends when it
first shows its end, so a night is an hour shorter in March and an hour longer in October.

* A rota belongs to a ward and a role, and names only who works there in that role. Who stands in no rota of a ward is on
  duty in its staffed hours: always, where none are set. Whom an override only takes off stands in no rota by that.
* On a bank holiday of England the entries for bank holidays stand in place of the weekday's, where the rota has any. Of
  one that falls on a weekend and has a substitute day, only the substitute counts, as it is published.
* Overrides win over the week; where two differ, the later one in the list.
* Quiet hours never apply on duty, nor to what is worse than an amber: in them nobody off duty is asked for an amber's
  outcome. A contact that fails at present is tried last.
* Gaps of the next {gaps_days} days are listed: when nobody is on duty whom the ward's ladders tell (in staffed hours only,
  where they are told in these only), and who is on duty and has no contact that works. `virtual-ward check` warns where
  nobody at all could be reached.

The handover of a shift: the answered, unresolved alerts of who goes off duty within {hands_over}*, or has gone, are listed
with who comes on. An alert is offered by name, by who holds it or, once they have gone, by a colleague. The receiver has
to take it; until then the giver holds it, and nothing that is owed moves. Once the alert has ended or opened again, it
is no longer to be taken. Not taken by the end of the giver's shift, or
within {taken}* where they have gone already, the alert is open again and its ladder begins anew with who is there now.

## What is refused at the door

Only what cannot be a measurement*. Anything else is kept and scored, and flagged where it is improbable: values near
death look improbable. Zero is a failed measurement unless staff sent it{zero}.

{possible}

## Recovery, discharge to assess, prevention

Services that bring care to the home, by clocks of their own. The national return does not count them.

{clocks}

* Met at the limit itself; not met when it is done later, and also when nothing was done and the limit has passed. Hours
  are hours that pass: the days on which the clocks change make no difference. A leave does not stop them*.
* Recovery runs from the referral that the service received. A patient who came without one has what a coordinator
  recorded; until then the clock has not started, and the report counts them apart. The first service that begins is
  the first care, where nobody said so before.
* Apart, never dropped: referrals that were declined, redirected or withdrawn within the limit, and patients who left
  within it. After the limit they are not met.
* Care is {services}, asked for with hours a week in quarters of an hour*. It is awaited until it begins; on
  recovery so is the first care, from the referral on. The daily count is of 08:00*. A ward can give so many hours a
  week; more is shown as over capacity and refused to nobody.
* All care ends with the spell. Therapy that was begun is given again for {re_access} days after it, counted in London,
  without a new referral and without a bed.
* Outcomes: {recovery_outcomes}.
  A discharge to acute care is readmitted, a death is died; the others are recorded once the patient has left.
* An instant that was recorded wrongly is corrected with a reason; the record of the spell keeps both.
* Admission prevention is a caseload: social or practical support by a charity, before a stay or after one. Whoever is on
  it has no bed, no plan and no score by it, owes no readings, and raises no alert. A coordinator opens and closes it;
  death closes it.

"""
