"""The journal: runs, their events and the newest result of each step, in one SQLite file.

Front ends are views of it: they open it read-only, from any process, while a run writes. It stores facts and decides
nothing; what it derives is whether a run that never ended is still alive. A lost journal costs history, never
results. What user code said passes the masker on its way in. Read ``locks`` for what "alive" means.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from nbflow.errors import JournalError
from nbflow.journal.locks import liveness
from nbflow.journal.mounts import network_file_system
from nbflow.masking import Masker
from nbflow.store.home import home_of, make_private

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

_REMEMBERED = 20
"""Durations kept of a step."""
_INDEX = """
CREATE INDEX IF NOT EXISTS unsuccessful ON events (event) WHERE event IN ('StepFailed', 'StepCrashed', 'StepCancelled')
"""
"""Attempts without success are few among the events, and asked for at each look at the project."""
LAST_UNSUCCESSFUL = """
SELECT events.run, seq, event, events.time, step, attempt, data FROM events LEFT JOIN results USING (step)
WHERE event IN ('StepFailed', 'StepCrashed', 'StepCancelled') AND attempt > 0
AND (results.time IS NULL OR events.time > results.time) ORDER BY events.run, seq
"""
"""In the words of the index, or it is not used."""
_BUSY_SECONDS = 10.0
_COLUMNS = ("event", "time", "step", "attempt")
_NOT_DATA = frozenset({*_COLUMNS, "run", "seq"})


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. Times are ISO 8601 in UTC."""

    id: str
    started: str
    finished: str | None
    status: str
    """``running``, what ``finish_run`` was told, or derived: ``crashed`` (its lock is gone) or ``unknown`` (nobody
    here can tell)."""
    sources: tuple[str, ...]
    parameters: Mapping[str, Any]
    folder: str


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The newest result of a step: the record it committed or reused."""

    step: str
    key: str
    record: str
    run: str
    time: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An alert that was sent, or is to be."""

    id: str
    run: str
    kind: str
    title: str
    body: str
    made: str = ""
    sent: str | None = None
    tries: int = 0
    error: str = ""
    """Why the last try failed."""


