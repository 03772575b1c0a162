"""The ``nbflow`` command: words in, a verb of ``nbflow.ops``, words out.

Progress and messages go to stderr; what was asked for goes to stdout. Heavy imports wait until a verb needs them, so
that ``nbflow --help`` answers at once. Drawing is ``render``'s; the live display is ``ui.progress``'s, and how a
command ends is ``ui.endings``'.
"""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

import nbflow
from nbflow.errors import UsageError
from nbflow.ui import alerts, attending, cache, doctor, history
from nbflow.ui.endings import DONE, EPILOG, STALE, USAGE, explained
from nbflow.ui.options import (
    jobs_option,
    json_option,
    parameter_options,
    selection_options,
    sources_argument,
    step_argument,
)

if TYPE_CHECKING:
    from nbflow.core.model import Finding, Reason, Record
    from nbflow.core.plan import Plan
    from nbflow.executors import Executor
    from nbflow.ops import StepStatus
    from nbflow.project import Project


class Commands(click.Group):
    """Commands in the order in which a person meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not ctx.resilient_parsing and Path(args[0]).suffix == ".ipynb":
            raise click.UsageError(f"'{args[0]}' is not a command. To run that notebook: nbflow run {args[0]}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(nbflow.__version__, prog_name="nbflow")
def cli() -> None:
    """Run tagged Jupyter notebooks as pipelines.

    Begin a code cell with a line that names a step and says what it takes
    and makes:

    \b
        %%step clean -i raw -o table

    Then run the notebook: every step in a clean kernel of its own, in
    parallel where the data allow, skipping what is already made.

    \b
        nbflow check notebook.ipynb       is anything missing?
        nbflow run notebook.ipynb         make what is stale
        nbflow why clean notebook.ipynb   what has changed?
    """


def main(executor: Executor | None = None) -> None:
    """Entry point of the ``nbflow`` command. ``executor``: what runs the steps, in place of the one in the settings."""
    # One command allocates much and drops little: looking for cycles all the time would cost a third of a plan.
    gc.set_threshold(200_000)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a sign that the terminal's encoding lacks is no reason to stop
    cli(prog_name="nbflow", obj=executor)


def _open(sources: Sequence[Path], parameters: Mapping[str, Any] | None = None, **flags: Any) -> Project:
    from nbflow.project import open_project

    return open_project(sources, parameters=parameters, **flags)


def _parameters(pairs: Sequence[str], yaml_texts: Sequence[str], files: Sequence[Path]) -> dict[str, Any]:
    from nbflow.ui import parameters

    return parameters.read(pairs, yaml_texts, files)


# --- run -----------------------------------------------------------------------------------------------


@cli.command()
@sources_argument
@parameter_options
@selection_options
@jobs_option
@click.option("--force", is_flag=True, help="Run the selected steps again, fresh or not.")
@click.option("--no-cache", is_flag=True, help="Another word for --force.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--fail-fast", is_flag=True, help="After the first failure start nothing new.")
@click.option("--executor", metavar="NAME", help="What runs the steps.  [default: papermill]")
@click.option("--kernels", metavar="HOW", help="warm: made ready ahead; cold: each when needed.  [default: warm]")
@click.option("--detach", "detached", is_flag=True, help="Let the run go on by itself, and return at once.")
@click.option("--json", "as_json", is_flag=True, help="Print what happens as JSON, an event a line.")
@explained
def run(
    sources: tuple[Path, ...], pairs: tuple[str, ...], yaml_texts: tuple[str, ...], files: tuple[Path, ...],
    select: tuple[str, ...], exclude: tuple[str, ...], jobs: int | None, force: bool, no_cache: bool, dry_run: bool,
    fail_fast: bool, executor: str | None, kernels: str | None, detached: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run what is stale, and reuse the rest.

    Without a NOTEBOOK or FOLDER: what the setting `notebooks` of
    [tool.nbflow] in pyproject.toml names, else all notebooks of this folder
    that have steps.
    """
    from nbflow import ops
    from nbflow.ops.commands import Typed, command_of
    from nbflow.ui.running import detach, perform

    if force and no_cache:
        raise UsageError("--force and --no-cache do not go together.", "They mean the same: give one of them.")
    typed = Typed(sources, pairs, yaml_texts, files, select, exclude, jobs, executor, kernels)
    forced: Any = "forced" if force else "no-cache" if no_cache else ""
    anew = [word for word, is_on in (("--force", bool(forced)), ("--fail-fast", fail_fast)) if is_on]
    if detached and not dry_run:
        return detach([*typed.words, *anew], as_json=as_json)
    given = _parameters(pairs, yaml_texts, files)
    flags = {"jobs": jobs, "fail_fast": fail_fast or None, "executor": executor, "kernels": kernels}
    with _open(sources, given, **flags) as project:
        if dry_run:
            _show_plan(project, ops.dry_run(project, project.planner(forced=forced), select, exclude), as_json)
            return DONE
        whole = command_of([*typed.words, *anew])
        options = {"terms": select, "exclude": exclude, "forced": forced, "command": whole}
        executing = click.get_current_context().obj
        return perform(project, options, command_of(typed.words), executing, as_json=as_json)


