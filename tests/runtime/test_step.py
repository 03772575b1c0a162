"""A step in a plain namespace: inputs in, outputs out, contracts held, and every failure in one plain message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbflow.runtime import contents, digests, serializers, step
from nbflow.runtime.failure import StepError
from tests.runtime.orders import Project, variables

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def failure(act: Callable[[], object]) -> str:
    with pytest.raises(StepError) as caught:
        act()
    return str(caught.value)


# --- inputs and outputs ---------------------------------------------------------------------------------


def test_outputs_of_one_step_are_inputs_of_the_next(project: Project) -> None:
    inputs = project.make(df=pd.DataFrame({"x": [1, 2]}), n=3, X=np.arange(4))
    names: dict[str, Any] = {}
    work = project.open(names, inputs=inputs)
    work.bind("df")
    assert list(names) == ["df"]
    work.bind("n", "X")
    assert (names["df"]["x"].sum(), names["n"], names["X"].tolist()) == (3, 3, [0, 1, 2, 3])


def test_the_result_tells_all_that_was_made(project: Project) -> None:
    (project.folder / "out").mkdir()
    names: dict[str, Any] = {"n": {"a": 1}}
    work = project.open(names, outputs=[*variables("n"), {"path": "out/a.txt", "name": None, "format": None}])
    work.begin()
    (project.folder / "out" / "a.txt").write_text("abc")
    work.finish()
    result = project.result()
    digest = digests.digest_bytes(b"abc")
    seconds = result.pop("seconds")
    assert result == {
        "ok": True,
        "error": None,
        "artifacts": [
            {
                "name": "n",
                "kind": "variable",
                "digest": digests.digest_bytes(b'{"a": 1}'),
                "format": "json",
                "size": 8,
                "type": "dict 1",
                "member": "",
                "main_names": [],
                "blob": "out/0.bin",
                "files": [],
            },
            {
                "name": "out/a.txt",
                "kind": "file",
                "digest": digests.digest_bytes(json.dumps([["out/a.txt", digest]]).encode()),
                "format": "",
                "size": 3,
                "type": "file",
                "member": "",
                "main_names": [],
                "blob": None,
                "files": [
                    {
                        "path": "notebooks/out/a.txt",
                        "digest": digest,
                        "size": 3,
                        "mode": (project.folder / "out" / "a.txt").stat().st_mode & 0o7777,
                        "blob": None,
                    }
                ],
            },
        ],
        "warnings": [],
        "read_files": [],
        "read_folders": {},
        "modules": result["modules"],
        "wrote": [str(project.folder / "out" / "a.txt")],
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
    }
    assert sorted(seconds) == ["code", "load", "save"]
    assert all(value >= 0 for value in seconds.values())


def test_the_time_of_the_code_is_not_that_of_loading_and_saving(project: Project) -> None:
    import time

    work = project.open({}, inputs=project.make(n=1))
    work.bind("n")
    time.sleep(0.05)
    work.begin()
    time.sleep(0.02)
    work.finish()
    seconds = project.result()["seconds"]
    assert 0.02 <= seconds["code"] < 0.05


def test_a_declared_format_is_used(project: Project) -> None:
    work = project.open({"df": pd.DataFrame({"x": [1]})}, outputs=[{"name": "df", "format": "parquet"}])
    work.begin()
    work.finish()
    names: dict[str, Any] = {}
    project.open(names, inputs=project.adopt()).bind("df")
    pd.testing.assert_frame_equal(names["df"], pd.DataFrame({"x": [1]}))


def test_the_type_in_words_tells_whose_csv_it_is(project: Project) -> None:
    work = project.open({"df": pl.DataFrame({"x": [1]})}, outputs=[{"name": "df", "format": "csv"}])
    work.begin()
    work.finish()
    kind = project.result()["artifacts"][0]["type"]
    names: dict[str, Any] = {}
    project.open(names, inputs=[{**item, "type": kind} for item in project.adopt()]).bind("df")
    assert (kind, type(names["df"])) == ("polars DataFrame 1 × 1", pl.DataFrame)


def test_names_of_files_are_bound_to_their_paths(project: Project) -> None:
    names: dict[str, Any] = {}
    items = {"a": "data/x.csv", "folder": "out/", "many": "data/*.csv", "up": "../x"}
    project.open(names, files=[{"name": name, "path": path} for name, path in items.items()]).begin()
    assert names == {"a": Path("data/x.csv"), "folder": Path("out"), "many": Path("data/*.csv"), "up": Path("../x")}


def test_a_mapped_input_may_be_written_to_and_its_blob_stays(project: Project) -> None:
    inputs = project.make(X=np.zeros(500_000))
    names: dict[str, Any] = {}
    work = project.open(names, inputs=inputs, outputs=variables("X"))
    work.bind("X")
    work.begin()
    names["X"][:] = 1.0
    work.finish()
    digest = inputs[0]["digest"]
    assert digests.digest_file(project.blobs / digest[:2] / digest) == digest
    assert project.result()["artifacts"][0]["digest"] != digest


# --- what a step may fail with --------------------------------------------------------------------------

IN_A_CELL = "in a cell of the step (`{} = …`), or correct the `-o` of its %%step line."
MISSING: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    (
        ("features",),
        {"feature": 1, "other": 2},
        f"step `train` did not make its output `features`. There is `feature`. Bind it {IN_A_CELL.format('features')}",
    ),
    (
        ("a", "b", "c"),
        {"b": 1},
        f"step `train` did not make its outputs `a` and `c`. Bind them {IN_A_CELL.format('a')}",
    ),
]


@pytest.mark.parametrize(("outputs", "names", "message"), MISSING)
def test_an_output_that_is_not_bound_fails_the_step(
    outputs: tuple[str, ...], names: dict[str, Any], message: str, project: Project
) -> None:
    work = project.open(names, outputs=variables(*outputs))
    work.begin()
    assert failure(work.finish) == message
    result = project.result()
    assert (result["ok"], result["error"], result["artifacts"]) == (False, message, [])


def test_a_refused_output_is_named_also_in_a_bundle(project: Project) -> None:
    shared: list[Any] = [1]
    work = project.open(
        {"good": [shared], "bad": [shared, iter(()), (n for n in shared)]}, outputs=variables("good", "bad")
    )
    work.begin()
    assert failure(work.finish).startswith("`bad` is a list that holds a generator (`generator`) at bad[2], which")


def test_what_the_steps_own_cell_defines_cannot_leave_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    exec("class Net: pass\ndef f(): return 1", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    work = project.open({"model": [main.Net()]}, outputs=variables("model"), own_definitions=["Net", "f"])
    work.begin()
    assert failure(work.finish) == (
        "the output `model` needs `Net`, which this step's own cells define: no other step has it. "
        "Move the definition of `Net` to a cell of its own, above, without %%step, or into a module."
    )


def test_names_in_main_are_reported_with_the_output(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    exec("class Net: pass", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    (item,) = project.make(model=main.Net())
    assert project.result()["artifacts"][0]["main_names"] == ["Net"]
    names: dict[str, Any] = {}
    project.open(names, inputs=[item]).bind("model")
    assert isinstance(names["model"], main.Net)
    del main.Net
    assert failure(lambda: project.open({}, inputs=[item]).bind("model")) == (
        "the input `model` of step `make` cannot be loaded: AttributeError: "
        "Can't get attribute 'Net' on <module '__main__'>. "
        "If it is an object of a class in the notebook, that class must stand in a cell of its own."
    )


def test_an_output_that_holds_an_undeclared_input_is_an_error_where_a_later_step_takes_both(project: Project) -> None:
    inputs = project.make(model=[1.0])
    names: dict[str, Any] = {}
    parts = {"inputs": inputs, "outputs": variables("optimizer"), "together": [["optimizer", "model"]]}
    work = project.open(names, **parts)
    work.bind("model")
    work.begin()
    names["optimizer"] = {"model": names["model"]}
    assert failure(work.finish) == (
        "the output `optimizer` holds the input `model` itself, and a later step takes both: "
        "stored apart, they would no longer be connected. Declare it as output too: add `-o model`."
    )


@pytest.mark.parametrize(
    ("outputs", "make"),
    [
        (("optimizer", "model"), lambda model: {"model": model}),
        (("optimizer",), lambda model: {"model": list(model)}),
    ],
    ids=["both are outputs", "it holds a copy"],
)
def test_an_output_apart_from_the_input_is_no_error(
    outputs: tuple[str, ...], make: Callable[[Any], Any], project: Project
) -> None:
    names: dict[str, Any] = {"model": [1.0]}
    work = project.open(names, outputs=variables(*outputs), together=[["optimizer", "model"]])
    work.begin()
    names["optimizer"] = make(names["model"])
    work.finish()
    assert project.result()["ok"] is True


LOST: dict[str, tuple[dict[str, str], str]] = {
    "a blob that is gone": (
        {"digest": "ab" * 32},
        "the input `n` of step `make` is not in the store any more. Run its step again.",
    ),
    "no such input": ({"name": "m"}, "`n` is no input of this step."),
}


@pytest.mark.parametrize(("change", "message"), LOST.values(), ids=LOST)
def test_an_input_that_cannot_be_loaded_fails_the_step(change: dict[str, str], message: str, project: Project) -> None:
    (item,) = project.make(n=1)
    work = project.open({}, inputs=[{**item, **change}])
    assert failure(lambda: work.bind("n")) == message
    assert project.result()["error"] == message


def test_an_input_that_needs_a_missing_module_says_which(project: Project, tmp_path: Path) -> None:
    (tmp_path / "gone_module.py").write_text("class Thing: pass\n")
    sys.path.insert(0, str(tmp_path))
    try:
        import gone_module  # type: ignore[import-not-found]

        (item,) = project.make(thing=gone_module.Thing())
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["gone_module"]
    assert failure(lambda: project.open({}, inputs=[item]).bind("thing")) == (
        "the input `thing` of step `make` needs the module `gone_module`, which this kernel does not have. "
        "Install it in the kernel's environment, or import its module from the notebook's folder."
    )


def test_a_failure_of_our_own_is_a_plain_message_with_its_traceback_kept_aside(project: Project) -> None:
    work = project.open({"n": 1}, outputs=variables("n"))
    work.begin()
    attempt = project.root / ".nbflow" / "attempt-1"
    (attempt / "out").write_text("in the way")
    assert failure(work.finish).startswith("nbflow failed while it served this step: FileExistsError:")
    assert "Traceback" in project.result()["detail"]


def test_an_order_of_a_newer_schema_is_refused(project: Project) -> None:
    path = project.order(schema=2)
    assert failure(lambda: step.open_order(str(path), {})) == "this work order has schema 2, and the runtime reads 1."


# --- changes in place -----------------------------------------------------------------------------------


class Model:
    def __init__(self) -> None:
        self.coefficients = np.zeros(3)
        self.table = pd.DataFrame({"x": [1]})


def add_column(df: pd.DataFrame) -> None:
    df["new"] = 1


def set_attrs(df: pd.DataFrame) -> None:
    df.attrs["seen"] = True


def rename_index(df: pd.DataFrame) -> None:
    df.index.name = "key"


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "an array": (lambda: np.zeros(3), lambda x: x.__setitem__(0, 1)),
    "a scattered array": (lambda: np.zeros((3, 3))[:, 1], lambda x: x.__setitem__(0, 1)),
    "an object array": (lambda: np.array([None, "a"]), lambda x: x.__setitem__(0, 1)),
    "a cell of a frame": (lambda: pd.DataFrame({"x": [1, 2]}), lambda x: x.__setitem__("x", [1, 3])),
    "a cell of a text column": (lambda: pd.DataFrame({"x": ["a"]}), lambda x: x.iloc.__setitem__((0, 0), "b")),
    "a column of a frame": (lambda: pd.DataFrame({"x": [1]}), add_column),
    "the attrs of a frame": (lambda: pd.DataFrame({"x": [1]}), set_attrs),
    "the name of an index": (lambda: pd.DataFrame({"x": [1]}), rename_index),
    "the order of rows": (lambda: pd.DataFrame({"x": [2, 1]}), lambda x: x.__setitem__("x", [1, 2])),
    "a series": (lambda: pd.Series([1.0]), lambda x: x.__setitem__(0, 2.0)),
    "nullable values": (lambda: pd.Series([1, None], dtype="Int64"), lambda x: x.__setitem__(1, 2)),
    "categories": (lambda: pd.Series(["a"], dtype="category"), lambda x: x.__setitem__(0, None)),
    "a polars frame": (
        lambda: pl.DataFrame({"x": [1]}),
        lambda x: x.insert_column(0, pl.Series("y", [2])),
    ),
    "a list": (lambda: [1], lambda x: x.append(2)),
    "a nested dict": (lambda: {"a": {"b": 1}}, lambda x: x["a"].update(b=2)),
    "a model": (Model, lambda x: setattr(x, "coefficients", np.ones(3))),
    "an array inside a model": (Model, lambda x: x.coefficients.__setitem__(0, 1)),
    "a frame inside a model": (Model, lambda x: x.table.__setitem__("x", [2])),
}


@pytest.mark.parametrize(("make", "change"), CHANGES.values(), ids=CHANGES)
def test_an_input_changed_in_place_is_a_warning_with_the_words_to_add(
    make: Callable[[], Any], change: Callable[[Any], object], project: Project
) -> None:
    inputs = project.make(x=make(), n=1)
    names: dict[str, Any] = {}
    work = project.open(names, inputs=inputs, outputs=variables("n"))
    work.bind("x", "n")
    work.begin()
    change(names["x"])
    work.finish()
    assert project.result()["warnings"] == [
        {
            "code": "changed-input",
            "name": "x",
            "message": "the input `x` was changed in place, but it is not among the step's outputs: in a run a later "
            "step gets it unchanged, in Run All it gets the change.",
            "fix": "Add `-o x`, or change a copy.",
        }
    ]


READ_ONLY_USES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "a float label looked up": (lambda: pd.DataFrame({"x": [1, 2]}), lambda x: x.loc[1.0]),
    "columns read one by one": (lambda: pd.DataFrame({"x": [1], "y": ["a"]}), lambda x: [x["x"].sum(), x.y.iloc[0]]),
    "a frame grouped": (lambda: pd.DataFrame({"x": [1], "y": ["a"]}), lambda x: x.groupby("y").sum()),
    "an index used": (lambda: pd.DataFrame({"x": [1]}, index=["a"]), lambda x: (x.loc["a"], x.index.is_unique)),
    "a frame inside a dict": (lambda: {"t": pd.DataFrame({"x": [1, 2]})}, lambda x: (x["t"].loc[1.0], x["t"]["x"])),
    "a polars frame": (lambda: pl.DataFrame({"x": [1]}), lambda x: x.filter(pl.col("x") > 1)),
    "a name bound anew": (lambda: [1], lambda x: None),
}


@pytest.mark.parametrize(("make", "use"), READ_ONLY_USES.values(), ids=READ_ONLY_USES)
def test_an_input_that_is_only_read_is_no_warning(
    make: Callable[[], Any], use: Callable[[Any], object], project: Project
) -> None:
    names: dict[str, Any] = {}
    work = project.open(names, inputs=project.make(x=make()))
    work.bind("x")
    work.begin()
    use(names["x"])
    work.finish()
    assert project.result()["warnings"] == []


def test_a_context_name_that_a_later_step_reads_is_watched(project: Project) -> None:
    names: dict[str, Any] = {"model": Model(), "other": [], "np": np}
    work = project.open(names, watch=["model", "np", "not_there"])
    work.begin()
    names["model"].coefficients[0] = 1
    names["other"].append(1)
    work.finish()
    assert [(warning["code"], warning["name"]) for warning in project.result()["warnings"]] == [
        ("changed-context", "model")
    ]


@pytest.mark.parametrize(
    "parts", [{"outputs": variables("x")}, {"contracts": False}, {}], ids=["declared", "checks off", "rebound"]
)
def test_a_declared_change_is_no_warning(parts: dict[str, Any], project: Project) -> None:
    names: dict[str, Any] = {"x": [1]}
    work = project.open(names, watch=["x"], **parts)
    work.begin()
    if parts:
        names["x"].append(2)
    else:
        names["x"] = [1, 2]
    work.finish()
    assert project.result()["warnings"] == []


NOT_COMPARED: dict[str, Any] = {
    "a module": os,
    "a class": Model,
    "a function": failure,
    "what cannot be pickled": [iter(()), (n for n in "x")],
    "more than 64 MB": ["x" * 1000 + str(n) for n in range(70_000)],
}


@pytest.mark.parametrize("value", NOT_COMPARED.values(), ids=NOT_COMPARED)
def test_what_cannot_be_compared_cheaply_is_not(value: Any) -> None:
    assert contents.content_digest(value) is None


# --- file outputs ---------------------------------------------------------------------------------------


def make_files(project: Project, *paths: str) -> None:
    for path in paths:
        target = project.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path)


FILES = ("out/a.csv", "out/b.csv", "out/deep/c.csv", "out/deep/d.txt", "out/.git/x", "plain.txt", "out/[x].csv")
OUTPUTS: list[tuple[str, list[str]]] = [
    ("plain.txt", ["plain.txt"]),
    ("./out/../plain.txt", ["plain.txt"]),
    ("out/", ["out/[x].csv", "out/a.csv", "out/b.csv", "out/deep/c.csv", "out/deep/d.txt"]),
    ("out/*.csv", ["out/[x].csv", "out/a.csv", "out/b.csv"]),
    ("out/?.csv", ["out/a.csv", "out/b.csv"]),
    ("out/**/*.csv", ["out/[x].csv", "out/a.csv", "out/b.csv", "out/deep/c.csv"]),
    ("out/*", ["out/[x].csv", "out/a.csv", "out/b.csv"]),
    ("out/[[]x].csv", ["out/[x].csv"]),
]


@pytest.mark.parametrize(("declared", "expected"), OUTPUTS, ids=[case[0] for case in OUTPUTS])
def test_a_file_output_stands_for_its_files(declared: str, expected: list[str], project: Project) -> None:
    work = project.open({}, outputs=[{"path": declared, "name": None, "format": None}])
    work.begin()
    make_files(project, *FILES)
    work.finish()
    (artifact,) = project.result()["artifacts"]
    listed = [(file["path"], file["digest"]) for file in artifact["files"]]
    assert listed == [(f"notebooks/{path}", digests.digest_bytes(path.encode())) for path in expected]
    assert (artifact["name"], artifact["size"]) == (declared, sum(map(len, expected)))


def test_the_working_directory_of_the_step_does_not_matter(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_files(project, "a.txt")
    work = project.open({}, outputs=[{"path": "*.txt", "name": None, "format": None}])
    work.begin()
    monkeypatch.chdir(tmp_path)
    work.finish()
    assert project.result()["artifacts"][0]["files"][0]["path"] == "notebooks/a.txt"


def test_a_reference_is_the_digest_of_the_bytes(project: Project) -> None:
    make_files(project, "big.bin")
    work = project.open({}, outputs=[{"path": "big.bin", "name": "big", "format": "ref"}])
    work.begin()
    work.finish()
    (artifact,) = project.result()["artifacts"]
    expected = digests.digest_bytes(b"big.bin")
    assert (artifact["digest"], artifact["format"], artifact["blob"]) == (expected, "ref", None)


def test_the_digest_of_a_file_output_does_not_depend_on_where_the_notebook_lies(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        project = Project(tmp_path / name)
        project.folder = project.root / name
        project.folder.mkdir()
        make_files(project, "out/a.csv")
        work = project.open({}, outputs=[{"path": "out/", "name": None, "format": None}])
        work.begin()
        work.finish()
        found.append(project.result()["artifacts"][0]["digest"])
    assert found[0] == found[1]


NOT_MADE: list[tuple[str, str]] = [
    ("none.txt", "the step did not make its output `none.txt`: no such file is there (looked in {folder}). {write}"),
    ("none/", "the step did not make its output `none/`: no such folder is there (looked in {folder}). {write}"),
    ("*.none", "the step did not make its output `*.none`: no file matches it (looked in {folder}). {write}"),
    ("empty/", "the step did not make its output `empty/`: the folder holds no file (looked in {folder}). {write}"),
    ("out", "the output `out` is a folder. Declare it as a folder: `-o out/`."),
    ("plain.txt/", "the output `plain.txt/` is a file. Declare it without the last `/`: `-o plain.txt`."),
    (
        "../../outside.txt",
        "the output `../../outside.txt` lies outside the project root: {outside} is not below {root}. {inside}",
    ),
    (
        "link.txt",
        "the output `link.txt` lies outside the project root: {outside} is not below {root}. {inside}",
    ),
    (
        "links/",
        "the output `links/` holds a link to a folder, `there`, which cannot be stored. {copy}",
    ),
    ("pipes/", "the output `pipes/` holds `{folder}/pipes/p`, which is no regular file. Write a file."),
    (
        "broken.txt",
        "the output `broken.txt` cannot be read: [Errno 2] No such file or directory: '{folder}/broken.txt'. {check}",
    ),
]


@pytest.mark.parametrize(("declared", "message"), NOT_MADE, ids=[case[0] for case in NOT_MADE])
def test_a_file_output_that_is_not_there_or_lies_outside_fails_the_step(
    declared: str, message: str, project: Project
) -> None:
    make_files(project, "out/a.csv", "plain.txt", "links/x", "pipes/x")
    outside = project.root.parent / "outside.txt"
    outside.write_text("x")
    (project.folder / "empty").mkdir()
    (project.folder / "link.txt").symlink_to(outside)
    (project.folder / "broken.txt").symlink_to("nowhere")
    (project.folder / "links" / "there").symlink_to(project.folder / "out")
    os.mkfifo(project.folder / "pipes" / "p")
    work = project.open({}, outputs=[{"path": declared, "name": None, "format": None}])
    work.begin()
    assert failure(work.finish) == message.format(
        folder=project.folder,
        outside=outside.resolve(),
        root=project.root.resolve(),
        inside="Write it inside the project.",
        copy="Copy the files instead of linking the folder.",
        check="Check the file and its rights.",
        write="Write it in the step, or take it out of `-o`.",
    )


# --- in a shell -----------------------------------------------------------------------------------------

SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
shell.enable_gui = lambda *a: None
shown = []
shell._showtraceback = lambda kind, value, lines: shown.append((kind.__name__, str(value), lines))
def run(text):
    return shell.run_cell(text).success
run("from nbflow.runtime import step as s\\n__nbflow__ = s.open_order(%r, get_ipython().user_ns)")
"""


