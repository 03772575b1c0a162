"""How long the picture of a pipeline takes once everything is loaded, from the pipeline to the text of the SVG."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import function
from benchmarks.table import Row, seconds
from nbflow import ops
from nbflow.render.dag import svg
from nbflow.render.dag.engines import installed

SMALL, LARGE = 30, 200
BESIDE = 5
TIMES = 15


def rows(folder: Path) -> Iterator[Row]:
    engine = next(installed()).name
    for steps in (SMALL, LARGE):
        with ops.open_project([layered(folder / f"{steps}.ipynb", steps)]) as project:
            states = dict.fromkeys(project.pipeline.steps, "succeeded")
            taken = function(lambda: svg(project.pipeline, states), TIMES)  # noqa: B023 (called at once)
        small = steps == SMALL
        yield Row(f"picture of {steps} steps (laid out by {engine})", seconds(taken), "–", "–", "–",
                  "≤ 0.05 s" if small else "–", taken <= 0.05 if small else None)  # fmt: skip


def layered(path: Path, steps: int) -> Path:
    """Ranks of a few steps, each needing two of the rank above."""
    cells = []
    for n in range(steps):
        above = sorted({n - BESIDE, n - BESIDE + (1 if n % BESIDE < BESIDE - 1 else -1)}) if n >= BESIDE else []
        taken = f" -i {' '.join(f'v{m}' for m in above)}" if above else ""
        cells.append(_cell(n, f"%%step step_{n}{taken} -o v{n}\nv{n} = {n}"))
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def _cell(number: int, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "id": f"c{number}", "metadata": {}, "outputs": [],
        "source": source,
    }  # fmt: skip
