"""Children that left the process group of their kernel are found by its mark."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil

from nbflow.kernels.family import kill_family, marked, new_mark

DAEMON = """
import os, subprocess, sys
child = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL, start_new_session=True)
print(child.pid, flush=True)
os._exit(0)
"""


def daemon(mark: str, outer: str = "") -> int:
    """A process whose parent is gone, in a session of its own."""
    environment = marked(marked(os.environ, outer) if outer else os.environ, mark)
    done = subprocess.run([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, env=environment, check=True)
    return int(done.stdout)


def is_over(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_all_that_carry_a_mark_are_killed_and_no_others() -> None:
    mark, other = new_mark(), new_mark()
    found, spared = daemon(mark), daemon(other)
    try:
        kill_family(mark)
        assert (is_over(found), psutil.Process(spared).status() != psutil.STATUS_ZOMBIE) == (True, True)
    finally:
        os.kill(spared, signal.SIGKILL)


def test_a_kernel_within_a_kernel_belongs_to_both() -> None:
    inner, outer = new_mark(), new_mark()
    pid = daemon(inner, outer)
    kill_family(outer)
    assert is_over(pid)


def test_a_family_that_is_gone_is_no_error() -> None:
    kill_family(new_mark())
