"""Whether a store is in use: every run shares its lock, and who removes results needs it alone.

A store may serve several projects, so the locks of runs, which lie in their projects, cannot tell. Where no file can
be made, or the file system has no locks, runs go on all the same, and nothing is removed. Read ``cleaning`` next.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbflow.disk import flock
from nbflow.errors import StoreError, StoreInUse
from nbflow.store.home import make_store

log = logging.getLogger(__name__)

NAME = "in-use.lock"
SAY_AFTER = 2.0
"""Seconds that a run waits for a clean-up without a word."""


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """For the whole of a run: nothing is removed from the store meanwhile. Waits while somebody cleans it up."""
    lock = _Lock.open(root, make=True)
    if lock is None:
        yield
        return
    began, said = time.monotonic(), False
    try:
        while lock.take(flock.SHARED) is False:
            if not said and time.monotonic() - began > SAY_AFTER:
                said = True
                log.warning("The store is being cleaned up; the run begins when that is done.")
            time.sleep(0.02)
        yield
    finally:
        lock.close()


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Nobody else uses the store meanwhile. Raises ``StoreInUse`` where a run does, ``StoreError`` where it cannot be
    told or written."""
    lock = _Lock.open(root, make=False)
    if lock is None:
        if not root.is_dir():
            yield
            return
        raise StoreError(f"the store cannot be written: {root}", "Nothing was removed. Give yourself write permission.")
    try:
        taken = lock.take(flock.EXCLUSIVE)
        if taken is None:
            raise StoreInUse(
                f"the file system of {root} has no locks, so nobody can tell whether a run uses the store",
                f"Nothing was removed. When no run goes on, you may delete the whole store: rm -r '{root}'",
            )
        if not taken:
            raise StoreInUse("a run goes on that uses the store", "Nothing was removed. Do it when the run has ended.")
        yield
    finally:
        lock.close()


class _Lock:
    """The file of the lock, open. It stays when all is over: that it is there means nothing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        flock.keep_from_children(self)

    @classmethod
    def open(cls, root: Path, make: bool) -> _Lock | None:
        """``None`` where there is no such file and none can be made."""
        path = root / NAME
        try:
            if make:
                make_store(root)
            return cls(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError:
            pass
        try:
            return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC)) if make else None
        except OSError:
            return None

    def take(self, kind: int) -> bool | None:
        """As ``flock.try_lock``."""
        assert self._descriptor is not None
        return flock.try_lock(self._descriptor, kind)

    def close(self) -> None:
        """Let go."""
        flock.released(self)
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
