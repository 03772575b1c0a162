"""Which cells a step needs: the slice of the notebook that runs in the step's kernel.

A name resolves by position, as it does for a reader: a read means the nearest binding above it. ``slice_step``
follows the reads of the step's own cells to their sources, adds the context cells it meets and follows theirs,
until nothing is new. A context cell that needs another step's output is exploration and stays out. What could
not be resolved is returned as ``Trouble`` for ``check`` to put into words; nothing here raises.
"""

from __future__ import annotations

import builtins
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nbflow.core.model import Import, Unit
from nbflow.core.outline import SKIP_TAGS, Outline, StepOutline

BUILTINS = frozenset(dir(builtins)) | {
    "__name__", "__doc__", "__file__", "__builtins__", "__annotations__", "__spec__", "__loader__", "__package__",
    "get_ipython", "display", "In", "Out", "exit", "quit", "_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh",
    "__session__", "__class__", "__module__", "__qualname__", "__conditional_annotations__",
}  # fmt: skip

WHOLE = 1 << 30
"""Position behind the last unit of a cell: what a function called there may see of the cell."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a slice, in the order it runs."""

    kind: Literal["input", "context", "import", "step"]
    notebook: str
    cell: int
    source: str = ""
    """For ``import``: the statement. Cells bring their own source."""
    names: tuple[str, ...] = ()
    """For ``input``: the variables bound at this place."""
    units: tuple[int, ...] = ()
    """Indexes of the units that count in the key: those reached, and those that always count."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A name that could not be resolved well, for the check to explain."""

    kind: Literal["undeclared", "exploration", "unbound", "shadowed", "unmade", "changed-input"]
    name: str
    cell: int
    """Where it is read (or changed)."""
    maker: str = ""
    """The step that makes or rebinds it."""
    maker_cell: int = 0
    through: int = 0
    """For ``exploration``: the context cell that needs another step's output."""
    needs: str = ""
    """For ``exploration``: the name of that output."""
    definition: bool = False
    """Whether the other step's cell defines it as a function or class."""
    declared: bool = False
    """Whether ``maker`` declares it as an output."""
    later: bool = False
    """Whether only code that is called later reads it."""


