"""What a person sees of a run: the words and the reasons live here, and front ends only draw them.

A view is made from the run (where every step stands) and from the notes (what the facts told besides: times, errors).
Both are folds over the same events, so a view of any prefix of the journal is a view of the run at that moment. A
reader that follows a run hands new events to ``noted`` in batches, as often as it draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypedDict, cast, get_args

from nbflow.core.events import (
    Ending,
    Event,
    Measured,
    Outcome,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepCrashed,
    StepFact,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSpec,
    StepStarted,
    StepSucceeded,
    time_text,
)
from nbflow.core.run import Progress, Run, State, backoff

VERSION = 1
"""Of the shape of RunView; a front end refuses one that it does not know."""

LABELS: Mapping[State, str] = {
    "waiting": "waiting",
    "starting": "starting",
    "running": "running",
    "stopping": "stopping",
    "retrying": "trying again",
    "succeeded": "succeeded",
    "reused": "reused",
    "failed": "failed",
    "crashed": "crashed",
    "skipped": "skipped",
    "cancelled": "cancelled",
}
"""The word for each state of a step."""


class StepView(TypedDict):
    """One step. Times are ISO 8601 in UTC, ``None`` where they have not come."""

    id: str
    """Full name."""
    name: str
    state: State
    label: str
    reason: str
    """Why it is in this state, as a plain clause; ``""`` where there is nothing to say."""
    attempts: int
    """How many attempts were made."""
    started: str | None
    """Of the newest attempt."""
    ended: str | None
    seconds: float | None
    """In which the newest attempt took one of the run's places: its kernel, its code and what is around it."""
    retry: str | None
    """When it tries again."""
    done: int
    """Cells of the step that have run in the newest attempt, out of ``total``."""
    total: int
    error: str
    """One line about the newest attempt that failed or crashed."""
    warnings: list[str]


class RunView(TypedDict):
    """A run, for every front end. Its values are JSON values."""

    version: int
    run: str
    status: str
    """``planned``, ``running``, ``succeeded``, ``failed`` or ``cancelled``."""
    label: str
    folder: str
    started: str | None
    ended: str | None
    counts: dict[State, int]
    """Steps by state, every state named."""
    steps: list[StepView]
    """In notebook order."""


# --- what the facts told besides -----------------------------------------------------------------------


