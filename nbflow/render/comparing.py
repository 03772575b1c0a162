"""Two runs side by side: as tables, and these as text for a terminal; the report draws the same tables.

Only draws; all that comes from a notebook passes ``words.clean``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nbflow.core.comparing import Changed, Comparison, Number, StepComparison, Verdict, delta
from nbflow.core.reasons import because
from nbflow.render.columns import Cell, columns
from nbflow.render.words import clean, count, duration

VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    "same": ("=", "dim", "the same result"),
    "equal": ("=", "", "made anew, equal"),
    "changed": ("≠", "yellow", "another result"),
    "added": ("+", "green", "not in the older run"),
    "removed": ("−", "red", "not in the newer run"),
    "unknown": ("?", "dim", "no result to compare"),
}
"""What became of a step → sign, style and words."""

FEWEST = 0.05
"""Seconds: times that differ by less are drawn as one."""


class Table(NamedTuple):
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    right: Sequence[int]
    """Columns aligned to the right."""


class Drawn(NamedTuple):
    """What there is to see of two runs."""

    title: str
    head: Sequence[str]
    """How they came out, and the parameters that differ."""
    steps: Table
    """Those that came to another result, or were made anew."""
    same: str
    """How many did not; ``""`` for none."""
    numbers: Table


def drawn(found: Comparison) -> Drawn:
    """Two runs as tables."""
    old, new = found.old, found.new
    told = [step for step in found.steps if step.verdict != "same"]
    same = len(found.steps) - len(told)
    return Drawn(
        f"Run {old.run} → {new.run}",
        [
            f"{_both(old.status, new.status)}, {_both(duration(old.seconds), duration(new.seconds))}",
            *(f"{clean(c.name)}: {_value(c.old)} → {_value(c.new)}" for c in found.parameters),
        ],
        Table(("", "step", "result", "time", "why"), [_row(step) for step in told], (3,)),
        f"{count(same, 'step')} {'has' if same == 1 else 'have'} the very same result." if same else "",
        Table(("", "number", "old", "new", "change"), [_number(c) for c in found.numbers], (2, 3)),
    )


def comparison(found: Comparison, *, colour: bool, width: int = 0) -> str:
    """All of it as text, in blocks."""
    return "\n\n".join(block for block in _blocks(drawn(found), colour, width) if block)


def _blocks(told: Drawn, colour: bool, width: int) -> Iterator[str]:
    yield "\n".join([told.title, *(f"  {line}" for line in told.head)])
    for table, below in ((told.steps, told.same), (told.numbers, "")):
        if table.rows:
            yield columns(table.header, table.rows, colour=colour, right=table.right, width=width)
        yield below


def _row(step: StepComparison) -> Sequence[Cell]:
    sign, style, words = VERDICTS[step.verdict]
    before, after = step.states
    if step.verdict == "unknown":
        words = _both(before, after)
    if step.outputs:
        words = f"{words}: {', '.join(map(clean, step.outputs))}"
    why = because(step.reasons) if step.reasons else ""
    return (sign, style), (clean(step.name), ""), (words, style), (_times(step.seconds), ""), (clean(why), "dim")


def _times(seconds: tuple[float | None, float | None]) -> str:
    before, after = (duration(s) if s is not None and s >= FEWEST else "" for s in seconds)
    return _both(before or "–", after or "–") if before or after else ""


def _both(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _number(change: Changed) -> Sequence[Cell]:
    grown = delta(change.old, change.new)
    same = change.old == change.new
    words = ""
    if grown and not same:
        words = _signed(grown[0]) + (f" ({grown[1]:+.1%})" if grown[1] is not None else "")
    style = "dim" if same else ""
    sign = "=" if same else "≠"
    return (
        (sign, style), (clean(change.name), style), (_shown(change.old), style), (_shown(change.new), style),
        (words.replace("-", "−"), style),
    )  # fmt: skip


def _shown(number: Number | None) -> str:
    if number is None:
        return "–"
    return f"{number:.6g}" if isinstance(number, float) else clean(str(number))


def _signed(number: float) -> str:
    return f"{number:+d}" if isinstance(number, int) else f"{number:+.4g}"


def _value(value: Any) -> str:
    return "not there" if value is None else clean(json.dumps(value, ensure_ascii=False, default=str))
