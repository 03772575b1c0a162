"""Put outputs into a copy of the person's notebook: same cells, same metadata, what each cell showed below it.

The copy looks as if the notebook had been run from top to bottom: execution counts run through, widget state is
merged, and cells that no step ran show nothing. It is never marked as trusted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from nbflow.notebook.injecting import INJECTED, injected_place
from nbflow.notebook.reading import Raw
from nbflow.notebook.showing import STATE, Outputs


def stitch(
    raw: Raw, shown: Mapping[int, Outputs], widgets: Iterable[Mapping[str, Any]] = (), injected: str = ""
) -> Raw:
    """The executed copy of a notebook.

    ``shown``: the outputs of each cell that ran, by number. ``widgets``: the ``"widgets"`` of each step's
    ``shown_from_executed``; later ones win. ``injected``: code that sets the parameters the run was given; it is shown
    as a cell of its own. ``raw`` is left as it is.
    """
    minor = raw["nbformat_minor"]
    rows = [(_fit_id(cell, minor, number), shown.get(number)) for number, cell in enumerate(raw["cells"], 1)]
    if injected and (place := injected_place(raw)):
        outputs: Outputs | None = [] if place.defaults in shown else None  # it ran where they did, and shows nothing
        rows[place.index : place.index + place.replaces] = [(_injected(injected, raw), outputs)]
    cells = []
    count = 0
    for cell, outputs in rows:
        ran = outputs is not None and cell["cell_type"] == "code"
        count += ran
        cells.append(_stitched(cell, outputs or [], count if ran else None))
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


def _injected(source: str, raw: Raw) -> Raw:
    cell: Raw = {"cell_type": "code", "metadata": {"tags": [INJECTED]}, "source": source}
    if raw["nbformat_minor"] >= 5:
        taken = {other.get("id") for other in raw["cells"]}
        names = (INJECTED if n == 1 else f"{INJECTED}-{n}" for n in range(1, len(taken) + 2))
        cell["id"] = next(name for name in names if name not in taken)
    return cell


def _fit_id(cell: Raw, minor: int, number: int) -> Raw:
    """The cell with an id where its notebook has them: they came with format 4.5 and are not allowed before."""
    if minor < 5:
        return {k: v for k, v in cell.items() if k != "id"}
    return cell if isinstance(cell.get("id"), str) else {**cell, "id": f"cell-{number}"}
