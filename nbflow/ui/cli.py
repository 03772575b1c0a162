"""The ``nbflow`` command: words in, a verb of ``nbflow.ops``, words out.

Progress and messages go to stderr; what was asked for goes to stdout. Heavy imports wait until a verb needs them, so
that ``nbflow --help`` answers at once. Drawing is ``render``'s; the live display is ``ui.progress``'s.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

import nbflow
from nbflow.errors import InvalidPipeline, NbflowError, UsageError

if TYPE_CHECKING:
    from nbflow.core.model import Finding
    from nbflow.project import Project

F = TypeVar("F", bound=Callable[..., Any])

EPILOG = """\b
Exit codes: 0 done · 1 a step failed · 2 wrong usage or an invalid pipeline (nothing was run)
            3 stale (plan --check) · 4 nbflow itself failed · 130 cancelled"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(nbflow.__version__, prog_name="nbflow")
def cli() -> None:
    """Run tagged Jupyter notebooks as pipelines.

    Tag a cell with a first line such as

    \b
        %%step clean -i raw -o table

    and run the notebook: every step in a clean kernel of its own, in parallel where the data allow,
    skipping what is already made.
    """


def main() -> None:
    """Entry point of the ``nbflow`` command."""
    # One command allocates much and drops little: looking for cycles all the time would cost a third of a plan.
    gc.set_threshold(200_000)
    cli(prog_name="nbflow")


# --- what commands share -------------------------------------------------------------------------------


def sources_argument(command: F) -> F:
    kind = click.Path(path_type=Path)
    return click.argument("sources", nargs=-1, type=kind, metavar="[NOTEBOOK|FOLDER]...")(command)


