"""A run from beginning to end: what is stale among the selected steps is made, and everything tells the journal.

The decisions are ``planning``'s, the loop is ``driver``'s, the steps are made in ``attempt``'s workshop; here they are
brought together, once. What is written beside the notebooks is ``folders``'s.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from nbflow.attempt import Workshop
from nbflow.core.event_json import time_text, to_json
from nbflow.core.events import Event, StepReused, StepSpec, StepSucceeded
from nbflow.core.model import Finding, Record
from nbflow.core.parameters import values_of
from nbflow.core.plan import Plan, Planner
from nbflow.core.reasons import because
from nbflow.core.run import Run, begin
from nbflow.driver import Canceller, drive
from nbflow.errors import UsageError, did_you_mean
from nbflow.executors import Executor
from nbflow.journal import Journal, ResultRow, RunLock, new_run_id
from nbflow.kernels.guards import Guard
from nbflow.masking import Masker
from nbflow.ops import alerting, folders, keeping
from nbflow.ops.planning import make_plan
from nbflow.ops.sweeping import sweep
from nbflow.project import Forced, Project
from nbflow.store.home import require_own
from nbflow.store.locks import in_use

if TYPE_CHECKING:
    from nbflow.kernels.pool import Kernels

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has come to its end."""

    run: Run
    id: str
    folder: Path
    status: str
    warnings: Mapping[str, tuple[str, ...]]
    """Full name → what its contracts had to say."""
    findings: tuple[Finding, ...] = ()
    """Warnings and hints of the check."""
    made: Mapping[str, Record] = field(default_factory=dict)
    """Full name → the result that counts: what the run made, reused or took from an earlier one."""


P = ParamSpec("P")


def _holding_the_store(
    function: Callable[Concatenate[Project, P], Finished],
) -> Callable[Concatenate[Project, P], Finished]:
    """Nothing is removed from the store while the function plans and runs; what is beyond its limit goes afterwards."""

    @wraps(function)
    def held(project: Project, /, *args: P.args, **options: P.kwargs) -> Finished:
        with in_use(project.settings.store):
            finished = function(project, *args, **options)
        keeping.hold_to_limit(project.settings, project.store.added)
        return finished

    return held


@_holding_the_store
def run(
    project: Project,
    *,
    terms: Sequence[str] = (),
    exclude: Sequence[str] = (),
    forced: Forced = "",
    command: str = "",
    on_start: Callable[[str, Plan, Path], None] = lambda *_: None,
    on_event: Callable[[Event, Run], None] = lambda *_: None,
    on_idle: Callable[[], None] = lambda: None,
    cancel: Canceller | None = None,
    executor: Executor | None = None,
) -> Finished:
    """Run what is stale among the selected steps.

    ``command`` is what a person would type to run the same again, for those who look later. ``on_start`` gets the run's
    id, its plan and its folder before anything starts; ``on_event`` every fact; ``on_idle`` is called twice a second at
    least. Raises ``InvalidPipeline`` or ``UsageError`` before anything has run.
    """
    require_own(project.root)
    planner = project.planner(forced=forced)
    findings = project.require_sound(planner)
    made = make_plan(project, planner, terms, exclude)
    for step_id in made.stale:
        project.surroundings.interpreter(
            project.pipeline.outlines[project.pipeline.steps[step_id].notebook].notebook.kernel
        )
    masker = _masker(project)
    run_id = new_run_id(datetime.now(UTC), _token())
    _require_executor(project.settings.executor)
    with (
        Guard() as guard,
        Journal.open(project.root, masker) as journal,
        RunLock(project.root, run_id),
        _kernels(project, planner, made, executor, guard) as kernels,
    ):
        if journal.notice:
            log.warning("%s.", journal.notice[0].upper() + journal.notice[1:])
        executor = executor or _executor(masker, kernels)
        sweep(project)
        folder = folders.make(project.root, run_id)
        shop = Workshop(project, planner, run_id, folder, executor, masker, made=dict(made.needed))
        for needed, record in made.needed.items():
            shop.reuse(needed, record)  # files that another run works on now are put back when a step takes them
        journal.begin_run(run_id, time_text(time.time()), sorted(project.files), project.parameters, str(folder))
        on_start(run_id, made, folder)
        status = "crashed"
        alerting.prepare(project.root, journal, project.settings, guard)
        try:
            finished = drive(
                _begun(project, made),
                shop,
                journal_sink=lambda events: _write(journal, run_id, events),
                on_event=on_event,
                on_idle=on_idle,
                reused=_certainly_reused(shop, made),
                folder=str(folder),
                command=command,
                parameters=values_of(project.pipeline, project.parameters, made.steps),
                cancel=cancel,
            )
            status = str(finished.status)
        finally:
            folders.write_copies(shop, made)
            if any(planned.action == "run" for planned in made.steps.values()):
                from nbflow.ops.reporting import write_at_end  # of no use where all is fresh

                write_at_end(journal, project.settings, run_id, status, project.pipeline, shop.made)
            alerting.finish(journal, project.settings, run_id, status)
        keeping.forget_old_runs(journal, project.root, project.settings.keep_runs)
        alerting.start_sending(project.root, project.settings, guard)
    return Finished(finished, run_id, folder, status, dict(shop.warnings), findings, dict(shop.made))


