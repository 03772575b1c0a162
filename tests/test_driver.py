"""The loop around a run, with work that runs no kernel."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbflow.core.events import (
    CancelRequested,
    Cause,
    Event,
    Outcome,
    RetryDue,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepCrashed,
    StepFact,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
    Usage,
)
from nbflow.core.run import ImpossibleEvent, Run, begin, check, fold
from nbflow.driver import Canceller, Clocks, drive

PATIENCE = 10.0
"""Seconds after which a test that hangs fails."""

Script = Callable[["Attempt"], Any]


class Attempt:
    """What a script sees of the attempt that it plays."""

    def __init__(self, step: str, number: int, emit: Callable[[Any], None]) -> None:
        self.step, self.number, self.emit = step, number, emit
        self.interrupted, self.killed = threading.Event(), threading.Event()

    def begin(self) -> None:
        self.emit(StepStarted(self.step, self.number))

    def succeed(self) -> StepSucceeded:
        return StepSucceeded(self.step, self.number)

    def fail(self, error: str = "ValueError: bad") -> StepFailed:
        return StepFailed(self.step, self.number, error=error)


class FakeWork:
    """Plays a script for each step; a step without one succeeds at once."""

    def __init__(self, **scripts: Script) -> None:
        self.scripts = scripts
        self.attempts: dict[tuple[str, int], Attempt] = {}
        self.stops: list[tuple[str, int, bool]] = []

    def attempt(self, step: str, attempt: int, emit: Callable[[Any], None]) -> Any:
        here = self.attempts[step, attempt] = Attempt(step, attempt, emit)
        return self.scripts.get(step, Attempt.succeed)(here)

    def stop(self, step: str, attempt: int, force: bool) -> None:
        self.stops.append((step, attempt, force))
        here = self.attempts[step, attempt]
        here.interrupted.set()
        if force:
            here.killed.set()


class Recorder:
    """The journal and the observer of a run, and checks of what both were told."""

    def __init__(self, on_event: Callable[[Event, Run], None] = lambda event, run: None) -> None:
        self.batches: list[list[Event]] = []
        self.shown: list[Event] = []
        self.then = on_event

    def journal(self, batch: list[Event]) -> None:
        self.batches.append(list(batch))

    def observe(self, event: Event, run: Run) -> None:
        check(run)
        assert event in self.story  # it was in the journal first
        self.shown.append(event)
        self.then(event, run)

    @property
    def story(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    def of(self, *kinds: type[Any]) -> list[Event]:
        return [event for event in self.story if isinstance(event, kinds)]


def stopped_clocks() -> Clocks:
    """Clocks that stand still, and delays that come out as long as they may almost be."""
    return Clocks(now=lambda: 100.0, elapsed=lambda: 0.0, jitter=lambda: 0.0)


def run_steps(
    work: Any,
    *specs: StepSpec,
    jobs: int = 4,
    recorder: Recorder | None = None,
    fail_fast: bool = False,
    **options: Any,
) -> tuple[Run, Recorder]:
    recorder = recorder or Recorder()
    options.setdefault("clocks", stopped_clocks())
    before = threading.active_count()
    run = drive(
        begin(specs, jobs=jobs, fail_fast=fail_fast),
        work,
        journal_sink=recorder.journal,
        on_event=recorder.observe,
        **options,
    )
    assert fold(recorder.story) == run
    assert recorder.shown == recorder.story
    assert recorder.story[-1] == recorder.of(RunFinished)[0]
    wait_for(lambda: threading.active_count() <= before)
    return run, recorder


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.001)


def until_stopped(attempt: Attempt) -> StepCancelled:
    attempt.begin()
    assert attempt.interrupted.wait(PATIENCE)
    return StepCancelled(attempt.step, attempt.number)


def until_killed(attempt: Attempt) -> StepCancelled:
    attempt.begin()
    assert attempt.killed.wait(PATIENCE)
    return StepCancelled(attempt.step, attempt.number)


# --- the loop ------------------------------------------------------------------------------------------


def test_a_run_from_its_start_to_its_end() -> None:
    def load(attempt: Attempt) -> StepSucceeded:
        attempt.begin()
        attempt.emit(StepProgressed("load", 1, done=1, total=1, at=99.0))
        return StepSucceeded("load", 1, key="k", record="r", seconds=0.5)

    specs = (StepSpec("load"), StepSpec("train", ("load",), reason="never run before"))
    run, recorder = run_steps(FakeWork(load=load), *specs, folder="nbflow_runs/r")
    assert run.status == "succeeded"
    assert recorder.story == [
        RunStarted(at=100.0, steps=specs, jobs=4, folder="nbflow_runs/r"),
        StepStarted("load", 1, at=100.0),
        StepProgressed("load", 1, done=1, total=1, at=99.0),
        StepSucceeded("load", 1, at=100.0, key="k", record="r", seconds=0.5),
        StepSucceeded("train", 1, at=100.0),
        RunFinished(
            at=100.0,
            status="succeeded",
            folder="nbflow_runs/r",
            steps={"load": Outcome("succeeded", 0.5, 1), "train": Outcome("succeeded", 0.0, 1, "never run before")},
        ),
    ]


def test_an_attempt_waits_from_when_its_needs_are_done_or_its_retry_is_due() -> None:
    def take(seconds: float) -> Script:
        return lambda attempt: StepSucceeded(attempt.step, attempt.number, at=100.0 + seconds)

    def fail_once(attempt: Attempt) -> StepSucceeded | StepFailed:
        if attempt.number == 1:
            return StepFailed(attempt.step, 1, at=117.0, usage=Usage(kernel=1.0))
        return StepSucceeded(attempt.step, 2, at=130.0)

    specs = (StepSpec("a"), StepSpec("b"), StepSpec("c", ("a", "b")), StepSpec("d", ("a",), retries=1))
    work = FakeWork(a=take(4.0), b=take(10.0), c=take(15.0), d=fail_once)
    _, recorder = run_steps(work, *specs, jobs=1)
    waited = {(e.step, e.attempt): e.usage for e in recorder.story if isinstance(e, StepSucceeded | StepFailed)}
    assert waited == {
        ("a", 1): Usage(waiting=0.0),
        ("b", 1): Usage(waiting=4.0),
        ("c", 1): Usage(waiting=0.0),
        ("d", 1): Usage(waiting=11.0, kernel=1.0),
        ("d", 2): Usage(waiting=0.0),
    }


def test_certain_reuse_is_journaled_at_once_and_starts_no_thread() -> None:
    specs = [StepSpec(f"s{i}", (f"s{i - 1}",) if i else ()) for i in range(50)]
    reused = [StepReused(spec.name, key="k", record="r", reason="fresh") for spec in specs]
    work = FakeWork()
    run, recorder = run_steps(work, *specs, reused=reused)
    assert [len(batch) for batch in recorder.batches] == [51, 1]
    assert (run.status, work.attempts) == ("succeeded", {})


def test_an_attempt_may_find_that_its_step_is_reused() -> None:
    run, recorder = run_steps(FakeWork(a=lambda attempt: StepReused("a", reason="fresh", record="r")), StepSpec("a"))
    assert run["a"].state == "reused"
    assert recorder.of(StepReused) == [StepReused("a", 1, at=100.0, reason="fresh", record="r")]


def test_a_failed_step_skips_what_needs_it_and_says_so_in_the_journal() -> None:
    specs = (StepSpec("a"), StepSpec("b", ("a",), short="bee"), StepSpec("c"))
    _, recorder = run_steps(FakeWork(a=Attempt.fail), *specs)
    assert recorder.of(StepSkipped) == [StepSkipped("b", at=100.0, because=Cause("a", "failed"))]
    assert recorder.of(RunFinished) == [
        RunFinished(
            at=100.0,
            status="failed",
            steps={
                "a": Outcome("failed", 0.0, 1, "ValueError: bad"),
                "b": Outcome("skipped", 0.0, 0, "needs a, which failed"),
                "c": Outcome("succeeded", 0.0, 1, ""),
            },
        )
    ]


def test_fail_fast_lets_running_steps_end_and_starts_no_others() -> None:
    failed = threading.Event()

    def outlive(attempt: Attempt) -> StepSucceeded:
        assert failed.wait(PATIENCE)
        return attempt.succeed()

    recorder = Recorder(lambda event, run: failed.set() if isinstance(event, StepFailed) else None)
    work = FakeWork(a=Attempt.fail, b=outlive)
    run, _ = run_steps(
        work, StepSpec("a"), StepSpec("b"), StepSpec("c"), jobs=2, fail_fast=True, recorder=recorder
    )  # fmt: skip
    assert [progress.state for progress in run.steps] == ["failed", "succeeded", "skipped"]
    assert set(work.attempts) == {("a", 1), ("b", 1)}


@pytest.mark.parametrize("jobs", [1, 3])
def test_as_many_steps_run_at_once_as_there_are_jobs_and_no_more(jobs: int) -> None:
    barrier = threading.Barrier(jobs)
    lock = threading.Lock()
    running: list[int] = [0, 0]

    def meet(attempt: Attempt) -> StepSucceeded:
        with lock:
            running[0] += 1
            running[1] = max(running)
        barrier.wait(PATIENCE)
        with lock:
            running[0] -= 1
        return attempt.succeed()

    names = [f"s{i}" for i in range(4 * jobs)]
    run, _ = run_steps(FakeWork(**dict.fromkeys(names, meet)), *map(StepSpec, names), jobs=jobs)
    assert (run.status, running[1]) == ("succeeded", jobs)


# --- trying again --------------------------------------------------------------------------------------


def test_a_retry_waits_out_its_delay_by_the_clock_that_never_jumps() -> None:
    ticks: Iterator[float] = iter([50.0, 50.0, 50.0, 55.9])  # set at 50 for 6 s, looked at until it is due
    times = iter(range(1, 100))
    clocks = Clocks(now=lambda: float(next(times)), elapsed=lambda: next(ticks, 56.0), jitter=lambda: 0.75)

    def second_time(attempt: Attempt) -> Any:
        return attempt.succeed() if attempt.number == 2 else attempt.fail()

    run, recorder = run_steps(FakeWork(a=second_time), StepSpec("a", retries=1, retry_delay=8.0), clocks=clocks)
    assert recorder.story[1:4] == [
        StepFailed("a", 1, at=2.0, error="ValueError: bad", jitter=0.75),
        RetryDue("a", 1, at=3.0),
        StepSucceeded("a", 2, at=4.0),
    ]
    assert next(ticks, None) is None
    assert run.status == "succeeded"


def test_a_cancelled_run_does_not_wait_for_its_retries() -> None:
    canceller = Canceller()
    recorder = Recorder(lambda event, run: canceller.request() if isinstance(event, StepFailed) else None)
    run, _ = run_steps(
        FakeWork(a=Attempt.fail),
        StepSpec("a", retries=1, retry_delay=300.0),
        recorder=recorder,
        cancel=canceller,
        clocks=Clocks(jitter=lambda: 0.99),
    )
    assert (run.status, run["a"].state) == ("cancelled", "cancelled")


# --- when work breaks its word -------------------------------------------------------------------------


def raising(error: BaseException) -> Script:
    def script(attempt: Attempt) -> None:
        raise error

    return script


BROKEN: list[tuple[str, Script, str]] = [
    ("raises", raising(OSError("no space left")), "OSError: no space left"),
    ("exits", raising(SystemExit(3)), "SystemExit: 3"),
    ("returns nothing", lambda attempt: None, "TypeError: the attempt ended with None"),
    (
        "ends another step",
        lambda attempt: StepCancelled("b", 1),
        "TypeError: the attempt ended with StepCancelled(at=0.0, step='b', attempt=1)",
    ),
    (
        "ends another attempt",
        lambda attempt: StepCancelled("a", 2),
        "TypeError: the attempt ended with StepCancelled(at=0.0, step='a', attempt=2)",
    ),
    (
        "ends with a report",
        lambda attempt: StepStarted("a", 1),
        "TypeError: the attempt ended with StepStarted(at=0.0, step='a', attempt=1, reason='')",
    ),
    (
        "reports an end",
        lambda attempt: attempt.emit(attempt.succeed()),
        (
            "TypeError: an attempt may not tell of StepSucceeded(at=0.0, step='a', attempt=1, key='', record='',"
            " seconds=0.0, warnings=())"
        ),
    ),
    (
        "reports of another step",
        lambda attempt: attempt.emit(StepStarted("b", 1)),
        "TypeError: an attempt may not tell of StepStarted(at=0.0, step='b', attempt=1, reason='')",
    ),
]


@pytest.mark.parametrize(("script", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_work_that_breaks_its_word_is_a_crash_of_nbflow_and_other_steps_go_on(script: Script, message: str) -> None:
    run, recorder = run_steps(FakeWork(a=script), StepSpec("a"), StepSpec("b"))
    (crash,) = recorder.of(StepCrashed)
    assert isinstance(crash, StepCrashed)
    assert crash.message == f"nbflow itself failed while it ran the step: {message}"
    assert crash.traceback.startswith("Traceback (most recent call last):")
    assert [progress.state for progress in run.steps] == ["crashed", "succeeded"]


def test_a_crash_has_its_retries() -> None:
    def second_time(attempt: Attempt) -> Any:
        if attempt.number == 1:
            raise OSError("once")
        return attempt.succeed()

    run, _ = run_steps(FakeWork(a=second_time), StepSpec("a", crash_retries=1))
    assert (run.status, run["a"].attempt, run["a"].crashes) == ("succeeded", 2, 1)


def test_reports_that_come_after_the_end_of_an_attempt_do_no_harm() -> None:
    def late(attempt: Attempt) -> StepSucceeded:
        attempt.begin()
        threading.Timer(0.05, attempt.begin).start()
        return attempt.succeed()

    def outlast(attempt: Attempt) -> StepSucceeded:
        time.sleep(0.2)
        return attempt.succeed()

    run, recorder = run_steps(FakeWork(a=late, b=outlast), StepSpec("a"), StepSpec("b"))
    assert run.status == "succeeded"
    assert recorder.of(StepStarted) == [StepStarted("a", 1, at=100.0)] * 2


def test_an_observer_that_fails_is_logged_once_and_the_run_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Event, run: Run) -> None:
        raise RuntimeError("cannot draw")

    run, _ = run_steps(FakeWork(), StepSpec("a"), recorder=Recorder(fail))
    assert run.status == "succeeded"
    assert [record.message for record in caplog.records] == ["What shows the run has failed; the run goes on."]


# --- cancelling ----------------------------------------------------------------------------------------


def test_one_request_interrupts_what_runs_and_cancels_what_waits() -> None:
    canceller = Canceller()
    recorder = Recorder(lambda event, run: canceller.request() if isinstance(event, StepStarted) else None)
    work = FakeWork(a=until_stopped)
    run, _ = run_steps(work, StepSpec("a"), StepSpec("b", ("a",)), recorder=recorder, cancel=canceller)
    assert work.stops == [("a", 1, False)]
    assert recorder.story[1:] == [
        StepStarted("a", 1, at=100.0),
        CancelRequested(at=100.0),
        *recorder.of(StepCancelled),
        *recorder.of(RunFinished),
    ]
    assert sorted(e.step for e in recorder.of(StepCancelled) if isinstance(e, StepFact)) == ["a", "b"]
    assert run.status == "cancelled"


def test_a_second_request_kills() -> None:
    canceller = Canceller()

    def twice(event: Event, run: Run) -> None:
        if isinstance(event, StepStarted | CancelRequested) and canceller.requests < 2:
            canceller.request()

    work = FakeWork(a=until_killed)
    run, recorder = run_steps(work, StepSpec("a"), recorder=Recorder(twice), cancel=canceller)
    assert work.stops == [("a", 1, False), ("a", 1, True)]
    assert recorder.of(CancelRequested) == [CancelRequested(at=100.0), CancelRequested(at=100.0, force=True)]
    assert (run.status, run["a"].state) == ("cancelled", "cancelled")


def test_a_request_made_before_the_run_is_heard() -> None:
    canceller = Canceller()
    canceller.request()

    def patiently(attempt: Attempt) -> StepSucceeded:
        wait_for(lambda: work.stops != [])
        return attempt.succeed()

    work = FakeWork(a=patiently)
    work.stop = lambda *args: work.stops.append(args)  # type: ignore[method-assign]
    run, _ = run_steps(work, StepSpec("a"), StepSpec("b", ("a",)), cancel=canceller)
    assert [progress.state for progress in run.steps] == ["succeeded", "cancelled"]


def test_a_signal_wakes_the_loop_at_once() -> None:
    canceller = Canceller()
    began: list[float] = []

    def interrupt(attempt: Attempt) -> StepCancelled:
        time.sleep(0.05)  # the loop sleeps by now
        began.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        ended = until_stopped(attempt)
        began.append(time.monotonic())
        return ended

    before = signal.signal(signal.SIGINT, lambda *_: canceller.request())
    try:
        run, _ = run_steps(FakeWork(a=interrupt), StepSpec("a"), cancel=canceller)
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.status == "cancelled"
    assert began[1] - began[0] < 0.3  # well below the heartbeat


def test_a_stop_that_fails_is_logged_and_the_step_goes_on_to_its_end(caplog: pytest.LogCaptureFixture) -> None:
    canceller = Canceller()
    heard = threading.Event()

    def go_on(attempt: Attempt) -> StepSucceeded:
        attempt.begin()
        assert heard.wait(PATIENCE)
        return attempt.succeed()

    def unstoppable(step: str, attempt: int, force: bool) -> None:
        heard.set()
        raise OSError("no such process")

    work = FakeWork(a=go_on)
    work.stop = unstoppable  # type: ignore[method-assign]
    recorder = Recorder(lambda event, run: canceller.request() if isinstance(event, StepStarted) else None)
    run, _ = run_steps(work, StepSpec("a"), recorder=recorder, cancel=canceller)
    assert run.status == "succeeded"
    assert [r.message for r in caplog.records] == ["Step a could not be stopped; it goes on to its end."]


# --- when the loop itself fails ------------------------------------------------------------------------


def test_a_journal_that_cannot_be_written_ends_the_run_and_kills_its_attempts() -> None:
    ended = threading.Event()

    def watched(attempt: Attempt) -> StepCancelled:
        fact = until_killed(attempt)
        ended.set()
        return fact

    def full(batch: list[Event]) -> None:
        if any(isinstance(event, StepStarted) for event in batch):
            raise OSError("disk full")

    work = FakeWork(a=watched)
    with pytest.raises(OSError, match="disk full"):
        drive(begin([StepSpec("a")], jobs=1), work, journal_sink=full, on_event=lambda event, run: None)
    assert ended.is_set()
    assert work.stops == [("a", 1, True)]


def test_a_fact_that_cannot_be_ends_the_run_with_its_history() -> None:
    recorder = Recorder()
    specs = [StepSpec("a"), StepSpec("b")]
    with pytest.raises(ImpossibleEvent) as error:
        drive(
            begin(specs, jobs=1),
            FakeWork(),
            journal_sink=recorder.journal,
            on_event=recorder.observe,
            reused=[StepReused("a"), StepReused("a")],
            clocks=stopped_clocks(),
        )
    started = RunStarted(at=100.0, steps=tuple(specs), jobs=1, reused=2)
    assert error.value.history == (started, StepReused("a", at=100.0))


def test_what_a_step_prints_for_hours_is_not_piled_up() -> None:
    def talk(attempt: Attempt) -> StepSucceeded:
        attempt.begin()
        for done in range(1000):
            attempt.emit(StepProgressed("a", 1, done=done, total=1000))
        return attempt.succeed()

    def count(event: Event, _: Run) -> None:
        if isinstance(event, RunFinished):
            left.append(sum(type(each) is StepProgressed for each in gc.get_objects()))

    left: list[int] = []
    gc.collect()
    before = sum(type(each) is StepProgressed for each in gc.get_objects())
    drive(begin([StepSpec("a")], jobs=1), FakeWork(a=talk), journal_sink=lambda batch: None, on_event=count)
    assert left[0] - before < 10


def test_while_it_waits_the_observer_is_called_twice_a_second_at_least() -> None:
    seen: list[float] = []

    def idle() -> None:
        seen.append(time.monotonic())
        if len(seen) == 3:
            enough.set()
        raise ValueError("what shows the run has failed")

    enough = threading.Event()
    run, _ = run_steps(
        FakeWork(a=lambda here: here.succeed() if enough.wait(PATIENCE) else None), StepSpec("a"), on_idle=idle
    )
    assert (run.status, len(seen) >= 3) == ("succeeded", True)
