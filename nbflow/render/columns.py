"""Aligned columns as plain text, with colour codes where asked for.

Ten thousand rows take a moment here and several seconds in a general table engine; the last column is left to the
terminal to wrap. The live table of a run, which has to fit the screen, is drawn by rich in ``text``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len
from rich.style import Style

Cell = tuple[str, str]
"""``(text, style)``; the style in rich's words, ``""`` for none."""


def columns(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, colour: bool, right: Iterable[int] = ()) -> str:
    """The rows under their header, each column as wide as its widest cell. ``right``: columns aligned to the right."""
    lines: list[Sequence[Cell]] = [[(h, "dim") for h in header], *rows]
    last = len(header) - 1
    widths = [max(cell_len(line[i][0]) for line in lines) for i in range(last)]
    right = frozenset(right)
    out = []
    for line in lines:
        parts = []
        for i, (text, style) in enumerate(line):
            painted = paint(text, style) if colour and style and text else text
            space = " " * (widths[i] - cell_len(text)) if i < last else ""
            parts.append(space + painted if i in right else painted + space)
        out.append("  ".join(parts).rstrip())
    return "\n".join(out)


def paint(text: str, style: str) -> str:
    """The text between the codes of a style."""
    before, after = _codes(style)
    return f"{before}{text}{after}"


@lru_cache(maxsize=64)
def _codes(style: str) -> tuple[str, str]:
    from rich.color import ColorSystem

    before, _, after = Style.parse(style).render("\0", color_system=ColorSystem.STANDARD).partition("\0")
    return before, after
