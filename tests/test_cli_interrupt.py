"""Runs with real kernels that fail or are interrupted: what is said, how to go on, and that no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.commands import Given, steady

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""Seconds; a machine under load takes its time to start a kernel."""

SLEEPER = (
    "import pathlib, subprocess, sys, time",
    "%%step quick -o a\na = 1",
    (
        "%%step sleeper -i a -o b\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "pathlib.Path('asleep').touch()\n"
        "time.sleep(300)\n"
        "b = a"
    ),
    "%%step below -i b -o c\nc = b",
)
STUBBORN = (
    "import pathlib, time",
    (
        "%%step stubborn -o a\n"
        "pathlib.Path('asleep').touch()\n"
        "while True:\n"
        "    try:\n"
        "        time.sleep(300)\n"
        "    except KeyboardInterrupt:\n"
        "        pathlib.Path('heard').touch()\n"
        "a = 1"
    ),
)


class Run:
    """``nbflow run`` in a process group of its own, as a shell starts it."""

    def __init__(self, folder: Path, *words: str, python: tuple[str, ...] = ("-m", "nbflow")) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, *python, "run", *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip

    def wait_for(self, name: str) -> None:
        """Until a step has left this file."""
        until(lambda: (self.folder / name).exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, list[str], list[str]]:
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, steady(out, self.folder).splitlines(), steady(err, self.folder).splitlines()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def at_home(folder: Path) -> list[psutil.Process]:
    """Processes that work in this folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


@contextmanager
def running(folder: Path, cells: tuple[str, ...], *python: str) -> Iterator[Run]:
    """A run whose processes must all be gone at the end. ``python``: what to run in the place of ``-m nbflow``."""
    Given(cells).write(folder)
    run = Run(folder, "flow.ipynb", python=python or ("-m", "nbflow"))
    try:
        yield run
        until(lambda: not at_home(folder))
    finally:
        for process in at_home(folder):
            with suppress(psutil.Error):
                process.kill()
        run.process.kill()
        run.process.communicate()


def test_ctrl_c_cancels_records_and_leaves_no_process(tmp_path: Path) -> None:
    with running(tmp_path, SLEEPER) as run:
        run.wait_for("asleep")
        assert len(at_home(tmp_path)) >= 3  # nbflow, the kernel and its child
        run.press_ctrl_c()
        code, out, err = run.end()
    assert (code, out, err) == (
        130,
        [
            "   step     state       time  why",
            "✔  quick    succeeded  N.N s  first run",
            "■  sleeper  cancelled  N.N s  the run was cancelled while the step ran",
            "■  below    cancelled         the run was cancelled before the step began",
            "",
            "■ Run RUN cancelled after N.N s: 1 succeeded, 2 cancelled.",
            "  Executed notebook: nbflow_runs/RUN/flow.ipynb",
            "  Report: nbflow_runs/RUN/report.html",
            "  To resume: nbflow run flow.ipynb  (what succeeded is reused)",
        ],
        [
            "run RUN: 3 steps to run, 0 to reuse.",
            "quick started: first run",
            "quick succeeded in N.N s",
            "sleeper started: first run",
            "cancelling: interrupted steps have N.N s to end; Ctrl-C again kills them now",
            "below cancelled",
            "sleeper cancelled",
        ],
    )


def test_a_second_ctrl_c_kills_a_step_that_ignores_the_first(tmp_path: Path) -> None:
    with running(tmp_path, STUBBORN) as run:
        run.wait_for("asleep")
        run.press_ctrl_c()
        run.wait_for("heard")
        run.press_ctrl_c()
        code, out, err = run.end()
    assert code == 130
    assert out[1].split(maxsplit=4) == [
        "■",
        "stubborn",
        "cancelled",
        "N.N",
        "s  the run was cancelled while the step ran",
    ]
    assert err[2:] == [
        "cancelling: interrupted steps have N.N s to end; Ctrl-C again kills them now",
        "cancelling: running steps are killed; Ctrl-C again leaves at once",
        "stubborn cancelled",
    ]


IMPATIENT = """
from nbflow.executors.papermill import PapermillExecutor
from nbflow.ui.cli import main

main(PapermillExecutor(grace=1.0))
"""


def test_one_ctrl_c_is_enough_for_a_step_that_swallows_it(tmp_path: Path) -> None:
    with running(tmp_path, STUBBORN, "-c", IMPATIENT) as run:
        run.wait_for("asleep")
        run.press_ctrl_c()
        run.wait_for("heard")
        code, out, err = run.end()
    assert code == 130
    assert out[1].split(maxsplit=4) == [
        "■",
        "stubborn",
        "cancelled",
        "N.N",
        "s  the run was cancelled while the step ran",
    ]
    assert err[2:] == [
        "cancelling: interrupted steps have N.N s to end; Ctrl-C again kills them now",
        "stubborn cancelled",
    ]


def test_a_killed_run_takes_its_kernels_along(tmp_path: Path) -> None:
    with running(tmp_path, SLEEPER) as run:
        run.wait_for("asleep")
        run.process.kill()
        run.process.wait()
        until(lambda: not at_home(tmp_path))
    again = Run(tmp_path, "-s", "+quick")
    assert again.end()[1][1] == "↺  quick  reused            made by run RUN"


def test_a_failure_shows_the_frames_of_the_person_and_the_repaired_notebook_goes_on(tmp_path: Path) -> None:
    cells = (
        "def half(x):\n    return x / 0",
        "%%step load -o a\na = 4",
        "%%step bad -i a -o b\n\nprint('before')\nb = half(a)",
        "%%step below -i b -o c\nc = b + 1",
    )
    with running(tmp_path, cells) as run:
        code, out, err = run.end()
    assert code == 1
    assert [line.rstrip() for line in out] == [
        "   step   state       time  why",
        "✔  load   succeeded  N.N s  first run",
        "✘  bad    failed     N.N s  ZeroDivisionError: division by zero",
        "–  below  skipped           needs bad, which failed",
        "",
        "✘ bad failed in cell 3: ZeroDivisionError: division by zero",
        "---------------------------------------------------------------------------",
        "ZeroDivisionError                         Traceback (most recent call last)",
        "Cell In[3], line 4",
        "      1 # %%step bad -i a -o b",
        "      2",
        "      3 print('before')",
        "----> 4 b = half(a)",
        "",
        "Cell In[1], line 2, in half(x)",
        "      1 def half(x):",
        "----> 2     return x / 0",
        "",
        "ZeroDivisionError: division by zero",
        "  Its executed notebook: nbflow_runs/RUN/steps/bad.ipynb",
        "",
        "✘ Run RUN failed in N.N s: 1 succeeded, 1 failed, 1 skipped.",
        "  Executed notebook: nbflow_runs/RUN/flow.ipynb",
        "  Report: nbflow_runs/RUN/report.html",
        "  To resume: nbflow run flow.ipynb  (what succeeded is reused)",
    ]
    assert err[-1] == "below skipped: needs bad, which failed"
    book = tmp_path / "flow.ipynb"
    book.write_text(book.read_text().replace("x / 0", "x / 2"))
    code, out, err = Run(tmp_path, "flow.ipynb").end()
    assert (code, out[1:4]) == (
        0,
        [
            "↺  load   reused            made by run RUN",
            "✔  bad    succeeded  N.N s  first run",
            "✔  below  succeeded  N.N s  first run",
        ],
    )
