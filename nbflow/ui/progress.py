"""What a person sees while a run goes on: a live table in a terminal, plain lines where stderr is no terminal, or JSON.

It draws ``RunView`` and decides nothing. At most four updates a second, whatever the event rate. Read ``summary`` next
for what is printed at the end.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from nbflow.core.event_json import to_json
from nbflow.core.events import (
    INTERNAL,
    CancelRequested,
    Event,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepCrashed,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from nbflow.core.run import Run
from nbflow.core.timing import NO_HISTORY, History
from nbflow.core.view import RunView
from nbflow.driver import Canceller
from nbflow.interrupts import Interrupts
from nbflow.render.columns import cut
from nbflow.render.words import clean, duration
from nbflow.ui import endings, terminal
from nbflow.ui.following import REFRESH, Following

Form = Literal["live", "lines", "json"]


def form_of(as_json: bool) -> Form:
    """How a run is shown on this stderr."""
    return "json" if as_json else "live" if terminal.is_terminal(sys.stderr) else "lines"


class Progress:
    """Shows one run, of this process or of another one."""

    def __init__(
        self,
        form: Form,
        console: Console | None = None,
        now: Callable[[], float] = time.time,
        cancel: Canceller | None = None,
    ) -> None:
        self.form = form
        self.console = console or Console(stderr=True, highlight=False)
        self.following = Following(cancel, now=now)
        self.cancel = self.following.cancel
        self._live: Live | None = None
        self._interrupts = Interrupts(self.cancel, (signal.SIGINT, signal.SIGTERM))

    # --- called by the run ---------------------------------------------------------------------------

    def begin(self, run_id: str, opening: str, history: History = NO_HISTORY) -> None:
        """``opening``: what to say of the run in a log; ``history``: how long its steps took in earlier runs."""
        self.following.begin(run_id, history)
        self._interrupts.begun = True
        if self.form == "live":
            self._live = Live(
                get_renderable=self.drawing, console=self.console, refresh_per_second=REFRESH, transient=True
            )
            self._live.start()
        elif self.form == "lines":
            terminal.tell(f"run {run_id}: {opening}")

    def show(self, event: Event, run: Run) -> None:
        self.following.add(event, run)
        if self.form == "json":
            self._print_json(event)
        elif self.form == "lines" and (line := self._line(event)):
            terminal.tell(line)

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def idle(self) -> None:
        """The live table draws itself."""

    @contextmanager
    def interrupts(self) -> Iterator[Canceller]:
        """Ctrl-C cancels the run (a second one kills its kernels, a third one leaves) instead of ending the program.
        While nothing runs yet it ends the program as ever."""
        try:
            with self._interrupts:
                yield self.cancel
        finally:
            self.end()

    def view(self) -> RunView:
        """The run as it stands."""
        return self.following.view()

    @property
    def events(self) -> list[Event]:
        """As ``Following.events``."""
        return self.following.events

    # --- drawing -------------------------------------------------------------------------------------

    def drawing(self) -> RenderableType:
        width, height = self.console.width, max(6, self.console.height - 2)
        colour = self.console.is_terminal and not self.console.no_color
        table, foot = self.following.table(colour=colour, width=width, height=height - 2)
        if not foot:
            return Text("")
        stopping = self.following.stopping(self.cancel.requests)
        if stopping:
            foot += "\n" + cut("   " + stopping, width)
        drawn = Text.from_ansi(table)
        drawn.no_wrap, drawn.overflow = True, "ellipsis"  # a line that wraps would push the table off the screen
        drawn.append("\n\n").append(foot, "dim" if colour and not stopping else "")
        return Group(drawn)

    def _line(self, event: Event) -> str:
        """One plain line for what a log should keep; none for what the plan said already."""
        if isinstance(event, CancelRequested):
            return self.following.stopping(1 + event.force)
        if isinstance(event, (RunStarted, RunFinished, *INTERNAL)):
            return ""
        name = clean(self.following.short.get(event.step, event.step))
        again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
        match event:
            case StepProgressed():
                return f"{name} {clean(event.text)}" if event.text and not event.total else ""
            case StepStarted():
                return f"{name} started{again}: {clean(event.reason)}"
            case StepSucceeded():
                return f"{name} succeeded in {duration(event.seconds)}{again}"
            case StepFailed():
                return f"{name} failed{again}: {clean(event.error)}"
            case StepCrashed():
                return f"{name} crashed{again}: {clean(event.message)}"
            case StepSkipped(because=cause):
                return f"{name} skipped: {clean(cause.sentence(self.following.short.get(cause.step, cause.step)))}"
            case StepReused():
                return f"{name} reused: {clean(event.reason)}" if event.attempt else ""
            case StepCancelled():
                return f"{name} cancelled{again}"

    def _print_json(self, event: Event) -> None:
        if isinstance(event, INTERNAL):
            return
        try:
            sys.stdout.write(json.dumps(to_json(event, self.following.run_id, self.following.short)) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            endings.give_up_stdout()  # nobody listens any more; the run goes on
