"""Where the time of a run went, added to its view: the longest chain, what each step took, when it will be over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from nbflow.core.event_json import time_text
from nbflow.core.run import Run
from nbflow.core.timing import History, StepTime, Timing, eta, remark, usual
from nbflow.core.view.notes import Notes
from nbflow.core.view.shape import RunTimeView, RunView, StepTimeView
from nbflow.core.view.words import usage_view


def timed(seen: RunView, times: Timing, lines: Sequence[str] = ()) -> RunView:
    """The view with where the time went. ``lines``: the same in words."""
    taken = {each.step: step_time(each, each.step in times.path) for each in times.steps}
    steps = [{**step, "time": taken.get(step["id"])} for step in seen["steps"]]
    return {**seen, "time": run_time(times, lines), "steps": steps}  # type: ignore[typeddict-item]


def run_time(times: Timing, lines: Sequence[str] = ()) -> RunTimeView:
    """Where the time of the run went."""
    said = remark(times)
    return {
        "seconds": times.seconds,
        "jobs": times.jobs,
        "total": usage_view(times.total),
        "longest_chain": list(times.path),
        "longest_chain_seconds": times.path_seconds,
        "with_places": {str(places): seconds for places, seconds in times.with_places.items()},
        "remark": asdict(said) if said else None,
        "lines": list(lines),
    }


def step_time(took: StepTime, critical: bool) -> StepTimeView:
    """What one step took."""
    return {
        **usage_view(took.usage),
        "seconds": took.seconds,
        "slack": took.slack,
        "usual": took.usual,
        "slower": took.slower,
        "critical": critical,
    }


def due(run: Run, notes: Notes, history: History, now: float) -> str | None:
    """When a run that goes on will be over, as far as earlier runs tell."""
    typical: Mapping[str, float] = {step: took for step, found in history.items() if (took := usual(found)) is not None}
    elapsed = {step: now - note.started for step, note in notes.steps.items() if note.started and note.ended is None}
    left = eta(run, elapsed, typical)
    return None if left is None else time_text(now + left)
