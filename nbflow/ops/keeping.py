"""What is kept of runs and results, and what goes: after every run by the settings, and when a person says so.

Runs are remembered, with their folders, up to ``keep_runs``; results in the store up to ``store_limit`` bytes. What a
run that goes on may need is never touched: its lock tells. Read ``store.cleaning`` next for how a store is cleaned.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbflow.errors import JournalError, StoreError
from nbflow.journal import Journal, liveness
from nbflow.ops.folders import RUNS
from nbflow.render.words import count, size
from nbflow.settings import Settings, find_root
from nbflow.store import checking, growth
from nbflow.store.cleaning import Choice, choose, remove
from nbflow.store.locks import alone
from nbflow.store.stock import Kept, Stock, take_stock

log = logging.getLogger(__name__)

_RUN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-z]{2,16}")


def settings_here(folder: Path | None = None) -> Settings:
    """The settings of the project that a folder (by default: the current one) lies in, without looking for notebooks.
    Raises ``UsageError``."""
    return Settings.load(find_root(folder or Path.cwd()), os.environ)


# --- after a run ---------------------------------------------------------------------------------------


def forget_old_runs(journal: Journal, root: Path, keep: int) -> None:
    """Forget all runs but the newest ``keep``, and those that go on: their folders and what the journal tells of them.
    Their results stay. What cannot be removed now goes after a later run."""
    folders = root / RUNS
    with suppress(OSError, JournalError):
        there = {p.name for p in folders.iterdir() if _RUN.fullmatch(p.name)} if folders.is_dir() else set()
        known = {row.id for row in journal.runs()}
        old = sorted(there | known, reverse=True)[keep:]
        over = [run for run in old if liveness(root, run) == "gone"]
        for run in over:
            shutil.rmtree(folders / run, ignore_errors=True)
        if known.intersection(over):
            journal.forget(over)


def hold_to_limit(settings: Settings, added: int, now: Callable[[], float] = time.time) -> None:
    """Remove the results least lately used where the store has grown beyond its limit. A run that added nothing pays
    nothing. While another run uses the store nothing is removed: that one will do it. ``added``: bytes."""
    if not added or settings.store_limit is None:
        return
    root = settings.store
    with suppress(OSError, StoreError):
        if growth.grown(root, added, now()) <= settings.store_limit:
            return
        with alone(root):
            stock = take_stock(root)
            choice = choose(stock, now(), max_size=settings.store_limit)
            remove(root, choice)
            growth.keep(root, stock.size - choice.bytes, now())
        if choice.records:
            verb = "was" if len(choice.records) == 1 else "were"
            log.warning(
                "The store had grown beyond its limit of %s (store_limit): %s not used for long %s removed.",
                size(round(settings.store_limit)), count(len(choice.records), "result"), verb,
            )  # fmt: skip


# --- when a person says so -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepShare:
    """What the results of one step take in the store."""

    step: str
    """Full name of the step that made them; ``""`` for what cannot be read."""
    results: int
    size: int
    """Bytes, what it shares with other steps included."""
    frees: int
    """Bytes that would become free if its results were removed."""
    used: str
    """When one was last made or reused: ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True)
class StoreSizes:
    """What lies in a store."""

    store: Path
    steps: tuple[StepShare, ...]
    """Largest first."""
    size: int
    """Bytes of all stored bytes, each counted once."""
    unnamed: int
    """Bytes that no result names: left by runs that were killed, or about to be named."""
    aside: int
    """Bytes that were moved aside as damaged."""


def cache_sizes(settings: Settings) -> StoreSizes:
    """What the results of each step take. Raises ``StoreError``."""
    stock = _stock(settings.store)
    owners: dict[str, set[str]] = {}
    for kept in stock.records:
        for digest, _ in kept.needs:
            if digest in stock.blobs:
                owners.setdefault(digest, set()).add(kept.step)
    results: dict[str, list[Kept]] = {}
    for kept in stock.records:
        results.setdefault(kept.step, []).append(kept)
    sizes = dict.fromkeys(results, 0)
    frees = dict.fromkeys(results, 0)
    for digest, steps in owners.items():
        for step in steps:
            sizes[step] += stock.blobs[digest].size
            frees[step] += stock.blobs[digest].size if len(steps) == 1 else 0
    shares = [
        StepShare(step, len(kept), sizes[step], frees[step], max(each.used for each in kept))
        for step, kept in results.items()
    ]
    return StoreSizes(
        store=settings.store,
        steps=tuple(sorted(shares, key=lambda share: (-share.size, share.step))),
        size=stock.size,
        unnamed=sum(stored.size for digest, stored in stock.blobs.items() if digest not in owners),
        aside=sum(stored.size for stored in stock.aside.values()),
    )


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed from a store, or would be."""

    choice: Choice
    left: int
    """Bytes that remain."""
    current: tuple[str, ...]
    """Full names of the steps whose newest result is among them: they run again."""


def cache_gc(
    settings: Settings, *, older_than: float | None = None, max_size: float | None = None, dry_run: bool = False
) -> Cleaned:
    """Remove results not used for ``older_than`` seconds, and those least lately used beyond ``max_size`` bytes (by
    default what the settings say), and what serves nobody. Raises ``StoreInUse`` while a run goes on."""
    if older_than is None and max_size is None:
        max_size = settings.store_limit

    def chosen() -> tuple[Stock, Choice]:
        stock = _stock(settings.store)
        return stock, choose(stock, time.time(), older_than, max_size)

    if dry_run:
        stock, choice = chosen()
    else:
        with alone(settings.store):
            stock, choice = chosen()
            remove(settings.store, choice)
            if settings.store.is_dir():
                growth.keep(settings.store, stock.size - choice.bytes, time.time())
    newest = _newest_results(settings.root)
    current = {kept.step for kept in choice.records if kept.record is not None and kept.record.id in newest}
    return Cleaned(choice, stock.size - choice.bytes, tuple(sorted(current)))


def cache_verify(
    settings: Settings, on_bytes: Callable[[int, int], None] = lambda _done, _of: None
) -> checking.Verdict:
    """Check that everything in the store is what was stored, and move aside what is not. Raises ``StoreError``."""
    return checking.verify(settings.store, on_bytes)


def _newest_results(root: Path) -> frozenset[str]:
    journal = Journal.read(root)
    if journal is None:
        return frozenset()
    with journal:
        return frozenset(record for _, record in journal.last_results().values())


def _stock(store: Path) -> Stock:
    try:
        return take_stock(store)
    except OSError as error:
        raise StoreError(
            f"the store cannot be read: {error.filename or store} ({error.strerror})", "Make sure that you may read it."
        ) from error
