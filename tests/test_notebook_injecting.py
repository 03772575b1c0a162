"""The cell that shows which parameters were given: where it goes in the executed copy, and that it says what papermill
would say."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.translators import PythonTranslator

from nbflow.notebook import injected_source, stitch
from tests.commands import Given, nbflow
from tests.flows import cell
from tests.test_notebook_slices import code, notebook

library: Any = nbformat

VALUES: list[Any] = [
    None, True, False, 0, -7, 10**30, 1.5, -0.0, 1e300, math.inf, -math.inf, math.nan, "", "plain", "it's", 'say "hi"',
    "two\nlines\ttab", "back\\slash", "\\n", "zwölf 數據 🙂", "\x00\x1b[31m", "{x} %s", [], [1, "a", None, [2.5]], {},
    {"a": 1, "b c": [True], 'q"': {"deep": None}}, ("tuple",),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_written_as_papermill_writes_it(value: Any) -> None:
    ours, theirs = injected_source({"k": value}), PythonTranslator.codify({"k": value})
    assert (ours, set_by(ours)) == (theirs, set_by(theirs))


def set_by(source: str) -> str:
    names: dict[str, Any] = {}
    exec(source, names)
    return repr(names["k"])


def test_without_parameters_there_is_no_cell() -> None:
    assert injected_source({}) == ""


DEFAULTS = code("k = 1", "p", tags=["parameters"])
EARLIER = code("k = 5", "q", tags=["injected-parameters"])
USE = code("print(k)", "u")
TEXT = {"cell_type": "markdown", "metadata": {"tags": ["parameters"]}, "source": "# Title", "id": "t"}

PLACES: list[tuple[str, list[dict[str, Any]], set[int], list[tuple[str, int | None]]]] = [
    ("behind the defaults", [DEFAULTS, USE], {1, 2}, [("p", 1), ("injected-parameters", 2), ("u", 3)]),
    ("where no step took them", [DEFAULTS, USE], {2}, [("p", None), ("injected-parameters", None), ("u", 1)]),
    ("at the end", [USE, DEFAULTS], {1, 2}, [("u", 1), ("p", 2), ("injected-parameters", 3)]),
    (
        "in the place of an earlier one",
        [DEFAULTS, USE, EARLIER, USE], {1, 2},
        [("p", 1), ("u", 2), ("injected-parameters", 3), ("u", None)],
    ),
    (
        "behind the first of two",
        [DEFAULTS, code("z = 2", "p2", tags=["parameters"])], {1, 2},
        [("p", 1), ("injected-parameters", 2), ("p2", 3)],
    ),
    (
        "under an id that is free",
        [code("a", "injected-parameters"), DEFAULTS], {2},
        [("injected-parameters", None), ("p", 1), ("injected-parameters-2", 2)],
    ),
    ("not behind a text", [TEXT, DEFAULTS], {2}, [("t", None), ("p", 1), ("injected-parameters", 2)]),
    ("nowhere without defaults", [USE], {1}, [("u", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "ran", "expected"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_the_cell_stands(cells: list[dict[str, Any]], ran: set[int], expected: list[tuple[str, int | None]]) -> None:
    made = stitch(notebook(*cells), {number: [] for number in ran}, injected="# Parameters\nk = 7\n")
    assert [(c["id"], c.get("execution_count")) for c in made["cells"]] == expected
    shown = [c for c in made["cells"] if c["source"] == "# Parameters\nk = 7\n"]
    assert [c["metadata"] for c in shown] == [{"tags": ["injected-parameters"]}] * (len(expected) > 1)


@pytest.mark.parametrize("minor", [2, 4, 5])
def test_the_copy_is_valid_with_it(minor: int) -> None:
    raw = {**notebook(DEFAULTS, USE), "nbformat_minor": minor}
    made = stitch(raw, {1: [], 2: []}, injected="k = 7\n")
    library.validate(library.from_dict(made))
    assert [("id" in c, len(c["outputs"])) for c in made["cells"]] == [(minor == 5, 0)] * 3


# --- in a run --------------------------------------------------------------------------------------------

FLOW = Given(
    (
        "# parameters\nk = 1\nname = 'x'",
        "%%step load -o a\na = k\nprint('k is', k)",
        "%%step show -i a\nprint('name is', name, a)",
        "%%step bad -i a -o b\nb = a / 0",
    ),
)


def copies(root: Path) -> list[dict[str, Any]]:
    """The executed copies, oldest run first."""
    found = sorted(root.glob("nbflow_runs/*/flow.ipynb"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(path.read_text()) for path in found]


def told(copy: dict[str, Any]) -> list[tuple[str, int | None, str]]:
    """First line, count and printed text of each cell."""
    return [
        (c["source"].splitlines()[-1], c["execution_count"], "".join(o.get("text", "") for o in c["outputs"]))
        for c in copy["cells"]
    ]


def test_the_copy_shows_what_was_given_when_steps_run_and_when_they_are_reused(tmp_path: Path) -> None:
    FLOW.write(tmp_path)
    words = ("run", "-s", "load show", "-p", "k=7")
    for _ in range(2):
        assert nbflow(tmp_path, *words).code == 0
    assert nbflow(tmp_path, "run", "-s", "load show").code == 0
    first, again, without = map(told, copies(tmp_path))
    assert first == again
    assert first == [
        ("name = 'x'", 1, ""),
        ("k = 7", 2, ""),
        ("print('k is', k)", 3, "k is 7\n"),
        ("print('name is', name, a)", 4, "name is x 7\n"),
        ("b = a / 0", None, ""),
    ]
    assert [line for line, _, _ in without][1] == "print('k is', k)"


def test_messages_speak_of_the_cells_of_the_source(tmp_path: Path) -> None:
    FLOW.write(tmp_path)
    said = nbflow(tmp_path, "run", "-p", "k=7")
    assert "✘ bad failed in cell 4: ZeroDivisionError: division by zero" in said.out.splitlines()


def test_a_secret_that_was_given_is_masked(tmp_path: Path) -> None:
    secret = "p\"ss'word\n数据"
    FLOW.write(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.nbflow.secrets]\nnames = ["DB_PASSWORD"]\n')
    given = json.dumps({"name": f"user:{secret}"})
    assert nbflow(tmp_path, "run", "-s", "+show", "-y", given, environ={"DB_PASSWORD": secret}).code == 0
    (copy,) = copies(tmp_path)
    assert copy["cells"][1]["source"] == '# Parameters\nname = "user:***DB_PASSWORD***"\n'
    steps = "".join(p.read_text() for p in tmp_path.glob("nbflow_runs/*/steps/*.ipynb"))
    assert "数据" not in steps


def test_what_an_earlier_execution_injected_gives_way_to_what_is_given_now(tmp_path: Path) -> None:
    cells = [
        cell("parameters", "k = 1\nz = 2"),
        {**cell("earlier", "k = 5"), "metadata": {"tags": ["injected-parameters"]}},
        cell("load", "%%step load -o a\na = k + z\nprint(a)"),
    ]
    FLOW.write(tmp_path)
    book = json.loads((tmp_path / "flow.ipynb").read_text())
    (tmp_path / "flow.ipynb").write_text(json.dumps({**book, "cells": cells}))
    for words in ((), ("-p", "k=7"), ("-p", "z=9")):
        assert nbflow(tmp_path, "run", *words).code == 0
    assert [[(line, printed) for line, _, printed in told(copy)] for copy in copies(tmp_path)] == [
        [("z = 2", ""), ("k = 5", ""), ("print(a)", "7\n")],
        [("z = 2", ""), ("k = 7", ""), ("print(a)", "9\n")],
        [("z = 2", ""), ("z = 9", ""), ("print(a)", "10\n")],
    ]
