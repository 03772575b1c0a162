"""What a person sees while a run goes on: a live table in a terminal, plain lines where stderr is no terminal, or JSON.

It draws ``RunView`` and decides nothing. At most four updates a second, whatever the event rate. Read ``summary`` next
for what is printed at the end.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

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
    to_json,
)
from nbflow.core.run import Run
from nbflow.core.timing import NO_HISTORY, History
from nbflow.core.view import Notes, RunView, StepView, noted, view
from nbflow.driver import Canceller
from nbflow.executors import GRACE
from nbflow.render import text
from nbflow.render.columns import cut
from nbflow.render.words import clean, clean_block, duration
from nbflow.ui import endings, terminal
from nbflow.ui.forecast import Forecast

REFRESH = 4
"""Updates a second."""

Form = Literal["live", "lines", "json"]


def form_of(as_json: bool) -> Form:
    """How a run is shown on this stderr."""
    return "json" if as_json else "live" if terminal.is_terminal(sys.stderr) else "lines"


STOPPING = (
    "",
    f"cancelling: interrupted steps have {GRACE:.0f} s to end; Ctrl-C again kills them now",
    "cancelling: running steps are killed; press Ctrl-C again to leave at once",
)
"""What to say after so many requests to stop."""


class Progress:
    """Shows one run, of this process or of another one."""

    def __init__(self, form: Form, console: Console | None = None, now: Callable[[], float] = time.time) -> None:
        self.short: Mapping[str, str] = {}
        """Full name → the name a person calls the step by."""
        self.form = form
        self.now = now
        self.console = console or Console(stderr=True, highlight=False)
        self.events: list[Event] = []
        self._run_id = ""
        self._run: Run | None = None
        self._notes = Notes()
        self._noted = 0
        self._began = 0.0
        self._started: dict[str, float] = {}
        self._said: dict[str, str] = {}
        self._live: Live | None = None
        self._forecast = Forecast({})
        self.requests = 0

    # --- called by the run ---------------------------------------------------------------------------

    def begin(self, run_id: str, opening: str, history: History = NO_HISTORY) -> None:
        """``opening``: what to say of the run in a log; ``history``: how long its steps took in earlier runs."""
        self._run_id, self._began = run_id, self.now()
        self._forecast = Forecast(history)
        if self.form == "live":
            self._live = Live(
                get_renderable=self.drawing, console=self.console, refresh_per_second=REFRESH, transient=True
            )
            self._live.start()
        elif self.form == "lines":
            terminal.tell(f"run {run_id}: {opening}")

    def show(self, event: Event, run: Run) -> None:
        self._run = run
        self.events.append(event)
        if isinstance(event, RunStarted):
            self.short = {spec.name: spec.label for spec in event.steps}
            self._began = event.at
        elif isinstance(event, StepStarted):
            self._started[event.step] = event.at
            self._said.pop(event.step, None)
        elif isinstance(event, StepProgressed) and event.text:
            self._said[event.step] = event.text
        if self.form == "json":
            self._print_json(event)
        elif self.form == "lines" and (line := self._line(event)):
            terminal.tell(line)

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @contextmanager
    def interrupts(self) -> Iterator[Canceller]:
        """Ctrl-C cancels the run (a second one kills its kernels, a third one leaves) instead of ending the program.
        While nothing runs yet it ends the program as ever."""
        cancel = Canceller()

        def on_signal(_number: int, _frame: object) -> None:
            self.requests += 1
            if not self._run_id or self.requests > 2:
                raise KeyboardInterrupt
            cancel.request()

        kinds = (signal.SIGINT, signal.SIGTERM)
        before = {kind: signal.signal(kind, on_signal) for kind in kinds}
        try:
            yield cancel
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)
            self.end()

    def view(self) -> RunView:
        """The run as it stands."""
        assert self._run is not None
        fresh, self._noted = self.events[self._noted :], len(self.events)
        self._notes = noted(self._notes, fresh)
        return view(self._run_id, self._run, self._notes)

    # --- drawing -------------------------------------------------------------------------------------

    def drawing(self) -> RenderableType:
        if self._run is None:
            return Text("")
        now, seen = self.now(), self.view()
        width, height = self.console.width, max(6, self.console.height - 2)
        colour = self.console.is_terminal and not self.console.no_color
        seen["steps"] = [self._with_words(step) for step in seen["steps"]]
        spent = {step: now - began for step, began in self._started.items()}
        table = text.live_table(seen, spent, colour=colour, width=width, height=height - 2)
        foot = cut(f"   {text.counts(seen)} · {duration(now - self._began)}{self._left(self._run, now)}", width)
        if self.requests:
            foot += f"\n{cut('   ' + STOPPING[min(self.requests, 2)], width)}"
        drawn = Text.from_ansi(table)
        drawn.no_wrap, drawn.overflow = True, "ellipsis"  # a line that wraps would push the table off the screen
        drawn.append("\n\n").append(foot, "dim" if colour and not self.requests else "")
        return Group(drawn)

    def _left(self, run: Run, now: float) -> str:
        left = None if self.requests else self._forecast.left(run, self._started, now)
        return f" · about {duration(round(left))} left" if left is not None and left >= 1 else ""

    def _with_words(self, step: StepView) -> StepView:
        """What a running step printed last stands where its reason would."""
        said = self._said.get(step["id"], "") if step["state"] in ("starting", "running") else ""
        return {**step, "reason": clean_block(said) or step["reason"]}

    def _line(self, event: Event) -> str:
        """One plain line for what a log should keep; none for what the plan said already."""
        if isinstance(event, CancelRequested):
            return STOPPING[1 + event.force]
        if isinstance(event, (RunStarted, RunFinished, StepProgressed, *INTERNAL)):
            return ""
        name = clean(self.short.get(event.step, event.step))
        again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
        match event:
            case StepStarted():
                return f"{name} started{again}: {clean(event.reason)}"
            case StepSucceeded():
                return f"{name} succeeded in {duration(event.seconds)}{again}"
            case StepFailed():
                return f"{name} failed{again}: {clean(event.error)}"
            case StepCrashed():
                return f"{name} crashed{again}: {clean(event.message)}"
            case StepSkipped(because=cause):
                return f"{name} skipped: {clean(cause.sentence(self.short.get(cause.step, cause.step)))}"
            case StepReused():
                return f"{name} reused: {clean(event.reason)}" if event.attempt else ""
            case StepCancelled():
                return f"{name} cancelled{again}"

    def _print_json(self, event: Event) -> None:
        if isinstance(event, INTERNAL):
            return
        try:
            sys.stdout.write(json.dumps(to_json(event, self._run_id, self.short)) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            endings.give_up_stdout()  # nobody listens any more; the run goes on
