"""Past runs written into a journal, as the run engine would have: for tests of those who look back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbflow.core.event_json import time_text, to_json
from nbflow.core.events import Event, RunFinished, StepSucceeded
from nbflow.journal import Journal

FIRST, SECOND, THIRD = "20261124-153012-k3x9", "20261124-160000-a1b2", "20261125-080000-zz9z"
AT = 1795534212.0
"""When the first run begins: 2026-11-24T15:30:12Z."""


def tell(root: Path, run: str, *facts: Event, parameters: Mapping[str, Any] | None = None, ended: bool = True) -> None:
    """Write a run. Without ``ended`` it is one whose process was killed."""
    (root / "pyproject.toml").write_text("[tool.nbflow]\n")
    with Journal.open(root) as journal:
        folder = root / "nbflow_runs" / run
        journal.begin_run(run, time_text(facts[0].at if facts else AT), ["n.ipynb"], parameters or {}, str(folder))
        journal.append(run, [to_json(fact, run) for fact in facts])
        journal.add_durations(run, {f.step: f.usage.held for f in facts if isinstance(f, StepSucceeded)})
        last = facts[-1] if facts else None
        if ended and isinstance(last, RunFinished):
            journal.finish_run(run, time_text(last.at), last.status)
