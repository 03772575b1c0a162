"""A run while it goes on, as far as a person wants to know: what is told of it, and the table that shows it as text.

The terminal and the notebook both draw this, each in its own place. It decides nothing. Read ``progress`` next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from nbflow.core.events import Event, RunStarted, StepProgressed, StepStarted
from nbflow.core.run import Run
from nbflow.core.view import Notes, RunView, StepView, noted, view
from nbflow.driver import Canceller
from nbflow.render import text
from nbflow.render.columns import cut
from nbflow.render.words import clean_block, duration

REFRESH = 4
"""Updates a second, at most."""

STOPPING = (
    "",
    "cancelling: running steps are interrupted; {again} to kill them",
    "cancelling: running steps are killed; {again} to leave at once",
)
"""What to say after so many requests to stop."""


class Following:
    """What was told of one run. ``again``: what a person does to ask once more that it stops; ``now``: seconds since
    the epoch, as in the events."""

    def __init__(
        self,
        cancel: Canceller | None = None,
        again: str = "press Ctrl-C again",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.cancel = cancel or Canceller()
        self.again = again
        self.now = now
        self.short: Mapping[str, str] = {}
        """Full name → the name a person calls the step by."""
        self.events: list[Event] = []
        self.run_id = ""
        self._run: Run | None = None
        self._notes = Notes()
        self._noted = 0
        self._began = 0.0
        self._started: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def begin(self, run_id: str) -> None:
        self.run_id, self._began = run_id, self.now()

    def add(self, event: Event, run: Run) -> None:
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

    def view(self) -> RunView:
        """The run as it stands."""
        assert self._run is not None
        fresh, self._noted = self.events[self._noted :], len(self.events)
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
        foot = f"   {text.counts(seen)} · {duration(now - self._began)}"
        return table, cut(foot, width) if width else foot

    def _with_words(self, step: StepView) -> StepView:
        """What a running step printed last stands where its reason would."""
        said = self._said.get(step["id"], "") if step["state"] in ("starting", "running") else ""
        return {**step, "reason": clean_block(said) or step["reason"]}
