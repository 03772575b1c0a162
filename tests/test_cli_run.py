"""``nbflow run``: what it prints while it runs and at the end, the events of ``--json``, selection, and exit codes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nbflow.journal import Journal
from tests.commands import Given, nbflow
from tests.plain_executor import PlainExecutor

FORK = Given(
    (
        "# parameters\nalpha = 1",
        "%%step load -o raw\nraw = 1",
        "%%step fit_a -i raw -o a\na = raw + alpha",
        "%%step fit_b -i raw -o b\nb = raw\nprint('fitted')",
        "%%step plot -i a b\nprint(a, b)",
    )
)
BROKEN = Given(
    (
        "%%step load -o raw\nraw = 0",
        "%%step bad -i raw -o b\nb = 1 / raw",
        "%%step below -i b -o c\nc = b",
        "%%step beside -i raw -o d\nd = raw",
    )
)


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    FORK.write(tmp_path)
    return tmp_path


def ran(root: Path, *words: str, code: int = 0) -> set[str]:
    """The steps whose code ran."""
    executor = PlainExecutor()
    assert nbflow(root, "run", *words, executor=executor).code == code
    return executor.steps


# --- what a person reads -------------------------------------------------------------------------------


def test_a_journal_on_a_network_file_system_is_told_of_once(fork: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "open", partial(Journal.open, network=lambda _: "nfs4"))
    assert nbflow(fork, "run", "-s", "load").err == (
        "nbflow: The project lies on a network file system (nfs4): the journal keeps a slower rollback journal there.\n"
        "run RUN: 1 step to run, 0 to reuse.\n"
        "load started: first run\n"
        "load succeeded in N.N s\n"
    )


def test_a_run_is_told_in_lines_and_summed_up(fork: Path) -> None:
    first = nbflow(fork, "run", "-j", "1")
    assert first.err == (
        "run RUN: 4 steps to run, 0 to reuse.\n"
        "load started: first run\n"
        "load succeeded in N.N s\n"
        "fit_a started: first run\n"
        "fit_a succeeded in N.N s\n"
        "fit_b started: first run\n"
        "fit_b succeeded in N.N s\n"
        "plot started: first run\n"
        "plot succeeded in N.N s\n"
    )
    assert first.out == (
        "   step   state       time  why\n"
        "✔  load   succeeded  N.N s  first run\n"
        "✔  fit_a  succeeded  N.N s  first run\n"
        "✔  fit_b  succeeded  N.N s  first run\n"
        "✔  plot   succeeded  N.N s  first run\n"
        "\n"
        "✔ Run RUN succeeded in N.N s: 4 succeeded.\n"
        "  Executed notebook: nbflow_runs/RUN/flow.ipynb\n"
        "  Report: nbflow_runs/RUN/report.html\n"
    )
    assert nbflow(fork, "run", "-j", "1", "-p", "alpha=1.0") == (
        0,
        (
            "   step   state       time  why\n"
            "↺  load   reused            made by run RUN\n"
            "✔  fit_a  succeeded  N.N s  parameter alpha: 1 → 1.0\n"
            "↺  fit_b  reused            made by run RUN\n"
            "✔  plot   succeeded  N.N s  a (made by fit_a) changed\n"
            "\n"
            "✔ Run RUN succeeded in N.N s: 2 succeeded, 2 reused.\n"
            "  Executed notebook: nbflow_runs/RUN/flow.ipynb\n"
            "  Report: nbflow_runs/RUN/report.html\n"
        ),
        (
            "run RUN: 1 step to run, 1 that may run (unless what they take comes out the same), 2 to reuse.\n"
            "fit_a started: parameter alpha: 1 → 1.0\n"
            "fit_a succeeded in N.N s\n"
            "plot started: a (made by fit_a) changed\n"
            "plot succeeded in N.N s\n"
        ),
    )


def test_what_comes_out_the_same_stops_the_propagation(fork: Path) -> None:
    nbflow(fork, "run")
    book = fork / "flow.ipynb"
    book.write_text(book.read_text().replace("a = raw + alpha", "a = alpha + raw"))
    said = nbflow(fork, "run")
    assert said.err.splitlines()[1:] == [
        "fit_a started: the step's code changed: a = alpha + raw",
        "fit_a succeeded in N.N s",
        "plot reused: made by run RUN",
    ]


def test_a_failure_says_what_failed_where_to_look_and_how_to_go_on(tmp_path: Path) -> None:
    BROKEN.write(tmp_path)
    said = nbflow(tmp_path, "run", "-j", "1", "-p", "unused=1")
    assert said.code == 2
    said = nbflow(tmp_path, "run", "flow.ipynb", "-j", "1", "--force", "-s", "load+", "--fail-fast")
    assert (said.code, said.err) == (
        1,
        (
            "run RUN: 4 steps to run, 0 to reuse.\n"
            "load started: asked for with --force\n"
            "load succeeded in N.N s\n"
            "bad started: asked for with --force\n"
            "bad failed: ZeroDivisionError: division by zero\n"
            "below skipped: needs bad, which failed\n"
            "beside skipped: bad failed, and the run stops at the first failure\n"
        ),
    )
    head, _, rest = said.out.partition("Traceback (most recent call last):\n")
    assert head == (
        "   step    state       time  why\n"
        "✔  load    succeeded  N.N s  asked for with --force\n"
        "✘  bad     failed     N.N s  ZeroDivisionError: division by zero\n"
        "–  below   skipped           needs bad, which failed\n"
        "–  beside  skipped           bad failed, and the run stops at the first failure\n"
        "\n"
        "✘ bad failed in cell 2: ZeroDivisionError: division by zero\n"
    )
    assert rest.splitlines()[-7:] == [
        "ZeroDivisionError: division by zero",
        "  Its executed notebook: nbflow_runs/RUN/steps/bad.ipynb",
        "",
        "✘ Run RUN failed in N.N s: 1 succeeded, 1 failed, 2 skipped.",
        "  Executed notebook: nbflow_runs/RUN/flow.ipynb",
        "  Report: nbflow_runs/RUN/report.html",
        "  To resume: nbflow run flow.ipynb -s load+ -j 1  (what succeeded is reused)",
    ]


def test_after_the_repair_the_rest_runs_and_what_succeeded_is_reused(tmp_path: Path) -> None:
    BROKEN.write(tmp_path)
    assert ran(tmp_path, code=1) == {"load", "bad", "beside"}
    book = tmp_path / "flow.ipynb"
    book.write_text(book.read_text().replace("1 / raw", "raw"))
    assert ran(tmp_path) == {"bad", "below"}
    assert ran(tmp_path) == set()


def test_warnings_stand_below_the_table(tmp_path: Path) -> None:
    doubt = "cfg = {}", "%%step load -o a\na = 1\ncfg['x'] = 1", "%%step b -i a\nprint(a, cfg)"
    Given(doubt).write(tmp_path)
    lines = nbflow(tmp_path, "run").out.splitlines()
    assert lines[4] == (
        "warning load: the context name `cfg` was changed in place, but it is not among the step's outputs: in a run a "
        "later step gets it unchanged, in Run All it gets the change. Add `-o cfg`, or change a copy."
    )
    assert lines[-1] == "  The check has 1 warning; nbflow check shows what."


def test_nothing_selected_is_nothing_done(fork: Path) -> None:
    said = nbflow(fork, "run", "-s", "load", "--exclude", "load")
    assert said == (0, "Nothing is selected, so there was nothing to do.\n", "run RUN: 0 steps to run, 0 to reuse.\n")


# --- selection -----------------------------------------------------------------------------------------

ALL = {"load", "fit_a", "fit_b", "plot"}

SELECTED: list[tuple[list[str], set[str]]] = [
    ([], ALL),
    (["-s", "load"], {"load"}),
    (["-s", "+fit_a"], {"load", "fit_a"}),
    (["-s", "1+plot", "-s", "load"], ALL),
    (["-s", "load+1"], {"load", "fit_a", "fit_b"}),
    (["-s", "load fit_*"], {"load", "fit_a", "fit_b"}),
    (["-s", "flow.load"], {"load"}),
    (["-s", "state:stale"], ALL),
    (["--exclude", "plot"], {"load", "fit_a", "fit_b"}),
    (["-s", "+plot", "--exclude", "fit_b plot"], {"load", "fit_a"}),
]


@pytest.mark.parametrize(("words", "steps"), SELECTED, ids=[" ".join(c[0]) for c in SELECTED])
def test_what_is_selected_runs(fork: Path, words: list[str], steps: set[str]) -> None:
    assert ran(fork, *words) == steps


@pytest.mark.parametrize("flag", ["--force", "--no-cache"])
def test_a_forced_run_runs_what_is_selected_once_more(fork: Path, flag: str) -> None:
    assert ran(fork) == ALL
    assert ran(fork, flag, "-s", "fit_b") == {"fit_b"}
    assert ran(fork) == set()
    assert nbflow(fork, "run", flag, "-n", "-s", "fit_b").out.splitlines()[1] == (
        f"▶  fit_b  run     asked for with {flag}"
    )


def test_a_dry_run_is_a_plan(fork: Path) -> None:
    for words in ([], ["-s", "+fit_a"], ["--json"]):
        assert nbflow(fork, "run", "-n", *words) == nbflow(fork, "plan", *words)
    assert not (fork / "nbflow_runs").exists()


# --- events --------------------------------------------------------------------------------------------


def events(root: Path, *words: str, code: int = 0) -> list[dict[str, Any]]:
    """The lines that ``--json`` prints, without what differs from run to run; nothing is on stderr."""
    said = nbflow(root, "run", "--json", *words)
    assert (said.code, said.err) == (code, "")
    found = [json.loads(line) for line in said.out.splitlines()]
    for event in found:
        assert event.pop("run") == "RUN"
        assert event.pop("time").endswith("Z")
        for name in ("capacity", "parameters", "key", "record", "jitter", "traceback", "usage", "environment"):
            event.pop(name, None)
    return [event for event in found if event["event"] != "StepProgressed"]


def test_the_events_of_a_run(fork: Path) -> None:
    first = events(fork, "-j", "1", "-s", "+fit_a")
    took = {event["step"]: event["seconds"] for event in first if event["event"] == "StepSucceeded"}
    assert took.keys() == {"load", "fit_a"}
    assert all(seconds > 0 for seconds in took.values())
    ended = {"status": "succeeded", "attempts": 1, "reason": "first run"}
    assert first == [
        {
            "event": "RunStarted", "jobs": 1, "fail_fast": False, "reused": 0, "folder": "ROOT/nbflow_runs/RUN",
            "command": "nbflow run -s +fit_a -j 1",
            "steps": [
                {
                    "name": "load", "needs": [], "crash_retries": 1, "short": "load", "reason": "first run",
                    "notebook": "flow.ipynb", "cells": [2],
                },
                {
                    "name": "fit_a", "needs": ["load"], "crash_retries": 1, "short": "fit_a", "reason": "first run",
                    "notebook": "flow.ipynb", "cells": [3],
                },
            ],
        },
        {"event": "StepStarted", "step": "load", "attempt": 1, "reason": "first run"},
        {"event": "StepSucceeded", "step": "load", "attempt": 1, "seconds": took["load"], "warnings": []},
        {"event": "StepStarted", "step": "fit_a", "attempt": 1, "reason": "first run"},
        {"event": "StepSucceeded", "step": "fit_a", "attempt": 1, "seconds": took["fit_a"], "warnings": []},
        {
            "event": "RunFinished", "status": "succeeded", "folder": "ROOT/nbflow_runs/RUN",
            "steps": {step: {**ended, "seconds": seconds} for step, seconds in took.items()},
        },
    ]  # fmt: skip


def test_the_events_of_a_run_in_which_a_step_fails(tmp_path: Path) -> None:
    BROKEN.write(tmp_path)
    error = "ZeroDivisionError: division by zero"
    cause = {"step": "bad", "ending": "failed", "fail_fast": False}
    assert events(tmp_path, "-j", "1", "-s", "load")[-1]["status"] == "succeeded"
    found = events(tmp_path, "-j", "1", "--exclude", "beside", code=1)
    spent = found[-1]["steps"]["bad"].pop("seconds")
    assert 0 < spent == round(spent, 3)  # whole milliseconds
    assert found[1:] == [
        {"event": "StepReused", "step": "load", "reason": "made by run RUN"},
        {"event": "StepStarted", "step": "bad", "attempt": 1, "reason": "first run"},
        {"event": "StepFailed", "step": "bad", "attempt": 1, "error": error, "cell": 2, "timed_out": False},
        {"event": "StepSkipped", "step": "below", "because": cause, "reason": "needs bad, which failed"},
        {
            "event": "RunFinished", "status": "failed", "folder": "ROOT/nbflow_runs/RUN",
            "steps": {
                "load": {"status": "reused", "seconds": 0.0, "attempts": 0, "reason": "made by run RUN"},
                "bad": {"status": "failed", "attempts": 1, "reason": error},
                "below": {"status": "skipped", "seconds": 0.0, "attempts": 0, "reason": "needs bad, which failed"},
            },
        },
    ]  # fmt: skip
