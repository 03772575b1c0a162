"""The verbs of nbflow as functions: they return values and never print.

The command line, the magic and the server all call these; what a verb means is decided here once. Reading verbs
(``make_plan``, ``explain``, ``status``) execute nothing. ``run`` makes steps run through ``driver`` and ``attempt``.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbflow import notebook as notebooks
from nbflow.attempt import Workshop
from nbflow.core.events import Event, StepReused, StepSpec, StepSucceeded, time_text, to_json
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding, Reason, Record
from nbflow.core.plan import Plan, Planner, plan
from nbflow.core.run import Run, begin
from nbflow.core.select import select
from nbflow.core.view import because
from nbflow.driver import Canceller, drive
from nbflow.errors import NbflowError, StoreError, UsageError, did_you_mean
from nbflow.executors import Executor
from nbflow.journal import Journal, ResultRow, RunLock, new_run_id
from nbflow.masking import Masker
from nbflow.project import Forced, Project, open_project
from nbflow.store.home import require_own

__all__ = [
    "Explanation", "Finished", "StepStatus", "dry_run", "explain", "fix", "graph_json", "make_plan", "open_project",
    "plan_json", "run", "selected_steps", "status",
]  # fmt: skip

RUNS = "nbflow_runs"


# --- plan ----------------------------------------------------------------------------------------------


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


def plan_json(pipeline: Pipeline, made: Plan) -> dict[str, Any]:
    """The documented shape of ``nbflow plan --json``."""
    steps = []
    for step_id, planned in made.steps.items():
        steps.append({
            **_step_json(pipeline, pipeline.steps[step_id]),
            "action": planned.action,
            "certain": planned.certain,
            "reasons": [{"kind": r.kind, "detail": r.detail} for r in planned.reasons],
        })  # fmt: skip
    return {"steps": steps, "edges": _edges_json(pipeline, set(made.steps))}


def graph_json(pipeline: Pipeline) -> dict[str, Any]:
    """Steps and edges, without any decision."""
    return {
        "steps": [_step_json(pipeline, s) for s in pipeline.steps.values()],
        "edges": _edges_json(pipeline, set(pipeline.steps)),
    }


def _step_json(pipeline: Pipeline, step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "name": step.name,
        "notebook": step.notebook,
        "cells": list(step.outline.cells),
        "inputs": [i.item.label for i in step.inputs],
        "outputs": [o.label for o in step.outputs],
        "needs": [pipeline.steps[n].name for n in step.needs],
    }


def _edges_json(pipeline: Pipeline, among: set[str]) -> list[dict[str, str]]:
    return [
        {"from": pipeline.steps[e.source].name, "to": pipeline.steps[e.target].name, "via": e.via}
        for e in pipeline.edges
        if e.source in among and e.target in among
    ]


# --- why and status ------------------------------------------------------------------------------------


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


# --- fix -----------------------------------------------------------------------------------------------


def fix(project: Project) -> list[tuple[str, int, str, str]]:
    """Write the declarations that the check asks for: ``(notebook, cell, old line, new line)`` for each change."""
    from nbflow.core.declare import step_line, with_items

    wanted: dict[tuple[str, int], tuple[dict[str, None], dict[str, None]]] = {}

    def want(notebook: str, name: str | None, cell: int | None, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        step = next((s for s in project.pipeline.outlines[notebook].steps if s.name == name), None)
        if step is None:
            return
        where = cell if cell in step.lines else (max(step.lines) if outputs else min(step.lines))
        ins, outs = wanted.setdefault((notebook, int(where or 0)), ({}, {}))
        ins.update(dict.fromkeys(inputs))
        outs.update(dict.fromkeys(outputs))

    for finding in project.findings():
        if finding.add_inputs:
            want(finding.notebook, finding.step, finding.cell, finding.add_inputs, ())
        if finding.add_outputs:
            want(finding.notebook, finding.fix_step or finding.step, None, (), finding.add_outputs)
    changes = []
    for notebook in dict.fromkeys(n for n, _ in wanted):
        edits: dict[int, notebooks.LineEdit] = {}
        outline = project.pipeline.outlines[notebook]
        for (path, cell), (inputs, outputs) in wanted.items():
            if path != notebook:
                continue
            source = outline.notebook.cell(cell).source
            found = step_line(source)
            index = found.index if found else next(i for i, x in enumerate(source.split("\n")) if "%step" in x)
            old = source.split("\n")[index]
            new = with_items(old, inputs, outputs)
            if new != old:
                edits[cell] = notebooks.LineEdit(index, old, new)
                changes.append((notebook, cell, old, new))
        if edits:
            try:
                notebooks.replace_lines(project.files[notebook], edits)
            except OSError as error:
                raise UsageError(f"{notebook} cannot be written: {error.strerror or error}.") from error
    return changes


# --- run -----------------------------------------------------------------------------------------------


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


def dry_run(project: Project, planner: Planner, terms: Sequence[str] = (), exclude: Sequence[str] = ()) -> Plan:
    """What ``run`` would do."""
    project.require_sound(planner)
    return make_plan(project, planner, terms, exclude)


def run(
    project: Project,
    *,
    terms: Sequence[str] = (),
    exclude: Sequence[str] = (),
    forced: Forced = "",
    on_start: Callable[[str, Plan, Path], None] = lambda *_: None,
    on_event: Callable[[Event, Run], None] = lambda *_: None,
    cancel: Canceller | None = None,
    executor: Executor | None = None,
) -> Finished:
    """Run what is stale among the selected steps.

    ``on_start`` gets the run's id, its plan and its folder before anything starts; ``on_event`` every fact. Raises
    ``InvalidPipeline`` or ``UsageError`` before anything has run.
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
    executor = _executor(project, masker, executor)
    run_id = new_run_id(datetime.now(UTC), _token())
    with Journal.open(project.root, masker) as journal, RunLock(project.root, run_id):
        folder = _make_folder(project.root, run_id)
        shop = Workshop(project, planner, run_id, folder, executor, masker)
        _bring_what_is_needed(shop, made)
        journal.begin_run(run_id, time_text(time.time()), sorted(project.files), project.parameters, str(folder))
        on_start(run_id, made, folder)
        status = "crashed"
        try:
            finished = drive(
                _begun(project, made),
                shop,
                journal_sink=lambda events: _write(journal, run_id, events),
                on_event=on_event,
                reused=_certainly_reused(shop, made),
                folder=str(folder),
                cancel=cancel,
            )
            status = str(finished.status)
        finally:
            _write_copies(shop, made)
            journal.finish_run(run_id, time_text(time.time()), status)
    _tidy(project, run_id)
    return Finished(finished, run_id, folder, status, dict(shop.warnings), findings)


