"""Flipped bits are found and moved aside; what needs them counts as damaged until its step has run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nbflow.core.model import Record
from nbflow.store import Store
from nbflow.store.checking import Verdict, verify
from tests.stores import KEY, record, tree, variable
from tests.unprivileged import closed, opened, run_unprivileged

OTHER = "cd34" * 16
BIG = bytes(range(256)) * 40_000
"""More than one chunk of a digest."""


def flip(path: Path, place: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def made(store: Store) -> Record:
    """A result of two blobs, one of which another result needs too."""
    store.commit(record("r2", variable(store, b"shared"), key=OTHER))
    return store.commit(record("r1", variable(store, BIG, "big"), variable(store, b"shared", "small")))


def found(verdict: Verdict) -> dict[str, object]:
    return {
        "damaged": verdict.damaged,
        "unreadable": [path.name for path in verdict.unreadable],
        "lacking": sorted(kept.record.id for kept in verdict.lacking if kept.record),
        "clean": verdict.clean,
    }


CLEAN = {"damaged": (), "unreadable": [], "lacking": [], "clean": True}


def test_a_sound_store_is_clean_and_left_as_it_is(store: Store, made: Record) -> None:
    before, heard = tree(store.root), []
    verdict = verify(store.root, lambda done, of: heard.append((done, of)))
    assert found(verdict) == CLEAN
    assert (verdict.blobs, verdict.bytes) == (2, len(BIG) + 6)
    assert heard[-1] == (len(BIG) + 6, len(BIG) + 6)
    assert tree(store.root) == before


def test_no_store_is_clean(tmp_path: Path) -> None:
    assert verify(tmp_path / "none") == Verdict(0, 0, (), (), (), True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [0, len(BIG) // 2, -1])
def test_one_flipped_bit_is_found_wherever_it_is(store: Store, made: Record, place: int) -> None:
    digest = made.artifacts[0].digest
    flip(store.blob(digest), place)
    assert found(verify(store.root)) == {"damaged": (digest,), "unreadable": [], "lacking": ["r1"], "clean": False}
    assert (store.root / "damaged" / digest).stat().st_size == len(BIG)
    assert (store.intact(made), store.intact(store.records(OTHER)[0])) == (False, True)


def test_all_that_need_a_blob_are_damaged_with_it_until_a_new_result_stands_for_them(
    store: Store, made: Record
) -> None:
    flip(store.blob(made.artifacts[1].digest))
    assert found(verify(store.root))["lacking"] == ["r1", "r2"]
    assert found(verify(store.root)) == {"damaged": (), "unreadable": [], "lacking": ["r1", "r2"], "clean": False}
    store.commit(replace(made, id="r3", artifacts=(variable(store, BIG, "big"), variable(store, b"shared", "small"))))
    assert store.records(KEY)[0].id == "r1"  # the very bytes are there again, so the old result holds
    assert found(verify(store.root)) == CLEAN


def test_a_damaged_result_does_no_harm_once_a_newer_one_of_its_key_is_whole(store: Store, made: Record) -> None:
    flip(store.blob(made.artifacts[0].digest))
    verify(store.root)
    store.commit(replace(made, id="r3", artifacts=(variable(store, b"otherwise", "big"),)))
    assert found(verify(store.root)) == CLEAN


def test_bytes_that_are_missing_or_too_few_are_as_bad(store: Store, made: Record) -> None:
    big, small = (store.blob(artifact.digest) for artifact in made.artifacts)
    big.unlink()
    small.chmod(0o644)
    small.write_bytes(b"")
    assert found(verify(store.root)) == {
        "damaged": (small.name,), "unreadable": [], "lacking": ["r1", "r2"], "clean": False,
    }  # fmt: skip


def test_a_record_that_cannot_be_read_is_moved_aside_and_one_of_a_newer_nbflow_is_not(
    store: Store, made: Record
) -> None:
    torn, newer = (store.root / "records" / key[:2] / key / "1.json" for key in (KEY, OTHER))
    torn.write_text("{")
    newer.write_text('{"schema": 99}')
    assert found(verify(store.root)) == {"damaged": (), "unreadable": ["1.json"], "lacking": [], "clean": False}
    assert not torn.exists()
    assert (store.root / "damaged" / f"{KEY}-1.json").read_text() == "{"
    assert newer.exists()
    assert found(verify(store.root)) == CLEAN


def test_blobs_that_no_record_names_are_no_damage(store: Store) -> None:
    store.put(b"left behind by a run that was killed")
    assert found(verify(store.root)) == CLEAN


def test_damage_is_told_also_where_nothing_can_be_moved(store: Store, made: Record, tmp_path: Path) -> None:
    flip(store.blob(made.artifacts[0].digest))
    code = (
        "import sys, pathlib; from nbflow.store.checking import verify; "
        "v = verify(pathlib.Path(sys.argv[1])); print(*v.damaged, v.moved, v.clean)"
    )
    closed(tmp_path)
    try:
        said = run_unprivileged(code, store.root).stdout.split()
    finally:
        opened(tmp_path)
    assert said == [made.artifacts[0].digest, "False", "False"]
    assert store.blob(made.artifacts[0].digest).exists()
