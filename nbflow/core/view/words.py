"""The words of a view: the label of every state, the reason for it, and the view of a run made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import cast, get_args

from nbflow.core.attempts import PastAttempt
from nbflow.core.event_json import time_text
from nbflow.core.events import Ending, Outcome, StepSpec, Usage
from nbflow.core.run import ACTIVE, DONE, Progress, Run, State, backoff
from nbflow.core.view.groups import grouped
from nbflow.core.view.notes import Note, Notes
from nbflow.core.view.shape import VERSION, Action, AttemptView, RunView, StepView, UsageView

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


def view(run_id: str, run: Run, notes: Notes) -> RunView:
    """What to draw, as far as the facts tell. ``notes`` come from the same events as ``run``."""
    counts = Counter(progress.state for progress in run.steps)
    end = notes.ended if run.finished else notes.last
    groups = grouped(run.shape.specs)
    steps = [
        step_view(run, spec, progress, notes.steps.get(spec.name, NOTHING), group)
        for spec, progress, group in zip(run.shape.specs, run.steps, groups, strict=True)
    ]
    return {
        "version": VERSION,
        "run": run_id,
        "status": run.status,
        "label": "stopping" if run.closing and not run.finished else run.status,
        "folder": notes.folder,
        "command": notes.command,
        "sources": list(dict.fromkeys(spec.notebook for spec in run.shape.specs if spec.notebook)),
        "parameters": dict(notes.parameters),
        "environment": _environment(notes),
        "jobs": run.shape.jobs,
        "started": _time(notes.started),
        "ended": _time(notes.ended),
        "seconds": None if notes.started is None or end is None else round(end - notes.started, 3),
        "now": _time(notes.last),
        "eta": None,
        "counts": {state: counts[state] for state in cast("tuple[State, ...]", get_args(State))},
        "actions": _actions(run),
        "time": None,
        "graph": None,
        "steps": steps,
    }


NOTHING = Note()


def step_view(run: Run, spec: StepSpec, progress: Progress, note: Note, group: str = "") -> StepView:
    """One step of ``view``."""
    retry = None
    if progress.state == "retrying" and note.ended is not None:
        retry = note.ended + backoff(spec, progress.failures + progress.crashes, note.jitter)
    return {
        "id": spec.name,
        "name": spec.label,
        "needs": list(spec.needs),
        "notebook": spec.notebook,
        "cells": list(spec.cells),
        "group": group,
        "state": progress.state,
        "label": LABELS[progress.state],
        "reason": reason(run, spec, progress, note),
        "attempts": [attempt_view(attempt) for attempt in _attempts(progress, note)],
        "started": _time(note.started),
        "ended": _time(note.ended),
        "seconds": note.seconds,
        "retry": _time(retry),
        "done": note.done,
        "total": note.total,
        "text": note.text,
        "error": note.error,
        "warnings": list(note.warnings),
        "time": None,
        "inputs": [],
        "outputs": [],
        "printed": [],
        "executed": "",
        "actions": [*(["only"] if run.finished else []), *(["jump"] if spec.cells else [])],  # type: ignore[list-item]
    }


def _attempts(progress: Progress, note: Note) -> tuple[PastAttempt, ...]:
    """Those that are over, and the one that goes on."""
    if progress.state in ACTIVE and note.started is not None and note.ended is None:
        return (*note.past, PastAttempt(note.attempts, note.started))
    return note.past


def attempt_view(attempt: PastAttempt) -> AttemptView:
    """One attempt."""
    return {
        "number": attempt.number,
        "started": _time(attempt.started),
        "ended": _time(attempt.ended),
        "ending": attempt.ending,
        "error": attempt.error,
        "traceback": attempt.traceback,
        "cell": attempt.cell,
        "usage": usage_view(attempt.usage),
        "environment": dict(attempt.environment),
    }


def usage_view(usage: Usage) -> UsageView:
    """What an attempt, a step or a run took."""
    return {
        "waiting": usage.waiting,
        "kernel": usage.kernel,
        "loading": usage.loading,
        "code": usage.code,
        "saving": usage.saving,
        "memory": usage.memory,
        "cpu": usage.cpu,
    }


def _environment(notes: Notes) -> dict[str, str]:
    """What the steps tell of; where they differ, each value once."""
    found: dict[str, list[str]] = {}
    for note in notes.steps.values():
        for name, version in note.past[-1].environment if note.past else ():
            if version not in found.setdefault(name, []):
                found[name].append(version)
    names = sorted(found, key=lambda name: (name != "Python", name.lower()))
    return {name: ", ".join(found[name]) for name in names}


def _actions(run: Run) -> list[Action]:
    """What makes sense now."""
    if not run.finished:
        return ["cancel"] if run.status == "running" else []
    lacking = any(progress.state not in DONE for progress in run.steps)
    return ["run", "retry"] if lacking else ["run"]


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
            note = notes.steps.get(spec.name, NOTHING)
            status = cast("Ending", progress.state)
            why = reason(run, spec, progress, note)
            ended[spec.name] = Outcome(status, note.seconds or 0.0, note.attempts, why)
    return ended


def _time(at: float | None) -> str | None:
    return None if at is None else time_text(at)
