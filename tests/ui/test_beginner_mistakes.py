"""Each mistake that a beginner makes, and the whole of what is read below the cell: what is wrong, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from nbflow.ui.magic import session_of, unload_ipython_extension
from nbflow.ui.magic.where import JUPYTER, VSCODE
from tests.flows import Flow, new_flow, write_notebook
from tests.ui.shells import PLAINLY, Live

ROOT = Path(__file__).parents[2]

Given = Callable[[Live, Flow], object]


class Row(NamedTuple):
    """The mistake, what led to it, the cell, and what is read."""

    mistake: str
    given: Given
    cell: str
    read: str


def nothing(_live: Live, _flow: Flow) -> None:
    pass


def cells(**sources: str) -> Given:
    """The notebook has these cells, as it is saved."""
    return lambda _live, flow: write_notebook(flow.file("flow.ipynb"), sources)


def unsaved_step(live: Live, flow: Flow) -> None:
    """A step cell has run, and the file does not have it."""
    write_notebook(flow.file("flow.ipynb"), {"a": "x = 1"})
    live.run("%%step one -o x\nx = 1")


def nobody_tells(live: Live, flow: Flow) -> None:
    """A front end that says nothing of the notebook, in a folder with two."""
    write_notebook(flow.file("other.ipynb"), {})
    session_of(live.shell)._said = None


def told(name: str) -> Given:
    """A front end that names a notebook which is not there."""

    def given(live: Live, flow: Flow) -> None:
        session_of(live.shell)._said = None
        live.shell.user_ns[VSCODE] = str(flow.file(name))

    return given


def elsewhere(live: Live, flow: Flow) -> None:
    """A kernel whose code has gone to another folder, and whose notebook nobody names."""
    flow.file("data").mkdir()
    session_of(live.shell)._said = None
    live.run("import os; os.chdir('data')")


def gone(_live: Live, flow: Flow) -> None:
    flow.file("flow.ipynb").rename(flow.file("renamed.ipynb"))


MAKE = "%%step NAME -i INPUT ... -o OUTPUT ..."

STEP_LINES: list[Row] = [
    Row("a misspelt option", nothing, "%%step clean --retrys 3\n1",
     "DeclareError: %%step has no option '--retrys'. Did you mean '--retries'?"),
    Row("no name", nothing, "%%step -i raw\n1",
     f"DeclareError: %%step needs a name first. Write {MAKE}"),
    Row("no name, and nothing else", nothing, "%%step\n1",
     f"DeclareError: %%step needs a name first. Write {MAKE}"),
    Row("an input named twice", nothing, "%%step clean -i raw raw\n1",
     "DeclareError: 'raw' stands twice among the inputs. Name it once."),
    Row("two names", nothing, "%%step clean table\n1",
     f"DeclareError: 'table' belongs to no option. Inputs follow -i, outputs follow -o: {MAKE}"),
    Row("a comma between names", nothing, "%%step clean -i raw,table\n1",
     "DeclareError: 'raw,table' is neither a variable name nor a file. A file has a '/' or a '.' in it (write "
     "./Makefile); items are separated by spaces."),
    Row("below the first line", nothing, "import math\n%%step clean\n1",
     "DeclareError: '%%step clean' is not the first line of its cell. Move it to the top of the cell."),
    Row("below another cell magic", nothing, "%%time\n%%step clean\n1",
     "DeclareError: %%step has to stand above %%time. Swap the two lines."),
    Row("two steps in a cell", nothing, "%%step clean\n1\n%%step report\n2",
     "DeclareError: This cell is a step, so '%%step report' cannot stand in it. Split the cell above it."),
    Row("an input that nobody makes", nothing, "%%step report -i tabel\n1",
     "StepError: 'tabel' is not here, and no step of flow.ipynb makes it. Did you mean 'table'? Add '-o tabel' to the "
     "step that makes it (and save), or take 'tabel' out of -i."),
    Row("an input that was not made yet", nothing, "%%step report -i table\n1",
     "StepError: 'table' is not here and step 'clean' has no fresh stored result (no result yet): run its cell, or "
     "%flow run +clean"),
    Row("an output that is not made", cells(load="%%step load -o raw\nrow = 1"), "%%step load -o raw\nrow = 1",
     "StepError: step `load` did not make its output `raw`. There is `row`. Bind it in a cell of the step (`raw = …`), "
     "or correct the `-o` of its %%step line."),
]  # fmt: skip

FLOW_LINES: list[Row] = [
    Row("an unknown verb", nothing, "%flow plam", "UsageError: %flow has no verb 'plam'. Did you mean 'plan'?"),
    Row("a verb that is nothing like one", nothing, "%flow qqq",
     "UsageError: %flow has no verb 'qqq'. Verbs: run, plan, status, why, check, load, report, use, help."),
    Row("a step in place of a verb", nothing, "%flow +clean",
     "UsageError: %flow has no verb '+clean'. To run that step: %flow run +clean"),
    Row("a notebook in place of a verb", nothing, "%flow flow.ipynb",
     "UsageError: %flow has no verb 'flow.ipynb'. To say that this kernel belongs to it: %flow use flow.ipynb"),
    Row("an option in place of a verb", nothing, "%flow -p size=4",
     "UsageError: %flow has no option '-p'. Options follow a verb: %flow run -p NAME=VALUE"),
    Row("a misspelt option", nothing, "%flow run --forse",
     "UsageError: %flow run has no option '--forse'. Did you mean '--force'?"),
    Row("an option that is nothing like one", nothing, "%flow status -q",
     "UsageError: %flow status has no option '-q'. %flow help status shows its options."),
    Row("an option without its value", nothing, "%flow run -p",
     "UsageError: %flow run: -p needs a value. %flow help run shows which."),
    Row("a number that is none", nothing, "%flow run -j many",
     "UsageError: %flow run -j: 'many' is not a whole number of 1 or more."),
    Row("a parameter without its value", nothing, "%flow run -p size",
     "UsageError: -p takes NAME=VALUE, not 'size'. For example: -p alpha=0.1"),
    Row("an unknown parameter", nothing, "%flow run -p sise=4",
     "UsageError: No notebook of this pipeline has a parameter 'sise'. Did you mean 'size'? Parameters: size."),
    Row("an unknown step", nothing, "%flow run cleen",
     "UsageError: There is no step 'cleen'. Did you mean 'clean'? Known steps: load, clean, report."),
    Row("a step without what it needs", nothing, "%flow run clean",
     "UsageError: Step 'clean' needs 'load', which has no fresh result and is not selected. "
     "Select what it needs as well: -s +clean"),
    Row("no step", nothing, "%flow why", "UsageError: %flow why needs the name of a step. Write: %flow why STEP"),
    Row("a step too many", nothing, "%flow why load clean",
     "UsageError: %flow why: 'clean' is more than it takes. %flow help why shows what it takes."),
    Row("a variable in place of its step", nothing, "%flow load table",
     "UsageError: 'table' is no step, but what step 'clean' makes. Load that: %flow load clean"),
    Row("a step that has not run", nothing, "%flow load clean",
     "StepError: Step 'clean' has no fresh stored result (no result yet). Make it: %flow run +clean"),
    Row("a quote that is not closed", nothing, "%flow run 'clean",
     "UsageError: A quote is not closed (%flow run 'clean). Close it, or leave it out."),
]  # fmt: skip

NOTEBOOKS: list[Row] = [
    Row("no steps yet", cells(a="x = 1"), "%flow",
     "UsageError: flow.ipynb has no steps yet. A cell becomes a step by its first line:\n"
     "    %%step clean -i raw -o table\n"
     "It names the step, what it takes (-i) and what it makes (-o): variables, and files such as data/raw.csv."),
    Row("steps that are not saved", unsaved_step, "%flow run",
     "UsageError: flow.ipynb has no steps as it is saved, and step cells were run here (one). Save the notebook and "
     "try again."),
    Row("nobody tells which notebook it is", nobody_tells, "%flow",
     "UsageError: nbflow cannot tell which notebook this kernel belongs to. Save it, then say so: %flow use "
     "NOTEBOOK.ipynb (here are flow.ipynb, other.ipynb)"),
    Row("a notebook that is not saved yet", told("Untitled-1.ipynb"), "%flow run",
     "UsageError: This kernel was started for Untitled-1.ipynb, and no such file is there. Save the notebook; if it "
     "has another name now: %flow use flow.ipynb"),
    Row("a notebook that was renamed", gone, "%flow",
     "UsageError: flow.ipynb is not there any more. Say where it is now: %flow use renamed.ipynb"),
    Row("a kernel in another folder", elsewhere, "%flow plan",
     "UsageError: nbflow cannot tell which notebook this kernel belongs to. Save it, then say so: %flow use "
     "../flow.ipynb"),
    Row("a misspelt notebook", nothing, "%flow use flwo.ipynb",
     "NotebookError: flwo.ipynb does not exist. Did you mean 'flow.ipynb'?"),
    Row("a folder", nothing, "%flow use .",
     "NotebookError: . is a folder. Name the notebook in it: %flow use flow.ipynb"),
    Row("another file", nothing, "%flow use pyproject.toml",
     "NotebookError: pyproject.toml is not a notebook. Give notebooks (.ipynb) or folders that hold some."),
    Row("a notebook that is damaged", lambda _live, flow: flow.write("flow.ipynb", "{"), "%flow",
     "NotebookError: flow.ipynb is not valid JSON: line 1, expecting property name enclosed in double quotes. Correct "
     "it, or go back to an earlier version (an unfinished merge of git leaves such files)."),
]  # fmt: skip

ROWS = [*STEP_LINES, *FLOW_LINES, *NOTEBOOKS]


@pytest.mark.parametrize("row", ROWS, ids=[row.mistake for row in ROWS])
def test_a_mistake_is_explained_below_its_cell(live: Live, flow: Flow, row: Row) -> None:
    session_of(live.shell).program = PLAINLY
    row.given(live, flow)
    live.printed()
    assert live.run(row.cell) == [row.read]
    assert not flow.file("nbflow_runs").exists()


# --- mistakes that IPython answers ---------------------------------------------------------------------

ANSWERED_BY_IPYTHON = {
    "%flow run": "UsageError: Line magic function `%flow` not found.",
    "%%step clean\n1": "UsageError: Cell magic `%%step` not found.",
}


@pytest.mark.parametrize("cell", ANSWERED_BY_IPYTHON)
def test_where_the_extension_is_not_loaded_the_documentation_has_the_words(
    live: Live, capsys: pytest.CaptureFixture[str], cell: str
) -> None:
    unload_ipython_extension(live.shell)
    live.shell.run_cell(cell, store_history=True)
    assert capsys.readouterr().err.strip() == ANSWERED_BY_IPYTHON[cell]
    page = (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if ANSWERED_BY_IPYTHON[cell] in line]
    assert "%load_ext nbflow" in row


def test_a_percent_sign_too_many_is_explained_by_ipython(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    live.shell.run_cell("%%flow run\n", store_history=True)
    assert capsys.readouterr().err.strip() == (
        "UsageError: Cell magic `%%flow` not found (But line magic `%flow` exists, did you mean that instead?)."
    )


# --- a kernel that stands elsewhere --------------------------------------------------------------------


def test_a_kernel_in_another_folder_works_once_the_notebook_is_known(live: Live, flow: Flow) -> None:
    elsewhere(live, flow)
    live.shell.user_ns[VSCODE] = str(flow.file("flow.ipynb"))
    session_of(live.shell).program = PLAINLY
    assert live.run("%flow run")[-1].startswith("  Report: ")
    assert re.fullmatch(r"nbflow: loaded table, total from step clean \(run [\w-]+\)", live.run("%flow load clean")[0])


def test_a_kernel_that_was_started_elsewhere_knows_names_from_where_it_started(live: Live, tmp_path: Path) -> None:
    new_flow(tmp_path / "deep", {"a": "%%step only -o x\nx = 1"})
    session_of(live.shell).environ[JUPYTER] = "deep/flow.ipynb"
    live.run("import os; os.mkdir('data'); os.chdir('data')")
    assert live.run("%flow") == ["only  · → x"]
