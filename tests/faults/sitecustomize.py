"""Makes the N-th durable action of a command go wrong, in whichever of its processes it comes: put this folder on
PYTHONPATH and say what in the environment.

``NBFLOW_TEST_FAULT``: ``kill`` (the process that does it, by SIGKILL) or the name of an error (``ENOSPC``).
``NBFLOW_TEST_FAULT_AT``: N, counted from 1 over all processes; 0 only counts. ``NBFLOW_TEST_FAULT_ROOT``: the folder
whose files are meant. ``NBFLOW_TEST_FAULT_COUNT``: a file with a letter for each action so far, which tells its kind.

Durable actions: making, opening for writing, renaming and removing files and folders, and the beginning and the end of
each transaction of the journal.
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import sys
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
KINDS = {
    "open": b"w", "os.rename": b"n", "os.mkdir": b"m", "os.remove": b"r", "os.rmdir": b"d", "os.link": b"l",
    "BEGIN": b"B", "COMMIT": b"C",
}  # fmt: skip
"""Event or statement → its letter."""
ACTIONS = {"os.rename": 2, "os.mkdir": 1, "os.remove": 1, "os.rmdir": 1, "os.link": 2}
"""Event → how many of its arguments are paths."""
MEANT = {
    "ENOSPC": (sqlite3.SQLITE_FULL, "database or disk is full"),
    "EIO": (sqlite3.SQLITE_IOERR, "disk I/O error"),
    "EROFS": (sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
}
"""What SQLite makes of an error of the disk."""


class Fault:
    """The fault that the environment asks for."""

    def __init__(self) -> None:
        self.kind = os.environ.get("NBFLOW_TEST_FAULT", "")
        self.at = int(os.environ.get("NBFLOW_TEST_FAULT_AT", "0"))
        self.root = os.environ["NBFLOW_TEST_FAULT_ROOT"]
        self.count = os.environ["NBFLOW_TEST_FAULT_COUNT"]
        self.busy = False

    def is_due(self, kind: str) -> bool:
        """Count one more action of this kind; whether it is the one. Does not return where that means to be killed."""
        self.busy = True
        try:
            descriptor = os.open(self.count, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(descriptor, KINDS[kind])
                due = os.fstat(descriptor).st_size == self.at
            finally:
                os.close(descriptor)
            if due and self.kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            return due and bool(self.kind)
        finally:
            self.busy = False

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event == "open":
            path, _, flags = arguments
            paths = (path,) if isinstance(flags, int) and flags & WRITES else ()
        else:
            paths = arguments[: ACTIONS.get(event, 0)]
        meant = [p for p in paths if isinstance(p, (str, bytes)) and os.fsdecode(p).startswith(self.root)]
        if meant and not self.busy and self.is_due(event):
            number = getattr(errno, self.kind)
            raise OSError(number, os.strerror(number), os.fsdecode(meant[0]))


def install() -> None:
    fault = Fault()

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            word = sql.partition(" ")[0]
            if word in ("BEGIN", "COMMIT") and fault.is_due(word):
                code, words = MEANT[fault.kind]
                error = sqlite3.OperationalError(words)
                error.sqlite_errorcode = code
                raise error
            return super().execute(sql, *values)

    connect: Any = sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*arguments, factory=Connection, **options)
        return made

    sqlite3.connect = connected  # type: ignore[assignment]
    sys.addaudithook(fault.heard)


if "NBFLOW_TEST_FAULT_ROOT" in os.environ:
    install()
