"""A notebook as people write them, in real kernels: every step of a run gets, makes and shows what Run All does, though
nobody declared the set-up, and exploration lies all about. And a model fitted in place is not lost in silence."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pandas as pd
import pytest

from nbflow.runtime import serializers
from tests.flows import Flow, new_flow

pytestmark = pytest.mark.slow

nbformat_: Any = nbformat  # Its functions carry no types.
nbclient_: Any = nbclient

CELLS = {
    "md-title": "# Sales, as I found them",
    "session": "%matplotlib inline",
    "imports": """\
import sys
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
sys.path.insert(0, "src")""",
    "display": 'pd.set_option("display.max_rows", 6)\npd.set_option("display.precision", 2)',
    "seed": """\
import random


def seed_all(seed):
    random.seed(seed)
    np.random.seed(seed)


seed_all(42)""",
    "parameters": "n = 200\nthreshold = 0.5",
    "helpers": """\
def clean_name(text):
    return normalise(text).title()


def normalise(text):
    return text.strip().replace(SEPARATOR, " ")


def with_ratio(frame):
    return frame.assign(ratio=safe_ratio(frame["a"], frame["b"]))


def safe_ratio(a, b):
    return a / (b + EPSILON)""",
    "constants": 'SEPARATOR = "_"\nEPSILON = 1e-9',
    "load-1": """\
%%step load -o df
df = pd.DataFrame({"a": np.random.rand(n), "b": np.random.rand(n)})
df.head(3)""",
    "look-1": "df.describe()",
    "load-2": '%%step load\ndf["name"] = [f" shop_{random.randint(1, 5)} " for _ in range(len(df))]',
    "plot-1": 'import matplotlib.pyplot as plt\n\ndf["a"].plot.hist()\nplt.show()',
    "load-3": '%%step load\ndf["day"] = pd.date_range("2024-01-01", periods=len(df), tz="Europe/Berlin")',
    "md-more": "## A bit more",
    "load-4": '%%step load\nprint(len(df), "rows")\ndf["big"] = df["a"] > threshold\ndf["big"].sum()',
    "plot-2": "plt.plot(df['day'], df['b'])",
    "load-5": '%%step load\ndf["name"] = df["name"].astype("category")\ndf',
    "ratio": "%%step ratio -i df -o df\ndf = with_ratio(df)\ndf.tail(2)",
    "look-2": "ratios = df['ratio']\nprint(ratios.mean())",
    "names": """\
%%step names -i df -o df
from textwrap import shorten

df["name"] = df["name"].map(clean_name)
print(shorten(", ".join(sorted(df["name"].unique())), 30))""",
    "later-import": "from shop_tools import summarise",
    "groups": """\
%%step groups -i df -o table
table = summarise(df)
ax = table["ratio"].plot.bar()
table""",
    "look-3": "(table['ratio'] * ratios.max()).round(3)",
    "fit": """\
%%step fit -i df -o slope
slope = np.polyfit(df["a"], df["ratio"].clip(upper=10), 1)[0]
print(f"{slope:.6f}")""",
    "report": """\
%%step report -i table slope -o reports/table.csv words
from pathlib import Path

Path("reports").mkdir(exist_ok=True)
table.to_csv("reports/table.csv")
words = shorten(f"{len(table)} shops, slope {slope:.3f}, above {threshold}", 60)
words""",
    "look-4": "print(Path('reports/table.csv').read_text()[:20])",
}
TOOLS = """\
import pandas as pd

from shop_words import COLUMNS


def summarise(frame):
    return frame.groupby("name", observed=True)[COLUMNS].mean()
"""
FILES = {"src/shop_tools.py": TOOLS, "src/shop_words.py": 'COLUMNS = ["a", "b", "ratio"]\n'}
MADE = {
    "load-5": ("load", "df"),
    "ratio": ("ratio", "df"),
    "names": ("names", "df"),
    "groups": ("groups", "table"),
    "fit": ("fit", "slope"),
    "report": ("report", "words"),
}
"""Last cell of a step → the step and a variable that it makes."""
EXPLORATION = {"look-1", "plot-2", "look-2", "look-3", "look-4"}
"""Cells that no slice runs. (``plot-1`` calls a method of what ``load`` is still making. Nothing says that ``hist``
only looks, as ``describe`` in ``look-1`` does, so it runs between the cells of ``load``.)"""


def nbflow(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", *arguments, "--json"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_all(flow: Flow) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Execute the notebook top to bottom in one kernel: what each cell showed, and each step's variable behind its last
    cell."""
    content = nbformat_.read(flow.file("flow.ipynb"), as_version=4)
    cells = []
    for cell in content.cells:
        cell.source = cell.source.replace("%%step", "# step") if cell.source.startswith("%%step") else cell.source
        cells.append(cell)
        if cell.id in MADE:
            step, name = MADE[cell.id]
            keep = f"import pickle\nwith open('{step}.kept', 'wb') as file:\n    pickle.dump({name}, file)"
            cells.append(nbformat_.v4.new_code_cell(keep))
    content.cells = cells
    nbclient_.NotebookClient(content, resources={"metadata": {"path": str(flow.root)}}).execute()
    shown = {c.id: normal(c.outputs) for c in content.cells if c.cell_type == "code"}
    values = {step: pickle.loads(flow.file(f"{step}.kept").read_bytes()) for step, _ in MADE.values()}
    return shown, values


