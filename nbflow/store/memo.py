"""Digests of files that have not changed since they were hashed, so that big data are not read at each plan.

A file is the same as long as device, inode, size, mtime and ctime are. A time stamp is only as fine as the file
system's clock, so a file that changed in the last two seconds is never remembered nor recognised. The memo may be
lost at any time: nothing but time depends on it. Read ``local`` next for who asks it.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from pathlib import Path

from nbflow.store import files

LIMIT = 100_000
"""Files remembered; beyond it, those not asked for go first."""

_SETTLED_NS = 2_000_000_000
_SCHEMA = 1


class Memo:
    """Identity of a file → digest, in one JSON file that is read at the first question."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] | None = None
        self._asked: dict[str, str] = {}
        self._grown = False
        self._lock = threading.Lock()

    def recall(self, found: os.stat_result, now_ns: int) -> str | None:
        """The digest of a file, if it is surely the one that was hashed. ``now_ns``: nanoseconds since the epoch."""
        if not _settled(found, now_ns):
            return None
        identity = _identity(found)
        with self._lock:
            if self._known is None:
                self._known = self._load()
            digest = self._known.get(identity)
            if digest is not None:
                self._asked[identity] = digest
        return digest

    def remember(self, before: os.stat_result, after: os.stat_result, digest: str, now_ns: int) -> None:
        """Keep the digest of a file that was the same before and after it was hashed; ``now_ns``: before."""
        identity = _identity(after)
        if identity != _identity(before) or not _settled(after, now_ns):
            return
        with self._lock:
            if self._known is None:
                self._known = self._load()
            self._known[identity] = self._asked[identity] = digest
            self._grown = True

    def save(self) -> None:
        """Write what is new, merged with what others have written since. Does nothing where that is not allowed."""
        with self._lock:
            if not self._grown:
                return
            self._grown = False
            entries = self._load()
            for identity, digest in self._asked.items():
                entries.pop(identity, None)
                entries[identity] = digest
            kept = dict(list(entries.items())[-LIMIT:])
        text = json.dumps({"schema": _SCHEMA, "digests": kept}, separators=(",", ":"))
        # No fsync: a memo lost with the power costs one more hash, and a torn one is not JSON.
        with suppress(OSError), files.scratch(self._path.parent) as temporary:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._path)

    def _load(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            data = json.loads(self._path.read_bytes())
            if isinstance(data, dict) and data.get("schema") == _SCHEMA and isinstance(data.get("digests"), dict):
                return {k: v for k, v in data["digests"].items() if isinstance(v, str)}
        return {}


def _identity(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def _settled(found: os.stat_result, now_ns: int) -> bool:
    return max(found.st_mtime_ns, found.st_ctime_ns) < now_ns - _SETTLED_NS
