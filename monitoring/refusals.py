"""What a use case refuses, and why. What each refusal means to HTTP is said in `problems.py`."""

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One field that cannot be accepted, and why."""

    field: str
    reason: str


class Unacceptable(Exception):
    """Well-formed, but it cannot be accepted."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(
            "; ".join(f"{fault.field}: {fault.reason}" if fault.field else fault.reason for fault in faults)
        )
        self.faults = list(faults)


def unacceptable(field: str, reason: str) -> Unacceptable:
    """An Unacceptable of one field."""
    return Unacceptable(Fault(field, reason))


class NotAuthenticated(Exception):
    """No token, or one that is not valid."""


class TooFast(Exception):
    """Too many requests."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class SignInAgain(Exception):
    """It takes a recent sign-in. Sign in again, and do it then."""

    def __init__(self, within_s: int) -> None:
        super().__init__(f"This takes a sign-in that is not older than {within_s // 60} minutes: sign in again.")
        self.within_s = within_s


class Forbidden(Exception):
    """Not with this role, or not on this ward."""


class NotFound(Exception):
    """Not there, or not yours to see."""


class TooLarge(Exception):
    """The body is too large."""


class NotAcceptable(Exception):
    """It can't be answered in a form that you accept."""


class WrongMediaType(Exception):
    """The body is not of the media type that is taken here."""


class Conflict(Exception):
    """What is now forbids it."""

    def __init__(self, detail: str, current: object) -> None:
        super().__init__(detail)
        self.current = current


class Unavailable(Exception):
    """It cannot be taken now. Send it again a little later."""
