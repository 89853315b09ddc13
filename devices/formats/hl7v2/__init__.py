"""HL7 v2: bytes in, facts out, or a refusal that names the place as hospitals write it (`PID-3.1`). Pure.

`message.py` takes a message apart, `moments.py` reads its times, `adt.py` what it says of a patient, `ack.py`
answers. Of the libraries that take messages apart none is kept well enough: `hl7` (last release in March 2022) logs
the text of a field whose escapes are wrong, which is patient data, and `hl7apy` (2024) knows the grammar and stumbles
over what hospitals really send. What is needed of either is a split by five characters.
"""
