"""The example notebooks, run through the command line as a person runs them, edited as a person edits them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent / "example_notebooks"
FLIGHTS = ["load", "clean", "routes", "features", "split", "linear", "forest", "boosting", "evaluate", "publish"]
MODELS = ["linear", "forest", "boosting"]


@dataclass
class Place:
    """A folder with a copy of one example, and nbflow at hand in it."""

    folder: Path
    notebook: str
    first: list[dict[str, Any]] = field(default_factory=list)
    """The events of the first run."""

    def nbflow(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "nbflow", *arguments], cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.nbflow("run", self.notebook, "--json", *options).splitlines()]

    def plan(self, *options: str) -> dict[str, dict[str, Any]]:
        made = json.loads(self.nbflow("plan", self.notebook, "--json", *options))
        return {step["name"]: step for step in made["steps"]}

    @contextmanager
    def edited(self, cell: str, old: str, new: str) -> Iterator[None]:
        """The notebook with one word of one cell changed, and as it was afterwards."""
        path = self.folder / self.notebook
        before = path.read_bytes()
        content = json.loads(before)
        (found,) = [c for c in content["cells"] if c["id"] == cell]
        source = "".join(found["source"])
        assert source.count(old) == 1
        found["source"] = source.replace(old, new).splitlines(keepends=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            yield
        finally:
            path.write_bytes(before)


def place_for(notebook: str, folder: Path, *options: str) -> Place:
    shutil.copy(EXAMPLES / notebook, folder / notebook)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    place = Place(folder, notebook)
    place.first = place.run(*options)
    return place


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place_for("01_quickstart.ipynb", tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place_for("02_flights.ipynb", tmp_path_factory.mktemp("flights"), "-j", "3")


def statuses(events: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Status → steps, as the last event says."""
    assert events[-1]["event"] == "RunFinished"
    found: dict[str, list[str]] = {}
    for name, step in events[-1]["steps"].items():
        found.setdefault(step["status"], []).append(name)
    return {status: sorted(names) for status, names in found.items()}


