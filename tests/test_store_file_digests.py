"""The memo of digests: it spares reading, it is never wrong, and nothing depends on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.runtime.digests import digest_bytes
from nbflow.store import Store, file_digests
from tests.stores import written
from tests.unprivileged import ROOT

SECOND = 1_000_000_000


class Clock:
    """A clock that stands ``ahead`` seconds after the last change of a file."""

    def __init__(self, file: Path, ahead: float) -> None:
        self.file = file
        self.ahead = ahead

    def __call__(self) -> int:
        found = self.file.stat()
        return max(found.st_mtime_ns, found.st_ctime_ns) + int(self.ahead * SECOND)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Store(tmp_path / ".nbflow" / "store").put(b"so that the folder is there")
    return tmp_path / ".nbflow" / "store"


def remembered(root: Path) -> list[str]:
    """Digests in the memo file."""
    file = root / "digests.json"
    return list(json.loads(file.read_text())["tables"]["digests"].values()) if file.exists() else []


def forged(root: Path, digest: str = "f" * 64) -> None:
    """Make the memo say something else, so that it shows who asked it."""
    file = root / "digests.json"
    data = json.loads(file.read_text())
    tables = {"digests": dict.fromkeys(data["tables"]["digests"], digest)}
    file.write_text(json.dumps({**data, "tables": tables}))


@pytest.mark.parametrize(
    ("ahead", "digests"),
    [(-3600, 0), (0, 0), (1.9, 0), (2, 0), (2.1, 1), (3600, 1)],
)
def test_a_file_is_remembered_once_it_has_been_left_alone_for_two_seconds(
    root: Path, tmp_path: Path, ahead: float, digests: int
) -> None:
    file = written(tmp_path / "data", b"data")
    with Store(root, now_ns=Clock(file, ahead)) as store:
        assert store.digest(file) == digest_bytes(b"data")
    assert remembered(root) == [digest_bytes(b"data")] * digests


@pytest.mark.parametrize(("ahead", "asked"), [(0, False), (1.9, False), (2.1, True), (3600, True)])
def test_the_memo_is_asked_for_files_left_alone_only(root: Path, tmp_path: Path, ahead: float, asked: bool) -> None:
    file = written(tmp_path / "data", b"data")
    with Store(root, now_ns=Clock(file, 10)) as store:
        store.digest(file)
    forged(root)
    assert Store(root, now_ns=Clock(file, ahead)).digest(file) == ("f" * 64 if asked else digest_bytes(b"data"))


def later(file: Path) -> None:
    """The same size and mtime again; only the inode's change time tells."""
    before = file.stat()
    file.write_bytes(b"DATA")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(file: Path) -> None:
    before = file.stat()
    written(file.with_name("new"), b"DATA").replace(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [lambda file: file.write_bytes(b"longer"), lambda file: file.write_bytes(b"DATA"), later, replaced]
)
def test_a_changed_file_is_hashed_again(root: Path, tmp_path: Path, change: Callable[[Path], object]) -> None:
    file = written(tmp_path / "data", b"data")
    store = Store(root, now_ns=Clock(file, 10))
    assert store.digest(file) == digest_bytes(b"data")
    change(file)
    assert store.digest(file) == digest_bytes(file.read_bytes())


def test_a_moved_file_is_known_by_its_inode(root: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "data", b"data")
    store = Store(root, now_ns=lambda: 2**62)
    store.digest(file)
    moved = tmp_path / "moved"
    os.link(file, moved)
    store.digest(moved)
    with store:
        pass
    assert remembered(root) == [digest_bytes(b"data")] * 2  # a link changes the ctime, so that it was hashed again


def test_what_the_memo_knows_and_the_store_has_is_not_copied_again(root: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "data", b"data")
    with Store(root, now_ns=Clock(file, 10)) as store:
        digest = store.put_file(file)
        assert remembered(root) == []
    assert remembered(root) == [digest]
    forged(root, Store(root).put(b"DATA"))
    assert Store(root, now_ns=Clock(file, 10)).put_file(file) == digest_bytes(b"DATA")
    forged(root, "e" * 64)  # known, but not there
    assert Store(root, now_ns=Clock(file, 10)).put_file(file) == digest


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"version": 2, "tables": {"digests": {"a": "b"}}}'],
)
def test_a_damaged_memo_is_as_none(root: Path, tmp_path: Path, content: bytes) -> None:
    file = written(tmp_path / "data", b"data")
    written(root / "digests.json", content)
    with Store(root, now_ns=Clock(file, 10)) as store:
        assert store.digest(file) == digest_bytes(b"data")
    assert remembered(root) == [digest_bytes(b"data")]


def test_an_answer_that_is_no_digest_is_not_believed(root: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "data", b"data")
    with Store(root, now_ns=Clock(file, 10)) as store:
        store.digest(file)
    memo = root / "digests.json"
    memo.write_text(memo.read_text().replace(f'"{digest_bytes(b"data")}"', "3"))
    assert Store(root, now_ns=Clock(file, 10)).digest(file) == digest_bytes(b"data")


def test_a_missing_file_is_for_the_caller_to_explain(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Store(root).digest(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        Store(root).digest(tmp_path)


def test_those_not_asked_for_go_first_when_there_are_too_many(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_digests, "LIMIT", 3)
    files = [written(tmp_path / f"{n}", b"%d" % n) for n in range(4)]
    with Store(root, now_ns=lambda: 2**62) as store:
        for file in files[:3]:
            store.digest(file)
    with Store(root, now_ns=lambda: 2**62) as store:
        store.digest(files[0])
        store.digest(files[3])
    assert remembered(root) == [digest_bytes(b"2"), digest_bytes(b"0"), digest_bytes(b"3")]


HASH_AND_CLOSE = """
import sys
from pathlib import Path
from nbflow.runtime.digests import digest_bytes
from nbflow.store import Store
root, folder, me = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
for n in range(30):
    file = folder / f"{me}-{n}"
    file.write_bytes(file.name.encode())
    with Store(root, now_ns=lambda: 2**62) as store:
        for each in sorted(folder.iterdir()):
            data = each.read_bytes()
            assert not data or store.digest(each) == digest_bytes(data), each
"""


def test_several_processes_may_write_the_memo_at_a_time(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HASH_AND_CLOSE, str(root), str(folder)]
    running = [subprocess.Popen([*command, f"p{n}"], env=environ) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    right = {digest_bytes(file.read_bytes()) for file in folder.iterdir()}
    assert set(remembered(root)) <= right | {digest_bytes(b"")}
    assert len(set(remembered(root)) & right) > 30
    assert list((root).glob("*.tmp")) == []