def _token() -> str:
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(2))


def _require_executor(name: str) -> None:
    if name != "papermill":
        raise UsageError(f"There is no executor '{name}'.{did_you_mean(name, ['papermill'])}", "Executors: papermill.")


def _kernels(
    project: Project, planner: Planner, made: Plan, given: Executor | None, guard: Guard
) -> AbstractContextManager[Kernels | None]:
    """Where the kernels of the run come from; ``None`` where it will hardly need any, and need not load what starts
    them."""
    if given is not None or not made.stale:
        return nullcontext()
    from nbflow.attempt.kernels import coming
    from nbflow.kernels.pool import Kernels, Makers

    warm = project.settings.kernels == "warm"
    return Kernels(project.settings.jobs, coming(project, planner, made) if warm else None, Makers(guard))


def _executor(masker: Masker, kernels: Kernels | None) -> Executor:
    from nbflow.executors.papermill import PapermillExecutor

    return PapermillExecutor(masker, kernels)


def _masker(project: Project) -> Masker:
    return Masker({n: v for n in project.settings.secrets if (v := project.environ.get(n))})


def _begun(project: Project, made: Plan) -> Run:
    settings = project.settings
    return begin(_specs(project, made), jobs=settings.jobs, capacity=_capacity(project), fail_fast=settings.fail_fast)


def _specs(project: Project, made: Plan) -> tuple[StepSpec, ...]:
    settings = project.settings
    found = []
    for step_id, planned in made.steps.items():
        step = project.pipeline.steps[step_id]
        options = step.outline.declaration.options
        found.append(
            StepSpec(
                step_id,
                tuple(n for n in step.needs if n in made.steps),
                retries=settings.retries if options.retries is None else options.retries,
                retry_delay=settings.retry_delay if options.retry_delay is None else options.retry_delay,
                crash_retries=settings.crash_retries,
                resources=options.resources,
                short=step.name,
                reason=because(planned.reasons, "first run"),
                notebook=step.notebook,
                cells=step.outline.cells,
            )
        )
    return tuple(found)


def _capacity(project: Project) -> dict[str, float]:
    import psutil

    return {
        "cpu": float(project.settings.jobs),
        "memory": float(psutil.virtual_memory().total),
        **project.settings.resources,
    }


def _certainly_reused(shop: Workshop, made: Plan) -> list[StepReused]:
    """A step whose files another run works on now is left to an attempt, which may wait, and so are those below it."""
    found = []
    for step_id, planned in made.steps.items():
        if planned.action != "reuse" or planned.record is None:
            continue
        above = shop.project.pipeline.steps[step_id].needs
        if all(need in shop.made for need in above) and shop.reuse(step_id, planned.record):
            reason = because(planned.reasons)
            found.append(StepReused(step_id, reason=reason, key=planned.record.key, record=planned.record.id))
    return found


def _write(journal: Journal, run_id: str, events: list[Event]) -> None:
    journal.append(run_id, [to_json(e, run_id) for e in events])
    rows = [
        ResultRow(e.step, e.key, e.record, run_id, time_text(e.at))
        for e in events
        if isinstance(e, StepReused | StepSucceeded)
    ]
    if rows:
        journal.set_results(rows)
    if took := {e.step: e.usage.held or e.seconds for e in events if isinstance(e, StepSucceeded)}:
        journal.add_durations(run_id, took)