def stale(plan: dict[str, dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Steps that will run, and steps that may: what a plan can know and what it cannot."""
    running = [step for step in plan.values() if step["action"] == "run"]
    return {s["name"] for s in running if s["certain"]}, {s["name"] for s in running if not s["certain"]}


def outputs_shown(notebook: Path) -> dict[str, int]:
    """Cell id → how many outputs it has, for a notebook that must be valid."""
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    return {cell.id: len(cell.outputs) for cell in content.cells if cell.cell_type == "code"}


def test_the_quickstart_runs_and_is_reused(quickstart: Place) -> None:
    assert statuses(quickstart.first) == {"succeeded": ["compare", "load", "logistic", "prepare", "tree"]}
    again = quickstart.run()
    assert statuses(again) == {"reused": ["compare", "load", "logistic", "prepare", "tree"]}
    assert [event for event in again if event["event"] == "StepStarted"] == []


@pytest.mark.parametrize("which", ["first", "again"])
def test_the_executed_quickstart_shows_what_each_step_showed(quickstart: Place, which: str) -> None:
    events = quickstart.first if which == "first" else quickstart.run()
    shown = outputs_shown(quickstart.folder / events[-1]["folder"] / quickstart.notebook)
    assert {name for name, count in shown.items() if count} == {
        "load", "prepare", "logistic", "tree", "compare", "compare-plot",
    }  # fmt: skip


def test_a_parameter_of_the_quickstart_reaches_one_model(quickstart: Place) -> None:
    assert stale(quickstart.plan("-p", "max_depth=2")) == ({"tree"}, {"compare"})
    assert statuses(quickstart.run("-p", "max_depth=2")) == {
        "succeeded": ["compare", "tree"],
        "reused": ["load", "logistic", "prepare"],
    }
    assert stale(quickstart.plan()) == (set(), set())


def test_a_run_leaves_the_source_as_it_was(quickstart: Place, flights: Place) -> None:
    for place in (quickstart, flights):
        assert (place.folder / place.notebook).read_bytes() == (EXAMPLES / place.notebook).read_bytes()


def test_the_flights_run(flights: Place) -> None:
    assert statuses(flights.first) == {"succeeded": sorted(FLIGHTS)}
    assert (
        (flights.folder / "reports" / "scores.csv").read_text().startswith(",ROC AUC,average precision,Brier score\n")
    )


def test_the_three_models_run_at_the_same_time(flights: Place) -> None:
    times: dict[str, dict[str, datetime]] = {event: {} for event in ("StepStarted", "StepSucceeded")}
    for event in flights.first:
        if event["event"] in times:
            times[event["event"]][event["step"]] = datetime.fromisoformat(event["time"])
    last_start = max(times["StepStarted"][name] for name in MODELS)
    first_end = min(times["StepSucceeded"][name] for name in MODELS)
    assert last_start < first_end


def test_fresh_flights_start_no_kernel(flights: Place) -> None:
    again = flights.run()
    assert statuses(again) == {"reused": sorted(FLIGHTS)}
    assert {event["event"] for event in again} == {"RunStarted", "StepReused", "RunFinished"}


@pytest.mark.parametrize(
    ("cell", "old", "new"),
    [
        ("parameters", "# in the forest", "# trees, that is"),
        ("helpers", '"""Minutes since midnight; ', '"""Minutes after midnight; '),
        ("forest", "forest.fit(train", "# now learn\n\nforest.fit( train"),
        ("about-models", "Three models", "Some models"),
        ("journeys-plot", "bins=70", "bins=20"),
        ("features-plot", "rot=0", "rot=45"),
        ("title", "All", "Nearly all"),
    ],
)
def test_what_changes_no_result_reruns_nothing(flights: Place, cell: str, old: str, new: str) -> None:
    with flights.edited(cell, old, new):
        assert stale(flights.plan()) == (set(), set())


BELOW_SPLIT = {*MODELS, "evaluate", "publish"}


@pytest.mark.parametrize(
    ("cell", "old", "new", "certain", "uncertain", "kind", "detail"),
    [
        ("helpers", "// 100 * 60", "// 100 * 61", {"features"}, {"split", *BELOW_SPLIT}, "helper", "minutes"),
        ("helpers", "2 * np.pi", "4 * np.pi", {"features"}, {"split", *BELOW_SPLIT}, "helper", "cyclic"),
        ("helpers", "> limit", ">= limit", {"routes"}, {"publish"}, "helper", "late_share"),
        ("helpers", '"Brier score"', '"Brier"', {"evaluate"}, {"publish"}, "helper", "scorecard"),
        ("parameters", "n_trees = 60", "n_trees = 40", {"forest"}, {"evaluate", "publish"}, "parameter", "60 → 40"),
        ("parameters", "60_000", "50_000", {"split"}, BELOW_SPLIT, "parameter", "60000 → 50000"),
        ("boosting", "0.05", "0.06", {"boosting"}, {"evaluate", "publish"}, "code", "0.06"),
        ("features-rest", "2013", "2014", {"features"}, {"split", *BELOW_SPLIT}, "code", "2014"),
        ("setup", "25", "26", set(FLIGHTS), set(), "code", "max_columns"),
    ],
)  # fmt: skip
def test_an_edit_reruns_the_steps_it_reaches(
    flights: Place, cell: str, old: str, new: str, certain: set[str], uncertain: set[str], kind: str, detail: str
) -> None:
    with flights.edited(cell, old, new):
        plan = flights.plan()
        assert stale(plan) == (certain, uncertain)
        for name in certain:
            assert [r["kind"] for r in plan[name]["reasons"]] == [kind]
            assert detail in plan[name]["reasons"][0]["detail"]
            assert detail in flights.nbflow("why", name, flights.notebook)
        for name in uncertain:
            assert [r["kind"] for r in plan[name]["reasons"]] == ["upstream"]


@pytest.mark.parametrize(
    ("option", "certain"),
    [("late_after=30", {"features", "routes"}), ("n_trees=30", {"forest"}), ("sample_size=50000", {"split"})],
)
def test_a_given_parameter_reruns_the_steps_it_reaches(flights: Place, option: str, certain: set[str]) -> None:
    assert stale(flights.plan("-p", option))[0] == certain


def test_the_same_bytes_stop_the_propagation(flights: Place) -> None:
    with flights.edited("helpers", 'frame["dep_delay"] > limit', 'limit < frame["dep_delay"]'):
        run = flights.run()
    assert statuses(run) == {"succeeded": ["routes"], "reused": sorted({*FLIGHTS} - {"routes"})}


def test_a_changed_parameter_reruns_what_it_reaches_and_going_back_reruns_nothing(flights: Place) -> None:
    changed = flights.run("-p", "n_trees=5")
    reached = {"forest", "evaluate", "publish"}
    assert statuses(changed) == {"succeeded": sorted(reached), "reused": sorted({*FLIGHTS} - reached)}
    assert statuses(flights.run()) == {"reused": sorted(FLIGHTS)}


def test_a_lost_report_is_put_back_without_running(flights: Place) -> None:
    report = flights.folder / "reports" / "routes.csv"
    content = report.read_bytes()
    report.unlink()
    assert statuses(flights.run()) == {"reused": sorted(FLIGHTS)}
    assert report.read_bytes() == content
