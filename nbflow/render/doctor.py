"""What a terminal shows of an examination: a line for each thing, and under it what to do where it is not well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbflow.render.columns import Cell, columns
from nbflow.render.words import clean, count

SIGNS = {"ok": ("✔", "green"), "warn": ("!", "bold yellow")}


def lines_of(lines: Iterable[tuple[str, str, str, str]], *, colour: bool, width: int = 0) -> str:
    """``(topic, ok or warn, what was found, what to do)``."""
    rows: list[Sequence[Cell]] = []
    bad = 0
    for topic, state, said, fix in lines:
        sign, style = SIGNS[state]
        bad += state == "warn"
        rows.append(((sign, style), (clean(topic), ""), (clean(said), "yellow" if state == "warn" else "")))
        if fix:
            rows.append((("", ""), ("", ""), (f"→ {clean(fix)}", "")))
    table = columns(("", "", ""), rows, colour=colour, width=width).lstrip("\n")
    end = f"{count(bad, 'thing')} to look at." if bad else "All is well."
    return f"{table}\n\n{end}"
