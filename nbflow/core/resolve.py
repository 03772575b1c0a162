"""What a read means: the nearest binding above it, seen by one step.

A ``Resolver`` answers for one step (its own cells, and where its inputs are bound) what a name may stand for at a
place, what a cell reads in all, and which cells need another step's output. It adds nothing to a slice; ``slicing``
does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Literal, NamedTuple

from nbflow.core.bindings import is_definition
from nbflow.core.collect import NOTHING
from nbflow.core.model import Unit
from nbflow.core.outline import Outline, StepOutline

WHOLE = 1 << 30
"""Position behind the last unit of a cell."""

Mode = Literal["now", "later", "held"]
"""How a name is read: as the statement runs; by code that it may call; or by code that an object it uses may hold."""


class Source(NamedTuple):
    """Where a read may come from."""

    kind: Literal["unit", "import", "input", "path", "step", "nothing"]
    """``import``: a statement in another step's cell; ``path``: the step's own ``name=path``; ``step``: what another
    step makes and this one does not take."""
    cell: int = 0
    unit: int = 0
    shadow: int = 0
    """For a context unit: the cell of another step between it and the reader that rebinds the name, 0 if none."""


class Read(NamedTuple):
    """One read of a cell, with everything it may mean."""

    name: str
    at: int
    """The cell where it is looked up: code of the step's own functions may be called as late as in its last cell."""
    sources: tuple[Source, ...]
    mode: Mode


_Asked = tuple[str, int, int, Mode]


class Need(NamedTuple):
    """Another step's output that a cell needs."""

    name: str
    cell: int
    """The cell of the other step that binds it."""