class Note(NamedTuple):
    """What the facts about one step told. Times in seconds since the epoch."""

    attempts: int = 0
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    done: int = 0
    total: int = 0
    error: str = ""
    jitter: float = 0.0
    why: str = ""
    """Why it runs, as known when it began."""
    reused: str = ""
    """Why its stored result holds."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notes:
    started: float | None = None
    ended: float | None = None
    folder: str = ""
    steps: Mapping[str, Note] = field(default_factory=dict)


def noted(notes: Notes, events: Iterable[Event]) -> Notes:
    """The notes with what these events tell. Takes time for every step known, so hand it events in batches."""
    steps = dict(notes.steps)
    for event in events:
        if isinstance(event, RunStarted):
            notes = replace(notes, started=event.at, folder=event.folder)
        elif isinstance(event, RunFinished):
            notes = replace(notes, ended=event.at)
        elif isinstance(event, StepFact):
            old = steps.get(event.step, Note())
            if event.attempt >= old.attempts:
                steps[event.step] = _add(old, event)
    return replace(notes, steps=steps)


def _add(note: Note, event: StepFact) -> Note:
    match event:
        case StepStarted() if note.started is None or event.attempt > note.attempts:
            return Note(event.attempt, event.at, error=note.error, why=event.reason)
        case StepProgressed():
            return note._replace(done=event.done, total=event.total)
        case StepReused():
            return note._replace(reused=event.reason, ended=event.at, seconds=0.0, error="")
        case StepSucceeded():
            took = event.usage.held or event.seconds
            return _ended(note, event)._replace(seconds=took, error="", warnings=event.warnings)
        case StepFailed():
            return _ended(note, event)._replace(error=event.error, jitter=event.jitter)
        case StepCrashed():
            return _ended(note, event)._replace(error=event.message, jitter=event.jitter)
        case StepCancelled() if event.attempt:
            return _ended(note, event)
        case _:
            return note


def _ended(note: Note, event: StepFact) -> Note:
    """An attempt that ended before it reported its start counts as one all the same."""
    if event.attempt > note.attempts:
        note = Note(event.attempt, event.at)
    held = event.usage.held if isinstance(event, Measured) else 0.0
    return note._replace(ended=event.at, seconds=held or round(event.at - (note.started or event.at), 3))


# --- the words -----------------------------------------------------------------------------------------


def view(run_id: str, run: Run, notes: Notes) -> RunView:
    """What to draw. ``notes`` come from the same events as ``run``."""
    counts = Counter(progress.state for progress in run.steps)
    return {
        "version": VERSION,
        "run": run_id,
        "status": run.status,
        "label": "stopping" if run.closing and not run.finished else run.status,
        "folder": notes.folder,
        "started": _time(notes.started),
        "ended": _time(notes.ended),
        "counts": {state: counts[state] for state in cast("tuple[State, ...]", get_args(State))},
        "steps": [
            step_view(run, spec, progress, notes.steps.get(spec.name, Note()))
            for spec, progress in zip(run.shape.specs, run.steps, strict=True)
        ],
    }


def step_view(run: Run, spec: StepSpec, progress: Progress, note: Note) -> StepView:
    """One step of ``view``."""
    retry = None
    if progress.state == "retrying" and note.ended is not None:
        retry = note.ended + backoff(spec, progress.failures + progress.crashes, note.jitter)
    return {
        "id": spec.name,
        "name": spec.label,
        "state": progress.state,
        "label": LABELS[progress.state],
        "reason": reason(run, spec, progress, note),
        "attempts": note.attempts,
        "started": _time(note.started),
        "ended": _time(note.ended),
        "seconds": note.seconds,
        "retry": _time(retry),
        "done": note.done,
        "total": note.total,
        "error": note.error,
        "warnings": list(note.warnings),
    }


def reason(run: Run, spec: StepSpec, progress: Progress, note: Note) -> str:
    """Why the step is in its state, as a plain clause."""
    match progress.state:
        case "waiting":
            return _waits_for(run, spec, progress)
        case "starting" | "running" | "succeeded":
            return note.why or spec.reason
        case "stopping":
            return "the run was cancelled"
        case "retrying":
            return f"attempt {progress.attempt} did not succeed: {note.error}"
        case "reused":
            return note.reused
        case "failed" | "crashed":
            return note.error
        case "cancelled":
            return "the run was cancelled " + ("while the step ran" if note.attempts else "before the step began")
        case "skipped":
            cause = progress.because
            return cause.sentence(run.shape.specs[run.shape.number[cause.step]].label) if cause else ""


def _waits_for(run: Run, spec: StepSpec, progress: Progress) -> str:
    """What keeps a waiting step from starting: its needs, else the resources or the places that others hold."""
    if progress.unmet:
        needs = run.shape.needs[run.shape.number[spec.name]]
        labels = [run.shape.specs[n].label for n in needs if run.steps[n].state not in ("succeeded", "reused")]
        more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
        return f"waits for {', '.join(labels[:3])}{more}"
    lacking = run.shape.excess(run.active | {run.shape.number[spec.name]})
    if lacking:
        return f"waits until other steps leave enough {' and '.join(lacking)}"
    if len(run.active) >= run.shape.jobs:
        return f"waits for a free place ({run.shape.jobs} at a time)"
    return ""


def outcomes(run: Run, notes: Notes) -> dict[str, Outcome]:
    """How every step that has ended came out, by full name."""
    ended: dict[str, Outcome] = {}
    for spec, progress in zip(run.shape.specs, run.steps, strict=True):
        if progress.state in get_args(Ending):
            note = notes.steps.get(spec.name, Note())
            status = cast("Ending", progress.state)
            why = reason(run, spec, progress, note)
            ended[spec.name] = Outcome(status, note.seconds or 0.0, note.attempts, why)
    return ended


def _time(at: float | None) -> str | None:
    return None if at is None else time_text(at)
