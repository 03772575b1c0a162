"""``nbflow doctor``: what a person sees first when something does not work."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from nbflow.ui.endings import DONE, FAILED, explained
from nbflow.ui.options import json_option


@click.command()
@json_option("what was looked at")
@explained
def doctor(as_json: bool) -> int:
    """Look whether everything that nbflow needs is there and works.

    Starts each kernel once, runs no cell and changes nothing. Ends with 1
    if something needs to be done.
    """
    from nbflow.ops.doctor import doctor as examine
    from nbflow.render.doctor import lines_of
    from nbflow.ui.terminal import answer, answer_json, has_colour, width

    found = examine()
    if as_json:
        answer_json({"lines": [asdict(line) for line in found]})
    else:
        rows = [(line.topic, line.state, line.said, line.fix) for line in found]
        answer(lines_of(rows, colour=has_colour(sys.stdout), width=width(sys.stdout)))
    return FAILED if any(line.state == "warn" for line in found) else DONE
