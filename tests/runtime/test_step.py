"""A step in a plain namespace: inputs in, outputs out, contracts held, and every failure in one plain message."""

from __future__ import annotations

import gc
import json
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbflow.runtime import digests, step
from tests.runtime.orders import Project, failure, variables

ROOT = Path(__file__).parents[2]


class Restless:
    """Garbage that imports something whenever it is collected, as closing a forgotten connection may, and is made
    again. As much as a thread that goes on importing."""

    on = True
    count = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        if Restless.on:
            Restless.count += 1
            sys.modules[f"restless_{Restless.count}"] = types.ModuleType("restless")
            Restless()


@pytest.fixture
def restless() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(1)
    Restless()
    yield
    Restless.on = False
    gc.set_threshold(*before)
    for number in range(1, Restless.count + 1):
        sys.modules.pop(f"restless_{number}", None)


# --- inputs and outputs ---------------------------------------------------------------------------------


def test_outputs_of_one_step_are_inputs_of_the_next(project: Project) -> None:
    inputs = project.make(df=pd.DataFrame({"x": [1, 2]}), n=3, X=np.arange(4))
    names: dict[str, Any] = {}
    work = project.open(names, inputs=inputs)
    work.bind("df")
    assert list(names) == ["df"]
    work.bind("n", "X")
    assert (names["df"]["x"].sum(), names["n"], names["X"].tolist()) == (3, 3, [0, 1, 2, 3])


@pytest.mark.usefixtures("restless")
def test_modules_may_be_imported_while_a_step_ends(project: Project) -> None:
    work = project.open({"n": 1}, outputs=variables("n"))
    work.begin()
    work.finish()
    assert project.result()["ok"]
    assert Restless.count > 0


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
                "numbers": {"a": 1},
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
        "inputs_refer": [],
        "wrote": [str(project.folder / "out" / "a.txt")],
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
    }
    assert sorted(seconds) == ["code", "load", "save"]
    assert all(value >= 0 for value in seconds.values())


class Warns:
    def __reduce__(self) -> tuple[type, tuple[()]]:
        warnings.warn("saved again", stacklevel=1)
        return Warns, ()


def test_what_warns_while_it_is_saved_does_so_below_no_cell(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():  # pytest's own would keep them
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: print(message)
        work = project.open({"thing": Warns()}, outputs=variables("thing"))
        warnings.warn("of the first cell", stacklevel=1)
        work.begin()
        warnings.warn("of the step", stacklevel=1)
        work.finish()
    assert project.result()["ok"]
    assert capsys.readouterr().out == "of the first cell\nof the step\n"


def test_the_time_of_the_code_is_not_that_of_loading_and_saving(project: Project) -> None:
    import time

    work = project.open({}, inputs=project.make(n=1))
    work.bind("n")
    time.sleep(0.25)
    began = time.monotonic()
    work.begin()
    time.sleep(0.02)
    work.finish()
    assert 0.02 <= project.result()["seconds"]["code"] <= time.monotonic() - began


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
