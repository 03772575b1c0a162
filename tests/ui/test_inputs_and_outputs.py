"""What happens around the body of a step cell by hand: inputs that are not here are loaded from earlier runs, or the
message says what to do; outputs that are not made are named when the body is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.ui.magic import session_of
from tests.flows import Flow, write_notebook
from tests.stores import tree
from tests.ui.shells import Live

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


RUN_IT = "run its cell, or %flow run +clean"


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
    assert (why in rest, rest.removesuffix(" -p size=4").endswith(f"): {RUN_IT}")) == (True, True), rest
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
            "run %flow run +clean"
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
            "line 1, expecting property name enclosed in double quotes. Correct it, or go back to an earlier version "
            "(an unfinished merge of git leaves such files)."
        )
    ]


def test_an_object_of_a_class_of_the_notebook_needs_the_class_first(live: Live, flow: Flow) -> None:
    flow.add("class", "class Pair:\n    pass", "load")
    flow.add("pair", "%%step pair -o pair\npair = Pair()", "report")
    flow.add("use", "%%step use -i pair\n1", "report")
    flow.run()
    assert live.run("%%step use -i pair\n1") == ["StepError: 'pair' of step 'pair' needs 'Pair': run cell 2 first."]


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
