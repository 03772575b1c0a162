"""A small JSON file of remembered answers, and the marks by which a remembered answer is known to hold.

What is remembered can always be found out again, so a broken, foreign or read-only file is no error: it is ignored.
A time stamp is only as fine as the file system's clock, so nothing is remembered of what changed just now.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from nbflow.disk.whole import scratch, write_new

UNSETTLED = 2_000_000_000
"""Nanoseconds: a file changed this short a time before it was read may change again and keep its time stamp, so what
was read of it is not remembered."""

Tables = dict[str, dict[str, Any]]


class Memo:
    """Tables of JSON values in one file, which is read at the first question. Serves several threads, and any number of
    processes at a time.

    ``path`` ``None`` or not readable: it starts empty. The folder must be there (its maker chooses its mode); where it
    is not, nothing is kept.
    """

    def __init__(self, path: Path | None, version: int) -> None:
        self.path = path
        self._version = version
        self._known: Tables | None = None
        self._used: Tables = {}
        self._grown = False
        self._lock = threading.Lock()

    def get(self, table: str, key: str) -> Any:
        """The remembered value, ``None`` where there is none."""
        with self._lock:
            value = self._tables().get(table, {}).get(key)
            if value is not None:
                self._used.setdefault(table, {})[key] = value
        return value

    def put(self, table: str, key: str, value: Any) -> None:
        with self._lock:
            self._tables().setdefault(table, {})[key] = value
            self._used.setdefault(table, {})[key] = value
            self._grown = True

    def save(self, limit: int = 5000) -> None:
        """Write the file if anything is new, merged with what others have written since. Of a table over ``limit``
        entries those not used this time go first, the oldest of them before the others."""
        with self._lock:
            if self.path is None or not self._grown:
                return
            tables = self._read()
            for name, used in self._used.items():
                others = {key: value for key, value in tables.get(name, {}).items() if key not in used}
                room = max(0, limit - len(used))
                tables[name] = {**dict(list(others.items())[max(0, len(others) - room) :]), **used}
            text = json.dumps({"version": self._version, "tables": tables}, separators=(",", ":"))
            # It need not outlast a power cut: what is lost is found out again, and a torn file is not JSON.
            with suppress(OSError), scratch(self.path.parent) as temporary:
                write_new(temporary, text.encode(), lasting=False)
                temporary.replace(self.path)
                self._grown = False

    def _tables(self) -> Tables:
        if self._known is None:
            self._known = self._read()
        return self._known

    def _read(self) -> Tables:
        """A copy of the tables, not of the values in them."""
        if self.path is not None and (seen := mark(str(self.path))):
            with suppress(OSError, ValueError, RecursionError):
                tables = _decoded(self.path, seen, self._version)
                return {name: dict(table) for name, table in tables.items()}
        return {}


class Mark(NamedTuple):
    """What tells one state of a file from another. Times in nanoseconds since the epoch."""

    modified: int
    changed: int
    size: int
    inode: int
    device: int

    @classmethod
    def of(cls, found: os.stat_result) -> Mark:
        return cls(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)


def mark(path: str) -> Mark | None:
    """The mark of what lies at ``path``, links followed; ``None`` where nothing can be seen."""
    try:
        return Mark.of(os.stat(path))  # noqa: PTH116 (paths are text here: a plan asks for thousands of them)
    except (OSError, ValueError):
        return None


_DECODED: dict[tuple[Path, int], tuple[Mark, Tables]] = {}
_MOST = 16


def _decoded(path: Path, seen: Mark, version: int) -> Tables:
    """Once for each state of the file, in a process that asks again and again. Raises ``OSError`` and ``ValueError``.

    A state that goes by the mark of an older one does no harm: what is missing in that one is found out again."""
    known = _DECODED.get((path, version))
    if known is not None and known[0] == seen:
        return known[1]
    stored = json.loads(path.read_bytes())
    tables = stored.get("tables") if isinstance(stored, dict) and stored.get("version") == version else None
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        tables = {}
    if len(_DECODED) >= _MOST:
        _DECODED.clear()
    _DECODED[path, version] = seen, tables
    return tables


def settled(*moments: int, now: int | None = None) -> bool:
    """Whether all these times of change are old enough for what was read to be remembered. In nanoseconds since the
    epoch; ``now`` is the clock's where none is given."""
    now = time.time_ns() if now is None else now
    return all(now - moment > UNSETTLED for moment in moments)
