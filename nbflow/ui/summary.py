"""What is printed when a run has ended: the table, what went wrong and where to look, and how to go on.

The traceback shown is the user's own. It draws what the run came to and decides nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nbflow.core.events import Event, RunStarted, StepCrashed, StepFailed
from nbflow.core.model import Finding
from nbflow.core.timing import NO_HISTORY, WORTH, History, remark, timing
from nbflow.core.view import RunView, StepView
from nbflow.journal import Failure as LastFailure
from nbflow.render import text
from nbflow.render.columns import cut
from nbflow.render.history import remark as remark_of
from nbflow.render.words import clean, clean_block, count, day_and_time, duration
from nbflow.ui import terminal

SIGNS = {
    "succeeded": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "crashed": ("✘", "bold magenta"),
    "cancelled": ("■", "yellow"),
}

Failure = StepFailed | StepCrashed


def summary(
    seen: RunView,
    events: Sequence[Event],
    notebooks: Iterable[str],
    command: str,
    findings: Iterable[Finding] = (),
    history: History = NO_HISTORY,
) -> str:
    """The whole of it, for stdout. ``notebooks``: their paths from the project root; ``command``: what a person types
    to go on; ``findings``: of the check; ``history``: how long steps took in earlier runs."""
    if not seen["steps"]:
        return "Nothing is selected, so there was nothing to do."
    blocks = [
        text.final_table(seen, colour=terminal.has_colour(sys.stdout), width=terminal.width(sys.stdout)),
        "\n".join(_warnings(seen)),
        *_failures(seen, events, Path(seen["folder"])),
        "\n".join([*_end(seen, events, notebooks, command, findings), *_remark(events, history)]),
    ]
    return "\n\n".join(block for block in blocks if block)


def _warnings(seen: RunView) -> Iterator[str]:
    for step in seen["steps"]:
        for warning in step["warnings"]:
            yield f"{_painted('warning', 'yellow')} {clean(step['name'])}: {clean(warning)}"


def _failures(seen: RunView, events: Sequence[Event], folder: Path) -> Iterator[str]:
    newest: dict[str, Failure] = {e.step: e for e in events if isinstance(e, Failure)}
    for step in seen["steps"]:
        if step["state"] in text.BAD:
            yield "\n".join(_failure(step, newest[step["id"]], folder))


def _failure(step: StepView, failure: Failure, folder: Path) -> Iterator[str]:
    name, width = clean(step["name"]), terminal.width(sys.stdout)
    if isinstance(failure, StepCrashed):
        yield f"{_painted(f'✘ {name} crashed:', 'bold magenta')} {clean(failure.message)}"
    else:
        where = f" in cell {failure.cell}" if failure.cell else ""
        has_more = failure.traceback.strip() not in ("", failure.error.strip())
        head = f"✘ {name} failed{where}:"
        error = clean(failure.error)
        if has_more and width:  # the traceback says it whole
            error = cut(error, max(40, width - len(head) - 1))
        yield f"{_painted(head, 'bold red')} {error}"
        if has_more:
            yield clean_block(failure.traceback, colour=terminal.has_colour(sys.stdout)).rstrip()
    executed = folder / "steps" / f"{step['name']}.ipynb"
    if executed.exists():
        yield f"  Its executed notebook: {near(executed)}"


def last_failure(step: str, failure: LastFailure, executed: Path | None) -> str:
    """What ``nbflow status`` says of a step whose last attempt came to nothing. ``executed``: its executed notebook."""
    where = f" in cell {failure.cell}" if failure.cell else ""
    style = "bold red" if failure.status == "failed" else "bold magenta"
    head = f"✘ {clean(step)} {failure.status} {day_and_time(failure.time)} in run {failure.run}{where}:"
    lines = [f"{_painted(head, style)} {clean(failure.error)}"]
    if executed is not None:
        lines.append(f"  Its executed notebook: {near(executed)}")
    return "\n".join(lines)


def _end(
    seen: RunView, events: Sequence[Event], notebooks: Iterable[str], command: str, findings: Iterable[Finding]
) -> Iterator[str]:
    sign, style = SIGNS[seen["status"]]
    spent = duration(events[-1].at - events[0].at) if events else ""
    how = "in" if seen["status"] in ("succeeded", "failed") else "after"
    yield f"{_painted(sign, style)} Run {seen['run']} {seen['status']} {how} {spent}: {text.counts(seen)}."
    for path in notebooks:
        if (Path(seen["folder"]) / path).exists():
            yield f"  Executed notebook: {near(Path(seen['folder']) / path)}"
    doubts = sum(f.severity == "warning" for f in findings)
    if doubts:
        yield f"  The check has {count(doubts, 'warning')}; nbflow check shows what."
    if seen["status"] != "succeeded":
        yield f"  To resume: {command}  (what succeeded is reused)"


def _remark(events: Sequence[Event], history: History) -> Iterator[str]:
    """The one thing worth knowing about the time of a run that took some."""
    if events and isinstance(events[0], RunStarted) and events[-1].at - events[0].at >= WORTH:
        names = {spec.name: spec.label for spec in events[0].steps}
        if said := remark_of(remark(timing(events, history)), names):
            yield f"  {said}"


def _painted(words: str, style: str) -> str:
    return terminal.painted(words, style, sys.stdout)


def near(path: Path) -> str:
    """The path from here where it lies below, as a person would type it."""
    try:
        return clean(str(path.relative_to(Path.cwd())))
    except ValueError:
        return clean(str(path))
