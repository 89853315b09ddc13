"""Vectors and messages that others wrote: not ours to copy, read from where they lie, and skipped where they do not."""

import os
from pathlib import Path

BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "conformance"
CONFORMANCE = Path(os.environ.get("VIRTUAL_WARD_CONFORMANCE", BESIDE_THE_CHECKOUT))
