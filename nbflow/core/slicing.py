"""Which cells a step needs: the slice of the notebook that runs in the step's kernel.

``slice_step`` follows the reads of the step's own cells to their sources (``resolve`` finds these), adds the context
cells it meets and follows theirs, until nothing is new. A context cell that needs another step's output is exploration
and stays out. What could not be resolved is returned as ``Trouble`` for ``troubles`` to put into words; nothing raises.
"""

from __future__ import annotations

import builtins
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from nbflow.core.model import Import
from nbflow.core.outline import Outline, StepOutline
from nbflow.core.resolve import WHOLE, Need, Read, Resolver, Source
from nbflow.core.slices import Piece, Slice, Trouble

BUILTINS = frozenset(dir(builtins)) | {
    "__name__", "__doc__", "__file__", "__builtins__", "__annotations__", "__spec__", "__loader__", "__package__",
    "get_ipython", "display", "In", "Out", "exit", "quit", "_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh",
    "__session__", "__class__", "__module__", "__qualname__", "__conditional_annotations__", "__IPYTHON__",
    "WindowsError", "PythonFinalizationError",
}  # fmt: skip


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
    return _StepSlicer(outline, step, supplies).run(definitions)


def definition_pieces(outline: Outline, maker: StepOutline, names: Iterable[str]) -> tuple[Piece, ...]:
    """The cells of another notebook that define what its step's stored bytes refer to, and what that may call later."""
    slicer = _Slicer(outline, None, {})
    wanted, done = set(names), set[str]()
    while wanted - done:
        fresh = sorted(wanted - done)
        done.update(fresh)
        slicer.reach_names((n, maker.last) for n in fresh)
        reached = (outline.units(cell)[i] for cell, units in slicer.reached.items() for i in units)
        wanted.update(name for unit in reached for name in unit.later.reads)
    return tuple(slicer.pieces())


def import_statement(imported: Import) -> str:
    """The statement that binds one import, written out."""
    if imported.name is None:
        if imported.bound == imported.module.split(".")[0]:
            return f"import {imported.module}"
        return f"import {imported.module} as {imported.bound}"
    if imported.name == "*" or imported.bound == imported.name:
        return f"from {imported.module} import {imported.name}"
    return f"from {imported.module} import {imported.name} as {imported.bound}"


