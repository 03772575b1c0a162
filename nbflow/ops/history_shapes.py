"""The documented JSON of ``nbflow runs`` and ``nbflow show``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from nbflow.core.attempts import PastAttempt
from nbflow.core.events import time_text
from nbflow.core.timing import StepTime, Timing, remark
from nbflow.ops.history import PastRun, Story
from nbflow.ops.step_history import StepStory


def runs_json(runs: Iterable[PastRun]) -> dict[str, Any]:
    """All runs, newest first."""
    return {
        "runs": [
            {
                "id": run.row.id,
                "status": run.row.status,
                "started": run.row.started,
                "finished": run.row.finished,
                "seconds": run.seconds,
                "steps": run.steps,
                "counts": dict(run.counts),
                "command": run.command,
                "sources": list(run.row.sources),
                "parameters": dict(run.row.parameters),
                "folder": run.row.folder,
            }
            for run in runs
        ]
    }


def run_json(told: Story) -> dict[str, Any]:
    """One run: what every front end draws of it, and where its time went."""
    taken = {step.step: _step_time(step) for step in told.timing.steps} if told.timing else {}
    return {
        **told.view,
        "seconds": told.seconds,
        "command": told.command,
        "sources": list(told.row.sources),
        "parameters": dict(told.row.parameters),
        "steps": [{**step, "time": taken.get(step["id"])} for step in told.view["steps"]],
        "time": _run_time(told.timing) if told.timing else None,
    }


def step_json(told: Story, step: StepStory) -> dict[str, Any]:
    """One step of a run. What it is called and what became of it stands as in the run."""
    return {
        "run": told.row.id,
        **step.view,
        "needs": list(step.spec.needs),
        "time": _step_time(step.time) if step.time else None,
        "attempts": [_attempt(each) for each in step.attempts],
        "inputs": [asdict(thing) for thing in step.inputs],
        "outputs": [asdict(thing) for thing in step.outputs],
        "printed": list(step.printed),
        "executed": str(step.executed) if step.executed else None,
        "key": step.record.key if step.record else None,
        "record": step.record.id if step.record else None,
    }


def _run_time(times: Timing) -> dict[str, Any]:
    said = remark(times)
    return {
        "seconds": times.seconds,
        "jobs": times.jobs,
        "total": asdict(times.total),
        "longest_chain": list(times.path),
        "longest_chain_seconds": times.path_seconds,
        "with_places": {str(places): seconds for places, seconds in times.with_places.items()},
        "remark": asdict(said) if said else None,
    }


def _step_time(took: StepTime) -> dict[str, Any]:
    return {
        "seconds": took.seconds,
        **asdict(took.usage),
        "slack": took.slack,
        "usual": took.usual,
        "slower": took.slower,
    }


def _attempt(each: PastAttempt) -> dict[str, Any]:
    return {
        **asdict(each),
        "started": None if each.started is None else time_text(each.started),
        "ended": None if each.ended is None else time_text(each.ended),
        "environment": dict(each.environment),
    }
