"""What is refused, and with which status of HTTP."""

from __future__ import annotations

from nbflow.errors import InvalidPipeline, NbflowError, UsageError


class NotThere(UsageError):
    """What a request names is not there, or is not served."""


def status_of(error: NbflowError) -> int:
    """A mistake of who asks is theirs to correct; what is wrong on a disk is in the way of what they want."""
    if isinstance(error, NotThere):
        return 404
    return 400 if isinstance(error, UsageError) else 409


def told(error: NbflowError) -> dict[str, str]:
    """An error as it is answered. Where the check is against it, its first error is the fix: it says what and where."""
    return {"message": error.message, "fix": _first(error) or error.fix}


def _first(error: NbflowError) -> str:
    found = error.findings if isinstance(error, InvalidPipeline) else ()
    first = next((each for each in found if each.severity == "error"), None)
    if first is None:
        return ""
    where = first.notebook if first.cell is None else f"{first.notebook}, cell {first.cell}"
    return f"{where}: {first.message} {first.fix}".rstrip()
