"""The commands that look back: ``nbflow runs``, ``show``, ``diff`` and ``report``. But for the last they write nothing,
also where they could."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbflow.ui.endings import explained
from nbflow.ui.options import complete_run, json_option

if TYPE_CHECKING:
    from nbflow.ops.history import Story
    from nbflow.ops.step_history import StepStory


@click.command()
@click.option("-l", "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
              help="The newest N runs.")  # fmt: skip
@json_option("the runs")
@explained
def runs(limit: int, as_json: bool) -> None:
    """List the runs of this project, newest first."""
    from nbflow import ops
    from nbflow.render import history as drawing
    from nbflow.ui.terminal import answer, answer_json, has_colour, width

    found = ops.past_runs(ops.settings_here().root, limit)
    if as_json:
        answer_json(ops.runs_json(found))
    elif not found:
        answer("There are no runs yet.")
    else:
        lines = [
            drawing.RunLine(r.row.id, r.row.status, r.row.started, r.steps, r.counts, r.seconds, r.command)
            for r in found
        ]
        answer(drawing.runs_table(lines, colour=has_colour(sys.stdout), width=width(sys.stdout)))


@click.command()
@click.argument("run", metavar="[RUN[/STEP]]", default="last", shell_complete=complete_run)
@click.option("--lines", type=click.IntRange(min=0), default=20, show_default=True, metavar="N",
              help="Of what a step printed, the last N lines.")  # fmt: skip
@json_option("the run, or the step,")
@explained
def show(run: str, lines: int, as_json: bool) -> None:
    """Show a run and where its time went, or one step of it.

    RUN is the id of a run, the beginning of one, or `last`, which it is
    where nothing is given.

    \b
        nbflow show                the newest run
        nbflow show last/train     its step train
    """
    from nbflow import ops
    from nbflow.ui.terminal import answer, answer_json, tell

    run, _, step = run.partition("/")
    told = ops.story(ops.settings_here(), run or "last")
    if told.notice:
        tell(f"nbflow: {told.notice}.")
    if not step:
        if as_json:
            answer_json(ops.run_json(told))
        else:
            answer("\n\n".join(block for block in _run(told) if block))
        return
    found = ops.step_story(told, step, lines)
    if as_json:
        answer_json(ops.step_json(told, found))
    else:
        answer("\n\n".join(block for block in _step(told, found) if block))


@click.command()
@click.argument("old", metavar="[OLD]", default="", shell_complete=complete_run)
@click.argument("new", metavar="[NEW]", default="last", shell_complete=complete_run)
@json_option("what is different")
@explained
def diff(old: str, new: str, as_json: bool) -> None:
    """Compare two runs: parameters, steps, numbers and times.

    NEW is the newest run where it is not given, and OLD the one before it
    of the same notebooks.

    \b
        nbflow diff                the newest run with the one before it
        nbflow diff 20261128-07    that run with the newest one
    """
    from nbflow import ops
    from nbflow.render import comparing as drawing
    from nbflow.ui.terminal import answer, answer_json, has_colour, width

    found = ops.compare(ops.settings_here(), old, new)
    if as_json:
        answer_json(ops.comparison_json(found))
    else:
        answer(drawing.comparison(found, colour=has_colour(sys.stdout), width=width(sys.stdout)))


@click.command()
@click.argument("run", metavar="[RUN]", default="last", shell_complete=complete_run)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write it there, to be given away.")  # fmt: skip
@click.option(
    "--compare",
    "against",
    metavar="OLD",
    default="",
    shell_complete=complete_run,
    help="Compare it with that run.  [default: the one before it]",
)
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser.")
@json_option("where it is")
@explained
def report(run: str, output: Path | None, against: str, in_browser: bool, as_json: bool) -> None:
    """Say where the report of a run is, a page with all there is to see.

    RUN is the id of a run, the beginning of one, or `last`, which it is
    where nothing is given. A run writes its report as it ends; where there
    is none, or the run still goes on, it is made now.
    """
    from nbflow import ops
    from nbflow.api.words import near
    from nbflow.ui.terminal import answer, answer_json

    place = ops.report(ops.settings_here(), run, output, against)
    if as_json:
        answer_json({"report": str(place)})
    else:
        answer(near(place))
    if in_browser:
        click.launch(place.absolute().as_uri())


def _run(told: Story) -> Iterator[str]:
    from nbflow.api.words import near
    from nbflow.render import history as drawing
    from nbflow.render.words import clean
    from nbflow.ui.terminal import has_colour, width

    colour = has_colour(sys.stdout)
    folder = near(told.folder) if told.folder.is_dir() else ""
    yield drawing.run_head(told.view, told.seconds, told.command, folder, colour=colour)
    if told.view["steps"]:
        yield drawing.steps_table(told.view, told.timing, colour=colour, width=width(sys.stdout))
    bad = [step for step in told.view["steps"] if step["error"]]
    yield "\n".join(f"{clean(step['name'])}: nbflow show {told.row.id}/{clean(step['name'])}" for step in bad[:5])
    if told.timing is not None:
        yield drawing.time_report(told.timing, _names(told))


def _step(told: Story, step: StepStory) -> Iterator[str]:
    from nbflow.api.words import near
    from nbflow.render import history as drawing
    from nbflow.render.words import clean_block
    from nbflow.ui.terminal import has_colour, width

    colour = has_colour(sys.stdout)
    yield drawing.step_head(step.view, told.row.id, colour=colour)
    if step.attempts:
        yield drawing.attempts_table(step.attempts, colour=colour, width=width(sys.stdout))
    yield drawing.step_time(step.time)
    lines = (
        [drawing.ThingLine(thing["name"], thing["type"], thing["size"], thing["step"]) for thing in things]
        for things in (step.inputs, step.outputs)
    )
    yield from map(drawing.things, ("input", "output"), lines)
    last = step.attempts[-1] if step.attempts else None
    if last is not None and last.error:
        yield clean_block(last.traceback or last.error, colour=colour).rstrip()
    yield drawing.printed(step.printed, colour=colour)
    if step.executed is not None:
        yield f"Its executed notebook: {near(step.executed)}"


def _names(told: Story) -> dict[str, str]:
    return {spec.name: spec.label for spec in told.run.shape.specs}
