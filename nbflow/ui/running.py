"""What ``nbflow run`` and ``nbflow retry`` share: a run made here, shown while it goes on and summed up at its end, or
handed to a process of its own.

Read ``progress`` for the display, ``attending`` for runs of other processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.ui.endings import BROKEN, CANCELLED, DONE, FAILED

if TYPE_CHECKING:
    from nbflow.core.plan import Plan
    from nbflow.executors import Executor
    from nbflow.project import Project

ENDS = {"succeeded": DONE, "failed": FAILED, "crashed": FAILED, "cancelled": CANCELLED, "unknown": BROKEN}
"""Status of a run → exit code. Nobody may take a run for done of which that cannot be told."""


def perform(
    project: Project, options: Mapping[str, Any], command: str, executor: Executor | None, *, as_json: bool
) -> int:
    """Run it here and show it; the exit code. ``options`` are those of ``ops.run``; ``command`` goes on with it."""
    from nbflow import ops
    from nbflow.render import text
    from nbflow.ui.progress import Progress, form_of
    from nbflow.ui.summary import summary
    from nbflow.ui.terminal import answer, tell_logs

    tell_logs()
    progress = Progress(form_of(as_json))
    history: dict[str, Sequence[float]] = {}

    def begin(run: str, plan: Plan, _folder: Path) -> None:
        if plan.stale:  # else nothing takes time
            history.update(ops.durations(project.root, before=run))
        progress.begin(run, text.plan_summary(plan), history)

    with progress.interrupts() as cancel:
        finished = ops.run(
            project, **options, on_start=begin,
            on_event=progress.show, cancel=cancel, executor=executor,
        )  # fmt: skip
    if not as_json:
        answer(summary(progress.view(), progress.events, project.files, command, finished.findings, history))
    return ENDS[finished.status]


def detach(words: Sequence[str], *, as_json: bool) -> int:
    """Start ``nbflow WORDS`` as a process of its own, and say how to watch it; the exit code."""
    from nbflow.ops.launching import NotLaunched, launch
    from nbflow.ui.terminal import answer, answer_json, tell

    try:
        begun = launch(words, Path.cwd())
    except NotLaunched as error:
        tell(error.message)  # its own words, put as it puts them
        return error.exit_code
    if as_json:
        answer_json({"run": begun.run, "folder": str(begun.folder)})
    else:
        answer(f"Run {begun.run} goes on by itself, also when this terminal is closed.")
        answer(f"  Watch it: nbflow attach {begun.run}")
        answer(f"  Stop it:  nbflow cancel {begun.run}")
    return DONE
