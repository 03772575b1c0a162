"""``%%step`` and ``%step`` in a shell of this process: which lines are refused and in which words, and how the
extension comes and goes. ``test_inputs_and_outputs`` is about what happens around a body, ``test_step_cells`` compares
step cells with plain ones in a real kernel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbflow.ui.magic import load_ipython_extension, unload_ipython_extension
from nbflow.ui.magic.where import JUPYTER, PAPERMILL, VSCODE, find_executed, find_notebook
from tests.flows import Flow, write_notebook
from tests.ui.shells import Live

ROOT = Path(__file__).parents[2]

# --- lines that cannot be read -------------------------------------------------------------------------

MAKE = "Write %%step NAME -i INPUT ... -o OUTPUT ..."
REFUSED = {
    "%%step": f"DeclareError: %%step needs a name first. {MAKE}",
    "%%step -o x": f"DeclareError: %%step needs a name first. {MAKE}",
    "%%step a --retrys 3": "DeclareError: %%step has no option '--retrys'. Did you mean '--retries'?",
    "%%step a --output x": "DeclareError: %%step has no option '--output'. Did you mean '--out'?",
    "%%step a -i x y x": "DeclareError: 'x' stands twice among the inputs. Name it once.",
    "%%step a x": f"DeclareError: 'x' belongs to no option. Inputs follow -i, outputs follow -o: {MAKE[6:]}",
    "%%step a -o class": "DeclareError: 'class' is a Python keyword and cannot be a variable.",
    "%%step a -o x,y": (
        "DeclareError: 'x,y' is neither a variable name nor a file. A file has a '/' or a '.' in it (write "
        "./Makefile); items are separated by spaces."
    ),
    "%%step a -o 'x": "DeclareError: A quote is not closed: 'x Close it, or leave it out.",
    "%%step a --retries two": "DeclareError: --retries takes a whole number, 0 or more, not 'two'.",
    "y = 2\n%%step a": "DeclareError: '%%step a' is not the first line of its cell. Move it to the top of the cell.",
    "# why\n  %%step a": "DeclareError: '%%step a' is not the first line of its cell. Move it to the top of the cell.",
    "%%time\n%%step a": "DeclareError: %%step has to stand above %%time. Swap the two lines.",
    "%%step a\ny = 1\n%%step b": (
        "DeclareError: This cell is a step, so '%%step b' cannot stand in it. Split the cell above it."
    ),
    "%%step a\n%%step b": (
        "DeclareError: This cell is a step, so '%%step b' cannot stand in it. Split the cell above it."
    ),
}


@pytest.mark.parametrize("cell", REFUSED)
def test_a_line_that_cannot_be_read_is_explained_in_one_line_and_nothing_runs(live: Live, cell: str) -> None:
    assert live.run(f"{cell}\nran = True") == [REFUSED[cell]]
    assert "ran" not in live


def test_cells_that_are_refused_are_counted_as_any_other(live: Live) -> None:
    live.run("%%step")
    live.run("y = 1\n%%step a")
    assert live["In"] == [
        "",
        "# %%step is refused: %%step needs a name first.\n# %%step",
        "# %%step is refused: '%%step a' is not the first line of its cell.\n# y = 1\n# %%step a",
    ]
    assert live.run("_i") == ["Out[3]: 'y = 1\\n%%step a'"]


def test_a_line_magic_that_cannot_be_read_is_explained_too(live: Live) -> None:
    assert live.run("%step all --no-cash") == [
        "DeclareError: %%step has no option '--no-cash'. Did you mean '--no-cache'?"
    ]


@pytest.mark.parametrize(
    "cell",
    [
        'text = """\n%%step a\n"""',
        "%%writefile steps.txt\n%%step a",
        "# %%step a",
        "%%step a\ntext = '''\n%%step b\n'''",
    ],
)
def test_a_step_line_inside_a_text_is_text(live: Live, cell: str) -> None:
    assert [line for line in live.run(cell) if "Error" in line] == []


def test_a_body_that_cannot_be_read_names_its_own_line(live: Live) -> None:
    (error,) = live.run("%%step a -i nowhere\n\nx = = 1")
    assert re.search(r"(:|line )3\n *x = = 1\n *\^\nSyntaxError: invalid syntax", error)


def test_a_step_line_called_by_other_code_says_so(live: Live) -> None:
    assert live.run("get_ipython().run_cell_magic('step', 'a', 'x = 1')") == [
        "DeclareError: %%step a is not the first line of its cell. Move it to the top of a cell of its own."
    ]


def test_a_line_magic_among_step_cells_gets_a_hint(live: Live) -> None:
    assert live.run("%step all") == []
    live.run("%%step a\n1;")
    assert live.run("%step b") == ["nbflow: %step makes this whole notebook one step; for one cell write %%step"]


# --- the extension itself ------------------------------------------------------------------------------


def test_in_the_kernel_of_a_run_step_cells_are_plain_cells(live: Live, flow: Flow) -> None:
    live.run("__nbflow__ = object()")
    assert live.run("%%step report -i table x=y.csv -o nothing\nprint('table' in globals(), 'x' in globals())") == [
        "False False"
    ]


def test_loading_twice_changes_nothing_and_unloading_takes_all_away(live: Live) -> None:
    shell = live.shell

    def ours() -> list[str]:
        places = [
            *shell.input_transformer_manager.cleanup_transforms,
            *shell.ast_transformers,
            *[shell.magics_manager.magics[kind].get("step") for kind in ("cell", "line")],
            shell.magics_manager.magics["line"].get("flow"),
            *shell.builtin_trap.auto_builtins.values(),
            *shell.events.callbacks["pre_run_cell"],
            *shell.Completer.custom_matchers,
        ]
        return [type(p).__name__ for p in places if "nbflow" in f"{getattr(p, '__module__', '')} {type(p).__module__}"]

    loaded = ours()
    assert loaded == [
        "StepLines",
        "StepBodies",
        "function",
        "function",
        "function",
        "method",
        "method",
        "RanHere",
        "function",
    ]
    load_ipython_extension(shell)
    assert ours() == loaded
    unload_ipython_extension(shell)
    unload_ipython_extension(shell)
    assert ours() == []
    load_ipython_extension(shell)
    assert ours() == loaded


def test_reset_leaves_step_cells_alone(live: Live) -> None:
    live.run("%reset -f")
    assert live.run("%%step a -o x\nx = 1\nx") == ["Out[2]: 1"]


def test_an_input_transformer_asked_for_completeness_waits_for_the_body(live: Live) -> None:
    complete = live.shell.input_transformer_manager.check_complete
    assert [complete(cell)[0] for cell in ("%%step a", "%%step a\nx = 1", "%%step a\nx = 1\n\n")] == [
        "incomplete", "incomplete", "complete",
    ]  # fmt: skip


LOADING = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
start = time.process_time()  # of this process alone, for the machine has other things to do
shell.run_line_magic("load_ext", "nbflow")
seconds = time.process_time() - start
print(seconds, *sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_loading_the_extension_is_quick_and_brings_nothing_heavy() -> None:
    tries = [
        subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        for _ in range(3)
    ]
    heavy = {"pandas", "numpy", "papermill", "jupyter_client", "nbclient", "nbformat", "cloudpickle", "rich", "click"}
    assert set(tries[0].split()[1:]) & heavy == set()
    assert min(float(each.split()[0]) for each in tries) < 0.2


# --- which notebook ------------------------------------------------------------------------------------

FOUND: dict[str, tuple[dict[str, object], dict[str, str], str | None]] = {
    "Jupyter": ({}, {JUPYTER: "{here}/a.ipynb"}, "a.ipynb"),
    "Jupyter, relative": ({}, {JUPYTER: "a.ipynb"}, "a.ipynb"),
    "Jupyter, shared editing": ({}, {JUPYTER: "{here}/RTC:a.ipynb"}, "a.ipynb"),
    "Jupyter, a console": ({}, {JUPYTER: "{here}/console-1-abc"}, None),
    "Jupyter, renamed since": ({}, {JUPYTER: "{here}/old.ipynb"}, None),
    "VS Code": ({VSCODE: "{here}/b.ipynb"}, {}, "b.ipynb"),
    "VS Code, in a kernel of Jupyter's": ({VSCODE: "{here}/b.ipynb"}, {JUPYTER: "{here}/a.ipynb"}, "b.ipynb"),
    "papermill": ({PAPERMILL: "a.ipynb"}, {}, "a.ipynb"),
    "papermill, from afar": ({PAPERMILL: "s3://bucket/a.ipynb"}, {}, None),
    "a name of the user's": ({VSCODE: 3}, {}, None),
    "nobody": ({}, {}, None),
}


@pytest.mark.parametrize("front_end", FOUND)
def test_the_notebook_is_found_where_a_front_end_tells_it(front_end: str, tmp_path: Path) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        write_notebook(tmp_path / name, {})
    names, environ, expected = FOUND[front_end]
    names = {k: v.format(here=tmp_path) if isinstance(v, str) else v for k, v in names.items()}
    environ = {k: v.format(here=tmp_path) for k, v in environ.items()}
    assert find_notebook(names, environ, tmp_path) == (tmp_path / expected if expected else None)


def test_a_kernel_started_from_a_notebook_does_not_take_that_notebook_for_its_own(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "a.ipynb", {})
    code = (
        "import os; from pathlib import Path; from nbflow.ui.magic.where import find_notebook; "
        "print(find_notebook({}, os.environ, Path.cwd()))"
    )
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    done = subprocess.run(
        [sys.executable, "-c", start], capture_output=True, text=True, cwd=ROOT, check=True,
        env={"PYTHONPATH": str(ROOT), JUPYTER: str(notebook)},
    )  # fmt: skip
    assert done.stdout == "None\n"


def test_a_kernel_that_no_tool_started_executes_no_notebook(tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb", {"a": "1 + 1"})
    assert find_executed("1 + 1") is None


def test_a_notebook_is_executed_by_the_tool_on_whose_command_line_it_stands(tmp_path: Path) -> None:
    for name, source in {"params.ipynb": "2 + 2", "a.ipynb": "1 + 1", "b.ipynb": "1 + 1"}.items():
        write_notebook(tmp_path / name, {"a": source})
    tool = tmp_path / "papermill"  # starts a Python, as a tool starts a kernel
    ask = "from nbflow.ui.magic.where import find_executed; print(find_executed('1 + 1'), find_executed('3'))"
    tool.write_text(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}])")
    done = subprocess.run(
        [sys.executable, str(tool), "-p", "other", "params.ipynb", "missing.ipynb", "a.ipynb", "b.ipynb"],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    assert done.stdout == f"{tmp_path / 'a.ipynb'} None\n"
