"""Aligned columns as plain text, with colour codes where asked for.

Every table of the command line is made here, the live one of a run included, so that all of them look the same. Ten
thousand rows take a moment here and several seconds in a general table engine. Widths are those of a terminal: some
characters take two places. Read ``text`` next for what stands in the tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

from rich.cells import cell_len, chop_cells
from rich.color import ColorSystem
from rich.style import Style

Cell = tuple[str, str]
"""``(text, style)``; the style in rich's words, ``""`` for none."""

GAP = "  "
NARROW = 16
"""A last column with less room than this is left to the terminal to wrap."""


def columns(
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    colour: bool,
    right: Collection[int] = (),
    least: Sequence[int] = (),
    width: int = 0,
    last: Literal["wrap", "cut"] = "wrap",
) -> str:
    """The rows under their header, each column as wide as its widest cell.

    ``right``: columns aligned to the right. ``least``: how wide each is at least. ``width``: of the terminal in
    characters, 0 for no limit; a last column that does not fit is wrapped below itself, or cut.
    """
    lines: list[Sequence[Cell]] = [[(name, "dim") for name in header], *rows]
    end = len(header) - 1
    widths = [max([span(line[i][0]) for line in lines]) for i in range(end)]
    widths[: len(least)] = map(max, widths, least)
    indent = sum(widths) + len(GAP) * end
    room = width - indent if width - indent >= NARROW else 0
    out = []
    for line in lines:
        parts = []
        for i, (text, style) in enumerate(line[:end]):
            space = " " * (widths[i] - span(text))
            painted = _painted(text, style, colour)
            parts.append(space + painted if i in right else painted + space)
        text, style = line[end]
        first, *more = _fitted(text, room, last)
        out.append(GAP.join([*parts, _painted(first, style, colour)]).rstrip())
        out += [" " * indent + _painted(each, style, colour) for each in more]
    return "\n".join(out)


def span(text: str) -> int:
    """How many places a text takes on a line of a terminal."""
    return len(text) if text.isascii() and text.isprintable() else cell_len(text)


def cut(text: str, room: int) -> str:
    """The text, or as much of it as there is room for, with an ellipsis at its end."""
    if cell_len(text) <= room:
        return text
    return (chop_cells(text, room - 1)[0].rstrip() if room > 1 else "") + "…"


def wrap(text: str, room: int) -> Iterator[str]:
    """The text in lines that fit, broken between words where that is possible."""
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= room:
            line = joined
            continue
        if line:
            yield line
        *whole, line = chop_cells(word, room) or [""]
        yield from whole
    yield line


def paint(text: str, style: str) -> str:
    """The text between the codes of a style."""
    before, after = _codes(style)
    return f"{before}{text}{after}"


def _fitted(text: str, room: int, last: Literal["wrap", "cut"]) -> list[str]:
    if not room or span(text) <= room:
        return [text]
    return [cut(text, room)] if last == "cut" else list(wrap(text, room))


def _painted(text: str, style: str, colour: bool) -> str:
    return paint(text, style) if colour and style and text else text


@lru_cache(maxsize=64)
def _codes(style: str) -> tuple[str, str]:
    before, _, after = Style.parse(style).render("\0", color_system=ColorSystem.STANDARD).partition("\0")
    return before, after
