"""Whether a message can be for us at all, by its header: the same for every kind."""

from devices.formats.hl7v2.ack import ERROR, REJECTED, Answer
from devices.formats.hl7v2.message import CONTROL_ID_MAX, Header


def without_id(header: Header) -> Answer | None:
    """AE where nobody could refer to it."""
    if header.control_id and len(header.control_id) <= CONTROL_ID_MAX:
        return None
    return Answer(ERROR, f"MSH-10: 1 to {CONTROL_ID_MAX} characters are required", "MSH-10", 101)


def not_for_us(header: Header) -> Answer | None:
    """AR where it is an exercise, or of another version."""
    if header.text(11) != "P":
        return Answer(REJECTED, "MSH-11: only production messages (P) are for real patients", "MSH-11", 202)
    if not header.text(12).startswith("2."):
        return Answer(REJECTED, "MSH-12: only version 2 is read", "MSH-12", 203)
    return None
