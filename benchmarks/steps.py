"""What a step costs that does next to nothing, against papermill on as many notebooks of one cell in one process.

A chain, so that no step can hide behind another. The clock of a warm run starts when its first step is done, which
only waits: by then as many kernels are ready as steps may run at a time, and those of all other steps are made, and
ended, while it runs. papermill's clock leaves out loading papermill. The sides take turns, so that what else the
machine does meets both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import TEMPERED, in_turn
from benchmarks.table import Row, seconds

STEPS = 20
ROUNDS = 3
WARMING = 12
"""Seconds that the first step waits."""

PAPERMILL = """
import sys, time, warnings
warnings.simplefilter("ignore")
import papermill
start = time.perf_counter()
for number in range(int(sys.argv[2])):
    papermill.execute_notebook(sys.argv[1], f"out-{number}.ipynb", progress_bar=False)
print((time.perf_counter() - start) / int(sys.argv[2]))
"""


def rows(folder: Path) -> Iterator[Row]:
    for what, imports, least in (
        ("a step of one line, in a chain", "", 10),
        ("the same with `import pandas, sklearn` in the notebook", "import pandas, sklearn", 25),
    ):
        place = folder / f"reach-{least}"
        place.mkdir(parents=True)
        ours, theirs, cold = in_turn(
            [
                partial(_nbflow, place, imports, "warm"),
                partial(_papermill, place, imports),
                partial(_nbflow, place, imports, "cold"),
            ],
            ROUNDS,
        )
        yield Row(what, seconds(ours), "`papermill.execute_notebook`, one cell", seconds(theirs),
                  f"{theirs / ours:.1f} × faster", f"≥ {least} ×", theirs / ours >= least)  # fmt: skip
        yield Row(f"{what}, `--kernels cold`", seconds(cold), "the same", seconds(theirs),
                  f"{theirs / cold:.1f} × faster", "–", None)  # fmt: skip


def _nbflow(folder: Path, imports: str, kernels: str) -> float:
    """Seconds a step, of a run of its own."""
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    cells = [imports] if imports else []
    cells.append(
        f"%%step warm -o v0 --no-cache\nimport time; time.sleep({WARMING if kernels == 'warm' else 0}); v0 = 0"
    )
    cells += [f"%%step s{n} -i v{n - 1} -o v{n}\nv{n} = v{n - 1} + 1" for n in range(1, STEPS + 1)]
    _write(folder / "chain.ipynb", cells)
    words = [sys.executable, "-m", "nbflow", "run", "chain.ipynb", "--force", "--kernels", kernels, "--json"]
    events = [json.loads(line) for line in _said(words, folder).splitlines()]
    ends = [datetime.fromisoformat(e["time"]) for e in events if e["event"] == "StepSucceeded"]
    return (ends[-1] - ends[0]).total_seconds() / STEPS


def _papermill(folder: Path, imports: str) -> float:
    _write(folder / "one.ipynb", [f"{imports}\nv = 1".strip()])
    words = [sys.executable, "-c", PAPERMILL, "one.ipynb", str(STEPS)]
    return float(_said(words, folder))


def _said(words: list[str], folder: Path) -> str:
    """What a command prints."""
    environ = {name: value for name, value in os.environ.items() if name not in TEMPERED}
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{words} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _write(path: Path, sources: list[str]) -> None:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**cell, "id": f"c{n}", "source": source} for n, source in enumerate(sources)]
    path.write_text(json.dumps({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}))