class _Slicer:
    """The closure: cells reached, the units of each that count, and imports that come along alone."""

    def __init__(self, outline: Outline, step: StepOutline | None, supplies: Mapping[str, int]) -> None:
        self.outline = outline
        self.bindings = outline.bindings
        self.supplies = supplies
        self.resolver = Resolver(outline, step, supplies)
        self.own = self.resolver.own
        self.reached: dict[int, set[int]] = {}
        self.imports: dict[tuple[int, int], dict[str, None]] = {}
        self._pending: list[int] = []

    def reach_names(self, definitions: Iterable[tuple[str, int]]) -> None:
        """Take in what defines these names, as seen behind the cell given with each."""
        for name, cell in definitions:
            self.take(Read(name, cell, self.resolver.find(name, cell), "held"), cell)
        self.close()

    def add(self, number: int) -> None:
        if number not in self.reached:
            # Statements run whether reached or not; only what can be left out of a key waits to be reached.
            self.reached[number] = {
                i for i, u in enumerate(self.outline.units(number)) if u.kind == "other" or u.always
            }
            self._pending.append(number)

    def close(self) -> None:
        while self._pending:
            number = self._pending.pop()
            for read in self.resolver.reads(number):
                self.take(read, number)

    def take(self, read: Read, reader: int) -> None:
        """Take in what a read of cell ``reader`` may mean."""
        for source in read.sources:
            if source.kind == "unit":
                self.take_unit(read, source, reader)
            elif source.kind == "import":
                self.take_import(source.cell, source.unit, read.name)
            else:
                self.note_missing(read, source, reader)

    def take_unit(self, read: Read, source: Source, reader: int) -> None:
        """Take in a binding and the cells that may change it on the way, but for exploration."""
        cell = source.cell
        if cell not in self.own:
            needs = self.resolver.needs(cell)
            if needs:
                self.note_exploration(read, cell, needs, reader)
                return
            if cell not in self.reached:
                self.add(cell)
            self.note_context(read, source, reader)
        self.reached[cell].add(source.unit)
        if source.shadow:
            self.note_shadow(read, source, reader)
        for number, sure in self.resolver.changing(read.name, source, read.at).items():
            if number not in self.reached:
                needs = self.resolver.needs(number)
                if not needs:
                    self.add(number)
                elif not self._only_looks(number, read.name, source):
                    self.note_exploration(read, number, needs, reader, sure)

    def note_missing(self, read: Read, source: Source, reader: int) -> None:
        """No cell of this notebook brings what is read."""

    def note_context(self, read: Read, source: Source, reader: int) -> None:
        """What is read comes from a context cell."""

    def note_shadow(self, read: Read, source: Source, reader: int) -> None:
        """Another step rebinds, between the binding and here, what is read, and does not declare it."""

    def note_exploration(
        self, read: Read, through: int, needs: tuple[Need, ...], reader: int, sure: bool = True
    ) -> None:
        """Cell ``through`` would be needed (perhaps, where it is not ``sure``), and stays out."""

    def _only_looks(self, number: int, name: str, source: Source) -> bool:
        """Whether a cell touches an object of the step's own by bare calls alone (``df.info()``)."""
        return source.cell in self.own and number not in self.bindings.assigned_in_context.get(name, ())

    def take_import(self, number: int, index: int, name: str = "") -> None:
        """Let an import statement come along alone; under a condition that other data decide, only the import of
        ``name`` (of everything where no name is given)."""
        unit = self.outline.units(number)[index]
        wanted = [import_statement(i) for i in unit.imports if not name or i.bound == name]
        if unit.import_source and (not wanted or self._take_conditions(number, index)):
            wanted = [unit.import_source]
        self.imports.setdefault((number, index), {}).update(dict.fromkeys(wanted))

    def _take_conditions(self, number: int, index: int) -> bool:
        """Take in what an import under ``try`` or ``if`` reads; whether all of it may come in."""
        unit = self.outline.units(number)[index]
        reads = [Read(n, number, self.resolver.find(n, number, index), "now") for n in unit.now.reads]
        for read in reads:
            for source in read.sources:
                if source.kind in ("step", "input", "path") or (source.kind == "unit" and self._is_data(source)):
                    return False
        for read in reads:
            self.take(read, number)
        return True

    def _is_data(self, source: Source) -> bool:
        return self.outline.step_at(source.cell) is not None or bool(self.resolver.needs(source.cell))

    def pieces(self) -> Iterator[Piece]:
        path = self.outline.notebook.path
        placed: list[tuple[int, int, Piece]] = []
        for number, units in self.reached.items():
            kind: Literal["step", "context"] = "step" if number in self.own else "context"
            placed.append((number, 1, Piece(kind, path, number, "", (), tuple(sorted(units)))))
        lone: dict[int, dict[int, str]] = {}
        for (number, index), texts in sorted(self.imports.items()):
            if number not in self.reached:
                lone.setdefault(number, {})[index] = "\n".join(texts)
        for number, by_unit in lone.items():
            placed.append((number, 0, Piece("import", path, number, "\n".join(by_unit.values()), (), tuple(by_unit))))
        bound: dict[int, list[str]] = {}
        for name, at in self.supplies.items():
            bound.setdefault(at, []).append(name)
        for at, names in bound.items():
            placed.append((at, 2, Piece("input", path, at, "", tuple(names))))
        placed.sort(key=lambda each: each[:2])
        return (piece for _, _, piece in placed)


