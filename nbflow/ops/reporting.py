"""The report of a run, ``report.html`` in its folder: written as the run ends, or when somebody asks for it.

A run that made something, failed or was cancelled writes its own. One in which everything was fresh does not, for it
should cost next to nothing; nor can one that was killed. For these, and while a run still goes on, it is made from the
journal when asked for. What cells showed is read from the executed notebooks in the run's folder.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.core import declare
from nbflow.core.comparing import Comparison
from nbflow.core.graph import Pipeline
from nbflow.core.model import Record
from nbflow.core.view import RunView
from nbflow.errors import NbflowError, StoreError
from nbflow.journal import Journal, RunRow
from nbflow.notebook.writing import write_bytes
from nbflow.ops.comparing import compare_stories, run_before
from nbflow.ops.folders import REPORT
from nbflow.ops.following import find_run, journal_of
from nbflow.ops.history import Story, told_by
from nbflow.ops.results import NONE
from nbflow.ops.viewing import whole_view
from nbflow.project import open_project
from nbflow.render.report import ShownCell, page
from nbflow.settings import Settings

log = logging.getLogger(__name__)


def report(settings: Settings, run: str = "last", output: Path | None = None, against: str = "") -> Path:
    """Where the report of a run lies; made where there is none yet, or the run has gone on since. ``output``: write it
    there instead. ``against``: the run that it is compared with, in place of the one before it; that is a report of its
    own. Raises ``UsageError``, ``JournalError`` and ``StoreError``."""
    with journal_of(settings.root) as journal:
        row = find_run(journal, run)
        told = told_by(journal, settings, row)
        other = find_run(journal, against) if against else None
        name = REPORT if other is None else f"{Path(REPORT).stem}-{other.id}.html"
        place = told.folder / name if output is None else output
        if output is None and place.is_file() and row.status not in ("running", "unknown"):
            return place
        compared = _compared(journal, told, other)
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(told, place, pipeline_of(told), base="" if output is None else None, compared=compared)
    except OSError as error:
        raise StoreError(
            f"The report cannot be written: {place} ({error.strerror}).", "Name another place: nbflow report --output"
        ) from error
    return place


def write_at_end(
    journal: Journal, settings: Settings, run: str, status: str, pipeline: Pipeline, made: Mapping[str, Record]
) -> None:
    """The report of a run that ends now, before the journal says so. One that cannot be written is told of, and changes
    nothing else."""
    row = journal.run(run)
    if row is None:
        return
    try:
        told = told_by(journal, settings, replace(row, status=status))
        write(told, told.folder / REPORT, pipeline, made, compared=_compared(journal, told))
    except Exception as error:  # whatever it was: the run is what it is
        log.warning("The report cannot be written: %s.", error)


def _compared(journal: Journal, told: Story, other: RunRow | None = None) -> Comparison | None:
    """What is different from another run, by default the one before of the same notebooks."""
    other = other or run_before(journal, told.row)
    return None if other is None else compare_stories(told_by(journal, told.settings, other), told)


def write(
    told: Story, place: Path, pipeline: Pipeline | None, made: Mapping[str, Record] = NONE, base: str | None = "",
    compared: Comparison | None = None,
) -> None:  # fmt: skip
    """Write it, whole or not at all. ``base``: how it reaches the run's folder. Raises ``OSError``."""
    seen = whole_view(told, pipeline, made)
    text = page(seen, shown_cells(seen, told.folder), base=base, compared=compared)
    write_bytes(place, text.encode("utf-8", "replace"))


def pipeline_of(told: Story) -> Pipeline | None:
    """The pipeline of today; ``None`` where there is no such any more."""
    root = told.settings.root
    try:
        with open_project([root / source for source in told.row.sources], cwd=root) as project:
            return project.pipeline
    except NbflowError:
        return None


def shown_cells(seen: RunView, folder: Path) -> dict[str, list[ShownCell]]:
    """What the cells of each step showed, from the executed copies of the notebooks."""
    found: dict[str, list[ShownCell]] = {}
    steps = {(step["notebook"], step["id"].rpartition(".")[2]): step["id"] for step in seen["steps"]}
    inside = folder.resolve()
    for path in dict.fromkeys(step["notebook"] for step in seen["steps"]):
        copy = folder / path
        if not path or not copy.resolve().is_relative_to(inside):
            continue
        try:
            cells = notebooks.read_raw(copy, path)["cells"]
        except NbflowError:  # cleared away since
            continue
        code = [(number, cell) for number, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
        whole = next((line for _, cell in code if (line := declare.notebook_line(cell["source"])) is not None), None)
        for number, cell in code:
            name = declare.step_of(cell["source"]) if whole is None else whole.text.partition(" ")[0]
            step = steps.get((path, name))
            if step is not None:
                found.setdefault(step, []).append(ShownCell(number, cell.get("outputs") or ()))
    return found
