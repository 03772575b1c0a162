"""A run as the person at the notebook sees it: one display that is updated while it goes on, then how it came out.

Front ends of a kernel update a display in place, also those that only execute a notebook, so what stays in the file is
the outcome alone. A terminal has no such displays: there it is the table of the command line. Nothing is decided here.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from nbflow.api import Run
from nbflow.api.shown import Bundle
from nbflow.core import plan as planning
from nbflow.core import run as running
from nbflow.core.events import Event
from nbflow.core.timing import History
from nbflow.driver import Canceller
from nbflow.render import text
from nbflow.ui import terminal
from nbflow.ui.following import REFRESH, Following
from nbflow.ui.progress import Progress, form_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

WIDTH, HEIGHT = 100, 40
"""Characters on a line and lines: what a cell's output has room for."""


class Watcher(Protocol):
    """Shows a run from the inside, and what it came to."""

    def begin(self, run_id: str, plan: planning.Plan, history: History, /) -> None: ...
    def show(self, event: Event, run: running.Run, /) -> None: ...
    def idle(self) -> None: ...
    def end(self, run: Run | None) -> None: ...  # None: it came to no end


def watcher(shell: InteractiveShell, cancel: Canceller) -> Watcher:
    """What this front end can show."""
    return InPlace(shell, cancel) if hasattr(shell, "kernel") else InTerminal(cancel)


def publish(shell: InteractiveShell, bundle: Bundle, display_id: str = "", *, update: bool = False) -> None:
    """Show something below the cell that runs, or exchange what is shown under this id."""
    transient = {"display_id": display_id} if display_id else {}
    shell.display_pub.publish(bundle, {}, transient=transient, update=update)


class InPlace:
    """One display, updated four times a second at most."""

    def __init__(self, shell: InteractiveShell, cancel: Canceller, following: Following | None = None) -> None:
        self.shell = shell
        self.following = following or Following(cancel, again="interrupting again")
        self._id = uuid4().hex
        self._shown = ""
        self._drawn = 0.0

    def begin(self, run_id: str, plan: planning.Plan, history: History, /) -> None:
        self.following.begin(run_id, history)
        self._shown = f"run {run_id}: {text.plan_summary(plan)}"
        publish(self.shell, {"text/plain": self._shown}, self._id)
        self._drawn = self.following.now()

    def show(self, event: Event, run: running.Run, /) -> None:
        self.following.add(event, run)
        self.idle()

    def idle(self) -> None:
        now = self.following.now()
        if now - self._drawn < 1 / REFRESH:
            return
        table, foot = self.following.table(colour=False, width=WIDTH, height=HEIGHT)
        if not foot:
            return
        stopping = self.following.stopping(self.following.cancel.requests)
        drawn = f"{table}\n\n{foot}" + (f"\n   {stopping}" if stopping else "")
        if drawn != self._shown:
            publish(self.shell, {"text/plain": drawn}, self._id, update=True)
            self._shown, self._drawn = drawn, now

    def end(self, run: Run | None) -> None:
        if run is not None:
            first, *more = run.bundles()
            publish(self.shell, first, self._id, update=True)
            for bundle in more:
                publish(self.shell, bundle)


class InTerminal:
    """The table of the command line, and words when it is over."""

    def __init__(self, cancel: Canceller) -> None:
        self.progress = Progress(form_of(False), cancel=cancel)

    def begin(self, run_id: str, plan: planning.Plan, history: History, /) -> None:
        self.progress.begin(run_id, text.plan_summary(plan), history)

    def show(self, event: Event, run: running.Run, /) -> None:
        self.progress.show(event, run)

    def idle(self) -> None:
        """The live table draws itself."""

    def end(self, run: Run | None) -> None:
        self.progress.end()
        if run is not None:
            words = run.as_text(colour=terminal.has_colour(sys.stdout), width=terminal.width(sys.stdout))
            terminal.answer(words)
