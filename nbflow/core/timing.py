"""Where the time of a run went, and how long one would take: told from its facts, and from what steps took before.

What a run would have taken with more or fewer places is not computed by a rule of its own: the same ``run.advance``
that decides in real runs is told of made-up ends, so resources and the order of preference are as they are. A
simulated step takes what it was measured to hold a place for; delays before retries are left out. No clock here: every
time comes in with a fact.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from types import MappingProxyType
from typing import Literal

from nbflow.core.events import (
    Command,
    Event,
    Measured,
    RetryDue,
    RunStarted,
    StartStep,
    StepCancelled,
    StepCrashed,
    StepFact,
    StepFailed,
    StepStarted,
    StepSucceeded,
    Usage,
)
from nbflow.core.run import ACTIVE, IDLE, Run, advance, begin

History = Mapping[str, Sequence[float]]
"""Full name → seconds that the step held a place in earlier runs in which it succeeded."""

NO_HISTORY: History = MappingProxyType({})

PARTS = ("waiting", "kernel", "loading", "code", "saving")
"""The parts of an attempt's time, in their order."""

PLACES = (1, 2, 4, 8, 16, 32, 64)
"""Numbers of steps at a time that are tried."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """What one step took in a run, over all its attempts."""

    step: str
    seconds: float
    """In which it held a place."""
    attempts: int
    usage: Usage
    """Added up; the memory is the most of any attempt."""
    slack: float
    """Seconds that it could have taken longer without making the run longer, had there been places enough."""
    usual: float | None
    """Median of the seconds in earlier runs; ``None`` where there is none."""

    @property
    def slower(self) -> bool:
        """Whether it took much longer than it usually does."""
        return self.usual is not None and self.seconds >= max(1.5 * self.usual, self.usual + 2.0)


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of one run went."""

    seconds: float
    """From its first fact to its last."""
    jobs: int
    steps: tuple[StepTime, ...]
    """Those that took time, in notebook order."""
    path: tuple[str, ...]
    """The critical path: the chain of steps that takes longest. No number of places makes the run shorter."""
    path_seconds: float
    total: Usage
    """Of all steps together; the memory is the most of any."""
    with_places: Mapping[int, float]
    """Steps at a time → seconds that the run would have taken."""

    @property
    def longest(self) -> tuple[StepTime, ...]:
        """The steps, longest first."""
        return tuple(sorted(self.steps, key=lambda step: -step.seconds))


# --- what a run took -----------------------------------------------------------------------------------


def timing(facts: Sequence[Event], history: History) -> Timing:
    """Tell from the facts of a run, the first a RunStarted. An attempt that was never heard of again counts up to the
    last fact."""
    first, last = facts[0], facts[-1]
    assert isinstance(first, RunStarted)
    taken = _taken(facts)
    run = begin(first.steps, jobs=first.jobs, capacity=dict(first.capacity))
    held = {spec.name: taken[spec.name].seconds if spec.name in taken else 0.0 for spec in first.steps}
    slacks = slack(run, held)
    path = critical_path(run, held)
    steps = tuple(
        replace(taken[name], slack=slacks[name], usual=usual(history.get(name, ()))) for name in held if name in taken
    )
    return Timing(
        seconds=round(last.at - first.at, 3),
        jobs=first.jobs,
        steps=steps,
        path=path,
        path_seconds=round(sum(held[step] for step in path), 3),
        total=_sum(step.usage for step in steps),
        with_places=_tried(first, held, sum(held[step] for step in path)),
    )


def usual(seconds: Sequence[float]) -> float | None:
    """The median, ``None`` without any."""
    return median(seconds) if seconds else None


def _taken(facts: Sequence[Event]) -> dict[str, StepTime]:
    """What each step took that made an attempt."""
    began: dict[str, float] = {}
    ended: dict[str, int] = {}
    found: dict[str, StepTime] = {}
    for fact in facts:
        match fact:
            case StepStarted() if fact.attempt > ended.get(fact.step, 0):  # it may be told late, and twice
                began.setdefault(fact.step, fact.at)
            case StepSucceeded() | StepFailed() | StepCrashed() | StepCancelled() if fact.attempt:
                _add(found, fact, began.pop(fact.step, fact.at))
                ended[fact.step] = fact.attempt
    for step, at in began.items():  # killed with its run, or running still
        _add(found, StepFact(step, at=facts[-1].at), at)
    return found


def _add(found: dict[str, StepTime], fact: StepFact, began: float) -> None:
    usage = fact.usage if isinstance(fact, Measured) else Usage()
    # Journals of older versions tell no usage.
    seconds = usage.held or max(0.0, fact.at - began)
    old = found.get(fact.step, StepTime(fact.step, 0.0, 0, Usage(), 0.0, None))
    seconds = round(old.seconds + seconds, 3)
    found[fact.step] = replace(old, seconds=seconds, attempts=old.attempts + 1, usage=_sum((old.usage, usage)))


def _sum(usages: Iterable[Usage]) -> Usage:
    kept = list(usages)
    sums = {f.name: round(sum(getattr(u, f.name) for u in kept), 3) for f in fields(Usage) if f.name != "memory"}
    return Usage(**sums, memory=max((u.memory for u in kept), default=0))


# --- the critical path ---------------------------------------------------------------------------------


def slack(run: Run, seconds: Mapping[str, float]) -> dict[str, float]:
    """By how much each step could take longer without making the longest chain longer. Steps on it have none."""
    names = [spec.name for spec in run.shape.specs]
    before, after = _chains(run, seconds)
    whole = max((b + a for b, a in zip(before, after, strict=True)), default=0.0)
    return {name: round(whole - before[i] - after[i], 3) for i, name in enumerate(names)}


