"""The drain: from the stream to scores and alerts, a batch and one transaction at a time.

loop.py        takes batches off the stream, acknowledges what was committed, isolates what cannot be processed
batch.py       one batch in its transaction, from top to bottom
ledger.py      absorbs what was sent before
kits.py        whose each device was, and is
stays.py       whose each set is: patient, stay, plan; locks what is known of them
neighbours.py  the stored sets that a late one may change
scoring.py     composes, scores and judges all sets at once
seen.py        writes when each device was heard, its battery, its clock
storing.py     writes readings, scores and latest vitals in bulk
aside.py       writes what is kept aside
alerting.py    turns findings into alerts
reported.py    holds scores that came with the readings against ours
hearing.py     notes what came and what is due next
unverified.py  tells the ward of what was not scored
poison.py      keeps what cannot be read or processed
"""
