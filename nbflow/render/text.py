"""What a terminal shows: tables of runs, plans and steps, and one step or one finding in words. Only draws.

Every function takes values of the core and returns text. ``colour`` asks for colour codes; ``width`` is that of the
terminal in characters, 0 for no limit. All that comes from a notebook passes ``words.clean``. Read ``columns`` next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding, Reason, Record
from nbflow.core.plan import Plan
from nbflow.core.reasons import because
from nbflow.render.columns import Cell, columns, cut, paint, wrap
from nbflow.render.words import clean, count, day_and_time, duration

if TYPE_CHECKING:
    from nbflow.core.view import RunView, StepView

STYLES: Mapping[str, tuple[str, str]] = {
    "waiting": ("·", "dim"),
    "starting": ("▸", "cyan"),
    "running": ("▶", "bold cyan"),
    "stopping": ("■", "yellow"),
    "retrying": ("↻", "yellow"),
    "succeeded": ("✔", "green"),
    "reused": ("↺", "blue"),
    "failed": ("✘", "bold red"),
    "crashed": ("✘", "bold magenta"),
    "skipped": ("–", "yellow"),
    "cancelled": ("■", "yellow"),
}
"""State → sign and style: colour is never the only sign."""

BUSY = ("starting", "running", "stopping", "retrying")
BAD = ("failed", "crashed")
NONE: Mapping[str, float] = MappingProxyType({})
TICKING = ("running", "stopping")
UNTIMED = ("waiting", "skipped", "reused")


# --- a run ---------------------------------------------------------------------------------------------


def live_table(view: RunView, seconds: Mapping[str, float], *, colour: bool, width: int, height: int) -> str:
    """A row per step while the run goes on, on so many lines at most: the busy and the failed steps are never left out
    for others. ``seconds``: full name → how long ago its newest attempt began."""
    rows, left_out = _fitting(view["steps"], height - 1)
    table = _run_table(rows, seconds, colour=colour, width=width)
    return f"{table}\n   … and {count(left_out, 'more step')}" if left_out else table


def final_table(view: RunView, *, colour: bool, width: int = 0) -> str:
    """A row per step of a run that has ended."""
    return _run_table(view["steps"], {}, colour=colour, width=width)


def _run_table(steps: Iterable[StepView], seconds: Mapping[str, float], *, colour: bool, width: int) -> str:
    least = (1, 4, len("succeeded"), len("0.0 s"))  # so that nothing moves as states change
    rows = run_rows(steps, seconds)
    return columns(RUN_HEADER, rows, colour=colour, right=(3,), least=least, width=width, last="cut")


RUN_HEADER = ("", "step", "state", "time", "why")


def run_rows(steps: Iterable[StepView], seconds: Mapping[str, float] = NONE) -> list[Sequence[Cell]]:
    """Rows for ``RUN_HEADER``. ``seconds`` as for ``live_table``."""
    rows: list[Sequence[Cell]] = []
    for step in steps:
        sign, style = STYLES[step["state"]]
        spent = seconds.get(step["id"]) if step["state"] in TICKING else step["seconds"]
        spent = None if step["state"] in UNTIMED else spent
        rows.append((
            (sign, style), (clean(step["name"]), ""), (_state(step), style), (duration(spent), ""),
            (clean(step["reason"]), "dim"),
        ))  # fmt: skip
    return rows


def _state(step: StepView) -> str:
    if len(step["attempts"]) > 1:
        return f"{step['label']} (attempt {len(step['attempts'])})"
    if step["state"] == "running" and step["total"] > 1:
        return f"{step['label']} {step['done']}/{step['total']}"
    return step["label"]


def _fitting(steps: Sequence[StepView], height: int) -> tuple[list[StepView], int]:
    if len(steps) <= height:
        return list(steps), 0
    room = max(1, height - 1)
    rank = {**dict.fromkeys(BUSY, 0), **dict.fromkeys(BAD, 1), "waiting": 2}
    chosen = sorted(range(len(steps)), key=lambda i: (rank.get(steps[i]["state"], 3), i))[:room]
    return [steps[i] for i in sorted(chosen)], len(steps) - room


def counts(view: RunView) -> str:
    """``3 succeeded, 2 reused, 1 failed``."""
    words = [f"{n} {state}" for state, n in view["counts"].items() if n]
    return ", ".join(words) or "no steps"


# --- a plan --------------------------------------------------------------------------------------------


def plan_table(pipeline: Pipeline, plan: Plan, *, colour: bool, width: int = 0) -> str:
    """A row per step: what would happen to it, and why."""
    return columns(PLAN_HEADER, plan_rows(pipeline, plan), colour=colour, width=width)


PLAN_HEADER = ("", "step", "action", "why")


def plan_rows(pipeline: Pipeline, plan: Plan) -> list[Sequence[Cell]]:
    """Rows for ``PLAN_HEADER``."""
    rows: list[Sequence[Cell]] = []
    for step_id, planned in plan.steps.items():
        action, sign, style = "run", "▶", "cyan"
        if planned.action == "reuse":
            action, sign, style = "reuse", "↺", "blue"
        elif not planned.certain:
            action, sign, style = "may run", "▷", "cyan"
        name = clean(pipeline.steps[step_id].name)
        rows.append(((sign, style), (name, ""), (action, style), (why(planned.reasons), "")))
    return rows


def plan_summary(plan: Plan) -> str:
    """``2 steps to run, 1 that may run, 3 to reuse.``"""
    runs = sum(p.action == "run" and p.certain for p in plan.steps.values())
    maybe = sum(p.action == "run" and not p.certain for p in plan.steps.values())
    parts = [f"{count(runs, 'step')} to run"]
    if maybe:
        parts.append(f"{maybe} that may run (unless what they take comes out the same)")
    parts.append(f"{len(plan.steps) - runs - maybe} to reuse")
    return ", ".join(parts) + "."


def why(reasons: Sequence[Reason], most: int = 3) -> str:
    """Reasons as one line."""
    more = f"; and {len(reasons) - most} more" if len(reasons) > most else ""
    return clean(because(reasons[:most])) + more


# --- one step ------------------------------------------------------------------------------------------

KINDS: Mapping[str, str] = {
    "first-run": "first run",
    "code": "code",
    "helper": "helper",
    "parameter": "parameter",
    "input": "input",
    "upstream": "upstream",
    "file": "file",
    "module": "module",
    "package": "package",
    "python": "Python",
    "environment": "environment",
    "outputs": "outputs",
    "forced": "forced",
    "no-cache": "no cache",
    "damaged": "damaged",
    "unknown": "unknown",
    "fresh": "fresh",
}
"""Reason kind → the word in front of its detail."""


def explanation(
    step: Step, action: str, certain: bool, reasons: Sequence[Reason], last: Record | None, width: int = 0
) -> str:
    """Why one step would run or be reused, a line for each reason."""
    name = clean(step.name)
    if action == "reuse":
        lines = [f"{name} is fresh: its stored result is reused."]
    else:
        lines = [f"{name} will run:" if certain else f"{name} may run:"]
        lines += [f"  {line}" for line in _listed([(KINDS[r.kind], clean(r.detail)) for r in reasons], width - 2)]
        if not certain:
            lines.append("If what it takes comes out the same, its stored result is reused.")
    if last is not None:
        lines.append(f"Last result: {day_and_time(last.created)}, run {last.run}, {duration(last.seconds)}.")
    return "\n".join(lines)


def status_table(rows: Iterable[tuple[str, str, str, Record | None]], *, colour: bool, width: int = 0) -> str:
    """``(step, state, why, newest result)``."""
    return columns(STATUS_HEADER, status_rows(rows), colour=colour, right=(4,), width=width)


STATUS_HEADER = ("", "step", "state", "last result", "time", "why")


QUIET = ("fresh", "no result")
"""States that say all there is to say."""


def status_lines(
    steps: Iterable[tuple[str, str, Sequence[Reason], Record | None]],
) -> Iterator[tuple[str, str, str, Record | None]]:
    """What ``status_table`` takes, from ``(step, state, reasons, newest result)``."""
    return ((name, state, "" if state in QUIET else why(reasons), last) for name, state, reasons, last in steps)


def status_rows(rows: Iterable[tuple[str, str, str, Record | None]]) -> list[Sequence[Cell]]:
    """Rows for ``STATUS_HEADER``, from what ``status_table`` takes."""
    signs = {
        "fresh": ("✔", "green"),
        "stale": ("●", "yellow"),
        "maybe stale": ("○", "yellow"),
        "no result": ("·", "dim"),
        "invalid": ("✘", "red"),
    }
    drawn: list[Sequence[Cell]] = []
    for name, state, reason, last in rows:
        sign, style = signs[state]
        made = day_and_time(last.created) if last else ""
        spent = duration(last.seconds) if last else ""
        drawn.append(((sign, style), (clean(name), ""), (state, style), (made, "dim"), (spent, ""), (reason, "dim")))
    return drawn


# --- findings ------------------------------------------------------------------------------------------

SEVERITIES: Mapping[str, str] = {"error": "bold red", "warning": "yellow", "hint": "blue"}


def findings(
    found: Sequence[Finding], first_lines: Mapping[tuple[str, int], str], *, colour: bool = False, width: int = 0
) -> str:
    """Every finding with its place and its fix. ``first_lines``: (notebook, cell) → the cell's first line."""
    return "\n\n".join(_finding(f, first_lines, colour, width) for f in found)


