"""Which names of context cells may stand for one object, or for parts of it, or for what holds it.

``cfg = base``, ``head = frame[:2]``, ``opt = Adam(model.parameters())``, ``box.append(row)``, ``d = clean(raw)``: a
change under one name is then a change under the others. Names are taken as the cells bind them, so that a name bound
anew is another one. ``bindings`` asks once per notebook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nbflow.core.model import Unit

if TYPE_CHECKING:
    from nbflow.core.bindings import Bindings

Version = tuple[str, int]
"""A name as one cell has bound it."""

_MAKES_CONTAINER = re.compile(r"=\s*(\[|\{|(dict|list|set|deque|defaultdict|OrderedDict|SimpleNamespace)\()")


def find_partners(bindings: Bindings) -> Mapping[Version, list[Version]]:
    """Version → all that share an object with it, itself among them."""
    finder = _Finder(bindings)
    for number in bindings.outline.context_cells:
        for index, unit in enumerate(bindings.outline.units(number)):
            if unit.now.shares:
                finder.add_shares(unit, number, index)
            if unit.now.keeps:
                finder.add_keeps(unit, number, index)
    return finder.groups


class _Finder:
    def __init__(self, bindings: Bindings) -> None:
        self.bindings = bindings
        self.groups: dict[Version, list[Version]] = {}

    def add_shares(self, unit: Unit, number: int, index: int) -> None:
        for name, root in unit.now.shares:
            if root[-2:] == "()":
                for behind in self.bindings.functions.results(root[:-2], unit, number):
                    self.join((name, number), behind, number, index)
            elif root in unit.now.binds and root not in unit.now.reads:  # ``fig, ax = plt.subplots()``
                self.join((name, number), root, number, len(self.bindings.outline.units(number)))
            else:
                self.join((name, number), root, number, index)

    def add_keeps(self, unit: Unit, number: int, index: int) -> None:
        for container, root, how in unit.now.keeps:
            if container not in self.bindings.only_imported:
                at = self.bindings.bound_at(container, number, index)
                if how == "attribute" or self.is_container(container, at):
                    self.join((container, at), root, number, index)

    def is_container(self, name: str, number: int) -> bool:
        """Whether a cell binds a name to a list, a dictionary or the like: a table copies what is put into it."""
        outline = self.bindings.outline
        return any(
            _MAKES_CONTAINER.search(outline.text(number, unit.line))
            for unit in (outline.units(number) if number else ())
            if name in unit.now.binds
        )

    def join(self, one: Version, root: str, number: int, index: int) -> None:
        """Make one group of two, the smaller into the larger. ``root`` is meant as unit ``index`` of a cell sees it."""
        if root in self.bindings.only_imported:
            return
        other = (root, self.bindings.bound_at(root, number, index))
        first, second = self.groups.setdefault(one, [one]), self.groups.setdefault(other, [other])
        if first is second:
            return
        if len(first) < len(second):
            first, second = second, first
        first.extend(second)
        for version in second:
            self.groups[version] = first
