"""``check --fix``: the declarations that the check asks for, written into the notebooks' step lines.

Only those lines change. ``core.check`` says what to add, ``core.declare`` how a line reads with it, ``notebook.fixing``
leaves every other byte of the file alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbflow import notebook as notebooks
from nbflow.core.declare import step_line, with_items
from nbflow.core.graph import Pipeline
from nbflow.core.model import Finding, Notebook
from nbflow.core.outline import Outline
from nbflow.errors import UsageError
from nbflow.project import Project


@dataclass
class _Additions:
    """What one step line lacks, in the order found."""

    inputs: dict[str, None] = field(default_factory=dict)
    outputs: dict[str, None] = field(default_factory=dict)


def fix(project: Project) -> list[tuple[str, int, str, str]]:
    """Write the declarations that the check asks for: ``(notebook, cell, old line, new line)`` for each change."""
    changes = []
    for notebook, cells in _wanted(project.pipeline.outlines, project.findings()).items():
        edits = _edits(project.pipeline.outlines[notebook].notebook, cells)
        if edits:
            try:
                notebooks.replace_lines(project.files[notebook], edits)
            except OSError as error:
                raise UsageError(f"{notebook} cannot be written: {error.strerror or error}.") from error
        changes += [(notebook, cell, edit.old, edit.new) for cell, edit in edits.items()]
    return changes


def edits(pipeline: Pipeline, findings: Iterable[Finding]) -> dict[tuple[str, int], notebooks.LineEdit]:
    """The same without writing: ``(notebook, cell)`` → how its step line reads with what these findings ask for."""
    return {
        (notebook, cell): edit
        for notebook, cells in _wanted(pipeline.outlines, findings).items()
        for cell, edit in _edits(pipeline.outlines[notebook].notebook, cells).items()
    }


def _wanted(outlines: Mapping[str, Outline], findings: Iterable[Finding]) -> dict[str, dict[int, _Additions]]:
    """Notebook → cell of a step line → what to add there."""
    wanted: dict[str, dict[int, _Additions]] = {}

    def want(notebook: str, name: str | None, cell: int | None, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        step = next((s for s in outlines[notebook].steps if s.name == name), None)
        if step is None:
            return
        where = cell if cell in step.lines else (max(step.lines) if outputs else min(step.lines))
        lacking = wanted.setdefault(notebook, {}).setdefault(int(where or 0), _Additions())
        lacking.inputs.update(dict.fromkeys(inputs))
        lacking.outputs.update(dict.fromkeys(outputs))

    for finding in findings:
        if finding.add_inputs:
            want(finding.notebook, finding.step, finding.cell, finding.add_inputs, ())
        if finding.add_outputs:
            want(finding.notebook, finding.fix_step or finding.step, None, (), finding.add_outputs)
    return wanted


def _edits(notebook: Notebook, cells: Mapping[int, _Additions]) -> dict[int, notebooks.LineEdit]:
    edits = {}
    for cell, lacking in cells.items():
        source = notebook.cell(cell).source
        lines = source.split("\n")
        found = step_line(source)
        index = found.index if found else next(i for i, line in enumerate(lines) if "%step" in line)
        new = with_items(lines[index], lacking.inputs, lacking.outputs)
        if new != lines[index]:
            edits[cell] = notebooks.LineEdit(index, lines[index], new)
    return edits
