"""What is printed when a run has ended: the table, what went wrong and where to look, and how to go on.

The traceback shown is the user's own. It draws what the run came to and decides nothing.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbflow.core.events import Event, StepCrashed, StepFailed
from nbflow.core.view import RunView, StepView
from nbflow.ops import Finished
from nbflow.project import Project
from nbflow.render import text
from nbflow.render.columns import cut
from nbflow.render.words import clean, clean_block, count, duration
from nbflow.ui import terminal

SIGNS = {"succeeded": ("✔", "green"), "failed": ("✘", "bold red"), "cancelled": ("■", "yellow")}

Failure = StepFailed | StepCrashed


def summary(project: Project, finished: Finished, seen: RunView, events: Sequence[Event], command: str) -> str:
    """The whole of it, for stdout. ``command``: what a person types to go on."""
    if not seen["steps"]:
        return "Nothing is selected, so there was nothing to do."
    blocks = [
        text.final_table(seen, colour=terminal.has_colour(sys.stdout), width=terminal.width(sys.stdout)),
        "\n".join(_warnings(seen)),
        *_failures(seen, events, finished.folder),
        "\n".join(_end(project, finished, seen, events, command)),
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


def _end(project: Project, finished: Finished, seen: RunView, events: Sequence[Event], command: str) -> Iterator[str]:
    sign, style = SIGNS[finished.status]
    spent = duration(events[-1].at - events[0].at) if events else ""
    how = "after" if finished.status == "cancelled" else "in"
    yield f"{_painted(sign, style)} Run {finished.id} {finished.status} {how} {spent}: {text.counts(seen)}."
    for path in project.files:
        if (finished.folder / path).exists():
            yield f"  Executed notebook: {near(finished.folder / path)}"
    doubts = sum(f.severity == "warning" for f in finished.findings)
    if doubts:
        yield f"  The check has {count(doubts, 'warning')}; nbflow check shows what."
    if finished.status != "succeeded":
        yield f"  To resume: {command}  (what succeeded is reused)"


def _painted(words: str, style: str) -> str:
    return terminal.painted(words, style, sys.stdout)


def near(path: Path) -> str:
    """The path from here where it lies below, as a person would type it."""
    try:
        return clean(str(path.relative_to(Path.cwd())))
    except ValueError:
        return clean(str(path))


def resume_command(
    sources: Sequence[Path], pairs: Sequence[str] = (), yaml_texts: Sequence[str] = (), files: Sequence[Path] = (),
    select: Sequence[str] = (), exclude: Sequence[str] = (), jobs: int | None = None, executor: str | None = None,
) -> str:  # fmt: skip
    """The words to type again: those that say what to run and with what, without those that make it run anew."""
    words = ["nbflow", "run", *(f"./{s}" if str(s).startswith("-") else str(s) for s in sources)]
    repeated = (("-p", pairs), ("-y", yaml_texts), ("-f", files), ("-s", select), ("--exclude", exclude))
    for option, values in repeated:
        for value in values:
            words += [option, str(value)]
    words += ["-j", str(jobs)] if jobs is not None else []
    words += ["--executor", executor] if executor is not None else []
    return clean(shlex.join(words))
