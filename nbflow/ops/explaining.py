"""Why one step would run or be reused, and where every step stands between runs. Nothing is executed."""

from __future__ import annotations

from dataclasses import dataclass

from nbflow.core.graph import Step
from nbflow.core.model import Reason, Record
from nbflow.core.plan import Planner, plan
from nbflow.errors import UsageError
from nbflow.ops.planning import selected_steps
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
    wanted = selected_steps(project, planner, [name])
    if len(wanted) != 1:
        known = ", ".join(project.pipeline.steps[s].name for s in sorted(wanted))
        raise UsageError(f"'{name}' means several steps: {known}.", "Name one of them.")
    step_id = next(iter(wanted))
    planned = plan(planner).steps[step_id]
    return Explanation(
        project.pipeline.steps[step_id], planned.action, planned.certain, planned.reasons, project.results.last(step_id)
    )


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Where one step stands between runs."""

    step: Step
    state: str
    """``fresh``, ``stale``, ``maybe stale`` (something above will run) or ``no result``."""
    reasons: tuple[Reason, ...]
    last: Record | None


def status(project: Project, planner: Planner) -> list[StepStatus]:
    """Where every step stands, in the order they run."""
    found = []
    for step_id, planned in plan(planner).steps.items():
        last = project.results.last(step_id)
        if planned.action == "reuse":
            state = "fresh"
        elif last is None:
            state = "no result"
        else:
            state = "stale" if planned.certain else "maybe stale"
        found.append(StepStatus(project.pipeline.steps[step_id], state, planned.reasons, last))
    return found