def _token() -> str:
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(4))


def _executor(project: Project, masker: Masker, given: Executor | None) -> Executor:
    name = project.settings.executor
    if name != "papermill":
        raise UsageError(f"There is no executor '{name}'.{did_you_mean(name, ['papermill'])}", "Executors: papermill.")
    if given is not None:
        return given
    from nbflow.executors.papermill import PapermillExecutor

    return PapermillExecutor(masker)


def _masker(project: Project) -> Masker:
    return Masker({n: v for n in project.settings.secrets if (v := project.environ.get(n))})


def _make_folder(root: Path, run_id: str) -> Path:
    folder = root / RUNS / run_id
    try:
        folder.mkdir(parents=True)
        ignore = folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except (FileExistsError, NotADirectoryError):
        raise StoreError(
            f"The run's folder cannot be made: {folder.parent} is no folder.", "Move it away and run again."
        ) from None
    except OSError as error:
        raise StoreError(
            f"The run's folder cannot be made: {folder} ({error.strerror}).",
            "Make room on the disk, or make the project folder writable.",
        ) from error
    return folder


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
                resources=options.resources,
                short=step.name,
                reason=because(planned.reasons, "first run"),
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
    found = []
    for step_id, planned in made.steps.items():
        if planned.action == "reuse" and planned.record is not None:
            shop.reuse(step_id, planned.record)
            reason = because(planned.reasons)
            found.append(StepReused(step_id, reason=reason, key=planned.record.key, record=planned.record.id))
    return found


def _bring_what_is_needed(shop: Workshop, made: Plan) -> None:
    """Steps that are needed and not selected: their stored results count, and their files are put back."""
    steps = shop.project.pipeline.steps
    queue = [n for s in made.steps for n in steps[s].needs]
    wanted: set[str] = set()
    while queue:
        step = queue.pop()
        if step not in wanted and step not in made.steps:
            wanted.add(step)
            queue += steps[step].needs
    above: dict[str, Record] = {}
    for step in steps:
        if step in wanted:
            planned = shop.planner.decide(step, above, selected=False)
            if planned.record is not None:
                above[step] = planned.record
                shop.reuse(step, planned.record)


def _write(journal: Journal, run_id: str, events: list[Event]) -> None:
    journal.append(run_id, [to_json(e, run_id) for e in events])
    rows = [
        ResultRow(e.step, e.key, e.record, run_id, time_text(e.at))
        for e in events
        if isinstance(e, StepReused | StepSucceeded)
    ]
    if rows:
        journal.set_results(rows)


def _write_copies(shop: Workshop, made: Plan) -> None:
    """The executed copy of each source notebook, with every step's outputs in place."""
    project = shop.project
    by_notebook: dict[str, list[str]] = {}
    for step_id in made.steps:
        by_notebook.setdefault(project.pipeline.steps[step_id].notebook, []).append(step_id)
    where = notebooks.places(project.raws)
    parts, states = [], []
    for step_id in made.steps:
        shown = _shown(shop, step_id)
        if shown is not None:
            step = project.pipeline.steps[step_id]
            pieces = shop.planner.slice(step, shop.made).pieces
            context = [(p.notebook, p.cell) for p in pieces if p.kind == "context"]
            parts.append(notebooks.replay(shown, step.notebook, step.outline.cells, context, where))
            states.append(shown.get("widgets", {}))
    together = notebooks.gather(parts)
    for path in by_notebook:
        target = shop.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        notebooks.write_json(target, notebooks.stitch(project.raws[path], together.get(path, {}), states))


def _shown(shop: Workshop, step_id: str) -> Mapping[str, Any] | None:
    record = shop.made.get(step_id)
    if record is None:
        return shop.shown.get(step_id)
    try:
        return shop.executed(record)
    except (NbflowError, ValueError):
        return None  # What it printed is lost; its results are not.


def _tidy(project: Project, run_id: str) -> None:
    """Keep the newest ``keep_runs`` run folders; results stay in the store."""
    runs = project.root / RUNS
    with suppress(OSError):
        old = sorted(p for p in runs.iterdir() if p.is_dir() and p.name != run_id)
        for folder in old[: max(0, len(old) + 1 - project.settings.keep_runs)]:
            shutil.rmtree(folder, ignore_errors=True)