def critical_path(run: Run, seconds: Mapping[str, float]) -> tuple[str, ...]:
    """The chain of steps that takes longest, from first to last, without those that took no time."""
    before, after = _chains(run, seconds)
    shape = run.shape
    here = max(range(len(shape.specs)), key=lambda step: after[step] if not before[step] else -1.0, default=None)
    path = []
    while here is not None:
        path.append(shape.specs[here].name)
        here = max(shape.needed_by[here], key=lambda step: after[step], default=None)
    return tuple(step for step in path if seconds[step])


def _chains(run: Run, seconds: Mapping[str, float]) -> tuple[list[float], list[float]]:
    """For each step: the longest chain that ends where it begins, and the longest one from its begin on."""
    shape = run.shape
    took = [seconds[spec.name] for spec in shape.specs]
    before, after = [0.0] * len(took), [0.0] * len(took)
    # By rank each step comes before all that need it: its longest path is longer than theirs.
    for step in shape.by_rank:
        before[step] = max((before[need] + took[need] for need in shape.needs[step]), default=0.0)
    for step in reversed(shape.by_rank):
        after[step] = took[step] + max((after[below] for below in shape.needed_by[step]), default=0.0)
    return before, after


# --- what a run would take -----------------------------------------------------------------------------


def makespan(started: RunStarted, seconds: Mapping[str, float], places: int) -> float:
    """How long the run would have taken with so many steps at a time, had each step taken so many seconds."""
    most = max((amount for spec in started.steps for name, amount in spec.resources if name == "cpu"), default=0.0)
    capacity = dict(started.capacity)
    if capacity.get("cpu") == started.jobs:  # nobody said how many cores there are: it goes by the places
        capacity["cpu"] = max(float(places), most)
    run = begin(started.steps, jobs=places, capacity=capacity)
    run, commands = advance(run, RunStarted(steps=started.steps, jobs=places))
    return _played_out(run, commands, seconds, [])


def eta(run: Run, elapsed: Mapping[str, float], usual_seconds: Mapping[str, float]) -> float | None:
    """Seconds until a run that goes on is over, as far as earlier runs tell: ``None`` where a step is left of which
    they tell nothing. ``elapsed``: for steps under way, for how long."""
    specs = run.shape.specs
    left = [specs[i].name for i, progress in enumerate(run.steps) if progress.state in ACTIVE | IDLE]
    if run.status != "running" or not all(step in usual_seconds for step in left):
        return None
    ends: list[tuple[float, int, Event]] = []
    for step, progress in enumerate(run.steps):
        name = specs[step].name
        if progress.state in ACTIVE:
            end = max(0.0, usual_seconds[name] - elapsed.get(name, 0.0))
            ends.append((end, step, StepSucceeded(name, progress.attempt)))
        elif progress.state == "retrying":
            ends.append((0.0, step, RetryDue(name, progress.attempt)))
    heapq.heapify(ends)
    return _played_out(run, (), usual_seconds, ends)


def _played_out(
    run: Run, commands: Iterable[Command], seconds: Mapping[str, float], ends: list[tuple[float, int, Event]]
) -> float:
    """When the last step ends if each takes so many seconds and succeeds. ``ends``: a heap of what is on its way."""
    now = 0.0
    while True:
        for command in commands:
            if isinstance(command, StartStep):
                number = run.shape.number[command.step]
                heapq.heappush(
                    ends, (now + seconds[command.step], number, StepSucceeded(command.step, command.attempt))
                )
        if not ends:
            return now
        now, _, event = heapq.heappop(ends)
        run, commands = advance(run, event)


def _tried(started: RunStarted, seconds: Mapping[str, float], least: float) -> dict[int, float]:
    """The number of places that there were, and fewer and more, up to where more do not help."""
    found: dict[int, float] = {}
    if not any(seconds.values()):
        return found
    enough = False
    for places in sorted({*PLACES, started.jobs}):
        if not enough or places == started.jobs:
            found[places] = round(makespan(started, seconds, places), 3)
        enough = enough or found.get(places, least) <= least * 1.01
    return found


# --- what is worth a line ------------------------------------------------------------------------------

WORTH = 10.0
"""Seconds: of a shorter run nothing is said."""


@dataclass(frozen=True, slots=True)
class Remark:
    """The one thing about the time of a run that a person may want to know."""

    kind: Literal["slower", "places", "kernels", "step"]
    step: str = ""
    seconds: float = 0.0
    """Of the step; with more places: of the run; of all kernels."""
    than: float = 0.0
    """What it usually takes; what the run took; what all steps took."""
    places: int = 0
    attempts: int = 1
    """Of the step; its seconds are those of all of them."""


def remark(times: Timing) -> Remark | None:
    """What is worth saying, ``None`` for nothing: a step much slower than usual on the longest chain, else that more
    steps at a time would have helped, else that most of the time went into kernels or into one step."""
    if times.seconds < WORTH or not times.steps:
        return None
    held = times.total.held
    for step in times.longest:
        if step.slower and step.slack < 1.0 and step.usual is not None:
            return Remark("slower", step.step, step.seconds, step.usual, attempts=step.attempts)
    for places, seconds in sorted(times.with_places.items()):
        if places > times.jobs and seconds <= 0.75 * times.with_places[times.jobs]:
            return Remark("places", "", seconds, times.with_places[times.jobs], places)
    if held and times.total.kernel >= 0.5 * held:
        return Remark("kernels", "", times.total.kernel, held)
    longest = times.longest[0]
    if len(times.steps) > 1 and longest.seconds >= 0.5 * times.seconds:
        return Remark("step", longest.step, longest.seconds, times.seconds, attempts=longest.attempts)
    return None
