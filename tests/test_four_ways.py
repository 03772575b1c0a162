"""Notebooks as people write them show the same, cell for cell, whoever executes them: Run All by hand, nbconvert,
papermill, and nbflow, which runs each step in a kernel of its own. Those that take long are executed by hand and by
nbflow alone.

The notebooks are the examples and those of ``tests/people``. What may differ is in ``four_ways.RULES``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.flows import new_flow
from tests.four_ways import TOOLS, Shown, by_hand, by_nbflow, comparable, outputs_in, run_pipeline
from tests.people import gauge, letters, signals, stock, tumours

pytestmark = pytest.mark.slow

PEOPLE = {m.__name__.rpartition(".")[2]: m for m in (gauge, letters, signals, stock, tumours)}
EXAMPLES = Path(__file__).parent.parent / "example_notebooks"
LOOKS = {
    "01_quickstart.ipynb": {"first-look", "averages"},
    "02_flights.ipynb": {"flights-head", "missing", "journeys-plot", "by-hour", "features-plot", "importance"},
    "01_ingest.ipynb": {"flights-sample", "cancelled", "raw-wind", "raw-wind-plot", "weather-plot"},
    "02_train.ipynb": {"peek", "by-rain", "by-wind", "importance", "try-neighbours"},
    "03_report.ipynb": set[str](),
}
"""Cells of the examples that are exploration."""
SMALLER = {"60_000": "3_000", "n_trees = 60": "n_trees = 5"}
"""Parameters of the flights with which the models learn in no time."""
TEAM = EXAMPLES / "03_team_pipeline"
EXTENSION = {"extension"}
"""The cell that only loads the extension is in no slice: the kernels of a run need none."""


@pytest.mark.parametrize("who", PEOPLE)
def test_a_person_s_notebook_shows_the_same_whoever_executes_it(who: str, tmp_path: Path) -> None:
    def write(folder: Path) -> Path:
        return new_flow(folder, PEOPLE[who].CELLS, PEOPLE[who].FILES).file("flow.ipynb")

    tools = TOOLS if who == "gauge" else {"nbconvert": TOOLS["nbconvert"]}  # papermill executes as nbconvert does
    require_the_same(in_all_ways(write, tmp_path, tools), write(tmp_path / "once more"), PEOPLE[who].LOOKS)


@pytest.mark.parametrize("name", ["01_quickstart.ipynb", "02_flights.ipynb"])
def test_an_example_shows_the_same_whoever_executes_it(name: str, tmp_path: Path) -> None:
    """By hand and as a pipeline: what other tools do with cells is seen in the notebooks of people."""

    def write(folder: Path) -> Path:
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        for old, new in SMALLER.items():
            text = text.replace(old, new)
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
        return folder / name

    require_the_same(in_all_ways(write, tmp_path, {}), EXAMPLES / name, LOOKS[name])


def test_the_team_s_notebooks_show_the_same_whoever_executes_them(tmp_path: Path) -> None:
    """One after the other, as its people would. What the report takes from another notebook comes from the last run,
    what is in files is made anew."""
    unwanted = shutil.ignore_patterns(".*", "nbflow_runs", "data", "reports")
    pipeline = shutil.copytree(TEAM, tmp_path / "nbflow", ignore=unwanted)
    run = run_pipeline(pipeline)
    names = sorted(path.name for path in TEAM.glob("*.ipynb"))
    shown = {name: {"nbflow": comparable(outputs_in(run / name), pipeline)} for name in names}

    folder = shutil.copytree(
        pipeline, tmp_path / "by hand", ignore=shutil.ignore_patterns("nbflow_runs", "data", "reports")
    )
    for name in names:
        shown[name]["by hand"] = comparable(by_hand(folder / name), folder)
        require_the_same(shown[name], TEAM / name, LOOKS[name])


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


def require_the_same(shown: Mapping[str, Shown], notebook: Path, looks: set[str]) -> None:
    """Each cell shows what it shows in Run All by hand. A run leaves out exploration, and nothing else."""
    code = {cell["id"] for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if "outputs" in cell}
    run_all = shown["by hand"]
    for way, cells in shown.items():
        assert (way, set(cells)) == (way, code - looks - EXTENSION if way in ("nbflow", "reused") else code)
        for cell, outputs in cells.items():
            assert (way, cell, outputs) == (way, cell, run_all[cell])
