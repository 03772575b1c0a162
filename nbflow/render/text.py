"""Tables and lines for terminals, made with rich from what the core and the verbs return. Only draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding, Reason, Record
from nbflow.core.plan import Plan
from nbflow.core.view import RunView, StepView
from nbflow.render.columns import columns
from nbflow.render.words import clean, count, duration

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

BUSY = ("running", "stopping", "retrying", "starting")
BAD = ("failed", "crashed")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for name in columns:
        table.add_column(
            name,
            overflow="fold",
            no_wrap=name in ("step", "time", "state", ""),
            justify="right" if name == "time" else "left",
        )
    return table


# --- a run ---------------------------------------------------------------------------------------------


def run_table(view: RunView, now: float, started: Mapping[str, float], height: int | None = None) -> Table:
    """A row per step. ``height``: at most so many rows, the busy and the failed ones first. ``started`` and ``now`` are
    on one clock and give the running steps their time."""
    table = _table("", "step", "state", "time", "why")
    rows, left_out = _fitting(view["steps"], height)
    for step in rows:
        sign, style = STYLES[step["state"]]
        seconds = step["seconds"]
        if step["state"] in BUSY and step["id"] in started:
            seconds = now - started[step["id"]]
        time = duration(seconds) if step["state"] not in ("waiting", "skipped", "reused") else ""
        table.add_row(
            Text(sign, style),
            Text(clean(step["name"])),
            Text(_state(step), style),
            Text(time),
            Text(clean(step["reason"]), "dim"),
        )
    if left_out:
        table.add_row("", Text(f"… and {count(left_out, 'more step')}", "dim"))
    return table


def final_table(view: RunView, *, colour: bool) -> str:
    """A row per step of a run that has ended."""
    rows = []
    for step in view["steps"]:
        sign, style = STYLES[step["state"]]
        spent = duration(step["seconds"]) if step["state"] not in ("skipped", "reused") else ""
        name, reason = clean(step["name"]), clean(step["reason"])
        rows.append(((sign, style), (name, ""), (_state(step), style), (spent, ""), (reason, "dim")))
    return columns(("", "step", "state", "time", "why"), rows, colour=colour, right=(3,))


def _state(step: StepView) -> str:
    tries = f" (attempt {step['attempts']})" if step["attempts"] > 1 else ""
    return f"{step['label']}{tries}"


def _fitting(steps: Sequence[StepView], height: int | None) -> tuple[list[StepView], int]:
    if height is None or len(steps) <= height:
        return list(steps), 0
    room = max(1, height - 1)
    order = {"running": 0, "stopping": 0, "retrying": 0, "starting": 0, "failed": 1, "crashed": 1, "waiting": 2}
    chosen = sorted(range(len(steps)), key=lambda i: (order.get(steps[i]["state"], 3), i))[:room]
    return [steps[i] for i in sorted(chosen)], len(steps) - room


def counts(view: RunView) -> str:
    """``3 succeeded, 2 reused, 1 failed``."""
    words = [f"{n} {state}" for state, n in view["counts"].items() if n]
    return ", ".join(words) or "no steps"


# --- a plan --------------------------------------------------------------------------------------------


def plan_table(pipeline: Pipeline, plan: Plan, *, colour: bool) -> str:
    rows = []
    for step_id, planned in plan.steps.items():
        sign, style = ("↺", "blue") if planned.action == "reuse" else ("▶", "cyan" if planned.certain else "dim cyan")
        action = "reuse" if planned.action == "reuse" else ("run" if planned.certain else "may run")
        name = clean(pipeline.steps[step_id].name)
        rows.append(((sign, style), (name, ""), (action, style), (why(planned.reasons), "")))
    return columns(("", "step", "action", "why"), rows, colour=colour)


def plan_summary(plan: Plan) -> str:
    runs = sum(p.action == "run" and p.certain for p in plan.steps.values())
    maybe = sum(p.action == "run" and not p.certain for p in plan.steps.values())
    reused = len(plan.steps) - runs - maybe
    parts = [f"{count(runs, 'step')} to run"]
    if maybe:
        parts.append(f"{maybe} that may run (unless what they take comes out the same)")
    parts.append(f"{reused} to reuse")
    return ", ".join(parts) + "."


def why(reasons: Iterable[Reason], most: int = 3) -> str:
    """Reasons as one line."""
    found = [clean(r.detail or r.kind) for r in reasons]
    more = f"; and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(found[:most]) + more


# --- one step ------------------------------------------------------------------------------------------

KINDS: Mapping[str, str] = {
    "first-run": "never run",
    "code": "code",
    "helper": "helper",
    "parameter": "parameter",
    "input": "input",
    "upstream": "needs",
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


def explanation(step: Step, action: str, certain: bool, reasons: Sequence[Reason], last: Record | None) -> str:
    name = clean(step.name)
    if action == "reuse":
        head = f"{name} is fresh: its stored result will be reused."
    elif certain:
        head = f"{name} will run, because:"
    else:
        head = f"{name} may run:"
    lines = [head]
    if action != "reuse":
        width = max((len(KINDS.get(r.kind, r.kind)) for r in reasons), default=0)
        lines += [f"  {KINDS.get(r.kind, r.kind):<{width}}  {clean(r.detail)}".rstrip() for r in reasons]
    if last is not None:
        lines.append(f"Last result: {last.created}, run {last.run}, {duration(last.seconds)}.")
    return "\n".join(lines)


def status_table(rows: Iterable[tuple[str, str, str, Record | None]], *, colour: bool) -> str:
    """``(step, state, why, newest result)``."""
    signs = {
        "fresh": ("✔", "green"),
        "stale": ("●", "yellow"),
        "maybe stale": ("○", "yellow"),
        "never run": ("·", "dim"),
    }
    drawn = []
    for name, state, reason, last in rows:
        sign, style = signs[state]
        made = last.created.replace("T", " ")[:19] if last else ""
        spent = duration(last.seconds) if last else ""
        drawn.append(((sign, style), (clean(name), ""), (state, style), (made, "dim"), (spent, ""), (reason, "dim")))
    return columns(("", "step", "state", "last result", "time", "why"), drawn, colour=colour, right=(4,))


# --- findings ------------------------------------------------------------------------------------------


def findings(found: Sequence[Finding], first_lines: Mapping[tuple[str, int], str]) -> Text:
    """Every finding with its place, the cell's first line and the fix. ``first_lines``: (notebook, cell) → line."""
    out = Text()
    styles = {"error": "bold red", "warning": "yellow", "hint": "blue"}
    for i, f in enumerate(found):
        if i:
            out.append("\n")
        out.append(f"{f.severity}", styles[f.severity])
        out.append(f"[{f.code}] ", "dim")
        out.append(f"{clean(f.message)}\n")
        place = clean(f.notebook)
        if f.cell:
            line = first_lines.get((f.notebook, f.cell), "")
            place += f", cell {f.cell}" + (f" ({clean(line)[:60]})" if line else "")
        if f.step:
            place += f", step {clean(f.step)}"
        out.append(f"  at  {place}\n", "dim")
        if f.fix:
            out.append(f"  fix {clean(f.fix)}\n")
    return out


def findings_summary(found: Sequence[Finding]) -> str:
    numbers = {s: sum(f.severity == s for f in found) for s in ("error", "warning", "hint")}
    words = [count(n, s) for s, n in numbers.items() if n]
    return ", ".join(words) if words else "no findings"
