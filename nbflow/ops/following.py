"""Runs that are another process's: which there are, following one to its end, asking it to stop.

All of it is a view of the journal, so whoever watches may come and go, and the run does not notice. Nothing is written
here. A run is found by its id, the beginning of it, or ``last``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbflow.core.event_json import from_json
from nbflow.core.events import Event
from nbflow.errors import UsageError, did_you_mean
from nbflow.journal import Journal, RunRow
from nbflow.journal.locks import interrupt_owner

LAST = "last"

_MASKED = re.compile(r"\*\*\*\w+\*\*\*")
"""What stands in the journal in the place of a secret."""

NO_RUNS = UsageError("There are no runs yet.", "Make one: nbflow run")

LOOK_AGAIN = 0.25
"""Seconds between two looks at the journal."""


def journal_of(root: Path) -> Journal:
    """The journal of a project, to be looked at. Raises ``UsageError`` where nothing has run yet."""
    journal = Journal.read(root)
    if journal is None:
        raise NO_RUNS
    return journal


def find_run(journal: Journal, name: str = LAST) -> RunRow:
    """The run that a person means. Raises ``UsageError`` for an unknown or an ambiguous name."""
    rows = journal.runs(1 if name == LAST else -1)
    found = rows if name == LAST else [row for row in rows if row.id == name]
    found = found or [row for row in rows if name and row.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        more = "" if len(found) <= 5 else f" and {len(found) - 5} more"
        ids = ", ".join(row.id for row in found[:5])
        raise UsageError(f"'{name}' is the beginning of several runs: {ids}{more}.", "Give more of it.")
    if not rows:
        raise NO_RUNS
    guess = did_you_mean(name, [LAST, *(row.id for row in rows)])
    raise UsageError(f"There is no run '{name}'.{guess}", "See which there are: nbflow runs")


def settled(journal: Journal, row: RunRow) -> RunRow:
    """The run with the status of its end from the moment on in which that is told. Its process may still write the
    report then: who waits for its files looks at the row, who wants to know whether anything runs looks here."""
    last = journal.ends(row.id)[-1:] if row.status in ("running", "unknown") else []
    return replace(row, status=last[0]["status"]) if last and last[0]["event"] == "RunFinished" else row


def follow(
    journal: Journal,
    run: str,
    pause: Callable[[float], None] = time.sleep,
    lives: Callable[[], bool] = lambda: False,
) -> Iterator[list[Event]]:
    """The events of a run in batches, one for each look, from its beginning to its end or until it is dead. A batch is
    empty where nothing has happened. At the end all that it writes beside the journal is there.

    Between two looks ``pause`` is called with the seconds to wait. ``lives``: whether it is known to live where no lock
    tells."""
    seen = 0
    is_doubted = False
    while True:
        row = journal.run(run)
        status = "" if row is None else row.status
        going = status == "running" or (status in ("unknown", "crashed") and lives())
        if status == "crashed" and not going and not is_doubted:  # nobody takes one look for a death
            is_doubted = going = True
        else:
            is_doubted = False
        rows = journal.events(run, seen)  # after the look at the lock: what a run wrote before it died is not missed
        seen = rows[-1]["seq"] if rows else seen
        yield [from_json(data) for data in rows]
        if not going:
            return
        pause(LOOK_AGAIN)


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that was asked to stop."""

    run: RunRow
    alive: bool
    """False where there was nothing to stop."""


def cancel(root: Path, journal: Journal, name: str = LAST, *, force: bool = False) -> Asked:
    """Ask a run to stop: the first time its steps are interrupted, from then on (or with ``force``) killed.

    Raises ``UsageError`` for an unknown run, or one that goes on where it cannot be reached from here."""
    row = settled(journal, find_run(journal, name))
    if row.status == "unknown":
        raise UsageError(
            f"Run {row.id} was started on another host, and only there it can be cancelled.",
            f"On that host: nbflow cancel {row.id}",
        )
    if row.status != "running":
        return Asked(row, alive=False)
    requests = _Requests(journal, row.id)
    before = requests.heard()
    for wanted in range(before + 1, max(before + 1, 2 if force else 0) + 1):
        if not interrupt_owner(root, row.id):
            return Asked(row, alive=wanted > before + 1)
        requests.wait_for(wanted)
    return Asked(row, alive=True)


class _Requests:
    """How often a run has heard that it should stop. A long run has many events, so each is read once."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal = journal
        self._run = run
        self._seen = 0
        self._heard = 0

    def heard(self) -> int:
        for event in self._journal.events(self._run, self._seen):
            self._seen = event["seq"]
            self._heard += event["event"] == "CancelRequested"
        return self._heard

    def wait_for(self, wanted: int, seconds: float = 5.0) -> None:
        deadline = time.monotonic() + seconds
        while self.heard() < wanted and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)


@dataclass(frozen=True, slots=True)
class Again:
    """What it takes to do again what a run did not manage."""

    run: RunRow
    sources: tuple[Path, ...]
    parameters: Mapping[str, object]
    terms: tuple[str, ...]
    """Selectors; empty where every step came to a result."""


def again(root: Path, journal: Journal, name: str = LAST) -> Again:
    """The steps of a run without a result, with what they need, and what it was given. Raises ``UsageError``, also for
    a run that goes on."""
    row = settled(journal, find_run(journal, name))
    if row.status in ("running", "unknown"):
        raise UsageError(f"Run {row.id} is still going on.", f"Stop it first: nbflow cancel {row.id}")
    masked = [name for name, value in row.parameters.items() if _MASKED.search(repr(value))]
    if masked:
        raise UsageError(
            f"Run {row.id} was given a secret ({', '.join(masked)}), and its value was not written down.",
            "Give it again: nbflow run with -p. What is made already is reused.",
        )
    done: set[str] = set()
    planned: list[str] = []
    for event in journal.events(row.id):
        if event["event"] == "RunStarted":
            planned = [spec["name"] for spec in event["steps"]]
        elif event["event"] in ("StepSucceeded", "StepReused"):
            done.add(event["step"])
    terms = tuple(f"+{step}" for step in planned if step not in done)
    return Again(row, tuple(root / source for source in row.sources), row.parameters, terms)