def normal(outputs: list[Any]) -> list[dict[str, Any]]:
    """Outputs without what counts executions."""
    return [{k: v for k, v in json.loads(json.dumps(o)).items() if k != "execution_count"} for o in outputs]


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
        return True
    return bool(one == other)


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    return new_flow(tmp_path_factory.mktemp("people"), CELLS, FILES)


@pytest.fixture(scope="module")
def first(flow: Flow) -> list[dict[str, Any]]:
    return nbflow(flow.root, "flow.ipynb")


@pytest.fixture(scope="module")
def all_run(flow: Flow, tmp_path_factory: pytest.TempPathFactory) -> tuple[Flow, Mapping[str, Any], Mapping[str, Any]]:
    apart = new_flow(tmp_path_factory.mktemp("all"), CELLS, FILES)
    shown, values = run_all(apart)
    return apart, shown, values


def test_the_check_has_nothing_to_say_that_would_stop_it(flow: Flow) -> None:
    with flow.open() as project:
        assert [f for f in project.findings() if f.severity == "error"] == []


def test_every_step_makes_what_run_all_makes(
    flow: Flow, first: list[dict[str, Any]], all_run: tuple[Flow, Mapping[str, Any], Mapping[str, Any]]
) -> None:
    apart, _, values = all_run
    assert first[-1]["status"] == "succeeded"
    records = flow.records()
    for step, name in MADE.values():
        artifact = records[step].artifact(name)
        assert artifact is not None
        blob = flow.file(f".nbflow/store/blobs/{artifact.digest[:2]}/{artifact.digest}")
        stored = serializers.load(str(blob), artifact.format)
        assert equal(stored[artifact.member] if artifact.member else stored, values[step])
    assert flow.file("reports/table.csv").read_bytes() == apart.file("reports/table.csv").read_bytes()


@pytest.mark.parametrize("which", ["first", "again"])
def test_every_cell_that_a_slice_ran_shows_what_run_all_shows(
    flow: Flow, first: list[dict[str, Any]], all_run: tuple[Flow, Mapping[str, Any], Mapping[str, Any]], which: str
) -> None:
    _, expected, _ = all_run
    events = first if which == "first" else nbflow(flow.root, "flow.ipynb")
    content = nbformat_.read(flow.root / events[-1]["folder"] / "flow.ipynb", as_version=4)
    nbformat_.validate(content)
    ran = {c.id: normal(c.outputs) for c in content.cells if c.cell_type == "code" and c.execution_count is not None}
    code = {name for name in CELLS if not name.startswith("md")}
    assert ran.keys() == code - EXPLORATION
    assert ran == {name: expected[name] for name in ran}
    assert [c.outputs for c in content.cells if c.id in EXPLORATION] == [[] for _ in EXPLORATION]


def test_a_second_run_starts_no_kernel(flow: Flow, first: list[dict[str, Any]]) -> None:
    again = nbflow(flow.root, "flow.ipynb")
    assert {event["event"] for event in again} == {"RunStarted", "StepReused", "RunFinished"}


def test_the_source_is_byte_for_byte_as_it_was(flow: Flow, first: list[dict[str, Any]], tmp_path: Path) -> None:
    untouched = new_flow(tmp_path, CELLS)
    assert flow.file("flow.ipynb").read_bytes() == untouched.file("flow.ipynb").read_bytes()


@pytest.mark.parametrize(
    ("name", "old", "new", "stale"),
    [
        ("helpers", "a / (b", "2 * a / (b", {"ratio"}),
        ("helpers", ".title()", ".upper()", {"names"}),
        ("constants", '"_"', '"-"', {"names"}),
        ("parameters", "0.5", "0.6", {"load", "report"}),
        ("look-2", "mean()", "max()", set()),
        ("plot-1", "hist()", "hist(bins=5)", {"load"}),
        ("plot-2", "df['b']", "df['a']", set()),
        ("seed", "seed_all(42)", "seed_all(43)", {"load", "ratio", "names", "groups", "fit", "report"}),
    ],
)
def test_an_edit_reaches_what_it_reaches(
    flow: Flow, first: list[dict[str, Any]], tmp_path: Path, name: str, old: str, new: str, stale: set[str]
) -> None:
    shutil.copytree(flow.root, tmp_path / "copy")
    copy = Flow(tmp_path / "copy")
    copy.replace(name, old, new)
    assert copy.stale().keys() == stale


FITTED = {
    "imports": "import numpy as np\nfrom sklearn.linear_model import LinearRegression",
    "model": "model = LinearRegression()",
    "data": "%%step data -o X y\nX = np.arange(6.0).reshape(3, 2)\ny = X.sum(axis=1)",
    "fit": "%%step fit -i X y\nmodel.fit(X, y)",
    "use": "%%step use -i X -o fitted\nfitted = hasattr(model, 'coef_')",
}


def test_a_fit_of_a_set_up_cell_s_model_is_warned_about_with_the_words_to_add(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, FITTED)
    events = nbflow(flow.root, "flow.ipynb")
    (fit,) = (e for e in events if e["event"] == "StepSucceeded" and e["step"] == "fit")
    (warning,) = fit["warnings"]
    assert warning == (
        "the context name `model` was changed in place, but it is not among the step's outputs: in a run a later step "
        "gets it unchanged, in Run All it gets the change. Add `-o model`, or change a copy."
    )
    flow.replace("fit", "-i X y", "-i X y -o model")
    flow.replace("use", "-i X", "-i X model")
    events = nbflow(flow.root, "flow.ipynb")
    assert [e.get("warnings") for e in events if e["event"] == "StepSucceeded"] == [[], []]
