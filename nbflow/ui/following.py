"""A run while it goes on, as far as a person wants to know: what is told of it, and the table that shows it as text.

The terminal and the notebook both draw this, each in its own place. It decides nothing. Read ``progress`` next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from nbflow.core.events import Event, RunStarted, StepProgressed, StepStarted
from nbflow.core.run import Run
from nbflow.core.timing import NO_HISTORY, History
from nbflow.core.told import Told
from nbflow.core.view import Notes, RunView, StepView, noted, view
from nbflow.driver import Canceller
from nbflow.executors import GRACE
from nbflow.render import text
from nbflow.render.columns import cut
from nbflow.render.words import clean_block, duration
from nbflow.ui.forecast import Forecast

REFRESH = 4
"""Updates a second, at most."""

STOPPING = (
    "",
    f"cancelling: interrupted steps have {GRACE:.0f} s to end; {{again}} kills them now",
    "cancelling: running steps are killed; {again} leaves at once",
)
"""What to say after so many requests to stop."""


class Following:
    """What was told of one run. ``again``: what a person does to ask once more that it stops; ``now``: seconds since
    the epoch, as in the events."""

    def __init__(
        self,
        cancel: Canceller | None = None,
        again: str = "Ctrl-C again",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.cancel = cancel or Canceller()
        self.again = again
        self.now = now
        self.short: Mapping[str, str] = {}
        """Full name → the name a person calls the step by."""
        self._told, self._fresh = Told(), Told()
        self._lock = threading.Lock()  # the live table draws in a thread of its own
        self.run_id = ""
        self._run: Run | None = None
        self._notes = Notes()
        self._began = 0.0
        self._started: dict[str, float] = {}
        self._said: dict[str, str] = {}
        self._forecast = Forecast({})

    def begin(self, run_id: str, history: History = NO_HISTORY) -> None:
        """``history``: how long its steps took in earlier runs."""
        self.run_id, self._began = run_id, self.now()
        self._forecast = Forecast(history)

    def add(self, event: Event, run: Run) -> None:
        self._run = run
        with self._lock:
            self._told.add(event)
            self._fresh.add(event)
        if isinstance(event, RunStarted):
            self.short = {spec.name: spec.label for spec in event.steps}
            self._began = event.at
        elif isinstance(event, StepStarted):
            self._started[event.step] = event.at
            self._said.pop(event.step, None)
        elif isinstance(event, StepProgressed) and event.text:
            self._said[event.step] = event.text

    @property
    def events(self) -> list[Event]:
        """What was told, of the progress of each step the newest."""
        return [*self._told]

    def view(self) -> RunView:
        """The run as it stands."""
        assert self._run is not None
        with self._lock:
            fresh, self._fresh = self._fresh, Told()
        self._notes = noted(self._notes, fresh)
        return view(self.run_id, self._run, self._notes)

    def stopping(self, requests: int) -> str:
        """What to say once it was asked so often to stop."""
        return STOPPING[min(requests, 2)].format(again=self.again)

    def table(self, *, colour: bool, width: int, height: int) -> tuple[str, str]:
        """What stands where, and the line below. ``height``: lines of the table, at most."""
        if self._run is None:
            return "", ""
        now, seen = self.now(), self.view()
        seen["steps"] = [self._with_words(step) for step in seen["steps"]]
        spent = {step: now - began for step, began in self._started.items()}
        table = text.live_table(seen, spent, colour=colour, width=width, height=height)
        foot = f"   {text.counts(seen)} · {duration(now - self._began)}{self._left(self._run, now)}"
        return table, cut(foot, width) if width else foot

    def _left(self, run: Run, now: float) -> str:
        left = None if self.cancel.requests else self._forecast.left(run, self._started, now)
        return f" · about {duration(round(left))} left" if left is not None and left >= 1 else ""

    def _with_words(self, step: StepView) -> StepView:
        """What a running step printed last stands where its reason would."""
        said = self._said.get(step["id"], "") if step["state"] in ("starting", "running") else ""
        return {**step, "reason": clean_block(said) or step["reason"]}