class Resolver:
    """Resolves names for ``step``; for nobody in particular where it is ``None``."""

    def __init__(self, outline: Outline, step: StepOutline | None, supplies: Mapping[str, int]) -> None:
        self.outline = outline
        self.bindings = outline.bindings
        self.supplies = supplies
        self.own: frozenset[int] = frozenset(step.cells) if step else frozenset()
        self._first, self._last = (step.first, step.last) if step else (0, 0)
        self._paths = _path_names(step) if step else frozenset()
        self._found: dict[tuple[str, int, int], tuple[Source, ...]] = {}
        self._reads: dict[int, list[Read]] = {}
        self._held: dict[tuple[int, int], tuple[str, ...]] = {}
        self._needs: dict[int, tuple[Need, ...]] = {}

    # --- one name ------------------------------------------------------------------------------------------

    def find(self, name: str, cell: int, index: int = WHOLE) -> tuple[Source, ...]:
        """Everything that a read of ``name`` at unit ``index`` of ``cell`` may mean, nearest first."""
        key = (name, cell, index)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = tuple(self._search(name, cell, index))
        return found

    def _search(self, name: str, cell: int, index: int) -> list[Source]:
        found: list[Source] = []
        if self._collect(found, name, cell, index):
            return found
        supply = self.supplies.get(name, -1)
        if supply >= cell:
            supply = -1
        opening = self._first if name in self._paths and cell >= self._first else -1
        shadow = 0
        for number in self._places_above(name, cell, max(supply, opening - 1)):
            other = None if number in self.own else self.outline.step_at(number)
            if other is None:
                if supply >= 0 and number not in self.own:
                    continue  # Bound between the maker and here: the stored input wins, and the check warns.
                if self._collect(found, name, number, WHOLE, shadow):
                    return found
            elif self._collect_imports(found, name, number):
                return found
            elif not shadow and supply < 0 and name != "_" and not self.only_imports(name, number):
                shadow = number
                if other.outputs(name):
                    break
        if opening > supply:
            found.append(Source("path"))
        elif supply >= 0:
            found.append(Source("input", supply))
        elif shadow:
            found.append(Source("step", shadow))
        elif not found:
            found.append(Source("nothing"))
        return found

    def _places_above(self, name: str, cell: int, floor: int) -> list[int]:
        """Cells between ``floor`` and ``cell`` (both left out) that may bind the name, nearest first."""
        found: list[int] = []
        for places in (self.bindings.in_context.get(name), self.bindings.in_steps.get(name)):
            if places:
                at = bisect_left(places, cell)
                if not at or places[at - 1] <= floor:
                    continue
                found += places[bisect_left(places, floor + 1) : at]
        if len(found) > 1:
            found.sort(reverse=True)
        return found

    def _collect(self, found: list[Source], name: str, number: int, before: int, shadow: int = 0) -> bool:
        """Add the units of a cell that bind the name; whether they surely hide what stands above."""
        indexes = self.bindings.units_binding(number, name)
        if not indexes:
            return False
        units = self.outline.units(number)
        for index in reversed(indexes):
            if index < before:
                found.append(Source("unit", number, index, shadow))
                unit = units[index]
                if name in unit.sure and not (unit.imports and _adds_submodule(unit, name)):
                    return True
        return False

    def _collect_imports(self, found: list[Source], name: str, number: int) -> bool:
        """Add the import statements in another step's cell that bind the name."""
        units = self.outline.units(number)
        for index in reversed(self.bindings.units_binding(number, name)):
            unit = units[index]
            if unit.kind == "import" or any(i.bound == name for i in unit.imports):
                found.append(Source("import", number, index))
                if name in unit.sure and not _adds_submodule(unit, name):
                    return True
        return False

    def only_imports(self, name: str, number: int) -> bool:
        """Whether a step's cell binds the name by imports alone, which are no data."""
        units = self.outline.units(number)
        indexes = self.bindings.units_binding(number, name)
        return bool(indexes) and all(
            units[i].kind == "import" or any(x.bound == name for x in units[i].imports) for i in indexes
        )

    # --- one cell ------------------------------------------------------------------------------------------

    def reads(self, number: int) -> list[Read]:
        """All reads of a cell, resolved: of its statements, of the code that these may call, followed to the end."""
        known = self._reads.get(number)
        if known is None and number in self.bindings.inert and number not in self.own:
            return []
        if known is None:
            known = self._reads[number] = self._read_cell(number)
        return known

    def _read_cell(self, number: int) -> list[Read]:
        queue: list[_Asked] = []
        held: list[_Asked] = []
        own = number in self.own
        settled: set[str] = set()  # Bound just above by a statement that counts anyway, to what holds no code.
        for index, unit in enumerate(self.outline.units(number)):
            queue += [(n, number, index, "now") for n in unit.now.reads if n not in settled]
            if unit.sure:
                settled.difference_update(unit.sure)
                if unit.kind == "other":
                    settled.update([n for n in unit.sure if n not in self.bindings.holders])
            if unit.later is NOTHING or not unit.later.reads:
                continue
            if unit.kind == "other":
                places = [index + 1]  # A function sees its own name.
                if not is_definition(self.outline, number, unit):
                    places.append(index)  # A lambda handed to a call runs before the result is bound.
                queue += [(n, number, at, "later") for n in unit.later.reads for at in places]
            if own:
                queue += [(n, self._last, WHOLE, "later") for n in unit.later.reads]
        found: list[Read] = []
        seen: set[tuple[str, int, int]] = set()
        while queue or held:
            name, at, index, mode = queue.pop() if queue else held.pop()
            if (name, at, index) in seen:
                continue
            seen.add((name, at, index))
            sources = self.find(name, at, index)
            found.append(Read(name, at, sources, mode))
            for source in sources:
                if source.kind == "unit" and name in self.bindings.holders:
                    self._ask_behind(source, at, index, mode, queue, held)
        return found

    def _ask_behind(
        self, source: Source, at: int, index: int, mode: Mode, queue: list[_Asked], held: list[_Asked]
    ) -> None:
        """Add what code behind a value reads when it is called at unit ``index`` of cell ``at``."""
        unit = self.outline.units(source.cell)[source.unit]
        if unit.kind in ("import", "literal"):
            return
        if unit.later is not NOTHING and unit.later.reads:
            if mode != "held" and is_definition(self.outline, source.cell, unit):
                queue += [(n, at, index, "later") for n in unit.later.reads]
            else:
                held += [(n, at, index, "held") for n in unit.later.reads]
        if unit.kind == "other":
            held += [(n, at, index, "held") for n in self._held_by(source.cell, source.unit)]
        elif unit.kind == "class":
            held += [(n, at, index, "held") for n in unit.now.reads if n in self.bindings.functions.classes]

    def _held_by(self, number: int, index: int) -> tuple[str, ...]:
        """Names that code reads which a value may hold: methods of an object, a function handed on, a closure."""
        stack = [(number, index)]
        while stack:
            place = stack[-1]
            if place in self._held:
                stack.pop()
                continue
            cell, at = place
            names: dict[str, None] = {}
            waiting: list[tuple[int, int]] = []
            for name in self.outline.units(cell)[at].now.reads:
                for source in self.find(name, cell, at):
                    if source.kind != "unit":
                        continue
                    unit = self.outline.units(source.cell)[source.unit]
                    names.update(dict.fromkeys(unit.later.reads))
                    if unit.kind == "class":
                        names[name] = None  # whose methods may be put there later
                    if unit.kind == "other":
                        held = self._held.get((source.cell, source.unit))
                        if held is None:
                            waiting.append((source.cell, source.unit))
                        else:
                            names.update(dict.fromkeys(held))
            if waiting:
                stack += waiting
                continue
            self._held[place] = tuple(names)
            stack.pop()
        return self._held[number, index]

    # --- what a cell needs of other steps ------------------------------------------------------------------

    def needs(self, number: int) -> tuple[Need, ...]:
        """Other steps' outputs, not taken by this one, that a context cell needs, directly or through other cells."""
        if number in self.bindings.inert:
            return ()
        stack = [number]
        while stack:
            cell = stack[-1]
            if cell in self._needs:
                stack.pop()
                continue
            through = self._cells_behind(cell)
            waiting = [c for c in through if c not in self._needs]
            if waiting:
                stack += waiting
                continue
            found = {
                Need(read.name, source.cell): None
                for read in self.reads(cell)
                for source in read.sources
                if source.kind == "step" and read.mode != "held"
            }
            for other in through:
                found.update(dict.fromkeys(self._needs[other]))
            self._needs[cell] = tuple(found)
            stack.pop()
        return self._needs[number]

    def _cells_behind(self, cell: int) -> list[int]:
        """The context cells above that bind or change what a cell reads."""
        found: dict[int, None] = {}
        for read in self.reads(cell):
            if read.mode == "held":
                continue
            for source in read.sources:
                if source.kind == "unit" and source.cell not in self.own and source.cell < cell:
                    found[source.cell] = None
                    changing = self.changing(read.name, source, cell)
                    found.update(dict.fromkeys([number for number, sure in changing.items() if sure]))
        return list(found)

    def changing(self, name: str, source: Source, reader: int) -> dict[int, bool]:
        """Context cells between a binding and its reader that may change the object in place, under this name or
        another one that it goes by → whether they surely mean to. Imports do not change."""
        bindings = self.bindings
        if name in bindings.only_imported:
            return {}
        found: dict[int, bool] = {}
        for number in _between(bindings.changed_in_context.get(name), source.cell + 1, reader):
            found[number] = (name, number) not in bindings.perhaps_changed
        for other, cell in bindings.partners(name, source.cell):
            end = min(reader, bindings.next_binding(other, cell) + 1)
            for number in _between(bindings.changed_in_context.get(other), max(cell, source.cell), end):
                found.setdefault(number, False)
        if found and any(i.bound == name for i in self.outline.units(source.cell)[source.unit].imports):
            return {}
        return found


def _between(places: list[int] | None, first: int, end: int) -> list[int]:
    return places[bisect_left(places, first) : bisect_left(places, end)] if places else []


def _path_names(step: StepOutline) -> frozenset[str]:
    declaration = step.declaration
    return frozenset([str(i.name) for i in (*declaration.inputs, *declaration.outputs) if i.is_file and i.name])


def _adds_submodule(unit: Unit, name: str) -> bool:
    """``import scipy.stats`` and ``import scipy.optimize`` both bind ``scipy`` and neither hides the other."""
    return any(i.bound == name and i.name is None and i.module.startswith(name + ".") for i in unit.imports)
