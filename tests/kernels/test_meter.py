"""What is seen of a process and all below it: memory, CPU time, and that watching ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nbflow.kernels.meter import Meter

PATIENCE = 20.0
MB = 1_000_000

# Says "ready" once it is as the test wants it, and ends when its stdin does.
HOLD = "import sys; held = bytearray({size}); {more}; print('ready', flush=True); sys.stdin.read()"


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.communicate(timeout=PATIENCE)


def hold(size: int, more: str = "pass") -> str:
    return HOLD.format(size=size, more=more)


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def test_the_memory_of_a_child_counts_for_its_parent() -> None:
    child = f"[sys.executable, '-c', {hold(60 * MB)!r}]"
    more = f"import subprocess; child = subprocess.Popen({child}, stdin=subprocess.PIPE)"
    with process(hold(40 * MB, more)) as parent:
        ready(parent)
        tree = Meter().watch(parent.pid)
        wait_for(lambda: tree._memory > 100 * MB)
        assert tree.end().memory < 300 * MB


def test_memory_that_is_given_back_before_anybody_looks_is_known_of_the_process_itself() -> None:
    with process(hold(0, f"big = bytearray({80 * MB}); del big")) as parent:
        tree = Meter().watch(parent.pid)
        ready(parent)
        assert tree.end().memory > 80 * MB


def test_cpu_time_counts_from_when_it_is_watched_and_holds_that_of_children_waited_for() -> None:
    burn = "import time; t = time.process_time()\nwhile time.process_time() < t + 0.3: pass"
    more = (
        "print('ready', flush=True); sys.stdin.readline(); import subprocess;"
        f" subprocess.run([sys.executable, '-c', {burn!r}])"
    )
    with process(f"{burn}\n{hold(0, more)}") as parent:
        assert parent.stdin is not None
        ready(parent)
        tree = Meter().watch(parent.pid)
        before = tree._before
        parent.stdin.write("go\n")
        parent.stdin.flush()
        ready(parent)
        taken = tree.end()
        assert before >= 0.2
        assert taken.cpu >= 0.3


def test_a_process_that_is_gone_keeps_what_was_seen_of_it() -> None:
    meter = Meter()
    with process(hold(60 * MB)) as parent:
        ready(parent)
        tree = meter.watch(parent.pid)
        wait_for(lambda: tree._memory > 60 * MB)
    assert tree.end().memory > 60 * MB
    assert meter.watch(parent.pid).end() == (0, 0.0)


def test_a_grandchild_whose_parent_has_ended_is_followed_on() -> None:
    grandchild = f"import time; held = bytearray({60 * MB}); time.sleep(60)"
    between = (
        f"import subprocess, sys; made = subprocess.Popen([sys.executable, '-c', {grandchild!r}],"
        " stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL); sys.stdin.readline()"
    )
    more = f"import subprocess; child = subprocess.Popen([sys.executable, '-c', {between!r}], stdin=subprocess.PIPE)"
    end = "child.communicate(b'end'); print('ready', flush=True); sys.stdin.read()"
    with process(f"{hold(0, more).replace('sys.stdin.read()', 'sys.stdin.readline()')}\n{end}") as parent:
        ready(parent)
        tree = Meter().watch(parent.pid)
        wait_for(lambda: tree._memory > 60 * MB)
        assert parent.stdin is not None
        parent.stdin.write("\n")
        parent.stdin.flush()
        ready(parent)
        tree._memory = 0
        wait_for(lambda: tree._memory > 60 * MB)
        (orphan,) = [member for member in tree._members if member.pid != parent.pid]
        orphan.kill()
        tree.end()


def test_the_thread_ends_with_the_last_that_is_watched() -> None:
    def threads() -> int:
        return sum(thread.name == "nbflow meter" for thread in threading.enumerate())

    before = threads()
    meter = Meter()
    with process(hold(0)) as parent:
        trees = [meter.watch(parent.pid) for _ in range(3)]
        assert threads() == before + 1
        for tree in trees:
            tree.end()
    wait_for(lambda: threads() == before)
