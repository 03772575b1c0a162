"""Digests of files that have not changed since they were hashed, so that big data are not read at each plan.

A file is the same as long as device, inode, size, mtime and ctime are, and is neither remembered nor recognised so
soon after a change that its time stamps may not tell. Nothing but time depends on it. Read ``local`` next for who asks
it.
"""

from __future__ import annotations

import os
from pathlib import Path

from nbflow.disk.memo import Mark, Memo, settled

LIMIT = 100_000
"""Files remembered; beyond it, those not asked for go first."""

_VERSION = 1
_TABLE = "digests"


class Digests:
    """Identity of a file → digest. ``now``: nanoseconds since the epoch."""

    def __init__(self, path: Path) -> None:
        self._memo = Memo(path, _VERSION)

    def recall(self, found: os.stat_result, now: int) -> str | None:
        """The digest of a file, if it is surely the one that was hashed."""
        mark = Mark.of(found)
        known = self._memo.get(_TABLE, _identity(mark)) if settled(mark.modified, mark.changed, now=now) else None
        return known if isinstance(known, str) else None

    def remember(self, before: os.stat_result, after: os.stat_result, digest: str, now: int) -> None:
        """Keep the digest of a file that was the same before and after it was hashed; ``now``: before."""
        mark = Mark.of(after)
        if mark == Mark.of(before) and settled(mark.modified, mark.changed, now=now):
            self._memo.put(_TABLE, _identity(mark), digest)

    def save(self) -> None:
        """Write what is new. Does nothing where that is not allowed."""
        self._memo.save(LIMIT)


def _identity(mark: Mark) -> str:
    return ":".join(map(str, mark))
