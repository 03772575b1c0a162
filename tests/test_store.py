"""Records: bytes first, then the record; the first commit stays; history is kept; and looking leaves no trace."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.model import Artifact, Record, StoredFile
from nbflow.errors import StoreError
from nbflow.runtime.digests import digest_bytes
from nbflow.store import Store, record_from_json, record_to_json
from tests.growth import LINEAR, growth
from tests.stores import ELSEWHERE, KEY, NOWHERE, record, tree, variable, written
from tests.unprivileged import closed, opened, run_unprivileged


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".nbflow" / "store")


# --- records -------------------------------------------------------------------------------------------


FULL = Record(
    key=KEY,
    id="20261124-153012-k3x9-1",
    step="sub/nb.train",
    run="20261124-153012-k3x9",
    created="2026-11-24T15:30:12.345Z",
    seconds=0.25,
    parts={"code": {"a": "d1"}, "python": "3.11", "list": [1, None, "é"]},
    artifacts=(
        Artifact("model", "variable", "1" * 64, "pickle", 10, "Model", "model", (), ("Net", "loss")),
        Artifact("out/", "file", "2" * 64, "", 7, "folder", "", (StoredFile("out/a b", "3" * 64, 7, 0o755),)),
        Artifact("big.parquet", "file", "4" * 64, "ref", 2**40),
    ),
    read_files={"data/é.csv": "5" * 64},
    read_folders={"data": "6" * 64},
    read_modules={"helpers.py": "7" * 64},
    wrote=("out/a b",),
    executed="8" * 64,
    reusable=False,
)


def test_a_record_comes_back_from_json_as_it_was() -> None:
    assert record_from_json(json.loads(json.dumps(record_to_json(FULL)))) == FULL


@pytest.mark.parametrize(
    "change",
    [
        lambda data: [],
        lambda data: None,
        lambda data: "text",
        lambda data: {k: v for k, v in data.items() if k != "artifacts"},
        lambda data: {**data, "schema": 2},
        lambda data: {**data, "schema": "1"},
        lambda data: {**data, "id": 3},
        lambda data: {**data, "executed": None},
        lambda data: {**data, "read_files": ["a"]},
        lambda data: {**data, "parts": "p"},
        lambda data: {**data, "wrote": None},
        lambda data: {**data, "artifacts": [3]},
        lambda data: {**data, "artifacts": [{**data["artifacts"][0], "digest": 5}]},
        lambda data: {**data, "artifacts": [{**data["artifacts"][0], "size": "5"}]},
        lambda data: {**data, "artifacts": [{**data["artifacts"][1], "files": [["a", "d", 7]]}]},
        lambda data: {**data, "artifacts": [{**data["artifacts"][1], "files": [["a", None, 7, 0]]}]},
    ],
)
def test_what_is_not_a_record_is_refused(change: Callable[[Mapping[str, Any]], Any]) -> None:
    with pytest.raises(ValueError):
        record_from_json(change(record_to_json(FULL)))


def test_a_committed_record_is_found_under_its_key_alone(store: Store) -> None:
    committed = store.commit(record("r1", variable(store, b"one")))
    assert store.records(KEY) == [committed]
    assert store.records("ff" * 32) == []


def test_the_first_commit_wins_and_the_other_goes_on_with_it(store: Store) -> None:
    first = store.commit(record("r1", variable(store, b"one")))
    assert store.commit(record("r2", variable(store, b"two"))) == first
    assert store.records(KEY) == [first]


@pytest.mark.parametrize(
    "other",
    [
        {"read_files": {"a.csv": "1"}},
        {"read_folders": {"data": "1"}},
        {"read_modules": {"helpers.py": "1"}},
        {"reusable": False},
    ],
)
def test_an_attempt_that_read_other_things_is_a_record_of_its_own(store: Store, other: dict[str, Any]) -> None:
    one, two = record("r1", variable(store, b"one")), record("r2", variable(store, b"two"), **other)
    assert [store.commit(one), store.commit(two)] == [one, two]
    assert store.commit(replace(one, id="r3")) == one
    assert store.records(KEY) == [two, one]


def test_a_superseding_record_is_the_newest_and_the_old_ones_stay(store: Store) -> None:
    made = [record(f"r{n}", variable(store, b"%d" % n)) for n in range(12)]
    for each in made:
        assert store.commit(each, supersede=True) == each
    assert store.records(KEY) == made[::-1]


def test_a_record_whose_bytes_are_gone_is_superseded(store: Store) -> None:
    first = store.commit(record("r1", variable(store, b"one")))
    store.blob(first.artifacts[0].digest).unlink()
    second = store.commit(record("r2", variable(store, b"two")))
    assert (second.id, store.records(KEY), store.intact(first)) == ("r2", [second, first], False)


def test_a_record_is_not_made_before_its_bytes_are_there(store: Store) -> None:
    early = record("r1", Artifact("x", "variable", NOWHERE, "npy", 3))
    with pytest.raises(StoreError) as error:
        store.commit(early)
    assert str(error.value) == (
        "the result of nb.step cannot be recorded: its stored bytes are missing (000000000000…)\n"
        "Something removed them while the step ran. Run again."
    )
    assert store.records(KEY) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-20]),
        lambda file: file.write_bytes(b"\xff" + file.read_bytes()),
        lambda file: file.write_text(json.dumps({**json.loads(file.read_text()), "key": "cd" * 32})),
        lambda file: (file.unlink(), file.mkdir()),
    ],
)
def test_an_unreadable_record_is_as_none_and_takes_no_number(store: Store, damage: Callable[[Path], object]) -> None:
    first, second = (record(f"r{n}", variable(store, b"%d" % n)) for n in (1, 2))
    store.commit(first)
    (file,) = (store.root / "records").rglob("*.json")
    damage(file)
    assert store.records(KEY) == []
    assert store.commit(second) == second
    assert store.records(KEY) == [second]
    assert sorted(path.name for path in file.parent.iterdir()) == ["1.json", "2.json"]


def test_foreign_files_among_the_records_do_no_harm(store: Store) -> None:
    first = store.commit(record("r1", variable(store, b"one")))
    folder = store.root / "records" / KEY[:2] / KEY
    for name in ("2.json.tmp", "x.json", "-1.json", ".2.json", "notes.txt", "9" * 30 + ".json"):
        (folder / name).write_text("{}")
    assert store.records(KEY) == [first]


def test_a_newer_record_is_passed_over_with_one_note(store: Store) -> None:
    first = store.commit(record("r1", variable(store, b"one")))
    newer = {**record_to_json(first), "schema": 2, "artifacts": "in another shape"}
    file = store.root / "records" / KEY[:2] / KEY / "7.json"
    file.write_text(json.dumps(newer))
    assert [store.records(KEY), store.records(KEY)] == [[first], [first]]
    assert store.notes == ("some results were stored by a newer nbflow: they are not used, and not touched",)
    second = store.commit(record("r2", variable(store, b"two")), supersede=True)
    assert (store.records(KEY), json.loads(file.read_text())) == ([second, first], newer)


@pytest.mark.parametrize("key", ["", "a", "../../etc", "a/b", "x" * 200, "ab\0cd"])
def test_a_key_cannot_lead_out_of_the_store(store: Store, key: str) -> None:
    with pytest.raises(StoreError) as error:
        store.records(key)
    assert error.value.message == f"'{key}' is not the key of a record"


# --- what belongs to a record --------------------------------------------------------------------------


def stored(store: Store) -> Record:
    bundle = store.put(b"both of them")
    return store.commit(
        record(
            "r1",
            variable(store, b"alone"),
            Artifact("model", "variable", bundle, "pickle", 12, member="model"),
            Artifact("optimizer", "variable", bundle, "pickle", 12, member="optimizer"),
            Artifact("out/", "file", NOWHERE, "", 3, files=(StoredFile("out/a", store.put(b"abc"), 3),)),
            Artifact("big.parquet", "file", NOWHERE, "ref", 99),
            executed=store.put(b"what it showed"),
        )
    )


def test_a_record_with_all_its_bytes_is_intact(store: Store) -> None:
    assert store.intact(stored(store))


@pytest.mark.parametrize("data", [b"alone", b"both of them", b"abc", b"what it showed"])
def test_a_record_that_misses_a_blob_is_not_intact(store: Store, data: bytes) -> None:
    found = stored(store)
    store.blob(digest_bytes(data)).unlink()
    assert not store.intact(found)


@pytest.mark.parametrize("data", [b"alone", b"both of them", b"abc"])
def test_a_record_with_a_blob_cut_short_is_not_intact(store: Store, data: bytes) -> None:
    found = stored(store)
    blob = store.blob(digest_bytes(data))
    blob.chmod(0o644)
    blob.write_bytes(data[:-1])
    assert not store.intact(found)


def test_a_record_with_something_that_is_no_digest_is_not_intact(store: Store) -> None:
    (store.root.parent / "evil").mkdir(parents=True)
    assert not store.intact(record("r1", Artifact("x", "variable", "../../evil", "pickle", 4096)))


# --- folders -------------------------------------------------------------------------------------------


def test_looking_makes_no_folder(store: Store, tmp_path: Path) -> None:
    file = written(tmp_path / "file", b"x")
    os.utime(file, (1, 1))
    with Store(store.root, now_ns=lambda: time.time_ns() + 10**10) as looking:
        assert looking.records(KEY) == []
        assert not looking.has(NOWHERE)
        assert not looking.intact(FULL)
        assert looking.digest(file) == digest_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("place", "private"),
    [(".nbflow/store", ".nbflow"), (".nbflow/deep/store", ".nbflow"), ("shared/cache", "shared/cache")],
)
def test_the_store_is_private_and_out_of_version_control(tmp_path: Path, place: str, private: str) -> None:
    Store(tmp_path / place).put(b"x")
    folder = tmp_path / private
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
    assert len(list(tmp_path.rglob(".gitignore"))) == 1


def test_a_folder_that_is_there_keeps_its_mode_and_its_ignore_file(tmp_path: Path) -> None:
    (tmp_path / ".nbflow").mkdir(mode=0o750)
    (tmp_path / ".nbflow" / ".gitignore").write_text("mine\n")
    Store(tmp_path / ".nbflow" / "store").put(b"x")
    assert stat.S_IMODE((tmp_path / ".nbflow").stat().st_mode) == 0o750
    assert (tmp_path / ".nbflow" / ".gitignore").read_text() == "mine\n"


def test_a_workspace_is_new_private_and_on_the_store_s_disk(store: Store) -> None:
    folder = store.workspace("20261124-153012-k3x9.nb.train.1")
    assert (list(folder.iterdir()), stat.S_IMODE(folder.stat().st_mode)) == ([], 0o700)
    assert folder.stat().st_dev == store.blobs.stat().st_dev
    with pytest.raises(StoreError) as error:
        store.workspace(folder.name)
    assert error.value.message == f"the store cannot be written: {folder} (File exists)"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "-x", "x" * 201])
def test_the_name_of_a_workspace_cannot_lead_out_of_it(store: Store, name: str) -> None:
    with pytest.raises(StoreError) as error:
        store.workspace(name)
    assert error.value.message == f"'{name}' cannot be the name of a folder"


def test_what_killed_processes_left_half_written_goes_after_a_day(store: Store) -> None:
    store.put(b"x")
    old, young = (written(store.root / "tmp" / name, b"half") for name in ("old.tmp", "young.tmp"))
    now = time.time()
    os.utime(old, (now - 25 * 3600, now - 25 * 3600))
    Store(store.root).put(b"y")
    assert (old.exists(), young.exists()) == (False, True)


LOOK_AND_WRITE = """
import sys
from dataclasses import replace
from pathlib import Path
from nbflow.errors import StoreError
from nbflow.store import Store
root, key, file = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
with Store(root, now_ns=lambda: 2**62) as store:
    found = store.records(key)
    print(len(found), [store.intact(r) for r in found], [store.read(a.digest) for r in found for a in r.artifacts])
    store.digest(file)
