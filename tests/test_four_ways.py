"""Notebooks as people write them show the same, cell for cell, whoever executes them: Run All by hand, nbconvert,
papermill, and nbflow, which runs each step in a kernel of its own.

The notebooks are those of ``tests/people``; ``test_examples`` does the same with the examples, by hand and as a
pipeline. What may differ is in ``four_ways.RULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.flows import new_flow
from tests.four_ways import TOOLS, Shown, by_hand, by_nbflow, comparable, require_the_same
from tests.people import gauge, letters, signals, stock, tumours

pytestmark = pytest.mark.slow

PEOPLE = {m.__name__.rpartition(".")[2]: m for m in (gauge, letters, signals, stock, tumours)}


@pytest.mark.parametrize("who", PEOPLE)
def test_a_person_s_notebook_shows_the_same_whoever_executes_it(who: str, tmp_path: Path) -> None:
    def write(folder: Path) -> Path:
        return new_flow(folder, PEOPLE[who].CELLS, PEOPLE[who].FILES).file("flow.ipynb")

    tools = TOOLS if who == "gauge" else {}  # they execute as Run All by hand does
    require_the_same(in_all_ways(write, tmp_path, tools), write(tmp_path / "once more"), PEOPLE[who].LOOKS)


def in_all_ways(
    write: Callable[[Path], Path], where: Path, tools: Mapping[str, Callable[[Path], Shown]]
) -> dict[str, Shown]:
    """What a notebook shows under each way, and in a second run, which reuses all results. ``write`` puts it into a
    folder that is not there yet."""
    ways = {"by hand": by_hand, "nbflow": by_nbflow, **tools}
    notebooks = {way: write(where / way) for way in ways}

    def executed(way: str) -> Shown:
        return comparable(ways[way](notebooks[way]), notebooks[way].parent)

    with ThreadPoolExecutor(2) as pool:  # for the programs; the kernel that we talk to ourselves stays in this thread
        others = pool.map(executed, ["nbflow", *tools])
        shown = {"by hand": executed("by hand"), **dict(zip(["nbflow", *tools], others, strict=True))}
    return {**shown, "reused": executed("nbflow")}
