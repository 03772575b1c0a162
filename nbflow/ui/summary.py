"""What is printed when a run has ended, and of steps that failed when they were last tried.

The words are ``api.words``'; here they meet the terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from nbflow.api import words
from nbflow.api.ending import ending
from nbflow.core.events import Event
from nbflow.core.model import Finding
from nbflow.core.timing import NO_HISTORY, History
from nbflow.core.view import RunView
from nbflow.journal import Failure
from nbflow.ui import terminal


def summary(
    seen: RunView,
    folder: Path,
    events: Sequence[Event],
    notebooks: Iterable[str],
    command: str,
    findings: Iterable[Finding] = (),
    history: History = NO_HISTORY,
) -> str:
    """The whole of it, for stdout. ``folder``: of the run; ``notebooks``: their paths from the project root;
    ``command``: what a person types to go on; ``findings``: of the check; ``history``: how long steps took in earlier
    runs."""
    end = ending(seen, folder, events, notebooks, command, findings, history)
    return words.outcome(end, colour=terminal.has_colour(sys.stdout), width=terminal.width(sys.stdout))


def last_failure(step: str, failure: Failure, executed: Path | None) -> str:
    """What ``nbflow status`` says of a step whose last attempt came to nothing. ``executed``: its executed notebook."""
    return words.last_failure(step, failure, executed, colour=terminal.has_colour(sys.stdout))
