"""The processes below this one: who there is, how a kernel ended, and killing all that a kernel has started.

A kernel leads a session of its own, but its children may begin sessions too. As this process adopts the orphans among
its descendants, whatever a kernel started can be found as long as this process lives.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

PATIENCE = 2.0
"""Seconds that killed processes may take to be gone: those that are stuck in the system's own code go later."""


class Process(NamedTuple):
    pid: int
    state: str
    parent: int
    session: int


def adopt_orphans() -> None:
    """From now on an orphan below this process becomes its child."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """From now on this process dies with ``parent``; at once where that has happened already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def children(pid: int | None = None) -> list[int] | None:
    """The children of a process, or of this one; None where the system does not tell."""
    tasks = f"/proc/{pid or 'self'}/task"
    found: list[int] = []
    try:
        for thread in os.listdir(tasks):
            with open(f"{tasks}/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    except OSError:
        return None
    return found


def reap_orphans(known: Collection[int]) -> bool:
    """Put adopted children to rest that have ended; whether there may be others that live. ``known``: the children
    that somebody asks about."""
    found = children()
    if found is None:
        return True
    left = [pid for pid in found if pid not in known]
    for pid in list(left):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0]:
                left.remove(pid)
    return bool(left)


def ending(pid: int) -> int | None:
    """How a child ended, as ``subprocess`` says it; None while it runs. Its number stays taken until ``reap``."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def end(pid: int) -> None:
    """Kill a child, if it still runs, and put it to rest: its number is free from now on."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def kill_session(leader: int) -> None:
    """Kill the group that a child leads, where the system does not tell who lives below it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_below(root: int) -> None:
    """Kill the descendants of ``root`` and what is left of its session, but not ``root`` itself."""
    deadline = time.monotonic() + PATIENCE
    while True:
        victims = [process for process in below(root, _everyone()) if process.state not in "ZX"]
        if not victims or time.monotonic() > deadline:
            return
        for process in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.002)  # they may be in the midst of a fork: look again


def below(root: int, everyone: Iterable[Process]) -> list[Process]:
    """The descendants of ``root``, and those of its session."""
    children: dict[int, list[Process]] = {}
    for process in everyone:
        for above in {process.parent, root if process.session == root else process.parent}:
            children.setdefault(above, []).append(process)
    found: dict[int, Process | None] = {root: None}
    waiting = [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.pid not in found:
                found[child.pid] = child
                waiting.append(child.pid)
    return [process for process in found.values() if process is not None]


def _everyone() -> Iterator[Process]:
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdecimal():
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    words = file.read().rpartition(b")")[2].split()
                yield Process(int(name), words[0].decode(), int(words[1]), int(words[3]))
