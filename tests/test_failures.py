"""``nbflow status`` after runs in which steps failed, crashed, were cancelled or were killed: what the journal tells of
the last attempt of each step."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow.journal import Failure, Journal, ResultRow, RunLock, journal_path, last_failures
from nbflow.journal.database import LAST_UNSUCCESSFUL
from tests.commands import Given, nbflow, steady
from tests.journals import LATER, RUN
from tests.unprivileged import closed, opened, run_command_unprivileged

# --- from the journal ------------------------------------------------------------------------------------


def at(second: int) -> str:
    return f"2026-11-24T15:30:{second:02d}.000Z"


def event(name: str, second: int, step: str = "nb.fit", attempt: int = 1, **more: Any) -> dict[str, Any]:
    return {"event": name, "time": at(second), "step": step, **({"attempt": attempt} if attempt else {}), **more}


STARTED = event("StepStarted", 1)
FAILED = event("StepFailed", 2, error="ValueError: bad", cell=3)
CRASHED = event("StepCrashed", 2, message="the kernel was killed")
FAILURE = Failure("nb.fit", "failed", RUN, at(2), 1, "ValueError: bad", 3)
CUT = Failure("nb.fit", "crashed", RUN, at(1), 1, "its run ended before the step did")

Story = list[tuple[str, str, list[dict[str, Any]]]]
"""Runs: id, status at the end (``""``: killed), events. ``Result`` is no event: from then on the step has a result."""

STORIES: list[tuple[str, Story, Failure | None]] = [
    ("nothing happened", [], None),
    ("it failed", [(RUN, "failed", [STARTED, FAILED])], FAILURE),
    (
        "it crashed",
        [(RUN, "failed", [STARTED, CRASHED])],
        Failure("nb.fit", "crashed", RUN, at(2), 1, "the kernel was killed"),
    ),
    ("it succeeded at the second attempt", [(RUN, "succeeded", [STARTED, FAILED, event("Result", 4)])], None),
    ("it failed, and a later run had a result", [(RUN, "failed", [FAILED]), (LATER, "", [event("Result", 9)])], None),
    ("it had a result, and failed later", [(RUN, "failed", [event("Result", 1), FAILED])], FAILURE),
    (
        "it failed twice",
        [(RUN, "failed", [FAILED]), (LATER, "failed", [event("StepFailed", 9, attempt=2, error="KeyError: 'x'")])],
        Failure("nb.fit", "failed", LATER, at(9), 2, "KeyError: 'x'"),
    ),
    ("it failed, and was stopped when tried again", [(RUN, "failed", [FAILED]), (LATER, "cancelled", [
        event("StepStarted", 8), event("StepCancelled", 9)])], None),
    ("it failed, and was not begun when the next run was stopped", [(RUN, "failed", [FAILED]), (LATER, "cancelled", [
        event("StepCancelled", 9, attempt=0)])], FAILURE),
    ("it failed, and was skipped later", [(RUN, "failed", [FAILED]), (LATER, "failed", [
        event("StepSkipped", 9, attempt=0)])], FAILURE),
    ("its run was killed", [(RUN, "", [STARTED])], CUT),
    ("its run was killed before the next attempt", [(RUN, "", [STARTED, FAILED])], FAILURE),
    ("its run was killed after it succeeded", [(RUN, "", [STARTED, event("StepSucceeded", 2)])], None),
    ("its run was killed, and a later one had a result", [(RUN, "", [STARTED]), (LATER, "succeeded", [
        event("Result", 9)])], None),
    ("nbflow itself failed around it", [(RUN, "crashed", [STARTED])], CUT),
    ("only another step failed", [(RUN, "failed", [event("StepFailed", 2, step="nb.fit2")])], None),
]  # fmt: skip


@pytest.mark.parametrize(("story", "failure"), [s[1:] for s in STORIES], ids=[s[0] for s in STORIES])
def test_the_last_attempt_is_told(tmp_path: Path, story: Story, failure: Failure | None) -> None:
    with Journal.open(tmp_path) as journal:
        for run, status, events in story:
            journal.begin_run(run, at(0), [], {}, "")
            journal.append(run, [e for e in events if e["event"] != "Result"])
            journal.set_results(
                [ResultRow(e["step"], "k", "r", run, e["time"]) for e in events if e["event"] == "Result"]
            )
            if status:
                journal.finish_run(run, at(30), status)
        assert last_failures(journal).get("nb.fit") == failure


def test_an_attempt_of_a_run_that_goes_on_has_not_crashed(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal, RunLock(tmp_path, RUN):
        journal.begin_run(RUN, at(0), [], {}, "")
        journal.append(RUN, [STARTED])
        assert last_failures(journal) == {}


def test_failures_are_found_without_a_look_at_every_event(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.append(RUN, [STARTED, FAILED])
    with sqlite3.connect(journal_path(tmp_path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {LAST_UNSUCCESSFUL}").fetchall()
    assert plan[0][-1] == "SEARCH events USING INDEX unsuccessful (event=?)"


# --- what a person reads ---------------------------------------------------------------------------------

FLOW = Given(
    (
        "%%step load -o a\na = 0",
        "%%step bad -i a -o b\nprint('before')\nb = 1 / a",
        "%%step gone -i a -o c\nimport os\nos._exit(7)\nc = a",
        "%%step below -i b -o d\nd = b",
    )
)
TABLE = (
    "   step   state      last result            time  why\n"
    "✔  load   fresh      YYYY-MM-DD HH:MM UTC  N.N s\n"
    "·  bad    no result\n"
    "·  gone   no result\n"
    "·  below  no result\n"
)
TOLD = (
    "\n✘ bad failed YYYY-MM-DD HH:MM UTC in run RUN in cell 2: ZeroDivisionError: division by zero\n"
    "  Its executed notebook: nbflow_runs/RUN/steps/bad.ipynb\n"
    "\n✘ gone crashed YYYY-MM-DD HH:MM UTC in run RUN in cell 3: CAUSE\n"
    "  Its executed notebook: nbflow_runs/RUN/steps/gone.ipynb\n"
)


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    FLOW.write(tmp_path)
    assert nbflow(tmp_path, "run").code == 1
    return tmp_path


def with_cause(out: str) -> str:
    before, mark, after = out.partition("✘ gone crashed YYYY-MM-DD HH:MM UTC in run RUN in cell 3: ")
    return before + mark + "CAUSE\n" + after.partition("\n")[2] if mark else out


def test_status_says_what_failed_when_and_where_to_look(failed: Path) -> None:
    said = nbflow(failed, "status")
    assert (said.code, with_cause(said.out), said.err) == (0, TABLE + TOLD, "")


def test_status_gives_the_failure_beside_the_state(failed: Path) -> None:
    steps = json.loads(nbflow(failed, "status", "--json").out)["steps"]
    times = [s["failure"].pop("time") for s in steps if s["failure"]]
    assert all(len(time) == len(at(0)) for time in times)
    assert [(s["name"], s["state"], s["failure"]) for s in steps] == [
        ("load", "fresh", None),
        ("bad", "no result", {
            "status": "failed", "run": "RUN", "attempt": 1, "error": "ZeroDivisionError: division by zero", "cell": 2,
            "notebook": "nbflow_runs/RUN/steps/bad.ipynb",
        }),
        ("gone", "no result", {
            "status": "crashed", "run": "RUN", "attempt": 2, "error": steps[2]["failure"]["error"], "cell": 3,
            "notebook": "nbflow_runs/RUN/steps/gone.ipynb",
        }),
        ("below", "no result", None),
    ]  # fmt: skip


def test_a_result_ends_the_talk_of_a_failure(failed: Path) -> None:
    book = failed / "flow.ipynb"
    book.write_text(book.read_text().replace("1 / a", "a").replace("os._exit(7)", ""))
    assert "bad failed" in nbflow(failed, "status").out
    assert nbflow(failed, "run").code == 0
    assert "✘" not in nbflow(failed, "status").out


def test_a_fresh_step_that_failed_since_says_both(tmp_path: Path) -> None:
    Given(("%%step load -o a\na = 1",)).write(tmp_path)
    nbflow(tmp_path, "run")
    book = tmp_path / "flow.ipynb"
    good = book.read_text()
    book.write_text(good.replace("a = 1", "a = 1 / 0"))
    nbflow(tmp_path, "run")
    book.write_text(good)
    assert nbflow(tmp_path, "status").out.splitlines()[1:4] == [
        "✔  load  fresh  YYYY-MM-DD HH:MM UTC  N.N s",
        "",
        "✘ load failed YYYY-MM-DD HH:MM UTC in run RUN in cell 1: ZeroDivisionError: division by zero",
    ]


def test_once_the_runs_folder_is_gone_no_notebook_is_named(failed: Path) -> None:
    for path in failed.glob("nbflow_runs/*/steps/*.ipynb"):
        path.unlink()
    assert "executed notebook" not in nbflow(failed, "status").out
    steps = json.loads(nbflow(failed, "status", "--json").out)["steps"]
    assert [s["failure"]["notebook"] for s in steps if s["failure"]] == [None, None]


def test_a_project_that_cannot_be_written_tells_its_failures_too(failed: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in failed.rglob("*")}
    closed(failed)
    try:
        done = run_command_unprivileged([sys.executable, "-m", "nbflow", "status"], cwd=failed)
    finally:
        opened(failed)
    assert (done.returncode, with_cause(steady(done.stdout, failed)), done.stderr) == (0, TABLE + TOLD, "")
    assert {p: p.stat().st_mtime_ns for p in failed.rglob("*")} == before


KILLED = """
import os, pathlib, time
from nbflow.journal import Journal
from nbflow.ui.cli import main
from tests.plain_executor import PlainExecutor

class Killed(PlainExecutor):
    def run(self, job, tell):
        tell(0, 0, "")
        journal = Journal.read(pathlib.Path())  # the fact is another thread's to write
        while not any(e["event"] == "StepStarted" for e in journal.events(journal.runs()[0].id)):
            time.sleep(0.01)
        os.kill(os.getpid(), 9)

main(Killed())
"""


def test_a_step_whose_run_was_killed_has_crashed(tmp_path: Path) -> None:
    Given(("%%step load -o a\na = 1",)).write(tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", KILLED, "run"], cwd=tmp_path, env=environ, capture_output=True)
    assert done.returncode == -9
    assert nbflow(tmp_path, "status").out.splitlines()[-1] == (
        "✘ load crashed YYYY-MM-DD HH:MM UTC in run RUN: its run ended before the step did"
    )
