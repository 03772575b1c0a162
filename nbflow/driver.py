"""The one loop of a run: fact → journal → ``advance`` → perform the commands → wait for the next fact.

It owns the threads and the clocks, and decides nothing: what should happen comes from ``core.run``, what it means to
make a step run comes from ``Work``. A fact is in the journal before anything follows from it, so whatever kills this
process, what the journal tells has happened. Nothing is printed here. Read ``core/run`` next.
"""

from __future__ import annotations

import heapq
import logging
import random
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from nbflow.core.events import (
    CancelRequested,
    CancelStep,
    Command,
    Event,
    FinishRun,
    Measured,
    RetryDue,
    RunFinished,
    RunStarted,
    SkipStep,
    StartStep,
    StepCancelled,
    StepCrashed,
    StepFact,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    StopStep,
    WaitRetry,
)
from nbflow.core.run import ImpossibleEvent, Run, advance
from nbflow.core.told import Told
from nbflow.core.view import Notes, noted, outcomes
from nbflow.errors import NbflowError

log = logging.getLogger(__name__)

FINAL = StepReused | StepSucceeded | StepFailed | StepCrashed | StepCancelled
"""What ends an attempt."""

HEARTBEAT = 0.5
"""Seconds: the loop never sleeps longer, for a platform where a signal does not wake a thread that waits."""

GRACE = 10.0
"""Seconds that killed attempts have to clean up after themselves when the loop itself has failed."""

AnyFact = TypeVar("AnyFact", bound=Event)


class Work(Protocol):
    """How a step is made to run. ``attempt`` is called in a thread of its own, ``stop`` in that of the loop."""

    def attempt(self, step: str, attempt: int, emit: Callable[[StepStarted | StepProgressed], None]) -> FINAL:
        """Make one attempt, block until it is over, and return the fact that ends it. ``emit`` tells of what happens
        on the way. Facts may leave ``at`` to the driver. What it raises counts as a crash of nbflow's own."""
        ...

    def stop(self, step: str, attempt: int, force: bool) -> None:
        """Ask the attempt to end soon (``force``: kill it), and return at once. Its ``attempt`` then returns
        StepCancelled, or what it had come to by then. May be called before ``attempt`` is, and after it returned."""
        ...


