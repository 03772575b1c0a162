"""A run as it goes on, for front ends that draw: a view after each look at its journal, the whole of it at the end.

What happened between two looks is one step further, however much it was, so who draws each view draws four times a
second at most. What a step took, made and printed is looked up once, when it has ended. Read ``viewing`` next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.core.event_json import time_text
from nbflow.core.events import Event, StepReused, StepSucceeded
from nbflow.core.graph import Pipeline
from nbflow.core.run import ACTIVE, Run, retold
from nbflow.core.timing import History
from nbflow.core.told import Told
from nbflow.core.view import Notes, RunView, StepView, due, noted, view
from nbflow.journal import RunRow
from nbflow.ops.folders import RUNS
from nbflow.ops.following import find_run, follow, journal_of
from nbflow.ops.history import told_by
from nbflow.ops.results import Results
from nbflow.ops.viewing import graph_of, whole_view, with_results
from nbflow.settings import Settings
from nbflow.store import Store


@dataclass(frozen=True, slots=True)
class Seen:
    """A run at one moment."""

    number: int
    """Of the last event that is in it; the first one of a run has 1."""
    view: RunView
    known: bool = False
    """Whether this is what the reader has seen before."""


def watch(
    settings: Settings,
    run: str,
    pipeline: Pipeline | None,
    pause: Callable[[float], None] = time.sleep,
    lives: Callable[[], bool] = lambda: False,
) -> Iterator[RunView]:
    """The run as it stands, each time that something has happened, and how it came out. ``pipeline``: of today, for the
    picture; ``pause`` and ``lives``: as for ``following.follow``. Raises ``UsageError`` and ``JournalError``."""
    for seen in looks(settings, run, pipeline, pause, lives):
        if seen is not None:
            yield seen.view


def looks(
    settings: Settings,
    run: str,
    pipeline: Pipeline | None,
    pause: Callable[[float], None] = time.sleep,
    lives: Callable[[], bool] = lambda: False,
    after: int = 0,
) -> Iterator[Seen | None]:
    """The same for those who cannot wait: ``None`` for a look at which nothing was new, before each ``pause``.

    ``after``: the number up to which the reader has seen it before; that view comes first, marked as known. A number
    that the run has not reached counts for nothing."""
    number = 0
    with journal_of(settings.root) as journal:
        row = find_run(journal, run)
        watched = _Watched(settings, row, pipeline, journal.durations(before=row.id))
        for batch in follow(journal, row.id, pause, lives):
            known = batch[:after] if number == 0 and after <= len(batch) else []
            fresh = batch[len(known) :]
            if known:
                yield Seen(after, watched.after(known), known=True)
            number += len(batch)
            yield Seen(number, watched.after(fresh)) if fresh else None
        told = told_by(journal, settings, find_run(journal, row.id))
    yield Seen(number, whole_view(told, pipeline))


class _Watched:
    """What was told of a run so far."""

    def __init__(self, settings: Settings, row: RunRow, pipeline: Pipeline | None, history: History) -> None:
        self._settings = settings
        self._row = row
        self._pipeline = pipeline
        self._history = history
        self._run: Run | None = None
        self._notes = Notes()
        self._ends: list[Event] = []
        self._found: dict[str, Mapping[str, Any]] = {}
        """Full name of a step that has ended → what was looked up for it."""
        self._graph = graph_of(None, ())

    def after(self, batch: list[Event]) -> RunView:
        fresh = Told()  # of what a step prints thousands of lines of, the newest is enough
        for event in batch:
            fresh.add(event)
        for event in fresh:
            first = self._run is None
            self._run = retold(self._run, event)
            if first:
                self._graph = graph_of(self._pipeline, [spec.name for spec in self._run.shape.specs])
            if isinstance(event, StepSucceeded | StepReused):
                self._ends.append(event)
        assert self._run is not None
        self._notes = noted(self._notes, fresh)
        now = time.time()
        told = view(self._row.id, self._run, self._notes)
        seen: RunView = {
            **told,
            "folder": f"{RUNS}/{self._row.id}",
            "sources": list(self._row.sources),
            "parameters": {**told["parameters"], **self._row.parameters},
            "now": time_text(now),
            "eta": None if self._run.finished else due(self._run, self._notes, self._history, now),
            "graph": self._graph,
        }
        self._look_up(seen, self._run)
        return {**seen, "steps": [self._with_found(step) for step in seen["steps"]]}

    def _look_up(self, seen: RunView, run: Run) -> None:
        """A step that tries again is looked at again."""
        over = {s["id"] for s in seen["steps"] if s["state"] not in (*ACTIVE, "waiting", "retrying")}
        self._found = {step: found for step, found in self._found.items() if step in over}
        only = over - self._found.keys()
        if only:
            results = Results(Store(self._settings.store), run.shape.specs, self._ends)
            looked = with_results(seen, results, self._settings.root / RUNS / self._row.id, only)
            for step in looked["steps"]:
                if step["id"] in only:
                    self._found[step["id"]] = {n: step[n] for n in ("inputs", "outputs", "printed", "executed")}

    def _with_found(self, step: StepView) -> StepView:
        return {**step, **self._found.get(step["id"], {})}  # type: ignore[typeddict-item]
