"""How planning grows with the number of steps: the function on parsed cells, and the whole command."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.made import chain
from benchmarks.measure import command, function
from benchmarks.table import Row, seconds
from nbflow import ops
from nbflow.core.plan import plan

FEW, MANY = 1_000, 10_000
TIMES = 5


def rows(folder: Path) -> Iterator[Row]:
    notebooks = {steps: chain(_new(folder / str(steps)) / "chain.ipynb", steps) for steps in (FEW, MANY)}
    few, many = (_plan(path) for path in notebooks.values())
    exponent = math.log(many / few) / math.log(MANY / FEW)
    yield Row(f"`plan()` of {MANY:,} steps, cells parsed", seconds(many), f"itself, {FEW:,} steps", seconds(few),
              f"exponent {exponent:.2f}", "≤ 1.00 s, ≤ 1.2", many <= 1 and exponent <= 1.2)  # fmt: skip
    for steps, path in notebooks.items():
        cold = min(_cold(path) for _ in range(3))
        known = min(_command(path) for _ in range(TIMES))
        only = steps == MANY
        yield Row(f"`nbflow plan` of {steps:,} steps, nothing known", seconds(cold), "–", "–", "–",
                  "≤ 3.00 s" if only else "–", cold <= 3 if only else None)  # fmt: skip
        yield Row(f"`nbflow plan` of {steps:,} steps, unchanged", seconds(known), "–", "–", "–",
                  "≤ 1.00 s" if only else "–", known <= 1 if only else None)  # fmt: skip


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    return folder


def _plan(path: Path) -> float:
    with ops.open_project([path]) as project:
        return function(lambda: plan(project.planner()), TIMES)


def _cold(path: Path) -> float:
    shutil.rmtree(path.parent / ".nbflow", ignore_errors=True)
    return _command(path)


def _command(path: Path) -> float:
    return command([sys.executable, "-m", "nbflow", "plan", path.name], path.parent)
