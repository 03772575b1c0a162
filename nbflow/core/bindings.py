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
from nbflow.core.model import Change, Code, Import, Unit

if TYPE_CHECKING:
    from nbflow.core.outline import Outline

Places = dict[str, list[int]]
"""Name → cells, in order."""

Version = tuple[str, int]
"""A name as one cell has bound it."""

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
        self._units: dict[int, dict[str, list[int]]] = {}
        self._classes: frozenset[str] = frozenset()
        self._alters = frozenset(n for f in outline.facts for u in f.units if u.alters for n in u.now.binds)
        self._read_cells()
        self._add_outputs()

    def _read_cells(self) -> None:
        outline, reads, mutators = self.outline, self.read_names, self.mutators
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
                if now.hands and self._alters:
                    self._add_handed(now.hands, number, changed)
                if mutators and not mutators.isdisjoint(now.reads):
                    self._add_calls(unit, number, index, bound, changed)
            if inert:
                self.inert.add(number)
            self._note(number, bound, changed)

    def _add_handed(self, hands: Iterable[tuple[str, str, str]], number: int, changed: dict[str, int]) -> None:
        """Names whose objects a notebook function may change because it is called with them."""
        for function, slot, name in hands:
            if function in self._alters and any(slot in d.alters for d in self.definitions(function, number)):
                changed.setdefault(name, PERHAPS)

    def _add_calls(
        self, unit: Unit, number: int, index: int, bound: dict[str, list[int]], changed: dict[str, int]
    ) -> None:
        for called in self.called(unit.now.reads, number):
            for name in called.later.binds:
                where = bound.setdefault(name, [])
                if index not in where:
                    where.append(index)
            for change in called.later.changes:
                _note_change(changed, change)
            if called.later.hands:
                self._add_handed(called.later.hands, number, changed)

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
        return self._partners.get((name, cell), ())

    @cached_property
    def _partners(self) -> Mapping[Version, tuple[Version, ...]]:
        group: dict[Version, list[Version]] = {}
        for number in self.outline.context_cells:
            for index, unit in enumerate(self.outline.units(number)):
                for name, root in unit.now.shares:
                    if root not in self.only_imported:
                        fresh = root in unit.now.binds and root not in unit.now.reads  # ``fig, ax = plt.subplots()``
                        at = number if fresh else self._bound_at(root, number, index)
                        _join(group, (name, number), (root, at))
        return {version: tuple(v for v in group[version] if v != version) for version in group}

    def _bound_at(self, name: str, number: int, index: int) -> int:
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
                if unit.kind == "other" and unit.now.binds:
                    for read in unit.now.reads:
                        users.setdefault(read, []).append(unit.now.binds)
        queue = list(found)
        while queue:
            for names in users.pop(queue.pop(), ()):
                fresh = [n for n in names if n not in found]
                found.update(fresh)
                queue += fresh
        return frozenset(found)

    # --- functions that change globals or set things up ----------------------------------------------------

    @cached_property
    def mutators(self) -> frozenset[str]:
        """Names whose use may change globals or set things up: functions and classes whose later code does, those
        that reach one of these, and what is handed on or made from them (``tick = partial(count)``, ``c = Counter()``).
        """
        found: set[str] = set()
        users: dict[str, set[str]] = {}
        classes: set[str] = set()
        for facts in self.outline.facts:
            for unit in facts.units:
                now, later = unit.now, unit.later
                if unit.kind == "class":
                    classes.update(now.binds)
                if later is not NOTHING:
                    if self._acts(later):
                        found.update(now.binds)
                    for read in later.reads:
                        users.setdefault(read, set()).update(now.binds)
        if not found:
            return frozenset()
        self._classes = frozenset(classes)
        self._add_carriers(users)
        queue = list(found)
        while queue:
            for user in users.get(queue.pop(), ()):
                if user not in found:
                    found.add(user)
                    queue.append(user)
        return frozenset(found)

    def _acts(self, later: Code) -> bool:
        """Whether code that is called later changes globals, or sets something up."""
        if later.binds or later.setup or any(c.name not in self.only_imported for c in later.changes):
            return True
        return any(function in self._alters for function, _, _ in later.hands)

    def _add_carriers(self, users: dict[str, set[str]]) -> None:
        """A value holds what its statement hands on."""
        for facts in self.outline.facts:
            for unit in facts.units:
                if unit.now.binds and unit.kind == "other":
                    for read in self._handed_on(unit):
                        users.setdefault(read, set()).update(unit.now.binds)

    def _handed_on(self, unit: Unit) -> Iterable[str]:
        """What the values that a statement binds may hold: functions it names without a call, classes it calls."""
        now = unit.now
        return [n for n in now.reads if n not in now.calls or n in self._classes]

    def called(self, names: Iterable[str], number: int) -> list[Unit]:
        """The units whose later code may run when a cell uses these names, followed through what they read."""
        mutators = self.mutators
        queue = [n for n in names if n in mutators]
        seen: set[str] = set()
        found: list[Unit] = []
        while queue:
            name = queue.pop()
            if name in seen:
                continue
            seen.add(name)
            for definition in self.definitions(name, number):
                if definition.later is not NOTHING:
                    found.append(definition)
                    queue += [n for n in definition.later.reads if n in mutators]
                if definition.kind == "other":
                    queue += [n for n in self._handed_on(definition) if n in mutators]
        return found

    # --- set-up --------------------------------------------------------------------------------------------

    def sets_up(self, unit: Unit, number: int) -> bool:
        """Whether a statement configures something that later code depends on without naming it."""
        if any(self.is_import(root, number) for root in unit.now.setup):
            return True
        bare = unit.now.bare_calls
        if not bare or self.mutators.isdisjoint(bare):
            return False
        return any(self.is_import(root, number) for d in self.called(bare, number) for root in d.later.setup)

    @cached_property
    def setup_cells(self) -> tuple[int, ...]:
        """Context cells that belong to every slice below them."""
        outline = self.outline
        return tuple(
            n
            for n in outline.context_cells
            if n in outline.setup_tagged or any(u.always or self.sets_up(u, n) for u in outline.units(n))
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


def _note_change(changed: dict[str, int], change: Change) -> None:
    changed[change.name] = max(changed.get(change.name, PERHAPS), _SURENESS[change.how])


def _join(group: dict[Version, list[Version]], one: Version, other: Version) -> None:
    """Make one group of two, the smaller into the larger."""
    first, second = group.setdefault(one, [one]), group.setdefault(other, [other])
    if first is second:
        return
    if len(first) < len(second):
        first, second = second, first
    first.extend(second)
    for version in second:
        group[version] = first


def is_plain_import(unit: Unit) -> bool:
    """Whether the unit is one import statement, not under ``try`` or ``if``."""
    return unit.import_source.startswith(("import ", "from "))
