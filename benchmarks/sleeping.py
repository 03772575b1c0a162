"""Sixteen steps that sleep, eight at a time, against the time that a perfect machine would take.

The clock runs from the first step that starts to the end of the last one, as the journal has them. What sleeps needs
no core, so all that is measured is what a run adds around its steps.
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

STEPS, JOBS, NAP = 16, 8, 2.0
TIMES = 5


def rows(folder: Path) -> Iterator[Row]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    cells = ["import time", *(f"%%step s{n} -o v{n}\ntime.sleep({NAP})\nv{n} = {n}" for n in range(STEPS))]
    book = notebook(folder / "sleep.ipynb", cells)
    ideal = STEPS / JOBS * NAP
    (took,) = in_turn([partial(_run, book)], TIMES)
    yield Row(f"{STEPS} steps that sleep {NAP:g} s, `-j{JOBS}`", seconds(took), "the ideal makespan", seconds(ideal),
              f"efficiency {ideal / took:.2f}", "≥ 0.90", ideal / took >= 0.9)  # fmt: skip


def _run(book: Path) -> float:
    words = [sys.executable, "-m", "nbflow", "run", book.name, "--force", f"-j{JOBS}", "--json"]
    events = [json.loads(line) for line in said(words, book.parent).splitlines()]
    first = min(e["time"] for e in events if e["event"] == "StepStarted")
    last = max(e["time"] for e in events if e["event"] == "StepSucceeded")
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
