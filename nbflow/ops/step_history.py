"""One step of a past run: its attempts, what it took and made, what it printed, and where its notebook is.

It reads the journal's facts, the records of the store, and what cells showed; no stored value is loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.core.attempts import PastAttempt, past_attempts
from nbflow.core.events import StepFact, StepSpec
from nbflow.core.model import Record
from nbflow.core.timing import StepTime
from nbflow.core.view import StepView, ThingView
from nbflow.errors import NbflowError
from nbflow.notebook.printed import last_lines
from nbflow.ops.history import Story
from nbflow.ops.results import Results
from nbflow.store import Store


@dataclass(frozen=True, slots=True)
class StepStory:
    """One step of a run, with all that is known of it."""

    spec: StepSpec
    view: StepView
    time: StepTime | None
    attempts: tuple[PastAttempt, ...]
    inputs: tuple[ThingView, ...]
    outputs: tuple[ThingView, ...]
    printed: tuple[str, ...]
    """The last lines that it printed."""
    executed: Path | None
    """Its executed notebook."""
    record: Record | None
    """The result that counted in the run; ``None`` where there is none, or it is not stored any more."""


def step_story(told: Story, name: str, lines: int = 20) -> StepStory:
    """One step of a run, with the last ``lines`` that it printed. Raises ``UsageError``."""
    spec = told.spec(name)
    results = Results(Store(told.settings.store), told.run.shape.specs, told.facts)
    record = results.record(spec.name)
    executed = executed_notebook(told.folder, spec.label)
    return StepStory(
        spec=spec,
        view=told.view["steps"][told.run.shape.number[spec.name]],
        time=next((t for t in told.timing.steps if t.step == spec.name), None) if told.timing else None,
        attempts=past_attempts(fact for fact in told.facts if isinstance(fact, StepFact) and fact.step == spec.name),
        inputs=tuple(results.inputs(spec.name)),
        outputs=tuple(results.outputs(spec.name)),
        printed=tuple(printed(results.store, executed, record, lines)),
        executed=executed,
        record=record,
    )


def executed_notebook(folder: Path, label: str) -> Path | None:
    """The executed notebook of a step. Names come from the journal, so they must not lead out of the run's folder."""
    steps = folder / "steps"
    path = steps / f"{label}.ipynb"
    return path if path.resolve().is_relative_to(steps.resolve()) and path.is_file() else None


def printed(store: Store, executed: Path | None, record: Record | None, lines: int) -> list[str]:
    """From the executed notebook; of a reused step, from what is stored of the run that made it."""
    try:
        if executed is not None:
            return last_lines(notebooks.read_raw(executed, executed.name)["cells"], lines)
        if record is not None and record.executed:
            return last_lines(json.loads(store.read(record.executed))["cells"], lines)
    except (NbflowError, OSError, ValueError, KeyError, TypeError):
        pass  # it is lost, or somebody is writing it; everything else stands
    return []
