"""Two past runs side by side, as the journal and the store tell of them. Nothing is executed, unpickled or written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbflow.core.comparing import Changed, Comparison, Side, StepSide, compare_runs, delta
from nbflow.errors import UsageError
from nbflow.journal import Journal, RunRow
from nbflow.ops.following import LAST, find_run, journal_of
from nbflow.ops.history import Story, story
from nbflow.ops.results import Results
from nbflow.settings import Settings
from nbflow.store import Store


def compare(settings: Settings, old: str = "", new: str = LAST) -> Comparison:
    """Two runs that a person names, ``old`` by default the one before ``new`` of the same notebooks. Raises
    ``UsageError`` and ``JournalError``."""
    with journal_of(settings.root) as journal:
        later = find_run(journal, new)
        earlier = find_run(journal, old) if old else run_before(journal, later)
    if earlier is None:
        raise UsageError(
            f"There is no run of the same notebooks before {later.id}.",
            "Name the run to compare it with: nbflow diff OLD NEW. See which there are: nbflow runs",
        )
    if earlier.id == later.id:
        raise UsageError(f"Both are run {later.id}.", "See which there are: nbflow runs")
    return compare_stories(story(settings, earlier.id), story(settings, later.id))


def run_before(journal: Journal, later: RunRow) -> RunRow | None:
    """The newest run of the same notebooks before that one."""
    return next((row for row in journal.runs() if row.id < later.id and row.sources == later.sources), None)


def compare_stories(old: Story, new: Story) -> Comparison:
    """Two runs of which all is told already."""
    store = Store(new.settings.store)
    return compare_runs(_side(old, store), _side(new, store))


def _side(told: Story, store: Store) -> Side:
    results = Results(store, told.run.shape.specs, told.facts)
    steps = {
        step["id"]: StepSide(step["name"], step["state"], step["seconds"], results.record(step["id"]))
        for step in told.view["steps"]
    }
    return Side(told.row.id, told.view["status"], told.seconds, told.view["parameters"], steps)


# --- the documented JSON -------------------------------------------------------------------------------


def comparison_json(found: Comparison) -> dict[str, Any]:
    """Both runs, and what is different."""
    return {
        "old": _run(found.old),
        "new": _run(found.new),
        "parameters": {change.name: {"old": change.old, "new": change.new} for change in found.parameters},
        "steps": [
            {
                "id": step.step,
                "name": step.name,
                "verdict": step.verdict,
                "reasons": [{"kind": reason.kind, "detail": reason.detail} for reason in step.reasons],
                "outputs": list(step.outputs),
                "numbers": {change.name: _number(change) for change in step.numbers},
                "old": {"state": step.states[0], "seconds": step.seconds[0]},
                "new": {"state": step.states[1], "seconds": step.seconds[1]},
            }
            for step in found.steps
        ],
    }


def _run(side: Side) -> Mapping[str, Any]:
    return {"run": side.run, "status": side.status, "seconds": side.seconds, "parameters": dict(side.parameters)}


def _number(change: Changed) -> Mapping[str, Any]:
    grown = delta(change.old, change.new)
    return {"old": change.old, "new": change.new, "delta": None if grown is None else grown[0]}
