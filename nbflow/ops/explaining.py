"""Why one step would run or be reused, and where every step stands between runs. Nothing is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbflow.core.graph import Step
from nbflow.core.model import Reason, Record
from nbflow.core.plan import Planner, plan
from nbflow.journal import Failure, Journal, last_failures
from nbflow.ops.folders import RUNS
from nbflow.ops.planning import one_step
from nbflow.project import Project


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one step would run or be reused."""

    step: Step
    action: str
    certain: bool
    reasons: tuple[Reason, ...]
    last: Record | None
    """Its newest stored result."""


def explain(project: Project, planner: Planner, name: str) -> Explanation:
    """Why the step called ``name`` would run or be reused. Raises ``UsageError`` for an unknown name."""
    step = one_step(project, planner, name)
    planned = plan(planner).steps[step.id]
    return Explanation(step, planned.action, planned.certain, planned.reasons, project.results.last(step.id))


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Where one step stands between runs."""

    step: Step
    state: str
    """``fresh``, ``stale``, ``maybe stale`` (something above will run) or ``no result``."""
    reasons: tuple[Reason, ...]
    last: Record | None
    failure: Failure | None = None
    """How its last attempt ended, where that failed or crashed and no result is newer."""
    executed: Path | None = None
    """The executed notebook of that attempt, while it is there."""


def status(project: Project, planner: Planner) -> list[StepStatus]:
    """Where every step stands, in the order they run. Only looks."""
    failures = _last_failures(project)
    found = []
    for step_id, planned in plan(planner).steps.items():
        last = project.results.last(step_id)
        if planned.action == "reuse":
            state = "fresh"
        elif last is None:
            state = "no result"
        else:
            state = "stale" if planned.certain else "maybe stale"
        step, failure = project.pipeline.steps[step_id], failures.get(step_id)
        executed = project.root / RUNS / failure.run / "steps" / f"{step.name}.ipynb" if failure else None
        there = executed if executed and executed.exists() else None
        found.append(StepStatus(step, state, planned.reasons, last, failure, there))
    return found


def _last_failures(project: Project) -> Mapping[str, Failure]:
    journal = Journal.read(project.root)
    if journal is None:
        return {}
    with journal:
        return last_failures(journal)
