"""What goes from a store and what stays: records first, never a record without its blobs, nothing that is in use."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.event_json import time_text
from nbflow.core.model import Record
from nbflow.disk import flock
from nbflow.errors import StoreError, StoreInUse
from nbflow.store import Store, locks
from nbflow.store.checking import verify
from nbflow.store.cleaning import GRACE, Choice, choose, remove
from nbflow.store.growth import grown, keep
from nbflow.store.locks import alone, in_use
from nbflow.store.records import record_to_json
from nbflow.store.stock import Stock, take_stock
from tests.stores import record, tree, variable

DAY = 24 * 3600.0
NOW = 1_795_534_212.0


def key(letter: str) -> str:
    return letter * 64


def kept(store: Store, letter: str, *contents: bytes, days: float = 0.0) -> Record:
    """A result of step ``nb.LETTER`` under a key of its own, last used so many days ago."""
    artifacts = [variable(store, data, f"x{number}") for number, data in enumerate(contents)]
    made = record(f"r-{letter}", *artifacts, key=key(letter))
    made = replace(made, step=f"nb.{letter}", created="2026-01-01T00:00:00.000Z")
    store.commit(made)
    moment = NOW - days * DAY
    os.utime(folder(store, letter), (moment, moment))
    for artifact in artifacts:
        age(store, artifact.digest, 400 * DAY)
    return made


def folder(store: Store, letter: str) -> Path:
    return store.root / "records" / (letter * 2) / key(letter)


def age(store: Store, digest: str, seconds: float) -> None:
    os.utime(store.blob(digest), (NOW - seconds, NOW - seconds))


def clean(store: Store, **limits: float) -> Choice:
    choice = choose(take_stock(store.root), NOW, **limits)
    remove(store.root, choice)
    return choice


def steps(choice: Choice) -> list[str]:
    return [each.step for each in choice.records]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".nbflow" / "store")


# --- what is chosen ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "gone", "freed"),
    [
        ({}, [], 0),
        ({"older_than": 50 * DAY}, [], 0),
        ({"older_than": 30 * DAY}, ["nb.a"], 10),
        ({"older_than": 5 * DAY}, ["nb.a", "nb.b"], 10 + 100),
        ({"max_size": 2000.0}, [], 0),
        ({"max_size": 1120.0}, ["nb.a"], 10),
        # What b and c share becomes free only when both are gone.
        ({"max_size": 1050.0}, ["nb.a", "nb.b"], 10 + 100),
        ({"max_size": 0.0}, ["nb.a", "nb.b", "nb.c"], 10 + 100 + 1000 + 20),
        ({"older_than": 30 * DAY, "max_size": 1050.0}, ["nb.a", "nb.b"], 10 + 100),
    ],
)
def test_what_was_not_used_for_long_goes_first(
    store: Store, limits: dict[str, float], gone: list[str], freed: int
) -> None:
    kept(store, "c", b"s" * 1000, b"c" * 20, days=1)
    kept(store, "a", b"a" * 10, days=40)
    kept(store, "b", b"s" * 1000, b"b" * 100, days=20)
    choice = clean(store, **limits)
    assert (steps(choice), choice.bytes) == (gone, freed)
    left = {letter for letter in "abc" if store.records(key(letter))}
    assert left == set("abc") - {step[-1] for step in gone}
    assert all(store.intact(store.records(key(letter))[0]) for letter in left)
    assert clean(store).nothing


def test_a_dry_run_is_a_choice_that_nobody_carries_out(store: Store) -> None:
    kept(store, "a", b"a", days=40)
    before = tree(store.root)
    assert steps(choose(take_stock(store.root), NOW, older_than=DAY)) == ["nb.a"]
    assert tree(store.root) == before


def test_a_result_that_is_used_again_is_young_again(store: Store) -> None:
    made = kept(store, "a", b"a", days=40)
    Store(store.root, now_ns=lambda: int(NOW * 1e9)).use(made)
    (stocked,) = take_stock(store.root).records
    assert stocked.used == time_text(NOW)
    assert clean(store, older_than=DAY).nothing


def test_an_older_record_of_a_key_goes_before_the_newer_one_that_is_in_use(store: Store) -> None:
    kept(store, "a", b"old", days=0)
    store.commit(record("r-new", variable(store, b"new"), key=key("a")), supersede=True)
    os.utime(folder(store, "a"), (NOW, NOW))
    choice = clean(store, older_than=30 * DAY)
    assert [each.record and each.record.id for each in choice.records] == ["r-a"]
    assert [found.id for found in store.records(key("a"))] == ["r-new"]
    assert take_stock(store.root).records[0].used == time_text(NOW)


# --- what serves nobody --------------------------------------------------------------------------------


def test_blobs_of_killed_runs_go_when_they_are_old_enough_to_belong_to_nobody(store: Store) -> None:
    kept(store, "a", b"a")
    old, young = store.put(b"old"), store.put(b"young")
    age(store, old, GRACE + 1)
    age(store, young, GRACE - 1)
    choice = clean(store)
    assert (choice.records, choice.blobs, choice.bytes) == ((), (old,), 3)
    assert (store.has(old), store.has(young)) == (False, True)


def test_damaged_results_and_what_was_moved_aside_go_in_any_case(store: Store) -> None:
    damaged, shared = kept(store, "a", b"gone", b"shared"), kept(store, "b", b"shared")
    torn = kept(store, "c", b"c")
    store.quarantine(damaged.artifacts[0].digest)
    path = folder(store, "c") / "1.json"
    path.write_bytes(json.dumps(record_to_json(torn)).encode()[:-20])
    choice = clean(store)
    assert sorted(steps(choice)) == ["", "nb.a"]
    assert choice.aside == (damaged.artifacts[0].digest,)
    assert choice.blobs == (torn.artifacts[0].digest,)
    assert store.intact(shared)
    assert not list((store.root / "damaged").iterdir())


def test_what_a_newer_nbflow_stored_is_not_touched(store: Store) -> None:
    newer = kept(store, "a", b"newer", days=400)
    values = {**record_to_json(newer), "schema": 99, "parts": {"blob": newer.artifacts[0].digest}, "artifacts": "?"}
    (folder(store, "a") / "1.json").write_text(json.dumps(values))
    assert clean(store, older_than=0.0, max_size=0.0).nothing
    assert store.has(newer.artifacts[0].digest)


def test_a_kill_between_the_two_phases_leaves_what_the_next_one_takes_away(
    store: Store,
) -> None:
    kept(store, "a", b"a", days=40)
    kept(store, "b", b"b")
    choice = choose(take_stock(store.root), NOW, older_than=DAY)
    remove(store.root, Choice(choice.records, (), (), 0))
    assert store.records(key("a")) == []
    assert all(store.intact(made) for made in store.records(key("b")))
    assert clean(store).blobs == choice.blobs


@pytest.mark.parametrize("call", range(12))
def test_a_clean_up_that_fails_at_any_removal_leaves_no_record_without_its_blobs(
    store: Store, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    for days, letter in enumerate("abcd"):
        kept(store, letter, letter.encode() * 100, b"shared by all", days=10 * days)
    store.quarantine(store.put(b"damaged"))
    choice = choose(take_stock(store.root), NOW, older_than=5 * DAY)
    assert (len(choice.records), len(choice.blobs), len(choice.aside)) == (3, 3, 1)
    calls = iter(range(100))

    def failing(method: Callable[..., None]) -> Callable[..., None]:
        def called(path: Path, *args: Any, **options: Any) -> None:
            if next(calls) == call:
                raise OSError(errno.EIO, "the disk reports a fault", str(path))
            method(path, *args, **options)

        return called

    with monkeypatch.context() as patch:
        for name in ("unlink", "rmdir"):
            patch.setattr(Path, name, failing(getattr(Path, name)))
        with suppress(StoreError):  # a folder that cannot be removed is no reason to stop
            remove(store.root, choice)
    left = [made for letter in "abcd" for made in store.records(key(letter))]
    assert all(store.intact(made) for made in left)
    assert verify(store.root).clean
    clean(store, older_than=5 * DAY)
    assert [made.step for letter in "abcd" for made in store.records(key(letter))] == ["nb.a"]
    assert take_stock(store.root).size == 100 + len(b"shared by all")


def test_a_store_that_is_not_there_is_clean(tmp_path: Path) -> None:
    assert choose(take_stock(tmp_path / "none"), NOW, older_than=0.0).nothing
    assert take_stock(tmp_path / "none") == Stock((), {}, {})


# --- who holds it --------------------------------------------------------------------------------------

HOLD = """
import pathlib, sys
from nbflow.store.locks import in_use
with in_use(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(store: Store) -> Iterator[subprocess.Popen[str]]:
    """A run of another process that uses the store."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_nobody_cleans_up_while_a_run_goes_on_and_its_death_sets_the_store_free(
    store: Store, other_run: subprocess.Popen[str]
) -> None:
    with in_use(store.root):  # runs do not keep each other waiting
        pass
    with pytest.raises(StoreInUse) as error, alone(store.root):
        pass
    assert error.value.message == "a run goes on that uses the store"
    assert error.value.fix == "Nothing was removed. Do it when the run has ended."
    other_run.kill()
    other_run.wait()
    with alone(store.root):
        pass


def test_a_run_waits_until_the_clean_up_is_done_and_says_so(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "SAY_AFTER", 0.05)
    store.put(b"x")
    order: list[str] = []

    def run() -> None:
        with in_use(store.root):
            order.append("run")

    waiting = threading.Thread(target=run)
    with alone(store.root):
        waiting.start()
        while not caplog.messages:
            time.sleep(0.01)
        order.append("clean")
    waiting.join()
    assert order == ["clean", "run"]
    assert caplog.messages == ["The store is being cleaned up; the run begins when that is done."]


def test_looking_for_what_to_remove_makes_no_store(tmp_path: Path) -> None:
    with alone(tmp_path / "store"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_locks_runs_go_on_and_nothing_is_removed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(b"x")
    monkeypatch.setattr(flock, "try_lock", lambda descriptor, kind: None)
    with in_use(store.root):
        pass
    with pytest.raises(StoreError) as error, alone(store.root):
        pass
    assert error.value.message == (
        f"the file system of {store.root} has no locks, so nobody can tell whether a run uses the store"
    )


# --- how large it is -----------------------------------------------------------------------------------


def test_the_size_is_counted_once_a_day_and_added_up_between(store: Store) -> None:
    store.put(b"x" * 100)
    assert grown(store.root, 100, NOW) == 100
    store.put(b"y" * 50)
    assert grown(store.root, 7, NOW + 60) == 107  # as told: nobody has looked
    assert grown(store.root, 1, NOW + 120) == 108
    assert grown(store.root, 1, NOW + DAY + 1) == 150
    keep(store.root, 10, NOW)
    assert grown(store.root, 0, NOW - 5) == 150  # the clock went back: count


def test_a_store_knows_what_was_added_through_it(store: Store, tmp_path: Path) -> None:
    store.put(b"x" * 100)
    store.put(b"x" * 100)
    (tmp_path / "file").write_bytes(b"y" * 10)
    store.put_file(tmp_path / "file")
    assert store.added == 110
