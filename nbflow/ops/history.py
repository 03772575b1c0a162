"""What happened: the runs there were, one of them with all its steps and times, and one step of it.

Everything is told from the journal and from the small records of the store. Nothing is written, also where that would
be allowed, nothing is unpickled, and what a run's state is follows from its facts and from whether it is alive. Read
``core.timing`` next for the times.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbflow.core.event_json import from_json, time_text, time_value
from nbflow.core.events import Event, RunFinished, RunStarted, StepSpec
from nbflow.core.run import ACTIVE, ImpossibleEvent, Run, advance, begin
from nbflow.core.timing import History, Timing, timing
from nbflow.core.view import Action, Notes, RunView, StepView, due, noted, timed, view
from nbflow.errors import UsageError, did_you_mean
from nbflow.journal import Journal, RunRow
from nbflow.ops.folders import RUNS
from nbflow.ops.following import find_run, journal_of
from nbflow.settings import Settings

GONE = ("crashed", "unknown")
"""Statuses of a run of which nobody knows the end."""

CUT_SHORT = "cut short"
"""The label of a step that was under way when its run died."""


# --- all runs ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run, as a line tells it."""

    row: RunRow
    seconds: float
    """Until its end; of a run that goes on, until now; of one that died, until it was last heard of."""
    steps: int
    counts: Mapping[str, int]
    """State → steps, without those that no step is in."""
    command: str
    """What a person would type to run the same again; ``""`` where that is not known."""


def past_runs(root: Path, limit: int = -1, notebook: str = "") -> list[PastRun]:
    """The runs that the journal remembers, newest first; ``limit``: at most so many; ``notebook``: those of this one, a
    path from the root. Raises ``JournalError``."""
    journal = Journal.read(root)
    if journal is None:
        return []
    with journal:
        return [_past_run(journal, row) for row in rows_of(journal, limit, notebook)]


def rows_of(journal: Journal, limit: int = -1, notebook: str = "") -> list[RunRow]:
    """The same, as far as their rows tell it."""
    if not notebook:
        return journal.runs(limit)
    rows = [row for row in journal.runs() if notebook in row.sources]
    return rows if limit < 0 else rows[:limit]


def _past_run(journal: Journal, row: RunRow) -> PastRun:
    facts = _known(journal.ends(row.id))
    first = facts[0] if facts and isinstance(facts[0], RunStarted) else RunStarted(steps=(), jobs=1)
    last = facts[-1] if facts else first
    counts: Counter[str] = Counter()
    if isinstance(last, RunFinished):
        counts.update(outcome.status for outcome in last.steps.values())
    elif (run := _told(_known(journal.events(row.id)))) is not None:
        counts.update(progress.state for progress in run.steps)
    return PastRun(row, _seconds(row, first, last), len(first.steps), dict(counts), first.command)


def _seconds(row: RunRow, first: Event, last: Event) -> float:
    end = last.at
    if row.status == "running":
        end = time.time()
    elif row.finished:
        end = time_value(row.finished)
    return max(0.0, round(end - (first.at or time_value(row.started)), 3))


def _known(events: Iterable[Mapping[str, Any]]) -> list[Event]:
    """The facts, without those that only a newer nbflow can read."""
    found = []
    for event in events:
        with suppress(KeyError, TypeError, ValueError):
            found.append(from_json(event))
    return found


def _told(facts: Sequence[Event]) -> Run | None:
    """The run that the facts tell of, as far as they make sense to this nbflow."""
    if not facts or not isinstance(facts[0], RunStarted):
        return None
    first = facts[0]
    run = begin(first.steps, jobs=first.jobs, capacity=dict(first.capacity), fail_fast=first.fail_fast)
    for fact in facts:
        try:
            run, _ = advance(run, fact)
        except ImpossibleEvent:  # a newer nbflow has other rules
            break
    return run


def durations(root: Path, before: str) -> dict[str, list[float]]:
    """How long each step took in runs before that one in which it succeeded, newest first. Raises ``JournalError``."""
    journal = Journal.read(root)
    if journal is None:
        return {}
    with journal:
        return journal.durations(before)


