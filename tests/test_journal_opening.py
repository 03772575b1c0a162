"""Opening the journal: what is made, what is refused, and what is said where it is damaged, newer or read-only."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.errors import JournalError
from nbflow.journal import Journal, RunRow, journal_path
from nbflow.journal.opening import SCHEMA
from tests.journals import EVENTS, RUN, T0, T1, reader
from tests.unprivileged import closed, opened, run_unprivileged


def test_looking_makes_no_journal(tmp_path: Path) -> None:
    assert Journal.read(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_journal_without_tables_yet_is_as_none(tmp_path: Path) -> None:
    (tmp_path / ".nbflow").mkdir()
    journal_path(tmp_path).touch()
    assert Journal.read(tmp_path) is None
    with Journal.open(tmp_path) as journal:
        assert journal.runs() == []


def test_the_journal_lies_in_a_private_folder(tmp_path: Path) -> None:
    Journal.open(tmp_path).close()
    assert stat.S_IMODE((tmp_path / ".nbflow").stat().st_mode) == 0o700
    assert (tmp_path / ".nbflow" / ".gitignore").read_text() == "*\n"
    assert sorted(path.name for path in (tmp_path / ".nbflow").iterdir()) == [".gitignore", "nbflow.db"]


@pytest.mark.parametrize(
    ("network", "mode", "notice"),
    [
        ("", "wal", ""),
        (
            "nfs4",
            "delete",
            "the project lies on a network file system (nfs4): the journal keeps a slower rollback journal there",
        ),
    ],
)
def test_a_network_file_system_gets_a_rollback_journal(tmp_path: Path, network: str, mode: str, notice: str) -> None:
    for _ in range(2):  # a new one, and one that is there
        with Journal.open(tmp_path, network=lambda folder: network) as journal:
            journal.append(RUN, EVENTS)
            assert journal.notice == notice
            with reader(tmp_path) as looking:
                assert looking.events(RUN) == journal.events(RUN)
        assert sqlite_value(tmp_path, "PRAGMA journal_mode") == mode


def sqlite_value(root: Path, sql: str) -> Any:
    connection = sqlite3.connect(journal_path(root))
    try:
        found = connection.execute(sql).fetchone()
        connection.commit()
        return found[0] if found else None
    finally:
        connection.close()


def test_a_newer_journal_can_be_looked_at_and_is_not_written(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        journal.finish_run(RUN, T1, "succeeded")
    sqlite_value(tmp_path, "ALTER TABLE runs ADD COLUMN mood TEXT")
    sqlite_value(tmp_path, f"PRAGMA user_version = {SCHEMA + 1}")
    schemas = f"(schema {SCHEMA + 1}, this one knows {SCHEMA})"
    said = f"the journal {journal_path(tmp_path)} was written by a newer nbflow {schemas}"
    with reader(tmp_path) as looking:
        assert looking.notice == f"{said}: it is shown as far as this nbflow understands it, and not written"
        assert looking.runs() == [RunRow(RUN, T0, T1, "succeeded", (), {}, "f")]
    with pytest.raises(JournalError) as error:
        Journal.open(tmp_path)
    assert str(error.value) == f"{said}\nUpdate nbflow to run here. Looking at what is there still works."


def test_a_journal_of_an_older_nbflow_is_read_as_it_is_and_brought_up_to_date_by_who_writes(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        journal.finish_run(RUN, T1, "succeeded")
    for table in ("durations", "outbox"):
        sqlite_value(tmp_path, f"DROP TABLE {table}")
    sqlite_value(tmp_path, "PRAGMA user_version = 1")
    with reader(tmp_path) as looking:
        assert (looking.notice, looking.durations(), looking.outbox()) == ("", {}, [])
        assert looking.runs() == [RunRow(RUN, T0, T1, "succeeded", (), {}, "f")]
    assert sqlite_value(tmp_path, "PRAGMA user_version") == 1
    with Journal.open(tmp_path) as journal:
        journal.add_durations(RUN, {"nb.train": 1.5})
        assert journal.durations() == {"nb.train": [1.5]}
    assert sqlite_value(tmp_path, "PRAGMA user_version") == SCHEMA


def spoiled_in_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for start in range(4096, len(data), 4096):  # the header of each page but the first
        data[start : start + 100] = b"\xff" * 100
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"This is not a database. " * 100), spoiled_in_the_middle]
)
def test_a_damaged_journal_says_where_it_is_and_that_it_can_go(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    with Journal.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        journal.append(RUN, EVENTS * 100)
    path = journal_path(tmp_path)
    damage(path)

    def look() -> object:
        with reader(tmp_path) as looking:
            return looking.events(RUN)

    def write() -> object:
        with Journal.open(tmp_path) as writing:
            return writing.append(RUN, EVENTS)

    for act in (look, write):
        with pytest.raises(JournalError) as error:
            act()
        assert error.value.message.startswith(f"the journal {path} is damaged (")
        assert error.value.fix == (
            f"To go on, move it away (mv '{path}' '{path}.damaged'). The history of runs is lost, no result is."
        )
    path.rename(f"{path}.damaged")
    with Journal.open(tmp_path) as journal:
        assert journal.runs() == []


def test_a_closed_journal_is_an_error_and_closing_twice_is_none(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError) as error:
        journal.runs()
    assert error.value.message.startswith(f"the journal {journal_path(tmp_path)} cannot be used (")


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    Journal.open(tmp_path).close()
    with reader(tmp_path) as looking, pytest.raises(JournalError) as error:
        looking.append(RUN, EVENTS)
    assert str(error.value) == (
        f"the journal {journal_path(tmp_path)} cannot be written (attempt to write a readonly database)\n"
        "Make sure that its folder can be written, then run again."
    )


LOOK_AND_WRITE = """
import sys
from pathlib import Path
from nbflow.errors import JournalError
from nbflow.journal import Journal, RunLock
root, run = Path(sys.argv[1]), sys.argv[2]
journal = Journal.read(root)
if journal:
    print(len(journal.events(run)), [row.status for row in journal.runs()], journal.notice)
