"""Locks of the operating system on whole files: they die with their owner, however it dies.

There is no marker to clean up and no unlock command. What is locked, and what that means, is for the callers:
``journal.locks`` (a run is alive) and ``store.locks`` (a store is in use).
"""

from __future__ import annotations

import errno
import fcntl
import os
import weakref
from typing import Protocol

SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class Closable(Protocol):
    def close(self) -> None:
        """Close the file that is locked, without a word, as the end of the process would."""
        ...


def try_lock(descriptor: int, kind: int) -> bool | None:
    """Whether we have the lock now; ``None`` where the file system has no locks. ``kind``: SHARED or EXCLUSIVE."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def keep_from_children(holder: Closable) -> None:
    """Have a child made by fork alone, which never runs exec, let go of the lock: it would keep it beyond its owner."""
    _held.add(holder)


def released(holder: Closable) -> None:
    """It holds no lock any more."""
    _held.discard(holder)


_held: weakref.WeakSet[Closable] = weakref.WeakSet()


def _let_go_in_child() -> None:
    for holder in list(_held):
        holder.close()
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
