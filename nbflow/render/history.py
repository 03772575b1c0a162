"""What a terminal shows of the past: the runs there were, one run and where its time went, one step. Only draws.

All that comes from a notebook passes ``words.clean``. ``colour`` and ``width`` are as in ``text``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nbflow.core.attempts import PastAttempt
from nbflow.core.event_json import time_text
from nbflow.core.timing import PARTS, Remark, StepTime, Timing
from nbflow.core.view import RunView, StepView
from nbflow.render.columns import GAP, NARROW, Cell, columns, paint, span
from nbflow.render.text import BAD, STYLES, UNTIMED, counts
from nbflow.render.words import clean, clean_block, count, day_and_time, duration, size

RUNS: Mapping[str, tuple[str, str]] = {
    "running": ("▶", "bold cyan"),
    "succeeded": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "crashed": ("✘", "bold magenta"),
    "cancelled": ("■", "yellow"),
    "unknown": ("?", "dim"),
}
"""Status of a run → sign and style."""

HEADER = ("", "step", "state", "time", "waited", "kernel", "loading", "code", "saving", "memory", "CPU", "slack", "why")
SPARED = ("loading", "saving", "CPU", "waited", "slack", "memory", "kernel", "code")
"""Columns that a narrow terminal does without, the first of them first."""

MOST = 12
"""Steps of a chain that are named."""


class RunLine(NamedTuple):
    """One run among others."""

    id: str
    status: str
    started: str
    """ISO 8601 in UTC."""
    steps: int
    counts: Mapping[str, int]
    seconds: float
    command: str


class ThingLine(NamedTuple):
    """An input or output of a step."""

    name: str
    type: str
    size: int | None
    """Bytes."""
    step: str
    """Of an input: the step that made it."""


# --- all runs ------------------------------------------------------------------------------------------


def runs_table(runs: Iterable[RunLine], *, colour: bool, width: int = 0) -> str:
    """A row per run."""
    rows: list[Sequence[Cell]] = []
    for run in runs:
        sign, style = RUNS.get(run.status, RUNS["unknown"])
        said = ", ".join(f"{number} {state}" for state, number in run.counts.items() if number) or "none"
        rows.append((
            (sign, style), (run.id, ""), (run.status, style), (day_and_time(run.started), "dim"),
            (duration(run.seconds), ""), (said, ""), (clean(run.command), "dim"),
        ))  # fmt: skip
    header = ("", "run", "status", "started", "time", "steps", "command")
    return columns(header, rows, colour=colour, right=(4,), width=width, last="cut")


# --- one run -------------------------------------------------------------------------------------------


def run_head(view: RunView, seconds: float, command: str, folder: str, *, colour: bool) -> str:
    """How a run ended, what started it, and where its notebooks are."""
    status = view["status"]
    sign, style = RUNS.get(status, RUNS["unknown"])
    verb = {"running": "has run for", "crashed": "crashed after", "cancelled": "was cancelled after"}.get(status)
    verb = verb or ("has an unknown end; it was last heard of after" if status == "unknown" else f"{status} in")
    lines = [f"{paint(sign, style) if colour else sign} Run {view['run']} {verb} {duration(seconds)}: {counts(view)}."]
    if command:
        lines.append(f"  {clean(command)}")
    if folder:
        lines.append(f"  Its executed notebooks: {clean(folder)}")
    return "\n".join(lines)


def steps_table(view: RunView, times: Timing | None, *, colour: bool, width: int = 0) -> str:
    """A row per step, with where its time went. ``slack``: by how much it could take longer; ``·`` for a step of the
    longest chain."""
    known = {step.step: step for step in times.steps} if times else {}
    rows: list[Sequence[Cell]] = []
    for step in view["steps"]:
        sign, style = STYLES[step["state"]]
        tries = len(step["attempts"])
        state = f"{step['label']} ({tries} attempts)" if tries > 1 else step["label"]
        took = known.get(step["id"])
        cells = _cells(took) if took is not None and step["state"] not in UNTIMED else [("", "")] * 9
        rows.append(((sign, style), (clean(step["name"]), ""), (state, style), *cells, (clean(step["reason"]), "dim")))
    kept = _fitting(rows, width)
    cut = [[row[i] for i in kept] for row in rows]
    right = [place for place, i in enumerate(kept) if HEADER[i] not in ("", "step", "state", "why")]
    return columns([HEADER[i] for i in kept], cut, colour=colour, right=right, width=width, last="cut")


def _fitting(rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """The columns that say something, as far as there is room: what can be spared most goes first."""
    room = [max([span(row[i][0]) for row in rows] + [len(name)]) + len(GAP) for i, name in enumerate(HEADER)]
    room[-1] = NARROW
    kept = [i for i, name in enumerate(HEADER) if name not in SPARED or any(row[i][0] for row in rows)]
    for name in SPARED:
        if width and sum(room[i] for i in kept) > width and HEADER.index(name) in kept:
            kept.remove(HEADER.index(name))
    return kept


def _cells(took: StepTime) -> list[Cell]:
    usage = took.usage
    slower = f"{duration(took.seconds)} (usually {duration(took.usual)})" if took.slower else duration(took.seconds)
    parts = [_part(getattr(usage, name)) for name in PARTS]
    slack = ("·", "") if not took.slack else (f"+{duration(took.slack)}", "dim")
    return [(slower, "yellow" if took.slower else ""), *parts, (size(usage.memory or None), "dim"),
            (duration(usage.cpu) if usage.cpu else "", "dim"), slack]  # fmt: skip


def _part(seconds: float) -> Cell:
    return (duration(seconds), "dim") if seconds >= 0.05 else ("", "")


def time_report(times: Timing, names: Mapping[str, str]) -> str:
    """Where the time of a run went, in a few lines. ``names``: full name → what a person calls the step."""
    if not times.steps:
        return ""
    return "\n".join(_report(times, names))


def _report(times: Timing, names: Mapping[str, str]) -> Iterator[str]:
    held = times.total.held
    if held:
        yield f"The steps took {duration(held)} together: {_split(times)}."
    if times.total.waiting >= 0.1:
        yield f"Waiting for a free place or free resources adds up to {duration(times.total.waiting)} over all steps."
    chain = [clean(names.get(step, step)) for step in times.path]
    shown = chain if len(chain) <= MOST else [*chain[: MOST // 2], "…", *chain[-MOST // 2 :]]
    yield (
        f"Longest chain: {' → '.join(shown)}, {duration(times.path_seconds)} of the run's {duration(times.seconds)}."
        " However many steps run at a time, that chain takes so long."
    )
    for step in times.longest:
        if step.slower:
            name = clean(names.get(step.step, step.step))
            yield f"Slower than usual: {name}, {duration(step.seconds)}, usually {duration(step.usual)}."
    if len(times.with_places) > 1:
        tried = [f"{n}: {duration(s)}{' (as it was)' * (n == times.jobs)}" for n, s in times.with_places.items()]
        yield f"With so many steps at a time it would have taken: {', '.join(tried)}."


def _split(times: Timing) -> str:
    held = times.total.held
    words = {"kernel": "kernels", "loading": "loading inputs", "code": "code", "saving": "saving outputs"}
    parts = sorted(((getattr(times.total, name), said) for name, said in words.items()), reverse=True)
    return ", ".join(f"{said} {duration(s)} ({s / held:.0%})" for s, said in parts if s >= 0.05) or "almost nothing"


def remark(said: Remark | None, names: Mapping[str, str]) -> str:
    """The one line about the time of a run, ``""`` where there is nothing to say."""
    if said is None:
        return ""
    name = clean(names.get(said.step, said.step))
    tries = f" in {count(said.attempts, 'attempt')}" if said.attempts > 1 else ""
    match said.kind:
        case "slower":
            return f"{name} took {duration(said.seconds)}{tries}; it usually takes {duration(said.than)}."
        case "places":
            return f"With -j {said.places} it would have taken about {duration(said.seconds)}."
        case "kernels":
            return f"Of the {duration(said.than)} that the steps took, kernels took {duration(said.seconds)}."
        case "step":
            return f"{name} took {duration(said.seconds)} of it{tries}."


# --- one step ------------------------------------------------------------------------------------------


def step_head(step: StepView, run: str, *, colour: bool) -> str:
    """What became of a step, and why."""
    sign, style = STYLES[step["state"]]
    why = f": {clean(step['reason'])}" if step["reason"] and step["state"] not in BAD else ""
    sign = paint(sign, style) if colour else sign
    return f"{sign} {clean(step['name'])} {step['label']} in run {run}{why}"


def step_time(took: StepTime | None) -> str:
    """What the step took over all its attempts, in a line."""
    if took is None:
        return ""
    parts = [f"{name} {duration(getattr(took.usage, name))}" for name in PARTS if getattr(took.usage, name) >= 0.05]
    split = f" ({', '.join(parts)})" if parts else ""
    words = [f"It took {duration(took.seconds)}{split}"]
    if took.usual is not None:
        words.append(f"usually {duration(took.usual)}")
    if took.usage.memory:
        words.append(f"held up to {size(took.usage.memory)}")
    if took.usage.cpu:
        words.append(f"used {duration(took.usage.cpu)} of CPU time")
    return ", ".join(words) + "."


def attempts_table(attempts: Sequence[PastAttempt], *, colour: bool, width: int = 0) -> str:
    """A row per attempt."""
    rows: list[Sequence[Cell]] = []
    for each in attempts:
        sign, style = STYLES.get(each.ending, ("", ""))
        began = day_and_time(time_text(each.started)) if each.started is not None else ""
        took = each.usage.held or (each.ended - each.started if each.ended and each.started else None)
        rows.append((
            (sign, style), (str(each.number), ""), (each.ending or "no end known", style), (began, "dim"),
            (duration(took), ""), (size(each.usage.memory or None), "dim"), (clean(each.error), ""),
        ))  # fmt: skip
    header = ("", "attempt", "ended", "started", "time", "memory", "error")
    return columns(header, rows, colour=colour, right=(1, 4, 5), width=width, last="cut")


def things(word: str, lines: Sequence[ThingLine]) -> str:
    """The inputs or outputs of a step, a line each. ``word``: ``input`` or ``output``."""
    if not lines:
        return ""
    rows = [
        (f"  {clean(line.name)}", size(line.size), clean(line.type), f"from {clean(line.step)}" if line.step else "")
        for line in lines
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    drawn = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:<{widths[2]}}  {d}".rstrip() for a, b, c, d in rows]
    return "\n".join([f"{count(len(lines), word)}:", *drawn])


def printed(lines: Sequence[str], *, colour: bool) -> str:
    """The last lines that a step printed."""
    if not lines:
        return ""
    return "\n".join(["It printed last:", *(f"  {clean_block(line, colour=colour)}" for line in lines)])
