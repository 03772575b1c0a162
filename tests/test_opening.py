"""Opening a project: which root, which notebooks, which parameters, and whose results."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from nbflow import core, ops
from nbflow.core.plan import Planner
from nbflow.errors import InvalidPipeline, UsageError
from nbflow.project import Typed, edition, open_project
from nbflow.store.home import require_own


def write(path: Path, *cells: str, parameters: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made: list[dict[str, Any]] = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for source in cells
    ]
    if parameters:
        tagged: dict[str, Any] = {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"tags": ["parameters"]},
            "outputs": [],
        }
        made.insert(0, {**tagged, "source": parameters})
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    return path


def test_the_root_is_the_nearest_marked_folder_and_names_count_from_there(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    notebook = write(tmp_path / "deep" / "er" / "a.ipynb", "%%step one -o x\nx = 1")
    project = open_project([notebook], environ={})
    assert (project.root, list(project.pipeline.steps)) == (tmp_path, ["deep/er/a.one"])


def test_a_project_reached_through_a_link_is_the_same_project(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / ".git").mkdir(parents=True)
    write(real / "a.ipynb", "%%step one -o x\nx = 1")
    (tmp_path / "link").symlink_to(real)
    project = open_project([tmp_path / "link" / "a.ipynb"], environ={})
    assert (project.root, list(project.pipeline.steps)) == (real, ["a.one"])


def test_without_sources_the_settings_say_which_notebooks(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.nbflow]\nnotebooks = ["here"]\n')
    write(tmp_path / "here" / "a.ipynb", "%%step one -o x\nx = 1")
    write(tmp_path / "there" / "b.ipynb", "%%step two -o y\ny = 1")
    assert list(open_project([], environ={}, cwd=tmp_path).pipeline.steps) == ["here/a.one"]
    assert list(open_project([tmp_path], environ={}, cwd=tmp_path).pipeline.steps) == ["here/a.one", "there/b.two"]


def test_a_folder_means_its_notebooks_that_have_steps(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / "a.ipynb", "%%step one -o x\nx = 1")
    write(tmp_path / "notes.ipynb", "1 + 1")
    (tmp_path / "broken.ipynb").write_text("{")
    assert list(open_project([tmp_path], environ={}).files) == ["a.ipynb"]


def test_a_folder_without_steps_is_an_error_that_shows_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / "notes.ipynb", "1 + 1")
    with pytest.raises(UsageError) as caught:
        open_project([tmp_path], environ={})
    assert str(caught.value) == (
        f"There are no steps in {tmp_path}.\nBegin a cell with a line such as: %%step clean -i raw -o table"
    )


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"n": Typed("7", 7)}, {"n": 7}),
        ({"word": Typed("7", 7)}, {"word": "7"}),
        ({"word": Typed("True", True)}, {"word": "True"}),
        ({"computed": Typed("0.5", 0.5)}, {"computed": 0.5}),
        ({"items": [1, "a"]}, {"items": [1, "a"]}),
    ],
)
def test_a_parameter_keeps_its_text_where_the_default_is_a_text(
    tmp_path: Path, given: dict[str, Any], wanted: dict[str, Any]
) -> None:
    defaults = 'n = 5\nword = "x"\ncomputed = 2 * 3\nitems = []'
    notebook = write(tmp_path / "a.ipynb", "%%step one -o x\nx = n", parameters=defaults)
    assert open_project([notebook], environ={}, parameters=given).parameters == wanted


def test_an_unknown_parameter_is_an_error_that_guesses_the_near_one(tmp_path: Path) -> None:
    notebook = write(tmp_path / "a.ipynb", "%%step one -o x\nx = alpha", parameters="alpha = 1\nbeta = 2")
    with pytest.raises(UsageError) as caught:
        open_project([notebook], environ={}, parameters={"alhpa": 2})
    assert str(caught.value) == (
        "No notebook of this pipeline has a parameter 'alhpa'. Did you mean 'alpha'?\nParameters: alpha, beta."
    )


def test_results_that_others_can_write_are_not_loaded(tmp_path: Path) -> None:
    require_own(tmp_path)
    home = tmp_path / ".nbflow"
    home.mkdir(mode=0o700)
    require_own(tmp_path)
    home.chmod(0o770)
    notebook = write(tmp_path / "a.ipynb", "%%step one -o x\nx = 1")
    with open_project([notebook], environ={}) as project, pytest.raises(UsageError) as caught:
        ops.run(project)
    assert str(caught.value) == (
        f"{home} can be written by other users: loading stored results from it could run their code.\n"
        f"If you trust what is in it, close it: chmod 700 '{home}'"
    )


def test_results_of_another_user_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".nbflow").mkdir(mode=0o700)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(UsageError) as caught:
        require_own(tmp_path)
    assert caught.value.message.startswith(f"{tmp_path / '.nbflow'} belongs to another user")


def test_notebooks_with_nothing_to_be_said_are_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = write(tmp_path / "a.ipynb", "%%step one -o x\nx = 1", "%%step two -i x -o y\ny = x")
    with open_project([notebook], environ={}) as project:
        assert project.require_sound() == ()
    with monkeypatch.context() as patch, open_project([notebook], environ={}) as project:
        patch.setattr(type(project), "findings", lambda *_: pytest.fail("it was checked again"))
        assert project.require_sound() == ()
    write(notebook, "%%step one -o x\nx = 1", "%%step two -o y\ny = x")
    with open_project([notebook], environ={}) as project, pytest.raises(InvalidPipeline):
        project.require_sound()


KEYED = (
    "import math\nTHREADS = 2",
    "%%step one -o x\nx = math.floor(THREADS)",
    "def grow(v):\n    return v + alpha",
    "%%step two -o y\ny = grow(open('data.csv').read())",
)


def keys(notebook: Path, **parameters: Any) -> dict[str, str]:
    with open_project([notebook], environ={}, parameters=parameters) as project:
        planner = project.planner()
        made = {step: planner.decide(step, {}).fingerprint for step in project.pipeline.steps}
        return {step: printed.key for step, printed in made.items() if printed is not None}


def test_what_code_contributes_to_keys_is_remembered_for_the_same_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write(tmp_path / "a.ipynb", *KEYED, parameters="alpha = 1")
    first, other = keys(notebook), keys(notebook, alpha=2)
    assert first["a.one"] == other["a.one"]
    assert first["a.two"] != other["a.two"]
    with monkeypatch.context() as patch:
        patch.setattr(Planner, "slice", lambda *_: pytest.fail("it was read again"))
        assert keys(notebook) == first
    assert keys(notebook, alpha="not to be written") != other
    assert "not to be written" not in (tmp_path / ".nbflow" / "conclusions.json").read_text()
    write(notebook, *(cell.replace("v + alpha", "v - alpha") for cell in KEYED), parameters="alpha = 1")
    assert keys(notebook)["a.two"] != first["a.two"]
    assert keys(notebook)["a.one"] == first["a.one"]


def test_conclusions_of_another_edition_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = shutil.copytree(core.__path__[0], tmp_path / "core")
    as_it_was = edition(str(copied))
    (copied / "plan.py").write_text("# edited")
    edition.cache_clear()
    assert edition(str(copied)) != as_it_was

    notebook = write(tmp_path / "a.ipynb", *KEYED)
    first = keys(notebook)
    monkeypatch.setattr(core, "__path__", [str(copied)])
    assert keys(notebook) == first
    kept = json.loads((tmp_path / ".nbflow" / "conclusions.json").read_text())["tables"]["parts"]
    assert len(kept) == 2


@pytest.mark.parametrize(
    "source", ["%%Step one -o x\nx = 1", "%%stp one -o x\nx = 1", "# first\n%%step one -o x\nx = 1"]
)
def test_a_notebook_whose_only_step_is_mistaken_is_not_passed_over(tmp_path: Path, source: str) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / "a.ipynb", "%%step good -o y\ny = 1")
    write(tmp_path / "b.ipynb", source)
    project = open_project([tmp_path], environ={})
    assert [(f.notebook, f.severity) for f in project.findings()] == [("b.ipynb", "error")]


@pytest.mark.parametrize("magic", ["%%script", "%%time", "%%sql", "%%html"])
def test_other_cell_magics_are_no_mistakes(tmp_path: Path, magic: str) -> None:
    notebook = write(tmp_path / "a.ipynb", "%%step good -o y\ny = 1", f"{magic}\n1")
    assert open_project([notebook], environ={}).findings() == ()


def test_a_switch_takes_true_or_false_alone(tmp_path: Path) -> None:
    notebook = write(tmp_path / "a.ipynb", "%%step one -o x\nx = fast", parameters="fast = True")
    assert open_project([notebook], environ={}, parameters={"fast": Typed("False", False)}).parameters == {
        "fast": False
    }
    with pytest.raises(UsageError) as caught:
        open_project([notebook], environ={}, parameters={"fast": Typed("false", "false")})
    assert str(caught.value) == (
        "The parameter 'fast' is True by default, and 'false' is neither True nor False.\n"
        "Write -p fast=True or -p fast=False: any other text would count as true."
    )


def test_a_notebook_counts_as_it_stands_in_an_editor(tmp_path: Path) -> None:
    """What is found out about it is not kept: an editor asks after every word."""
    notebook = write(tmp_path / "flow.ipynb", "%%step one -o a\na = 1")
    with open_project([notebook]) as project:
        project.verdict()
    remembered = [tmp_path / ".nbflow" / name for name in ("analysis.json", "conclusions.json")]
    before = [file.read_bytes() for file in remembered]
    draft = notebook.read_bytes().replace(b"a = 1", b"b = 2")
    (tmp_path / "link").symlink_to(tmp_path)
    with open_project([notebook], drafts={tmp_path / "link/flow.ipynb": draft}) as project:
        assert project.pipeline.outlines["flow.ipynb"].notebook.cell(1).source == "%%step one -o a\nb = 2"
        assert [finding.code for finding in project.verdict()] == ["unmade-output"]
    assert [file.read_bytes() for file in remembered] == before
