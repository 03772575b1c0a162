from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbflow.notebook import build_slice, gather, places, read_raw, replay, shown_from_executed, stitch, write_json
from nbflow.notebook.showing import Shown
from tests.test_notebook_slices import FakePiece, code, notebook

STATE = "application/vnd.jupyter.widget-state+json"


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def result(text: str, count: int | None = None) -> dict[str, Any]:
    return {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": {"text/plain": text}}


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, "id": "text"}


def test_outputs_stand_in_the_persons_notebook() -> None:
    raw = notebook(
        {**code("a = 1", "one", trusted=True, tags=["x"]), "outputs": [stream("old")]},
        markdown("# Title"),
        {**code("b", "three"), "outputs": [stream("old")]},
        code("c", "four"),
        kernelspec={"name": "py", "display_name": "Py"},
        widgets={"old": {}},
        signature="sha",
    )
    before = copy.deepcopy(raw)
    made = stitch(raw, {4: [result("4", 17)], 1: [], 2: [stream("never")]}, [{"w": {"n": 1}}, {"w": {"n": 2}, "v": {}}])
    assert made == {
        "cells": [
            {**code("a = 1", "one", tags=["x"]), "execution_count": 1},
            markdown("# Title"),
            {**code("b", "three"), "execution_count": None},
            {**code("c", "four"), "execution_count": 2, "outputs": [result("4", 2)]},
        ],
        "metadata": {
            "kernelspec": {"name": "py", "display_name": "Py"},
            "widgets": {STATE: {"state": {"w": {"n": 2}, "v": {}}, "version_major": 2, "version_minor": 0}},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    assert raw == before


@pytest.mark.parametrize("minor", [0, 1, 2, 3, 4, 5])
def test_the_copy_is_valid_in_the_format_of_the_source(minor: int) -> None:
    raw = {**notebook(code("a", "one" if minor == 5 else None), code("b")), "nbformat_minor": minor}
    made = stitch(raw, {1: [stream("x"), result("y")]})
    nbformat.validate(made)
    assert made["nbformat_minor"] == minor


def test_an_old_notebook_is_stitched_in_the_new_format(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "input": ["a"], "language": "python", "metadata": {}, "outputs": []}
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [cell]}]}
    (tmp_path / "n.ipynb").write_text(json.dumps(old))
    made = stitch(read_raw(tmp_path / "n.ipynb"), {1: [stream("x")]})
    nbformat.validate(made)
    assert [c["outputs"] for c in made["cells"]] == [[stream("x")]]


# --- what a step showed ----------------------------------------------------------------------------------

SOURCE = notebook(code("import json"), markdown("x"), code("%%step a\n1"), code("print()"), code("%%step a\n2"))


def executed() -> dict[str, Any]:
    pieces = [
        FakePiece("context", 1, notebook="defs.ipynb"),
        FakePiece("context", 1),
        FakePiece("step", 3),
        FakePiece("context", 4),
        FakePiece("step", 5),
    ]
    defs = notebook(code("class P: pass"))
    made = build_slice(pieces, {"a.ipynb": SOURCE, "defs.ipynb": defs}, "a.ipynb", {}, "opened")
    for count, cell in enumerate(made["cells"]):
        cell["execution_count"] = count
        cell["outputs"] = [stream(cell["source"])]
    made["metadata"]["widgets"] = {STATE: {"state": {"w": {"n": 1}}}}
    return made


def test_what_a_step_showed_is_a_json_value() -> None:
    shown = shown_from_executed(executed())
    assert json.loads(json.dumps(shown)) == shown
    assert shown["widgets"] == {"w": {"n": 1}}
    assert [(c["role"], c["notebook"], c["cell"], c["outputs"]) for c in shown["cells"]] == [
        ("context", "defs.ipynb", 1, [stream("class P: pass")]),
        ("context", "a.ipynb", 1, [stream("import json")]),
        ("step", "a.ipynb", 3, [stream("# %%step a\n1")]),
        ("context", "a.ipynb", 4, [stream("print()")]),
        ("step", "a.ipynb", 5, [stream("# %%step a\n2")]),
    ]


def not_asked() -> list[tuple[str, int]]:
    raise AssertionError("where each source stands only once, nobody needs the slice")


