"""The slice of a step as a value: its pieces in the order they run, and what could not be resolved.

``slicing`` makes it; the planner, the check and the shells read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from nbflow.core.resolve import Need


class Piece(NamedTuple):
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
    maker_cell: int = 0
    """The other step's cell that makes, rebinds or changes it; for ``changed-input`` 0 where a context cell does."""
    through: int = 0
    """For ``exploration``: the context cell that needs another step's output. For ``shadowed``: where the name is
    bound (0: it is a builtin)."""
    needs: tuple[Need, ...] = ()
    """For ``exploration``: those outputs."""
    later: bool = False
    """Whether only code that is called later reads it."""
    rebinds: bool = True
    """For ``changed-input``: whether the name is bound anew, or its object changed in place."""
    sure: bool = True
    """For ``exploration``: whether that cell surely means to bind or change what is read."""


@dataclass(frozen=True, slots=True)
class Slice:
    """All that one step runs, in order, and what it reaches."""

    pieces: tuple[Piece, ...]
    troubles: tuple[Trouble, ...] = ()
    context_reads: frozenset[tuple[str, int]] = frozenset()
    """``(name, cell)`` of the context objects (not imports, functions or classes) that the step's own cells read."""
    used_inputs: frozenset[str] = frozenset()
    watched_reads: frozenset[tuple[str, int, int]] = frozenset()
    """``(name, cell, reader)`` of the context objects that some step changes in place and that the slice's cells read;
    ``reader`` is the cell that does."""

    @property
    def cells(self) -> frozenset[tuple[str, int]]:
        return frozenset((p.notebook, p.cell) for p in self.pieces if p.kind in ("context", "step"))
