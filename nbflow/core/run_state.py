"""A run as a value: where every step stands, and what always holds of it.

Only ``run.advance`` makes one from another. A few counts are kept beside the steps so that no event has to look at all
of them; ``check`` says whether they are still true. Read ``run`` next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nbflow.core.events import Cause, RunStatus, StepSpec
from nbflow.core.shape import Shape
from nbflow.core.transitions import ACTIVE, DONE, IDLE, LOST, State
from nbflow.core.vector import Vector


class Progress(NamedTuple):
    """Where one step stands."""

    state: State = "waiting"
    unmet: int = 0
    """How many of its needs are not done."""
    attempt: int = 0
    """The newest attempt that was commanded."""
    failures: int = 0
    crashes: int = 0
    because: Cause | None = None
    """Why it is skipped."""


@dataclass(frozen=True, slots=True)
class Run:
    """The whole state of a run. Equal runs went the same way, as far as the future is concerned."""

    shape: Shape
    steps: Vector[Progress]
    status: Literal["planned", "running"] | RunStatus = "planned"
    closing: Literal["", "failed", "cancelled"] = ""
    """Why nothing new starts: a failure under ``fail_fast``, or a cancel request."""
    awaited: int = 0
    """How many StepReused facts were announced and are not in yet."""
    unfinished: int = 0
    """How many steps have not ended."""
    active: frozenset[int] = frozenset()
    """Steps with an attempt under way."""
    frontier: int = 0
    """An index, kept so that no event has to look at every step: bit *r* is set where the step of rank *r* waits and
    has no unmet needs."""

    def __getitem__(self, step: str) -> Progress:
        """Where the step of this full name stands. Raises KeyError."""
        return self.steps[self.shape.number[step]]

    @property
    def finished(self) -> bool:
        return self.status not in ("planned", "running")


# --- what always holds ---------------------------------------------------------------------------------


def check(run: Run) -> None:
    """Raise AssertionError with every invariant that the run breaks. For tests: it looks at every step."""
    broken = [sentence for sentence, holds in INVARIANTS.items() if not holds(run)]
    if broken:
        raise AssertionError(f"{'; '.join(broken)}: {run}")


def _in(run: Run, states: Iterable[str]) -> set[int]:
    return {step for step, progress in enumerate(run.steps) if progress.state in states}


def _ready(run: Run) -> set[int]:
    done = _in(run, DONE)
    return {step for step in _in(run, {"waiting"}) if done.issuperset(run.shape.needs[step])}


def _open(run: Run) -> bool:
    return run.status == "running" and not run.closing and not run.awaited


def _needs_lost(run: Run, step: int) -> bool:
    return any(run.steps[need].state in LOST for need in run.shape.needs[step])


def _has_cause(run: Run, progress: Progress) -> bool:
    cause = progress.because
    return cause is not None and run[cause.step].state == cause.ending != "skipped"


def _within_budget(spec: StepSpec, progress: Progress) -> bool:
    return progress.failures <= spec.retries + 1 and progress.crashes <= spec.crash_retries + 1


INVARIANTS: Mapping[str, Callable[[Run], bool]] = {
    "unmet counts the needs that are not done": lambda run: all(
        progress.unmet == len(set(needs) - _in(run, DONE))
        for progress, needs in zip(run.steps, run.shape.needs, strict=True)
    ),
    "the frontier is what waits with all needs done": lambda run: (
        run.frontier == sum(1 << run.shape.rank[step] for step in _ready(run))
    ),
    "active is what has an attempt under way": lambda run: run.active == _in(run, ACTIVE),
    "unfinished counts what may still change": lambda run: run.unfinished == len(_in(run, ACTIVE | IDLE)),
    "no more than jobs are active": lambda run: len(run.active) <= run.shape.jobs,
    "active steps ask for no more than there is": lambda run: not run.shape.excess(run.active),
    "an attempt is made only when all needs are done": lambda run: all(
        not progress.attempt or not progress.unmet for progress in run.steps
    ),
    "attempts stay within their budgets": lambda run: all(map(_within_budget, run.shape.specs, run.steps)),
    "nothing idle needs what is lost": lambda run: not any(_needs_lost(run, step) for step in _in(run, IDLE)),
    "a skipped step names the root of it": lambda run: all(
        _has_cause(run, run.steps[step]) for step in _in(run, {"skipped"})
    ),
    "nothing starts before the reused are in": lambda run: not (run.awaited and run.active),
    "nothing that could run is left waiting": lambda run: (
        not _open(run)
        or len(run.active) == run.shape.jobs
        or all(run.shape.excess(run.active | {step}) for step in _ready(run))
    ),
    "a run that closes leaves nothing idle": lambda run: not run.closing or not _in(run, IDLE),
    "a cancelled run only stops": lambda run: run.closing != "cancelled" or not _in(run, {"starting", "running"}),
    "a run is over when all its steps are": lambda run: run.status == "planned" or run.finished == (not run.unfinished),
}
"""What holds after every event, in words and as a test."""
