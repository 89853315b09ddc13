"""What somebody is here for. What each role may do: `permissions.py`."""

from enum import StrEnum


class Role(StrEnum):
    """A role; its wards are named beside it."""

    CLINICIAN = "clinician"
    SUPPORT = "support"
    COORDINATOR = "coordinator"
    UCR = "ucr"
    ENGINEER = "engineer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    INTERFACE = "interface"  # a hospital's system, in whose name its messages are worked off; it has no token
