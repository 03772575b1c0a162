"""Cells that were run here and are not saved as they ran: a run reads the file, so it would not do what the person saw.

A cell is known by its id where the front end tells it, a step cell else by its step's name. A file that is newer than
the cell's last run has what the person wants, whatever it says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbflow.core.declare import notebook_line, step_of
from nbflow.core.model import Cell, Notebook


@dataclass(frozen=True, slots=True)
class Ran:
    """The last time that a cell ran."""

    source: str
    step: str
    """The step it belongs to, ``""`` for a context cell."""
    cell_id: str
    """``""`` where the front end does not tell."""
    at: float
    """Seconds since the epoch."""


class RanHere:
    """What ran in this kernel. IPython calls it before each cell."""

    def __init__(self) -> None:
        self._ran: dict[str, Ran] = {}

    def __call__(self, info: Any) -> None:
        """``info``: IPython's ``ExecutionInfo``."""
        if info.silent or not isinstance(info.raw_cell, str):
            return
        step = step_of(info.raw_cell)
        cell_id = info.cell_id if isinstance(info.cell_id, str) else ""
        if step or cell_id:
            self._ran[cell_id or f"step {step}"] = Ran(info.raw_cell, step, cell_id, time.time())

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps whose cells ran."""
        return tuple(dict.fromkeys(ran.step for ran in self._ran.values() if ran.step))

    def unsaved(self, notebook: Notebook, saved_at: float) -> str:
        """``cell 3 and step fit``, for what the saved notebook does not have as it ran; ``""`` where it has all.

        ``saved_at``: when the file was written, in seconds since the epoch."""
        found = (place for ran in self._ran.values() if ran.at > saved_at for place in _unsaved(ran, notebook))
        places = sorted(dict.fromkeys(found), key=lambda place: (place[0] == 0, place))
        words = [f"cell {number}" if number else f"step {step}" for number, step in places]
        return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _unsaved(ran: Ran, notebook: Notebook) -> Iterator[tuple[int, str]]:
    """Its cell's number, or 0 and its step where the cell cannot be told."""
    code = [c for c in notebook.cells if c.kind == "code"]
    same = next((c for c in code if ran.cell_id and c.id == ran.cell_id), None)
    if same is not None:
        if _differs(ran, same):
            yield same.number, ""
    elif ran.step:
        cells = [c for c in code if step_of(c.source) == ran.step]
        if all(_differs(ran, c) for c in cells):
            yield (cells[0].number, "") if len(cells) == 1 else (0, ran.step)


def _line_of(source: str) -> str:
    line = notebook_line(source)
    return line.text if line is not None else ""


def _differs(ran: Ran, saved: Cell) -> bool:
    """Of a context cell only what a run would see counts: not a comment, nor a line that speaks to nbflow."""
    if ran.source.rstrip() == saved.source.rstrip():
        return False
    if ran.step or step_of(saved.source) or _line_of(ran.source) != _line_of(saved.source):
        return True
    from nbflow.core.names import analyse

    return [u.digest for u in analyse(ran.source).units] != [u.digest for u in analyse(saved.source).units]
