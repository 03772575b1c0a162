"""Processes that cannot outlive who wanted them, and what they leave behind, which cannot either."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nbflow.kernels.guards import Guard
from nbflow.kernels.parents import Child, NotStarted
from tests.kernels.talking import gone, until

HIDING = """
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-S", "-c", (
            "import os, signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 3, 15)]; "
            "open('hidden', 'w').write(str(os.getpid())); time.sleep(300)")], {})
    os._exit(0)
while not os.path.exists("hidden") or not open("hidden").read(): time.sleep(0.01)
print(open("hidden").read(), flush=True)
"""
"""Leaves a process without parent, without environment, in a session of its own and deaf to signals."""


@pytest.fixture
def guard() -> Iterator[Guard]:
    with Guard() as guard:
        yield guard


def started(guard: Guard, folder: Path, code: str, environ: dict[str, str] | None = None) -> Child:
    """A Python that runs this, its output in ``out``."""
    with (folder / "out").open("wb") as out:
        words = [sys.executable, "-S", "-c", code]
        return guard.start(words, str(folder), environ or {**os.environ}, None, out.fileno(), out.fileno())


def process_of(guard: Guard) -> int:
    """Its process; it must have one."""
    return guard._end.peek()[2][1].pid  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("code", "status"),
    [("", 0), ("raise SystemExit(7)", 7), ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM)],
)
def test_how_a_process_ended_is_known(guard: Guard, tmp_path: Path, code: str, status: int) -> None:
    assert started(guard, tmp_path, code).wait(10) == status


LOOKING = """
import json, os, signal, stat, sys
print(json.dumps({
    "folder": os.getcwd(), "variable": len(os.environ["LARGE"]),
    "parent": os.environ["JPY_PARENT_PID"] == str(os.getppid()),
    "leads": os.getsid(0) == os.getpgid(0) == os.getpid(),
    "read": sys.stdin.read(), "pipe": stat.S_ISFIFO(os.fstat(0).st_mode),
    "ignored": [n.name for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_IGN],
    "open": len(os.listdir("/proc/self/fd")),
}))
"""


def test_a_process_is_as_one_that_jupyter_starts(guard: Guard, tmp_path: Path) -> None:
    environ = {**os.environ, "LARGE": "x" * 120_000}
    ignored = [n.name for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_IGN]  # by Python itself
    assert started(guard, tmp_path, LOOKING, environ).wait(10) == 0
    assert json.loads((tmp_path / "out").read_text()) == {
        "folder": str(tmp_path), "variable": 120_000, "parent": True, "leads": True, "read": "", "pipe": True,
        "ignored": ignored,
        "open": 4,  # three streams, and the folder that is being read
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "folder", "why"),
    [
        (["no-such-program"], "", "No such file or directory"),
        ([sys.executable], "missing", "No such file or directory"),
        ([sys.executable, "a\0b"], "", "embedded null byte"),
    ],
)
def test_what_cannot_be_started_is_said_and_harms_nothing(
    guard: Guard, tmp_path: Path, words: list[str], folder: str, why: str
) -> None:
    with pytest.raises(NotStarted, match=why):
        guard.start(words, str(tmp_path / folder), {**os.environ}, None, 1, 2)
    assert started(guard, tmp_path, "").wait(10) == 0


def test_a_process_that_was_released_is_ended(guard: Guard, tmp_path: Path) -> None:
    child = started(guard, tmp_path, "import time; time.sleep(300)")
    child.release()
    until(lambda: gone(child.pid))


@pytest.mark.parametrize("gently", [True, False])
def test_nothing_hides_from_the_guard(guard: Guard, tmp_path: Path, gently: bool) -> None:
    child = started(guard, tmp_path, f"{HIDING}\nif {gently}: raise SystemExit\nimport time; time.sleep(300)")
    until(lambda: bool((tmp_path / "out").read_text()))
    if gently:
        assert child.wait(10) == 0
    hidden = int((tmp_path / "out").read_text())
    assert (gone(hidden), gone(child.pid)) == (False, gently)
    guard.close()
    assert (gone(hidden), gone(child.pid)) == (True, True)


RUN = """
import os, sys, time
from pathlib import Path
from nbflow.kernels.guards import Guard
from tests.kernels.talking import until
from tests.kernels.test_guards import HIDING, process_of, started
folder, guard = Path(sys.argv[1]), Guard()
guard.leave_a_will([sys.executable, "-S", "-c", "open('will', 'w').write('done')"])
child = started(guard, folder, HIDING + "time.sleep(300)")
until(lambda: bool((folder / "out").read_text()))
if sys.argv[2] == "takes it back": guard.leave_a_will(())
print(child.pid, (folder / "out").read_text().strip(), process_of(guard), flush=True)
if sys.argv[2] == "ends": raise SystemExit
time.sleep(300)
"""


@pytest.mark.parametrize("then", ["is killed", "is interrupted", "ends", "takes it back"])
def test_nothing_outlives_a_run_and_its_will_is_done(tmp_path: Path, then: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path), then], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environ
    )
    assert run.stdout is not None
    left = [int(word) for word in run.stdout.readline().split()]
    assert len(left) == 3
    if then != "ends":
        assert not any(map(gone, left))
        run.send_signal(signal.SIGTERM if then == "is interrupted" else signal.SIGKILL)
    run.communicate()
    until(lambda: all(map(gone, left)), seconds=5)
    assert (tmp_path / "will").exists() is (then != "takes it back")


def test_a_guard_that_is_killed_takes_its_processes_along_and_has_a_successor(guard: Guard, tmp_path: Path) -> None:
    child = started(guard, tmp_path, "import time; time.sleep(300)")
    pid = process_of(guard)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # none of these is meant for it
        os.kill(pid, number)
    assert started(guard, tmp_path, "").wait(10) == 0
    os.kill(pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    until(lambda: gone(child.pid))
    assert started(guard, tmp_path, "").wait(10) == 0


def test_a_guard_that_had_nothing_to_guard_is_no_process(guard: Guard) -> None:
    before = psutil.Process().children()
    guard.leave_a_will(())
    guard.close()
    assert psutil.Process().children() == before


def test_a_guard_that_is_forgotten_ends(tmp_path: Path) -> None:
    guard = Guard()
    child = started(guard, tmp_path, "import time; time.sleep(300)")
    guards = process_of(guard)
    del guard
    gc.collect()
    assert (gone(guards), gone(child.pid)) == (True, True)
