"""How much memory and CPU time the processes of steps take, looked at now and then by one thread for all steps.

A step is its kernel and everything below it; a process whose parent has ended is followed on. What is not seen: memory
that a child holds for less than the time between two looks, and the CPU time of a child that ended between two looks
without being waited for. Memory is resident memory, so pages that processes share count for each of them. Of the
kernel itself Linux tells the true peak. Looking takes a twentieth of one core at most, however many processes there
are. Read ``executors.papermill.attempt`` next for when it looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import psutil

OFTEN = 0.2
"""Seconds between two looks where a look is cheap."""

SHARE = 20
"""After a look so many times its own time passes at least."""


class Taken(NamedTuple):
    memory: int
    """Bytes."""
    cpu: float
    """Seconds, over all cores."""


class Tree:
    """One process and all below it, from now on. ``end`` must be called."""

    def __init__(self, meter: Meter, pid: int) -> None:
        import psutil

        self._meter = meter
        self._lock = threading.Lock()
        self._members: set[psutil.Process] = set()
        self._memory = 0
        self._cpu = 0.0
        self._root: psutil.Process | None = None
        self._before = 0.0
        with suppress(psutil.Error):
            self._root = psutil.Process(pid)
            self._before = _cpu(self._root)
            self._members = {self._root}

    def look(self, below: dict[int, list[psutil.Process]]) -> None:
        """Take in what its processes hold now. ``below``: process id → its children."""
        with self._lock:
            queue = list(self._members)
            for process in queue:
                fresh = [child for child in below.get(process.pid, ()) if child not in self._members]
                self._members.update(fresh)
                queue += fresh
            found = [(process, taken) for process in self._members if (taken := _read(process)) is not None]
            self._members = {process for process, _ in found}
            self._memory = max(self._memory, sum(taken.memory for _, taken in found))
            self._cpu = max(self._cpu, sum(taken.cpu for _, taken in found) - self._before)

    def end(self) -> Taken:
        """Look at the process itself once more; what all of them took. Call it before the process is ended."""
        self._meter.forget(self)
        taken = _read(self._root) if self._root is not None else None
        with self._lock:
            if taken is not None and self._root is not None:
                self._memory = max(self._memory, taken.memory, _peak(self._root.pid))
                self._cpu = max(self._cpu, taken.cpu - self._before)
            return Taken(self._memory, round(max(0.0, self._cpu), 3))


class Meter:
    """Watches trees. Its thread lives as long as there is one; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: set[Tree] = set()
        self._thread: threading.Thread | None = None

    def watch(self, pid: int) -> Tree:
        """Look at a process and all below it from now on."""
        tree = Tree(self, pid)
        with self._lock:
            self._trees.add(tree)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_now_and_then, name="nbflow meter", daemon=True)
                self._thread.start()
        return tree

    def forget(self, tree: Tree) -> None:
        """Look at it no more."""
        with self._lock:
            self._trees.discard(tree)

    def _look_now_and_then(self) -> None:
        pause = OFTEN
        while True:
            time.sleep(pause)
            with self._lock:
                if not self._trees:
                    self._thread = None
                    return
                trees = list(self._trees)
            began = time.monotonic()
            below = _below_us()
            for tree in trees:
                tree.look(below)
            pause = max(OFTEN, SHARE * (time.monotonic() - began))


METER = Meter()
"""The one of this process."""


def _below_us() -> dict[int, list[psutil.Process]]:
    """Every process below this one, by its parent: one pass over the processes of the machine serves all trees."""
    import psutil

    found: dict[int, list[psutil.Process]] = {}
    with suppress(psutil.Error):
        _add(found, psutil.Process().children(recursive=True))
    return found


def _add(found: dict[int, list[psutil.Process]], processes: Iterable[psutil.Process]) -> None:
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            found.setdefault(process.ppid(), []).append(process)


def _read(process: psutil.Process) -> Taken | None:
    """What a process holds and has used, children that it waited for included; ``None`` once it is gone."""
    import psutil

    try:
        with process.oneshot():
            return Taken(process.memory_info().rss, _cpu(process)) if process.is_running() else None
    except psutil.Error:
        return None


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def _peak(pid: int) -> int:
    """The most that a process itself ever held, where the system tells."""
    with suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        return int(status.split("VmHWM:", 1)[1].split(None, 1)[0]) * 1024
    return 0