for write in (
    lambda: store.put(b"new"), lambda: store.put_file(file), lambda: store.workspace("w"),
    lambda: [store.commit(r, supersede=True) for r in found] or store.put(b"new"),
    lambda: store.quarantine(found[0].artifacts[0].digest) if found else store.put(b"new"),
    lambda: store.restore(found[0].artifacts[0].digest, file) if found else store.put(b"new"),
):
    try:
        write()
        print("written")
    except StoreError as error:
        print(error.message.replace(str(root.parent.parent), "ROOT"), "|", error.fix)
"""


def test_a_read_only_project_can_be_looked_at_and_says_why_it_cannot_bewritten(tmp_path: Path) -> None:
    file = written(tmp_path / "file", b"x")
    closed(tmp_path)
    done = run_unprivileged(LOOK_AND_WRITE, tmp_path / ".nbflow" / "store", KEY, file)
    opened(tmp_path)
    denied = f"the store cannot be written: ROOT/.nbflow (Permission denied) | {ELSEWHERE}"
    assert done.stdout.splitlines() == ["0 [] []", *[denied] * 6]
    assert tree(tmp_path) == ["file"]


def test_a_read_only_store_can_be_read_and_says_why_it_cannot_bewritten(tmp_path: Path) -> None:
    file = written(tmp_path / "file", b"x")
    with Store(tmp_path / ".nbflow" / "store") as store:
        made = store.commit(record("r1", variable(store, b"one")))
    before = tree(tmp_path)
    closed(tmp_path)
    done = run_unprivileged(LOOK_AND_WRITE, store.root, KEY, file)
    opened(tmp_path)
    first, *others = done.stdout.splitlines()
    assert first == "1 [True] [b'one']"
    denied = "the store cannot be written: ROOT/.nbflow/store/"
    assert [line.startswith(denied) and line.endswith(ELSEWHERE) for line in others[:5]] == [True] * 5, done.stdout
    assert others[5].startswith("a stored file cannot be put back: ROOT/")
    assert tree(tmp_path) == before
    assert store.records(KEY) == [made]


def test_a_store_that_is_closed_to_us_says_so_instead_of_looking_empty(tmp_path: Path) -> None:
    store = Store(tmp_path / ".nbflow" / "store")
    store.commit(record("r1", variable(store, b"one")))
    code = LOOK_AND_WRITE.replace(
        "    found =",
        "    try: store.records(key)\n    except StoreError as e: sys.exit(print(e.message))\n    found =",
    )
    (tmp_path / ".nbflow").chmod(0o000)
    done = run_unprivileged(code, store.root, KEY, "x")
    (tmp_path / ".nbflow").chmod(0o700)
    folder = store.root / "records" / KEY[:2] / KEY
    assert done.stdout == f"the store cannot be read: {folder} (Permission denied)\n"


def test_records_are_read_and_found_intact_in_a_time_that_grows_with_their_number(store: Store) -> None:
    keys = [f"{n:064x}"[::-1] for n in range(1000)]
    artifact = replace(variable(store, b"one"), main_names=("Net",))
    parts = {"code": {f"unit{n}": "d" * 64 for n in range(5)}, "packages": {"pandas": "2.2"}, "python": "3.11"}
    made = record("r", artifact, read_files={"data.csv": "d" * 64}, executed=artifact.digest)
    for key in keys:
        store.commit(replace(made, key=key, parts=parts))

    def look(many: int) -> Callable[[], object]:
        return lambda: [store.intact(found) for key in keys[:many] for found in store.records(key)]

    assert look(1000)() == [True] * 1000
    assert growth(look, 1000) < LINEAR
