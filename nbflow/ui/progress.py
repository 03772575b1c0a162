"""What a person sees in the terminal while a run goes on: a live table, plain lines where output is piped, or JSON.

It draws ``RunView`` and nothing else. At most four updates a second, whatever the event rate.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from nbflow.core.events import (
    INTERNAL,
    Event,
    RunFinished,
    RunStarted,
    StepCrashed,
    StepFailed,
    StepProgressed,
    StepStarted,
    StepSucceeded,
    to_json,
)
from nbflow.core.plan import Plan
from nbflow.core.run import Run
from nbflow.core.view import Notes, RunView, noted, view
from nbflow.driver import Canceller
from nbflow.ops import Finished
from nbflow.project import Project
from nbflow.render import text
from nbflow.render.words import clean, clean_block, duration

REFRESH = 4
"""Updates a second."""


class Progress:
    """Shows one run. ``command`` is what a person types to resume it."""

    def __init__(self, project: Project, *, as_json: bool, console: Console, command: str) -> None:
        self.project = project
        self.as_json = as_json
        self.console = console
        self.command = command
        self.short = {s.id: s.name for s in project.pipeline.steps.values()}
        self.run_id = ""
        self.folder = Path()
        self.run: Run | None = None
        self.events: list[Event] = []
        self.notes = Notes()
        self.noted = 0
        self.started: dict[str, float] = {}
        self.live: Live | None = None
        self.failures: list[StepFailed | StepCrashed] = []
        self.warnings: list[tuple[str, str]] = []
        self.stopping = 0
        self.ended = False

    # --- called by the run ---------------------------------------------------------------------------

    def begin(self, run_id: str, plan: Plan, folder: Path) -> None:
        self.run_id, self.folder = run_id, folder
        if self.as_json:
            return
        if self.console.is_terminal:
            self.live = Live(
                get_renderable=self._draw, console=self.console, refresh_per_second=REFRESH, transient=True
            )
            self.live.start()
        else:
            self._line(f"run {run_id}: {text.plan_summary(plan)}")

    def show(self, event: Event, run: Run) -> None:
        self.run = run
        self.events.append(event)
        if isinstance(event, StepStarted):
            self.started[event.step] = time.monotonic()
        elif isinstance(event, StepFailed | StepCrashed):
            self.failures.append(event)
        elif isinstance(event, StepSucceeded):
            self.warnings += [(event.step, w) for w in event.warnings]
        if self.as_json:
            if not isinstance(event, INTERNAL):
                sys.stdout.write(json.dumps(to_json(event, self.run_id, self.short)) + "\n")
                sys.stdout.flush()
        elif self.live is None:
            self._say(event)

    def end(self) -> None:
        self.ended = True
        if self.live is not None:
            self.live.stop()
            self.live = None

    @contextmanager
    def interrupts(self) -> Iterator[Canceller]:
        """Ctrl-C cancels the run (a second one kills its kernels) instead of ending the program."""
        cancel = Canceller()

        def on_signal(_number: int, _frame: object) -> None:
            self.stopping += 1
            cancel.request()

        kinds = (signal.SIGINT, signal.SIGTERM)
        before = {kind: signal.signal(kind, on_signal) for kind in kinds}
        try:
            yield cancel
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    # --- drawing -------------------------------------------------------------------------------------

    def view(self) -> RunView | None:
        if self.run is None:
            return None
        fresh, self.noted = self.events[self.noted :], len(self.events)
        self.notes = noted(self.notes, fresh)
        return view(self.run_id, self.run, self.notes)

    def _draw(self) -> Any:
        seen = self.view()
        if seen is None:
            return Text("")
        table = text.run_table(seen, time.monotonic(), self.started, max(4, self.console.height - 3))
        foot = f"{text.counts(seen)}"
        if self.stopping == 1:
            foot += "   stopping: running steps are interrupted; press Ctrl-C again to kill them"
        elif self.stopping > 1:
            foot += "   killing the running steps"
        return Group(table, Text(foot, "dim"))

    def _say(self, event: Event) -> None:
        """One plain line for what a log should keep."""
        if isinstance(event, (RunStarted, RunFinished, StepProgressed, *INTERNAL)):
            return
        name = clean(self.short.get(event.step, event.step))
        kind = type(event).__name__.removeprefix("Step").lower()
        detail = ""
        if isinstance(event, StepSucceeded):
            detail = f" in {duration(event.seconds)}"
        elif isinstance(event, StepFailed):
            detail = f": {clean(event.error)}"
        elif isinstance(event, StepCrashed):
            detail = f": {clean(event.message)}"
        elif reason := getattr(event, "reason", ""):
            detail = f" ({clean(reason)})"
        elif (because := getattr(event, "because", None)) is not None:
            detail = f" ({clean(because.sentence(self.short.get(because.step, because.step)))})"
        again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
        self._line(f"{name} {kind}{again}{detail}")

    def _line(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)

    # --- the end -------------------------------------------------------------------------------------

    def summarise(self, finished: Finished, console: Console) -> None:
        """The final table, what went wrong, and where everything lies."""
        seen = self.view()
        assert seen is not None
        click.echo(text.final_table(seen, colour=has_colour(console)))
        for step, warning in self.warnings:
            console.print(
                Text.assemble(("warning ", "yellow"), f"{clean(self.short[step])}: {clean(warning)}"), soft_wrap=True
            )
        last: dict[str, StepFailed | StepCrashed] = {f.step: f for f in self.failures}
        ended_badly = {s["id"] for s in seen["steps"] if s["state"] in text.BAD}
        for failure in last.values():
            if failure.step in ended_badly:
                self._explain(failure, console)
        console.print()
        seconds = (self.events[-1].at - self.events[0].at) if self.events else 0.0
        console.print(
            Text(f"Run {finished.id} {finished.status} in {duration(seconds)}: {text.counts(seen)}."), soft_wrap=True
        )
        for path in self.project.files:
            if (finished.folder / path).exists():
                console.print(Text(f"Executed notebook: {self._near(finished.folder / path)}"), soft_wrap=True)
        if finished.status != "succeeded":
            console.print(Text(f"Resume with: {self.command}   (what succeeded is reused)"), soft_wrap=True)

    def _explain(self, failure: StepFailed | StepCrashed, console: Console) -> None:
        name = clean(self.short[failure.step])
        console.print()
        if isinstance(failure, StepCrashed):
            console.print(Text.assemble((f"{name} crashed: ", "bold magenta"), clean(failure.message)), soft_wrap=True)
        else:
            console.print(Text.assemble((f"{name} failed: ", "bold red"), clean(failure.error)), soft_wrap=True)
            if failure.traceback.strip() not in ("", failure.error.strip()):
                colour = has_colour(console)
                body = clean_block(failure.traceback, colour=colour)
                console.print(Text.from_ansi(body) if colour else Text(body), soft_wrap=True)
        executed = finished_slice(self.folder, self.short[failure.step])
        if executed.exists():
            console.print(Text(f"Its executed notebook: {self._near(executed)}"), soft_wrap=True)

    def _near(self, path: Path) -> str:
        """The path from here where that is shorter."""
        try:
            return str(path.relative_to(Path.cwd()))
        except ValueError:
            return str(path)


def has_colour(console: Console) -> bool:
    """Whether colour codes are welcome where this console writes."""
    return console.is_terminal and not console.no_color


def finished_slice(folder: Path, step: str) -> Path:
    """Where the executed slice of a step lies."""
    return folder / "steps" / f"{step}.ipynb"
