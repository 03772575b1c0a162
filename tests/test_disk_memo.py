"""The file of remembered answers: kept, ignored where it is broken, silent where it cannot be written."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from nbflow.disk import memo as disk_memo
from nbflow.disk.memo import Memo, mark, settled


def test_what_was_put_is_there_next_time(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    memo = Memo(path, 1)
    memo.put("table", "key", {"a": [1, 2]})
    memo.save()
    assert Memo(path, 1).get("table", "key") == {"a": [1, 2]}
    assert Memo(path, 1).get("table", "other") is None
    assert [p.name for p in tmp_path.iterdir()] == ["memo.json"]


def test_two_that_read_one_file_share_only_what_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    memo = Memo(path, 1)
    memo.put("table", "key", 1)
    memo.save()
    one, other = Memo(path, 1), Memo(path, 1)
    assert one.get("table", "key") == other.get("table", "key") == 1
    one.put("table", "new", 2)
    assert other.get("table", "new") is None
    one.save()
    assert (other.get("table", "new"), Memo(path, 1).get("table", "new")) == (None, 2)


def test_of_one_file_one_state_is_held(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    for n in range(3):
        memo = Memo(path, 1)
        memo.put("table", f"key {n}", n)
        memo.save()
    assert Memo(path, 1).get("table", "key 2") == 2
    assert [found for found, _ in disk_memo._DECODED if found == path] == [path]


def test_a_file_of_another_version_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    memo = Memo(path, 1)
    memo.put("table", "key", 1)
    memo.save()
    assert Memo(path, 2).get("table", "key") is None


@pytest.mark.parametrize(
    "content",
    ["", "no json", "[]", "1", "[" * 100_000, '{"version": 1}', '{"version": 1, "tables": [1]}',
     '{"version": 1, "tables": {"table": 1}}', "\ud800"],
    ids=range(9),
)  # fmt: skip
def test_a_broken_file_is_ignored_and_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "memo.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    memo = Memo(path, 1)
    assert memo.get("table", "key") is None
    memo.put("table", "key", 2)
    memo.save()
    assert Memo(path, 1).get("table", "key") == 2


def test_nothing_is_written_where_nothing_is_new(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    memo = Memo(path, 1)
    memo.get("table", "key")
    memo.save()
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "missing" / "memo.json", tmp_path / "file" / "memo.json", None):
        memo = Memo(path, 1)
        memo.put("table", "key", 1)
        memo.save()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(9, "k0 k1 k2 k4 k5 k6 k3 new"), (5, "k4 k5 k6 k3 new"), (3, "k6 k3 new"), (2, "k3 new"), (1, "k3 new")],
)
def test_a_table_over_its_limit_keeps_what_was_used_and_what_is_newest(tmp_path: Path, limit: int, kept: str) -> None:
    path = tmp_path / "memo.json"
    first = Memo(path, 1)
    for number in range(7):
        first.put("table", f"k{number}", number)
    first.save()
    second = Memo(path, 1)
    second.get("table", "k3")
    second.put("table", "new", 1)
    second.save(limit)
    assert " ".join(json.loads(path.read_text())["tables"]["table"]) == kept


def test_what_others_have_written_since_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    mine, theirs = Memo(path, 1), Memo(path, 1)
    assert mine.get("table", "b") is None
    for memo, table, key in ((theirs, "table", "b"), (theirs, "other", "c"), (mine, "table", "a")):
        memo.put(table, key, f"{key} of {table}")
    theirs.save()
    mine.save()
    assert json.loads(path.read_text())["tables"] == {
        "table": {"b": "b of table", "a": "a of table"},
        "other": {"c": "c of other"},
    }


def test_a_mark_tells_one_state_of_a_file_from_another(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert mark(str(path)) is None
    assert mark("a\0b") is None
    path.write_text("one")
    before = mark(str(path))
    assert before == mark(str(path))
    os.utime(path, ns=(0, 0))
    assert mark(str(path)) != before


def test_what_changed_just_now_is_not_settled() -> None:
    now = time.time_ns()
    old = now - 3_000_000_000
    assert settled()
    assert settled(old)
    assert not settled(now)
    assert not settled(old, now)
    assert not settled(now + 10**12)
