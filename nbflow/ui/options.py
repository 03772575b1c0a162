"""Arguments and options that several commands share, and what a shell completes in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

F = TypeVar("F", bound=Callable[..., Any])


def sources_argument(command: F) -> F:
    kind = click.Path(path_type=Path)
    return click.argument("sources", nargs=-1, type=kind, metavar="[NOTEBOOK|FOLDER]...")(command)


def json_option(what: str) -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def run_argument(command: F) -> F:
    return click.argument("run", default="last", metavar="[RUN]", shell_complete=complete_run)(command)


def jobs_option(command: F) -> F:
    return click.option(
        "-j", "--jobs", callback=_jobs, metavar="N", help="Steps at a time.  [default: the number of cores]"
    )(command)


def _jobs(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    if value is not None and not (value.isdecimal() and int(value) > 0):
        raise click.BadParameter(f"'{value}' is not a whole number of 1 or more.")
    return None if value is None else int(value)


def step_argument(command: F) -> F:
    return click.argument("step", shell_complete=complete_step)(command)


def parameter_options(command: F) -> F:
    return parameter_options_with(None)(command)


def parameter_options_with(complete: Complete | None) -> Callable[[F], F]:
    """``complete``: what may stand behind ``-p``."""
    options = (
        click.option("-p", "--parameter", "pairs", multiple=True, metavar="NAME=VALUE", shell_complete=complete,
                     help="Set a parameter; read as papermill's -p. Repeat it for more."),
        click.option("-y", "--yaml", "yaml_texts", multiple=True, metavar="YAML",
                     help="Set parameters in YAML: -y 'k: [1, 2]'."),
        click.option("-f", "--parameters-file", "files", multiple=True, type=click.Path(path_type=Path),
                     metavar="FILE", help="Read parameters from a YAML or JSON file."),
    )  # fmt: skip
    return lambda command: _all(command, options)


def selection_options(command: F) -> F:
    options = (
        click.option("-s", "--select", "select", multiple=True, metavar="STEPS", shell_complete=complete_selector,
                     help="Take these steps only: train, +train (it and all it needs), train+ (it and all that needs "
                          "it), 2+train (two steps up), 'fit_*', state:stale."),
        click.option("--exclude", multiple=True, metavar="STEPS", shell_complete=complete_selector,
                     help="Leave these steps out."),
    )  # fmt: skip
    return _all(command, options)


def _all(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


# --- what a shell completes ----------------------------------------------------------------------------


def complete_step(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the steps that begin so."""
    return _items(pair for pair in _steps(ctx) if pair[0].startswith(incomplete))


def complete_selector(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The same behind a plus: ``+tr`` → ``+train``."""
    return selectors(_steps(ctx), incomplete)


def selectors(steps: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    """What the selector may become. ``steps``: names and what is said of them."""
    name = incomplete.lstrip("0123456789")
    name = name.removeprefix("+") if name.startswith("+") else incomplete
    lead = incomplete.removesuffix(name) if name else incomplete
    known = [*steps, *([("state:stale", "what would run")] if not lead else [])]
    return _items((lead + word, where) for word, where in known if word.startswith(name))


def complete_run(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of the runs that begin so. As for steps, whatever is wrong, nothing is said."""
    from nbflow import ops

    try:
        found = ops.past_runs(ops.settings_here().root, 50)
    except Exception:
        return []
    known = [("last", "the newest run"), *((r.row.id, f"{r.row.status}: {r.command}") for r in found)]
    return _items(pair for pair in known if pair[0].startswith(incomplete))


def _items(pairs: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    """As click wants words and what is said of them."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(word, help=said) for word, said in pairs]


def _steps(ctx: click.Context) -> list[tuple[str, str]]:
    """Steps with their notebooks. A shell asks in the middle of a line, so whatever is wrong, nothing is said."""
    from nbflow.project import open_project

    try:
        # What is typed so far stands among the words that click has not made anything of.
        pipeline = open_project([Path(word) for word in ctx.args if Path(word).exists()]).pipeline
    except Exception:
        return []
    return [(step.name, step.notebook) for step in pipeline.steps.values()]
