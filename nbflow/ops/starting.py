"""A run started for somebody who does not wait for it: looked at first, then let go as a process of its own.

What is wrong with the pipeline is said before a process is started. Read ``launching`` for the process and ``commands``
for the words.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from nbflow.core.event_json import from_json
from nbflow.core.events import RunStarted
from nbflow.core.model import Finding
from nbflow.core.plan import Plan
from nbflow.errors import NbflowError, UsageError
from nbflow.journal import Journal
from nbflow.ops.following import settled
from nbflow.ops.launching import PROGRAM, Launched, NotLaunched, launch
from nbflow.ops.planning import make_plan
from nbflow.project import Project

MOST_RETRIES = 100
"""In a row, of which the first is looked for."""


def looked_at(
    project: Project, select: Sequence[str], exclude: Sequence[str] = (), *, force: bool = False
) -> tuple[tuple[Finding, ...], Plan]:
    """What the check has to say, and what the run would do. Raises ``InvalidPipeline`` and ``UsageError``."""
    planner = project.planner(forced="forced" if force else "")
    return project.require_sound(planner), make_plan(project, planner, select, exclude)


def started(words: Sequence[str], root: Path, environ: Mapping[str, str], program: Sequence[str] = PROGRAM) -> Launched:
    """The run that these words begin, in the project's root. Raises ``UsageError`` where it does not begin."""
    try:
        return launch(words, root, environ, program)
    except NotLaunched as error:  # something has changed since it was looked at, or cannot be written
        said = error.message.rpartition("nbflow: ")[2]
        head, _, fix = said.partition("\n")
        kind = UsageError if error.exit_code == UsageError.exit_code else NbflowError
        raise kind(head, " ".join(fix.split())) from None


def going(root: Path, sources: Collection[str], command: str = "") -> str:
    """The newest run of just these notebooks that goes on; ``""`` where there is none. ``command``: it was asked for
    with this, as ``commands.command_of`` puts it, or does again what such a run did not manage."""
    journal = Journal.read(root)
    if journal is None:
        return ""
    with journal:
        for row in journal.runs(20):
            is_meant = set(row.sources) == set(sources) and settled(journal, row).status == "running"
            if is_meant and command in ("", _asked(journal, row.id)):
                return row.id
    return ""


def _asked(journal: Journal, run: str) -> str:
    """With which command a run was asked for; of one that does something again, the command of the first one."""
    command = ""
    for _ in range(MOST_RETRIES):
        first = next(iter(journal.ends(run)), None)
        began = from_json(first) if first else None
        command = began.command if isinstance(began, RunStarted) else ""
        words = shlex.split(command)
        if words[1:2] != ["retry"] or len(words) < 3 or journal.run(words[2]) is None:
            return command
        run = words[2]
    return command