# --- one run -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """One run with all that is known of it."""

    settings: Settings
    row: RunRow
    facts: tuple[Event, ...]
    """As they happened, the first a RunStarted; none for a run that died before its first."""
    history: History
    """How long the steps took in earlier runs."""
    notice: str
    """What a person should know about the journal; ``""`` for nothing."""

    @cached_property
    def run(self) -> Run:
        return _told(self.facts) or begin((), jobs=1)

    @property
    def command(self) -> str:
        return self.facts[0].command if self.facts and isinstance(self.facts[0], RunStarted) else ""

    @property
    def folder(self) -> Path:
        """Where its executed notebooks lie."""
        return self.settings.root / RUNS / self.row.id

    @property
    def seconds(self) -> float:
        first = self.facts[0] if self.facts else RunStarted(steps=(), jobs=1)
        return _seconds(self.row, first, self.facts[-1] if self.facts else first)

    @cached_property
    def view(self) -> RunView:
        """What to draw. The status is that of the row: a run whose process is gone has crashed."""
        notes = noted(Notes(), self.facts)
        seen = self._with_row(view(self.row.id, self.run, notes), notes)
        if self.timing is not None:
            from nbflow.render.history import time_report  # `nbflow runs` draws none

            names = {spec.name: spec.label for spec in self.run.shape.specs}
            seen = timed(seen, self.timing, time_report(self.timing, names).splitlines())
        if self.row.status not in GONE:
            return seen
        steps = [_cut_short(step) if step["state"] in ACTIVE else step for step in seen["steps"]]
        again: list[Action] = ["run", "retry"]
        return {**seen, "status": self.row.status, "label": self.row.status, "actions": again, "steps": steps}

    def _with_row(self, seen: RunView, notes: Notes) -> RunView:
        """With what the journal says of the run besides its facts."""
        goes_on = self.row.status == "running"
        return {
            **seen,
            "folder": f"{RUNS}/{self.row.id}",
            "sources": list(self.row.sources),
            "parameters": {**seen["parameters"], **self.row.parameters},
            "seconds": self.seconds,
            "now": time_text(time.time()) if goes_on else seen["now"],
            "eta": due(self.run, notes, self.history, time.time()) if goes_on else None,
        }

    @cached_property
    def timing(self) -> Timing | None:
        """Where the time went; ``None`` where nothing happened."""
        return timing(self.facts, self.history) if self.facts else None

    def spec(self, name: str) -> StepSpec:
        """The step of this full or short name. Raises ``UsageError``."""
        specs = self.run.shape.specs
        found = [s for s in specs if name in (s.name, s.short)] or [s for s in specs if s.name.endswith(f".{name}")]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"'{name}' means several steps: {', '.join(s.name for s in found)}.", "Name one of them.")
        labels = [spec.label for spec in specs]
        raise UsageError(
            f"Run {self.row.id} has no step '{name}'.{did_you_mean(name, labels)}", f"Steps: {', '.join(labels)}."
        )


def _cut_short(step: StepView) -> StepView:
    actions: list[Action] = ["only", *(action for action in step["actions"] if action != "only")]
    return {**step, "label": CUT_SHORT, "reason": "the run ended while it ran", "actions": actions}


def story(settings: Settings, name: str) -> Story:
    """The run that ``name`` means: its id, the beginning of it, or ``last``. Raises ``UsageError`` and
    ``JournalError``."""
    with journal_of(settings.root) as journal:
        return told_by(journal, settings, find_run(journal, name))


def told_by(journal: Journal, settings: Settings, row: RunRow) -> Story:
    """What the journal tells of a run. Raises ``JournalError``."""
    facts = _known(journal.events(row.id))
    facts = facts if facts and isinstance(facts[0], RunStarted) else []
    return Story(settings, row, tuple(facts), journal.durations(before=row.id), journal.notice)
