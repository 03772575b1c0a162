"""Where words go: answers to stdout, messages to stderr, each with colour and width only where a terminal takes them.

Nothing here knows what the words mean. Terminals are asked here and nowhere else.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

import click

from nbflow.render.columns import paint


def has_colour(stream: TextIO) -> bool:
    """Whether colour codes are welcome: on a terminal that knows them, unless NO_COLOR is set; with FORCE_COLOR
    everywhere."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (is_terminal(stream) and os.environ.get("TERM") != "dumb")


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def width(stream: TextIO) -> int:
    """Characters on a line of the terminal; 0 where there is none, which means no limit."""
    if not is_terminal(stream):
        return 0
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 80


def answer(text: str) -> None:
    """Print what was asked for."""
    click.echo(text, color=has_colour(sys.stdout))


def answer_json(value: Any) -> None:
    """Print what was asked for, as JSON."""
    click.echo(json.dumps(value, indent=2))


def tell(text: str) -> None:
    """Print a message beside the answer."""
    click.echo(text, err=True, color=has_colour(sys.stderr))


def tell_logs() -> None:
    """Print what our modules log as plain messages; with NBFLOW_DEBUG the tracebacks as well."""
    import logging

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            words = f" ({type(error).__name__}: {error})" if error is not None else ""
            tell(f"nbflow: {record.getMessage()}{words}")

    log = logging.getLogger("nbflow")
    if not log.handlers and not os.environ.get("NBFLOW_DEBUG"):
        log.addHandler(Told(logging.WARNING))
        log.propagate = False


def painted(text: str, style: str, stream: TextIO) -> str:
    """The text in a style of rich, where the stream takes colour."""
    return paint(text, style) if has_colour(stream) else text
