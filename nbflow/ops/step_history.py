"""One step of a past run: its attempts, what it took and made, what it printed, and where its notebook is.

It reads the journal's facts, the records of the store, and what cells showed; no stored value is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.core.attempts import PastAttempt, past_attempts
from nbflow.core.events import Event, StepFact, StepReused, StepSpec, StepSucceeded
from nbflow.core.model import Artifact, Record
from nbflow.core.plan import artifact_digest
from nbflow.core.timing import StepTime
from nbflow.core.view import StepView
from nbflow.errors import NbflowError
from nbflow.notebook.printed import last_lines
from nbflow.ops.history import Story
from nbflow.store import Store


@dataclass(frozen=True, slots=True)
class Thing:
    """An input or output of a step."""

    name: str
    kind: str
    """``variable`` or ``file``; ``""`` where it is not known."""
    type: str
    """For a person: ``DataFrame 336776 × 19``; ``""`` where it is not known."""
    format: str
    size: int | None
    """Bytes."""
    step: str = ""
    """Of an input: what a person calls the step that made it."""


@dataclass(frozen=True, slots=True)
class StepStory:
    """One step of a run, with all that is known of it."""

    spec: StepSpec
    view: StepView
    time: StepTime | None
    attempts: tuple[PastAttempt, ...]
    inputs: tuple[Thing, ...]
    outputs: tuple[Thing, ...]
    printed: tuple[str, ...]
    """The last lines that it printed."""
    executed: Path | None
    """Its executed notebook."""
    record: Record | None
    """The result that counted in the run; ``None`` where there is none, or it is not stored any more."""


def step_story(told: Story, name: str, lines: int = 20) -> StepStory:
    """One step of a run, with the last ``lines`` that it printed. Raises ``UsageError``."""
    spec = told.spec(name)
    store = Store(told.settings.store)
    record = record_of(store, told.facts, spec.name)
    executed = _executed(told.folder, spec.label)
    return StepStory(
        spec=spec,
        view=told.view["steps"][told.run.shape.number[spec.name]],
        time=next((t for t in told.timing.steps if t.step == spec.name), None) if told.timing else None,
        attempts=past_attempts(fact for fact in told.facts if isinstance(fact, StepFact) and fact.step == spec.name),
        inputs=_inputs(told, store, record) if record is not None else (),
        outputs=tuple(_thing(artifact) for artifact in record.artifacts) if record is not None else (),
        printed=tuple(_printed(store, executed, record, lines)),
        executed=executed,
        record=record,
    )


def record_of(store: Store, facts: Sequence[Event], step: str) -> Record | None:
    """The result of a step that counted in a run; ``None`` where there is none, or it is not stored any more."""
    for fact in reversed(facts):
        if isinstance(fact, StepSucceeded | StepReused) and fact.step == step and fact.key:
            try:
                return next((found for found in store.records(fact.key) if found.id == fact.record), None)
            except NbflowError:
                return None
    return None


def _thing(artifact: Artifact, step: str = "", name: str = "") -> Thing:
    return Thing(name or artifact.name, artifact.kind, artifact.type, artifact.format, artifact.size, step)


def _inputs(told: Story, store: Store, record: Record) -> tuple[Thing, ...]:
    """The inputs that the record tells of, described by the results that they came from."""
    made: dict[str, Thing] = {}
    for spec in told.run.shape.specs:
        found = record_of(store, told.facts, spec.name) if record.step != spec.name else None
        for artifact in found.artifacts if found is not None else ():
            made[artifact_digest(artifact)] = _thing(artifact, spec.label)
            for file in artifact.files:
                made[file.digest] = Thing(file.path, "file", "", "", file.size, spec.label)
    things = []
    for text, digest in record.parts.get("inputs", {}).items():
        label = text.partition(":")[0]
        known = made.get(digest, Thing(label, "", "", "", None))
        things.append(Thing(label, known.kind, known.type, known.format, known.size, known.step))
    return tuple(things)


def _executed(folder: Path, label: str) -> Path | None:
    """The executed notebook of a step. Names come from the journal, so they must not lead out of the run's folder."""
    steps = folder / "steps"
    path = steps / f"{label}.ipynb"
    return path if path.resolve().is_relative_to(steps.resolve()) and path.is_file() else None


def _printed(store: Store, executed: Path | None, record: Record | None, lines: int) -> list[str]:
    """From the executed notebook; of a reused step, from what is stored of the run that made it."""
    try:
        if executed is not None:
            return last_lines(notebooks.read_raw(executed, executed.name)["cells"], lines)
        if record is not None and record.executed:
            return last_lines(json.loads(store.read(record.executed))["cells"], lines)
    except (NbflowError, OSError, ValueError, KeyError, TypeError):
        pass  # it is lost, or somebody is writing it; everything else stands
    return []
