"""Where the time of a run went: facts in, numbers out; and what a run would take, by the rules of real runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.events import (
    CancelRequested,
    Cause,
    Event,
    RetryDue,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepCrashed,
    StepFailed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
    Usage,
)
from nbflow.core.run import Run, begin, fold
from nbflow.core.timing import (
    Remark,
    StepTime,
    Timing,
    critical_path,
    eta,
    makespan,
    remark,
    slack,
    timing,
    usual,
)

CHAIN = (StepSpec("load"), StepSpec("clean", ("load",)), StepSpec("train", ("clean",)))
FORK = (StepSpec("load"), StepSpec("plot", ("load",)), StepSpec("train", ("load",)), StepSpec("report", ("train",)))
WIDE = tuple(StepSpec(name) for name in "abcd")
GPU = tuple(StepSpec(name, resources=(("gpu", 1.0),)) for name in "ab")
CORES = tuple(StepSpec(name, resources=(("cpu", 2.0),)) for name in "ab")

SECONDS = {"load": 2.0, "clean": 3.0, "plot": 1.0, "train": 5.0, "report": 4.0, "a": 3.0, "b": 3.0, "c": 3.0, "d": 1.0}


def started(
    steps: tuple[StepSpec, ...], jobs: int = 2, capacity: Mapping[str, float] | None = None, at: float = 100.0
) -> RunStarted:
    return RunStarted(at=at, steps=steps, jobs=jobs, capacity=tuple((capacity or {}).items()))


def succeeded(step: str, at: float, attempt: int = 1, **parts: float) -> StepSucceeded:
    return StepSucceeded(step, attempt, at=at, usage=Usage(**parts))  # type: ignore[arg-type]


# --- the critical path ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "seconds", "path", "slacks"),
    [
        ((), {}, (), {}),
        (CHAIN, SECONDS, ("load", "clean", "train"), {"load": 0.0, "clean": 0.0, "train": 0.0}),
        (FORK, SECONDS, ("load", "train", "report"), {"load": 0.0, "plot": 8.0, "train": 0.0, "report": 0.0}),
        (FORK, {**SECONDS, "plot": 20.0}, ("load", "plot"), {"load": 0.0, "plot": 0.0, "train": 11.0, "report": 11.0}),
        (WIDE, SECONDS, ("a",), {"a": 0.0, "b": 0.0, "c": 0.0, "d": 2.0}),
        # Steps that took no time, such as reused ones, are no part of it.
        (CHAIN, {**SECONDS, "load": 0.0}, ("clean", "train"), {"load": 0.0, "clean": 0.0, "train": 0.0}),
        (CHAIN, dict.fromkeys(SECONDS, 0.0), (), {"load": 0.0, "clean": 0.0, "train": 0.0}),
    ],
)
def test_the_longest_chain_and_the_slack_beside_it(
    steps: tuple[StepSpec, ...], seconds: dict[str, float], path: tuple[str, ...], slacks: dict[str, float]
) -> None:
    run = begin(steps, jobs=1)
    assert critical_path(run, seconds) == path
    assert slack(run, seconds) == slacks


# --- with N places -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "times"),
    [
        (started(CHAIN), {1: 10.0, 2: 10.0, 8: 10.0}),
        (started(FORK), {1: 12.0, 2: 11.0, 8: 11.0}),
        (started(WIDE), {1: 10.0, 2: 6.0, 3: 4.0, 4: 3.0}),
        # Two that ask for the one card take turns, with any number of places.
        (started(GPU, capacity={"gpu": 1.0}), {1: 6.0, 2: 6.0}),
        (started(GPU, capacity={"gpu": 2.0}), {1: 6.0, 2: 3.0}),
        # Cores are as many as places, unless somebody said how many there are.
        (started(CORES, jobs=2, capacity={"cpu": 2.0}), {1: 6.0, 2: 6.0, 4: 3.0}),
        (started(CORES, jobs=4, capacity={"cpu": 2.0}), {1: 6.0, 4: 6.0, 8: 6.0}),
    ],
)
def test_a_run_would_have_taken_so_long_with_so_many_places(run: RunStarted, times: dict[int, float]) -> None:
    assert {places: makespan(run, SECONDS, places) for places in times} == times


def test_the_order_of_preference_is_that_of_a_run() -> None:
    # The long chain goes first though it stands last: else it would begin at 3.
    steps = (StepSpec("a"), StepSpec("b"), StepSpec("load"), StepSpec("clean", ("load",)))
    assert makespan(started(steps), {"a": 3.0, "b": 3.0, "load": 3.0, "clean": 6.0}, 2) == 9.0


@st.composite
def measured_runs(draw: st.DrawFn) -> tuple[RunStarted, dict[str, float]]:
    names = [f"s{i}" for i in range(draw(st.integers(0, 9)))]
    steps = []
    for place, name in enumerate(names):
        needs = tuple(need for need in names[:place] if draw(st.integers(0, 3)) == 0)
        gpu = draw(st.sampled_from([0, 0, 1, 2]))
        steps.append(StepSpec(name, needs, resources=(("gpu", float(gpu)),) if gpu else ()))
    # Whole numbers: sums of them are exact.
    seconds = {name: float(draw(st.integers(0, 20))) for name in names}
    return started(tuple(steps), jobs=draw(st.integers(1, 4)), capacity={"gpu": 2.0}), seconds


@settings(max_examples=200)
@given(measured_runs(), st.integers(1, 12))
def test_no_number_of_places_beats_the_longest_chain_nor_loses_to_one_after_the_other(
    measured: tuple[RunStarted, dict[str, float]], places: int
) -> None:
    run, seconds = measured
    shape = begin(run.steps, jobs=1, capacity=dict(run.capacity))
    longest = sum(seconds[step] for step in critical_path(shape, seconds))
    assert longest <= makespan(run, seconds, places) <= sum(seconds.values())
    assert makespan(run, seconds, 1) == sum(seconds.values())
    assert all(room >= 0 for room in slack(shape, seconds).values())
    assert all(slack(shape, seconds)[step] == 0 for step in critical_path(shape, seconds))


@settings(max_examples=100)
@given(measured_runs())
def test_a_step_may_take_its_slack_longer_and_no_more(measured: tuple[RunStarted, dict[str, float]]) -> None:
    run, seconds = measured
    shape = begin(run.steps, jobs=1, capacity=dict(run.capacity))

    def longest(took: dict[str, float]) -> float:
        return sum(took[step] for step in critical_path(shape, took))

    for step, room in slack(shape, seconds).items():
        assert longest({**seconds, step: seconds[step] + room}) == longest(seconds)
        assert longest({**seconds, step: seconds[step] + room + 1}) == longest(seconds) + 1


# --- until it is over ----------------------------------------------------------------------------------

FORK_RUN = started(FORK)
LOADING = fold([FORK_RUN])
LOADED = fold([FORK_RUN, StepStarted("load", 1), StepSucceeded("load", 1)])
OVER = fold([replace(FORK_RUN, reused=4), *(StepReused(spec.name) for spec in FORK)])
RETRYING = fold([started((StepSpec("load", retries=1),)), StepFailed("load", 1)])
STOPPING = fold([FORK_RUN, StepStarted("load", 1), CancelRequested()])


@pytest.mark.parametrize(
    ("run", "elapsed", "known", "left"),
    [
        (LOADING, {}, SECONDS, 11.0),
        (LOADING, {"load": 1.5}, SECONDS, 9.5),
        (LOADING, {"load": 30.0}, SECONDS, 9.0),  # it takes longer than usual: nobody knows how much longer
        (LOADED, {"train": 1.0, "plot": 1.0}, SECONDS, 8.0),
        (LOADED, {}, {"plot": 1.0, "train": 5.0, "report": 4.0}, 9.0),  # what is done needs no history
        (LOADED, {}, {"plot": 1.0, "train": 5.0}, None),
        (begin(FORK, jobs=2), {}, SECONDS, None),
        (OVER, {}, SECONDS, None),
        (RETRYING, {}, SECONDS, 2.0),
        (STOPPING, {"load": 0.5}, SECONDS, 1.5),
    ],
)
def test_how_long_a_run_still_takes(
    run: Run, elapsed: dict[str, float], known: dict[str, float], left: float | None
) -> None:
    assert eta(run, elapsed, known) == left


# --- what a run took -----------------------------------------------------------------------------------


def test_the_times_of_a_run() -> None:
    load = Usage(kernel=0.5, code=1.0, saving=0.5, memory=100, cpu=1.5)
    facts: list[Event] = [
        replace(started(FORK, capacity={"cpu": 2.0}), reused=0),
        StepStarted("load", 1, at=100.0),
        StepSucceeded("load", 1, at=102.0, usage=load),
        StepStarted("train", 1, at=102.0),
        StepStarted("plot", 1, at=102.0),
        StepFailed("train", 1, at=103.0, usage=Usage(kernel=0.5, code=0.5, memory=900, cpu=0.5)),
        RetryDue("train", 1, at=104.0),
        succeeded("plot", 104.0, code=2.0),
        StepStarted("train", 2, at=104.5),
        succeeded("train", 108.5, 2, waiting=0.5, code=4.0, memory=50),
        StepStarted("train", 2, at=108.6),  # an echo
        StepStarted("report", 1, at=108.5),
        succeeded("report", 109.5, loading=0.25, code=0.75),
        RunFinished(at=110.0, status="succeeded"),
    ]
    history = {"train": [1.0, 30.0, 2.0], "plot": [4.0, 2.0]}
    assert timing(facts, history) == Timing(
        seconds=10.0,
        jobs=2,
        steps=(
            StepTime("load", 2.0, 1, load, slack=0.0, usual=None),
            StepTime("plot", 2.0, 1, Usage(code=2.0), slack=4.0, usual=3.0),
            StepTime("train", 5.0, 2, Usage(0.5, 0.5, 0.0, 4.5, 0.0, 900, 0.5), slack=0.0, usual=2.0),
            StepTime("report", 1.0, 1, Usage(loading=0.25, code=0.75), slack=0.0, usual=None),
        ),
        path=("load", "train", "report"),
        path_seconds=8.0,
        total=Usage(waiting=0.5, kernel=1.0, loading=0.25, code=8.25, saving=0.5, memory=900, cpu=2.0),
        with_places={1: 10.0, 2: 8.0},
    )


def test_a_run_in_which_nothing_ran_took_no_steps_time() -> None:
    facts: list[Event] = [replace(started(CHAIN), reused=3), *(StepReused(s.name, at=100.0) for s in CHAIN)]
    assert timing([*facts, RunFinished(at=100.5, status="succeeded")], {}) == Timing(0.5, 2, (), (), 0.0, Usage(), {})


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        (StepCancelled("load", 1, at=103.0), 3.0),
        (StepCrashed("load", 1, at=104.0), 4.0),  # told by an older version, or by the loop: nothing was measured
        (StepStarted("other", 1, at=105.0), 5.0),  # the last that was heard before the run was killed
    ],
)
def test_an_attempt_that_was_not_measured_counts_from_its_start_to_its_end(end: Event, seconds: float) -> None:
    facts: list[Event] = [started((StepSpec("load"), StepSpec("other"))), StepStarted("load", 1, at=100.0), end]
    times = {step.step: step.seconds for step in timing(facts, {}).steps}
    assert times["load"] == seconds


def test_a_step_that_never_ran_has_no_time() -> None:
    facts: list[Event] = [
        started(CHAIN),
        StepStarted("load", 1, at=100.0),
        StepFailed("load", 1, at=101.0, usage=Usage(code=1.0)),
        StepSkipped("clean", at=101.0, because=Cause("load", "failed")),
        StepCancelled("train", at=101.0),
    ]
    assert [step.step for step in timing(facts, {}).steps] == ["load"]


@pytest.mark.parametrize(("seconds", "middle"), [([], None), ([3.0], 3.0), ([9.0, 1.0, 2.0], 2.0), ([1.0, 2.0], 1.5)])
def test_what_a_step_usually_takes_is_the_median(seconds: list[float], middle: float | None) -> None:
    assert usual(seconds) == middle


@pytest.mark.parametrize(
    ("seconds", "usually", "slower"),
    [(9.0, None, False), (9.0, 6.0, True), (8.9, 6.0, False), (3.0, 1.0, True), (2.9, 1.0, False)],
)
def test_a_step_is_slow_when_it_takes_half_as_long_again_and_two_seconds_more(
    seconds: float, usually: float | None, slower: bool
) -> None:
    assert StepTime("a", seconds, 1, Usage(), 0.0, usually).slower is slower


# --- what is worth a line ------------------------------------------------------------------------------


def times(*steps: StepTime, seconds: float = 20.0, places: Mapping[int, float] | None = None, **total: float) -> Timing:
    path = tuple(step.step for step in steps if not step.slack)
    return Timing(seconds, 2, steps, path, 0.0, Usage(**total), places or {1: 20.0, 2: 20.0})  # type: ignore[arg-type]


def step(name: str, seconds: float, slack: float = 0.0, usually: float | None = None) -> StepTime:
    return StepTime(name, seconds, 1, Usage(code=seconds), slack, usually)


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (times(), None),
        (times(step("a", 7.0), step("b", 7.0), step("c", 6.0)), None),
        (times(step("a", 14.0, usually=5.0), step("b", 2.0)), Remark("slower", "a", 14.0, 5.0)),
        (times(step("a", 9.0, usually=5.0), seconds=9.9), None),  # too short a run
        (times(step("a", 8.0, slack=5.0, usually=4.0), step("b", 9.0)), None),  # nobody waited for it
        (times(step("a", 9.0), step("b", 9.0), places={1: 40.0, 2: 20.0, 4: 16.0, 8: 10.0}),
         Remark("places", "", 10.0, 20.0, 8)),
        (times(step("a", 9.0), step("b", 9.0), kernel=12.0, code=6.0), Remark("kernels", "", 12.0, 18.0)),
        (times(step("a", 15.0), step("b", 3.0)), Remark("step", "a", 15.0, 20.0)),
        (times(replace(step("a", 15.0), attempts=2), step("b", 3.0)), Remark("step", "a", 15.0, 20.0, attempts=2)),
        (times(step("a", 15.0)), None),  # the only one: everybody knows
    ],
)  # fmt: skip
def test_one_thing_is_said_where_it_is_worth_it(taken: Timing, said: Remark | None) -> None:
    assert remark(taken) == said