# --- plan, graph, check --------------------------------------------------------------------------------


@cli.command()
@sources_argument
@parameter_options
@selection_options
@click.option("--check", is_flag=True, help="End with 3 if a step is certain to run.")
@json_option("the plan")
@explained
def plan(
    sources: tuple[Path, ...], pairs: tuple[str, ...], yaml_texts: tuple[str, ...], files: tuple[Path, ...],
    select: tuple[str, ...], exclude: tuple[str, ...], check: bool, as_json: bool,
) -> int:  # fmt: skip
    """Say what would run or be reused, and why."""
    from nbflow import ops

    with _open(sources, _parameters(pairs, yaml_texts, files)) as project:
        made = ops.dry_run(project, project.planner(), select, exclude)
        _show_plan(project, made, as_json)
        return STALE if check and made.stale else DONE


def _show_plan(project: Project, made: Plan, as_json: bool) -> None:
    from nbflow import ops
    from nbflow.render import text
    from nbflow.ui.terminal import answer, answer_json, has_colour, width

    if as_json:
        answer_json(ops.plan_json(project.pipeline, made))
        return
    answer(text.plan_table(project.pipeline, made, colour=has_colour(sys.stdout), width=width(sys.stdout)))
    answer("\n" + text.plan_summary(made))


@cli.command()
@sources_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "svg", "dot", "mermaid", "json"]),
    default="text",
    metavar="FORM",
    help="text, svg (a picture), dot (for Graphviz), mermaid (for Markdown) or json.  [default: text]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@explained
def graph(sources: tuple[Path, ...], form: str, as_json: bool) -> int:
    """Draw the steps and what flows between them."""
    from nbflow import ops
    from nbflow.errors import MissingLayoutEngine
    from nbflow.render import dag, graphs
    from nbflow.ui.terminal import answer, answer_json, tell

    with _open(sources) as project:
        if as_json or form == "json":
            answer_json(ops.graph_json(project.pipeline))
        else:
            forms = {"text": graphs.text, "svg": dag.svg, "dot": graphs.dot, "mermaid": graphs.mermaid}
            try:
                answer(forms[form](project.pipeline))
            except MissingLayoutEngine:
                tell(graphs.text(project.pipeline))  # not as the answer: a file of that name should be a picture
                raise
        wrong = [f for f in project.pipeline.findings if f.severity == "error"]
        if wrong:
            _show_findings(project, wrong, sys.stderr)
        return USAGE if wrong else DONE


@cli.command()
@sources_argument
@click.option("--fix", "do_fix", is_flag=True, help="Write what is not declared into the %%step lines.")
@json_option("the findings")
@explained
def check(sources: tuple[Path, ...], do_fix: bool, as_json: bool) -> int:
    """Look for mistakes, without running anything."""
    from nbflow.render import text
    from nbflow.render.words import count
    from nbflow.ui.terminal import answer, answer_json

    changes = _fix(sources) if do_fix else []
    with _open(sources) as project:
        found = project.findings()
        wrong = any(f.severity == "error" for f in found)
        if as_json:
            answer_json({"findings": [_finding_json(f) for f in found]})
            return USAGE if wrong else DONE
        for change in changes:
            answer(text.change(*change) + "\n")
        if found:
            _show_findings(project, found, sys.stdout)
            answer("")
        answer(f"{count(len(project.pipeline.steps), 'step')} checked: {text.findings_summary(found)}.")
        if not do_fix and any(f.add_inputs or f.add_outputs for f in found):
            answer("nbflow check --fix writes what is not declared.")
        return USAGE if wrong else DONE


def _fix(sources: Sequence[Path]) -> list[tuple[str, int, str, str]]:
    """Write declarations until none is missing: ``(notebook, cell, old line, new line)`` in the order of the cells."""
    from nbflow import ops

    lines: dict[tuple[str, int], tuple[str, str]] = {}
    for _ in range(10):  # a declaration may bring the next missing one to light
        with _open(sources) as project:
            changes = ops.fix(project)
        for notebook, cell, old, new in changes:
            lines[notebook, cell] = (lines.get((notebook, cell), (old, ""))[0], new)
        if not changes:
            break
    return [(notebook, cell, *lines[notebook, cell]) for notebook, cell in sorted(lines)]


