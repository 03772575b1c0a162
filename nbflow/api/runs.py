"""``Run``: a run that has ended, for those who called it. A value; only ``load`` reads anything.

Read ``ending`` for how each step came out, and ``words`` for how it is put into words.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from nbflow import stored
from nbflow.api.answers import Findings
from nbflow.api.ending import Ending, StepRun, ending
from nbflow.api.shown import Bundle, Shown, picture
from nbflow.api.words import outcome, outcome_bundle
from nbflow.core.events import Event, StepReused, StepSucceeded
from nbflow.core.graph import Pipeline
from nbflow.core.model import Finding, Record
from nbflow.core.timing import NO_HISTORY, History
from nbflow.core.view import Notes, noted, view
from nbflow.errors import UsageError, did_you_mean
from nbflow.ops import Finished
from nbflow.ops.history import Story
from nbflow.project import Project
from nbflow.render import text
from nbflow.render.words import duration
from nbflow.store import Store
from nbflow.store.home import require_own

Status = Literal["succeeded", "failed", "cancelled", "crashed"]
"""Only a run of another process can have crashed: that process was killed."""


@dataclass(frozen=True, eq=False)
class Run(Shown):
    """A run that has ended. A notebook shows the picture, the table, and what went wrong."""

    id: str
    status: Status
    seconds: float
    """From its beginning to its end."""
    folder: Path
    """Where its executed notebooks lie."""
    steps: Mapping[str, StepRun]
    """By name, in an order in which they can run."""
    notebooks: Mapping[str, Path]
    """The executed copy of each notebook, by the notebook's path from the project root."""
    findings: Findings
    """Warnings and hints of the check."""
    resume: str
    """What to type to go on where it stopped."""
    _inside: _Inside = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.status == "succeeded"

    @property
    def failed(self) -> tuple[StepRun, ...]:
        """The steps that failed or crashed."""
        return self._inside.ending.failed

    def load(self, name: str, step: str | None = None) -> Any:
        """The value of a variable, as it was when the run had ended.

        ``name``: an output. ``step``: the step that made it; by default the last one that did. Loading unpickles: what
        is in the store runs here. Raises ``UsageError`` where nothing of that name was made, or where it is of a class
        that is not defined in ``__main__``; ``StoreError`` where its bytes are gone.
        """
        return self._inside.load(name, step)

    def __repr__(self) -> str:
        counts = text.counts(self._inside.ending.view)
        return f"<Run {self.id} {self.status} in {duration(self.seconds)}: {counts}; {self.folder}>"

    def __str__(self) -> str:
        return outcome(self._inside.ending)

    def as_text(self, *, colour: bool, width: int) -> str:
        """The same for a terminal of so many characters, 0 for no limit."""
        return outcome(self._inside.ending, colour=colour, width=width)

    def bundles(self) -> tuple[Bundle, ...]:
        words = outcome_bundle(self._inside.ending)
        return (self._picture(), words) if self.steps else (words,)

    def _picture(self) -> Bundle:
        states = {s.id: s.state for s in self.steps.values()}
        timed = {s.id: s.seconds for s in self.steps.values() if s.seconds is not None and s.state not in text.UNTIMED}
        notes = {step: f"{states[step]} · {duration(seconds)}" for step, seconds in timed.items()}
        return picture(self._inside.pipeline, states, notes)


@dataclass(frozen=True, eq=False)
class _Inside:
    """What a run keeps of its project."""

    ending: Ending
    root: Path
    pipeline: Pipeline
    store: Store
    made: Mapping[str, Record]

    def load(self, name: str, step: str | None) -> Any:
        record = self.made[self._maker(name, step)]
        missing = stored.undefined(record, [name], vars(sys.modules["__main__"])).get(name)
        if missing:
            raise UsageError(
                f"'{name}' is of a class that the notebook defines: {', '.join(missing)}.",
                "Define it here first, or move it to a module that both import.",
            )
        require_own(self.root)
        return stored.values(self.store, record, [name])[name]

    def _maker(self, name: str, step: str | None) -> str:
        """Full name of the step whose result has the variable."""
        steps = self.ending.steps
        if step is not None and step not in steps:
            raise UsageError(
                f"There is no step '{step}' in this run.{did_you_mean(step, steps)}", f"Its steps: {', '.join(steps)}."
            )
        wanted = {s.id: stored.variables(self.made[s.id]) for s in steps.values() if s.id in self.made}
        names = {id_: names for id_, names in wanted.items() if step is None or steps[step].id == id_}
        makers = [id_ for id_, made in names.items() if name in made]
        if not makers:
            known = list(dict.fromkeys(n for made in names.values() for n in made))
            who = "no step of this run" if step is None else f"the step '{step}' has not"
            raise UsageError(
                f"'{name}' is not here: {who} made a variable of that name.{did_you_mean(name, known)}",
                f"There is: {', '.join(known) or 'none'}.",
            )
        return makers[-1]


def ended(
    project: Project, finished: Finished, events: Sequence[Event], resume: str, history: History = NO_HISTORY
) -> Run:
    """The run that these events told of. ``resume``: what to type to go on; ``history``: how long steps took in
    earlier runs."""
    seen = view(finished.id, finished.run, noted(Notes(), events))
    end = ending(seen, finished.folder, events, project.files, resume, finished.findings, history)
    return _run(project, end, finished.made)


def ended_elsewhere(project: Project, story: Story, findings: tuple[Finding, ...], resume: str) -> Run:
    """A run that another process has made, which is gone, as its journal tells it. ``findings``: warnings and hints of
    the check."""
    seen = story.view
    if seen["status"] == "unknown":  # no lock can tell, and we know
        seen = {**seen, "status": "crashed", "label": "crashed"}
    end = ending(seen, story.folder, story.facts, project.files, resume, findings, story.history)
    results = [fact for fact in story.facts if isinstance(fact, StepSucceeded | StepReused)]
    made = {f.step: record for f in results for record in project.store.records(f.key) if record.id == f.record}
    return _run(project, end, made)


def _run(project: Project, end: Ending, made: Mapping[str, Record]) -> Run:
    return Run(
        end.view["run"],
        cast("Status", end.view["status"]),
        end.seconds,
        end.folder,
        end.steps,
        end.notebooks,
        Findings(end.findings, len(project.pipeline.steps), project.first_lines(end.findings)),
        end.resume,
        _Inside(end, project.root, project.pipeline, project.store, made),
    )
