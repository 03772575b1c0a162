"""The last lines that cells printed and showed."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.notebook.printed import last_lines


def stream(text: Any) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def result(text: Any) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {"text/plain": text, "text/html": "<b>no</b>"}}


@pytest.mark.parametrize(
    ("cells", "count", "lines"),
    [
        ([], 5, []),
        ([{"outputs": [stream("a\nb\n")]}], 5, ["a", "b"]),
        ([{"outputs": [stream("a\nb\n")]}, {"outputs": [stream(["c", "d\n", "e"])]}], 2, ["cd", "e"]),
        ([{"outputs": [stream("a\n"), result("42"), stream("b")]}], 5, ["a", "42", "b"]),
        ([{"outputs": [stream("a\n\n\n")]}, {"outputs": None}, {"cell_type": "markdown"}], 5, ["a"]),
        ([{"outputs": [{"output_type": "error", "traceback": ["no"]}, {"output_type": "display_data"}]}], 5, []),
        ([{"outputs": [stream("a\nb\n")]}], 0, []),
    ],
)
def test_the_end_of_what_was_said(cells: list[dict[str, Any]], count: int, lines: list[str]) -> None:
    assert last_lines(cells, count) == lines
