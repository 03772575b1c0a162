"""What the facts of a run told besides where its steps stand: when, how long, what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from nbflow.core.attempts import PastAttempt, ended_attempt
from nbflow.core.events import (
    Event,
    Measured,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepCrashed,
    StepFact,
    StepFailed,
    StepProgressed,
    StepReused,
    StepStarted,
    StepSucceeded,
)


class Note(NamedTuple):
    """What the facts about one step told. Times in seconds since the epoch."""

    attempts: int = 0
    started: float | None = None
    ended: float | None = None
    seconds: float | None = None
    done: int = 0
    total: int = 0
    text: str = ""
    error: str = ""
    jitter: float = 0.0
    why: str = ""
    """Why it runs, as known when it began."""
    reused: str = ""
    """Why its stored result holds."""
    warnings: tuple[str, ...] = ()
    past: tuple[PastAttempt, ...] = ()
    """The attempts that are over."""


@dataclass(frozen=True, slots=True)
class Notes:
    started: float | None = None
    ended: float | None = None
    last: float | None = None
    """When the newest fact was told."""
    folder: str = ""
    command: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Note] = field(default_factory=dict)


def noted(notes: Notes, events: Iterable[Event]) -> Notes:
    """The notes with what these events tell. Takes time for every step known, so hand it events in batches."""
    steps = dict(notes.steps)
    last = notes.last
    for event in events:
        last = event.at
        if isinstance(event, RunStarted):
            parameters = dict(event.parameters)
            notes = replace(notes, started=event.at, folder=event.folder, command=event.command, parameters=parameters)
        elif isinstance(event, RunFinished):
            notes = replace(notes, ended=event.at)
        elif isinstance(event, StepFact):
            old = steps.get(event.step, Note())
            if event.attempt >= old.attempts:
                steps[event.step] = _add(old, event)
    return replace(notes, steps=steps, last=last)


def _add(note: Note, event: StepFact) -> Note:
    match event:
        case StepStarted() if note.started is None or event.attempt > note.attempts:
            return Note(event.attempt, event.at, error=note.error, why=event.reason, past=note.past)
        case StepProgressed():
            return note._replace(done=event.done, total=event.total, text=event.text or note.text)
        case StepReused():
            return note._replace(reused=event.reason, ended=event.at, seconds=0.0, error="", text="")
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
        note = Note(event.attempt, event.at, past=note.past)
    over = ended_attempt(PastAttempt(event.attempt, note.started), event)
    before = tuple(attempt for attempt in note.past if attempt.number != event.attempt)
    held = event.usage.held if isinstance(event, Measured) else 0.0
    seconds = held or round(event.at - (note.started or event.at), 3)
    return note._replace(ended=event.at, seconds=seconds, text="", past=(*before, over))
