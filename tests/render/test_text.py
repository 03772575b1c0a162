"""Tables and words for a terminal, compared as whole texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nbflow.core.events import (
    CancelRequested,
    Cause,
    Event,
    RetryDue,
    RunStarted,
    StepCrashed,
    StepFailed,
    StepProgressed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
)
from nbflow.core.model import Finding, Reason, Record
from nbflow.core.plan import Plan, Planned
from nbflow.core.run import fold
from nbflow.core.view import Notes, RunView, noted, view
from nbflow.render import text
from tests.fakes import pipeline

SPECS = (
    StepSpec("n.load", short="load"),
    StepSpec("n.train", ("n.load",), short="train", reason="first run", retries=1),
    StepSpec("n.plot", ("n.load",), short="plot", reason="parameter alpha: 1 → 2"),
    StepSpec("n.report", ("n.train", "n.plot"), short="report", reason="first run"),
)
START = (
    RunStarted(at=10.0, steps=SPECS, jobs=2, reused=1),
    StepReused("n.load", at=10.0, reason="made by run r1"),
    StepStarted("n.train", 1, at=11.0),
    StepStarted("n.plot", 1, at=11.0),
)


def seen(*story: Event) -> RunView:
    return view("r2", fold(story), noted(Notes(), story))


LIVE: list[tuple[str, Sequence[Event], str]] = [
    (
        "running",
        (*START, StepProgressed("n.plot", 1, at=12.0, done=2, total=5)),
        """\
   step    state         time  why
↺  load    reused              made by run r1
▶  train   running       12 s  first run
▶  plot    running 2/5  0.5 s  parameter alpha: 1 → 2
·  report  waiting             waits for train, plot""",
    ),
    (
        "tried again",
        (
            *START,
            StepFailed("n.train", 1, at=13.0, error="ValueError: bad"),
            StepSucceeded("n.plot", 1, at=14.0, seconds=2.5),
        ),
        """\
   step    state          time  why
↺  load    reused               made by run r1
↻  train   trying again  2.0 s  attempt 1 did not succeed: ValueError: bad
✔  plot    succeeded     2.5 s  parameter alpha: 1 → 2
·  report  waiting              waits for train""",
    ),
    (
        "stopping",
        (*START, CancelRequested(at=13.0)),
        """\
   step    state       time  why
↺  load    reused            made by run r1
■  train   stopping    12 s  the run was cancelled
■  plot    stopping   0.5 s  the run was cancelled
■  report  cancelled         the run was cancelled before the step began""",
    ),
]


@pytest.mark.parametrize(("story", "drawn"), [c[1:] for c in LIVE], ids=[c[0] for c in LIVE])
def test_the_table_of_a_run_that_goes_on(story: Sequence[Event], drawn: str) -> None:
    table = text.live_table(seen(*story), {"n.train": 12.0, "n.plot": 0.5}, colour=False, width=100, height=30)
    assert table == drawn


def test_the_table_of_a_run_that_has_ended() -> None:
    error = "ValueError: a message that is rather long, and goes on and on"
    story = (
        *START,
        StepFailed("n.train", 1, at=12.0, error="once", jitter=0.0),
        StepCrashed("n.plot", 1, at=13.0, message="the kernel died"),
        RetryDue("n.train", 1, at=13.5),
        StepStarted("n.train", 2, at=14.0),
        StepFailed("n.train", 2, at=16.0, error=error),
        StepSkipped("n.report", at=16.0, because=Cause("n.plot", "crashed")),
    )
    assert text.final_table(seen(*story), colour=False, width=60) == (
        "   step    state                time  why\n"
        "↺  load    reused                     made by run r1\n"
        "✘  train   failed (attempt 2)  2.0 s  ValueError: a message…\n"
        "✘  plot    crashed             2.0 s  the kernel died\n"
        "–  report  skipped                    needs plot, which cra…"
    )
    assert text.counts(seen(*story)) == "1 reused, 1 failed, 1 crashed, 1 skipped"


def crowd(*states: str) -> RunView:
    """A run of steps in these states, one letter each: waiting, running, done, failed."""
    specs = tuple(StepSpec(f"n.s{i:02}", short=f"s{i:02}") for i in range(len(states)))
    story: list[Event] = [RunStarted(at=0.0, steps=specs, jobs=len(states))]
    for spec, state in zip(specs, states, strict=True):
        if state != "w":
            story.append(StepStarted(spec.name, 1))
        if state == "d":
            story.append(StepSucceeded(spec.name, 1))
        if state == "f":
            story.append(StepFailed(spec.name, 1))
    return seen(*story)


@pytest.mark.parametrize(
    ("states", "height", "shown", "more"),
    [
        ("ddd", 4, "s00 s01 s02", ""),
        ("dddd", 4, "s00 s01", "   … and 2 more steps"),
        ("dddrrf", 5, "s03 s04 s05", "   … and 3 more steps"),
        ("ddrdfd", 4, "s02 s04", "   … and 4 more steps"),
        ("rrrr", 4, "s00 s01", "   … and 2 more steps"),
        ("dd", 1, "s00", "   … and 1 more step"),
    ],
)
def test_where_not_all_fit_the_busy_and_the_failed_are_shown(states: str, height: int, shown: str, more: str) -> None:
    lines = text.live_table(crowd(*states), {}, colour=False, width=80, height=height).splitlines()
    assert [line.split()[1] for line in lines[1:] if line[0] != " "] == shown.split()
    assert (lines[-1] if lines[-1].startswith("   …") else "") == more


# --- plans ---------------------------------------------------------------------------------------------

PIPE = pipeline(("%%step load -o a", "%%step train -i a -o m", "%%step plot -i m"))


def planned(*rows: tuple[str, bool, list[tuple[str, str]]]) -> Plan:
    return Plan({
        step: Planned(step, "run" if action == "run" else "reuse", certain, tuple(Reason(*r) for r in reasons))
        for step, (action, certain, reasons) in zip(PIPE.steps, rows, strict=True)
    })  # fmt: skip


PLAN = planned(
    ("reuse", True, [("fresh", "made by run r1")]),
    ("run", True, [("helper", "'fit' changed"), ("parameter", "n: 1 → 2"), ("file", "x.csv changed"), ("python", "…")]),
    ("run", False, [("upstream", "needs train, which will run")]),
)


@pytest.mark.parametrize(
    ("width", "drawn"),
    [
        (
            0,
            """\
   step   action   why
