"""The verbs of ``%flow``: words in, an answer below the cell.

Each verb asks the pipeline (``nbflow.api``) that this notebook belongs to. The options are those of the command
line, read by the same code. Loaded when ``%flow`` is first used; ``flow`` reads the line and puts errors into words.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import click
from click.shell_completion import CompletionItem

from nbflow import ops
from nbflow.api import Pipeline, Run, StepRun
from nbflow.api.shown import Shown
from nbflow.errors import InvalidPipeline, NbflowError, UsageError, did_you_mean
from nbflow.ops.commands import Typed
from nbflow.render import html
from nbflow.runtime.failure import StepError
from nbflow.ui import parameters
from nbflow.ui.magic import FLOW, desk, loading, offers, running
from nbflow.ui.magic.live import publish
from nbflow.ui.magic.session import Interrupted, Session, say
from nbflow.ui.options import jobs_option, parameter_options_with

if TYPE_CHECKING:
    from nbflow.ui.magic.panel import Panel

pass_session = click.make_pass_decorator(Session)


class Verbs(click.Group):
    """The verbs, in the order in which a person meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(self.commands)

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002 (click's signature)
        return FLOW.rstrip()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word not in self.commands and not ctx.resilient_parsing:
            raise self._unknown(ctx.obj, word)
        return super().resolve_command(ctx, args)

    def _unknown(self, session: Session, word: str) -> UsageError:
        near = did_you_mean(word, self.commands)
        fix = "" if near else f"Verbs: {', '.join(self.commands)}."
        if word.endswith(".ipynb"):
            near, fix = "", f"To say that this kernel belongs to it: %flow use {word}"
        elif word.strip("+") in dict(offers.steps_of(session)):
            near, fix = "", f"To run that step: %flow run {word}"
        return UsageError(f"%flow has no verb '{word}'.{near}", fix)


# --- options -------------------------------------------------------------------------------------------

F = Callable[..., Any]


class Given(NamedTuple):
    """The parameters on a line: their values, and the words that say so."""

    values: dict[str, Any]
    pairs: Sequence[str]
    yaml_texts: Sequence[str]
    files: Sequence[Path]


def _parameters(command: F) -> F:
    """The options that set parameters, as one argument ``given``."""

    @wraps(command)
    def with_given(
        *words: Any, pairs: Sequence[str], yaml_texts: Sequence[str], files: Sequence[Path], **options: Any
    ) -> Any:
        given = Given(parameters.read(pairs, yaml_texts, files), pairs, yaml_texts, files)
        return command(*words, given=given, **options)

    return parameter_options_with(offers.parameter)(with_given)


def _selection(command: F) -> F:
    """Steps as words, and as on the command line."""
    for option in (
        click.option("--exclude", multiple=True, metavar="STEPS", shell_complete=offers.selector,
                     help="Leave these steps out."),
        click.option("-s", "--select", multiple=True, metavar="STEPS", shell_complete=offers.selector,
                     help="Take these steps only; the same as the words without an option."),
        click.argument("steps", nargs=-1, metavar="[STEPS]...", shell_complete=offers.selector),
    ):  # fmt: skip
        command = option(command)
    return command


def _complete_verb(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in flow.list_commands(ctx) if name.startswith(incomplete)]


# --- the verbs -----------------------------------------------------------------------------------------


def _show(session: Session, answer: Shown) -> None:
    for bundle in answer.bundles():
        publish(session.shell, bundle)


def _asked(session: Session) -> Pipeline:
    """The pipeline, once it is said what of it is not saved."""
    desk.tell_unsaved(session)
    return desk.pipeline(session)


@click.group(
    cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}, name="%flow"
)
@click.pass_context
def flow(ctx: click.Context) -> None:
    """The pipeline of this notebook."""
    if ctx.invoked_subcommand is None:
        session: Session = ctx.obj
        pipeline = _asked(session)
        if session.cell_id is None or not _stands(session, pipeline):
            _show(session, pipeline)
        desk.tell_errors(session)


def _stands(session: Session, pipeline: Pipeline) -> bool:
    """Show where every step stands; False where that cannot be told."""
    try:
        _panel(session, pipeline, running.Asked(Typed(), {})).stand()
    except InvalidPipeline:
        return False
    return True


def _panel(session: Session, pipeline: Pipeline, asked: running.Asked, resume: str = "%flow run") -> Panel:
    """A panel below this cell, in the place of the one that stood there."""
    from nbflow.ui.magic.panel import Panel  # it loads what widgets stand on

    cell = session.cell_id or ""
    if cell in session.panels:
        session.panels.pop(cell).close()
    session.panels[cell] = Panel(session, pipeline, asked, resume)
    return session.panels[cell]


