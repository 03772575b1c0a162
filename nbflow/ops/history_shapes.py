"""The documented JSON of ``nbflow runs`` and ``nbflow show``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
    return dict(told.view)


def step_json(told: Story, step: StepStory) -> dict[str, Any]:
    """One step of a run. What it is called and what became of it stands as in the run."""
    return {
        "run": told.row.id,
        **step.view,
        "inputs": list(step.inputs),
        "outputs": list(step.outputs),
        "printed": list(step.printed),
        "executed": str(step.executed) if step.executed else None,
        "key": step.record.key if step.record else None,
        "record": step.record.id if step.record else None,
    }
