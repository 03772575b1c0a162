from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nbformat
import pytest
from IPython.core import inputtransformer2

from nbflow.notebook import build_slice, tidy_slice
from nbflow.notebook.slices import open_later, source_digest, without_our_lines


@dataclass(frozen=True)
class FakePiece:
    kind: str
    cell: int
    source: str = ""
    names: tuple[str, ...] = ()
    notebook: str = "a.ipynb"


def code(source: str, id: str | None = None, **metadata: Any) -> dict[str, Any]:  # noqa: A002 - the name it has in a notebook
    cell = {"cell_type": "code", "execution_count": 4, "metadata": metadata, "outputs": [], "source": source}
    return cell if id is None else {**cell, "id": id}


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cells": [*cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


SPEC = {"name": "py", "language": "python"}
A = notebook(
    code("import json", "one"),
    code("n = 3", "two", tags=["parameters", "nbflow-setup"], collapsed=True, papermill={}, trusted=True),
    code("%%step clean -o df\ndf = n", "three"),
    code("%%step train -i df -o m\nm = df", "three"),
    code("import os; x = 1"),
    kernelspec=SPEC,
    language_info={"name": "python", "version": "3.11"},
    widgets={"big": "state"},
)
B = notebook(code("class P: pass", "one", tags=["parameters", "x"]))


