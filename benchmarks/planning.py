"""How planning grows with the number of steps: the function on parsed cells, and the whole command.

The function is measured in a project that was just opened: its cells are parsed, and nothing else has been asked of
them. Where every result is fresh, each step's key is made and compared (from slices that are made for it, or, for a
notebook that was planned before, from what was remembered); where there is none, most steps need no key.
With ``t`` for the medians and ``n`` for the numbers of steps, the exponent is log(t2 / t1) / log(n2 / n1): 1 where the
time grows as the steps do, 2 where it grows with their square.
"""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.made import InMemory, chain, pretend, pretended
from benchmarks.measure import command, function, in_turn
from benchmarks.table import Row, seconds
from nbflow import ops
from nbflow.core.plan import Planner, plan

FEW, MANY = 1_000, 10_000
TIMES = 5


def rows(folder: Path) -> Iterator[Row]:
    notebooks = [chain(_new(folder / str(steps)) / "chain.ipynb", steps) for steps in (FEW, MANY)]
    yield from _functions(notebooks)
    yield from _commands(notebooks)


def _functions(notebooks: list[Path]) -> Iterator[Row]:
    kept = [_results(path) for path in notebooks]
    none = [InMemory() for _ in notebooks]
    cases = (
        ("every result fresh, new", kept, False),
        ("every result fresh, planned before", kept, True),
        ("no results", none, False),
    )
    for what, results, before in cases:
        sides = [partial(_plan, path, known, before) for path, known in zip(notebooks, results, strict=True)]
        few, many = in_turn(sides, TIMES)
        exponent = math.log(many / few) / math.log(MANY / FEW)
        yield Row(f"`plan()` of {MANY:,} steps, cells parsed, {what}", seconds(many), f"itself, {FEW:,} steps",
                  seconds(few), f"exponent {exponent:.2f}", "≤ 1.00 s, ≤ 1.2",
                  many <= 1 and exponent <= 1.2)  # fmt: skip


def _commands(notebooks: list[Path]) -> Iterator[Row]:
    cold = in_turn([partial(_cold, path) for path in notebooks], 3)
    yield _compared("nothing known", cold, 3)
    yield _compared("unchanged, no results", in_turn([partial(_command, path) for path in notebooks], TIMES), 1)
    for path in notebooks:
        pretend(path)
    yield _compared("unchanged, every result fresh", in_turn([partial(_command, path) for path in notebooks], TIMES), 1)


def _compared(what: str, measured: list[float], most: float) -> Row:
    few, many = measured
    exponent = math.log(many / few) / math.log(MANY / FEW)
    return Row(f"`nbflow plan` of {MANY:,} steps, {what}", seconds(many), f"itself, {FEW:,} steps", seconds(few),
               f"exponent {exponent:.2f}", f"≤ {seconds(most)}", many <= most)  # fmt: skip


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    return folder


def _results(path: Path) -> InMemory:
    results = InMemory()
    with ops.open_project([path]) as project:
        for record in pretended(project):
            results.add(record)
    return results


def _plan(path: Path, results: InMemory, before: bool) -> float:
    """``before``: whether what an earlier plan remembered counts."""
    with ops.open_project([path]) as project:
        found = project.planner()
        planner = Planner(found.pipeline, results, found.surroundings, found.circumstances)
        if before:
            planner = replace(planner, remembered=found.remembered)
        for outline in project.pipeline.outlines.values():
            assert outline.facts
        return function(lambda: plan(planner))


def _cold(path: Path) -> float:
    shutil.rmtree(path.parent / ".nbflow", ignore_errors=True)
    return _command(path)


def _command(path: Path) -> float:
    return command([sys.executable, "-m", "nbflow", "plan", path.name], path.parent)