def test_cells_that_did_not_run_show_nothing_and_keep_their_place() -> None:
    run = executed()
    for cell in run["cells"][:5]:
        cell["execution_count"] = None
    shown = shown_from_executed(run)
    assert [c["outputs"] is None for c in shown["cells"]] == [True, True, True, False, False]
    found = replay(shown, "a.ipynb", [3, 5], lambda: [("a.ipynb", 1), ("a.ipynb", 4)], places({"a.ipynb": SOURCE}))
    assert found == {"a.ipynb": {4: [stream("print()")], 5: [stream("# %%step a\n2")]}}


def test_outputs_find_their_cells_in_a_notebook_that_was_renamed_and_rearranged() -> None:
    now = notebook(
        markdown("new"), code("print()"), code("import json"), code("%%step b # 1"), code("y"), code("%%step b # 2")
    )
    where = places({"new/b.ipynb": now, "defs.ipynb": notebook(code("class P: pass"))})
    found = replay(shown_from_executed(executed()), "new/b.ipynb", [4, 6], not_asked, where)
    assert found == {
        "defs.ipynb": {1: [stream("class P: pass")]},
        "new/b.ipynb": {
            3: [stream("import json")],
            4: [stream("# %%step a\n1")],
            2: [stream("print()")],
            6: [stream("# %%step a\n2")],
        },
    }


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ([3], {3: [stream("# %%step a\n1"), stream("# %%step a\n2")]}),
        ([1, 3, 4], {1: [stream("# %%step a\n1")], 3: [stream("# %%step a\n2")]}),
        ([], {}),
    ],
)
def test_a_step_may_have_fewer_or_more_cells_now(cells: list[int], wanted: dict[int, Any]) -> None:
    found = replay(shown_from_executed(executed()), "a.ipynb", cells, list, places({"a.ipynb": notebook()}))
    assert found.get("a.ipynb", {}) == wanted


def test_equal_context_cells_get_their_outputs_in_order() -> None:
    raw = notebook(code("t()"), code("%%step a"), code("t()"))
    made = build_slice(
        [FakePiece("context", 1), FakePiece("step", 2), FakePiece("context", 3)], {"a.ipynb": raw}, "a.ipynb", {}, ""
    )
    for count, cell in enumerate(made["cells"]):
        cell |= {"execution_count": count, "outputs": [stream(str(count))]}
    today = [("a.ipynb", 1), ("a.ipynb", 3)]
    found = replay(shown_from_executed(made), "a.ipynb", [2], lambda: today, places({"a.ipynb": raw}))
    assert found == {"a.ipynb": {1: [stream("1")], 2: [stream("3")], 3: [stream("4")]}}


def test_a_context_cell_whose_comment_changed_still_shows_its_output() -> None:
    raw = notebook(code("setup()"), code("%%step a"))
    made = build_slice([FakePiece("context", 1), FakePiece("step", 2)], {"a.ipynb": raw}, "a.ipynb", {}, "")
    for cell in made["cells"]:
        cell |= {"execution_count": 1, "outputs": [stream("seen")]}
    now = notebook(code("setup()  # as agreed"), code("%%step a"))
    found = replay(shown_from_executed(made), "a.ipynb", [2], lambda: [("a.ipynb", 1)], places({"a.ipynb": now}))
    assert found == {"a.ipynb": {1: [stream("seen")], 2: [stream("seen")]}}


def test_the_first_step_that_ran_a_context_cell_shows_it() -> None:
    first: Shown = {"a": {1: [stream("first")], 2: []}}
    second: Shown = {"a": {1: [stream("second")], 3: []}, "b": {1: []}}
    assert gather([first, second]) == {"a": {1: [stream("first")], 2: [], 3: []}, "b": {1: []}}


def test_a_notebook_is_written_as_jupyter_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "n.ipynb"
    write_json(path, {"cells": [], "metadata": {"é": "\ud800"}})
    write_json(path, {"cells": [], "metadata": {"é": "\ud800"}})
    assert path.read_bytes() == '{\n "cells": [],\n "metadata": {\n  "é": "?"\n }\n}\n'.encode()
    assert [*path.parent.iterdir()] == [path]