def test_a_slice_runs_pieces_in_order_between_our_cells() -> None:
    pieces = [
        FakePiece("context", 1, notebook="b.ipynb"),
        FakePiece("context", 2),
        FakePiece("input", 3, names=("df", "k")),
        FakePiece("step", 4),
        FakePiece("import", 5, "import os"),
        FakePiece("step", 3),
    ]
    made = build_slice(pieces, {"a.ipynb": A, "b.ipynb": B}, "a.ipynb", {"df": "clean"}, "__nbflow__ = 1")

    def cell(id: str, source: str, metadata: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
        empty: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
        return {**empty, "id": id, "source": source, "metadata": metadata}

    def note(role: str, number: int, source: str = "", path: str = "a.ipynb") -> dict[str, Any]:
        digest = {"digest": source_digest(source)} if source else {}
        return {"role": role, "notebook": path, "cell": number, **digest}

    internal = {"tags": ["nbflow-internal"], "nbflow": {"role": "internal"}}
    clean, train = A["cells"][2]["source"], A["cells"][3]["source"]
    setup = {"tags": ["parameters", "nbflow-setup"], "collapsed": True, "nbflow": note("context", 2, "n = 3")}
    bound = '# nbflow: df comes from step clean\n# nbflow: k is an input\n__nbflow__.bind("df", "k")'
    assert made == {
        "cells": [
            cell("nbflow-1", "__nbflow__ = 1", internal),
            cell("one", "class P: pass", {"tags": ["x"], "nbflow": note("context", 1, "class P: pass", "b.ipynb")}),
            cell("two", "n = 3", setup),
            cell("nbflow-4", bound, {"nbflow": note("input", 3)}),
            cell("nbflow-5", "__nbflow__.begin()", internal),
            cell("three", "# %%step train -i df -o m\nm = df", {"nbflow": note("step", 4, train)}),
            cell("nbflow-7", "import os", {"nbflow": note("import", 5)}),
            cell("nbflow-8", "# %%step clean -o df\ndf = n", {"nbflow": note("step", 3, clean)}),
            cell("nbflow-9", "__nbflow__.finish()", internal),
        ],
        "metadata": {
            "kernelspec": {"display_name": "py", "name": "py", "language": "python"},
            "language_info": {"name": "python", "version": "3.11"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    nbformat.validate(made)
    assert A["cells"][1]["metadata"]["papermill"] == {}


@pytest.mark.parametrize(
    ("pieces", "order"),
    [
        ([FakePiece("context", 1), FakePiece("step", 3)], ["import json", "opening", "__nbflow__.begin()"]),
        ([FakePiece("import", 1, "import os"), FakePiece("step", 3)], ["import os", "opening", "__nbflow__.begin()"]),
        ([FakePiece("step", 3)], ["opening", "__nbflow__.begin()", "# %%step clean -o df\ndf = n"]),
        ([FakePiece("context", 6), FakePiece("context", 1), FakePiece("step", 3)], ["opening", " \n", "import json"]),
        ([FakePiece("context", 7), FakePiece("step", 3)], ["opening", "before = set(dir())"]),
        ([FakePiece("input", 4, names=("df",)), FakePiece("step", 4)], ["opening"]),
    ],
)
def test_the_opening_may_stand_behind_a_first_cell_that_is_a_persons_and_runs(
    pieces: list[FakePiece], order: list[str]
) -> None:
    raw = {**A, "cells": [*A["cells"], code(" \n"), code("before = set(dir())")]}
    cells = build_slice(pieces, {"a.ipynb": raw}, "a.ipynb", {}, "opening")["cells"]
    before = [cell["id"] for cell in cells]
    open_later(cells)
    assert [cell["source"] for cell in cells][: len(order)] == order
    assert sorted(cell["id"] for cell in cells) == sorted(before)


def test_a_notebook_that_says_nothing_of_itself_makes_a_valid_slice() -> None:
    made = build_slice([FakePiece("step", 1)], {"a.ipynb": notebook(code("%%step a"))}, "a.ipynb", {}, "1")
    assert made["metadata"] == {"language_info": {"name": "python"}}
    nbformat.validate(made)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("x = 1", "x = 1"),
        ("%%step a -o x\nx = 1", "# %%step a -o x\nx = 1"),
        ("\n%%step a\nx = 1", "\n# %%step a\nx = 1"),
        ("%%step a\n%%time\nx = 1", "%%time\nx = 1"),
        ("%%step a\n\n%%time\nx = 1", "%%time\nx = 1"),
        ("%%step a\n\nx = 1", "# %%step a\n\nx = 1"),
        ("%%step a", "# %%step a"),
        ("%load_ext nbflow\nimport json", "# %load_ext nbflow\nimport json"),
        ("%reload_ext  nbflow", "# %reload_ext  nbflow"),
        ("%load_ext autoreload\n%autoreload 2", "%load_ext autoreload\n%autoreload 2"),
        ("%load_ext nbflow_more", "%load_ext nbflow_more"),
        ("x = 1\n%flow\ny = 2", "x = 1\n# %flow\ny = 2"),
        ("%flow run -p a=1", "# %flow run -p a=1"),
        ("%flowers", "%flowers"),
        ("%step all -o m\nm = 1", "# %step all -o m\nm = 1"),
        ("if x:\n    %flow\ny = 2", "if x:\n    pass  # %flow\ny = 2"),
        ('s = """\n%flow\n"""\n%flow', 's = """\n%flow\n"""\n# %flow'),
        ('s = f"""{x}\n%flow\n"""', 's = f"""{x}\n%flow\n"""'),
        ("%%step a\ns = '''\n%step b\n'''\n!ls", "# %%step a\ns = '''\n%step b\n'''\n!ls"),
        ("%%bash\n%flow", "%%bash\n%flow"),
        ("x = (\n%flow", "x = (\n# %flow"),
    ],
)
def test_lines_that_speak_to_nbflow_become_comments(source: str, wanted: str) -> None:
    assert without_our_lines(source) == wanted


@pytest.mark.parametrize("source", ["%%step a -o x\nx = 1\nx / 0", "\n\n%%step a\n1 / 0", "%load_ext nbflow\n1 / 0"])
def test_ipython_gives_the_other_lines_their_old_numbers(source: str) -> None:
    manager: Any = inputtransformer2.TransformerManager  # Its functions carry no types.
    shown = source.strip("\n").split("\n")  # IPython drops blank lines at the top of a cell.
    run = manager().transform_cell(without_our_lines(source)).rstrip("\n").split("\n")
    assert run[1:] == shown[1:]


def test_our_cells_are_not_shown_unless_they_failed() -> None:
    error = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": []}
    internal: dict[str, Any] = {"tags": ["nbflow-internal"]}
    executed = notebook(
        code("open()", **internal), code("x"), {**code("finish()", **internal), "outputs": [error]}, a=1
    )
    assert tidy_slice(executed) == notebook(
        code("x"), {**code("# nbflow: around the step's own cells", **internal), "outputs": [error]}, a=1
    )
