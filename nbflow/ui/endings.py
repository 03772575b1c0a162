"""How a command ends: with the right exit code, and with words instead of a traceback of ours.

The code comes from the error (``nbflow.errors``) or from the command. Read ``cli`` next.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from nbflow.errors import InvalidPipeline, NbflowError

DONE, FAILED, USAGE, STALE, BROKEN, CANCELLED = 0, 1, 2, 3, 4, 130

EPILOG = (
    "Exit codes: 0 done; 1 a step failed; 2 wrong usage or an invalid pipeline, and nothing was run; "
    "3 stale (plan --check); 4 nbflow itself failed; 130 cancelled."
)


def explained(command: Callable[..., int | None]) -> Callable[..., None]:
    """Let the command end the program: with the code it returns, or with what its error says."""

    @wraps(command)
    def wrapped(*args: Any, **options: Any) -> None:
        sys.exit(_code(command, args, options))

    return wrapped


def _code(command: Callable[..., int | None], args: tuple[Any, ...], options: dict[str, Any]) -> int:
    try:
        code = command(*args, **options) or DONE
        sys.stdout.flush()
    except (click.ClickException, click.exceptions.Exit):
        raise
    except NbflowError as error:
        say(error)
        return error.exit_code
    except BrokenPipeError:
        give_up_stdout()
        return DONE
    except KeyboardInterrupt:
        _tell("nbflow: cancelled.")
        return CANCELLED
    except Exception as error:
        if os.environ.get("NBFLOW_DEBUG"):
            raise
        say(_fault(error))
        return BROKEN
    return code


def give_up_stdout() -> None:
    """The reader of our output has gone (``nbflow plan | head``): say no more, also when Python closes its files."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(error: NbflowError) -> None:
    """Print an error's message and what to do about it."""
    from nbflow.render import text
    from nbflow.render.words import clean_block
    from nbflow.ui import terminal

    colour, width = terminal.has_colour(sys.stderr), terminal.width(sys.stderr)
    if isinstance(error, InvalidPipeline):
        wrong = [f for f in error.findings if f.severity == "error"]
        terminal.tell(text.findings(wrong, error.first_lines, colour=colour, width=width) + "\n")
    terminal.tell(f"{terminal.painted('nbflow:', 'bold red', sys.stderr)} {clean_block(error.message)}")
    for line in clean_block(error.fix).splitlines():
        terminal.tell(f"  {line}")


def _fault(error: Exception) -> NbflowError:
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return NbflowError(f"{error.strerror or error}{where}")
    return NbflowError(
        f"internal error: {type(error).__name__}: {error}",
        "This is a fault in nbflow. Set NBFLOW_DEBUG=1 to see where it happened.",
    )


def _tell(words: str) -> None:
    click.echo(words, err=True)
