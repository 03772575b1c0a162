"""A run that has ended, in words: the table, what went wrong and where to look, and how to go on.

The traceback shown is the step's own. It draws what the run came to and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from nbflow.api.ending import Ending, Failure, StepRun
from nbflow.api.shown import Bundle, table, words
from nbflow.journal import Failure as LastFailure
from nbflow.render import html, text
from nbflow.render.columns import cut, paint
from nbflow.render.history import RUNS
from nbflow.render.words import bounded, clean, clean_block, count, day_and_time, duration

NOTHING = "Nothing is selected, so there was nothing to do."


def outcome(run: Ending, *, colour: bool = False, width: int = 0) -> str:
    """The whole of it. ``colour`` asks for colour codes; ``width``: of the terminal in characters, 0 for no limit."""
    if not run.steps:
        return NOTHING
    drawn = _Drawn(colour, width)
    blocks = [
        text.final_table(run.view, colour=colour, width=width),
        "\n".join(drawn.warnings(run)),
        *("\n".join(drawn.failure(step, step.failure)) for step in run.failed if step.failure),
        "\n".join(drawn.end(run)),
    ]
    return "\n\n".join(block for block in blocks if block)


def outcome_bundle(run: Ending) -> Bundle:
    """The same for a notebook."""
    if not run.steps:
        return words(NOTHING)
    right = (text.RUN_HEADER.index("time"),)
    rows = text.run_rows(run.view["steps"])
    return table(outcome(run), text.RUN_HEADER, rows, *_below(run), right=right)


def _below(run: Ending) -> Iterator[Element]:
    drawn = _Drawn(colour=False, width=0)
    for line in drawn.warnings(run):
        yield html.paragraph(line)
    for step in run.failed:
        if step.failure:
            head, *more = drawn.failure(step, step.failure)
            yield html.paragraph(head)
            if _has_more(step.failure):
                yield html.block(more.pop(0))
            for line in more:
                yield html.paragraph(line.strip())
    for line in drawn.end(run):
        yield html.paragraph(line.strip())


def last_failure(step: str, failure: LastFailure, executed: Path | None, *, colour: bool = False) -> str:
    """What is said of a step whose last attempt came to nothing. ``executed``: its executed notebook."""
    where = f" in cell {failure.cell}" if failure.cell else ""
    style = "bold red" if failure.status == "failed" else "bold magenta"
    head = f"✘ {clean(step)} {failure.status} {day_and_time(failure.time)} in run {failure.run}{where}:"
    lines = [f"{paint(head, style) if colour else head} {clean(failure.error)}"]
    if executed is not None:
        lines.append(f"  Its executed notebook: {near(executed)}")
    return "\n".join(lines)


def near(path: Path) -> str:
    """The path from here where it lies below, as a person would type it."""
    try:
        return clean(str(path.relative_to(Path.cwd())))
    except (ValueError, OSError):  # it lies elsewhere, or nobody knows where here is
        return clean(str(path))


class _Drawn:
    """Lines as a terminal takes them."""

    def __init__(self, colour: bool, width: int) -> None:
        self.colour = colour
        self.width = width

    def warnings(self, run: Ending) -> Iterator[str]:
        for step in run.steps.values():
            for warning in step.warnings:
                yield f"{self._painted('warning', 'yellow')} {clean(step.name)}: {clean(warning)}"

    def failure(self, step: StepRun, failure: Failure) -> Iterator[str]:
        """What failed, its traceback, and where its notebook is."""
        name = clean(step.name)
        where = f" in cell {failure.cell}" if failure.cell else ""
        if failure.crashed:
            yield f"{self._painted(f'✘ {name} crashed{where}:', 'bold magenta')} {clean(failure.error)}"
        else:
            head = f"✘ {name} failed{where}:"
            error = clean(failure.error)
            if _has_more(failure) and self.width:  # the traceback says it whole
                error = cut(error, max(40, self.width - len(head) - 1))
            yield f"{self._painted(head, 'bold red')} {error}"
            if _has_more(failure):
                yield bounded(clean_block(failure.traceback, colour=self.colour).rstrip())
        if step.executed is not None:
            yield f"  Its executed notebook: {near(step.executed)}"

    def end(self, run: Ending) -> Iterator[str]:
        """How it ended, where the notebooks are, and how to go on."""
        status = run.view["status"]
        sign, style = RUNS[status]
        ended = f"{status} {'in' if status in ('succeeded', 'failed') else 'after'}"
        if status == "unknown":
            ended = "was last heard of after"
        counts = text.counts(run.view)
        yield f"{self._painted(sign, style)} Run {run.view['run']} {ended} {duration(run.seconds)}: {counts}."
        for path in run.notebooks.values():
            yield f"  Executed notebook: {near(path)}"
        if run.report is not None:
            yield f"  Report: {near(run.report)}"
        if run.kept is not None:
            yield f"  What lay in the place of outputs and was not made by their steps is kept in {near(run.kept)}"
        doubts = sum(f.severity == "warning" for f in run.findings)
        if doubts:
            yield f"  The check has {count(doubts, 'warning')}; nbflow check shows what."
        if status == "unknown":
            yield "  Whether it still goes on can only be told on the host that started it."
        elif status != "succeeded":
            yield f"  To resume: {run.resume}  (what succeeded is reused)"
        if run.remark:
            yield f"  {run.remark}"

    def _painted(self, words: str, style: str) -> str:
        return paint(words, style) if self.colour else words


def _has_more(failure: Failure) -> bool:
    """Whether the traceback says more than the one line."""
    return not failure.crashed and failure.traceback.strip() not in ("", failure.error.strip())
