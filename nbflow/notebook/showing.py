"""Keep what the cells of a step showed, and say which cells of today's notebook it belongs to.

A reused step shows what it showed when it ran, though its notebook may have been renamed or its cells moved since.
Step cells are found again by their order within the step, context cells by their source. What is kept is a JSON value
for the store. Read ``stitching`` next.
"""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from nbflow.notebook.reading import Raw
from nbflow.notebook.slices import role_of, source_digest

SCHEMA = 1
STATE = "application/vnd.jupyter.widget-state+json"

Outputs: TypeAlias = list[dict[str, Any]]
Shown: TypeAlias = dict[str, dict[int, Outputs]]
"""Notebook path → cell number → the outputs of that cell. Every cell that ran is in it, also if it showed nothing."""


def shown_from_executed(executed: Mapping[str, Any]) -> dict[str, Any]:
    """What an executed slice showed: its cells in order, and the state of its widgets. A JSON value.

    ``outputs`` is None for a cell that did not run.
    """
    cells = [
        {
            "role": note["role"],
            "notebook": note["notebook"],
            "cell": note["cell"],
            "digest": note["digest"],
            "outputs": copy.deepcopy(list(cell["outputs"])) if cell.get("execution_count") is not None else None,
        }
        for cell in executed["cells"]
        if (note := role_of(cell)).get("role") in ("step", "context")
    ]
    state = executed.get("metadata", {}).get("widgets", {}).get(STATE, {}).get("state", {})
    return {"schema": SCHEMA, "cells": cells, "widgets": copy.deepcopy(dict(state))}


def replay(shown: Mapping[str, Any], notebook: str, step_cells: Sequence[int], raws: Mapping[str, Raw]) -> Shown:
    """Where the outputs belong today.

    ``notebook``: path of the step's notebook now; ``step_cells``: numbers of its cells now, in order; ``raws``: the
    pipeline's notebooks by path. Cells that are no longer there are left out.
    """
    then = next((c["notebook"] for c in shown["cells"] if c["role"] == "step"), notebook)
    places: dict[str, dict[str, deque[int]]] = {}
    found: Shown = defaultdict(dict)
    own = deque(step_cells)
    last = 0
    for cell in shown["cells"]:
        path = notebook if cell["notebook"] == then else cell["notebook"]
        number = 0
        if cell["role"] == "step":
            number = last = own.popleft() if own else last
        elif path in raws:
            if path not in places:
                places[path] = _places(raws[path], step_cells if path == notebook else ())
            if numbers := places[path].get(cell["digest"]):
                number = numbers.popleft()
        if number and cell["outputs"] is not None:
            found[path].setdefault(number, []).extend(copy.deepcopy(cell["outputs"]))
    return dict(found)


def _places(raw: Raw, leave_out: Sequence[int]) -> dict[str, deque[int]]:
    """Digest of a source → the code cells that have it, in order."""
    places: dict[str, deque[int]] = defaultdict(deque)
    for number, cell in enumerate(raw["cells"], 1):
        if cell["cell_type"] == "code" and number not in leave_out:
            places[source_digest(cell["source"])].append(number)
    return places


def gather(parts: Iterable[Shown]) -> Shown:
    """Several steps' outputs together. Where two steps ran one context cell, the first one's stand."""
    together: Shown = defaultdict(dict)
    for part in parts:
        for path, cells in part.items():
            together[path] = {**cells, **together[path]}
    return dict(together)