@flow.command()
@_selection
@_parameters
@jobs_option
@click.option("--force", is_flag=True, help="Run the selected steps again, fresh or not.")
@click.option("--fail-fast", is_flag=True, help="After the first failure start nothing new.")
@click.option(
    "--wait",
    is_flag=True,
    help="Watch it to its end, and let the cell fail if a step fails, so that Run All and papermill stop.",
)
@pass_session
def run(
    session: Session, steps: tuple[str, ...], select: tuple[str, ...], exclude: tuple[str, ...], given: Given,
    jobs: int | None, force: bool, fail_fast: bool, wait: bool,
) -> None:  # fmt: skip
    """Run what is stale, each step in a clean kernel of its own, and reuse the rest.

    The run is a process of its own, which goes on when the tab is closed or
    the kernel ends. The cell is done at once and shows the run live; run it
    again to attach to a run that goes on. With --wait the cell watches the run
    to its end, and an interrupt cancels it; so it is where nobody sits at the
    page, as under papermill.
    """
    typed = Typed((), *given[1:], (*steps, *select), exclude, jobs)
    resume = _again(typed)
    asked = running.Asked(typed, given.values, force, fail_fast)
    if session.cell_id is not None and not wait:
        _panel(session, _asked(session), asked, resume).run()
        return
    made = running.run(session, _asked(session), asked, resume)
    if made.status == "cancelled":
        raise Interrupted(f"the run was cancelled; what succeeded is kept. To resume: {resume}")
    if made.status == "crashed":
        raise NbflowError(f"Run {made.id} is lost: its process was killed.", f"To resume: {resume}")
    if wait and made.failed:
        raise _failed(made, made.failed)


def _failed(made: Run, failed: Sequence[StepRun]) -> StepError:
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    error = failed[0].failure.error if failed[0].failure else ""
    return StepError(f"step `{failed[0].name}` failed{others}: {error}.", f"To resume: {made.resume}")


def _again(typed: Typed) -> str:
    """The line to run again: without what makes steps run anew."""
    parameters = [(o, v) for o, vs in (("-p", typed.pairs), ("-y", typed.yaml_texts), ("-f", typed.files)) for v in vs]
    options = [*(("--exclude", term) for term in typed.exclude), *parameters]
    words = ["run", *typed.select, *(str(word) for option in options for word in option)]
    return f"%flow {shlex.join(words)}" + (f" -j {typed.jobs}" if typed.jobs else "")


@flow.command()
@_selection
@_parameters
@pass_session
def plan(
    session: Session, steps: tuple[str, ...], select: tuple[str, ...], exclude: tuple[str, ...], given: Given
) -> None:
    """Say what would run or be reused, and why."""
    _show(session, _asked(session).plan([*steps, *select], exclude=exclude, parameters=given.values))


@flow.command()
@_parameters
@pass_session
def status(session: Session, given: Given) -> None:
    """Show where every step stands: fresh, stale or without a result."""
    _show(session, _asked(session).status(parameters=given.values))


@flow.command()
@click.argument("step", shell_complete=offers.step)
@_parameters
@pass_session
def why(session: Session, step: str, given: Given) -> None:
    """Say why STEP would run or be reused, field by field."""
    _show(session, _asked(session).why(step, parameters=given.values))


@flow.command()
@pass_session
def check(session: Session) -> None:
    """Look for mistakes, without running anything."""
    _show(session, _asked(session).check())


@flow.command()
@click.argument("step", shell_complete=offers.step)
@click.option("--inputs", is_flag=True, help="What the step takes, in place of what it made.")
@_parameters
@pass_session
def load(session: Session, step: str, inputs: bool, given: Given) -> None:
    """Put what STEP made into this kernel, from its newest result that is still fresh.

    Names that are bound here are bound anew. Parameters count as they are here, unless they are given.
    """
    desk.tell_unsaved(session)
    live = session.live(desk.notebook(session), given.values)
    if failed := loading.failed(step, live):
        say(failed)
    loaded = loading.inputs(step, live) if inputs else loading.outputs(step, live)
    session.names.update({**loaded.values, **loaded.paths})
    for line in desk.loaded_lines(loaded, takes=inputs):
        say(line)


@flow.command()
@click.argument("run", required=False, default="last", metavar="[RUN]")
@pass_session
def report(session: Session, run: str) -> None:
    """Say where the report of RUN is, a page with all there is to see.

    Without RUN it is that of the last one. One that is not there yet is made.
    """
    with desk.pipeline(session).opened() as project:
        place = ops.report(project.settings, run)
    folder = desk.notebook(session).parent.resolve()
    address = quote(Path(os.path.relpath(place.resolve(), folder)).as_posix())
    page = html.document(html.link(desk.near(place), address))
    publish(session.shell, {"text/html": page, "text/plain": desk.near(place)})


@flow.command()
@click.argument("path", required=False, metavar="[NOTEBOOK]", shell_complete=offers.notebook)
@pass_session
def use(session: Session, path: str | None) -> None:
    """Say which notebook this kernel belongs to, where nbflow cannot tell; without NOTEBOOK: ask."""
    if path is not None:
        session.use(desk.found(session, path))
    say(f"this kernel belongs to {desk.near(desk.notebook(session))}")


@flow.command(name="help")
@click.argument("verb", required=False, metavar="[VERB]", shell_complete=_complete_verb)
@click.pass_context
def help_(ctx: click.Context, verb: str | None) -> None:
    """Say what there is, or the options of a VERB."""
    command = flow if verb is None else flow.resolve_command(ctx, [verb])[1]
    assert command is not None
    with click.Context(command, info_name=f"%flow {verb}" if verb else "%flow") as about:
        click.echo(command.get_help(about))
