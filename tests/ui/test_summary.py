"""What a person types to go on, and paths as they would type them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from nbflow.api.words import near
from nbflow.ui.cli import cli
from nbflow.ui.running import Typed, command_of


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
