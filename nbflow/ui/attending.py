"""``nbflow attach``, ``cancel`` and ``retry``: runs that another process makes, or made.

They read the journal, so they may come and go. Read ``ops/following`` for how a run is followed and asked to stop.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbflow.ui.endings import CANCELLED, DONE, explained
from nbflow.ui.options import jobs_option, json_option, run_argument
from nbflow.ui.running import ENDS, detach, perform

if TYPE_CHECKING:
    from nbflow.journal import Journal, RunRow


def _root() -> Path:
    from nbflow.settings import find_root

    return find_root(Path.cwd())


@click.command()
@run_argument
@json_option("what happens as JSON, an event a line")
@explained
def attach(run: str, as_json: bool) -> int:
    """Watch a run of another process, from its beginning.

    RUN is its id, the beginning of it, or `last`. Ctrl-C leaves; the run
    goes on. Ends with the run, and with its exit code; with 4 where nobody
    here can tell how it ended.
    """
    from nbflow.ops import following

    root = _root()
    with following.journal_of(root) as journal:
        return _watch(journal, following.find_run(journal, run), as_json)


def _watch(journal: Journal, row: RunRow, as_json: bool) -> int:
    from nbflow.core.run import Run, retold
    from nbflow.ops import following
    from nbflow.ops.commands import command_of
    from nbflow.ui.progress import Progress, form_of
    from nbflow.ui.summary import summary
    from nbflow.ui.terminal import answer, tell

    progress = Progress(form_of(as_json))
    history = journal.durations(before=row.id)
    progress.begin(row.id, f"started {row.started}", history)
    run: Run | None = None
    try:
        for batch in following.follow(journal, row.id):
            for event in batch:
                run = retold(run, event)
                progress.show(event, run)
    except KeyboardInterrupt:
        progress.end()
        tell(f"nbflow: left. The run goes on: nbflow attach {row.id}")
        return CANCELLED
    progress.end()
    end = journal.run(row.id) or row
    if run is not None and not as_json:
        seen = progress.view()
        if seen["status"] == "running":
            seen = {**seen, "status": end.status}
        answer(summary(seen, progress.events, row.sources, command_of(["retry", row.id]), history=history))
    return ENDS[end.status]


@click.command()
@run_argument
@click.option("--force", is_flag=True, help="Kill what runs, at once.")
@json_option("what was found")
@explained
def cancel(run: str, force: bool, as_json: bool) -> int:
    """Ask a run to stop: its steps are interrupted.

    RUN is its id, the beginning of it, or `last`. Asked again, or with
    --force, it kills them. What has succeeded stays.
    """
    from nbflow.ops import following
    from nbflow.ui.terminal import answer, answer_json

    root = _root()
    with following.journal_of(root) as journal:
        asked = following.cancel(root, journal, run, force=force)
    if as_json:
        answer_json({"run": asked.run.id, "alive": asked.alive, "status": asked.run.status})
    elif not asked.alive:
        answer(f"Run {asked.run.id} is over already ({asked.run.status}): there is nothing to cancel.")
    elif force:
        answer(f"Run {asked.run.id} is being killed.")
    else:
        answer(f"Run {asked.run.id} is asked to stop. To kill it: nbflow cancel {asked.run.id} --force")
    return DONE


@click.command()
@run_argument
@jobs_option
@click.option("--detach", "detached", is_flag=True, help="Let it go on by itself, and return at once.")
@json_option("what happens as JSON, an event a line")
@explained
def retry(run: str, jobs: int | None, detached: bool, as_json: bool) -> int:
    """Make what a run did not manage: failed, crashed, skipped or cancelled.

    RUN is its id, the beginning of it, or `last`. The parameters are the
    same as then; notebooks and settings are as they are now. What these
    steps need is made too where it is not fresh any more.
    """
    from nbflow.ops import following
    from nbflow.ops.commands import command_of
    from nbflow.project import open_project
    from nbflow.ui.terminal import answer

    root = _root()
    with following.journal_of(root) as journal:
        again = following.again(root, journal, run)
    if not again.terms:
        answer(f"Run {again.run.id} has a result for every step: there is nothing to do again.")
        return DONE
    words = ["retry", again.run.id, *(["-j", str(jobs)] if jobs is not None else [])]
    if detached:
        return detach(words, as_json=as_json)
    with open_project(again.sources, parameters=dict(again.parameters), jobs=jobs) as project:
        options: dict[str, Any] = {"terms": again.terms, "command": command_of(words)}
        executor = click.get_current_context().obj
        return perform(project, options, command_of(words), executor, as_json=as_json)
