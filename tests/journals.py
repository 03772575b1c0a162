"""What the tests of the journal have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbflow.journal import Journal

RUN, LATER = "20261124-153012-k3x9", "20261124-160000-a1b2"
T0, T1, T2 = (f"2026-11-24T15:30:1{n}.000Z" for n in range(3))

EVENTS: list[dict[str, Any]] = [
    {"event": "RunStarted", "time": T0},
    {"event": "StepStarted", "time": T0, "step": "nb.train", "attempt": 1},
    {"event": "StepSucceeded", "time": T1, "step": "nb.train", "attempt": 1, "seconds": 0.5, "outputs": {"é": [1]}},
]


def numbered(run: str, events: list[dict[str, Any]], first: int = 1) -> list[dict[str, Any]]:
    """Events as they come back."""
    return [{"seq": n, "run": run, **event} for n, event in enumerate(events, first)]


def reader(root: Path) -> Journal:
    """The journal that is there, to be looked at."""
    journal = Journal.read(root)
    assert journal is not None
    return journal
