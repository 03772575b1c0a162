"""A small JSON file of remembered answers, and the marks by which a remembered answer is known to hold.

What is remembered can always be found out again, so a broken, foreign or read-only file is no error: it is ignored.
Nothing here knows what the answers mean. Read ``interpreter.py`` and ``syntax.py`` for what is remembered.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

UNSETTLED = 2_000_000_000
"""Nanoseconds: a file changed this short a time before it was read may change again and keep its time stamp, so what
was read of it is not remembered."""

Mark = tuple[int, int, int, int]
"""Modification and change time in nanoseconds, size, inode."""


class Memo:
    """Tables of JSON values in one file. ``path`` ``None`` or not readable: it starts empty.

    The folder must be there (its maker chooses its mode); where it is not, nothing is kept.
    """

    def __init__(self, path: Path | None, version: int) -> None:
        self.path = path
        self._version = version
        self._tables: dict[str, dict[str, Any]] = {}
        self._used: dict[str, set[str]] = {}
        self._changed = False
        if path is not None:
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            stored = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return
        if isinstance(stored, dict) and stored.get("version") == self._version:
            tables = stored.get("tables")
            if isinstance(tables, dict) and all(isinstance(table, dict) for table in tables.values()):
                self._tables = tables

    def get(self, table: str, key: str) -> Any:
        """The remembered value, ``None`` where there is none."""
        value = self._tables.get(table, {}).get(key)
        if value is not None:
            self._used.setdefault(table, set()).add(key)
        return value

    def put(self, table: str, key: str, value: Any) -> None:
        self._tables.setdefault(table, {})[key] = value
        self._used.setdefault(table, set()).add(key)
        self._changed = True

    def save(self, limit: int = 5000) -> None:
        """Write the file if anything is new; a table over ``limit`` entries keeps those used this time."""
        if self.path is None or not self._changed:
            return
        kept = {name: self._kept(name, table, limit) for name, table in self._tables.items()}
        text = json.dumps({"version": self._version, "tables": kept}, separators=(",", ":"))
        with contextlib.suppress(OSError):
            _replace(self.path, text)
            self._changed = False

    def _kept(self, name: str, table: dict[str, Any], limit: int) -> dict[str, Any]:
        if len(table) <= limit:
            return table
        used = self._used.get(name, set())
        return {key: value for key, value in table.items() if key in used}


def _replace(path: Path, text: str) -> None:
    import tempfile

    descriptor, temporary = tempfile.mkstemp(prefix=path.name, suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def mark(path: str) -> Mark | None:
    """The mark of what lies at ``path``, links followed; ``None`` where nothing can be seen."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def settled(*modified: int) -> bool:
    """Whether all these modification times (nanoseconds) are old enough for what was read to be remembered."""
    now = time.time_ns()
    return all(now - moment >= UNSETTLED for moment in modified)
