"""Facts go in, whole lists of commands come out."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from nbflow.core.events import (
    EVENTS,
    CancelRequested,
    CancelStep,
    Cause,
    Command,
    Event,
    FinishRun,
    RetryDue,
    RunFinished,
    RunStarted,
    SkipStep,
    StartStep,
    StepCancelled,
    StepCrashed,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
    StopStep,
    WaitRetry,
)
from nbflow.core.run import DONE, LOST, TRANSITIONS, ImpossibleEvent, Run, advance, backoff, begin, check, fold
from nbflow.errors import NbflowError, UsageError
from tests.growth import LINEAR, growth

CHAIN = (StepSpec("load"), StepSpec("clean", ("load",)), StepSpec("train", ("clean",)))
FORK = (StepSpec("load"), StepSpec("plot", ("load",)), StepSpec("train", ("load",)), StepSpec("report", ("train",)))
CANCEL, FORCE = CancelRequested(), CancelRequested(force=True)


def started(run: Run, reused: int = 0) -> RunStarted:
    shape = run.shape
    return RunStarted(
        steps=shape.specs, jobs=shape.jobs, capacity=shape.capacity, fail_fast=shape.fail_fast, reused=reused
    )


def play(
    specs: Iterable[StepSpec], *events: Event, reused: int = 0, jobs: int = 4, **options: Any
) -> tuple[Run, list[tuple[Command, ...]]]:
    """Tell a run of these events; the run, and the commands after RunStarted and after each event."""
    run = begin(specs, jobs=jobs, **options)
    commands = []
    for event in (started(run, reused), *events):
        run, answer = advance(run, event)
        check(run)
        commands.append(answer)
    return run, commands


def states(run: Run) -> dict[str, str]:
    return {spec.name: progress.state for spec, progress in zip(run.shape.specs, run.steps, strict=True)}


# --- going forward -------------------------------------------------------------------------------------


def test_a_step_starts_when_all_it_needs_is_done() -> None:
    run, commands = play(
        FORK,
        StepStarted("load", 1),
        StepSucceeded("load", 1),
        StepSucceeded("train", 1),
        StepSucceeded("plot", 1),
        StepSucceeded("report", 1),
    )
    assert commands == [
        (StartStep("load", 1),),
        (),
        (StartStep("train", 1), StartStep("plot", 1)),
        (StartStep("report", 1),),
        (),
        (FinishRun("succeeded"),),
    ]
    assert set(states(run).values()) == {"succeeded"}


def test_a_run_without_steps_is_over_as_it_starts() -> None:
    assert play(())[1] == [(FinishRun("succeeded"),)]


def test_nothing_starts_before_all_reused_steps_are_in() -> None:
    run, commands = play(FORK, StepReused("load"), StepReused("train"), reused=2)
    assert commands == [(), (), (StartStep("plot", 1), StartStep("report", 1))]
    assert states(run) == {"load": "reused", "plot": "starting", "train": "reused", "report": "starting"}


def test_reused_facts_may_come_in_any_order() -> None:
    forward, _ = play(CHAIN, *(StepReused(s.name) for s in CHAIN), reused=3)
    backward, commands = play(CHAIN, *(StepReused(s.name) for s in reversed(CHAIN)), reused=3)
    assert forward == backward
    assert commands[-1] == (FinishRun("succeeded"),)


def test_a_step_may_turn_out_to_be_reused_once_its_inputs_are_known() -> None:
    run, commands = play(CHAIN[:2], StepSucceeded("load", 1), StepReused("clean", 1))
    assert commands == [(StartStep("load", 1),), (StartStep("clean", 1),), (FinishRun("succeeded"),)]
    assert states(run) == {"load": "succeeded", "clean": "reused"}


def test_the_longest_path_goes_first_and_ties_keep_notebook_order() -> None:
    specs = (
        StepSpec("a"),
        StepSpec("b"),
        StepSpec("c"),
        StepSpec("c2", ("c",)),
        StepSpec("d"),
        StepSpec("d2", ("d",)),
        StepSpec("d3", ("d2",)),
    )
    _, commands = play(specs)
    assert commands == [(StartStep("d", 1), StartStep("c", 1), StartStep("a", 1), StartStep("b", 1))]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_no_more_than_jobs_run_at_once(jobs: int) -> None:
    specs = [StepSpec(name) for name in "abcde"]
    _, commands = play(specs, StepSucceeded("a", 1), jobs=jobs)
    assert commands == [tuple(StartStep(n, 1) for n in "abcde"[:jobs]), (StartStep("abcde"[jobs], 1),)]


# --- limits --------------------------------------------------------------------------------------------


def test_steps_share_a_resource_as_far_as_it_goes_and_others_pass_them() -> None:
    gpu = (("gpu", 1.0),)
    specs = (StepSpec("a", resources=gpu), StepSpec("b", resources=gpu), StepSpec("c"))
    _, commands = play(specs, StepSucceeded("c", 1), StepSucceeded("a", 1), capacity={"gpu": 1})
    assert commands == [(StartStep("a", 1), StartStep("c", 1)), (), (StartStep("b", 1),)]


def test_shares_that_add_up_exactly_fit_in_spite_of_rounding() -> None:
    specs = [StepSpec(name, resources=(("gpu", share),)) for name, share in (("a", 0.1), ("b", 0.2))]
    assert play(specs, capacity={"gpu": 0.3})[1] == [(StartStep("a", 1), StartStep("b", 1))]


def test_a_resource_nobody_has_counted_bounds_nothing() -> None:
    specs = [StepSpec(name, resources=(("licence", 5.0),)) for name in "ab"]
    assert play(specs, capacity={"gpu": 1})[1] == [(StartStep("a", 1), StartStep("b", 1))]


REFUSED = [
    (
        "memory",
        {"specs": [StepSpec("nb.a", short="a", resources=(("memory", 64 * 2**30),))], "capacity": {"memory": 2**34}},
        (
            "Step 'a' asks for memory=64GiB, and there is memory=16GiB.\n"
            "Lower --resources of the step, or say what there is in [tool.nbflow.resources]."
        ),
    ),
    (
        "gpu",
        {"specs": [StepSpec("a", resources=(("gpu", 2),))], "capacity": {"gpu": 0.5}},
        (
            "Step 'a' asks for gpu=2, and there is gpu=0.5.\n"
            "Lower --resources of the step, or say what there is in [tool.nbflow.resources]."
        ),
    ),
    ("jobs", {"specs": [], "jobs": 0}, "jobs is 0, and a run needs at least 1.\nGive -j a number from 1."),
]


@pytest.mark.parametrize(("options", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_can_never_run_is_refused_at_the_beginning(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        begin(**{"jobs": 2, **options})
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ((StepSpec("a", ("b",)),), "Step 'a' needs 'b', which is not in this run."),
        ((StepSpec("a"), StepSpec("a")), "Two steps of the run have the same full name."),
        (
            (StepSpec("a", ("b",)), StepSpec("b", ("a",)), StepSpec("c")),
            "The steps of the run need each other in a circle, among them: a, b.",
        ),
    ],
)
def test_steps_that_are_no_dag_are_refused(specs: tuple[StepSpec, ...], message: str) -> None:
    with pytest.raises(NbflowError) as error:
        begin(specs, jobs=1)
    assert str(error.value) == message


# --- failing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "ending"),
    [
        (StepFailed("load", 1, error="ValueError: bad"), "failed"),
        (StepCrashed("load", 1, message="killed"), "crashed"),
        (StepCancelled("load", 1), "cancelled"),
    ],
)
def test_all_that_needs_a_lost_step_is_skipped_and_names_the_root(fact: Event, ending: Any) -> None:
    run, commands = play(CHAIN, fact)
    root = Cause("load", ending)
    status = "cancelled" if ending == "cancelled" else "failed"
    assert commands[1:] == [(SkipStep("clean", root), SkipStep("train", root), FinishRun(status))]  # type: ignore[arg-type]
    assert states(run) == {"load": ending, "clean": "skipped", "train": "skipped"}


def test_independent_branches_go_on_after_a_failure() -> None:
    run, commands = play(
        FORK,
        StepSucceeded("load", 1),
        StepFailed("train", 1),
        StepSucceeded("plot", 1),
        StepSkipped("report", because=Cause("train", "failed")),
    )
    assert commands[2:] == [(SkipStep("report", Cause("train", "failed")),), (FinishRun("failed"),), ()]
    assert states(run) == {"load": "succeeded", "plot": "succeeded", "train": "failed", "report": "skipped"}


def test_a_step_below_two_failures_names_the_first() -> None:
    specs = (StepSpec("a"), StepSpec("b"), StepSpec("c", ("a", "b")))
    run, commands = play(specs, StepFailed("b", 1), StepFailed("a", 1))
    assert commands[1:] == [(SkipStep("c", Cause("b", "failed")),), (FinishRun("failed"),)]
    assert run["c"].because == Cause("b", "failed")


def test_fail_fast_starts_nothing_more_and_lets_running_steps_end() -> None:
    specs = (StepSpec("a"), StepSpec("b"), StepSpec("below", ("a",)), StepSpec("other"))
    run, commands = play(specs, StepFailed("a", 1), StepSucceeded("b", 1), jobs=2, fail_fast=True)
    assert commands[1:] == [
        (SkipStep("below", Cause("a", "failed")), SkipStep("other", Cause("a", "failed", fail_fast=True))),
        (FinishRun("failed"),),
    ]
    assert states(run) == {"a": "failed", "b": "succeeded", "below": "skipped", "other": "skipped"}


def test_fail_fast_makes_no_further_attempts() -> None:
    specs = (StepSpec("a"), StepSpec("b", retries=1), StepSpec("c", retries=1))
    run, commands = play(
        specs, StepFailed("b", 1), StepFailed("a", 1), StepFailed("c", 1), RetryDue("b", 1), fail_fast=True
    )
    assert commands[1:] == [
        (WaitRetry("b", 1, 0.0),),
        (SkipStep("b", Cause("a", "failed", fail_fast=True)),),
        (FinishRun("failed"),),
        (),
    ]
    assert states(run) == {"a": "failed", "b": "skipped", "c": "failed"}


# --- trying again --------------------------------------------------------------------------------------


def test_a_failed_step_waits_and_is_tried_again_as_often_as_it_may() -> None:
    spec = StepSpec("a", retries=2, retry_delay=10)
    run, commands = play(
        [spec],
        StepFailed("a", 1, jitter=0.5),
        RetryDue("a", 1),
        StepFailed("a", 2, jitter=0.5),
        RetryDue("a", 2),
        StepFailed("a", 3, jitter=0.5),
    )
    assert commands == [
        (StartStep("a", 1),),
        (WaitRetry("a", 1, 5.0),),
        (StartStep("a", 2),),
        (WaitRetry("a", 2, 10.0),),
        (StartStep("a", 3),),
        (FinishRun("failed"),),
    ]
    assert states(run) == {"a": "failed"}


def test_failures_and_crashes_have_budgets_of_their_own() -> None:
    spec = StepSpec("a", retries=1, crash_retries=1)
    run, commands = play(
        [spec], StepCrashed("a", 1), RetryDue("a", 1), StepFailed("a", 2), RetryDue("a", 2), StepCrashed("a", 3)
    )
    assert commands[-2:] == [(StartStep("a", 3),), (FinishRun("failed"),)]
    assert (run["a"].state, run["a"].failures, run["a"].crashes) == ("crashed", 1, 2)


def test_a_step_that_waits_for_its_retry_holds_no_place() -> None:
    specs = (StepSpec("a", retries=1), StepSpec("b"))
    _, commands = play(specs, StepFailed("a", 1), RetryDue("a", 1), StepSucceeded("b", 1), jobs=1)
    assert commands[1:] == [(WaitRetry("a", 1, 0.0), StartStep("b", 1)), (), (StartStep("a", 2),)]


@pytest.mark.parametrize(
    ("retry", "jitter", "seconds"),
    [(1, 0.0, 0.0), (1, 0.5, 1.0), (2, 0.5, 2.0), (3, 0.5, 4.0), (9, 0.5, 150.0), (10_000, 0.5, 150.0)],
)
def test_delays_double_up_to_five_minutes_and_jitter_takes_a_share(retry: int, jitter: float, seconds: float) -> None:
    assert backoff(StepSpec("a", retry_delay=2.0), retry, jitter) == seconds


# --- cancelling ----------------------------------------------------------------------------------------


def test_the_first_request_interrupts_and_the_second_kills() -> None:
    run, commands = play(FORK, StepSucceeded("load", 1), StepStarted("plot", 1), CANCEL, CANCEL, FORCE,
                         StepCancelled("plot", 1), StepCancelled("report"), StepSucceeded("train", 1))  # fmt: skip
    assert commands[3:] == [
        (StopStep("plot", 1, False), StopStep("train", 1, False), CancelStep("report")),
        (),
        (StopStep("plot", 1, True), StopStep("train", 1, True)),
        (),
        (),
        (FinishRun("cancelled"),),
    ]
    assert states(run) == {"load": "succeeded", "plot": "cancelled", "train": "succeeded", "report": "cancelled"}


def test_a_forced_request_kills_even_when_it_is_the_first() -> None:
    assert play(CHAIN[:1], FORCE)[1][1] == (StopStep("load", 1, True),)


def test_a_step_may_succeed_while_it_is_stopped_and_then_the_run_has_succeeded() -> None:
    run, commands = play(CHAIN[:1], CANCEL, StepSucceeded("load", 1))
    assert commands[1:] == [(StopStep("load", 1, False),), (FinishRun("succeeded"),)]
    assert states(run) == {"load": "succeeded"}


@pytest.mark.parametrize("fact", [StepFailed("a", 1), StepCrashed("a", 1)])
def test_a_step_that_is_stopped_is_not_tried_again(fact: Event) -> None:
    _, commands = play([StepSpec("a", retries=3, crash_retries=3)], CANCEL, fact)
    assert commands[2:] == [(FinishRun("cancelled"),)]


def test_a_step_that_waits_for_its_retry_is_cancelled_and_its_timer_ignored() -> None:
    run, commands = play([StepSpec("a", retries=1), StepSpec("b")], StepFailed("a", 1), CANCEL, RetryDue("a", 1))
    assert commands[2:] == [(CancelStep("a"), StopStep("b", 1, False)), ()]
    assert states(run) == {"a": "cancelled", "b": "stopping"}


def test_a_failure_while_the_run_is_cancelled_does_not_make_it_a_failed_run() -> None:
    _, commands = play(
        [StepSpec("a"), StepSpec("b")], CANCEL, StepFailed("a", 1), StepCancelled("b", 1), fail_fast=True
    )
    assert commands[-1] == (FinishRun("cancelled"),)


def test_cancelling_after_a_failure_ends_as_cancelled() -> None:
    _, commands = play([StepSpec("a"), StepSpec("b")], StepFailed("a", 1), CANCEL, StepCancelled("b", 1))
    assert commands[-1] == (FinishRun("cancelled"),)


def test_a_request_after_the_end_changes_nothing() -> None:
    over, _ = play(CHAIN[:1], StepSucceeded("load", 1))
    assert advance(over, CANCEL) == (over, ())


# --- echoes and impossible facts -----------------------------------------------------------------------

ECHOES: list[tuple[tuple[Event, ...], Event]] = [
    ((StepFailed("a", 1), RetryDue("a", 1)), StepSucceeded("a", 1)),
    ((StepFailed("a", 1), RetryDue("a", 1)), StepFailed("a", 1)),
    ((StepFailed("a", 1), RetryDue("a", 1)), RetryDue("a", 1)),
    ((StepFailed("a", 1),), StepStarted("a", 1)),
    ((StepStarted("a", 1),), StepStarted("a", 1)),
    ((StepSucceeded("a", 1),), StepProgressed("a", 1, done=1, total=2)),
    ((StepSucceeded("a", 1),), RunFinished(status="succeeded")),
    ((CANCEL,), StepStarted("a", 1)),
    ((CANCEL, StepCancelled("a", 1)), StepCancelled("a", 1)),
]


@pytest.mark.parametrize(("before", "echo"), ECHOES, ids=repr)
def test_an_echo_changes_nothing(before: tuple[Event, ...], echo: Event) -> None:
    run, _ = play([StepSpec("a", retries=1)], *before)
    assert advance(run, echo) == (run, ())


IMPOSSIBLE: list[tuple[tuple[Event, ...], Event, str]] = [
    ((), StepSucceeded("b", 1), "'b' is waiting (attempt 0)"),
    ((), StepStarted("a", 2), "'a' is starting (attempt 1)"),
    ((), StepSkipped("a", 1, because=Cause("b", "failed")), "'a' is starting (attempt 1)"),
    ((), RetryDue("a", 1), "'a' is starting (attempt 1)"),
    ((StepSucceeded("a", 1),), StepFailed("a", 1), "'a' is succeeded (attempt 1)"),
    ((), StepStarted("z", 1), "the run has no such step"),
    ((), RunStarted(steps=(), jobs=1), "the run is running"),
    ((), RunFinished(status="failed"), "the run is running"),
]


@pytest.mark.parametrize(("before", "event", "state"), IMPOSSIBLE, ids=lambda case: str(case)[:40])
def test_a_fact_that_cannot_be_is_refused(before: tuple[Event, ...], event: Event, state: str) -> None:
    run, _ = play([StepSpec("a"), StepSpec("b", ("a",))], *before)
    with pytest.raises(ImpossibleEvent) as error:
        advance(run, event)
    assert error.value.message == f"nbflow lost track of the run: {event} cannot happen while {state}."


@pytest.mark.parametrize("event", [CANCEL, StepReused("load")])
def test_nothing_happens_before_a_run_starts(event: Event) -> None:
    with pytest.raises(ImpossibleEvent) as error:
        advance(begin(CHAIN, jobs=1), event)
    assert error.value.state == "the run has not started"


def test_an_impossible_event_tells_its_history_and_survives_pickling() -> None:
    error = ImpossibleEvent(StepStarted("a", 2), "'a' is failed (attempt 1)", (StepFailed("a", 1, error="x"),))
    assert pickle.loads(pickle.dumps(error)).message == error.message
    assert error.message.splitlines() == [
        (
            "nbflow lost track of the run: StepStarted(at=0.0, step='a', attempt=2, reason='') cannot happen while 'a' "
            "is failed (attempt 1). Before it:"
        ),
        "  StepFailed(at=0.0, step='a', attempt=1, error='x', traceback='', cell=None, timed_out=False, jitter=0.0)",
    ]


# --- the table -----------------------------------------------------------------------------------------


def test_nothing_leaves_an_ended_state() -> None:
    ended = DONE | LOST
    assert {
        (state, target) for (state, _), target in TRANSITIONS.items() if state in ended and target != state
    } == set()


def test_every_trigger_is_the_name_of_a_fact_or_of_a_command() -> None:
    commands = {"StartStep", "StopStep", "WaitRetry", "SkipStep", "CancelStep"}
    facts = set(EVENTS) - {"RunStarted", "RunFinished", "CancelRequested"}
    assert {trigger for _, trigger in TRANSITIONS} == commands | facts


# --- told again ----------------------------------------------------------------------------------------


def test_a_run_told_again_is_equal_and_one_that_went_another_way_is_not() -> None:
    run = begin(FORK, jobs=2)
    story = (started(run), StepSucceeded("load", 1), StepFailed("train", 1), CANCEL)
    assert fold(story) == play(FORK, *story[1:], jobs=2)[0]
    assert fold(story) != fold(story[:-1])


def test_a_story_begins_with_its_start() -> None:
    with pytest.raises(ImpossibleEvent):
        fold([StepStarted("a", 1)])


@pytest.mark.parametrize("kind", ["chain", "wide", "fan-in"])
def test_ten_thousand_reused_steps_take_time_as_their_number(kind: str) -> None:
    def folding(count: int) -> Callable[[], object]:
        needs: dict[str, list[tuple[str, ...]]] = {
            "chain": [(), *((f"s{i}",) for i in range(count - 1))],
            "wide": [()] * count,
            "fan-in": [*[()] * (count - 1), tuple(f"s{i}" for i in range(count - 1))],
        }
        specs = [StepSpec(f"s{i}", its) for i, its in enumerate(needs[kind])]
        begun = started(begin(specs, jobs=4), count)
        facts: list[Event] = [begun, *(StepReused(spec.name) for spec in specs)]

        def work() -> None:
            assert fold(facts).status == "succeeded"

        return work

    assert growth(folding, 10_000) < LINEAR
