"""What a run leaves beside the notebooks: its folder, with the executed copy of each source notebook in it.

The sources are never written. Results live in the store; a run folder that is cleared away takes none with it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nbflow import notebook as notebooks
from nbflow.attempt import Workshop
from nbflow.core.graph import Step
from nbflow.core.plan import Plan
from nbflow.errors import NbflowError, StoreError

RUNS, REPORT = "nbflow_runs", "report.html"
"""The folder of all runs, and the page in that of one."""

log = logging.getLogger(__name__)


def make(root: Path, run_id: str) -> Path:
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


def write_copies(shop: Workshop, made: Plan) -> None:
    """The executed copy of each source notebook, with every step's outputs in place. One that cannot be written is told
    of, and changes nothing else: what the run came to is in the journal and the store."""
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
            context = partial(_context_cells, shop, step)
            parts.append(notebooks.replay(shown, step.notebook, step.outline.cells, context, where))
            states.append(shown.get("widgets", {}))
    together = notebooks.gather(parts)
    for path in by_notebook:
        copy = notebooks.stitch(project.raws[path], together.get(path, {}), states, shop.injected(path))
        try:
            notebooks.write_json(shop.folder / path, copy)
        except OSError as error:
            log.warning("The executed notebook %s cannot be written: %s.", path, error.strerror or error)


def _context_cells(shop: Workshop, step: Step) -> list[tuple[str, int]]:
    pieces = shop.planner.slice(step, shop.made).pieces
    return [(p.notebook, p.cell) for p in pieces if p.kind == "context"]


def _shown(shop: Workshop, step_id: str) -> Mapping[str, Any] | None:
    record = shop.made.get(step_id)
    if record is None:
        return shop.shown.get(step_id)
    try:
        return shop.executed(record)
    except (NbflowError, ValueError):
        return None  # What it printed is lost; its results are not.
