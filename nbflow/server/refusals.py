"""What is refused, and with which status of HTTP."""

from __future__ import annotations

from nbflow.errors import NbflowError, UsageError


class NotThere(UsageError):
    """What a request names is not there, or is not served."""


def status_of(error: NbflowError) -> int:
    """A mistake of who asks is theirs to correct; what is wrong on a disk is in the way of what they want."""
    if isinstance(error, NotThere):
        return 404
    return 400 if isinstance(error, UsageError) else 409