@dataclass(frozen=True, slots=True)
class Slice:
    """All that one step runs, in order, and what it reaches."""

    pieces: tuple[Piece, ...]
    troubles: tuple[Trouble, ...] = ()
    context_reads: frozenset[tuple[str, int]] = frozenset()
    """``(name, cell)`` of the context objects (not imports, functions or classes) that the step's own cells read."""
    used_inputs: frozenset[str] = frozenset()

    @property
    def cells(self) -> frozenset[tuple[str, int]]:
        return frozenset((p.notebook, p.cell) for p in self.pieces if p.kind in ("context", "step"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a read may come from."""

    kind: Literal["unit", "import", "input", "step", "nothing"]
    cell: int = 0
    unit: int = 0
    shadow: int = 0
    """For a context unit: the cell of another step between it and the reader that rebinds the name, 0 if none."""


@dataclass(slots=True)
class _Footprint:
    """What running one cell reads, resolved."""

    reads: list[tuple[str, int, Source, bool]] = field(default_factory=list)
    """``(name, cell of the reader, source, only later)``."""


def slice_step(
    outline: Outline,
    step: StepOutline,
    supplies: Mapping[str, int],
    definitions: Iterable[tuple[str, int]] = (),
) -> Slice:
    """The slice of ``step``.

    ``supplies``: input name → the cell behind which it is bound (0: before everything, for inputs made in another
    notebook). ``definitions``: ``(name, cell)`` of classes and functions that stored inputs refer to, each seen from
    its maker's last cell.
    """
    return _Slicer(outline, step, supplies).run(definitions)


def definition_pieces(outline: Outline, maker: StepOutline, names: Iterable[str]) -> tuple[Piece, ...]:
    """The cells of another notebook that define what its step's stored bytes refer to."""
    slicer = _Slicer(outline, None, {})
    slicer.reach_names((n, maker.last) for n in names)
    return slicer.pieces()


def import_statement(imported: Import) -> str:
    """The statement that binds one import, written out."""
    if imported.name is None:
        top = imported.module.split(".")[0]
        if imported.bound == top:
            return f"import {imported.module}"
        return f"import {imported.module} as {imported.bound}"
    if imported.name == "*" or imported.bound == imported.name:
        return f"from {imported.module} import {imported.name}"
    return f"from {imported.module} import {imported.name} as {imported.bound}"


class _Slicer:
    def __init__(self, outline: Outline, step: StepOutline | None, supplies: Mapping[str, int]) -> None:
        self.outline = outline
        self.step = step
        self.own = frozenset(step.cells) if step else frozenset()
        self.supplies = supplies
        self.reached: dict[int, set[int]] = {}
        self.imports: dict[tuple[int, int], str] = {}
        self.troubles: dict[Trouble, None] = {}
        self.context_reads: set[tuple[str, int]] = set()
        self.used_inputs: set[str] = set()
        self._sources: dict[tuple[str, int, int], tuple[Source, ...]] = {}
        self._footprints: dict[int, _Footprint] = {}
        self._tainted: dict[int, tuple[str, int] | None] = {}
        self._pending: list[int] = []

    # --- the closure -------------------------------------------------------------------------------

    def run(self, definitions: Iterable[tuple[str, int]]) -> Slice:
        assert self.step is not None
        for number in self.step.cells:
            self._add(number)
        for number in self.outline.setup_cells:
            if number < self.step.last and number not in self.own and self._taint(number) is None:
                self._add(number)
        for number, index in self.outline.unread_imports:
            if number < self.step.last and number not in self.own:
                self.imports[number, index] = self.outline.units(number)[index].import_source
        self._close()
        self.reach_names(definitions)
        self._reach_outputs()
        self._reach_through_objects()
        self._watch_inputs()
        return Slice(self.pieces(), tuple(self.troubles), frozenset(self.context_reads), frozenset(self.used_inputs))

    def reach_names(self, definitions: Iterable[tuple[str, int]]) -> None:
        """Take in what defines these names, as seen behind the cell given with each."""
        for name, cell in definitions:
            for source in self._resolve(name, cell, WHOLE):
                self._take(name, cell, source, quiet=True)
        self._close()

    def _reach_outputs(self) -> None:
        assert self.step is not None
        for item in self.step.declaration.outputs:
            if item.name and not item.is_file:
                for source in self._resolve(item.name, self.step.last, WHOLE):
                    self._take(item.name, self.step.last, source, quiet=True)
                    if source.kind in ("step", "nothing") and not self._binds_unseen():
                        self.troubles[Trouble("unmade", item.name, self.step.last)] = None
        self._close()

    def _binds_unseen(self) -> bool:
        """Whether the step's cells may bind names that reading them cannot show."""
        return any(
            self.outline.facts[n - 1].opaque or any(u.always in ("star import", "%run", "exec") for u in self.outline.units(n))
            for n in self.own
        )

    def _reach_through_objects(self) -> None:
        """Code held by objects that context cells made (methods, closures) reads globals when the step calls it."""
        assert self.step is not None
        done: set[str] = set()
        while True:
            names = {
                n
                for cell, units in self.reached.items()
                if cell not in self.own
                for i in units
                for n in self.outline.units(cell)[i].later.reads
            } - done
            if not names:
                return
            done |= names
            for name in names:
                for cell in self.step.cells:
                    for source in self._resolve(name, cell, WHOLE):
                        if source.kind in ("unit", "import") and self._taint_of(source) is None:
                            self._take(name, cell, source, quiet=True)
            self._close()

    def _add(self, number: int) -> None:
        if number in self.reached:
            return
        units = self.outline.units(number)
        # Statements run whether reached or not; only what can be left out of a key waits to be reached.
        self.reached[number] = {i for i, u in enumerate(units) if u.kind == "other" or u.always}
        self._pending.append(number)

    def _close(self) -> None:
        while self._pending:
            number = self._pending.pop()
            for name, reader, source, later in self._footprint(number).reads:
                self._take(name, reader, source, later=later)

    def _take(self, name: str, reader: int, source: Source, *, quiet: bool = False, later: bool = False) -> None:
        if source.kind == "unit":
            self._take_unit(name, reader, source, quiet)
        elif source.kind == "import":
            self._take_import(name, source)
        elif source.kind == "input":
            self.used_inputs.add(name)
        elif quiet:
            return
        elif source.kind == "step":
            self._trouble_with_step(name, reader, source, later)
        elif name not in BUILTINS:
            self.troubles[Trouble("unbound", name, reader, later=later)] = None

    def _take_unit(self, name: str, reader: int, source: Source, quiet: bool) -> None:
        if source.cell not in self.own:
            taint = self._taint(source.cell)
            if taint is not None:
                if not quiet:
                    self._trouble_with_exploration(name, reader, source.cell, taint)
                return
            if source.shadow and not quiet:
                maker = self.outline.step_at(source.shadow)
                self.troubles[
                    Trouble("shadowed", name, reader, maker.name if maker else "", source.shadow, through=source.cell)
                ] = None
            unit = self.outline.units(source.cell)[source.unit]
            if reader in self.own and unit.kind not in ("import", "def", "class"):
                self.context_reads.add((name, source.cell))
        self._add(source.cell)
        self._mark(source.cell, source.unit)
        self._take_changes(name, reader, source, quiet)

    def _take_changes(self, name: str, reader: int, source: Source, quiet: bool) -> None:
        """Context cells between a binding and its reader that may change the object belong in, too."""
        changers = self.outline.changers.get(name)
        if not changers or any(i.bound == name for i in self.outline.units(source.cell)[source.unit].imports):
            return
        for number in changers[bisect_left(changers, source.cell + 1) : bisect_left(changers, reader)]:
            if not self.outline.is_context(number) or number in self.reached:
                continue
            taint = self._taint(number)
            if taint is None:
                self._add(number)
            elif not quiet and not self._only_calls(number, name):
                self._trouble_with_exploration(name, reader, number, taint)

    def _only_calls(self, number: int, name: str) -> bool:
        """Whether a cell touches the name by bare calls on one of the step's own objects only (``df.info()``)."""
        return all(c.how == "call" for u in self.outline.units(number) for c in u.now.changes if c.name == name) and any(
            name in u.now.binds for own in self.own for u in self.outline.units(own)
        )

    def _take_import(self, name: str, source: Source) -> None:
        unit = self.outline.units(source.cell)[source.unit]
        text = unit.import_source or "\n".join(import_statement(i) for i in unit.imports if i.bound == name)
        known = self.imports.get((source.cell, source.unit), "")
        if text not in known:
            self.imports[source.cell, source.unit] = f"{known}\n{text}" if known else text

    def _mark(self, number: int, index: int) -> None:
        self.reached.setdefault(number, set()).add(index)

    # --- resolving one name ------------------------------------------------------------------------

    def _resolve(self, name: str, cell: int, index: int) -> tuple[Source, ...]:
        """Everything that a read of ``name`` at unit ``index`` of ``cell`` may mean, nearest first."""
        key = (name, cell, index)
        if key not in self._sources:
            self._sources[key] = self._find(name, cell, index)
        return self._sources[key]

    def _find(self, name: str, cell: int, index: int) -> tuple[Source, ...]:
        found: list[Source] = []
        if self._collect(found, name, cell, index):
            return tuple(found)
        supply = self.supplies.get(name, -1)
        if supply >= cell:
            supply = -1
        shadow = 0
        declared = False
        binders = self.outline.binders.get(name, ())
        for number in reversed(binders[: bisect_left(binders, cell)]):
            if number <= supply:
                break
            other = self.outline.step_at(number)
            if other is not None and number not in self.own:
                if self._imports_at(found, name, number):
                    return tuple(found)
                if not shadow and supply < 0 and not self._is_import_only(name, number):
                    shadow = number
                    declared = _outputs(other, name)
                    if declared:
                        break
                continue
            if other is None and supply >= 0 and number not in self.own:
                continue  # Bound between the maker and here: the stored input wins, and the check warns.
            if self._collect(found, name, number, WHOLE, shadow):
                return tuple(found)
        if supply >= 0:
            found.append(Source("input", supply))
        elif shadow and (declared or not found):
            found.append(Source("step", shadow))
        elif not found:
            found.append(Source("nothing"))
        return tuple(found)

    def _collect(self, found: list[Source], name: str, number: int, before: int, shadow: int = 0) -> bool:
        """Add the units of a cell that bind the name; True once a binding is sure."""
        units = self.outline.units(number)
        for i in reversed(self.outline.binding_units(number, name)):
            if i < before:
                found.append(Source("unit", number, i, shadow))
                if name in units[i].sure:
                    return True
        return False

    def _imports_at(self, found: list[Source], name: str, number: int) -> bool:
        units = self.outline.units(number)
        for i in reversed(self.outline.binding_units(number, name)):
            if any(x.bound == name for x in units[i].imports):
                found.append(Source("import", number, i))
                if name in units[i].sure or units[i].kind == "import":
                    return True
        return False

    def _is_import_only(self, name: str, number: int) -> bool:
        units = self.outline.units(number)
        return all(any(x.bound == name for x in units[i].imports) for i in self.outline.binding_units(number, name))

    # --- what a cell reads -------------------------------------------------------------------------

    def _footprint(self, number: int) -> _Footprint:
        """The reads of a cell: of its statements, and of the code that they (or a step's cell itself) may call."""
        if number in self._footprints:
            return self._footprints[number]
        own = number in self.own
        footprint = _Footprint()
        queue: list[tuple[str, int, bool]] = []
        for i, unit in enumerate(self.outline.units(number)):
            queue += [(n, i, False) for n in unit.now.reads]
            if own:
                queue += [(n, WHOLE, True) for n in unit.later.reads]
        seen: set[tuple[str, int]] = set()
        while queue:
            name, index, later = queue.pop()
            if (name, index) in seen:
                continue
            seen.add((name, index))
            for source in self._resolve(name, number, index):
                footprint.reads.append((name, number, source, later))
                if source.kind == "unit":
                    queue += [(n, WHOLE, True) for n in self.outline.units(source.cell)[source.unit].later.reads]
        self._footprints[number] = footprint
        return footprint

    def _taint(self, number: int) -> tuple[str, int] | None:
        """``(name, cell)`` of another step's output that a context cell needs, directly or through other cells."""
        stack = [number]
        while stack:
            cell = stack[-1]
            if cell in self._tainted:
                stack.pop()
                continue
            reads = self._footprint(cell).reads
            missing = [
                s.cell
                for _, _, s, _ in reads
                if s.kind == "unit" and s.cell < cell and s.cell not in self.own and s.cell not in self._tainted
            ]
            if missing:
                stack += missing
                continue
            self._tainted[cell] = self._direct_taint(cell)
            stack.pop()
        return self._tainted[number]

    def _direct_taint(self, cell: int) -> tuple[str, int] | None:
        for name, _, source, _ in self._footprint(cell).reads:
            if source.kind == "step":
                return name, source.cell
            if source.kind == "unit" and source.cell < cell and source.cell not in self.own:
                taint = self._tainted.get(source.cell)
                if taint is not None:
                    return taint
        return None

    def _taint_of(self, source: Source) -> tuple[str, int] | None:
        return self._taint(source.cell) if source.kind == "unit" and source.cell not in self.own else None

    # --- troubles ----------------------------------------------------------------------------------

    def _trouble_with_step(self, name: str, reader: int, source: Source, later: bool) -> None:
        maker = self.outline.step_at(source.cell)
        assert maker is not None
        units = [self.outline.units(source.cell)[i] for i in self.outline.binding_units(source.cell, name)]
        self.troubles[
            Trouble(
                "undeclared",
                name,
                reader,
                maker.name,
                source.cell,
                definition=any(_defines(u, name) for u in units),
                declared=_outputs(maker, name),
                later=later,
            )
        ] = None

    def _trouble_with_exploration(self, name: str, reader: int, through: int, taint: tuple[str, int]) -> None:
        needs, cell = taint
        maker = self.outline.step_at(cell)
        assert maker is not None
        trouble = Trouble(
            "exploration", name, reader, maker.name, cell, through=through, needs=needs, declared=_outputs(maker, needs)
        )
        self.troubles[trouble] = None

    def _watch_inputs(self) -> None:
        """Context cells that rebind or change an input between its maker and this step: Run All would differ."""
        assert self.step is not None
        for name in self.used_inputs:
            at = self.supplies[name]
            spots = {*self.outline.binders.get(name, ()), *self._assigning_changers(name)}
            for number in sorted(spots):
                if at < number < self.step.last and number not in self.own:
                    other = self.outline.step_at(number)
                    if other is None:
                        self.troubles[Trouble("changed-input", name, number)] = None
                    elif not self._is_import_only(name, number) and not _outputs(other, name):
                        self.troubles[Trouble("changed-input", name, number, other.name, number)] = None

    def _assigning_changers(self, name: str) -> list[int]:
        return [
            n
            for n in self.outline.changers.get(name, ())
            if any(c.name == name and c.how != "call" for u in self.outline.units(n) for c in u.now.changes)
        ]

    # --- the result --------------------------------------------------------------------------------

    def pieces(self) -> tuple[Piece, ...]:
        path = self.outline.notebook.path
        placed: list[tuple[int, int, Piece]] = []
        for number, units in self.reached.items():
            kind: Literal["step", "context"] = "step" if number in self.own else "context"
            placed.append((number, 1, Piece(kind, path, number, units=tuple(sorted(units)))))
        lone: dict[int, list[tuple[int, str]]] = {}
        for (number, index), text in self.imports.items():
            if number not in self.reached:
                lone.setdefault(number, []).append((index, text))
        for number, texts in lone.items():
            texts.sort()
            source = "\n".join(t for _, t in texts)
            placed.append((number, 0, Piece("import", path, number, source, units=tuple(i for i, _ in texts))))
        bound: dict[int, list[str]] = {}
        for name, at in self.supplies.items():
            bound.setdefault(at, []).append(name)
        for at, names in bound.items():
            placed.append((at, 2, Piece("input", path, at, names=tuple(names))))
        return tuple(p for _, _, p in sorted(placed, key=lambda x: (x[0], x[1])))


def _defines(unit: Unit, name: str) -> bool:
    return unit.kind in ("def", "class") and name in unit.now.binds


def _outputs(step: StepOutline, name: str) -> bool:
    return any(o.name == name and not o.is_file for o in step.declaration.outputs)


__all__ = ["BUILTINS", "SKIP_TAGS", "Piece", "Slice", "Trouble", "definition_pieces", "import_statement", "slice_step"]
