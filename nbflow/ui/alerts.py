"""``nbflow alerts``: send what waits, try out where alerts go, look at what was sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbflow.ui.endings import DONE, FAILED, explained
from nbflow.ui.options import json_option

if TYPE_CHECKING:
    from nbflow.settings import Settings


def _settings(root: Path | None) -> Settings:
    from nbflow.settings import Settings, find_root

    return Settings.load(root or find_root(Path.cwd()), os.environ)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def alerts() -> None:
    """Tell somebody when a run fails, crashes, recovers or is slow.

    Say where in pyproject.toml:

    \b
        [tool.nbflow.alerts]
        urls = ["$ALERT_URL"]           # addresses as apprise takes them
        command = ["notify-send", "nbflow"]
    """


@alerts.command()
@click.option("--quiet", is_flag=True, help="Say nothing.")
@click.option("--root", type=click.Path(path_type=Path), hidden=True, help="The project.")
@explained
def send(quiet: bool, root: Path | None) -> int:
    """Send what could not be sent yet."""
    from nbflow.ops import alerting
    from nbflow.ui.terminal import answer

    settings = _settings(root)
    delivery = alerting.send(settings.root, settings, os.environ, again=not quiet)
    if not quiet:
        for row in delivery.sent:
            answer(f"sent: {row.title}")
        for row in delivery.failed:
            answer(f"not sent: {row.title} ({row.error})")
        if not delivery.sent and not delivery.failed:
            answer("There is nothing to send.")
    return FAILED if delivery.failed else DONE


@alerts.command()
@explained
def test() -> int:
    """Send a test to everywhere that is set up."""
    from nbflow.ops import alerting
    from nbflow.ui.terminal import answer

    problems = alerting.try_out(_settings(None), os.environ)
    for problem in problems:
        answer(f"not sent: {problem}")
    if not problems:
        answer("Sent. Look whether it has arrived.")
    return FAILED if problems else DONE


@alerts.command(name="ls")
@json_option("them")
@explained
def list_(as_json: bool) -> int:
    """Show alerts, sent and unsent."""
    from dataclasses import asdict

    from nbflow.ops.following import journal_of
    from nbflow.render.words import clean, day_and_time
    from nbflow.ui.terminal import answer, answer_json

    with journal_of(_settings(None).root) as journal:
        rows = journal.outbox()
    if as_json:
        answer_json({"alerts": [asdict(row) for row in rows]})
        return DONE
    for row in rows:
        state = f"sent {day_and_time(row.sent)}" if row.sent else f"not sent ({clean(row.error) or 'waits'})"
        answer(f"{day_and_time(row.made)}  {clean(row.title)}: {state}")
    if not rows:
        answer("There are no alerts.")
    return DONE
