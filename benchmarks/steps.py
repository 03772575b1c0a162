"""What a step costs that does next to nothing, against papermill on as many notebooks of one cell in one process.

A chain, so that no step can hide behind another. The clock of a warm run starts when its first step is done, which
only waits: by then as many kernels are ready as steps may run at a time, and those of all other steps are made, and
ended, while it runs. papermill's clock leaves out loading papermill. The sides take turns, so that what else the
machine does meets both.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from benchmarks.made import notebook
from benchmarks.measure import in_turn, said
from benchmarks.table import Row, seconds

STEPS = 20
ROUNDS = 1
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
    notebook(folder / "chain.ipynb", cells)
    words = [sys.executable, "-m", "nbflow", "run", "chain.ipynb", "--force", "--kernels", kernels, "--json"]
    events = [json.loads(line) for line in said(words, folder).splitlines()]
    ends = [datetime.fromisoformat(e["time"]) for e in events if e["event"] == "StepSucceeded"]
    return (ends[-1] - ends[0]).total_seconds() / STEPS


def _papermill(folder: Path, imports: str) -> float:
    notebook(folder / "one.ipynb", [f"{imports}\nv = 1".strip()])
    words = [sys.executable, "-c", PAPERMILL, "one.ipynb", str(STEPS)]
    return float(said(words, folder))
