"""The example notebooks, run through the command line as a person runs them, compared with Run All by hand, and edited
as a person edits them.

Each example runs once; every edit is made in a copy of the folder with all its results. A copy shares the stored bytes
through hard links: nbflow never writes into a blob.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.four_ways import Shown, by_hand, comparable, outputs_in, require_the_same

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent / "example_notebooks"
PENGUINS = ["load", "prepare", "logistic", "tree", "compare"]
FLIGHTS = ["load", "clean", "routes", "features", "split", "linear", "forest", "boosting", "evaluate", "publish"]
MODELS = ["linear", "forest", "boosting"]
BELOW_SPLIT = {*MODELS, "evaluate", "publish"}
TEAM = EXAMPLES / "03_team_pipeline"
TEAMWORK = ["flights", "weather", "hours", "usual", "forest", "judge", "report"]

LOOKS = {
    "01_quickstart.ipynb": {"first-look", "averages"},
    "02_flights.ipynb": {"flights-head", "missing", "journeys-plot", "by-hour", "features-plot", "importance"},
    "01_ingest.ipynb": {"flights-sample", "cancelled", "raw-wind", "raw-wind-plot", "weather-plot"},
    "02_train.ipynb": {"peek", "by-rain", "by-wind", "importance", "try-neighbours"},
    "03_report.ipynb": set[str](),
}
"""Cells that are exploration."""

WATCHED = """
import os, runpy, sys

