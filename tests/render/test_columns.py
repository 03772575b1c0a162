"""Columns, compared as whole texts."""

from __future__ import annotations

from typing import Literal

import pytest

from nbflow.render.columns import Cell, columns, cut, paint, wrap

HEADER = ("", "step", "time", "why")
ROWS: list[tuple[Cell, ...]] = [
    (("✔", "green"), ("load", ""), ("0.4 s", ""), ("first run", "dim")),
    (("▶", "bold cyan"), ("數據", ""), ("12 s", ""), ("parameter alpha: 1 → 2; helper 'minutes' changed", "dim")),
    (("·", "dim"), ("a", ""), ("", ""), ("", "dim")),
]

DRAWN: list[tuple[int, Literal["wrap", "cut"], str]] = [
    (
        0,
        "wrap",
        """\
   step   time  why
✔  load  0.4 s  first run
▶  數據   12 s  parameter alpha: 1 → 2; helper 'minutes' changed
·  a""",
    ),
    (
        45,
        "wrap",
        """\
   step   time  why
✔  load  0.4 s  first run
▶  數據   12 s  parameter alpha: 1 → 2;
                helper 'minutes' changed
·  a""",
    ),
    (
        45,
        "cut",
        """\
   step   time  why
✔  load  0.4 s  first run
▶  數據   12 s  parameter alpha: 1 → 2; help…
·  a""",
    ),
    (  # too narrow to help
        20,
        "cut",
        """\
   step   time  why
✔  load  0.4 s  first run
▶  數據   12 s  parameter alpha: 1 → 2; helper 'minutes' changed
·  a""",
    ),
]


@pytest.mark.parametrize(("width", "last", "drawn"), DRAWN, ids=["no limit", "wrapped", "cut", "narrow"])
def test_columns_stand_below_each_other(width: int, last: Literal["wrap", "cut"], drawn: str) -> None:
    assert columns(HEADER, ROWS, colour=False, right=(2,), width=width, last=last) == drawn


def test_columns_may_be_wider_than_what_they_hold() -> None:
    assert columns(("a", "b", "c"), [(("1", ""), ("2", ""), ("3", ""))], colour=False, right=(1,), least=(3, 4)) == (
        "a       b  c\n"
        "1       2  3"
    )  # fmt: skip


def test_colour_changes_nothing_but_the_colour() -> None:
    green, dim, off = "\x1b[32m", "\x1b[2m", "\x1b[0m"
    assert columns(HEADER, ROWS[:1], colour=True) == (
        f"   {dim}step{off}  {dim}time{off}   {dim}why{off}\n{green}✔{off}  load  0.4 s  {dim}first run{off}"
    )
    assert paint("x", "bold red") == "\x1b[1;31mx\x1b[0m"


def test_no_rows_are_a_header_alone() -> None:
    assert columns(("a", "b"), [], colour=False) == "a  b"


@pytest.mark.parametrize(
    ("text", "room", "left"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("ends in a space", 8, "ends in…"),
        ("數據數據", 5, "數據…"),
        ("數據數據", 8, "數據數據"),
        ("", 3, ""),
        ("ab", 1, "…"),
    ],
)
def test_what_does_not_fit_is_cut(text: str, room: int, left: str) -> None:
    assert cut(text, room) == left


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        ("", 5, [""]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one", "two"]),
        ("a verylongword b", 5, ["a", "veryl", "ongwo", "rd b"]),
        ("數據 數據數據", 5, ["數據", "數據", "數據"]),
        ("two  spaces", 20, ["two  spaces"]),
    ],
)
def test_what_does_not_fit_is_wrapped(text: str, room: int, lines: list[str]) -> None:
    assert list(wrap(text, room)) == lines