↺  load   reuse    made by run r1
▶  train  run      helper 'fit' changed; parameter n: 1 → 2; x.csv changed; and 1 more
▷  plot   may run  needs train, which will run""",
        ),
        (
            50,
            """\
   step   action   why
↺  load   reuse    made by run r1
▶  train  run      helper 'fit' changed; parameter
                   n: 1 → 2; x.csv changed; and 1
                   more
▷  plot   may run  needs train, which will run""",
        ),
    ],
)
def test_the_table_of_a_plan(width: int, drawn: str) -> None:
    assert text.plan_table(PIPE, PLAN, colour=False, width=width) == drawn


def test_the_sum_of_a_plan() -> None:
    assert text.plan_summary(PLAN) == (
        "1 step to run, 1 that may run (unless what they take comes out the same), 1 to reuse."
    )
    assert text.plan_summary(Plan({})) == "0 steps to run, 0 to reuse."


LAST = Record("key", "id", "nb.train", "r1", "2026-11-24T15:30:12.250Z", 3.25, {})


ENDING = "Last result: 2026-11-24 15:30 UTC, run r1, 3.2 s."


@pytest.mark.parametrize(
    ("action", "certain", "reasons", "last", "lines"),
    [
        ("reuse", True, [("fresh", "made by run r1")], LAST, ["train is fresh: its stored result is reused.", ENDING]),
        (
            "run",
            True,
            [("first-run", "it has no stored result yet")],
            None,
            ["train will run:", "  first run  it has no stored result yet"],
        ),
        (
            "run",
            True,
            [("helper", "'fit' changed"), ("python", "Python 3.11 → 3.12")],
            LAST,
            ["train will run:", "  helper  'fit' changed", "  Python  Python 3.11 → 3.12", ENDING],
        ),
        (
            "run",
            False,
            [("upstream", "needs load, which will run")],
            LAST,
            [
                "train may run:",
                "  upstream  needs load, which will run",
                "If what it takes comes out the same, its stored result is reused.",
                ENDING,
            ],
        ),
    ],
    ids=["fresh", "first run", "stale", "maybe"],
)
def test_why_one_step_runs(
    action: str, certain: bool, reasons: list[tuple[str, str]], last: Record | None, lines: list[str]
) -> None:
    step = PIPE.steps["nb.train"]
    assert text.explanation(step, action, certain, [Reason(*r) for r in reasons], last).split("\n") == lines


def test_a_long_reason_goes_on_below_itself() -> None:
    long = Reason("code", "the step's code changed: model = fit(features, targets, weights=None)")
    assert text.explanation(PIPE.steps["nb.train"], "run", True, [long], None, width=48) == (
        "train will run:\n"
        "  code  the step's code changed: model =\n"
        "        fit(features, targets, weights=None)"
    )  # fmt: skip


def test_the_table_of_a_status() -> None:
    rows = [
        ("load", "fresh", "", LAST),
        ("train", "stale", "helper 'fit' changed", LAST),
        ("plot", "no result", "", None),
    ]
    assert text.status_table(rows, colour=False) == (
        "   step   state      last result            time  why\n"
        "✔  load   fresh      2026-11-24 15:30 UTC  3.2 s\n"
        "●  train  stale      2026-11-24 15:30 UTC  3.2 s  helper 'fit' changed\n"
        "·  plot   no result"
    )


# --- findings ------------------------------------------------------------------------------------------

FOUND = [
    Finding(
        "undeclared-input",
        "error",
        "nb.ipynb",
        3,
        "train",
        "This step reads 'x', which step 'load' makes.",
        "Add '-i x'.",
    ),
    Finding("not-python", "warning", "n\x1b[2J.ipynb", None, None, "This is a notebook in R."),
]


def test_findings_say_what_where_and_the_fix() -> None:
    assert text.findings(FOUND, {("nb.ipynb", 3): f"%%step train -o {'y' * 80}"}) == (
        "error[undeclared-input] This step reads 'x', which step 'load' makes.\n"
        f"  at   nb.ipynb, cell 3, step train: %%step train -o {'y' * 43}…\n"
        "  fix  Add '-i x'.\n"
        "\n"
        "warning[not-python] This is a notebook in R.\n"
        "  at  n\N{REPLACEMENT CHARACTER}.ipynb"
    )
    assert text.findings(FOUND[:1], {}, colour=True, width=50) == (
        "\x1b[1;31merror\x1b[0m[undeclared-input] This step reads 'x', which\n"
        "  step 'load' makes.\n"
        "  at   nb.ipynb, cell 3, step train\n"
        "  fix  Add '-i x'."
    )
    assert text.findings_summary(FOUND) == "1 error, 1 warning"
    assert text.findings_summary([]) == "no findings"


def test_a_changed_line_is_shown_before_and_after() -> None:
    assert text.change("nb.ipynb", 3, "%%step a  ", "%%step a -i x  ") == (
        "fixed nb.ipynb, cell 3\n  - %%step a\n  + %%step a -i x"
    )
