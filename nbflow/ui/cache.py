"""``nbflow cache ls|gc|verify``: what lies in the store, what may go from it, and whether it is sound."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from nbflow.errors import UsageError
from nbflow.ui.endings import DONE, FAILED, explained
from nbflow.ui.options import json_option


def _amount(_ctx: click.Context, param: click.Parameter, given: str | None) -> float | None:
    """What was given for ``--older-than`` in seconds, for ``--max-size`` in bytes."""
    from nbflow.core import amounts

    read = amounts.parse_span if param.name == "older_than" else amounts.parse_amount
    try:
        return None if given is None else read(given)
    except UsageError as error:
        raise click.BadParameter(f"{error.message}. {error.fix}") from error


@click.group()
def cache() -> None:
    """Look after the stored results."""


@cache.command()
@json_option("the sizes")
@explained
def ls(as_json: bool) -> None:
    """Show what the stored results of each step take.

    What several steps share counts once in the sum, and for each of them in
    its row; `would free` is what no other step needs.
    """
    from nbflow import ops
    from nbflow.api.words import near
    from nbflow.render import cache as drawing
    from nbflow.ui.terminal import answer, answer_json, has_colour, width

    settings = ops.settings_here()
    found = ops.cache_sizes(settings)
    if as_json:
        answer_json({
            "store": str(found.store), "size": found.size, "limit": settings.store_limit, "unnamed": found.unnamed,
            "damaged": found.aside, "steps": [asdict(share) for share in found.steps],
        })  # fmt: skip
        return
    lines = [drawing.ShareLine(s.step, s.results, s.size, s.frees, s.used) for s in found.steps]
    if lines:
        answer(drawing.shares_table(lines, colour=has_colour(sys.stdout), width=width(sys.stdout)) + "\n")
    answer(drawing.shares_summary(lines, near(found.store), found.size, settings.store_limit))
    if said := drawing.waste(found.unnamed, found.aside):
        answer(said)


@cache.command()
@click.option("--older-than", callback=_amount, metavar="SPAN",
              help="Remove results that were not used for so long: 30d, 12h.")  # fmt: skip
@click.option("--max-size", callback=_amount, metavar="SIZE",
              help="Remove those least lately used until the rest takes no more: 10GB.  "
                   "[default: the setting store_limit, where --older-than is not given]")  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@json_option("what was removed")
@explained
def gc(older_than: float | None, max_size: float | None, dry_run: bool, as_json: bool) -> None:
    """Remove results that are no longer used, and what nobody needs.

    A result counts as used when it is made and when a run reuses it. While
    a run goes on nothing is removed.
    """
    from nbflow import ops
    from nbflow.render import cache as drawing
    from nbflow.ui.terminal import answer, answer_json

    done = ops.cache_gc(ops.settings_here(), older_than=older_than, max_size=max_size, dry_run=dry_run)
    choice = done.choice
    files = len(choice.blobs) + len(choice.aside)
    if as_json:
        results = [
            {"step": kept.step, "key": kept.key, "record": kept.record.id if kept.record else None, "used": kept.used}
            for kept in choice.records
        ]
        answer_json({
            "dry_run": dry_run, "results": results, "files": files, "freed": choice.bytes, "left": done.left,
            "current": list(done.current),
        })  # fmt: skip
        return
    answer(drawing.cleaned(len(choice.records), files, choice.bytes, done.left, done.current, dry_run))


@cache.command()
@json_option("what was found")
@explained
def verify(as_json: bool) -> int:
    """Check that everything in the store is what was stored.

    What does not match its digest is moved aside; the steps that need it
    run again. Ends with 1 if something is wrong.
    """
    from nbflow import ops
    from nbflow.api.words import near
    from nbflow.render import cache as drawing
    from nbflow.ui.terminal import answer, answer_json

    settings = ops.settings_here()
    with _progress() as heard:
        found = ops.cache_verify(settings, heard)
    damaged = [(kept.record, kept.step, kept.key) for kept in found.lacking if kept.record is not None]
    if as_json:
        answer_json({
            "files": found.blobs, "bytes": found.bytes, "damaged": list(found.damaged),
            "unreadable": [str(path) for path in found.unreadable], "moved": found.moved,
            "lacking": [{"step": step, "key": key, "record": record.id} for record, step, key in damaged],
        })  # fmt: skip
    else:
        lacking = [(step, record.created) for record, step, _ in damaged]
        aside = near(settings.store / "damaged") if found.moved else ""
        answer(drawing.verdict(found.blobs, found.bytes, len(found.damaged), len(found.unreadable), lacking, aside))
    return DONE if found.clean else FAILED


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Hears how many bytes are done, of how many; drawn on a terminal alone."""
    from nbflow.ui.terminal import is_terminal

    if not is_terminal(sys.stderr):
        yield lambda _done, _of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True),
                  transient=True) as drawn:  # fmt: skip
        task = drawn.add_task("", total=None)
        yield lambda done, of: drawn.update(task, completed=done, total=of)
