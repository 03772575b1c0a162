"""``%%step`` and ``%step`` in a shell of this process: what is refused and in which words, what is loaded from earlier
runs, what is checked when a body is done. ``test_step_cells`` compares step cells with plain ones in a real kernel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from nbflow.ui.magic import load_ipython_extension, session_of, unload_ipython_extension
from nbflow.ui.magic.where import JUPYTER, PAPERMILL, VSCODE, find_notebook
from tests.flows import Flow, new_flow, write_notebook
from tests.stores import tree

ROOT = Path(__file__).parents[2]


@dataclass
class Live:
    """A shell with the extension loaded."""

    shell: InteractiveShell
    printed: Callable[[], str]
    shown: list[str] = field(default_factory=list)

    def run(self, cell: str) -> list[str]:
        """What a cell shows: what it prints, then its error. It counts as failed exactly if it shows one."""
        self.shown.clear()
        result = self.shell.run_cell(cell, store_history=True)
        assert result.success == (not self.shown)
        return [line for line in self.printed().splitlines() if line] + self.shown

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.shell.user_ns


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Live]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(JUPYTER, raising=False)
    settings = {"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}}
    shell = InteractiveShell(config=Config(settings), user_module=ModuleType("live"))
    load_ipython_extension(shell)
    found = Live(shell, lambda: capsys.readouterr().out)
    monkeypatch.setattr(shell, "_showtraceback", lambda kind, value, lines: found.shown.append("\n".join(lines)))
    yield found
    unload_ipython_extension(shell)


@pytest.fixture
def flow(live: Live, tmp_path: Path) -> Flow:
    """A notebook whose steps were run, and the shell of its kernel."""
    made = new_flow(
        tmp_path,
        {
            "parameters": "size = 3",
            "load": "%%step load -o raw\nraw = list(range(size))",
            "note": "scale = 10",
            "clean": "%%step clean -i raw -o table total\ntable = {n: scale * n for n in raw}\ntotal = sum(table)",
            "report": "%%step report -i table\nprint(table)",
        },
    )
    session_of(live.shell).use(made.file("flow.ipynb"))
    return made


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


# --- inputs that are not here --------------------------------------------------------------------------


def test_a_missing_input_is_loaded_and_one_quiet_line_says_so(live: Live, flow: Flow) -> None:
    flow.run()
    assert live.run("%%step report -i table\nprint(table)") == [
        "nbflow: loaded table from step clean",
        "{0: 0, 1: 10, 2: 20}",
    ]
    assert live.run("%%step report -i table\nprint(table)") == ["{0: 0, 1: 10, 2: 20}"]


def test_inputs_of_several_steps_are_loaded_together(live: Live, flow: Flow) -> None:
    flow.add("both", "%%step both -i total raw table -o both\nboth = 1", "report")
    flow.run()
    assert live.run("%%step both -i total raw table -o both\nboth = [total, raw, table]") == [
        "nbflow: loaded total, table from step clean",
        "nbflow: loaded raw from step load",
    ]
    assert live["both"] == [3, [0, 1, 2], {0: 0, 1: 10, 2: 20}]


def test_a_bound_name_is_never_replaced(live: Live, flow: Flow) -> None:
    flow.run()
    live.run("table = 'mine'")
    assert live.run("%%step report -i table\nprint(table)") == ["mine"]


def test_the_whole_notebook_as_one_step_loads_its_inputs(live: Live, flow: Flow, tmp_path: Path) -> None:
    whole = write_notebook(tmp_path / "whole.ipynb", {"a": "%step whole -i total -o twice", "b": "twice = 2 * total"})
    flow.write("pyproject.toml", '[tool.nbflow]\nnotebooks = ["flow.ipynb", "whole.ipynb"]\n')
    flow.others = ("whole.ipynb",)
    flow.run()
    session_of(live.shell).use(whole)
    assert live.run("%step whole -i total -o twice") == ["nbflow: loaded total from step clean"]
    assert live["total"] == 3


def test_what_shared_an_object_shares_it_again(live: Live, flow: Flow) -> None:
    flow.add("pair", "%%step pair -o shelf book\nbook = [1]\nshelf = {'book': book}", "report")
    flow.add("use", "%%step use -i shelf book\n1", "report")
    flow.run()
    assert live.run("%%step use -i shelf book\nprint(shelf['book'] is book)") == [
        "nbflow: loaded shelf, book from step pair",
        "True",
    ]


def test_a_result_that_is_never_reused_is_loaded_all_the_same(live: Live, flow: Flow) -> None:
    flow.replace("clean", "%%step clean", "%%step clean --no-cache")
    flow.run()
    assert live.run("%%step report -i table\n1;") == ["nbflow: loaded table from step clean"]


def test_a_line_that_is_not_saved_yet_finds_the_maker_above(live: Live, flow: Flow) -> None:
    flow.run()
    assert live.run("%%step report -i table total\nprint(total)") == [
        "nbflow: loaded table, total from step clean",
        "3",
    ]
    assert live.run("del total") == []
    assert live.run("%%step new -i total\nprint(total)") == ["nbflow: loaded total from step clean", "3"]


RUN_IT = "run its cell, or nbflow run flow.ipynb -s +clean"


def test_an_input_that_was_never_made_names_the_step_to_run(live: Live, flow: Flow) -> None:
    assert live.run("%%step report -i table\nran = True") == [
        "StepError: 'table' is not here and step 'clean' has no fresh stored result (no result yet): " + RUN_IT
    ]
    assert "ran" not in live


STALE: dict[str, tuple[Callable[[Flow, Live], object], str]] = {
    "its code changed": (
        lambda flow, live: flow.replace("clean", "sum(table)", "len(table)"),
        "the step's code changed: total = len(table)",
    ),
    "a context cell changed": (lambda flow, live: flow.replace("note", "10", "20"), "helper 'scale' changed"),
    "a step above changed": (lambda flow, live: flow.replace("load", "list(", "sorted("), "needs load, which will run"),
    "the parameter is another here": (lambda flow, live: live.run("size = 4"), "needs load, which will run"),
}


@pytest.mark.parametrize("change", STALE)
def test_a_result_that_is_not_fresh_is_not_loaded(live: Live, flow: Flow, change: str) -> None:
    flow.run()
    make, why = STALE[change]
    make(flow, live)
    (error,) = live.run("%%step report -i table total\nran = True")
    head, _, rest = error.partition("(")
    assert head == "StepError: 'table' and 'total' are not here and step 'clean' has no fresh stored result "
    assert (why in rest, rest.endswith(f"): {RUN_IT}")) == (True, True), rest
    assert "ran" not in live


def test_a_parameter_that_was_given_to_the_run_counts_as_it_is_here(live: Live, flow: Flow) -> None:
    flow.parameters = {"size": 2}
    flow.run()
    live.run("size = 2")
    assert live.run("%%step report -i table\nprint(table)")[-1] == "{0: 0, 1: 10}"


def test_a_result_of_another_notebook_is_loaded(live: Live, flow: Flow, tmp_path: Path) -> None:
    other = write_notebook(tmp_path / "other.ipynb", {"use": "%%step use -i table -o size\nsize = len(table)"})
    flow.write("pyproject.toml", '[tool.nbflow]\nnotebooks = ["flow.ipynb", "other.ipynb"]\n')
    session_of(live.shell).use(other)
    assert live.run("%%step use -i table -o size\n1") == [
        (
            "StepError: 'table' is not here and step 'clean' has no fresh stored result (no result yet): "
            "run nbflow run -s +clean"
        )
    ]
    flow.others = ("other.ipynb",)
    flow.run()
    assert live.run("%%step use -i table -o size\nsize = len(table)") == ["nbflow: loaded table from step clean"]


NOBODY = {
    "tabel": "Did you mean 'table'? Add '-o tabel' to the step that makes it (and save), or take 'tabel' out of -i.",
    "qqqq": "Add '-o qqqq' to the step that makes it (and save), or take 'qqqq' out of -i.",
}


@pytest.mark.parametrize("name", NOBODY)
def test_an_input_that_no_step_makes_is_explained_with_the_near_name(live: Live, flow: Flow, name: str) -> None:
    assert live.run(f"%%step report -i {name}\n1") == [
        f"StepError: '{name}' is not here, and no step of flow.ipynb makes it. {NOBODY[name]}"
    ]


def test_an_input_that_a_context_cell_binds_names_the_cell(live: Live, flow: Flow) -> None:
    assert live.run("%%step report -i scale\n1") == ["StepError: 'scale' is not here: run cell 3, which binds it."]


def test_where_the_notebook_is_unknown_the_message_says_what_to_do(live: Live) -> None:
    assert live.run("%%step report -i table total\n1") == [
        (
            "StepError: 'table' and 'total' are not here, and no stored result can be looked for: nbflow cannot tell "
            "which notebook this is. Run the cell that makes 'table' and 'total', or name the notebook: "
            "%flow use NOTEBOOK.ipynb"
        )
    ]
    assert live.run("table, total = 1, 2") == []
    assert live.run("%%step report -i table total -o both\nboth = table + total") == []


def test_a_notebook_that_cannot_be_read_is_named(live: Live, flow: Flow) -> None:
    flow.write("flow.ipynb", "{")
    assert live.run("%%step report -i table\n1") == [
        (
            "StepError: 'table' is not here, and no stored result can be looked for. flow.ipynb is not valid JSON: "
            "line 1, expecting property name enclosed in double quotes."
        )
    ]


def test_an_object_of_a_class_of_the_notebook_needs_the_class_first(live: Live, flow: Flow) -> None:
    flow.add("class", "class Pair:\n    pass", "load")
    flow.add("pair", "%%step pair -o pair\npair = Pair()", "report")
    flow.add("use", "%%step use -i pair\n1", "report")
    flow.run()
    assert live.run("%%step use -i pair\n1") == [
        "StepError: 'pair' of step 'pair' needs 'Pair': run the cell that defines it first."
    ]


def test_a_result_whose_bytes_are_gone_is_not_fresh(live: Live, flow: Flow) -> None:
    flow.run()
    for blob in flow.file(".nbflow/store/blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.unlink()
    (error,) = live.run("%%step report -i table\n1")
    assert error.startswith("StepError: 'table' is not here and step 'clean' has no fresh stored result (")


def test_a_result_that_others_could_have_written_is_not_loaded(live: Live, flow: Flow) -> None:
    flow.run()
    home = flow.file(".nbflow")
    home.chmod(0o777)
    assert live.run("%%step report -i table\n1") == [
        (
            f"StepError: 'table' is not here, and no stored result can be looked for. {home} can be written by other "
            f"users: loading stored results from it could run their code. If you trust what is in it, close it: "
            f"chmod 700 '{home}'"
        )
    ]


def test_what_is_made_by_hand_is_never_stored(live: Live, flow: Flow) -> None:
    flow.run()
    before = tree(flow.file(".nbflow/store")), flow.plan()
    live.run("size, scale = 3, 10")
    for cell in json.loads(flow.file("flow.ipynb").read_text())["cells"]:
        live.run(cell["source"])
    flow.replace("clean", "sum(table)", "len(table)")
    live.run("%%step clean -i raw -o table total\ntable = {}; total = len(table)")
    assert tree(flow.file(".nbflow/store")) == before[0]
    assert list(flow.stale()) == ["clean"]


# --- files ---------------------------------------------------------------------------------------------


def test_named_files_are_paths_in_the_body(live: Live) -> None:
    live.run("raw = 'a frame, from when the cell ran before'")
    assert live.run(
        "%%step a -i raw=data/x.csv other.csv -o out=y.txt\nout.write_text('')\nprint(repr(raw), repr(out))"
    ) == ["PosixPath('data/x.csv') PosixPath('y.txt')"]


@pytest.mark.parametrize("path", ["y.txt", "out/", "out/*.csv", "name=y.txt"])
def test_a_declared_file_that_is_not_written_is_an_error(live: Live, tmp_path: Path, path: str) -> None:
    plain = path.removeprefix("name=")
    assert live.run(f"%%step a -o {path}\n1;") == [
        (
            f"StepError: step `a` did not make its output `{plain}`: no such file is there (looked in {tmp_path}). "
            "Write it in the step, or take it out of `-o`."
        )
    ]
    write = (
        "import pathlib; pathlib.Path('out').mkdir(); [pathlib.Path(p).write_text('') for p in ('y.txt', 'out/a.csv')];"
    )
    assert live.run(f"%%step a -o {path}\n{write}") == []


def test_a_kernel_that_stands_elsewhere_may_write_beside_its_notebook(live: Live, flow: Flow, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    live.run("import os; os.chdir('elsewhere')")
    assert live.run("%%step a -o y.txt\nopen('../y.txt', 'w').close()") == []


# --- outputs that are not made -------------------------------------------------------------------------

NOT_MADE = (
    "StepError: step `clean` did not make its output `table`.{guess} Bind it in a cell of the step (`table = …`), or "
    "correct the `-o` of its %%step line."
)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("tabel = 1", [NOT_MADE.format(guess=" There is `tabel`.")]),
        ("print('a')\n7", ["a", "Out[1]: 7", NOT_MADE.format(guess="")]),
        ("7;", [NOT_MADE.format(guess="")]),
        ("", [NOT_MADE.format(guess="")]),
        ("for i in [1]:\n    pass", [NOT_MADE.format(guess="")]),
        ("await __import__('asyncio').sleep(0, 8)", ["Out[1]: 8", NOT_MADE.format(guess="")]),
        ("%%time\n7", ["Out[1]: 7", NOT_MADE.format(guess="")]),
        ("table = 1\ndel table", [NOT_MADE.format(guess="")]),
    ],
)
def test_an_output_that_is_not_bound_is_an_error_after_the_body(
    live: Live, flow: Flow, body: str, shown: list[str]
) -> None:
    flow.drop("report")
    found = live.run(f"%%step clean -o table\n{body}")
    assert [line for line in found if not line.startswith(("CPU", "Wall"))] == shown


def test_where_the_notebook_is_unknown_a_later_cell_is_thought_of(live: Live) -> None:
    assert live.run("%%step clean -o table\n1;") == [
        NOT_MADE.format(guess="") + " If a later cell of the step makes it, declare it there."
    ]


def test_a_body_that_fails_is_not_asked_for_its_outputs(live: Live) -> None:
    (error,) = live.run("%%step clean -o table\n1 / 0")
    assert error.endswith("ZeroDivisionError: division by zero")


def test_the_outputs_of_a_step_are_due_in_its_last_cell(live: Live, flow: Flow) -> None:
    flow.add("more", "%%step clean\ntable = 2", "report")
    assert live.run("raw = []") == []
    assert live.run("%%step clean -i raw -o table total\ntotal = 1") == []
    assert live.run("%%step clean\nother = 2") == [NOT_MADE.format(guess=" There is `total`.")]
    assert live.run("%%step clean -i raw -o table total\ntotal = 2  # not saved yet") == []
    assert live.run("%%step clean\ntable = 2") == []


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
            *shell.builtin_trap.auto_builtins.values(),
        ]
        return [type(p).__name__ for p in places if "nbflow" in f"{getattr(p, '__module__', '')} {type(p).__module__}"]

    loaded = ours()
    assert loaded == ["StepLines", "StepBodies", "function", "function", "method", "method"]
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
start = time.perf_counter()
shell.run_line_magic("load_ext", "nbflow")
seconds = time.perf_counter() - start
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
