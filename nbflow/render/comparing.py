"""Two runs side by side in a terminal. Only draws; all that comes from a notebook passes ``words.clean``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from nbflow.core.comparing import Changed, Comparison, Number, StepComparison, Verdict, delta
from nbflow.core.reasons import because
from nbflow.render.columns import Cell, columns
from nbflow.render.words import clean, count, duration

VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    "same": ("=", "dim", "the same result"),
    "equal": ("=", "", "made anew, equal"),
    "changed": ("≠", "yellow", "another result"),
    "added": ("+", "green", "is new"),
    "removed": ("−", "red", "is gone"),
    "unknown": ("?", "dim", "no result to compare"),
}
"""What became of a step → sign, style and words."""

FEWEST = 0.05
"""Seconds: times that differ by less are drawn as one."""


def comparison(found: Comparison, *, colour: bool, width: int = 0) -> str:
    """All of it, in blocks."""
    return "\n\n".join(block for block in _blocks(found, colour, width) if block)


def _blocks(found: Comparison, colour: bool, width: int) -> Iterator[str]:
    old, new = found.old, found.new
    yield "\n".join([
        f"Run {old.run} → {new.run}",
        f"  {_both(old.status, new.status)}, {_both(duration(old.seconds), duration(new.seconds))}",
        *(f"  {clean(c.name)}: {_value(c.old)} → {_value(c.new)}" for c in found.parameters),
    ])  # fmt: skip
    told = [step for step in found.steps if step.verdict != "same"]
    if told:
        header = ("", "step", "result", "time", "why")
        yield columns(header, [_row(step) for step in told], colour=colour, right=(3,), width=width)
    same = len(found.steps) - len(told)
    if same:
        yield f"{count(same, 'step')} {'has' if same == 1 else 'have'} the very same result."
    if found.numbers:
        header = ("", "number", "old", "new", "change")
        yield columns(header, [_number(c) for c in found.numbers], colour=colour, right=(2, 3), width=width)


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
    return "default" if value is None else clean(json.dumps(value, ensure_ascii=False, default=str))
