"""What each cell of one notebook is: part of a step, context, or out of play.

An ``Outline`` is built once per notebook from its cells, their facts and their ``%%step`` lines. It knows which cells
make up a step and what the step declares; ``bindings`` says where names are bound and changed. Nothing here decides
about edges (``graph``) or slices (``slicing``); what is wrong with a line is kept as a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from nbflow.core import declare
from nbflow.core.bindings import Bindings
from nbflow.core.model import Cell, Declaration, Facts, Finding, Notebook, Unit
from nbflow.core.names import analyse, defers_annotations
from nbflow.core.syntax import lines_of
from nbflow.errors import DeclareError

SKIP_TAG = "nbflow-skip"
SKIP_TAGS = frozenset({SKIP_TAG, "skip-execution"})
"""Tags of cells that are in no slice."""
SETUP_TAG = "nbflow-setup"
PARAMETERS_TAG = "parameters"
NO_FACTS = Facts()


def facts_of(notebook: Notebook, analyse_one: Callable[[str, bool], Facts] = analyse) -> list[Facts]:
    """The facts about each cell of a notebook. ``analyse_one`` may remember what it found."""
    found: list[Facts] = []
    lazy_annotations = False
    for cell in notebook.cells:
        code = cell.kind == "code"
        found.append(analyse_one(cell.source, lazy_annotations) if code else NO_FACTS)
        lazy_annotations = lazy_annotations or (code and defers_annotations(cell.source))
    return found


@dataclass(frozen=True, slots=True)
class StepOutline:
    """A step as one notebook shows it."""

    name: str
    cells: tuple[int, ...]
    declaration: Declaration
    input_cells: Mapping[str, int] = field(default_factory=dict)
    """Input label → the first cell that declares it."""
    lines: Mapping[int, str] = field(default_factory=dict)
    """Cell → its ``%%step`` line as written (for ``check --fix``)."""

    @property
    def first(self) -> int:
        return self.cells[0]

    @property
    def last(self) -> int:
        """The cell where its outputs are made."""
        return self.cells[-1]

    @property
    def whole_notebook(self) -> bool:
        return self.declaration.whole_notebook

    def outputs(self, name: str) -> bool:
        """Whether it declares this variable as an output."""
        return any(item.name == name and not item.is_file for item in self.declaration.outputs)


class Outline:
    """Roles of cells and places of names in one notebook. ``read_facts`` finds the facts about each of its cells; it is
    called once something is asked that ``%%step`` lines alone do not answer."""

    def __init__(self, notebook: Notebook, read_facts: Callable[[], Sequence[Facts]]) -> None:
        self.notebook = notebook
        self._read_facts = read_facts
        self.findings: list[Finding] = []
        self.unreadable: set[int] = set()
        """Cells whose ``%%step`` line cannot be read: neither context nor part of a step."""
        self.steps: tuple[StepOutline, ...] = ()
        self._step_of: dict[int, StepOutline] = {}
        self._read_steps()

    # --- cells -------------------------------------------------------------------------------------

    @cached_property
    def facts(self) -> tuple[Facts, ...]:
        """Facts about each cell; none about cells out of play."""
        cells = zip(self.notebook.cells, self._read_facts(), strict=True)
        return tuple([facts if _in_play(cell) else NO_FACTS for cell, facts in cells])

    def step_at(self, number: int) -> StepOutline | None:
        """The step whose cell this is; ``None`` for context cells and cells out of play."""
        return self._step_of.get(number)

    def is_context(self, number: int) -> bool:
        return number not in self._step_of and number not in self.unreadable and bool(self.facts[number - 1].units)

    def units(self, number: int) -> tuple[Unit, ...]:
        return self.facts[number - 1].units

    def tags(self, number: int) -> frozenset[str]:
        return self.notebook.cell(number).tags

    def text(self, number: int, line: int) -> str:
        """One line of a cell (from 1), without its indentation."""
        lines = lines_of(self.notebook.cell(number).source)
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    @cached_property
    def context_cells(self) -> tuple[int, ...]:
        return tuple(c.number for c in self.notebook.cells if self.is_context(c.number))

    @cached_property
    def setup_tagged(self) -> frozenset[int]:
        return frozenset(n for n in self.context_cells if SETUP_TAG in self.tags(n))

    # --- names -------------------------------------------------------------------------------------

    @cached_property
    def bindings(self) -> Bindings:
        """Where names are bound and changed."""
        return Bindings(self)

    @property
    def read_names(self) -> Set[str]:
        """Every name that any code of the notebook may read."""
        return self.bindings.read_names

    @cached_property
    def parameter_cells(self) -> tuple[int, ...]:
        """The cell tagged ``parameters``: as for papermill, the first one counts."""
        tagged = (c for c in self.notebook.cells if PARAMETERS_TAG in c.tags and c.kind == "code")
        return tuple(c.number for c in tagged if self.units(c.number))[:1]

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """Name → JSON of its default (``""`` where the default is not a plain literal)."""
        return {
            name: unit.value
            for number in self.parameter_cells
            for unit in self.units(number)
            for name in unit.now.binds
            if not unit.imports
        }

    # --- reading the %%step lines ------------------------------------------------------------------

    def _read_steps(self) -> None:
        declared: dict[str, list[tuple[int, Declaration, str]]] = {}
        whole = self._whole_notebook_line()
        for cell in self.notebook.cells:
            line = declare.step_line(cell.source) if _in_play(cell) else None
            if line is None:
                continue
            if whole is not None:
                self.unreadable.add(cell.number)
                self._find(
                    "mixed-step", cell, None,
                    f"Cell {whole[0].number} makes the whole notebook one step with %step, so this cell cannot be one.",
                    "Keep the %step line or the %%step lines, not both.",
                )  # fmt: skip
                continue
            self._declare(declared, cell, line)
        if whole is not None:
            self._declare(declared, *whole)
        self.steps = tuple([self._merge(name, parts) for name, parts in declared.items()])
        for step in self.steps:
            for number in step.cells:
                self._step_of[number] = step
        self._find_names_alike()

    def _whole_notebook_line(self) -> tuple[Cell, declare.StepLine] | None:
        """The ``%step`` line in the first code cell that is not parameters or magics alone."""
        for cell in self.notebook.cells:
            if not _in_play(cell) or not cell.source.strip():
                continue
            line = declare.notebook_line(cell.source)
            if line is not None and not _in_a_string(self.facts[cell.number - 1]):
                return cell, line
            if PARAMETERS_TAG not in cell.tags and not _magics_alone(cell.source):
                return None
        return None

    def _declare(
        self, declared: dict[str, list[tuple[int, Declaration, str]]], cell: Cell, line: declare.StepLine
    ) -> None:
        try:
            declaration = declare.parse(line.text, whole_notebook=line.whole_notebook)
        except DeclareError as error:
            self.unreadable.add(cell.number)
            self._find("bad-step-line", cell, None, error.message, error.fix)
            return
        text = cell.source.split("\n", line.index + 1)[line.index]
        declared.setdefault(declaration.name, []).append((cell.number, declaration, text))

    def _merge(self, name: str, parts: list[tuple[int, Declaration, str]]) -> StepOutline:
        declaration = parts[0][1]
        for number, part, _ in parts[1:]:
            try:
                declaration = declare.merge([declaration, part])
            except DeclareError as error:
                self._find("bad-step-line", self.notebook.cell(number), name, error.message, error.fix)
        where: dict[str, int] = {}
        for number, part, _ in parts:
            for item in part.inputs:
                where.setdefault(item.label, number)
        cells = tuple([number for number, _, _ in parts])
        if declaration.whole_notebook:
            cells = tuple([c.number for c in self.notebook.cells if _in_play(c) and c.number not in self.unreadable])
        return StepOutline(name, cells, declaration, where, {number: text for number, _, text in parts})

    def _find_names_alike(self) -> None:
        by_fold: dict[str, StepOutline] = {}
        for step in self.steps:
            other = by_fold.setdefault(step.name.lower(), step)
            if other is not step:
                self._find(
                    "names-alike", self.notebook.cell(step.first), step.name,
                    f"The steps '{other.name}' (cell {other.first}) and '{step.name}' differ only in case.",
                    f"Write '{other.name}' in both if they are one step, or give one of them another name.",
                )  # fmt: skip

    def _find(self, code: str, cell: Cell, step: str | None, message: str, fix: str) -> None:
        self.findings.append(Finding(code, "error", self.notebook.path, cell.number, step, message, fix))


def _in_play(cell: Cell) -> bool:
    return cell.kind == "code" and not cell.tags & SKIP_TAGS


def _in_a_string(facts: Facts) -> bool:
    """Whether a line that looks like ``%step`` is text only: then the facts about the cell know no such magic."""
    return bool(facts.units or facts.opaque) and "%step" not in facts.comments


def _magics_alone(source: str) -> bool:
    lines = [line.strip() for line in source.split("\n")]
    return all(not line or line.startswith(("%", "!", "#")) for line in lines) and not source.lstrip().startswith("%%")
