"""Where the names of one notebook are bound, changed and set up.

Made from an ``Outline``: for every name the cells that may bind it and those that may change its object in place, each
in document order, apart for context cells and for steps. A call of a notebook function counts as what the function does
to globals. Nothing here follows a read; that is ``resolve``'s part.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from nbflow.core.collect import NOTHING
from nbflow.core.functions import Functions, Hand
from nbflow.core.model import Change, Import, Unit
from nbflow.core.partners import Version, find_partners
from nbflow.core.setup import IMPORTED

if TYPE_CHECKING:
    from nbflow.core.outline import Outline

Places = dict[str, list[int]]
"""Name → cells, in order."""

PERHAPS, CALLED, ASSIGNED = 0, 1, 2
"""How sure it is that a cell changes an object: a call whose result is used, a call made for its effect, an assignment
of any form."""
_SURENESS = {"maybe": PERHAPS, "call": CALLED, "assign": ASSIGNED, "delete": ASSIGNED}


class Bindings:
    """Computed once per notebook, in one pass over its cells."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.read_names: set[str] = set()
        """Every name that any code of the notebook may read."""
        self.in_context: Places = {}
        """Context cells that may bind a name (also through a function that they call)."""
        self.in_steps: Places = {}
        """Cells of steps that may bind a name, and the last cell of a step that declares it as an output."""
        self.changed_in_context: Places = {}
        """Context cells that may change the name's object in place."""
        self.perhaps_changed: set[tuple[str, int]] = set()
        """``(name, cell)`` of those that only call a method on it and use the result, or hand it to a function."""
        self.assigned_in_context: Places = {}
        """The same, without mere calls (``xs.append(1)``)."""
        self.assigned_in_steps: Places = {}
        self.inert: set[int] = set()
        """Cells that read nothing as they run: imports, definitions, literals."""
        self.functions = Functions(outline, self.definitions, lambda: self.only_imported)
        self._units: dict[int, dict[str, list[int]]] = {}
        self._read_cells()
        self._add_outputs()

    def _read_cells(self) -> None:
        outline, reads, mutators = self.outline, self.read_names, self.mutators
        altering, used_up, objects = self.functions.altering, self.used_up, self._called_objects
        for number, facts in enumerate(outline.facts, 1):
            if not facts.units:
                continue
            bound: dict[str, list[int]] = {}
            changed: dict[str, int] = {}
            inert = True
            for index, unit in enumerate(facts.units):
                now, later = unit.now, unit.later
                if now.reads:
                    reads.update(now.reads)
                    inert = False
                if later is not NOTHING:
                    reads.update(later.reads)
                    reads.update([c.name for c in later.changes])
                    inert = inert and unit.kind != "other"
                for name in now.binds:
                    bound.setdefault(name, []).append(index)
                for change in now.changes:
                    reads.add(change.name)
                    _note_change(changed, change)
                if now.hands and altering:
                    self._add_handed(now.hands, number, changed)
                if mutators and not mutators.isdisjoint(now.reads):
                    self._add_calls(unit, number, index, bound, changed)
                if later is not NOTHING and unit.kind == "other" and not is_definition(outline, number, unit):
                    self._add_called(unit, number, index, bound, changed)  # ``list(map(lambda v: xs.append(v), vs))``
                if used_up and not used_up.keys().isdisjoint(now.reads):
                    for name in used_up.keys() & set(now.reads):
                        if self.uses_up(name, number, index):
                            changed.setdefault(name, PERHAPS)
                if objects and not objects.isdisjoint(now.calls):
                    for name in objects.intersection(now.calls):
                        changed.setdefault(name, PERHAPS)
                        makers = self.functions.results_called.get(name, ())
                        for called in self.functions.called(makers, number) if makers else ():
                            self._add_called(called, number, index, bound, changed)
            if inert:
                self.inert.add(number)
            self._note(number, bound, changed)

    def _add_handed(self, hands: Sequence[Hand], number: int, changed: dict[str, int]) -> None:
        """Names whose objects a notebook function may change because it is called with them."""
        for name, surely in self.functions.changed_by(hands, number):
            changed[name] = max(changed.get(name, PERHAPS), ASSIGNED if surely else PERHAPS)

    def _add_calls(
        self, unit: Unit, number: int, index: int, bound: dict[str, list[int]], changed: dict[str, int]
    ) -> None:
        for called in self.functions.called(unit.now.reads, number):
            self._add_called(called, number, index, bound, changed)

    def _add_called(
        self, unit: Unit, number: int, index: int, bound: dict[str, list[int]], changed: dict[str, int]
    ) -> None:
        """What the later code of a unit does counts where it is called."""
        for name in unit.later.binds:
            where = bound.setdefault(name, [])
            if index not in where:
                where.append(index)
        for change in unit.later.changes:
            _note_change(changed, change)
        if unit.later.hands:
            self._add_handed(unit.later.hands, number, changed)
        for name in self.used_up.keys() & set(unit.later.reads):
            changed.setdefault(name, PERHAPS)

    def _note(self, number: int, bound: dict[str, list[int]], changed: dict[str, int]) -> None:
        self._units[number] = bound
        if number in self.outline.unreadable:
            return
        in_step = self.outline.step_at(number) is not None
        places = self.in_steps if in_step else self.in_context
        for name in bound:
            places.setdefault(name, []).append(number)
        for name, how in changed.items():
            if not in_step:
                self.changed_in_context.setdefault(name, []).append(number)
                if how == PERHAPS:
                    self.perhaps_changed.add((name, number))
            if how == ASSIGNED:
                places = self.assigned_in_steps if in_step else self.assigned_in_context
                places.setdefault(name, []).append(number)

    def _add_outputs(self) -> None:
        for step in self.outline.steps:
            for item in step.declaration.outputs:
                if not item.is_file:
                    cells = self.in_steps.setdefault(str(item.name), [])
                    at = bisect_left(cells, step.last)
                    if at == len(cells) or cells[at] != step.last:
                        cells.insert(at, step.last)

    # --- questions -----------------------------------------------------------------------------------------

    def units_binding(self, number: int, name: str) -> Sequence[int]:
        """Indexes of the cell's units that may bind the name, in order."""
        return self._units.get(number, {}).get(name, ())

    def definitions(self, name: str, number: int) -> list[Unit]:
        """The units that the nearest binding of a name at or above a cell may come from."""
        cells = self._written_cells.get(name)
        at = bisect_right(cells, number) if cells else 0
        return [u for u in self.outline.units(cells[at - 1]) if name in u.now.binds] if cells and at else []

    def is_import(self, name: str, number: int) -> bool:
        """Whether the nearest binding of a name at or above a cell is an import."""
        return self.imported(name, number) is not None

    def imported(self, name: str, number: int) -> Import | None:
        """The import behind a name, as seen from a cell."""
        return next((i for u in self.definitions(name, number) for i in u.imports if i.bound == name), None)

    @cached_property
    def only_imported(self) -> frozenset[str]:
        """Names that imports alone bind: calls on a module do not change it."""
        imported: set[str] = set()
        bound: set[str] = set()
        for facts in self.outline.facts:
            for unit in facts.units:
                if unit.imports:
                    imported.update([i.bound for i in unit.imports])
                    bound.update(set(unit.now.binds) - {i.bound for i in unit.imports})
                else:
                    bound.update(unit.now.binds)
        return frozenset(imported - bound)

    def partners(self, name: str, cell: int) -> Iterable[Version]:
        """Other names, each with the cell that bound it, which may stand for the object that ``name`` stands for, for
        a part of it, or for something that holds it."""
        group = self._partners.get((name, cell), ())
        return (version for version in group if version != (name, cell))

    @cached_property
    def _partners(self) -> Mapping[Version, list[Version]]:
        return find_partners(self)

    def bound_at(self, name: str, number: int, index: int) -> int:
        """The cell of the nearest binding of a name above a unit, 0 where there is none."""
        if any(at < index for at in self.units_binding(number, name)):
            return number
        cells = self._written_cells.get(name, [])
        at = bisect_left(cells, number)
        return cells[at - 1] if at else 0

    def next_binding(self, name: str, cell: int) -> int:
        """The first cell below that binds the name anew, one past the end where none does."""
        cells = self._written_cells.get(name, [])
        at = bisect_right(cells, cell)
        return cells[at] if at < len(cells) else len(self.outline.facts) + 1

    @cached_property
    def used_up(self) -> Mapping[str, tuple[str, ...]]:
        """Names that some cell binds to an object that is used up in turn → what it may be."""
        found: dict[str, tuple[str, ...]] = {}
        for number, facts in enumerate(self.outline.facts, 1):
            for unit in facts.units:
                for name, root, what in unit.used_up:
                    if not root or self.is_import(root, number):
                        found[name] = (*found.get(name, ()), what)
                for name, function in unit.now.shares:
                    if function[-2:] == "()" and self.functions.is_generator(function[:-2], number):
                        found[name] = (*found.get(name, ()), "iterator")
        return found

    def uses_up(self, name: str, number: int, index: int) -> bool:
        """Whether the nearest binding of a name above a unit makes such an object."""
        return bool(self.what_is_used_up(name, self.bound_at(name, number, index)))

    def what_is_used_up(self, name: str, number: int) -> str:
        """What a cell binds a name to, where that is used up in turn: a ``generator``, … ``""`` where it is not."""
        for unit in reversed(self.outline.units(number) if number else ()):
            if name in unit.now.binds:
                for made, root, what in unit.used_up:
                    if made == name and (not root or self.is_import(root, number)):
                        return what
                called = [f[:-2] for n, f in unit.now.shares if n == name and f[-2:] == "()"]
                return "iterator" if any(self.functions.is_generator(f, number) for f in called) else ""
        return ""

    @cached_property
    def _called_objects(self) -> frozenset[str]:
        """Names of objects that hold others and may be called by themselves: ``add = xs.append``."""
        called = {n for facts in self.outline.facts for u in facts.units for n in u.now.calls}
        holding = {
            name
            for facts in self.outline.facts
            for unit in facts.units
            if unit.kind == "other" and not called.isdisjoint(unit.now.binds)
            for name, root in unit.now.shares
            if name in called and root[-2:] != "()"
        }
        return frozenset(holding | self.functions.results_called.keys())

    @cached_property
    def _written_cells(self) -> Places:
        found: Places = {}
        for number, facts in enumerate(self.outline.facts, 1):
            for name in dict.fromkeys([n for u in facts.units for n in u.now.binds]):
                found.setdefault(name, []).append(number)
        return found

    @cached_property
    def holders(self) -> frozenset[str]:
        """Names whose values may hold code that reads globals: functions, and what is made with them."""
        found: set[str] = set()
        users: dict[str, list[tuple[str, ...]]] = {}
        for facts in self.outline.facts:
            for unit in facts.units:
                if unit.later is not NOTHING and unit.later.reads:
                    found.update(unit.now.binds)
                    found.update(unit.later.binds)
                if unit.kind in ("other", "class") and unit.now.binds:
                    for read in unit.now.reads:
                        users.setdefault(read, []).append(unit.now.binds)
        found.update(self.functions.classes & self.changed_in_context.keys())  # ``Model.forward = forward``
        queue = list(found)
        while queue:
            for names in users.pop(queue.pop(), ()):
                fresh = [n for n in names if n not in found]
                found.update(fresh)
                queue += fresh
        return frozenset(found)

    @property
    def mutators(self) -> frozenset[str]:
        return self.functions.mutators

    # --- set-up --------------------------------------------------------------------------------------------

    def sets_up(self, unit: Unit, number: int, *, bare: bool = True) -> bool:
        """Whether a statement configures something that later code depends on without naming it. ``bare``: whether
        only calls of functions count that are made for nothing else."""
        now = unit.now
        if any(root == IMPORTED or self.is_import(root, number) for root in now.setup):
            return True
        handed = self.functions.changed_by(now.hands, number) if now.hands and self.functions.altering else ()
        if any(self.is_import(name, number) for name, _ in handed):
            return True  # ``add_method(pd.DataFrame)``
        names = now.bare_calls if bare else [n for n in now.calls if n not in self.functions.classes]
        names = [*names, *[root for root in now.setup if root in self.mutators]]  # ``config.seed()``
        if not names or self.mutators.isdisjoint(names):
            return False
        configured = (root for d in self.functions.called(names, number) for root in d.later.setup)
        return any(root == IMPORTED or self.is_import(root, number) for root in configured)

    @cached_property
    def setup_cells(self) -> tuple[int, ...]:
        """Context cells that belong to every slice below them."""
        outline = self.outline
        return tuple(
            n
            for n in outline.context_cells
            if n in outline.setup_tagged or any(u.always or self.sets_up(u, n, bare=False) for u in outline.units(n))
        )

    @cached_property
    def unread_imports(self) -> Mapping[tuple[int, int], tuple[Import, ...]]:
        """``(cell, unit)`` → its imports whose names no cell reads: they are there for their effect."""
        read = self.read_names
        found: dict[tuple[int, int], tuple[Import, ...]] = {}
        for number, facts in enumerate(self.outline.facts, 1):
            if number in self.outline.unreadable:
                continue
            for index, unit in enumerate(facts.units):
                if unit.kind == "import" and not unit.always:
                    unread = tuple([i for i in unit.imports if i.bound not in read])
                    if unread and (is_plain_import(unit) or len(unread) == len(unit.imports)):
                        found[number, index] = unread
        return found

    @cached_property
    def star_imports(self) -> tuple[tuple[int, int], ...]:
        """``(cell, unit)`` of the star imports in cells of steps: they may bind any name."""
        return tuple(
            (number, index)
            for step in self.outline.steps
            for number in step.cells
            for index, unit in enumerate(self.outline.units(number))
            if any(i.name == "*" for i in unit.imports)
        )

    @cached_property
    def first_unseen(self) -> int:
        """The first cell that may bind names which nobody sees by reading it: a star import, ``%run``, ``exec``, or
        text that cannot be read at all."""
        for number, facts in enumerate(self.outline.facts, 1):
            if (
                facts.problem
                or number in self.outline.unreadable
                or any(u.always in ("star import", "%run", "exec") for u in facts.units)
            ):
                return number
        return len(self.outline.facts) + 1


def is_definition(outline: Outline, number: int, unit: Unit) -> bool:
    """Whether what a unit binds is itself a function or class: ``def``, decorated or not, or a lambda alone."""
    if unit.kind != "other" or not unit.now.reads:
        return True
    return outline.text(number, unit.line).startswith(("def ", "class ", "async ", "@"))


def _note_change(changed: dict[str, int], change: Change) -> None:
    changed[change.name] = max(changed.get(change.name, PERHAPS), _SURENESS[change.how])


def is_plain_import(unit: Unit) -> bool:
    """Whether the unit is one import statement, not under ``try`` or ``if``."""
    return unit.import_source.startswith(("import ", "from "))