def in_shell(project: Project, program: str, **parts: Any) -> str:
    text = SHELL % str(project.order(**parts)) + program
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_in_ipython_a_failure_shows_its_message_and_nothing_else(project: Project) -> None:
    shown = in_shell(
        project,
        "run('__nbflow__.begin()'); ok = run('__nbflow__.finish()'); print([ok, shown])",
        outputs=variables("features"),
    )
    message = (
        "step `train` did not make its output `features`. Bind it in a cell of the step (`features = …`), "
        "or correct the `-o` of its %%step line."
    )
    assert shown == f"{[False, [('StepError', message, [f'StepError: {message}'])]]}\n"


def test_in_ipython_an_error_of_a_wrapped_reader_shows_no_frame_of_ours(project: Project) -> None:
    shown = in_shell(
        project,
        "run('import pandas as pd'); run('pd.read_parquet(\"nowhere.parquet\")'); print(''.join(shown[0][2]))",
    )
    assert "FileNotFoundError" in shown
    assert "runtime" not in shown
    assert "read_parquet" in shown


def test_in_ipython_classes_of_the_notebook_go_by_reference(project: Project) -> None:
    shown = in_shell(
        project,
        "run('class Net: pass\\nnet = Net()'); run('__nbflow__.begin()'); run('__nbflow__.finish()'); print(shown)",
        outputs=variables("net"),
    )
    (artifact,) = project.result()["artifacts"]
    assert (shown, artifact["main_names"], artifact["format"]) == ("[]\n", ["Net"], "pickle")


def test_the_runtime_loads_from_its_source_files_under_another_name(project: Project) -> None:
    source = Path(serializers.__file__).parent
    program = f"""
import importlib.util, sys, json
sys.path[:] = [p for p in sys.path if p not in ("", {str(ROOT)!r})]
spec = importlib.util.spec_from_file_location("_nbflow_runtime", {str(source / "__init__.py")!r},
                                              submodule_search_locations=[{str(source)!r}])
package = importlib.util.module_from_spec(spec); sys.modules["_nbflow_runtime"] = package
spec.loader.exec_module(package)
import importlib
step = importlib.import_module("_nbflow_runtime.step")
heavy = sorted({{"numpy", "pandas", "IPython", "pyarrow", "polars", "nbflow", "cloudpickle"}} & set(sys.modules))
names = {{"n": {{"a": 1}}, "rows": {{(1, 2)}}}}
work = step.open_order({str(project.order(outputs=variables("n", "rows")))!r}, names)
work.begin(); work.finish()
print(heavy)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project.folder, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
    result = project.result()
    assert [artifact["format"] for artifact in result["artifacts"]] == ["json", "pickle"]
    assert result["modules"] == []
