"""Blobs: what goes in comes out, once, whole, and compared with its digest; files of the user are copied both ways."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.errors import DamagedBlob, StoreError
from nbflow.runtime.digests import digest_bytes
from nbflow.store import Store
from tests.stores import NOWHERE, record, tree, variable, written


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".nbflow" / "store")


# --- blobs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 5_000_000])
def test_bytes_come_back_by_their_digest(store: Store, data: bytes) -> None:
    digest = store.put(data)
    assert (digest, store.read(digest)) == (digest_bytes(data), data)
    assert [store.has(digest), store.has(digest, len(data)), store.has(digest, len(data) + 1)] == [True, True, False]
    assert tree(store.blobs) == [f"{digest[:2]}/{digest}"]


def test_equal_bytes_are_kept_once_and_nobody_writes_to_them(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"same")
    digest = store.put(b"same")
    before = store.blob(digest).stat()
    assert [store.put(b"same"), store.put_file(tmp_path / "file")] == [digest, digest]
    assert (store.blob(digest).stat().st_ino, stat.S_IMODE(before.st_mode)) == (before.st_ino, 0o444)


def test_a_blob_that_was_written_to_is_there_only_if_it_is_the_same_still(store: Store) -> None:
    digest = store.put(b"whole")
    blob = store.blob(digest)
    blob.chmod(0o644)
    blob.write_bytes(b"whole")  # or copied without its times
    touched = blob.stat().st_mtime_ns
    assert (store.has(digest), blob.stat().st_mtime_ns < touched) == (True, True)
    blob.write_bytes(b"hurt!")
    assert [store.has(digest), store.has(digest, 5)] == [False, False]
    assert (store.put(b"whole"), store.read(digest)) == (digest, b"whole")


def test_a_finished_file_is_moved_in_under_the_digest_it_is_given(store: Store) -> None:
    file = store.workspace("attempt") / "out.bin"
    file.write_bytes(b"made by a step")
    store.adopt(file, digest_bytes(b"made by a step"))
    assert (file.exists(), store.read(digest_bytes(b"made by a step"))) == (False, b"made by a step")


def test_two_outputs_that_share_a_file_are_moved_in_once(store: Store) -> None:
    file = written(store.workspace("attempt") / "out.bin", b"both")
    store.adopt(file, digest_bytes(b"both"))
    store.adopt(file, digest_bytes(b"both"))
    with pytest.raises(StoreError) as error:
        store.adopt(file, NOWHERE)
    assert error.value.message == f"the store cannot be written: {file} (No such file or directory)"


def test_a_file_whose_blob_is_there_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    digest = store.put(b"same")
    (tmp_path / "out.bin").write_bytes(b"same")
    store.adopt(tmp_path / "out.bin", digest)
    assert ((tmp_path / "out.bin").read_bytes(), store.read(digest)) == (b"same", b"same")


@pytest.mark.parametrize(
    "again",
    [
        lambda store, file: store.put(file.read_bytes()),
        lambda store, file: store.put_file(file),
        lambda store, file: store.adopt(file, digest_bytes(file.read_bytes())),
    ],
)
def test_a_blob_cut_short_is_replaced_by_a_whole_one(
    store: Store, tmp_path: Path, again: Callable[[Store, Path], object]
) -> None:
    digest = store.put(b"whole")
    store.blob(digest).unlink()
    written(store.blob(digest), b"who")
    again(store, written(tmp_path / "file", b"whole"))
    assert store.read(digest) == b"whole"


def test_a_file_of_the_user_is_copied_never_linked(store: Store, tmp_path: Path) -> None:
    file = written(tmp_path / "data.csv", b"a,b\n1,2\n")
    digest = store.put_file(file)
    with file.open("r+b") as in_place:
        in_place.write(b"X")
    store.restore(digest, tmp_path / "again.csv")
    assert (store.read(digest), (tmp_path / "again.csv").read_bytes()) == (b"a,b\n1,2\n", b"a,b\n1,2\n")
    assert {path.stat().st_nlink for path in (file, store.blob(digest), tmp_path / "again.csv")} == {1}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "a file cannot be read: {} (No such file or directory)"),
        (lambda path: path.mkdir(), "{} is not a plain file and cannot be kept in the store"),
        (os.mkfifo, "{} is not a plain file and cannot be kept in the store"),
    ],
)
def test_only_plain_files_are_kept(store: Store, tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(StoreError) as error:
        store.put_file(path)
    assert error.value.message == said.format(path)


def test_a_symbolic_link_is_not_adopted(store: Store, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(written(tmp_path / "target", b"data"))
    with pytest.raises(StoreError) as error:
        store.adopt(tmp_path / "link", digest_bytes(b"data"))
    assert error.value.message == f"{tmp_path / 'link'} is not a plain file and cannot be kept in the store"


def flipped(blob: Path) -> None:
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)


def test_a_flipped_bit_is_noticed_on_reading_and_on_restoring(store: Store, tmp_path: Path) -> None:
    digest = store.put(b"important")
    blob = store.blob(digest)
    flipped(blob)
    target = written(tmp_path / "target", b"what was there")
    with pytest.raises(DamagedBlob) as reading:
        store.read(digest)
    with pytest.raises(DamagedBlob) as restoring:
        store.restore(digest, target)
    assert str(reading.value) == (
        f"a stored result is damaged: {blob} does not match its digest\n"
        "Run again: the step that made it runs once more."
    )
    assert restoring.value.message == f"a stored file is damaged: {blob} does not match its digest (for {target})"
    assert tree(tmp_path) == [".nbflow/.gitignore", f".nbflow/store/blobs/{digest[:2]}/{digest}", "target"]
    assert target.read_bytes() == b"what was there"


def test_a_missing_blob_is_damage_too(store: Store, tmp_path: Path) -> None:
    blob = store.blob(NOWHERE)
    with pytest.raises(DamagedBlob) as reading:
        store.read(NOWHERE)
    with pytest.raises(DamagedBlob) as restoring:
        store.restore(NOWHERE, tmp_path / "target")
    assert reading.value.message == f"a stored result is missing: {blob}"
    assert restoring.value.message == f"a stored file is missing: {blob} (for {tmp_path / 'target'})"
    assert tree(tmp_path) == []


def test_a_damaged_blob_moved_away_makes_room_for_a_good_one(store: Store) -> None:
    made = store.commit(record("r1", variable(store, b"important")))
    digest = made.artifacts[0].digest
    flipped(store.blob(digest))
    assert store.put(b"important") == digest  # of the right size: not read, so not noticed
    store.quarantine(digest)
    assert (store.has(digest), store.intact(made)) == (False, False)
    assert tree(store.root / "damaged") == [digest]
    store.put(b"important")
    store.quarantine(NOWHERE)
    assert (store.read(digest), store.intact(made)) == (b"important", True)


@pytest.mark.parametrize("digest", ["", "abc", "../../x", "A" * 64, "0" * 63, NOWHERE + "\n"])
def test_what_is_no_digest_names_no_blob(store: Store, tmp_path: Path, digest: str) -> None:
    file = written(tmp_path / "file", b"x")
    calls = (store.blob, store.read, store.quarantine, lambda d: store.restore(d, file), lambda d: store.adopt(file, d))
    for call in calls:
        with pytest.raises(StoreError) as error:
            call(digest)
        assert error.value.message == f"'{digest}' is not a digest"
    assert (store.has(digest), tree(store.blobs), file.read_bytes()) == (False, [], b"x")


# --- restoring -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "got"), [(0o644, 0o644), (0o755, 0o755), (0o400, 0o400), (0o4755, 0o755)])
def test_a_file_is_restored_with_its_mode_and_its_folders(store: Store, tmp_path: Path, mode: int, got: int) -> None:
    target = tmp_path / "out" / "deep" / "model.bin"
    store.restore(store.put(b"model"), target, mode)
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"model", got)
    assert tree(tmp_path / "out") == ["deep/model.bin"]


def test_restoring_replaces_a_link_and_not_what_it_points_to(store: Store, tmp_path: Path) -> None:
    precious = written(tmp_path / "precious", b"precious")
    (tmp_path / "out").symlink_to(precious)
    store.restore(store.put(b"new"), tmp_path / "out")
    assert ((tmp_path / "out").read_bytes(), (tmp_path / "out").is_symlink()) == (b"new", False)
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("make", "target", "reason"),
    [
        (lambda folder: (folder / "out").mkdir(), "out", "Is a directory"),
        (lambda folder: written(folder / "out", b"file"), "out/below", "File exists"),
    ],
)
def test_what_is_in_the_way_of_a_file_is_named(
    store: Store, tmp_path: Path, make: Callable[[Path], object], target: str, reason: str
) -> None:
    make(tmp_path)
    with pytest.raises(StoreError) as error:
        store.restore(store.put(b"new"), tmp_path / target)
    assert str(error.value) == (
        f"a stored file cannot be put back: {tmp_path / 'out'} ({reason})\n"
        "Make sure that the folder can be written and that its disk has space, then run again."
    )
    assert [path for path in tree(tmp_path) if path.endswith(".tmp")] == []