def _show_findings(project: Project, found: Sequence[Finding], stream: TextIO) -> None:
    from nbflow.render import text
    from nbflow.ui.terminal import answer, has_colour, tell, width

    drawn = text.findings(found, project.first_lines(found), colour=has_colour(stream), width=width(stream))
    (answer if stream is sys.stdout else tell)(drawn)


def _finding_json(f: Finding) -> dict[str, Any]:
    return {
        "code": f.code, "severity": f.severity, "notebook": f.notebook, "cell": f.cell, "step": f.step,
        "message": f.message, "fix": f.fix,
    }  # fmt: skip


# --- why, status, completion ---------------------------------------------------------------------------


@cli.command()
@step_argument
@sources_argument
@parameter_options
@json_option("the reasons")
@explained
def why(
    step: str, sources: tuple[Path, ...], pairs: tuple[str, ...], yaml_texts: tuple[str, ...], files: tuple[Path, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Say why STEP would run or be reused, field by field."""
    from nbflow import ops
    from nbflow.render import text
    from nbflow.ui.terminal import answer, answer_json, width

    if step.endswith(".ipynb"):
        raise UsageError(f"'{step}' is a notebook, and the step comes first.", f"Write: nbflow why STEP {step}")
    with _open(sources, _parameters(pairs, yaml_texts, files)) as project:
        planner = project.planner()
        found = ops.explain(project, planner, step)
        if as_json:
            answer_json({
                "step": found.step.name, "id": found.step.id, "action": found.action, "certain": found.certain,
                "reasons": _reasons_json(found.reasons), "last": _last_json(found.last),
            })  # fmt: skip
            return
        answer(text.explanation(found.step, found.action, found.certain, found.reasons, found.last, width(sys.stdout)))


@cli.command()
@sources_argument
@parameter_options
@json_option("the state of every step")
@explained
def status(
    sources: tuple[Path, ...], pairs: tuple[str, ...], yaml_texts: tuple[str, ...], files: tuple[Path, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Show where every step stands: fresh, stale or without a result; and
    which steps failed when they were last tried.
    """
    from nbflow import ops
    from nbflow.render import text
    from nbflow.ui.summary import last_failure
    from nbflow.ui.terminal import answer, answer_json, has_colour, width

    with _open(sources, _parameters(pairs, yaml_texts, files)) as project:
        planner = project.planner()
        rows = ops.status(project, planner)
        if as_json:
            answer_json({"steps": [{
                "name": r.step.name, "id": r.step.id, "state": r.state, "reasons": _reasons_json(r.reasons),
                "last": _last_json(r.last), "failure": _failure_json(project, r),
            } for r in rows]})  # fmt: skip
            return
        lines = text.status_lines((r.step.name, r.state, r.reasons, r.last) for r in rows)
        answer(text.status_table(lines, colour=has_colour(sys.stdout), width=width(sys.stdout)))
        for r in rows:
            if r.failure is not None:
                answer("\n" + last_failure(r.step.name, r.failure, r.executed))
        if any(r.state == "invalid" for r in rows):
            answer("\nnbflow check says what is wrong with those that are invalid.")


def _failure_json(project: Project, row: StepStatus) -> dict[str, Any] | None:
    failure = row.failure
    return None if failure is None else {
        "status": failure.status, "run": failure.run, "time": failure.time, "attempt": failure.attempt,
        "error": failure.error, "cell": failure.cell,
        "notebook": row.executed.relative_to(project.root).as_posix() if row.executed else None,
    }  # fmt: skip


def _reasons_json(reasons: Sequence[Reason]) -> list[dict[str, str]]:
    return [{"kind": r.kind, "detail": r.detail} for r in reasons]


def _last_json(last: Record | None) -> dict[str, Any] | None:
    return None if last is None else {"run": last.run, "created": last.created, "seconds": last.seconds}


for command in (
    attending.attach,
    attending.cancel,
    attending.retry,
    history.runs,
    history.show,
    history.diff,
    history.report,
    cache.cache,
):
    cli.add_command(command)
cli.add_command(alerts.alerts)
cli.add_command(doctor.doctor)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@explained
def completion(shell: str) -> None:
    """Print what teaches a SHELL our commands and step names.

    Add the line for your shell to its start-up file:

    \b
        ~/.bashrc                    eval "$(nbflow completion bash)"
        ~/.zshrc                     eval "$(nbflow completion zsh)"
        ~/.config/fish/config.fish   nbflow completion fish | source
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(cli, {}, "nbflow", "_NBFLOW_COMPLETE").source())