class Canceller:
    """Asks a run to stop. The first request interrupts its steps, a later one kills them."""

    def __init__(self) -> None:
        self._requests: list[None] = []
        self._wake: Callable[[], None] = lambda: None

    def request(self) -> None:
        """Safe from any thread, and from a signal handler that interrupts the loop itself."""
        self._requests.append(None)
        self._wake()

    @property
    def requests(self) -> int:
        return len(self._requests)

    def on_request(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` at each request from now on; the loop does this."""
        self._wake = wake


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where times and chance come from."""

    now: Callable[[], float] = time.time
    """Seconds since the epoch, UTC: stamps facts."""
    elapsed: Callable[[], float] = time.monotonic
    """Seconds that never jump: measures the delay before a retry."""
    jitter: Callable[[], float] = random.random
    """In [0, 1)."""


def drive(
    run: Run,
    work: Work,
    *,
    journal_sink: Callable[[list[Event]], None],
    on_event: Callable[[Event, Run], None],
    on_idle: Callable[[], None] = lambda: None,
    reused: Iterable[StepReused] = (),
    folder: str = "",
    command: str = "",
    parameters: Mapping[str, Any] = MappingProxyType({}),
    cancel: Canceller | None = None,
    clocks: Clocks | None = None,
) -> Run:
    """Take a run from its beginning to its end, and return it finished.

    ``reused`` tells of the steps whose stored results are certain to hold: they go to the journal with RunStarted, in
    one batch; ``folder``, ``command`` and ``parameters`` are in it for those who look later. ``journal_sink`` gets
    every batch before it counts; what it raises ends the run. ``on_event`` is shown each fact with the run after it,
    and ``on_idle`` is called before every wait, so twice a second at least; what they raise is logged and forgotten.
    Raises ImpossibleEvent for a fault in nbflow. However it ends, no attempt is left
    running.
    """
    driver = _Driver(run, work, journal_sink, on_event, on_idle, cancel or Canceller(), clocks or Clocks())
    return driver.drive(tuple(reused), folder, command, parameters)


class _Driver:
    def __init__(
        self,
        run: Run,
        work: Work,
        journal_sink: Callable[[list[Event]], None],
        on_event: Callable[[Event, Run], None],
        on_idle: Callable[[], None],
        cancel: Canceller,
        clocks: Clocks,
    ) -> None:
        self.run = run
        self.work = work
        self.journal_sink = journal_sink
        self.on_event = on_event
        self.on_idle = on_idle
        self.cancel = cancel
        self.clocks = clocks
        self.folder = ""
        self.told = Told()
        self.cancels_heard = 0
        self.observer_failed = False
        # A SimpleQueue, because its put() may interrupt its own get(): the canceller calls it from a signal handler.
        self.inbox: SimpleQueue[Event | None] = SimpleQueue()
        self.timers: list[tuple[float, str, int]] = []
        self.attempts: dict[tuple[str, int], Thread] = {}
        self.ready: list[float] = []
        self.moment = 0.0

    def drive(self, reused: tuple[StepReused, ...], folder: str, command: str, parameters: Mapping[str, Any]) -> Run:
        shape, self.folder = self.run.shape, folder
        started = RunStarted(
            steps=shape.specs, jobs=shape.jobs, capacity=shape.capacity, fail_fast=shape.fail_fast,
            reused=len(reused), folder=folder, command=command, parameters=tuple(parameters.items()),
        )  # fmt: skip
        batch: list[Event] = [self.stamped(started), *map(self.stamped, reused)]
        self.cancel.on_request(lambda: self.inbox.put(None))
        try:
            while not self.take_in(batch):
                batch = self.next_batch()
        except BaseException:
            self.abandon()
            raise
        finally:
            self.cancel.on_request(lambda: None)
        return self.run

    # Facts

    def take_in(self, batch: list[Event]) -> bool:
        """Journal the facts, then let each have its consequences. True when the last of the run is in."""
        self.journal_sink(batch)
        for event in batch:
            self.told.add(event)
            try:
                self.run, commands = advance(self.run, event)
            except ImpossibleEvent as error:
                raise ImpossibleEvent(error.event, error.state, self.history(event)) from None
            if isinstance(event, FINAL):
                self.attempts.pop((event.step, event.attempt), None)
            self.note_ready(event)
            self.moment = event.at
            self.show(self.on_event, event, self.run)
            for command in commands:
                self.perform(command)
        return isinstance(batch[-1], RunFinished)

    def note_ready(self, event: Event) -> None:
        """Keep since when steps could start: facts come in the order of time, so the last need that is done counts."""
        shape = self.run.shape
        if isinstance(event, RunStarted):
            self.ready = [event.at] * len(shape.specs)
        elif isinstance(event, RetryDue):
            self.ready[shape.number[event.step]] = event.at
        elif isinstance(event, StepSucceeded | StepReused):
            for below in shape.needed_by[shape.number[event.step]]:
                self.ready[below] = event.at

    def history(self, event: Event) -> tuple[Event, ...]:
        """What was told of the same step before the event."""
        step = event.step if isinstance(event, StepFact) else None
        return tuple(e for e in self.told if e is not event and (not isinstance(e, StepFact) or e.step == step))

    def show(self, observer: Callable[..., None], *told: object) -> None:
        try:
            observer(*told)
        except Exception:
            if not self.observer_failed:
                log.exception("What shows the run has failed; the run goes on.")
            self.observer_failed = True

    def next_batch(self) -> list[Event]:
        """Wait for something to happen, and take all that has. RunFinished is always the last of its batch."""
        batch: list[Event] = []
        wait: float | None = 0.0
        while True:
            try:
                event = self.inbox.get(timeout=wait) if wait else self.inbox.get_nowait()
            except Empty:
                batch += self.cancel_requests() + self.retries_due()
                if batch:
                    return batch
                self.show(self.on_idle)
                wait = self.patience()
                continue
            wait = 0.0
            if event is not None:
                batch.append(event)
            if isinstance(event, RunFinished):
                return batch

    def cancel_requests(self) -> list[Event]:
        events: list[Event] = []
        while self.cancels_heard < self.cancel.requests:
            events.append(self.stamped(CancelRequested(force=self.cancels_heard > 0)))
            self.cancels_heard += 1
        return events

    def retries_due(self) -> list[Event]:
        events: list[Event] = []
        while self.timers and self.timers[0][0] <= self.clocks.elapsed():
            _, step, attempt = heapq.heappop(self.timers)
            events.append(self.stamped(RetryDue(step, attempt)))
        return events

    def patience(self) -> float:
        """Seconds to wait for a fact before looking again."""
        if not self.timers:
            return HEARTBEAT
        return min(HEARTBEAT, max(0.001, self.timers[0][0] - self.clocks.elapsed()))

    def stamped(self, fact: AnyFact) -> AnyFact:
        """The fact with its time, unless it says so itself. Whole milliseconds, as the journal keeps them."""
        return replace(fact, at=round(fact.at or self.clocks.now(), 3))

    # Commands

    def perform(self, command: Command) -> None:
        match command:
            case StartStep(step, attempt):
                self.start(step, attempt)
            case StopStep(step, attempt, force):
                self.stop(step, attempt, force)
            case WaitRetry(step, attempt, seconds):
                heapq.heappush(self.timers, (self.clocks.elapsed() + seconds, step, attempt))
            case SkipStep(step, because):
                self.inbox.put(self.stamped(StepSkipped(step, because=because)))
            case CancelStep(step):
                self.inbox.put(self.stamped(StepCancelled(step)))
            case FinishRun(status):
                steps = outcomes(self.run, noted(Notes(), self.told))
                self.inbox.put(self.stamped(RunFinished(status=status, folder=self.folder, steps=steps)))

    def start(self, step: str, attempt: int) -> None:
        given = (step, attempt, max(0.0, round(self.moment - self.ready[self.run.shape.number[step]], 3)))
        # A daemon, so that an attempt which ignores even a kill cannot keep the process from ending.
        thread = Thread(target=self.attempt, args=given, name=f"nbflow {step} {attempt}", daemon=True)
        self.attempts[step, attempt] = thread
        try:
            thread.start()
        except RuntimeError as error:  # the system is out of threads
            del self.attempts[step, attempt]
            self.inbox.put(self.crash(step, attempt, error))

    def stop(self, step: str, attempt: int, force: bool) -> None:
        try:
            self.work.stop(step, attempt, force)
        except Exception:
            log.exception("Step %s could not be stopped; it goes on to its end.", step)

    def abandon(self) -> None:
        """The loop itself has failed: kill every attempt, and give them a moment to clean up."""
        for step, attempt in self.attempts:
            self.stop(step, attempt, force=True)
        deadline = time.monotonic() + GRACE
        for thread in self.attempts.values():
            thread.join(max(0.0, deadline - time.monotonic()))

    # In the thread of an attempt

    def attempt(self, step: str, attempt: int, waiting: float) -> None:
        """Make the attempt. Whatever happens in here, exactly one fact that ends it goes out."""

        def emit(event: StepFact) -> None:
            if not isinstance(event, StepStarted | StepProgressed) or (event.step, event.attempt) != (step, attempt):
                raise TypeError(f"an attempt may not tell of {event}")
            self.inbox.put(self.stamped(event))

        try:
            fact = self.checked(self.work.attempt(step, attempt, emit), step, attempt)
        except BaseException as error:  # nothing an attempt raises may be lost, SystemExit included
            fact = self.crash(step, attempt, error)
        if isinstance(fact, Measured):
            fact = replace(fact, usage=replace(fact.usage, waiting=waiting))
        self.inbox.put(fact)

    def checked(self, fact: Any, step: str, attempt: int) -> FINAL:
        """The fact that an attempt returned, stamped. Raises TypeError where it ends no attempt, or another one."""
        if not isinstance(fact, FINAL) or fact.step != step or fact.attempt not in (0, attempt):
            raise TypeError(f"the attempt ended with {fact!r}")
        stamped = self.stamped(replace(fact, attempt=attempt))
        if isinstance(stamped, StepFailed | StepCrashed):
            return replace(stamped, jitter=self.clocks.jitter())
        return stamped

    def crash(self, step: str, attempt: int, error: BaseException) -> StepCrashed:
        words = f"nbflow itself failed while it ran the step: {type(error).__name__}: {error}"
        if isinstance(error, NbflowError):  # a full disk, a damaged store: it has words of its own
            words = f"{error.message} {error.fix}".strip()
        elif isinstance(error, OSError) and error.strerror:
            where = f" ({error.filename})" if error.filename else ""
            words = f"A file of the run cannot be read or written: {error.strerror}{where}."
        return self.stamped(
            StepCrashed(
                step,
                attempt,
                message=words,
                traceback="".join(traceback.format_exception(error)),
                jitter=self.clocks.jitter(),
            )
        )
