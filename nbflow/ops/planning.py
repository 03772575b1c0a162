"""Which steps are meant, and what a run of them would do. Nothing is executed.

Read ``core.select`` for the selectors and ``core.plan`` for the decisions; ``running`` carries a plan out.
"""

from __future__ import annotations

from collections.abc import Sequence

from nbflow.core.graph import Step
from nbflow.core.plan import Plan, Planner, plan
from nbflow.core.select import select
from nbflow.errors import UsageError
from nbflow.project import Project


def make_plan(project: Project, planner: Planner, terms: Sequence[str] = (), exclude: Sequence[str] = ()) -> Plan:
    """Decide every selected step. Raises ``UsageError`` where a selected step needs an unselected one that is stale."""
    wanted = selected_steps(project, planner, terms, exclude)
    made = plan(planner, wanted)
    if made.missing:
        step, needed = (project.pipeline.steps[s].name for s in made.missing[0])
        raise UsageError(
            f"Step '{step}' needs '{needed}', which has no fresh result and is not selected.",
            f"Select what it needs as well: -s +{step}",
        )
    return made


def selected_steps(
    project: Project, planner: Planner, terms: Sequence[str] = (), exclude: Sequence[str] = ()
) -> set[str]:
    """Full names of the steps that selectors mean (all without any). Raises ``UsageError`` for unknown ones."""
    steps = [(s.id, s.name, s.needs) for s in project.pipeline.steps.values()]

    def stale() -> set[str]:
        return {s for s, p in plan(planner).steps.items() if p.action == "run"}

    return select(terms, exclude, steps, stale)


def one_step(project: Project, planner: Planner, name: str) -> Step:
    """The step that goes by this name. Raises ``UsageError`` where there is none, or several."""
    wanted = selected_steps(project, planner, [name])
    if len(wanted) != 1:
        known = ", ".join(project.pipeline.steps[s].name for s in sorted(wanted))
        raise UsageError(f"'{name}' means several steps: {known}.", "Name one of them.")
    return project.pipeline.steps[next(iter(wanted))]


def dry_run(project: Project, planner: Planner, terms: Sequence[str] = (), exclude: Sequence[str] = ()) -> Plan:
    """What ``run`` would do."""
    project.require_sound(planner)
    return make_plan(project, planner, terms, exclude)