log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
starts = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
sys.addaudithook(lambda event, given: event in starts and os.write(log, f"{event} {given!r}\\n".encode()))
runpy.run_module("nbflow", run_name="__main__")
"""
"""Runs nbflow and writes a line for each process that it starts."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A folder with one example in it."""

    folder: Path
    notebook: str
    """The one that is edited."""
    first: tuple[Event, ...] = ()
    """The events of the first run."""
    original: Path = EXAMPLES
    """The folder that it was copied from."""

    @property
    def sources(self) -> list[str]:
        """What a command has to be told. A folder that is a project of its own says so itself."""
        return [] if self.original == TEAM else [self.notebook]

    def nbflow(self, *arguments: str) -> str:
        """What the command prints."""
        return self._done("-m", "nbflow", *arguments)

    def run(self, *options: str) -> list[Event]:
        return _events(self.nbflow("run", *self.sources, "--json", *options))

    def watched_run(self) -> tuple[list[Event], list[str]]:
        """A run, and the processes that it started."""
        log = self.folder / "started.log"
        log.unlink(missing_ok=True)
        events = _events(self._done("-c", WATCHED, str(log), "run", *self.sources, "--json"))
        return events, log.read_text().splitlines()

    def plan(self, *options: str) -> dict[str, dict[str, Any]]:
        made = json.loads(self.nbflow("plan", *self.sources, "--json", *options))
        return {step["name"]: step for step in made["steps"]}

    def edit(self, cell: str, old: str, new: str) -> None:
        """Change one word of one cell, all else stays as it is."""
        path = self.folder / self.notebook
        content = json.loads(path.read_text(encoding="utf-8"))
        (found,) = [c for c in content["cells"] if c["id"] == cell]
        source = "".join(found["source"])
        assert source.count(old) == 1
        found["source"] = source.replace(old, new).splitlines(keepends=True)
        path.write_text(json.dumps(content), encoding="utf-8")

    def restore(self) -> None:
        """The notebook as it was."""
        shutil.copy(self.original / self.notebook, self.folder)

    def executed(self, events: list[Event] | tuple[Event, ...], notebook: str = "") -> nbformat.NotebookNode:
        """The executed copy of the notebook, which must be valid."""
        path = self.folder / events[-1]["folder"] / (notebook or self.notebook)
        content: nbformat.NotebookNode = nbformat.read(path, as_version=4)
        nbformat.validate(content)
        return content

    def shown(self, events: list[Event] | tuple[Event, ...], notebook: str = "") -> Shown:
        """What the cells of a run showed, whoever had executed them."""
        return comparable(outputs_in(self.folder / events[-1]["folder"] / (notebook or self.notebook)), self.folder)

    def by_hand(self, folder: Path, *notebooks: str) -> dict[str, Shown]:
        """What Run All shows in a folder of its own, which gets the results of other notebooks and no files."""
        unwanted = shutil.ignore_patterns("nbflow_runs", "data", "reports")
        place = shutil.copytree(self.folder, folder / "by hand", copy_function=_link_blob_copy_other, ignore=unwanted)
        return {name: comparable(by_hand(place / name), place) for name in notebooks or (self.notebook,)}

    def copy(self, folder: Path) -> Place:
        target = shutil.copytree(self.folder, folder / "copy", copy_function=_link_blob_copy_other)
        return replace(self, folder=target)

    def _done(self, *arguments: str) -> str:
        done = subprocess.run([sys.executable, *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _events(lines: str) -> list[Event]:
    return [json.loads(line) for line in lines.splitlines()]


def _link_blob_copy_other(source: str, target: str) -> None:
    (os.link if "blobs" in Path(source).parts else shutil.copy2)(source, target)


def new_place(notebook: str, folder: Path) -> Place:
    shutil.copy(EXAMPLES / notebook, folder)
    (folder / "pyproject.toml").write_text("[tool.nbflow]\n")
    return Place(folder, notebook)


@pytest.fixture(scope="module")
def ran_flights(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """With a quarter of the flights to learn from: learning is what takes its time."""
    place = new_place("02_flights.ipynb", tmp_path_factory.mktemp("flights"))
    place.edit("parameters", "60_000", "15_000")
    original = tmp_path_factory.mktemp("original")
    shutil.copy(place.folder / place.notebook, original)
    return replace(place, original=original, first=tuple(place.run("-j", "3")))


@pytest.fixture
def flights(ran_flights: Place, tmp_path: Path) -> Place:
    return ran_flights.copy(tmp_path)


def statuses(events: list[Event] | tuple[Event, ...]) -> dict[str, set[str]]:
    """Status → steps, as the last event says."""
    assert events[-1]["event"] == "RunFinished"
    found: dict[str, set[str]] = {}
    for name, step in events[-1]["steps"].items():
        found.setdefault(step["status"], set()).add(name)
    return found


def kinds(events: list[Event]) -> set[str]:
    return {event["event"] for event in events}


def stale(plan: dict[str, dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Steps that will run, and steps that may: what a plan can know and what it cannot."""
    running = [step for step in plan.values() if step["action"] == "run"]
    return {s["name"] for s in running if s["certain"]}, {s["name"] for s in running if not s["certain"]}


ALL_REUSED = {"RunStarted", "StepReused", "RunFinished"}


# --- the quickstart --------------------------------------------------------------------------------------


def test_the_quickstart_runs_and_once_more_is_reused_without_a_kernel(tmp_path: Path) -> None:
    place = new_place("01_quickstart.ipynb", tmp_path)

    first, started = place.watched_run()
    assert statuses(first) == {"succeeded": set(PENGUINS)}
    assert any("farside" in line for line in started)  # the guard, which starts the kernels
    shown = {cell.id: cell.outputs for cell in place.executed(first).cells if cell.get("outputs")}
    assert set(shown) == {"load", "prepare", "logistic", "tree", "compare", "compare-plot"}
    ways = {"nbflow": place.shown(first), "by hand": place.by_hand(tmp_path / "copy")[place.notebook]}
    require_the_same(ways, EXAMPLES / place.notebook, LOOKS[place.notebook])

    again, started = place.watched_run()
    assert statuses(again) == {"reused": set(PENGUINS)}
    assert kinds(again) == ALL_REUSED
    assert started == []
    assert {cell.id: cell.outputs for cell in place.executed(again).cells if cell.get("outputs")} == shown

    assert stale(place.plan("-p", "max_depth=2")) == ({"tree"}, {"compare"})
    assert statuses(place.run("-s", "+tree", "-p", "max_depth=2")) == {
        "succeeded": {"tree"},
        "reused": {"load", "prepare"},
    }
    assert statuses(place.run()) == {"reused": set(PENGUINS)}
    assert (tmp_path / place.notebook).read_bytes() == (EXAMPLES / place.notebook).read_bytes()


# --- the flights -----------------------------------------------------------------------------------------


def test_the_flights_run_and_leave_their_notebook_as_it_was(ran_flights: Place) -> None:
    assert statuses(ran_flights.first) == {"succeeded": set(FLIGHTS)}
    reports = ran_flights.folder / "reports"
    assert (reports / "scores.csv").read_text().startswith(",ROC AUC,average precision,Brier score\n")
    name = ran_flights.notebook
    assert (ran_flights.folder / name).read_bytes() == (ran_flights.original / name).read_bytes()
    shown = {cell.id for cell in ran_flights.executed(ran_flights.first).cells if cell.get("outputs")}
    assert {"load", "clean", "routes", "evaluate-table", "evaluate-plot", "publish"} <= shown
    assert shown.isdisjoint({"flights-head", "journeys-plot", "importance"})


def test_the_flights_show_what_run_all_shows(ran_flights: Place, tmp_path: Path) -> None:
    name = ran_flights.notebook
    ways = {"nbflow": ran_flights.shown(ran_flights.first), "by hand": ran_flights.by_hand(tmp_path)[name]}
    require_the_same(ways, ran_flights.original / name, LOOKS[name])


def test_the_three_models_run_at_the_same_time(ran_flights: Place) -> None:
    times: dict[str, dict[str, datetime]] = {event: {} for event in ("StepStarted", "StepSucceeded")}
    for event in ran_flights.first:
        if event["event"] in times:
            times[event["event"]][event["step"]] = datetime.fromisoformat(event["time"])
    starts, ends = times["StepStarted"], times["StepSucceeded"]
    assert [(a, b) for a, b in product(MODELS, MODELS) if starts[a] >= ends[b]] == []


@pytest.mark.parametrize(
    ("cell", "old", "new"),
    [
        ("parameters", "# in the forest", "# trees, that is"),
        ("helpers", '"""Minutes since midnight; ', '"""Minutes after midnight; '),
        ("forest", "forest.fit(train", "# now learn\n\nforest.fit( train"),
        ("about-models", "Three models", "Some models"),
        ("journeys-plot", "bins=70", "bins=20"),
        ("title", "All", "Nearly all"),
    ],
)
def test_what_changes_no_result_reruns_nothing(flights: Place, cell: str, old: str, new: str) -> None:
    flights.edit(cell, old, new)
    again = flights.run()
    assert statuses(again) == {"reused": set(FLIGHTS)}
    assert kinds(again) == ALL_REUSED


@pytest.mark.parametrize(
    ("cell", "old", "new", "reached", "kind", "detail"),
    [
        ("helpers", "> limit", ">= limit", {"routes", "publish"}, "helper", "late_share"),
        # Other code and the same bytes: nothing below runs.
        ("helpers", 'frame["dep_delay"] > limit', 'limit < frame["dep_delay"]', {"routes"}, "helper", "late_share"),
    ],
)  # fmt: skip
def test_an_edit_reruns_what_it_reaches_and_taking_it_back_reruns_nothing(
    flights: Place, cell: str, old: str, new: str, reached: set[str], kind: str, detail: str
) -> None:
    flights.edit(cell, old, new)
    edited = next(step for step in FLIGHTS if step in reached)
    (reason,) = flights.plan()[edited]["reasons"]
    assert reason["kind"] == kind
    assert detail in reason["detail"]
    assert reason["detail"] in flights.nbflow("why", edited, flights.notebook)

    assert statuses(flights.run()) == {"succeeded": reached, "reused": {*FLIGHTS} - reached}
    flights.restore()
    assert statuses(flights.run()) == {"reused": set(FLIGHTS)}


@pytest.mark.parametrize(
    ("cell", "old", "new", "certain", "uncertain", "kind", "detail"),
    [
        ("helpers", "2 * np.pi", "4 * np.pi", {"features"}, {"split", *BELOW_SPLIT}, "helper", "cyclic"),
        ("parameters", "n_trees = 60", "n_trees = 40", {"forest"}, {"evaluate", "publish"}, "parameter", "60 → 40"),
        ("parameters", "15_000", "12_000", {"split"}, BELOW_SPLIT, "parameter", "15000 → 12000"),
        ("boosting", "0.08", "0.06", {"boosting"}, {"evaluate", "publish"}, "code", "0.06"),
        ("features-rest", "2013", "2014", {"features"}, {"split", *BELOW_SPLIT}, "code", "2014"),
        ("setup", "25", "26", set(FLIGHTS), set(), "code", "max_columns"),
    ],
)  # fmt: skip
def test_a_plan_says_what_an_edit_reaches(
    flights: Place, cell: str, old: str, new: str, certain: set[str], uncertain: set[str], kind: str, detail: str
) -> None:
    flights.edit(cell, old, new)
    plan = flights.plan()
    assert stale(plan) == (certain, uncertain)
    assert {reason["kind"] for name in certain for reason in plan[name]["reasons"]} == {kind}
    assert [name for name in certain if detail not in plan[name]["reasons"][0]["detail"]] == []
    assert {reason["kind"] for name in uncertain for reason in plan[name]["reasons"]} <= {"upstream"}
    assert detail in flights.nbflow("why", min(certain), flights.notebook)


@pytest.mark.parametrize(
    ("option", "certain"),
    [
        ("late_after=30", {"features", "routes"}),
        ("n_trees=30", {"forest"}),
        ("sample_size=12000", {"split"}),
        ("sample_size=15000", set()),
    ],
)
def test_a_plan_says_what_a_given_parameter_reaches(ran_flights: Place, option: str, certain: set[str]) -> None:
    assert stale(ran_flights.plan("-p", option))[0] == certain


def test_a_lost_report_is_put_back_without_running(flights: Place) -> None:
    report = flights.folder / "reports" / "routes.csv"
    content = report.read_bytes()
    report.unlink()
    again = flights.run()
    assert kinds(again) == ALL_REUSED
    assert report.read_bytes() == content


# --- the team --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran_team(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The three notebooks, run from the folder above theirs."""
    above = tmp_path_factory.mktemp("team")
    unwanted = shutil.ignore_patterns(".*", "nbflow_runs", "data", "reports")
    place = Place(shutil.copytree(TEAM, above / TEAM.name, ignore=unwanted), "02_train.ipynb", original=TEAM)
    first = replace(place, folder=above).nbflow("run", TEAM.name, "--json")
    return replace(place, first=tuple(_events(first)))


@pytest.fixture
def team(ran_team: Place, tmp_path: Path) -> Place:
    return ran_team.copy(tmp_path)


def test_three_notebooks_run_as_one_pipeline_and_hand_over_files_and_variables(ran_team: Place) -> None:
    assert statuses(ran_team.first) == {"succeeded": set(TEAMWORK)}
    made = {str(path.relative_to(ran_team.folder)) for path in ran_team.folder.glob("[dr]*/*")}
    assert made == {"data/flights.parquet", "data/weather.parquet", "reports/worst_days.csv"}
    assert (ran_team.folder / "reports" / "worst_days.csv").read_text().startswith("day,late,model\n2013-06-13,")
    assert [p.name for p in TEAM.glob("*.ipynb") if p.read_bytes() != (ran_team.folder / p.name).read_bytes()] == []


def test_the_team_s_notebooks_show_what_run_all_shows_one_after_the_other(ran_team: Place, tmp_path: Path) -> None:
    """As its people would. What the report takes from another notebook comes from the last run."""
    names = sorted(path.name for path in TEAM.glob("*.ipynb"))
    for name, shown in ran_team.by_hand(tmp_path, *names).items():
        ways = {"nbflow": ran_team.shown(ran_team.first, name), "by hand": shown}
        require_the_same(ways, TEAM / name, LOOKS[name])


def test_a_notebook_that_is_one_step_is_its_own_report(ran_team: Place) -> None:
    report = [c for c in ran_team.executed(ran_team.first, "03_report.ipynb").cells if c.cell_type == "code"]
    assert [cell.id for cell in report if cell.execution_count is None] == []
    assert [cell.id for cell in report if cell.outputs] == ["how-good", "june", "days", "airlines", "write"]


def test_the_team_runs_from_its_own_folder_too_where_all_is_reused_without_a_kernel(team: Place) -> None:
    again, started = team.watched_run()
    assert statuses(again) == {"reused": set(TEAMWORK)}
    assert (kinds(again), started) == (ALL_REUSED, [])


def test_an_edit_in_one_notebook_reaches_the_next_one_and_no_other(team: Place) -> None:
    team.edit("forest", "max_features=0.5", "max_features=0.4")
    reached = {"forest", "judge", "report"}
    assert statuses(team.run()) == {"succeeded": reached, "reused": {*TEAMWORK} - reached}
    team.restore()
    assert statuses(team.run()) == {"reused": set(TEAMWORK)}


@pytest.mark.parametrize(
    ("cell", "old", "new", "reached"),
    [
        ("title", "3rd", "4th", (set(), set())),
        ("importance", "barh", "bar", (set(), set())),
        ("usual", "mean()", "median()", ({"usual"}, {"judge", "report"})),
        ("calendar", "% 4", "% 5", ({"hours"}, {"usual", "forest", "judge", "report"})),
    ],
)
def test_a_plan_says_what_an_edit_in_one_notebook_reaches_in_others(
    team: Place, cell: str, old: str, new: str, reached: tuple[set[str], set[str]]
) -> None:
    team.edit(cell, old, new)
    assert stale(team.plan()) == reached


def test_a_parameter_reaches_its_steps_and_another_notebook_s_has_its_own(ran_team: Place) -> None:
    assert stale(ran_team.plan("-p", "late_after=60"))[0] == {"hours"}
    assert stale(ran_team.plan("-p", "worst=3")) == ({"report"}, set())


def test_the_check_of_the_examples_finds_nothing(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "all", ignore=shutil.ignore_patterns(".*", "nbflow_runs", "data", "reports"))
    assert Place(tmp_path, "").nbflow("check", "all") == "22 steps checked: no findings.\n"


def test_the_graph_of_the_team_shows_its_notebooks(ran_team: Place) -> None:
    readme = (TEAM / "README.md").read_text(encoding="utf-8")
    mermaid = ran_team.nbflow("graph", "--format", "mermaid")
    assert f"```mermaid\n{mermaid}```\n" in readme
    assert mermaid.count("subgraph") == 3
    assert ran_team.nbflow("graph", "--format", "svg").count('class="nbf-heading"') == 3
