"""The version of the rules by their content, kept with everything that they decide."""

import hashlib
from importlib.resources import files
from typing import Final

DECIDING: Final = (
    "vitals", "news2", "news2_arrays", "compose", "limits", "severity", "alarms", "silence", "staffed", "concern",
    "kit",
    "kinds", "windows", "engine", "rule_files", "rule_faults", "hysteresis", "repeating", "facts",
    "accepted", "refractory",
    "sepsis", "soft_signs",
)  # fmt: skip
"""The modules whose text decides what alerts."""


def _digest() -> str:
    package = files("alert_rules")
    text = b"".join((package / f"{name}.py").read_bytes() for name in DECIDING)
    return hashlib.sha256(text).hexdigest()[:12]


RULES_VERSION: Final = _digest()
