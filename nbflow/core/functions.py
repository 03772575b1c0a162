"""What the functions and classes of one notebook do when they are called: to globals, and to what they are given.

A call counts as what the function does, followed through the functions that it calls, and handing a function on counts
as calling it. Facts about one cell say who hands what to whom; here they are put together, once per notebook, for
``bindings`` to ask. Nothing here knows of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from nbflow.core.collect import NOTHING
from nbflow.core.handing import ANYWHERE, OBJECT
from nbflow.core.model import Code, Unit

if TYPE_CHECKING:
    from nbflow.core.outline import Outline

Hand = tuple[str, str, str]
Definitions = Callable[[str, int], list[Unit]]
"""``(name, cell)`` → the units that the nearest binding of the name at or above the cell may come from."""

SURELY = "!"
"""What ends the slots that are surely changed: by an assignment of any form, not by a mere call."""
_ANY_POSITION, _ANY_KEYWORD = "*", "**"


class Functions:
    def __init__(self, outline: Outline, definitions: Definitions, only_imported: Callable[[], frozenset[str]]) -> None:
        self.outline = outline
        self.definitions = definitions
        self._only_imported = only_imported

    def _units(self) -> Iterator[Unit]:
        return (unit for facts in self.outline.facts for unit in facts.units)

    # --- what they do to what they are given ---------------------------------------------------------------

    @cached_property
    def altering(self) -> frozenset[str]:
        """Names of functions and classes, and ``.methods``, that may change an object they are given."""
        found = {n for u in self._units() if self._slots.get(id(u)) for n in u.now.binds}
        if found:  # ``g = f``
            found.update([n for u in self._units() if u.kind == "other" and not found.isdisjoint(self.handed_on(u))
                          for n in u.now.binds])  # fmt: skip
        return frozenset(found | self._methods.keys())

    @cached_property
    def _slots(self) -> dict[int, frozenset[str]]:
        """Unit → slots of the parameters that it may change, also by handing them on to another function."""
        found: dict[int, set[str]] = {}
        by_name: dict[str, set[str]] = {}
        handing: dict[str, list[tuple[Unit, str, str]]] = {}
        fresh = [(unit, unit.alters) for unit in self._units() if unit.alters]
        for unit in self._units():
            for function, slot, root in unit.later.hands:
                if root[0] == ">":
                    handing.setdefault(function, []).append((unit, slot, root[1:]))
        while fresh:
            unit, slots = fresh.pop()
            known = found.setdefault(id(unit), set())
            if known.issuperset(slots):
                continue
            known.update(slots)
            for name, places in _named(unit, slots):
                by_name.setdefault(name, set()).update(places)
                for other, slot, root in handing.get(name, ()):
                    surely = _reaches(by_name[name], slot)
                    if surely is not None:
                        fresh.append((other, tuple([s + SURELY * surely for s in root.split(",")])))
        return {unit: frozenset(slots) for unit, slots in found.items()}

    @cached_property
    def _methods(self) -> dict[str, set[str]]:
        """``.method`` of any class of the notebook → its slots."""
        found: dict[str, set[str]] = {}
        for unit in self._units():
            for name, slots in _named(unit, self._slots.get(id(unit), ())):
                if name[0] == ".":
                    found.setdefault(name, set()).update(slots)
        return found

    def changed_by(self, hands: Sequence[Hand], number: int) -> Iterator[tuple[str, bool]]:
        """Names whose objects may be changed because functions are called with them in this cell; whether surely."""
        functions = {root for _, _, root in hands if root in self.altering and self._is_function(root, number)}
        feeding = {function for function, _, root in hands if root in functions}
        for function, slot, root in hands:
            if root[0] == ">" or root in functions:
                continue
            if function in feeding:
                yield root, False
            elif slot != OBJECT and function in self.altering:
                surely = self._alters(function, slot, number)
                if surely is not None:
                    yield root, surely

    def _alters(self, function: str, slot: str, number: int) -> bool | None:
        """Whether a function may change what it is given in this slot: ``None`` for no, ``True`` for surely."""
        if function[0] == ".":
            return _reaches(self._methods[function], slot)
        answers = [_reaches(self._callable_slots(d), slot) for d in self.definitions(function, number)]
        known = [a for a in answers if a is not None]
        return all(known) if known else None

    def _callable_slots(self, unit: Unit) -> Iterable[str]:
        slots = self._slots.get(id(unit), frozenset())
        if unit.kind == "class" or any("." in s for s in slots):
            return [s.removeprefix("__init__.") for s in slots if s.startswith("__init__.")]
        if not slots and unit.kind == "other":
            return (_ANY_POSITION, _ANY_KEYWORD)  # ``g = f``
        return slots

    def _is_function(self, name: str, number: int) -> bool:
        return any(self._slots.get(id(d)) for d in self.definitions(name, number))

    def results(self, function: str, unit: Unit, number: int) -> Iterator[str]:
        """Names whose objects a statement may get back from a function that it calls."""
        for definition in self.definitions(function, number):
            given = [g for g in definition.gives if g[0] != "="]
            yield from [g[1:] for g in definition.gives if g[0] == "="]
            if given:
                hands = unit.now.hands
                yield from [root for f, slot, root in hands if f == function and _reaches(given, slot) is not None]

    @cached_property
    def results_called(self) -> dict[str, tuple[str, ...]]:
        """Names that are called by themselves and stand for what a function of the notebook has returned → that one:
        ``count = counter()``."""
        called = {n for unit in self._units() for n in unit.now.calls}
        defined = {n for unit in self._units() if unit.kind == "def" for n in unit.now.binds}
        found: dict[str, tuple[str, ...]] = {}
        for unit in self._units():
            for name, root in unit.now.shares:
                if name in called and root[-2:] == "()" and root[:-2] in defined:
                    found[name] = (*found.get(name, ()), root[:-2])
        return found

    def is_generator(self, function: str, number: int) -> bool:
        """Whether what a function returns is used up by going over it."""
        return any("yield" in d.gives for d in self.definitions(function, number))

    # --- what they do to globals ---------------------------------------------------------------------------

    @cached_property
    def mutators(self) -> frozenset[str]:
        """Names whose use may change globals or set things up: functions and classes whose later code does, those
        that reach one of these, and what is handed on or made from them (``tick = partial(count)``, ``c = Counter()``).
        """
        return self.reaching(self._acts)

    def reaching(self, does: Callable[[Code], bool]) -> frozenset[str]:
        """Names whose use may run later code that ``does`` it."""
        found: set[str] = set()
        users: dict[str, set[str]] = {}
        for unit in self._units():
            now, later = unit.now, unit.later
            if later is not NOTHING:
                if does(later):
                    found.update(now.binds)
                for read in later.reads:
                    users.setdefault(read, set()).update(now.binds)
        if not found:
            return frozenset()
        self._add_carriers(users)
        queue = list(found)
        while queue:
            for user in users.get(queue.pop(), ()):
                if user not in found:
                    found.add(user)
                    queue.append(user)
        return frozenset(found)

    @cached_property
    def classes(self) -> frozenset[str]:
        return frozenset(n for unit in self._units() if unit.kind == "class" for n in unit.now.binds)

    def _acts(self, later: Code) -> bool:
        """Whether code that is called later changes globals, or sets something up."""
        only_imported = self._only_imported()
        if later.binds or later.setup or any(c.name not in only_imported for c in later.changes):
            return True
        return any(function in self.altering for function, _, _ in later.hands)

    def _add_carriers(self, users: dict[str, set[str]]) -> None:
        """A value holds what its statement hands on."""
        for unit in self._units():
            if unit.now.binds and unit.kind == "other":
                for read in self.handed_on(unit):
                    users.setdefault(read, set()).update(unit.now.binds)

    def handed_on(self, unit: Unit) -> Iterable[str]:
        """What the values that a statement binds may hold: functions it names without a call, classes it calls."""
        now = unit.now
        return [n for n in now.reads if n not in now.calls or n in self.classes]

    def called(self, names: Iterable[str], number: int, among: frozenset[str] | None = None) -> list[Unit]:
        """The units whose later code may run when a cell uses these names, followed through what they read.
        ``among``: names that need to be followed at all, ``mutators`` where nothing is said."""
        among = self.mutators if among is None else among
        queue = [n for n in names if n in among]
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
                    queue += [n for n in definition.later.reads if n in among]
                if definition.kind == "other":
                    queue += [n for n in self.handed_on(definition) if n in among]
        return found


def _named(unit: Unit, slots: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The names that a unit's altered parameters go by: those of the function, and of each method of a class."""
    plain = [s for s in slots if "." not in s]
    if plain:
        for name in unit.now.binds:
            yield name, plain
    for slot in slots:
        if "." in slot:
            method, _, place = slot.partition(".")
            yield "." + method, [place]
            if method == "__init__":
                for name in unit.now.binds:
                    yield name, [place]


def _reaches(slots: Iterable[str], slot: str) -> bool | None:
    """Whether an object given in a slot is among those: ``True`` for surely changed, ``None`` for not at all."""
    among = slots if isinstance(slots, (set, frozenset)) else frozenset(slots)
    if slot == ANYWHERE:
        return False if among else None
    wild = _ANY_POSITION if slot.isdigit() else _ANY_KEYWORD
    if slot + SURELY in among:
        return True
    return False if slot in among or wild in among or wild + SURELY in among else None
