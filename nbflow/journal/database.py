"""The journal: runs, their events and the newest result of each step, in one SQLite file.

Front ends are views of it: they open it read-only, from any process, while a run writes. It stores facts and decides
nothing; what it derives is whether a run that never ended is still alive. A lost journal costs history, never
results. What user code said passes the masker on its way in. Read ``locks`` for what "alive" means.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from nbflow.errors import JournalError
from nbflow.journal import opening
from nbflow.journal.locks import liveness
from nbflow.journal.mounts import network_file_system
from nbflow.journal.opening import explained
from nbflow.masking import Masker
from nbflow.store.home import home_of

_REMEMBERED = 20
"""Durations kept of a step."""
LAST_UNSUCCESSFUL = """
SELECT events.run, seq, event, events.time, step, attempt, data FROM events LEFT JOIN results USING (step)
WHERE event IN ('StepFailed', 'StepCrashed', 'StepCancelled') AND attempt > 0
AND (results.time IS NULL OR events.time > results.time) ORDER BY events.run, seq
"""
"""In the words of the index, or it is not used."""
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
        with explained(path):
            connection, notice = opening.to_write(path, network)
        return cls(root, connection, masker or Masker({}), notice)

    @classmethod
    def read(cls, root: Path) -> Journal | None:
        """The journal of a project, to be looked at; ``None`` where there is none yet. Works in a folder that cannot
        be written: there it shows the moment of opening. Raises ``JournalError``."""
        path = journal_path(root)
        with explained(path):
            opened = opening.to_read(path)
        return None if opened is None else cls(root, opened.connection, Masker({}), opened.notice)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; closing again does no harm."""
        with self._lock, explained(self._path):
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
        with self._lock, explained(self._path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self._path):
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
