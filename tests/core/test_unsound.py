"""Which steps an error leaves undecided: those it is about, and what needs them; all others can be spoken of."""

from __future__ import annotations

import pytest

from nbflow.core.check import check
from nbflow.core.unsound import unsound
from tests.fakes import FakeSurroundings, notebook, pipeline, slices_of

SOUND = notebook("%%step far -o u\nu = 1", "%%step away -i u -o v\nv = u", path="sound.ipynb")

CASES = {
    "no error": (("%%step a -o x\nx = 1",), {}),
    "a warning": (("k = 1", "%%step a -o x\nk = x = 2", "%%step b -o y\ny = k"), {}),
    "a missing input, and what needs the step": (
        ("%%step a -o x\nx = 1", "%%step b -o y\ny = x", "%%step c -i y -o z\nz = y", "%%step d -i x -o w\nw = x"),
        {"b": ("undeclared-input", ""), "c": ("undeclared-input", "b")},
    ),
    "far below": (
        ("%%step a -o x\nx = q", "%%step b -i x -o y\ny = x", "%%step c -i y -o z\nz = y"),
        {"a": ("unbound-name", ""), "b": ("unbound-name", "a"), "c": ("unbound-name", "a")},
    ),
    "a cell that cannot be read": (
        ("%%step a -o x\nx = 1", "k = (", "%%step b -o y\ny = 2"), {"b": ("syntax", "")},
    ),
    "a line that cannot be read": (
        ("%%step a -o x\nx = 1", "%%step b --retires 2 -o y\ny = 1", "%%step c -o z\nz = 3"),
        {"c": ("bad-step-line", "")},
    ),
    "a circle": (
        ("%%step a --after b -o x\nx = 1", "%%step b --after a -o y\ny = 1", "%%step c -i y -o z\nz = y",
         "%%step d -o w\nw = 1"),
        {"a": ("cycle", ""), "b": ("cycle", ""), "c": ("cycle", "")},
    ),
    "a file that is not there": (
        ("%%step a -i no.csv -o x\nx = 1", "%%step b -o y\ny = 1"), {"a": ("missing-file", "")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_error_leaves_undecided(case: str) -> None:
    cells, expected = CASES[case]
    pipe = pipeline(cells, SOUND)
    found = unsound(pipe, check(pipe, slices_of(pipe), FakeSurroundings()))
    told = {pipe.steps[s].name: (u.findings[0].code, u.needs) for s, u in found.items()}
    assert told == expected


def test_a_notebook_in_another_language_leaves_its_own_steps_undecided() -> None:
    pipe = pipeline(notebook("%%step a -o x\nx <- 1", language="R"), SOUND)
    found = unsound(pipe, check(pipe, slices_of(pipe), FakeSurroundings()))
    assert {s: [f.code for f in u.findings] for s, u in found.items()} == {"nb.a": ["not-python"]}


def test_the_reasons_name_the_error_or_the_step_above() -> None:
    pipe = pipeline(("%%step a -o x\nx = q", "%%step b -i x -o y\ny = x"))
    found = unsound(pipe, check(pipe, slices_of(pipe), FakeSurroundings()))
    assert [(r.kind, r.detail) for u in found.values() for r in u.reasons] == [
        ("unknown", "unbound-name: This step reads 'q', which nothing binds."),
        ("upstream", "needs a, about which the check found an error"),
    ]
