"""Why one step would run or be reused, and where every step stands between runs. Nothing is executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbflow.core.graph import Step
from nbflow.core.model import Finding, Reason, Record
from nbflow.core.plan import Planned, Planner, plan
from nbflow.core.unsound import Unsound, unsound
from nbflow.errors import InvalidPipeline
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
    """The result that is reused; where it will run, its newest one."""


def explain(project: Project, planner: Planner, name: str) -> Explanation:
    """Why the step called ``name`` would run or be reused. Raises ``UsageError`` for an unknown name, and
    ``InvalidPipeline`` where the check found an error about it or about what it needs."""
    step = one_step(project, planner, name)
    undecided = unsound(project.pipeline, project.verdict(planner))
    if step.id in undecided:
        raise _undecided(project, step, undecided[step.id])
    planned = plan(planner, project.pipeline.steps.keys() - undecided.keys()).steps[step.id]
    last = planned.record or project.results.last(step.id)
    return Explanation(step, planned.action, planned.certain, planned.reasons, last)


def _undecided(project: Project, step: Step, why: Unsound) -> InvalidPipeline:
    about = f"it needs '{why.needs}', about which the check found" if why.needs else "the check found"
    return project.refusal(why.findings, f"Step '{step.name}' cannot be decided: {about} {{count}}.")


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Where one step stands between runs."""

    step: Step
    state: str
    """``fresh``, ``stale``, ``maybe stale`` (something above will run), ``no result``, or ``invalid`` (the check found
    an error about it, or about what it needs)."""
    reasons: tuple[Reason, ...]
    last: Record | None
    """As for ``Explanation``."""
    failure: Failure | None = None
    """How its last attempt ended, where that failed or crashed and no result is newer."""
    executed: Path | None = None
    """The executed notebook of that attempt, while it is there."""


def status(project: Project, planner: Planner, findings: Sequence[Finding] | None = None) -> list[StepStatus]:
    """Where every step stands, in the order they run. Only looks. ``findings``: the project's verdict, where it is
    known already. Raises ``InvalidPipeline`` where the errors of the check leave no step that can be decided."""
    steps = project.pipeline.steps
    findings = project.verdict(planner) if findings is None else findings
    undecided = unsound(project.pipeline, findings)
    if steps and len(undecided) == len(steps):
        raise project.refusal(findings, "The check found {count}, so no step can be decided.")
    planned = plan(planner, steps.keys() - undecided.keys()).steps
    failures = _last_failures(project)
    found = []
    for step_id, step in steps.items():
        invalid, failure = undecided.get(step_id), failures.get(step_id)
        reused = None if invalid is not None else planned[step_id].record
        last = reused or project.results.last(step_id)
        reasons = planned[step_id].reasons if invalid is None else invalid.reasons
        state = "invalid" if invalid is not None else _state(planned[step_id], last)
        executed = project.root / RUNS / failure.run / "steps" / f"{step.name}.ipynb" if failure else None
        there = executed if executed and executed.exists() else None
        found.append(StepStatus(step, state, reasons, last, failure, there))
    return found


def _state(planned: Planned, last: Record | None) -> str:
    if planned.action == "reuse":
        return "fresh"
    if last is None:
        return "no result"
    return "stale" if planned.certain else "maybe stale"


def _last_failures(project: Project) -> Mapping[str, Failure]:
    journal = Journal.read(project.root)
    if journal is None:
        return {}
    with journal:
        return last_failures(journal)
