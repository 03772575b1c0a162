"""Opening the journal's file: its tables, how SQLite works on it where it lies, and its errors in plain words.

Whoever writes makes the tables and adds what an older nbflow has not made; whoever looks changes nothing and may look
in a folder that cannot be written.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from nbflow.errors import JournalError
from nbflow.store.home import make_private

_SCHEMAS = ("""
CREATE TABLE runs (id TEXT PRIMARY KEY, started TEXT NOT NULL, finished TEXT, status TEXT NOT NULL,
    sources TEXT NOT NULL, parameters TEXT NOT NULL, folder TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (run TEXT NOT NULL, seq INTEGER NOT NULL, time TEXT NOT NULL, event TEXT NOT NULL,
    step TEXT, attempt INTEGER, data TEXT NOT NULL, PRIMARY KEY (run, seq)) WITHOUT ROWID;
CREATE TABLE results (step TEXT PRIMARY KEY, key TEXT NOT NULL, record TEXT NOT NULL, run TEXT NOT NULL,
    time TEXT NOT NULL) WITHOUT ROWID;
""", """
CREATE TABLE durations (step TEXT NOT NULL, run TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (step, run))
    WITHOUT ROWID;
""", """
CREATE TABLE outbox (id TEXT PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL,
    body TEXT NOT NULL, made TEXT NOT NULL, sent TEXT, tries INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
""")  # fmt: skip
"""What each schema adds to the one before it."""

SCHEMA = len(_SCHEMAS)
"""``PRAGMA user_version`` of a journal with all of them."""

_INDEX = """
CREATE INDEX IF NOT EXISTS unsuccessful ON events (event) WHERE event IN ('StepFailed', 'StepCrashed', 'StepCancelled')
"""
"""Attempts without success are few among the events, and asked for at each look at the project."""
_BUSY_SECONDS = 10.0


class Opened(NamedTuple):
    connection: sqlite3.Connection
    notice: str
    """What a person should know about it; ``""``: nothing."""


def to_write(path: Path, network: Callable[[Path], str]) -> Opened:
    """Open it, made where there is none. ``network`` tells the kind of a network file system. Raises what ``explained``
    explains, and ``JournalError`` for a journal of a newer nbflow."""
    make_private(path.parent)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        return Opened(connection, _prepare(connection, path, network(path.parent)))
    except BaseException:
        connection.close()
        raise


def to_read(path: Path) -> Opened | None:
    """Open it to look; ``None`` where there is none yet. Raises what ``explained`` explains."""
    if not path.exists():
        return None
    opened = _reading(path)
    version = _version(opened.connection)
    if version == 0:  # its first writer has not made the tables yet
        opened.connection.close()
        return None
    if version > SCHEMA:
        shown = "it is shown as far as this nbflow understands it, and not written"
        return opened._replace(notice=f"{_newer(path, version)}: {shown}")
    return opened


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _prepare(connection: sqlite3.Connection, path: Path, network: str) -> str:
    """Make the tables where there are none; what a person should know."""
    version = _version(connection)
    if version > SCHEMA:
        raise JournalError(_newer(path, version), "Update nbflow to run here. Looking at what is there still works.")
    notice = _set_mode(connection, network)
    connection.execute("BEGIN IMMEDIATE")
    if (there := _version(connection)) < SCHEMA:
        for statement in ";".join(_SCHEMAS[there:]).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute(_INDEX)
    connection.execute("COMMIT")
    return notice


def _set_mode(connection: sqlite3.Connection, network: str) -> str:
    mode = "delete" if network else "wal"
    got = _ask_for_mode(connection, mode)
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if got == 'wal' else 'FULL'}")
    if got == "wal":
        return ""
    kind = f"a network file system ({network})" if network else "a file system without shared memory"
    return f"the project lies on {kind}: the journal keeps a slower rollback journal there"


def _ask_for_mode(connection: sqlite3.Connection, mode: str) -> str:
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return str(connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0])
        except sqlite3.OperationalError as error:
            # SQLite does not wait for its lock here, and several runs may open a new journal at once.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _reading(path: Path) -> Opened:
    address = f"file:{quote(os.fspath(path.absolute()))}?mode=ro"
    try:
        return Opened(_connect_by(address), "")
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK):
            raise
    # Without a place for its shared memory SQLite reads the main file alone.
    unread = path.with_name(f"{path.name}-wal")
    stale = unread.exists() and unread.stat().st_size > 0
    notice = "the journal lies in a folder that cannot be written: its newest events may not be shown" if stale else ""
    return Opened(_connect_by(f"{address}&immutable=1"), notice)


def _connect_by(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opening alone reads nothing
    except BaseException:
        connection.close()
        raise
    return connection


def _newer(path: Path, version: int) -> str:
    return f"the journal {path} was written by a newer nbflow (schema {version}, this one knows {SCHEMA})"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the disk into ``JournalError`` with what, where and the fix."""
    try:
        yield
    except sqlite3.Error as error:
        # Errors of the module itself (a closed connection) have no code.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, fix = _MEANINGS.get(code, ("cannot be used", f"If this stays so: {_MOVE_AWAY}"))
        raise JournalError(f"the journal {path} {what} ({error})", fix.format(path=path)) from error
    except OSError as error:
        message = f"the journal {path} cannot be used: {error.filename or path} ({error.strerror})"
        raise JournalError(message, _WRITABLE) from error


_MOVE_AWAY = "move it away (mv '{path}' '{path}.damaged'). The history of runs is lost, no result is."
_WRITABLE = "Make sure that its folder can be written, then run again."
_MEANINGS = {
    sqlite3.SQLITE_NOTADB: ("is damaged", f"To go on, {_MOVE_AWAY}"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", f"To go on, {_MOVE_AWAY}"),
    sqlite3.SQLITE_FULL: ("cannot be written", "The disk is full. Free some space and run again."),
    sqlite3.SQLITE_READONLY: ("cannot be written", _WRITABLE),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", _WRITABLE),
    sqlite3.SQLITE_PERM: ("cannot be opened", _WRITABLE),
    sqlite3.SQLITE_BUSY: ("is busy", "Another process writes to it for long. Run again when it has ended."),
    sqlite3.SQLITE_LOCKED: ("is busy", "Another process writes to it for long. Run again when it has ended."),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "The disk reports a fault. Check it, then run again."),
}