def _finding(f: Finding, first_lines: Mapping[tuple[str, int], str], colour: bool, width: int) -> str:
    first, *more = _lines(f"{f.severity}[{f.code}] {clean(f.message)}", width)
    if colour and first.startswith(f.severity):
        first = paint(f.severity, SEVERITIES[f.severity]) + first.removeprefix(f.severity)
    place = [("at", _place(f, first_lines))]
    fix = [("fix", clean(f.fix))] if f.fix else []
    return "\n".join([first, *(f"  {line}" for line in (*more, *_listed(place + fix, width - 2)))])


def _place(f: Finding, first_lines: Mapping[tuple[str, int], str]) -> str:
    place = clean(f.notebook)
    if f.cell:
        place += f", cell {f.cell}"
    if f.step:
        place += f", step {clean(f.step)}"
    line = clean(first_lines.get((f.notebook, f.cell or 0), ""))
    return f"{place}: {cut(line, 60)}" if line else place


def change(notebook: str, cell: int, old: str, new: str) -> str:
    """A line of a notebook that was rewritten."""
    return f"fixed {clean(notebook)}, cell {cell}\n  - {clean(old).rstrip()}\n  + {clean(new).rstrip()}"


def findings_summary(found: Sequence[Finding]) -> str:
    """``1 error, 2 warnings``."""
    numbers = {s: sum(f.severity == s for f in found) for s in SEVERITIES}
    words = [count(n, s) for s, n in numbers.items() if n]
    return ", ".join(words) if words else "no findings"


def _listed(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """``word  text`` lines, the texts below each other."""
    column = max((len(word) for word, _ in pairs), default=0)
    lines = []
    for word, text in pairs:
        first, *more = _lines(text, width - column - 2)
        lines.append(f"{word:<{column}}  {first}".rstrip())
        lines += [f"{'':<{column}}  {each}" for each in more]
    return lines


def _lines(text: str, width: int) -> list[str]:
    return list(wrap(text, width)) if width >= 20 else [text]
