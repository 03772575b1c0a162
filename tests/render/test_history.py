"""What a terminal shows of the past, compared as whole texts."""

from __future__ import annotations

import pytest

from nbflow.core.attempts import PastAttempt, past_attempts
from nbflow.core.events import (
    Event,
    RunStarted,
    StepCancelled,
    StepCrashed,
    StepFailed,
    StepReused,
    StepSpec,
    StepStarted,
    StepSucceeded,
    Usage,
)
from nbflow.core.run import fold
from nbflow.core.timing import Remark, StepTime, Timing, timing
from nbflow.core.view import Notes, noted, view
from nbflow.render import history
from nbflow.render.words import size

NAMES = {f"n.s{i}": f"s{i}" for i in range(20)}


def step(number: int, seconds: float, usual: float | None = None) -> StepTime:
    return StepTime(f"n.s{number}", seconds, 1, Usage(code=seconds), 0.0, usual)


def times(*steps: StepTime, **total: float) -> Timing:
    path = tuple(each.step for each in steps)
    return Timing(60.0, 2, steps, path, 50.0, Usage(**total), {1: 80.0, 2: 60.0, 4: 50.0})  # type: ignore[arg-type]


SPECS = (StepSpec("n.s1", short="s1", reason="first run"), StepSpec("n.s2", short="s2", reason="first run"))
TOOK = Usage(waiting=1.0, kernel=2.0, loading=3.0, code=4.0, saving=5.0, memory=6_000_000, cpu=7.0)


def ran(usage: Usage) -> tuple[Event, ...]:
    return (
        RunStarted(at=100.0, steps=SPECS, jobs=1, reused=1),
        StepReused("n.s2", at=100.0, reason="made by run r0"),
        StepStarted("n.s1", 1, at=100.0, reason="first run"),
        StepSucceeded("n.s1", 1, at=114.0, usage=usage),
    )


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (0, "step state time waited kernel loading code saving memory CPU slack why"),
        (110, "step state time waited kernel loading code saving memory CPU slack why"),
        (90, "step state time waited kernel code memory CPU slack why"),
        (70, "step state time kernel code memory why"),
        (40, "step state time why"),
    ],
)
def test_a_narrow_terminal_does_without_what_can_be_spared(width: int, shown: str) -> None:
    story = ran(TOOK)
    seen = view("r1", fold(story), noted(Notes(), story))
    table = history.steps_table(seen, timing(story, {}), colour=False, width=width)
    assert table.splitlines()[0].split() == shown.split()
    assert not width or max(map(len, table.splitlines())) <= width


def test_columns_that_say_nothing_are_left_out() -> None:
    story = ran(Usage(code=14.0))
    seen = view("r1", fold(story), noted(Notes(), story))
    assert (
        history.steps_table(seen, timing(story, {}), colour=False)
        == """\
   step  state      time  code  slack  why
✔  s1    succeeded  14 s  14 s      ·  first run
↺  s2    reused                        made by run r0"""
    )


def test_where_the_time_of_a_run_went() -> None:
    taken = times(
        step(1, 30.0, usual=10.0), step(2, 20.0, usual=19.0), kernel=10.0, code=30.0, saving=10.0, waiting=5.0
    )
    assert (
        history.time_report(taken, NAMES)
        == """\
The steps took 50 s together: code 30 s (60%), saving outputs 10 s (20%), kernels 10 s (20%).
Waiting for a free place or free resources adds up to 5.0 s over all steps.
Longest chain: s1 → s2, 50 s of the run's 1 min 0 s. However many steps run at a time, that chain takes so long.
Slower than usual: s1, 30 s, usually 10 s.
With so many steps at a time it would have taken: 1: 1 min 20 s, 2: 1 min 0 s (as it was), 4: 50 s."""
    )


def test_a_long_chain_is_shown_by_its_ends() -> None:
    shown = history.time_report(times(*(step(i, 1.0) for i in range(20))), NAMES).splitlines()[0]
    assert shown.startswith("Longest chain: s0 → s1 → s2 → s3 → s4 → s5 → … → s14 → s15 → s16 → s17 → s18 → s19, ")


def test_of_a_run_in_which_nothing_ran_there_is_nothing_to_say() -> None:
    assert history.time_report(Timing(0.5, 2, (), (), 0.0, Usage(), {}), NAMES) == ""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, ""),
        (Remark("slower", "n.s1", 30.0, 10.0), "s1 took 30 s; it usually takes 10 s."),
        (
            Remark("slower", "n.s1", 30.0, 10.0, attempts=2),
            "s1 took 30 s in 2 attempts; it usually takes 10 s.",
        ),
        (Remark("places", "", 50.0, 80.0, 4), "With -j 4 it would have taken about 50 s."),
        (Remark("kernels", "", 30.0, 50.0), "Of the 50 s that the steps took, kernels took 30 s."),
        (Remark("step", "n.s2", 45.0, 60.0), "s2 took 45 s of it."),
        (Remark("step", "n.s2", 45.0, 60.0, attempts=3), "s2 took 45 s of it in 3 attempts."),
    ],
)
def test_one_line_about_the_time_of_a_run(said: Remark | None, words: str) -> None:
    assert history.remark(said, NAMES) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"),
        (999_499, "999 kB"), (999_500, "1.0 MB"), (1_234_000_000, "1.2 GB"), (5 * 10**12, "5.0 TB"),
    ],
)  # fmt: skip
def test_sizes_are_in_powers_of_a_thousand(number: int | None, words: str) -> None:
    assert size(number) == words


def test_attempts_in_their_order_with_what_became_of_each() -> None:
    facts = [
        StepStarted("n.a", 1, at=10.0),
        StepFailed("n.a", 1, at=12.0, error="ValueError: bad\x1b[2J", cell=3, usage=Usage(code=2.0, memory=5_000_000)),
        StepCrashed("n.a", 2, at=13.0, message="the kernel was lost"),  # before it could say that it began
        StepStarted("n.a", 3, at=14.0),
        StepStarted("n.a", 2, at=14.5),  # an echo
        StepCancelled("n.a", 3, at=15.0),
        StepStarted("n.a", 4, at=16.0),
    ]
    found = past_attempts(facts)
    assert found == (
        PastAttempt(1, 10.0, 12.0, "failed", "ValueError: bad\x1b[2J", "", 3, Usage(code=2.0, memory=5_000_000)),
        PastAttempt(2, None, 13.0, "crashed", "the kernel was lost"),
        PastAttempt(3, 14.0, 15.0, "cancelled"),
        PastAttempt(4, 16.0),
    )
    assert (
        history.attempts_table(found, colour=False)
        == """\
   attempt  ended         started                time  memory  error
✘        1  failed        1970-01-01 00:00 UTC  2.0 s  5.0 MB  ValueError: bad\N{REPLACEMENT CHARACTER}
✘        2  crashed                                            the kernel was lost
■        3  cancelled     1970-01-01 00:00 UTC  1.0 s
         4  no end known  1970-01-01 00:00 UTC"""
    )
