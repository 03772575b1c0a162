"""Notebooks of any length, and results for them, without waiting for kernels."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from nbflow import ops
from nbflow.executors import Job, Outcome, Tell
from nbflow.runtime import step


def chain(path: Path, steps: int) -> Path:
    """A notebook with one cell of imports and helpers and ``steps`` three-line steps, each needing the one before."""
    cells = [_cell("import math\n\ndef grow(x):\n    return math.floor(x) + 1")]
    for n in range(steps):
        taken = f" -i v{n - 1}" if n else ""
        value = f"grow(v{n - 1})" if n else "0"
        cells.append(_cell(f"%%step s{n}{taken} -o v{n}\n# step {n}\nv{n} = {value}"))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook, indent=1))
    return path


def _cell(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "id": f"c{next(_ids)}", "metadata": {}, "outputs": [],
        "source": source,
    }  # fmt: skip


_ids = count()


class InProcess:
    """An executor that runs a slice in this very process: real results in the store, no kernel. One step at a time."""

    def run(self, job: Job, tell: Tell) -> Outcome:
        space: dict[str, Any] = {"__name__": "__main__"}
        space["__nbflow__"] = step.open_order(str(job.attempt_folder / "order.json"), space)
        for cell in job.notebook["cells"][1:]:  # the first one loads the runtime, which is here already
            exec(cell["source"], space)
            cell["execution_count"] = 1
        result = job.attempt_folder / "result.json"
        # This process has loaded nbflow itself and pytest's kin: no step of a notebook would.
        result.write_text(json.dumps({**json.loads(result.read_text()), "modules": [], "read_files": []}))
        return Outcome("succeeded", job.notebook, seconds=0.0)

    def stop(self, key: str, force: bool) -> None:
        """Nothing runs long enough to be stopped."""


def fill(path: Path) -> None:
    """Make every step's result, so that the next run finds all of them fresh."""
    with ops.open_project([path], jobs=1) as project:
        finished = ops.run(project, executor=InProcess())
    assert finished.status == "succeeded", finished
