from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nbflow.kernels.family import new_mark
from nbflow.kernels.guardian import Guardian


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes, each in a group of its own."""
    started = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2)]
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_watched_groups_die_and_released_ones_live(sleepers: list[subprocess.Popen[bytes]]) -> None:
    first, second = sleepers
    guardian, one, two = Guardian(), new_mark(), new_mark()  # whoever carries a mark dies: it is nobody else's word
    guardian.watch(first.pid, one)
    guardian.watch(second.pid, two)
    guardian.release(first.pid, one)
    guardian.close()
    assert (first.poll(), second.wait(5)) == (None, -signal.SIGKILL)


def test_a_killed_process_takes_its_groups_with_it(sleepers: list[subprocess.Popen[bytes]]) -> None:
    first, second = sleepers
    watch = f"from nbflow.kernels.guardian import GUARDIAN; GUARDIAN.watch({first.pid}, '{new_mark()}')"
    code = f"{watch}; import os; os.kill(os.getpid(), 9)"
    killed = subprocess.run([sys.executable, "-c", code])
    assert (killed.returncode, first.wait(5), second.poll()) == (-signal.SIGKILL, -signal.SIGKILL, None)


def test_a_guardian_that_watched_nothing_is_no_process() -> None:
    guardian = Guardian()
    guardian.release(1, "none")
    guardian.close()
    assert guardian._process is None
