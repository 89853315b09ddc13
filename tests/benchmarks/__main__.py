"""`make bench`: how fast it is on this machine, each figure beside its target, in one run.

python -m tests.benchmarks [--only NAME] [--json FILE] [--quick]

Load is on this machine's loopback only, and everything is bounded in count and in time. What history costs is
measured apart: `python -m tests.benchmarks.history`.
"""

import sys
from typing import Final

from tests.benchmarks import (
    access,
    auditing,
    backtest,
    board,
    climbing,
    decoding,
    decoding_fhir,
    decoding_hl7v2,
    end_to_end,
    live,
    naive,
    paging,
    posting,
    rules,
    ruling,
    scoring,
    starting,
    watching,
)
from tests.benchmarks.measure import Measure
from tests.benchmarks.run import run

MEASURES: Final = (
    Measure("scoring", "array NEWS2", scoring.take, needs_wrk=False),
    Measure("decoding-hl7v2", "HL7 v2 readings, beside `hl7`", decoding_hl7v2.take, needs_wrk=False),
    Measure("decoding", "bytes as they are posted, to reading sets", decoding.take, needs_wrk=False),
    Measure("decoding_fhir", "FHIR Observations to sets of readings", decoding_fhir.take, needs_wrk=False),
    Measure("rules", "every kind of rule of a pathway", rules.take, needs_wrk=False),
    Measure("backtest", "months of recorded readings through the rules", backtest.take, needs_wrk=False),
    Measure("starting", "`up` until ready, and its memory", starting.take, needs_wrk=False),
    Measure("posting", "the way in, and the drain alone", posting.take),
    Measure("access", "who is calling and what they may, as a share of the way in", access.take),
    Measure("end_to_end", "from POST until stored, scored, alerted", end_to_end.take),
    Measure("ruling", "what the wards' rules cost the drain", ruling.take),
    Measure("naive", "a naive pipeline on the same servers", naive.take),
    Measure("climbing", "from an alert until somebody is told", climbing.take, needs_wrk=False),
    Measure("paging", "from a message's commit until its webhook is received", paging.take, needs_wrk=False),
    Measure("live", "from POST until seen on /v1/live", live.take),
    Measure("auditing", "what the audit costs whoever looks", auditing.take, needs_wrk=False),
    Measure("board", "a board of 100 patients: first byte, weight", board.take, needs_wrk=False),
    Measure("watching", "200 who watch one ward: POST to pixel, and the way in", watching.take),
)

if __name__ == "__main__":
    sys.exit(run(MEASURES, "python -m tests.benchmarks"))
