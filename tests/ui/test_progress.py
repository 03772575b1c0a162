"""What a run shows while it goes on, in each of its three forms, and what Ctrl-C asks for."""

from __future__ import annotations

import io
import json
import os
import signal

import pytest
from rich.console import Console

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
    StepProgressed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
)
from nbflow.core.run import fold
from nbflow.core.timing import NO_HISTORY, History
from nbflow.ui.progress import Form, Progress

SPECS = (StepSpec("n.load", short="load", reason="first run"), StepSpec("n.train", ("n.load",), short="n-train"))
START = RunStarted(at=10.0, steps=SPECS, jobs=2)


def shown(form: Form, *story: Event, console: Console | None = None, history: History = NO_HISTORY) -> Progress:
    """A run that has come so far."""
    progress = Progress(form, console, now=lambda: 11.0)
    progress.begin("r1", "2 steps to run", history)
    for number, event in enumerate(story, 1):
        progress.show(event, fold(story[:number]))
    progress.end()
    return progress


LINES: list[tuple[Event, str]] = [
    (START, ""),
    (StepStarted("n.load", 1, reason="first run"), "load started: first run\n"),
    (StepStarted("n.load", 2, reason="first run"), "load started (attempt 2): first run\n"),
    (StepProgressed("n.load", 1, done=1, total=2, text="epoch"), ""),
    (StepProgressed("n.load", 1, text="waits for run r0"), "load waits for run r0\n"),
    (StepSucceeded("n.load", 1, seconds=75.0), "load succeeded in 1 min 15 s\n"),
    (StepSucceeded("n.load", 3, seconds=0.5), "load succeeded in 0.5 s (attempt 3)\n"),
    (StepFailed("n.load", 1, error="E: \x1b[31mbad"), "load failed: E: \N{REPLACEMENT CHARACTER}bad\n"),
    (StepFailed("n.load", 2, error="E"), "load failed (attempt 2): E\n"),
    (StepCrashed("n.load", 1, message="the kernel died"), "load crashed: the kernel died\n"),
    (StepSkipped("n.train", because=Cause("n.load", "failed")), "n-train skipped: needs load, which failed\n"),
    (StepCancelled("n.load", 1), "load cancelled\n"),
    (StepReused("n.load", reason="made by run r0"), ""),
    (StepReused("n.load", 1, reason="made by run r0"), "load reused: made by run r0\n"),
    (RetryDue("n.load", 1), ""),
    (CancelRequested(), "cancelling: interrupted steps have 10 s to end; Ctrl-C again kills them now\n"),
    (CancelRequested(force=True), "cancelling: running steps are killed; Ctrl-C again leaves at once\n"),
    (RunFinished(status="succeeded"), ""),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=[f"{type(c[0]).__name__} {c[1][:30]}" for c in LINES])
def test_a_log_keeps_one_line_for_each_fact_that_matters(
    event: Event, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress("lines")
    progress.show(START, fold([START]))
    progress.show(event, fold([START]))
    assert capsys.readouterr() == ("", line)


def test_json_is_alone_on_stdout_and_keeps_what_is_internal_to_itself(capsys: pytest.CaptureFixture[str]) -> None:
    shown("json", START, StepStarted("n.load", 1, at=11.0, reason="first run"), CancelRequested(at=12.0))
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()][1:] == [
        {
            "event": "StepStarted", "run": "r1", "time": "1970-01-01T00:00:11.000Z", "step": "load", "attempt": 1,
            "reason": "first run",
        },
    ]  # fmt: skip
    assert err == ""


# --- the live table ------------------------------------------------------------------------------------


def screen(*story: Event, width: int = 80, height: int = 24, requests: int = 0, history: History = NO_HISTORY) -> str:
    """What stands on the screen."""
    console = Console(file=io.StringIO(), force_terminal=True, no_color=True, width=width, height=height)
    progress = shown("lines", *story, console=console, history=history)
    for _ in range(requests):
        progress.cancel.request()
    with console.capture() as captured:
        console.print(progress.drawing())
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


BEGUN = (START, StepStarted("n.load", 1, at=11.0, reason="first run"))


@pytest.mark.parametrize(
    ("history", "requests", "left"),
    [
        ({}, 0, ""),
        ({"n.load": [5.0]}, 0, ""),  # of the other step nobody knows
        ({"n.load": [5.0, 90.0, 4.0], "n.train": [60.0]}, 0, " · about 1 min 5 s left"),
        ({"n.load": [0.2], "n.train": [0.3]}, 0, ""),  # it is nearly over
        ({"n.load": [5.0], "n.train": [60.0]}, 1, ""),  # it is being stopped
    ],
)
def test_the_foot_says_how_long_it_may_still_take_where_earlier_runs_tell(
    history: History, requests: int, left: str
) -> None:
    foot = screen(*BEGUN, history=history, requests=requests).splitlines()[4]
    assert foot == f"   1 waiting, 1 running · 1.0 s{left}"


def test_the_table_grows_with_the_run() -> None:
    assert screen() == ""
    assert screen(*BEGUN) == (
        "   step     state       time  why\n"
        "▶  load     running    0.0 s  first run\n"
        "·  n-train  waiting           waits for load\n"
        "\n"
        "   1 waiting, 1 running · 1.0 s"
    )


def test_what_a_step_prints_stands_where_its_reason_stood() -> None:
    said = StepProgressed("n.load", 1, at=12.0, done=1, total=3, text="\x1b[32mepoch 3\x1b[0m loss 0.1")
    assert screen(*BEGUN, said).splitlines()[1] == "▶  load     running 1/3  0.0 s  epoch 3 loss 0.1"


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        (1, "   cancelling: interrupted steps have 10 s to end; Ctrl-C again kills them now"),
        (2, "   cancelling: running steps are killed; Ctrl-C again leaves at once"),
    ],
)
def test_a_run_that_stops_says_how_to_hurry(requests: int, words: str) -> None:
    assert screen(*BEGUN, CancelRequested(at=12.0), requests=requests).splitlines()[-1] == words


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("height", [8, 12, 30])
def test_the_table_never_outgrows_the_screen(width: int, height: int) -> None:
    specs = tuple(StepSpec(f"n.step_{i}", short=f"step_{i}", reason="a long reason " * 9) for i in range(60))
    story: tuple[Event, ...] = (RunStarted(steps=specs, jobs=4), *(StepStarted(s.name, 1) for s in specs[:4]))
    lines = screen(*story, width=width, height=height, requests=1).splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert sum("running" in line for line in lines[:-2]) == min(4, height - 6)


# --- Ctrl-C --------------------------------------------------------------------------------------------


def test_an_interrupt_ends_the_program_until_the_run_has_begun_and_then_cancels_it() -> None:
    progress = Progress("json")
    with progress.interrupts() as cancel:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        progress.begin("r1", "")
        os.kill(os.getpid(), signal.SIGTERM)
        assert cancel.requests == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_a_step_prints_for_hours_is_not_piled_up() -> None:
    progress, run = Progress("lines", now=lambda: 11.0), fold(BEGUN)
    printed = [StepProgressed("n.load", 1, at=11.0 + n, done=1, total=2, text=f"epoch {n}") for n in range(1000)]
    story: list[Event] = [*BEGUN, *printed]
    for event in story:
        progress.show(event, run)
    assert progress.events == [*BEGUN, printed[-1]]
    assert progress.view()["steps"][0]["done"] == 1
