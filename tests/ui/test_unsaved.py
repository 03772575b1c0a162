"""Which cells ran here and are not saved as they ran."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nbflow.core.model import Cell, Notebook
from nbflow.ui.magic.unsaved import RanHere

SAVED = Notebook(
    "flow.ipynb",
    (
        Cell(1, "code", "import math\nscale = 10", id="a"),
        Cell(2, "code", "%%step load -o raw\nraw = [1]", id="b"),
        Cell(3, "markdown", "# Clean", id="c"),
        Cell(4, "code", "%%step clean -i raw -o table\ntable = raw", id="d"),
        Cell(5, "code", "%%step clean\ntable = table * scale", id="e"),
    ),
)
LOAD, CLEAN, MORE = (SAVED.cell(number).source for number in (2, 4, 5))

CASES: dict[str, tuple[list[tuple[str, str | None]], str]] = {
    "nothing ran": ([], ""),
    "as saved": ([(LOAD, "b"), (CLEAN, "d"), (MORE, "e"), ("import math\nscale = 10", "a")], ""),
    "as saved, but for its end": ([(LOAD + "\n", "b")], ""),
    "a changed step": ([("%%step load -o raw\nraw = [2]", "b")], "cell 2"),
    "a comment in a step": ([(LOAD + "  # why", "b")], "cell 2"),
    "changed and changed back": ([("%%step load -o raw\nraw = [2]", "b"), (LOAD, "b")], ""),
    "two changed steps": ([(MORE + "[:]", "e"), (LOAD + "[:]", "b")], "cell 2 and cell 5"),
    "a changed context cell": ([("import math\nscale = 20", "a")], "cell 1"),
    "a comment in a context cell": ([("import math  # for pi\nscale = 10", "a")], ""),
    "a cell that speaks to nbflow": ([("import math\nscale = 10\n%flow run", "a")], ""),
    "the line of the whole notebook": ([("%step all -o x\nimport math\nscale = 10", "a")], "cell 1"),
    "a new context cell": ([("raw.sort()", "z")], ""),
    "a new step": ([("%%step fit -i table\n1", "z")], "step fit"),
    "a new step among changes": ([("%%step fit\n1", "z"), (LOAD + "[:]", "b")], "cell 2 and step fit"),
    "a step cell that became another": ([("raw = [1]", "b")], "cell 2"),
    "no ids, as saved": ([(LOAD, None), (CLEAN, None)], ""),
    "no ids, a changed step of one cell": ([("%%step load -o raw\nraw = [2]", None)], "cell 2"),
    "no ids, a changed step of two cells": ([(MORE + "[:]", None)], "step clean"),
    "no ids, a new step": ([("%%step fit\n1", None)], "step fit"),
    "ids of another kind": ([("%%step load -o raw\nraw = [2]", "vscode:W0s")], "cell 2"),
    "no ids, a context cell": ([("scale = 20", None)], ""),
    "three": ([(LOAD + "[:]", "b"), (CLEAN + "[:]", "d"), (MORE + "[:]", "e")], "cell 2, cell 4 and cell 5"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_ran_and_is_not_saved_is_named(case: str) -> None:
    ran, expected = CASES[case]
    here = RanHere()
    for source, cell_id in ran:
        here(SimpleNamespace(raw_cell=source, cell_id=cell_id, silent=False))
    assert here.unsaved(SAVED, saved_at=0.0) == expected


def test_a_file_that_was_saved_since_has_what_the_person_wants() -> None:
    here = RanHere()
    here(SimpleNamespace(raw_cell="%%step load -o raw\nraw = [2]", cell_id="b", silent=False))
    assert here.unsaved(SAVED, saved_at=4e9) == ""


def test_what_front_ends_run_for_themselves_does_not_count() -> None:
    here = RanHere()
    here(SimpleNamespace(raw_cell="%%step fit\n1", cell_id=None, silent=True))
    assert (here.steps, here.unsaved(SAVED, saved_at=0.0)) == ((), "")
