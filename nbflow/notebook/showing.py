"""Keep what the cells of a step showed, and say which cells of today's notebook it belongs to.

A reused step shows what it showed when it ran, though its notebook may have been renamed or its cells moved since.
Step cells are found again by their order within the step, context cells by their source. What is kept is a JSON value
for the store. Read ``stitching`` next.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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


Place: TypeAlias = tuple[str, int]
"""Notebook path and cell number."""

Places: TypeAlias = Mapping[str, Mapping[str, Sequence[int]]]
"""Notebook path → digest of a source → numbers of the code cells that have it, in order."""


def places(raws: Mapping[str, Raw]) -> Places:
    """Where each source stands today, for ``replay``."""
    found: dict[str, dict[str, list[int]]] = {}
    for path, raw in raws.items():
        numbers = found[path] = defaultdict(list)
        for number, cell in enumerate(raw["cells"], 1):
            if cell["cell_type"] == "code":
                numbers[source_digest(cell["source"])].append(number)
    return found


def replay(
    shown: Mapping[str, Any],
    notebook: str,
    step_cells: Sequence[int],
    context_cells: Callable[[], Iterable[Place]],
    where: Places,
) -> Shown:
    """Where the outputs belong today.

    ``notebook``: path of the step's notebook now; ``step_cells`` and ``context_cells``: the cells of its slice now, in
    order (the latter are asked for only where sources do not tell); ``where``: the ``places`` of the pipeline's
    notebooks. Cells that are no longer there are left out.
    """
    found: Shown = defaultdict(dict)
    own = [c["outputs"] for c in shown["cells"] if c["role"] == "step"]
    for position, outputs in enumerate(own):
        if outputs is not None and step_cells:
            number = step_cells[min(position, len(step_cells) - 1)]
            found[notebook].setdefault(number, []).extend(copy.deepcopy(outputs))
    then = next((c["notebook"] for c in shown["cells"] if c["role"] == "step"), notebook)
    context = [{**c, "notebook": notebook if c["notebook"] == then else c["notebook"]}
               for c in shown["cells"] if c["role"] == "context"]  # fmt: skip
    for cell, place in zip(context, _places_of(context, context_cells, where), strict=True):
        if place is not None and cell["outputs"] is not None:
            found[place[0]][place[1]] = copy.deepcopy(cell["outputs"])
    return dict(found)


def _places_of(
    cells: Sequence[Mapping[str, Any]], context_cells: Callable[[], Iterable[Place]], where: Places
) -> list[Place | None]:
    """The place of each context cell: where its source stands, if only there; else among those of today's slice, and
    what is left over on both sides goes by order, for a comment may have changed."""
    standing = [(c["notebook"], where.get(c["notebook"], {}).get(c["digest"], ())) for c in cells]
    if all(len(numbers) == 1 for _, numbers in standing):
        return [(path, numbers[0]) for path, numbers in standing]
    today = set(context_cells())
    places: list[Place | None] = []
    for cell in cells:
        path = cell["notebook"]
        number = next((n for n in where.get(path, {}).get(cell["digest"], ()) if (path, n) in today), None)
        places.append(None if number is None else (path, number))
        today = today - {places[-1]} if places[-1] else today
    lost = [i for i, place in enumerate(places) if place is None]
    left = sorted(today)
    if len(lost) == len(left):
        for i, place in zip(lost, left, strict=True):
            places[i] = place
    return places


def gather(parts: Iterable[Shown]) -> Shown:
    """Several steps' outputs together. Where two steps ran one context cell, the first one's stand."""
    together: Shown = defaultdict(dict)
    for part in parts:
        for path, cells in part.items():
            together[path] = {**cells, **together[path]}
    return dict(together)
