"""The calls that the check speaks about, in code that a slice or a cell reaches, with the module behind each.

``effects`` knows what such a call looks like; whether its first name really is an import is found out here. Read
``check`` and ``draws`` for the two that ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nbflow.core.model import Code, Effect, Unit
from nbflow.core.outline import Outline


class Called(NamedTuple):
    """One such call."""

    cell: int
    effect: Effect
    module: str
    """The module that its root stands for, ``""`` for builtins and methods."""
    now: bool
    """Whether it runs with the cell, not only when a function is called."""


def called(outline: Outline, units: Iterable[tuple[int, Unit]]) -> Iterator[Called]:
    """Calls whose root is an import, or ``open``."""
    for cell, unit in units:
        for code, now in ((unit.now, True), (unit.later, False)):
            for effect in code.effects:
                module = module_behind(outline, cell, effect.root, code)
                if module is not None:
                    yield Called(cell, effect, module, now)


def module_behind(outline: Outline, cell: int, root: str, code: Code) -> str | None:
    """The module behind the root of a call, ``""`` for the builtin ``open`` and for methods, ``None`` for others."""
    if not root:
        return ""
    imported = outline.bindings.imported(root, cell)
    if imported is not None:
        return imported.module
    if root == "open" and not outline.bindings.definitions(root, cell):
        return ""
    return root if root in {m.partition(".")[0] for m in code.modules} else None
