"""Bluetooth GATT: the frames that a hub heard from its sensors, `POST /v1/gatt`.

numbers.py: SFLOAT and FLOAT. frames.py: what each characteristic's bytes say. clocks.py: when it was. body.py: a
request's frames, brought to reading sets.
"""
