"""What a person types to go on, and paths as they would type them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from nbflow.api.words import near
from nbflow.core.events import Event, RunFinished, RunStarted, StepSpec, StepSucceeded, Usage
from nbflow.core.run import fold
from nbflow.core.timing import History
from nbflow.core.view import Notes, noted, view
from nbflow.ops.commands import Typed, command_of
from nbflow.ui.cli import cli
from nbflow.ui.summary import summary


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({}, "nbflow run"),
        ({"sources": ["a.ipynb", "my folder"]}, "nbflow run a.ipynb 'my folder'"),
        ({"sources": ["-f.ipynb"]}, "nbflow run ./-f.ipynb"),
        (
            {"pairs": ["a=1", "b=x y"], "yaml_texts": ["k: [1]"], "files": [Path("p.yaml")]},
            "nbflow run -p a=1 -p 'b=x y' -y 'k: [1]' -f p.yaml",
        ),
        ({"select": ["+train", "fit_*"], "exclude": ["plot"]}, "nbflow run -s +train -s 'fit_*' --exclude plot"),
        ({"jobs": 3, "executor": "papermill"}, "nbflow run -j 3 --executor papermill"),
        ({"kernels": "cold"}, "nbflow run --kernels cold"),
    ],
)
def test_the_command_that_goes_on_is_the_one_that_was_typed(given: dict[str, object], command: str) -> None:
    made = command_of(Typed(**given).words)  # type: ignore[arg-type]
    assert made == command
    assert cli.commands["run"].make_context("run", shlex.split(made)[2:]).params["as_json"] is False


def test_a_path_counts_from_here_where_it_lies_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert near(tmp_path / "a" / "b.ipynb") == "a/b.ipynb"
    assert near(tmp_path.parent / "b.ipynb") == str(tmp_path.parent / "b.ipynb")


def ended(seconds: float) -> list[Event]:
    steps = (StepSpec("n.load", short="load"), StepSpec("n.train", short="train"))
    return [
        RunStarted(at=100.0, steps=steps, jobs=2, folder="nowhere"),
        StepSucceeded("n.load", 1, at=100.0 + seconds / 2, usage=Usage(code=seconds / 2)),
        StepSucceeded("n.train", 1, at=100.0 + seconds, usage=Usage(code=seconds)),
        RunFinished(at=100.0 + seconds, status="succeeded"),
    ]


@pytest.mark.parametrize(
    ("seconds", "history", "said"),
    [
        (20.0, {}, "  train took 20 s of it."),
        (20.0, {"n.train": [5.0]}, "  train took 20 s; it usually takes 5.0 s."),
        (9.0, {"n.train": [1.0]}, ""),
    ],
)
def test_a_run_that_took_some_time_says_what_took_it(seconds: float, history: History, said: str) -> None:
    facts = ended(seconds)
    seen = view("r1", fold(facts), noted(Notes(), facts))
    end = summary(seen, facts, [], "nbflow run", history=history).split("\n\n")[-1].splitlines()
    assert end[0].startswith("✔ Run r1 succeeded in ")
    assert end[1:] == [said][: bool(said)]
