"""Which cells of a notebook draw from a library's global random generator, and which set its seed, in order.

A draw through a function counts where the function is called. Per generator the draws and seeds of all cells stand in
one row, as Run All meets them; a step's slice meets some of them. Read ``check_draws`` for what follows from that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from nbflow.core.bindings import is_definition
from nbflow.core.model import Code, Unit
from nbflow.core.outline import Outline
from nbflow.core.reached import module_behind

LIBRARIES = frozenset({"random", "torch", "tensorflow", "cupy", "mxnet", "numpy"})
"""Those with a generator of their own; all others draw from NumPy's."""
WITHOUT = frozenset({"jax"})
"""Those that have none: the key is handed to each call."""

KINDS = frozenset({"random", "seed", "estimator"})


class Draw(NamedTuple):
    """One draw, or one seed."""

    cell: int
    unit: int
    text: str
    """The call as written."""
    seed: bool
    weak: bool
    """Whether it only makes what will draw: a model without ``random_state``."""


class Draws:
    """Of one notebook."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline

    @cached_property
    def rows(self) -> Mapping[str, tuple[Draw, ...]]:
        """Generator → draws and seeds in document order."""
        found: dict[str, list[Draw]] = {}
        for number in range(1, len(self.outline.facts) + 1):
            if number not in self.outline.unreadable:
                for index, unit in enumerate(self.outline.units(number)):
                    for code in self._codes(number, unit):
                        for generator, draw in self._of_code(number, index, code):
                            found.setdefault(generator, []).append(draw)
        everywhere = found.pop("", [])
        if everywhere:
            found = {generator: sorted([*row, *everywhere], key=lambda d: d[:2]) for generator, row in found.items()}
        return {generator: tuple(row) for generator, row in found.items()}

    @cached_property
    def _drawing(self) -> frozenset[str]:
        """Names whose use may draw or set a seed."""
        return self.outline.bindings.functions.reaching(_concerns)

    def _codes(self, number: int, unit: Unit) -> Iterable[Code]:
        """What runs with a unit: its own code and that of the functions that it calls or hands on."""
        yield unit.now
        if unit.kind == "other" and unit.later.effects and not is_definition(self.outline, number, unit):
            yield unit.later
        if self._drawing and not self._drawing.isdisjoint(unit.now.reads):
            functions = self.outline.bindings.functions
            yield from [u.later for u in functions.called(unit.now.reads, number, self._drawing)]

    def _of_code(self, number: int, index: int, code: Code) -> Iterator[tuple[str, Draw]]:
        for effect in code.effects:
            if effect.kind in KINDS:
                module = module_behind(self.outline, number, effect.root, code)
                if module is not None and module.partition(".")[0] not in WITHOUT:
                    seed = effect.kind == "seed"
                    draw = Draw(number, index, effect.text, seed, effect.kind == "estimator")
                    yield _generator(module, seed), draw


def _concerns(code: Code) -> bool:
    return any(effect.kind in KINDS for effect in code.effects)


def _generator(module: str, seed: bool) -> str:
    """Whose generator a module draws from; a seed that some helper library sets is set everywhere: ``""``."""
    top = module.partition(".")[0]
    return top if top in LIBRARIES else "" if seed else "numpy"
