"""A run as a process of its own: it outlives who asked for it, can be watched from elsewhere, and is stopped there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbflow.journal import Journal, RunRow, lock_owner
from tests.commands import Given
from tests.test_cli_interrupt import ROOT, at_home, until

pytestmark = pytest.mark.slow

SLEEPER = (
    "import pathlib, time",
    "%%step quick -o a\na = 1",
    (
        "%%step sleeper -i a -o b\n"
        "pathlib.Path('asleep').touch()\n"
        "while not pathlib.Path('wake').exists():\n"
        "    time.sleep(0.05)\n"
        "b = a"
    ),
)


def nbflow(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbflow", *words], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def started(folder: Path) -> str:
    """A detached run whose second step is at work."""
    Given(SLEEPER).write(folder)
    said = nbflow(folder, "run", "--detach", "--json")
    assert said.returncode == 0, said.stderr
    until((folder / "asleep").exists)
    run: str = json.loads(said.stdout)["run"]
    return run


def row(folder: Path, run: str) -> RunRow:
    journal = Journal.read(folder)
    assert journal is not None
    with journal:
        found = journal.run(run)
    assert found is not None
    return found


def test_a_detached_run_goes_on_and_is_watched_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    run = started(tmp_path)
    assert row(tmp_path, run).status == "running"
    owner = lock_owner(tmp_path, run)
    assert owner is not None
    assert os.getsid(owner.pid) == owner.pid != os.getsid(0)
    watching = subprocess.Popen(
        [sys.executable, "-m", "nbflow", "attach", run, "--json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    leaving = subprocess.Popen(
        [sys.executable, "-m", "nbflow", "attach", run], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, process_group=0,
    )  # fmt: skip
    assert leaving.stderr is not None
    with leaving.stderr:
        while "sleeper started" not in leaving.stderr.readline():
            pass
        leaving.send_signal(signal.SIGINT)
        assert leaving.stderr.read() == f"nbflow: left. The run goes on: nbflow attach {run}\n"
    assert leaving.wait() == 130
    assert row(tmp_path, run).status == "running"
    (tmp_path / "wake").touch()
    out, _ = watching.communicate()
    told: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert [e["event"] for e in told if e["event"] != "StepProgressed"] == [
        "RunStarted", "StepStarted", "StepSucceeded", "StepStarted", "StepSucceeded", "RunFinished",
    ]  # fmt: skip
    assert watching.returncode == 0
    until(lambda: not at_home(tmp_path))


def test_cancel_from_elsewhere_interrupts_and_leaves_nothing(tmp_path: Path) -> None:
    run = started(tmp_path)
    said = nbflow(tmp_path, "cancel")
    assert said.stdout == f"Run {run} is asked to stop. To kill it: nbflow cancel {run} --force\n"
    until(lambda: row(tmp_path, run).status == "cancelled")
    until(lambda: not at_home(tmp_path))


def test_cancel_by_force_kills(tmp_path: Path) -> None:
    run = started(tmp_path)
    assert nbflow(tmp_path, "cancel", run[:12], "--force").returncode == 0
    until(lambda: row(tmp_path, run).status == "cancelled")
    until(lambda: not at_home(tmp_path))


def test_a_killed_run_counts_as_crashed_and_retry_goes_on_from_what_it_committed(tmp_path: Path) -> None:
    run = started(tmp_path)
    owner = lock_owner(tmp_path, run)
    assert owner is not None
    psutil.Process(owner.pid).kill()
    until(lambda: not at_home(tmp_path))
    assert row(tmp_path, run).status == "crashed"
    said = nbflow(tmp_path, "attach")
    assert said.returncode == 1
    assert f"Run {run} crashed after" in said.stdout
    (tmp_path / "wake").touch()
    said = nbflow(tmp_path, "retry", "--json")
    assert said.returncode == 0, said.stderr
    ended = json.loads(said.stdout.splitlines()[-1])
    assert {step: each["status"] for step, each in ended["steps"].items()} == {
        "quick": "reused", "sleeper": "succeeded",
    }  # fmt: skip


def test_what_cannot_begin_says_so_here_and_now(tmp_path: Path) -> None:
    Given(("%%step one -i nothing -o a\na = nothing",)).write(tmp_path)
    at_once = nbflow(tmp_path, "run")
    detached = nbflow(tmp_path, "run", "--detach")
    assert (at_once.returncode, at_once.stdout) == (2, "")
    assert (detached.returncode, detached.stdout) == (2, "")
    assert detached.stderr == at_once.stderr