else:
    print(journal)
for act in (lambda: Journal.open(root), lambda: RunLock(root, run).__enter__()):
    try:
        act()
    except JournalError as error:
        print(error.message.replace(str(root), "ROOT"), "|", error.fix)
"""


def test_a_read_only_project_without_a_journal_has_none_and_says_why_it_gets_none(tmp_path: Path) -> None:
    closed(tmp_path)
    done = run_unprivileged(LOOK_AND_WRITE, tmp_path, RUN)
    opened(tmp_path)
    denied = "ROOT/.nbflow (Permission denied) | Make sure that {} folder can be written, then run again."
    assert done.stdout.splitlines() == [
        "None",
        f"the journal ROOT/.nbflow/nbflow.db cannot be used: {denied.format('its')}",
        f"the run cannot be recorded: {denied.format('this')}",
    ]


def test_a_journal_in_a_read_only_folder_can_be_looked_at(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.begin_run(RUN, T0, [], {}, "f")
        journal.append(RUN, EVENTS)
    before = sorted(path.name for path in (tmp_path / ".nbflow").iterdir())
    closed(tmp_path)
    done = run_unprivileged(LOOK_AND_WRITE, tmp_path, RUN)
    opened(tmp_path)
    looked, *written = done.stdout.splitlines()
    assert looked == "3 ['crashed'] "
    assert [
        line.startswith(("the journal ROOT/.nbflow/nbflow.db cannot be", "the run cannot be")) for line in written
    ] == [
        True,
        True,
    ], written
    assert sorted(path.name for path in (tmp_path / ".nbflow").iterdir()) == before


def test_a_read_only_folder_with_an_unread_log_says_that_events_may_be_missing(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.append(RUN, EVENTS)
    folder = tmp_path / ".nbflow"
    (folder / "nbflow.db-wal").write_bytes(b"\0" * 100)
    closed(tmp_path)
    done = run_unprivileged(LOOK_AND_WRITE, tmp_path, RUN)
    opened(tmp_path)
    assert done.stdout.splitlines()[0] == (
        "3 [] the journal lies in a folder that cannot be written: its newest events may not be shown"
    )
