"""The one function that may change a run, and the ones around it: begin, tell the story again, wait before a retry.

Three rules. A step changes its state only along a row of ``TRANSITIONS``, by a fact that came in or by a decision that
``advance`` made. What ``advance`` decides is true at once and goes out as a command; the fact that the driver makes of
it (StepSkipped, StepCancelled, RunFinished) tells the journal and changes nothing more, so there is no state between.
Whether a step is *ready* is never a state: it waits, its needs are done, and there is room.

No clock, no randomness, no callbacks: times and jitter come in with the events, so telling the same events again gives
an equal run. ``run_state`` is the run as a value; read ``driver`` next for the loop around it, ``view`` for what a
person sees of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from nbflow.core.events import (
    CancelRequested,
    CancelStep,
    Cause,
    Command,
    Event,
    FinishRun,
    RunFinished,
    RunStarted,
    SkipStep,
    StartStep,
    StepCrashed,
    StepEvent,
    StepFailed,
    StepReused,
    StepSpec,
    StopStep,
    WaitRetry,
)
from nbflow.core.run_state import INVARIANTS, Progress, Run, check
from nbflow.core.shape import Shape
from nbflow.core.transitions import ACTIVE, DONE, IDLE, LOST, TRANSITIONS, State
from nbflow.core.vector import Vector
from nbflow.errors import NbflowError

__all__ = [
    "ACTIVE", "DONE", "IDLE", "INVARIANTS", "LOST", "TRANSITIONS", "ImpossibleEvent", "Progress", "Run", "State",
    "StepSpec", "advance", "backoff", "begin", "check", "fold", "retold",
]  # fmt: skip

LONGEST_DELAY = 300.0
"""Seconds: no retry waits longer."""


class ImpossibleEvent(NbflowError):
    """A fact came in that the run's state rules out: a fault in nbflow. ``history`` holds what came before it."""

    def __init__(self, event: Event, state: str, history: tuple[Event, ...] = ()) -> None:
        self.event, self.state, self.history = event, state, history
        story = "".join(f"\n  {fact}" for fact in history)
        super().__init__(
            f"nbflow lost track of the run: {event} cannot happen while {state}.{story and ' Before it:'}{story}",
            "This is a fault in nbflow, not in the notebook. Please report it with these lines.",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.event, self.state, self.history)


# --- the beginning -------------------------------------------------------------------------------------


def begin(
    specs: Iterable[StepSpec], *, jobs: int, capacity: Mapping[str, float] | None = None, fail_fast: bool = False
) -> Run:
    """A run of these steps, in notebook order, before its first event.

    ``jobs`` bounds how many attempts are under way at once; ``capacity`` says what there is of each resource (one it
    does not name is not bounded). Raises UsageError where ``jobs`` is below 1 or a step asks for more than there is,
    NbflowError where the steps are no DAG.
    """
    shape = Shape.of(tuple(specs), jobs=jobs, capacity=dict(capacity or {}), fail_fast=fail_fast)
    steps = Vector.of(Progress(unmet=len(needs)) for needs in shape.needs)
    frontier = sum(1 << shape.rank[step] for step, needs in enumerate(shape.needs) if not needs)
    return Run(shape, steps, unfinished=len(shape.specs), frontier=frontier)


# --- the one door --------------------------------------------------------------------------------------


def advance(run: Run, event: Event) -> tuple[Run, tuple[Command, ...]]:
    """The run after the event, and what should be done now. Raises ImpossibleEvent.

    A fact about an attempt older than the newest is an echo and changes nothing.
    """
    turn = _Turn(run)
    match event:
        case RunStarted():
            turn.begin(event)
        case CancelRequested():
            turn.cancel(event)
        case RunFinished():
            if run.status != event.status:
                raise ImpossibleEvent(event, f"the run is {run.status}")
        case _:
            turn.hear(event)
    turn.start_ready()
    turn.finish_if_over()
    return turn.run(), tuple(turn.commands)


def retold(run: Run | None, event: Event) -> Run:
    """The run after one more of its events, told again; ``None`` before its first, which is a RunStarted."""
    if run is None:
        if not isinstance(event, RunStarted):
            raise ImpossibleEvent(event, "the run has not started")
        run = begin(event.steps, jobs=event.jobs, capacity=dict(event.capacity), fail_fast=event.fail_fast)
    return advance(run, event)[0]


def fold(events: Iterable[Event]) -> Run:
    """The run that these events tell of, the first of them a RunStarted."""
    run: Run | None = None
    for event in events:
        run = retold(run, event)
    assert run is not None
    return run


def backoff(spec: StepSpec, retry: int, jitter: float) -> float:
    """Seconds before retry number ``retry`` (from 1): twice as long each time, capped, then any share of it (jitter in
    [0, 1)), so that steps which failed together do not come back together."""
    return jitter * min(LONGEST_DELAY, spec.retry_delay * 2.0 ** min(retry - 1, 60))