class Journal:
    """The journal of a project: ``Journal.open`` to write, ``Journal.read`` to look. Serves several threads.

    ``notice`` is what a person should know about it (``""``: nothing)."""

    def __init__(self, root: Path, connection: sqlite3.Connection, masker: Masker, notice: str) -> None:
        self.notice = notice
        self._root = root
        self._path = journal_path(root)
        self._connection = connection
        self._masker = masker
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls, root: Path, masker: Masker | None = None, network: Callable[[Path], str] = network_file_system
    ) -> Journal:
        """The journal of a project, to be written; made where there is none. ``network`` tells the kind of a network
        file system. Raises ``JournalError``, also for a journal of a newer nbflow."""
        path = journal_path(root)
        with _explained(path):
            make_private(path.parent)
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                notice = _prepare(connection, path, network(path.parent))
            except BaseException:
                connection.close()
                raise
        return cls(root, connection, masker or Masker({}), notice)

    @classmethod
    def read(cls, root: Path) -> Journal | None:
        """The journal of a project, to be looked at; ``None`` where there is none yet. Works in a folder that cannot
        be written: there it shows the moment of opening. Raises ``JournalError``."""
        path = journal_path(root)
        with _explained(path):
            if not path.exists():
                return None
            connection, notice = _connect_to_read(path)
            version = _version(connection)
        if version == 0:  # its first writer has not made the tables yet
            connection.close()
            return None
        if version > SCHEMA:
            notice = f"{_newer(path, version)}: it is shown as far as this nbflow understands it, and not written"
        return cls(root, connection, Masker({}), notice)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; closing again does no harm."""
        with self._lock, _explained(self._path):
            self._connection.close()

    # --- written by the run --------------------------------------------------------------------------------

    def begin_run(
        self, run: str, started: str, sources: Iterable[str], parameters: Mapping[str, Any], folder: str
    ) -> None:
        """A run has begun; its lock is held already. Raises ``JournalError``, also for an id that is taken."""
        row = (run, started, "running", _dump(list(sources)), _dump(self._masker.data(dict(parameters))), folder)
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone():
                raise JournalError(f"there is a run {run} in the journal already", "Start it again: it gets a new id.")
            connection.execute(
                "INSERT INTO runs (id, started, status, sources, parameters, folder) VALUES (?, ?, ?, ?, ?, ?)", row
            )

    def append(self, run: str, events: Iterable[Mapping[str, Any]]) -> int:
        """Add events in one transaction: mappings with ``event``, ``time``, perhaps ``step`` and ``attempt``, and any
        JSON values besides. The number of the last one (the first of a run has 1). Raises ``JournalError``."""
        masked = [self._masker.data(event) for event in events]
        rows = [
            (*(e.get(name) for name in _COLUMNS), _dump({k: v for k, v in e.items() if k not in _NOT_DATA}))
            for e in masked
        ]
        with self._transaction() as connection:
            (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events WHERE run = ?", (run,)).fetchone()
            connection.executemany(
                "INSERT INTO events (run, seq, event, time, step, attempt, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((run, number, *row) for number, row in enumerate(rows, last + 1)),
            )
        return int(last) + len(rows)

    def finish_run(self, run: str, finished: str, status: str, alerts: Iterable[OutboxRow] = ()) -> None:
        """A run has ended, or a writer found that it crashed; what is to be said of it goes out with that or not at
        all. Raises ``JournalError``."""
        mask = self._masker.text
        rows = [(a.id, a.run, a.kind, mask(a.title), mask(a.body), finished) for a in alerts]
        with self._transaction() as connection:
            connection.execute("UPDATE runs SET finished = ?, status = ? WHERE id = ?", (finished, status, run))
            connection.executemany(
                "INSERT OR IGNORE INTO outbox (id, run, kind, title, body, made) VALUES (?, ?, ?, ?, ?, ?)", rows
            )

    def note_sent(self, alert: str, sent: str | None, error: str = "") -> None:
        """An alert was sent, or (``sent`` is ``None``) could not be. Raises ``JournalError``."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE outbox SET sent = ?, tries = tries + 1, error = ? WHERE id = ?",
                (sent, self._masker.text(error), alert),
            )

    def set_results(self, rows: Iterable[ResultRow]) -> None:
        """Results that hold from now on; of two for one step the later one. Raises ``JournalError``."""
        values = [(r.step, r.key, r.record, r.run, r.time) for r in rows]
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO results (step, key, record, run, time) VALUES (?, ?, ?, ?, ?) ON CONFLICT (step) DO "
                "UPDATE SET key = excluded.key, record = excluded.record, run = excluded.run, time = excluded.time "
                "WHERE excluded.time >= results.time",
                values,
            )

    def add_durations(self, run: str, seconds: Mapping[str, float]) -> None:
        """Keep how long steps (by full name) took in a run in which they succeeded. They outlive their run, for they
        tell how long the next one will take. Raises ``JournalError``."""
        with self._transaction() as connection:
            for step, took in seconds.items():
                connection.execute("INSERT OR REPLACE INTO durations (step, run, seconds) VALUES (?, ?, ?)",
                                   (step, run, took))  # fmt: skip
                connection.execute(
                    "DELETE FROM durations WHERE step = ?1 AND run NOT IN "
                    "(SELECT run FROM durations WHERE step = ?1 ORDER BY run DESC LIMIT ?2)",
                    (step, _REMEMBERED),
                )

    def forget(self, runs: Iterable[str]) -> None:
        """Remove runs and their events; results and durations stay. Raises ``JournalError``."""
        ids = [(run,) for run in runs]
        with self._transaction() as connection:
            connection.executemany("DELETE FROM events WHERE run = ?", ids)
            connection.executemany("DELETE FROM runs WHERE id = ?", ids)

    def crashed_runs(self) -> list[RunRow]:
        """Runs that the journal believes to go on, and that are over: their process died."""
        return [row for row in map(self._derived, self._runs("WHERE status = ?", "running")) if row.status == "crashed"]

    # --- read by everybody ---------------------------------------------------------------------------------

    def last_results(self) -> dict[str, tuple[str, str]]:
        """Full name of each step → key and record id of its newest result."""
        return {step: (key, record) for step, key, record in self._select("SELECT step, key, record FROM results")}

    def result_times(self) -> dict[str, str]:
        """Full name of each step → when its newest result was made or found to hold."""
        return dict(self._select("SELECT step, time FROM results"))

    def runs(self, limit: int = -1) -> list[RunRow]:
        """Runs, newest first; ``limit``: at most so many."""
        return [self._derived(row) for row in self._runs("ORDER BY id DESC LIMIT ?", limit)]

    def run(self, run: str) -> RunRow | None:
        """One run by its id, ``None`` where there is none."""
        return next((self._derived(row) for row in self._runs("WHERE id = ?", run)), None)

    def events(self, run: str, after: int = 0) -> list[dict[str, Any]]:
        """The events of a run whose number (``seq``) is above ``after``, in order, as they were appended."""
        sql = "SELECT seq, event, time, step, attempt, data FROM events WHERE run = ? AND seq > ? ORDER BY seq"
        return [_event(run, *row) for row in self._select(sql, run, after)]

    def unsuccessful(self) -> list[dict[str, Any]]:
        """The facts that ended attempts without success, later than the newest result of their step; run by run."""
        return [_event(*row) for row in self._select(LAST_UNSUCCESSFUL)]

    def ends(self, run: str) -> list[dict[str, Any]]:
        """The first and the last event of a run; one where they are the same, none where there is none."""
        sql = (
            "SELECT seq, event, time, step, attempt, data FROM events WHERE run = ?1 AND "
            "seq IN (1, (SELECT max(seq) FROM events WHERE run = ?1)) ORDER BY seq"
        )
        return [_event(run, *row) for row in self._select(sql, run)]

    def outbox(self) -> list[OutboxRow]:
        """Alerts, oldest first."""
        if not self._has("outbox"):
            return []
        rows = self._select("SELECT id, run, kind, title, body, made, sent, tries, error FROM outbox ORDER BY made, id")
        return [OutboxRow(*row) for row in rows]

    def _has(self, table: str) -> bool:
        """Not in the journal of an older nbflow."""
        return bool(self._select("SELECT 1 FROM sqlite_master WHERE name = ?", table))

    def durations(self, before: str = "") -> dict[str, list[float]]:
        """Full name of each step → how long it took, newest first; ``before``: in runs before that one."""
        if not self._has("durations"):
            return {}
        found: dict[str, list[float]] = {}
        clause = "WHERE run < ?" if before else "WHERE ? = ''"
        sql = f"SELECT step, seconds FROM durations {clause} ORDER BY step, run DESC"  # noqa: S608 (ours)
        for step, seconds in self._select(sql, before):
            found.setdefault(step, []).append(seconds)
        return found

    def _runs(self, clause: str, value: str | int) -> list[RunRow]:
        sql = f"SELECT id, started, finished, status, sources, parameters, folder FROM runs {clause}"  # noqa: S608 (ours)
        return [
            RunRow(id_, started, finished, status, tuple(json.loads(sources)), json.loads(parameters), folder)
            for id_, started, finished, status, sources, parameters, folder in self._select(sql, value)
        ]

    def _derived(self, row: RunRow) -> RunRow:
        if row.status != "running":
            return row
        alive = liveness(self._root, row.id)
        if alive == "alive":
            return row
        # It may have ended, and let its lock go, since the row was read.
        again = next(iter(self._runs("WHERE id = ?", row.id)), row)
        if again.status != "running":
            return again
        return replace(row, status="crashed" if alive == "gone" else "unknown")

    # --- underneath ----------------------------------------------------------------------------------------

    def _select(self, sql: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._lock, _explained(self._path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    self._connection.execute("ROLLBACK")
                raise


def journal_path(root: Path) -> Path:
    """Where the journal of a project lies."""
    return home_of(root) / "nbflow.db"


def _event(
    run: str, seq: int, event: str, when: str, step: str | None, attempt: int | None, data: str
) -> dict[str, Any]:
    found: dict[str, Any] = {"seq": seq, "event": event, "run": run, "time": when}
    if step is not None:
        found["step"] = step
    if attempt is not None:
        found["attempt"] = attempt
    return {**found, **json.loads(data)}


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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


def _connect_to_read(path: Path) -> tuple[sqlite3.Connection, str]:
    address = f"file:{quote(os.fspath(path.absolute()))}?mode=ro"
    try:
        return _connect_by(address), ""
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK):
            raise
    # Without a place for its shared memory SQLite reads the main file alone.
    unread = path.with_name(f"{path.name}-wal")
    stale = unread.exists() and unread.stat().st_size > 0
    notice = "the journal lies in a folder that cannot be written: its newest events may not be shown" if stale else ""
    return _connect_by(f"{address}&immutable=1"), notice


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
def _explained(path: Path) -> Iterator[None]:
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
