"""Which steps failed when they were last tried: facts of the journal that no newer result has overtaken.

An attempt whose run was killed left no fact of its end; a reader derives it, as it derives that the run is gone.
Only looks. Read ``database`` next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nbflow.journal.database import Journal

CUT_OFF = "its run ended before the step did"


@dataclass(frozen=True, slots=True)
class Failure:
    """The last attempt of a step, which came to nothing."""

    step: str
    """Full name."""
    status: Literal["failed", "crashed"]
    run: str
    time: str
    """When it ended; when it began, where only that is known."""
    attempt: int
    error: str
    """One line."""
    cell: int | None = None
    """Number of the cell that ran, where it was one of the notebook's."""


def last_failures(journal: Journal) -> dict[str, Failure]:
    """Full name → how the last attempt since the newest result ended, for steps where it failed or crashed.
    Raises ``JournalError``."""
    newest: dict[str, tuple[str, Failure | None]] = {}
    for event in [*journal.unsuccessful(), *_cut_off(journal)]:
        step, time = event["step"], event["time"]
        if step not in newest or newest[step][0] <= time:
            newest[step] = time, _failure(event)
    return {step: failure for step, (_, failure) in newest.items() if failure is not None}


def _failure(event: Mapping[str, Any]) -> Failure | None:
    """``None``: a person stopped that attempt, so nobody knows how it would have ended."""
    step, run, time, attempt = (event[name] for name in ("step", "run", "time", "attempt"))
    match event["event"]:
        case "StepFailed":
            return Failure(step, "failed", run, time, attempt, event.get("error", ""), event.get("cell"))
        case "StepCrashed":
            return Failure(step, "crashed", run, time, attempt, event.get("message", ""), event.get("cell"))
        case "StepStarted":
            return Failure(step, "crashed", run, time, attempt, CUT_OFF)
        case _:
            return None


def _cut_off(journal: Journal) -> Iterator[Mapping[str, Any]]:
    """The beginnings of attempts that never ended, as their run was killed."""
    results = journal.result_times()
    for run in journal.runs():
        if run.status == "crashed":
            for event in _without_end(journal.events(run.id)):
                if event["time"] > results.get(event["step"], ""):
                    yield event


def _without_end(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    begun: dict[tuple[str, int], Mapping[str, Any]] = {}
    for event in events:
        attempt = event.get("step", ""), event.get("attempt", 0)
        if event["event"] == "StepStarted":
            begun[attempt] = event
        elif event["event"] != "StepProgressed":
            begun.pop(attempt, None)
    return list(begun.values())
