"""Put outputs into a copy of the person's notebook: same cells, same metadata, what each cell showed below it.

The copy looks as if the notebook had been run from top to bottom: execution counts run through, widget state is
merged, and cells that no step ran show nothing. It is never marked as trusted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from nbflow.notebook.reading import Raw
from nbflow.notebook.showing import STATE, Outputs


def stitch(raw: Raw, shown: Mapping[int, Outputs], widgets: Iterable[Mapping[str, Any]] = ()) -> Raw:
    """The executed copy of a notebook.

    ``shown``: the outputs of each cell that ran, by number. ``widgets``: the ``"widgets"`` of each step's
    ``shown_from_executed``; later ones win. ``raw`` is left as it is.
    """
    minor = raw["nbformat_minor"]
    cells = []
    count = 0
    for number, cell in enumerate(raw["cells"], 1):
        ran = number in shown and cell["cell_type"] == "code"
        count += ran
        cells.append(_stitched(cell, shown[number] if ran else [], count if ran else None))
        _fit_id(cells[-1], minor, number)
    metadata = {k: copy.deepcopy(v) for k, v in raw["metadata"].items() if k not in ("widgets", "signature")}
    state = {key: copy.deepcopy(value) for part in widgets for key, value in part.items()}
    if state:
        metadata["widgets"] = {STATE: {"state": state, "version_major": 2, "version_minor": 0}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


def _stitched(cell: Raw, outputs: Outputs, count: int | None) -> Raw:
    stitched: Raw = {k: copy.deepcopy(v) for k, v in cell.items() if k != "outputs"}
    stitched["metadata"].pop("trusted", None)
    stitched["metadata"].pop("execution", None)
    if cell["cell_type"] == "code":
        stitched["execution_count"] = count
        stitched["outputs"] = [
            {**output, "execution_count": count} if output["output_type"] == "execute_result" else dict(output)
            for output in outputs
        ]
    return stitched


def _fit_id(cell: Raw, minor: int, number: int) -> None:
    """Ids came with format 4.5 and are not allowed before."""
    if minor < 5:
        cell.pop("id", None)
    elif not isinstance(cell.get("id"), str):
        cell["id"] = f"cell-{number}"