class _Turn:
    """One call of ``advance``: the parts of the run that change, and the commands so far. Gone after the call."""

    def __init__(self, run: Run) -> None:
        self.before = run
        self.shape = run.shape
        self.steps = run.steps
        self.status = run.status
        self.closing = run.closing
        self.awaited = run.awaited
        self.unfinished = run.unfinished
        self.active = run.active
        self.frontier = run.frontier
        self.commands: list[Command] = []

    def run(self) -> Run:
        return Run(self.shape, self.steps, self.status, self.closing, self.awaited, self.unfinished, self.active,
                   self.frontier)  # fmt: skip

    # What came in

    def begin(self, event: RunStarted) -> None:
        if self.status != "planned":
            raise ImpossibleEvent(event, f"the run is {self.status}")
        self.status, self.awaited = "running", event.reused

    def cancel(self, event: CancelRequested) -> None:
        """The first request asks; a forced one kills what is still there. Steps that were not running end here."""
        if self.status == "planned":
            raise ImpossibleEvent(event, "the run has not started")
        if not self.unfinished:
            return
        first = self.closing != "cancelled"
        self.closing = "cancelled"
        for step, progress in enumerate(self.steps):
            if progress.state in IDLE:
                self.move(step, "CancelStep")
                self.commands.append(CancelStep(self.shape.specs[step].name))
            elif progress.state in ACTIVE and (first or event.force):
                self.move(step, "StopStep")
                self.commands.append(StopStep(self.shape.specs[step].name, progress.attempt, event.force))

    def hear(self, event: StepEvent) -> None:
        """Take in a fact about a step."""
        step = self.shape.number.get(event.step)
        if step is None or self.status == "planned":
            raise ImpossibleEvent(event, "the run has no such step" if step is None else "the run has not started")
        now = self.steps[step]
        if event.attempt < now.attempt:
            return
        trigger = type(event).__name__
        if event.attempt > now.attempt or (now.state, trigger) not in TRANSITIONS:
            raise ImpossibleEvent(event, f"'{self.shape.specs[step].label}' is {now.state} (attempt {now.attempt})")
        if isinstance(event, StepFailed | StepCrashed):
            self.fall(step, event)
        else:
            self.move(step, trigger)
            if isinstance(event, StepReused) and self.awaited:
                self.awaited -= 1
        if now.state not in LOST and self.steps[step].state in LOST:
            self.lose(step)

    def fall(self, step: int, event: StepFailed | StepCrashed) -> None:
        """An attempt failed or crashed. Each has a budget of its own, and a run that is closing spends neither."""
        spec, now = self.shape.specs[step], self.steps[step]
        if isinstance(event, StepFailed):
            now = now._replace(failures=now.failures + 1)
            left = spec.retries - now.failures
        else:
            now = now._replace(crashes=now.crashes + 1)
            left = spec.crash_retries - now.crashes
        self.steps = self.steps.put(step, now)
        if left >= 0 and not self.closing:
            self.move(step, "WaitRetry")
            seconds = backoff(spec, now.failures + now.crashes, event.jitter)
            self.commands.append(WaitRetry(spec.name, now.attempt, seconds))
        else:
            self.move(step, type(event).__name__)

    # What follows from it

    def move(self, step: int, trigger: str, because: Cause | None = None) -> None:
        """Change a step's state along ``TRANSITIONS`` and keep the counts true."""
        old = self.steps[step]
        new = old._replace(state=TRANSITIONS[old.state, trigger], because=because or old.because)
        if new == old:
            return
        self.steps = self.steps.put(step, new)
        self.note_ready(step, new)
        if new.state in ACTIVE and old.state not in ACTIVE:
            self.active |= {step}
        elif old.state in ACTIVE and new.state not in ACTIVE:
            self.active -= {step}
        if new.state in DONE or new.state in LOST:
            self.unfinished -= 1
        if new.state in DONE:
            for dependent in self.shape.needed_by[step]:
                progress = self.steps[dependent]
                progress = progress._replace(unmet=progress.unmet - 1)
                self.steps = self.steps.put(dependent, progress)
                self.note_ready(dependent, progress)

    def note_ready(self, step: int, progress: Progress) -> None:
        bit = 1 << self.shape.rank[step]
        if progress.state == "waiting" and not progress.unmet:
            self.frontier |= bit
        elif self.frontier & bit:
            self.frontier ^= bit

    def lose(self, step: int) -> None:
        """A step ended without a result: skip all that needs it, and under ``fail_fast`` all that waits."""
        if self.closing:
            return
        cause = Cause(self.shape.specs[step].name, self.steps[step].state)  # type: ignore[arg-type]  # it is in LOST
        self.skip(self.dependents(step), cause)
        if self.shape.fail_fast and cause.ending in ("failed", "crashed"):
            self.closing = "failed"
            self.skip(range(len(self.shape.specs)), replace(cause, fail_fast=True))

    def skip(self, steps: Iterable[int], cause: Cause) -> None:
        for step in steps:
            if self.steps[step].state in IDLE:
                self.move(step, "SkipStep", cause)
                self.commands.append(SkipStep(self.shape.specs[step].name, cause))

    def dependents(self, step: int) -> list[int]:
        """All that needs the step, directly or not, in notebook order."""
        found, queue = {step}, [step]
        for here in queue:
            fresh = set(self.shape.needed_by[here]) - found
            found |= fresh
            queue.extend(fresh)
        return sorted(found - {step})

    def start_ready(self) -> None:
        """Start what is ready, in the order of preference, as far as there is room."""
        if self.status != "running" or self.closing or self.awaited:
            return
        candidates = self.frontier
        while candidates and len(self.active) < self.shape.jobs:
            lowest = candidates & -candidates
            candidates ^= lowest
            step = self.shape.by_rank[lowest.bit_length() - 1]
            if self.fits(step):
                attempt = self.steps[step].attempt + 1
                self.move(step, "StartStep")
                self.steps = self.steps.put(step, self.steps[step]._replace(attempt=attempt))
                self.commands.append(StartStep(self.shape.specs[step].name, attempt))

    def fits(self, step: int) -> bool:
        return not self.shape.specs[step].resources or not self.shape.excess(self.active | {step})

    def finish_if_over(self) -> None:
        if self.status != "running" or self.unfinished:
            return
        states = {progress.state for progress in self.steps}
        if states <= DONE:
            self.status = "succeeded"
        elif self.closing == "cancelled" or not states & {"failed", "crashed"}:
            self.status = "cancelled"
        else:
            self.status = "failed"
        self.commands.append(FinishRun(self.status))
