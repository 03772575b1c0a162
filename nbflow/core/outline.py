"""What each cell of one notebook is: part of a step, context, or out of play; and where names are bound.

An ``Outline`` is built once per notebook from its cells, their facts and their ``%%step`` lines. It answers two
kinds of questions for ``slicing`` and ``graph``: which cells make up a step, and which cells bind or may change
a name. It decides nothing about edges or slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nbflow.core import declare
from nbflow.core.model import Cell, Declaration, Facts, Finding, Notebook, Unit
from nbflow.errors import DeclareError

SKIP_TAGS = frozenset({"nbflow-skip", "skip-execution"})
SETUP_TAG = "nbflow-setup"
PARAMETERS_TAG = "parameters"
NO_FACTS = Facts()


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


class Outline:
    """Roles of cells and places of names in one notebook. ``facts[i]`` belongs to ``notebook.cells[i]``."""

    def __init__(self, notebook: Notebook, facts: Sequence[Facts]) -> None:
        self.notebook = notebook
        self.facts = tuple(f if _in_play(c) else NO_FACTS for c, f in zip(notebook.cells, facts, strict=True))
        self.findings: list[Finding] = []
        self.steps: tuple[StepOutline, ...] = ()
        self._step_of: dict[int, StepOutline] = {}
        self._read_steps()

    # --- cells -------------------------------------------------------------------------------------

    def step_at(self, number: int) -> StepOutline | None:
        """The step whose cell this is; ``None`` for context cells and cells out of play."""
        return self._step_of.get(number)

    def is_context(self, number: int) -> bool:
        return number not in self._step_of and bool(self.units(number))

    def units(self, number: int) -> tuple[Unit, ...]:
        return self.facts[number - 1].units

    def tags(self, number: int) -> frozenset[str]:
        return self.notebook.cell(number).tags

    @cached_property
    def context_cells(self) -> tuple[int, ...]:
        return tuple(c.number for c in self.notebook.cells if self.is_context(c.number))

    @cached_property
    def parameter_cells(self) -> tuple[int, ...]:
        return tuple(
            c.number for c in self.notebook.cells if PARAMETERS_TAG in c.tags and c.kind == "code" and self.units(c.number)
        )[:1]

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

    # --- names -------------------------------------------------------------------------------------

    @cached_property
    def binders(self) -> Mapping[str, Sequence[int]]:
        """Name → the cells that may bind it, in order (through a called function's ``global``, too)."""
        found: dict[str, list[int]] = {}
        for number, name in self._bindings():
            cells = found.setdefault(name, [])
            if not cells or cells[-1] != number:
                cells.append(number)
        return found

    @cached_property
    def changers(self) -> Mapping[str, Sequence[int]]:
        """Name → the cells that may change its object in place, in order."""
        found: dict[str, list[int]] = {}
        for cell in self.notebook.cells:
            names = [c.name for u in self.units(cell.number) for c in u.now.changes]
            names += [n for u in self.units(cell.number) for n in self._changed_by_calls(u, cell.number)]
            for name in dict.fromkeys(names):
                found.setdefault(name, []).append(cell.number)
        return found

    @cached_property
    def read_names(self) -> frozenset[str]:
        """Every name that any code of the notebook may read."""
        return frozenset(
            n
            for f in self.facts
            for u in f.units
            for code in (u.now, u.later)
            for n in (*code.reads, *(c.name for c in code.changes))
        )

    def binding_units(self, number: int, name: str) -> list[int]:
        """Indexes of the cell's units that may bind ``name``."""
        return [
            i
            for i, u in enumerate(self.units(number))
            if name in u.now.binds or (u.now.calls and name in self._bound_by_calls(u, number))
        ]

    def definitions(self, name: str, above: int) -> list[Unit]:
        """Units that the nearest binding of ``name`` at or above a cell may come from."""
        cells = self._own_binders.get(name, ())
        for number in reversed(cells):
            if number <= above:
                return [u for u in self.units(number) if name in u.now.binds]
        return []

    @cached_property
    def _own_binders(self) -> Mapping[str, Sequence[int]]:
        found: dict[str, list[int]] = {}
        for cell in self.notebook.cells:
            for name in dict.fromkeys(n for u in self.units(cell.number) for n in u.now.binds):
                found.setdefault(name, []).append(cell.number)
        return found

    @cached_property
    def _mutators(self) -> frozenset[str]:
        """Functions and classes whose later code, or that of what they read, binds or changes globals or sets things up."""
        direct: set[str] = set()
        readers: dict[str, set[str]] = {}
        for facts in self.facts:
            for unit in facts.units:
                if not unit.later.reads and not unit.later.changes and not unit.later.binds and not unit.later.setup:
                    continue
                for name in unit.now.binds:
                    if unit.later.changes or unit.later.binds or unit.later.setup or unit.later.bare_calls:
                        direct.add(name)
                    for read in unit.later.reads:
                        readers.setdefault(read, set()).add(name)
        queue = list(direct)
        while queue:
            for caller in readers.get(queue.pop(), ()):
                if caller not in direct:
                    direct.add(caller)
                    queue.append(caller)
        return frozenset(direct)

    def _called_code(self, unit: Unit, number: int) -> list[Unit]:
        """Units whose later code runs when ``unit`` calls notebook functions, followed through what these read."""
        queue = [n for n in unit.now.calls if n in self._mutators]
        seen: set[str] = set()
        found: list[Unit] = []
        while queue:
            name = queue.pop()
            if name in seen:
                continue
            seen.add(name)
            for definition in self.definitions(name, number):
                found.append(definition)
                queue += [n for n in definition.later.reads if n in self._mutators]
        return found

    def _bound_by_calls(self, unit: Unit, number: int) -> list[str]:
        return [n for d in self._called_code(unit, number) for n in d.later.binds] if unit.now.calls else []

    def _changed_by_calls(self, unit: Unit, number: int) -> list[str]:
        return [c.name for d in self._called_code(unit, number) for c in d.later.changes] if unit.now.calls else []

    def _bindings(self) -> list[tuple[int, str]]:
        return [
            (cell.number, name)
            for cell in self.notebook.cells
            for unit in self.units(cell.number)
            for name in (*unit.now.binds, *self._bound_by_calls(unit, cell.number))
        ]

    # --- set-up ------------------------------------------------------------------------------------

    @cached_property
    def setup_cells(self) -> tuple[int, ...]:
        """Context cells that belong to every slice below them."""
        return tuple(
            n
            for n in self.context_cells
            if SETUP_TAG in self.tags(n) or any(u.always or self.sets_up(u, n) for u in self.units(n))
        )

    def sets_up(self, unit: Unit, number: int) -> bool:
        """Whether the statement configures something that later code depends on without naming it."""
        if any(self.is_import(root, number) for root in unit.now.setup):
            return True
        if not unit.now.bare_calls:
            return False
        bare = [n for n in unit.now.bare_calls if n in self._mutators]
        return bool(bare) and any(
            self.is_import(root, number) for d in self._called_from(bare, number) for root in d.later.setup
        )

    def _called_from(self, names: Sequence[str], number: int) -> list[Unit]:
        seen: set[str] = set()
        queue, found = list(names), []
        while queue:
            name = queue.pop()
            if name not in seen:
                seen.add(name)
                for definition in self.definitions(name, number):
                    found.append(definition)
                    queue += [n for n in definition.later.reads if n in self._mutators]
        return found

    def is_import(self, name: str, number: int) -> bool:
        """Whether the nearest binding of ``name`` at or above the cell is an import."""
        units = self.definitions(name, number)
        return any(i.bound == name for u in units for i in u.imports)

    @cached_property
    def unread_imports(self) -> tuple[tuple[int, int], ...]:
        """``(cell, unit index)`` of context imports whose names no cell reads: they are there for their effect."""
        return tuple(
            (n, i)
            for n in self.context_cells
            for i, u in enumerate(self.units(n))
            if u.kind == "import" and not u.always and not any(b in self.read_names for b in u.now.binds)
        )

    # --- reading the %%step lines ------------------------------------------------------------------

    def _read_steps(self) -> None:
        declared: dict[str, list[tuple[int, Declaration, str]]] = {}
        whole = self._whole_notebook_line()
        for cell in self.notebook.cells:
            if cell.kind != "code" or cell.tags & SKIP_TAGS:
                continue
            line = declare.step_line(cell.source)
            if line is None:
                continue
            if whole is not None:
                self._find("mixed-step", cell, None, "This notebook is one step by its %step line, so a cell cannot be a step too.",
                           "Keep %step or the %%step cells, not both.")  # fmt: skip
                continue
            self._declare(declared, cell, line)
        if whole is not None:
            self._declare(declared, *whole)
        self.steps = tuple(s for name, parts in declared.items() if (s := self._merge(name, parts)))
        for step in self.steps:
            for number in step.cells:
                self._step_of[number] = step
        self._find_names_alike()

    def _whole_notebook_line(self) -> tuple[Cell, declare.StepLine] | None:
        """The ``%step`` line in the first code cell that is not parameters or magics alone."""
        for cell in self.notebook.cells:
            if cell.kind != "code" or cell.tags & SKIP_TAGS or not cell.source.strip():
                continue
            line = declare.notebook_line(cell.source)
            if line is not None:
                return cell, line
            if PARAMETERS_TAG not in cell.tags and not _magics_alone(cell.source):
                return None
        return None

    def _declare(self, declared: dict[str, list[tuple[int, Declaration, str]]], cell: Cell, line: declare.StepLine) -> None:
        try:
            declaration = declare.parse(line.text, whole_notebook=line.whole_notebook)
        except DeclareError as error:
            self._find("bad-step-line", cell, None, error.message, error.fix)
            return
        text = cell.source.split("\n")[line.index]
        declared.setdefault(declaration.name, []).append((cell.number, declaration, text))

    def _merge(self, name: str, parts: list[tuple[int, Declaration, str]]) -> StepOutline | None:
        try:
            declaration = declare.merge([d for _, d, _ in parts])
        except DeclareError as error:
            self._find("bad-step-line", self.notebook.cell(parts[-1][0]), name, error.message, error.fix)
            return None
        where: dict[str, int] = {}
        for number, part, _ in parts:
            for item in part.inputs:
                where.setdefault(item.label, number)
        cells = tuple(number for number, _, _ in parts)
        if declaration.whole_notebook:
            cells = tuple(c.number for c in self.notebook.cells if c.kind == "code" and not c.tags & SKIP_TAGS)
            where = dict.fromkeys(where, cells[0])
        return StepOutline(name, cells, declaration, where, {number: text for number, _, text in parts})

    def _find_names_alike(self) -> None:
        by_fold: dict[str, StepOutline] = {}
        for step in self.steps:
            other = by_fold.setdefault(step.name.lower(), step)
            if other is not step:
                self._find("names-alike", self.notebook.cell(step.first), step.name,
                           f"The steps '{other.name}' and '{step.name}' differ only in case.",
                           f"Write '{other.name}' in both if they are one step, or give one another name.")  # fmt: skip

    def _find(self, code: str, cell: Cell, step: str | None, message: str, fix: str) -> None:
        self.findings.append(Finding(code, "error", self.notebook.path, cell.number, step, message, fix))


def _in_play(cell: Cell) -> bool:
    return cell.kind == "code" and not cell.tags & SKIP_TAGS


def _magics_alone(source: str) -> bool:
    lines = [line.strip() for line in source.split("\n")]
    return all(not line or line.startswith(("%", "!", "#")) for line in lines) and not source.lstrip().startswith("%%")