def json_option(what: str) -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def parameter_options(command: F) -> F:
    options = (
        click.option("-p", "--parameter", "pairs", multiple=True, metavar="NAME=VALUE",
                     help="Set a parameter (read as papermill reads it). Repeat for more."),
        click.option("-y", "--yaml", "yaml_texts", multiple=True, metavar="YAML",
                     help="Set parameters as YAML: -y 'k: [1, 2]'."),
        click.option("-f", "--parameters-file", "files", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
                     help="Read parameters from a YAML or JSON file."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def selection_options(command: F) -> F:
    options = (
        click.option("-s", "--select", "select", multiple=True, metavar="STEPS",
                     help="Only these steps: train, +train (and what it needs), train+ (and what needs it), "
                          "2+train, 'fit_*', state:stale."),
        click.option("--exclude", multiple=True, metavar="STEPS", help="Leave these steps out."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def explained(command: Callable[..., int | None]) -> Callable[..., None]:
    """End with the right exit code, and say what is wrong in words instead of a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            code = command(*args, **options) or 0
            sys.stdout.flush()
        except NbflowError as error:
            _say_error(error)
            code = error.exit_code
        except BrokenPipeError:
            # The reader of our output has gone (``nbflow plan | head``): nothing more to say.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except KeyboardInterrupt:
            click.echo("nbflow: cancelled", err=True)
            code = 130
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            if os.environ.get("NBFLOW_DEBUG"):
                raise
            click.echo(f"nbflow: internal error: {type(error).__name__}: {error}", err=True)
            click.echo("This is a fault in nbflow. Set NBFLOW_DEBUG=1 to see where it happened.", err=True)
            code = 4
        sys.exit(code)

    return wrapped


def _say_error(error: NbflowError) -> None:
    from nbflow.render.words import clean, clean_block

    if isinstance(error, InvalidPipeline) and error.findings:
        _print_findings([f for f in error.findings if f.severity != "hint"], err=True, first_lines={})
    click.secho("nbflow: ", fg="red", nl=False, err=True)
    click.echo(clean_block(error.message), err=True)
    if error.fix:
        click.echo(f"  {clean(error.fix)}", err=True)


def _print_findings(found: Sequence[Finding], *, err: bool, first_lines: dict[tuple[str, int], str]) -> None:
    from nbflow.render import text

    if found:
        _console(err=err).print(text.findings(found, first_lines), soft_wrap=True)


def _console(*, err: bool = False) -> Any:
    from rich.console import Console

    # highlight: rich would colour numbers and paths inside other people's words.
    console = Console(stderr=err, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)
    return console


def _has_colour() -> bool:
    from nbflow.ui.progress import has_colour

    return has_colour(_console())


def _open(sources: Sequence[Path], parameters: dict[str, Any] | None = None, **flags: Any) -> Project:
    from nbflow.project import open_project

    return open_project(sources, parameters=parameters, **flags)


def _parameters(pairs: Sequence[str], yaml_texts: Sequence[str], files: Sequence[Path]) -> dict[str, Any]:
    from nbflow.ui import parameters

    return parameters.read(pairs, yaml_texts, files)


def _dump(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


# --- run -----------------------------------------------------------------------------------------------


@cli.command()
@sources_argument
@parameter_options
@selection_options
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Steps at a time (default: the number of cores)."
)
@click.option("--force", is_flag=True, help="Run the selected steps whatever is stored.")
@click.option(
    "--no-cache", is_flag=True, help="Run the selected steps once more, and keep the new results from then on."
)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--fail-fast", is_flag=True, help="After a failure start nothing new.")
@click.option("--executor", metavar="NAME", help="What runs the steps (default: papermill).")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, a line each.")
@explained
def run(
    sources: tuple[Path, ...], pairs: tuple[str, ...], yaml_texts: tuple[str, ...], files: tuple[Path, ...],
    select: tuple[str, ...], exclude: tuple[str, ...], jobs: int | None, force: bool, no_cache: bool, dry_run: bool,
    fail_fast: bool, executor: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Run what is stale.

    Without a NOTEBOOK or FOLDER: what [tool.nbflow] notebooks names, else the notebooks of this folder.
    """
    from nbflow import ops
    from nbflow.ui.progress import Progress

    if force and no_cache:
        raise UsageError(
            "--force and --no-cache do not go together.", "Both run the selected steps once more: give one of them."
        )
    forced: Any = "forced" if force else "no-cache" if no_cache else ""
    given = _parameters(pairs, yaml_texts, files)
    with _open(sources, given, jobs=jobs, fail_fast=fail_fast or None, executor=executor) as project:
        if dry_run:
            planner = project.planner(forced=forced)
            return _show_plan(project, ops.dry_run(project, planner, select, exclude), as_json)
        progress = Progress(project, as_json=as_json, console=_console(err=True), command=_command(sources))
        with progress.interrupts() as cancel:
            try:
                finished = ops.run(project, terms=select, exclude=exclude, forced=forced, on_start=progress.begin,
                                   on_event=progress.show, cancel=cancel)  # fmt: skip
            finally:
                progress.end()
        if not as_json:
            progress.summarise(finished, _console())
        return {"succeeded": 0, "failed": 1, "cancelled": 130}[finished.status]


def _command(sources: Sequence[Path]) -> str:
    """The words to type again."""
    import shlex

    return shlex.join(["nbflow", "run", *map(str, sources)])


# --- plan, graph, check --------------------------------------------------------------------------------


@cli.command()
@sources_argument
@parameter_options
@selection_options
@click.option("--check", is_flag=True, help="Exit with 3 if a step is certain to run.")
@json_option("the plan")
@explained
def plan(
    sources: tuple[Path, ...], pairs: tuple[str, ...], yaml_texts: tuple[str, ...], files: tuple[Path, ...],
    select: tuple[str, ...], exclude: tuple[str, ...], check: bool, as_json: bool,
) -> int:  # fmt: skip
    """Say what would run or be reused, and why. Runs nothing."""
    from nbflow import ops

    with _open(sources, _parameters(pairs, yaml_texts, files)) as project:
        made = ops.dry_run(project, project.planner(), select, exclude)
        _show_plan(project, made, as_json)
        return 3 if check and made.stale else 0


def _show_plan(project: Project, made: Any, as_json: bool) -> int:
    from nbflow import ops

    if as_json:
        _dump(ops.plan_json(project.pipeline, made))
        return 0
    from nbflow.render import text

    click.echo(text.plan_table(project.pipeline, made, colour=_has_colour()))
    click.echo(text.plan_summary(made))
    return 0


@cli.command()
@sources_argument
@click.option(
    "--format", "form", type=click.Choice(["text", "dot", "mermaid", "json"]), default="text", show_default=True
)
@explained
def graph(sources: tuple[Path, ...], form: str) -> int:
    """Draw the DAG."""
    from nbflow import ops
    from nbflow.render import graphs

    with _open(sources) as project:
        if form == "json":
            _dump(ops.graph_json(project.pipeline))
        else:
            click.echo({"text": graphs.text, "dot": graphs.dot, "mermaid": graphs.mermaid}[form](project.pipeline))
        wrong = [f for f in project.pipeline.findings if f.severity == "error"]
        _print_findings(wrong, err=True, first_lines={})
        return 2 if wrong else 0


@cli.command()
@sources_argument
@click.option("--fix", "do_fix", is_flag=True, help="Write the missing declarations into the %%step lines.")
@json_option("the findings")
@explained
def check(sources: tuple[Path, ...], do_fix: bool, as_json: bool) -> int:
    """Look for mistakes without running anything."""
    from nbflow import ops
    from nbflow.render import text
    from nbflow.render.words import clean

    changes = []
    if do_fix:
        for _ in range(10):  # A declaration may bring the next missing one to light.
            with _open(sources) as project:
                new = ops.fix(project)
            changes += new
            if not new:
                break
    with _open(sources) as project:
        found = project.findings()
        if as_json:
            _dump({"findings": [_finding_json(f) for f in found]})
        else:
            for notebook, cell, old, new_line in changes:
                click.echo(f"fixed {clean(notebook)}, cell {cell}\n  - {clean(old)}\n  + {clean(new_line)}")
            lines = {
                (o.notebook.path, c.number): c.source.strip().split("\n")[0]
                for o in project.pipeline.outlines.values()
                for c in o.notebook.cells
            }
            _print_findings(found, err=False, first_lines=lines)
            count = len(project.pipeline.steps)
            click.echo(f"{count} step{'s' if count != 1 else ''} checked: {text.findings_summary(found)}.")
        return 2 if any(f.severity == "error" for f in found) else 0


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code, "severity": finding.severity, "notebook": finding.notebook, "cell": finding.cell,
        "step": finding.step, "message": finding.message, "fix": finding.fix,
    }  # fmt: skip


# --- why and status ------------------------------------------------------------------------------------


@cli.command()
@click.argument("step")
@sources_argument
@parameter_options
@json_option("the reasons")
@explained
def why(
    step: str, sources: tuple[Path, ...], pairs: tuple[str, ...], yaml_texts: tuple[str, ...], files: tuple[Path, ...],
    as_json: bool,
) -> int:  # fmt: skip
    """Say why STEP would run or be reused, field by field."""
    from nbflow import ops
    from nbflow.render import text

    with _open(sources, _parameters(pairs, yaml_texts, files)) as project:
        planner = project.planner()
        project.require_sound(planner)
        found = ops.explain(project, planner, step)
        if as_json:
            _dump({
                "step": found.step.name, "id": found.step.id, "action": found.action, "certain": found.certain,
                "reasons": [{"kind": r.kind, "detail": r.detail} for r in found.reasons],
                "last": None if found.last is None else {
                    "run": found.last.run, "created": found.last.created, "seconds": found.last.seconds, "key": found.last.key,
                },
            })  # fmt: skip
        else:
            click.echo(text.explanation(found.step, found.action, found.certain, found.reasons, found.last))
        return 0


@cli.command()
@sources_argument
@json_option("the state of every step")
@explained
def status(sources: tuple[Path, ...], as_json: bool) -> int:
    """Show where every step stands: fresh, stale or never run."""
    from nbflow import ops
    from nbflow.render import text

    with _open(sources) as project:
        planner = project.planner()
        project.require_sound(planner)
        rows = ops.status(project, planner)
        if as_json:
            _dump({"steps": [{
                "name": r.step.name, "id": r.step.id, "state": r.state,
                "reasons": [{"kind": x.kind, "detail": x.detail} for x in r.reasons],
                "last": None if r.last is None else {"run": r.last.run, "created": r.last.created, "seconds": r.last.seconds},
            } for r in rows]})  # fmt: skip
            return 0
        lines = ((r.step.name, r.state, "" if r.state == "fresh" else text.why(r.reasons), r.last) for r in rows)
        click.echo(text.status_table(lines, colour=_has_colour()))
        return 0


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@explained
def completion(shell: str) -> int:
    """Print the completion script for a SHELL: eval "$(nbflow completion bash)"."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(cli, {}, "nbflow", "_NBFLOW_COMPLETE").source())
    return 0
