"""HL7 v2: bytes in, facts out, or a refusal that names the place as hospitals write it (`PID-3.1`). Pure.

`message.py` takes a message apart, `moments.py` reads its times, `adt.py` what it says of a patient, `batch.py` knows
batches, `ack.py` answers. Readings: `observations.py` from top to bottom, `results.py` what is found on the way,
`rows.py` one OBX, `obx.py` its codes, units and numbers, `containment.py` parents and clocks, `sets.py` what is one
set, `dialects.py` the tables.

Of the libraries that take messages apart none is kept well enough: `hl7` (last release in March 2022) logs the text of
a field whose escapes are wrong, which is patient data, and `hl7apy` (2024) knows the grammar and stumbles over what
hospitals really send. What is needed of either is a split by five characters.
"""
