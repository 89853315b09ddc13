"""Believable patients at home, and what their hubs would post: for the demo, the tests and the benchmarks.

`cohort` makes patients, `Patient.begins` gives one a scripted deterioration, `sendings` tells what their
hubs post and when, with all that goes wrong at home, and `bulk` makes sets without the delays, for load.
Everything follows from a seed and the instants passed in; nothing sleeps, asks the time or does I/O.

The physiology is the design's own: made to exercise software, never evidence about patients or alarm rates.
"""

from devices.simulator.bulk import Post, bulk
from devices.simulator.patients import PROFILES, Patient, cohort
from devices.simulator.scripts import SCRIPTS, Script
from devices.simulator.story import Sending, sendings
from devices.simulator.wire import SentSet

__all__ = [
    "PROFILES",
    "SCRIPTS",
    "Patient",
    "Post",
    "Script",
    "Sending",
    "SentSet",
    "bulk",
    "cohort",
    "sendings",
]
