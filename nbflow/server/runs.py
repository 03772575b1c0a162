"""Runs of one notebook: which there are, one of them with all that is drawn of it, and starting and stopping them.

A run is started as a person in a terminal would start it, by the same words, and is a process of its own: it goes on
when the page is closed and when the server ends. Read ``ops.starting`` and ``ops.following`` for what happens then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbflow.errors import UsageError
from nbflow.ops import following, history
from nbflow.ops.commands import Typed, command_of, parameter_words, sources_from
from nbflow.ops.folders import REPORT, RUNS
from nbflow.ops.history import told_by
from nbflow.ops.launching import Launched
from nbflow.ops.reporting import pipeline_of
from nbflow.ops.starting import going, looked_at, started
from nbflow.ops.viewing import whole_view
from nbflow.project import Project
from nbflow.server.here import Here
from nbflow.server.places import Places

Answer = dict[str, Any]

MOST = 20
"""Runs that are listed where nobody says how many."""


# --- looking -------------------------------------------------------------------------------------------


def listed(place: Here, limit: int = MOST) -> Answer:
    """The runs of a notebook, newest first. Raises ``JournalError``."""
    return {"runs": [_line(run) for run in history.past_runs(place.root, limit, place.name)]}


def _line(run: history.PastRun) -> Answer:
    return {
        "id": run.row.id,
        "status": run.row.status,
        "label": run.row.status,
        "started": run.row.started,
        "seconds": run.seconds,
        "counts": dict(run.counts),
    }


def whole(place: Here, places: Places, run: str) -> Answer:
    """A run, and the paths of its report and its executed notebook. Raises ``NotThere`` and ``JournalError``."""
    row = place.require_run(run)
    with following.journal_of(place.root) as journal:
        told = told_by(journal, place.settings, row)
    folder = place.root / RUNS / row.id
    return {
        "view": whole_view(told, pipeline_of(told)),
        "report": places.path_of(folder / REPORT),
        "executed": places.path_of(folder / place.name),
    }


# --- starting and stopping -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be run. ``parameters``: JSON values by name."""

    select: Sequence[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False

    def words(self, place: Here, project: Project) -> list[str]:
        """What a person would type in the project's root."""
        defaults: dict[str, str] = {}
        for outline in project.pipeline.outlines.values():
            defaults.update(outline.parameters)
        pairs, yaml_texts = parameter_words(self.parameters, defaults)
        sources = [Path(source) for source in sources_from(place.sources, place.root)]
        typed = Typed(sources, pairs, yaml_texts, select=self.select)
        return [*typed.words, *(["--force"] if self.force else [])]


def start(place: Here, wanted: Wanted, program: Sequence[str]) -> tuple[str, Launched | None]:
    """The id of the run, and its process where it is a new one: where just this goes on already, it is that.

    Raises ``UsageError``, also for a notebook that cannot be run as it is."""
    with place.opened(wanted.parameters) as project:
        words = wanted.words(place, project)
        known = going(project.root, project.files, command_of(words))
        if known:
            return known, None
        looked_at(project, wanted.select, force=wanted.force)
    begun = started(words, place.root, place.environ, program)
    return begun.run, begun


def retry(place: Here, run: str, program: Sequence[str]) -> Launched:
    """Do again what a run did not manage. Raises ``NotThere`` and ``UsageError``."""
    row = place.require_run(run)
    with following.journal_of(place.root) as journal:
        again = following.again(place.root, journal, row.id)
    if not again.terms:
        raise UsageError(f"Run {row.id} has a result for every step: there is nothing to do again.")
    return started(["retry", row.id], place.root, place.environ, program)


def cancel(place: Here, run: str, *, force: bool = False) -> Answer:
    """Ask a run to stop, and say how that went. Raises ``NotThere`` and ``UsageError``."""
    row = place.require_run(run)
    with following.journal_of(place.root) as journal:
        asked = following.cancel(place.root, journal, row.id, force=force)
    if not asked.alive:
        return {"said": f"Run {row.id} is over already ({asked.run.status}): there is nothing to cancel."}
    return {"said": f"Run {row.id} is {'being killed' if force else 'asked to stop'}."}
