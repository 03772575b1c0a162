"""All that a front end draws of a run, in one value: the view, with what lies on disks beside the journal.

The journal tells what happened, the store what was made, the run's folder what was shown, the pipeline how it all hangs
together. Nothing is executed or unpickled. A front end that follows a run makes ``graph_of`` once, ``core.view.view``
as often as it draws, and ``with_results`` for the steps that have ended since; who looks back asks for ``whole_view``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import cast

from nbflow.core.events import StepSpec
from nbflow.core.graph import Pipeline
from nbflow.core.model import Record
from nbflow.core.reasons import because
from nbflow.core.run import begin
from nbflow.core.view import GraphView, Notes, RunView, Standing, StepView, view
from nbflow.errors import MissingLayoutEngine
from nbflow.ops.explaining import StepStatus
from nbflow.ops.history import Story
from nbflow.ops.results import NONE, Results
from nbflow.ops.step_history import executed_notebook, printed
from nbflow.store import Store

LINES = 20
"""Of what a step printed."""

CHANGED = "The notebooks have changed since this run, so its picture is left out."

LONGEST_NOTE = "trying again · 59 min 59 s"
"""So wide are the cards of a picture whose states change."""


def whole_view(told: Story, pipeline: Pipeline | None, made: Mapping[str, Record] = NONE) -> RunView:
    """Everything. ``pipeline``: of today, for the picture, ``None`` where there is none any more; ``made``: results
    that need not be read any more."""
    results = Results(Store(told.settings.store), told.run.shape.specs, told.facts, made)
    seen = with_results(told.view, results, told.folder)
    return {**seen, "graph": graph_of(pipeline, [step["id"] for step in seen["steps"]])}


def with_results(seen: RunView, results: Results, folder: Path, only: Collection[str] | None = None) -> RunView:
    """The view with what its steps took, made and printed. ``only``: full names of the steps that are looked at."""
    steps = [_with_results(s, results, folder) if only is None or s["id"] in only else s for s in seen["steps"]]
    return {**seen, "steps": steps}


def _with_results(step: StepView, results: Results, folder: Path) -> StepView:
    executed = executed_notebook(folder, step["name"])
    record = results.record(step["id"])
    return {
        **step,
        "inputs": results.inputs(step["id"]),
        "outputs": results.outputs(step["id"]),
        "printed": printed(results.store, executed, record, LINES),
        "executed": "" if executed is None else executed.relative_to(folder).as_posix(),
    }


def standing_view(pipeline: Pipeline, rows: Sequence[StepStatus], jobs: int) -> RunView:
    """How a pipeline stands while nothing runs, as a run that has not begun."""
    specs = [
        StepSpec(s.id, tuple(s.needs), short=s.name, notebook=s.notebook, cells=s.outline.cells)
        for s in (row.step for row in rows)
    ]
    seen = view("", begin(specs, jobs=jobs), Notes())
    steps = [_standing(step, row) for step, row in zip(seen["steps"], rows, strict=True)]
    return {
        **seen,
        "label": "not running",
        "counts": dict(Counter(step["state"] for step in steps)),
        "actions": ["run"],
        "steps": steps,
        "graph": graph_of(pipeline, [step["id"] for step in steps]),
    }


def _standing(step: StepView, row: StepStatus) -> StepView:
    why = because(row.reasons)
    error = why if row.state == "invalid" else ""
    state = cast("Standing", row.state)
    return {
        **step, "state": state, "label": state, "reason": why, "error": error, "actions": ["only", *step["actions"]],
    }  # fmt: skip


def graph_of(pipeline: Pipeline | None, steps: Collection[str]) -> GraphView:
    """The picture of a run of these steps (full names), before anything has happened."""
    from nbflow.render import dag  # of use to those who draw alone

    if pipeline is None or not set(steps) <= set(pipeline.steps):
        return {"svg": "", "elements": {}, "note": CHANGED}
    states = dict.fromkeys(steps, "waiting")
    try:
        svg = dag.svg(pipeline, states, notes=dict.fromkeys(steps, LONGEST_NOTE))
    except MissingLayoutEngine as missing:
        return {"svg": "", "elements": {}, "note": f"{missing.message} {missing.fix}".strip()}
    return {"svg": svg, "elements": {s: e for s, e in dag.element_ids(pipeline).items() if s in states}, "note": ""}
