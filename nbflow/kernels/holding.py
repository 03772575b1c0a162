"""What a process has open that somebody else may be waiting for: a file that is locked or not written out yet, a
device, a thread that serves something, a child. Known on Linux alone."""

from __future__ import annotations

import os
from pathlib import Path

from nbflow.kernels.farside.processes import children

_NOBODYS = ("pipe:", "anon_inode:", "socket:")
"""What a link to a descriptor begins with that leads to no file."""

_NOTHING = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}


def threads_of(pid: int) -> int:
    """How many threads a process has, those of native code too; 0 where that cannot be told."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - half the time of a path
    except OSError:
        return 0


def holds_nothing(pid: int, threads: int, own: Path) -> bool:
    """Whether it is certain that a process holds nothing of the kind. ``threads``: how many it had before it could;
    ``own``: a folder whose files are its alone."""
    descriptors = f"/proc/{pid}/fd"
    try:
        opened = {os.readlink(f"{descriptors}/{each}") for each in os.listdir(descriptors)}  # noqa: PTH115, PTH208
    except OSError:
        return False
    known = (*_NOBODYS, f"{own.resolve()}{os.sep}")
    files = {path for path in opened if not path.startswith(known)}
    return files <= _NOTHING and threads_of(pid) <= threads and children(pid) == []