class _StepSlicer(_Slicer):
    """The slice of one step, with what the check wants to know."""

    def __init__(self, outline: Outline, step: StepOutline, supplies: Mapping[str, int]) -> None:
        super().__init__(outline, step, supplies)
        self.step = step
        self.troubles: dict[Trouble, None] = {}
        self.context_reads: set[tuple[str, int]] = set()
        self.used_inputs: set[str] = set()
        self.watched_reads: set[tuple[str, int, int]] = set()
        named = {str(i.name) for i in step.declaration.inputs if not i.is_file}
        self._unmade = named - supplies.keys()
        """Inputs that nobody makes: the graph has said so already."""

    def run(self, definitions: Iterable[tuple[str, int]]) -> Slice:
        for number in self.step.cells:
            self.add(number)
        self._add_setup()
        self._add_unread_imports()
        self.close()
        self.reach_names(definitions)
        self._reach_outputs()
        self._reach_through_objects()
        self._watch_inputs()
        return Slice(
            tuple(self.pieces()),
            tuple(self.troubles),
            frozenset(self.context_reads),
            frozenset(self.used_inputs),
            frozenset(self.watched_reads),
        )

    # --- what belongs in whatever is read ------------------------------------------------------------------

    def _add_setup(self) -> None:
        cells = self.bindings.setup_cells
        for number in cells[: bisect_left(cells, self.step.last)]:
            if number in self.outline.setup_tagged or not self.resolver.needs(number):
                self.add(number)

    def _add_unread_imports(self) -> None:
        for (number, index), imports in self.bindings.unread_imports.items():
            if number < self.step.last and number not in self.own:
                unit = self.outline.units(number)[index]
                if len(imports) == len(unit.imports):
                    self.take_import(number, index)
                else:
                    texts = self.imports.setdefault((number, index), {})
                    texts.update(dict.fromkeys(import_statement(i) for i in imports))

    def _reach_outputs(self) -> None:
        """What the step hands on counts as read behind its last cell: where it may be left unbound, as it was above."""
        for item in self.step.declaration.outputs:
            if item.is_file:
                continue
            name = str(item.name)
            sources = self.resolver.find(name, self.step.last)
            if any(s.kind not in ("step", "nothing") for s in sources):
                self.take(Read(name, self.step.last, sources, "now"), self.step.last)
            elif not self._binds_unseen():
                self.troubles[Trouble("unmade", name, self.step.last)] = None
        self.close()

    def _binds_unseen(self) -> bool:
        """Whether the step's cells may bind names that reading them cannot show."""
        facts = [self.outline.facts[n - 1] for n in self.own]
        unseen = ("star import", "%run", "exec")
        return any(f.opaque or f.problem or any(u.always in unseen for u in f.units) for f in facts)

    def _reach_through_objects(self) -> None:
        """Code that context cells put somewhere (methods, callbacks) reads globals when the step calls it."""
        done: set[str] = set()
        while self.bindings.holders:
            names = {
                name
                for cell, units in self.reached.items()
                if cell not in self.own
                for i in units
                for name in self.outline.units(cell)[i].later.reads
            } - done
            if not names:
                return
            done |= names
            for name in sorted(names):
                for cell in self.step.cells:
                    self.take(Read(name, cell, self.resolver.find(name, cell), "held"), cell)
            self.close()

    # --- troubles ------------------------------------------------------------------------------------------

    def note_missing(self, read: Read, source: Source, reader: int) -> None:
        if source.kind == "input":
            self.used_inputs.add(read.name)
        elif read.mode == "held" or read.name in self._unmade:
            return
        elif source.kind == "step":
            self._find_step(read, reader, source)
        elif source.kind == "nothing" and read.name not in BUILTINS:
            self._find_nothing(read, reader)

    def note_context(self, read: Read, source: Source, reader: int) -> None:
        watched = read.name in self.bindings.assigned_in_steps and read.mode != "held"
        if watched or reader in self.own:
            unit = self.outline.units(source.cell)[source.unit]
            if unit.kind not in ("import", "def", "class"):
                if reader in self.own:
                    self.context_reads.add((read.name, source.cell))
                if watched:
                    self.watched_reads.add((read.name, source.cell, reader))

    def note_shadow(self, read: Read, source: Source, reader: int) -> None:
        if read.mode != "held":
            self.troubles[Trouble("shadowed", read.name, reader, source.shadow, source.cell)] = None

    def note_exploration(
        self, read: Read, through: int, needs: tuple[Need, ...], reader: int, sure: bool = True
    ) -> None:
        if read.mode != "held":
            self.troubles[Trouble("exploration", read.name, reader, through=through, needs=needs, sure=sure)] = None

    def _find_step(self, read: Read, reader: int, source: Source) -> None:
        maker = self.outline.step_at(source.cell)
        builtin = read.name in BUILTINS and maker is not None and not maker.outputs(read.name)
        kind: Literal["shadowed", "undeclared"] = "shadowed" if builtin else "undeclared"
        self.troubles[Trouble(kind, read.name, reader, source.cell, later=read.mode == "later")] = None

    def _find_nothing(self, read: Read, reader: int) -> None:
        for number, index in self.bindings.star_imports:
            if number < reader and number not in self.own:
                self.take_import(number, index)
        if read.mode == "later" and self.resolver.find(read.name, self.step.last)[0].kind != "nothing":
            return  # Bound by the time that the step calls it.
        self.troubles[Trouble("unbound", read.name, reader, later=read.mode == "later")] = None

    def _watch_inputs(self) -> None:
        """Cells that rebind or change an input between its maker and this step, and are not in the slice."""
        places = self.bindings
        kinds = (
            (False, places.assigned_in_steps), (False, places.assigned_in_context),
            (True, places.in_steps), (True, places.in_context),
        )  # fmt: skip
        for name in sorted(self.used_inputs):
            spots: dict[int, bool] = {}
            at = self.supplies[name]
            for other, cell in places.partners(name, at):
                for number in _between(places.assigned_in_context.get(other, []), max(at, cell), self.step.last):
                    if number <= places.next_binding(other, cell):
                        spots[number] = False
            for rebinds, by_name in kinds:
                if (cells := by_name.get(name)) is not None:
                    for number in _between(cells, self.supplies[name], self.step.last):
                        spots[number] = rebinds
            for number, rebinds in sorted(spots.items()):
                if number in self.reached or self.resolver.only_imports(name, number):
                    continue
                maker = number if self.outline.step_at(number) else 0
                self.troubles[Trouble("changed-input", name, number, maker, rebinds=rebinds)] = None


def _between(places: list[int], after: int, before: int) -> list[int]:
    return places[bisect_right(places, after) : bisect_left(places, before)]


__all__ = ["BUILTINS", "WHOLE", "Piece", "Slice", "Trouble", "definition_pieces", "import_statement", "slice_step"]
