"""``%flow``: a line is read, its verb does the rest, and whatever goes wrong is said in a line or two below the cell.

Nothing is loaded for it until it is used. Read ``verbs`` next.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nbflow.errors import InvalidPipeline, NoSteps, UsageError, did_you_mean
from nbflow.ui.magic.session import Session, plainly

if TYPE_CHECKING:
    import click


def flow(session: Session, line: str) -> None:
    """What ``%flow LINE`` does. Raises ``NbflowError`` or ``StepError``, without a frame of ours."""
    __tracebackhide__ = True
    plainly(lambda: _flow(session, line), f"did %flow {line}".rstrip())


def _flow(session: Session, line: str) -> None:
    import click

    from nbflow.ui.magic import desk, verbs

    words = _words(line)
    if session.in_run and words[:1] != ["help"]:
        raise UsageError(
            "%flow does nothing in the kernel of a run: a run cannot ask for another one.",
            "Put the line into a cell of its own, which runs leave out.",
        )
    try:
        with verbs.flow.make_context("%flow", words, obj=session) as context:
            verbs.flow.invoke(context)
    except click.exceptions.Exit:
        pass  # help was asked for, and is shown
    except click.ClickException as error:
        raise _explained(error, words, verbs.flow.commands) from None
    except NoSteps:
        raise desk.without_steps(session) from None
    except InvalidPipeline as error:
        desk.tell_findings(session, error)
        raise


def _words(line: str) -> list[str]:
    """The words of a line, without a comment at its end."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise UsageError(f"A quote is not closed (%flow {line}).", "Close it, or leave it out.") from None
    end = next((i for i, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:end]


def _explained(error: click.ClickException, words: list[str], commands: Mapping[str, click.Command]) -> UsageError:
    """An error of the line in our words."""
    import click

    command = commands.get(words[0]) if words else None
    said = f"%flow {words[0]}" if command is not None else "%flow"
    match error:
        case click.NoSuchOption():
            known = [option for p in command.params for option in p.opts] if command is not None else []
            near = did_you_mean(error.option_name, known)
            fix = f"%flow help {words[0]} shows its options." if command is not None else BEHIND
            return UsageError(f"{said} has no option '{error.option_name}'.{near}", "" if near else fix)
        case click.BadOptionUsage():
            return UsageError(f"{said}: {error.option_name} needs a value.", f"%flow help {words[0]} shows which.")
        case click.MissingParameter():
            return UsageError(f"{said} needs the name of a step.", f"Write: {said} STEP")
        case click.BadParameter():
            option = error.param.opts[0] if error.param is not None else ""
            return UsageError(f"{said} {option}: {error.message}")
        case _:
            extra = re.search(r"unexpected extra argument.*\((.*)\)", error.message)
            what = f"'{extra[1]}' is more than it takes" if extra else error.message.rstrip(".")
            return UsageError(f"{said}: {what}.", f"%flow help {words[0]} shows what it takes.")


BEHIND = "Options follow a verb: %flow run -p NAME=VALUE"
