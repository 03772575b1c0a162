"""The one exception that the runtime shows to a user: a plain message, without any frame of ours.

It may hold only text, for it ends in an executed notebook. Read ``step.py`` next for where it is raised.
"""

from __future__ import annotations


class StepError(Exception):
    """What is wrong, and what to do about it.

    IPython asks ``_render_traceback_`` for the lines to show, where it shows more than the message, so the
    executed notebook does not show how the runtime came to it.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message + (" " + fix if fix else ""))
        self.message = message
        self.fix = fix

    def __reduce__(self) -> tuple[type[StepError], tuple[str, str]]:
        return type(self), (self.message, self.fix)

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]
