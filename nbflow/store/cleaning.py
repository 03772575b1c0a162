"""What to remove from a store, and how: first records, then the blobs that no record names any more.

A kill at any instant leaves blobs without a record, which the next clean-up finds, and never a record without its
blobs. Whoever removes holds the store alone (``locks``), so no run is about to use what goes. A blob that no record
ever named may belong to a record that is about to be committed where locks do not reach; such a one goes only when it
is old. ``choose`` decides and touches nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbflow.core.event_json import time_text
from nbflow.disk.whole import sync
from nbflow.store import files
from nbflow.store.stock import DAMAGED, Kept, Stock

GRACE = 3600.0
"""Seconds for which a blob that no record names is left alone: far longer than a result takes to be committed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be removed."""

    records: tuple[Kept, ...]
    blobs: tuple[str, ...]
    """Digests."""
    aside: tuple[str, ...]
    """Names of what was moved aside as damaged."""
    bytes: int
    """What becomes free."""

    @property
    def nothing(self) -> bool:
        return not (self.records or self.blobs or self.aside)


def choose(stock: Stock, now: float, older_than: float | None = None, max_size: float | None = None) -> Choice:
    """What to remove: results not used for ``older_than`` seconds, then those least lately used until the rest takes
    no more than ``max_size`` bytes, and in any case what serves nobody: damaged results, blobs of killed runs, and
    what was moved aside. ``now``: seconds since the epoch."""
    count = dict(stock.named)
    free = {d for d, stored in stock.blobs.items() if d not in count and stored.modified < now - GRACE}
    size = sum(stored.size for digest, stored in stock.blobs.items() if digest not in free)
    chosen: list[Kept] = []
    limit = time_text(now - older_than) if older_than is not None else ""
    useless = {kept.path for kept in stock.records if kept.record is None or stock.lacking(kept)}
    known = [kept for kept in stock.records if not kept.newer]
    for kept in sorted(known, key=lambda kept: (kept.path not in useless, kept.used)):
        if kept.path not in useless and kept.used >= limit and (max_size is None or size <= max_size):
            continue
        chosen.append(kept)
        for digest in {digest for digest, _ in kept.needs}:
            count[digest] -= 1
            if not count[digest] and digest in stock.blobs:
                free.add(digest)
                size -= stock.blobs[digest].size
    freed = sum(stock.blobs[digest].size for digest in free) + sum(stored.size for stored in stock.aside.values())
    return Choice(tuple(chosen), tuple(sorted(free)), tuple(sorted(stock.aside)), freed)


def remove(root: Path, choice: Choice) -> None:
    """Remove what was chosen. The store is held alone. Raises ``StoreError``."""
    with files.explained("the store cannot be cleaned up", root):
        for folder, kept in _by_folder(choice.records).items():
            _remove_records(folder, kept)
        for digest in choice.blobs:
            (root / "blobs" / digest[:2] / digest).unlink(missing_ok=True)
        for name in choice.aside:
            (root / DAMAGED / name).unlink(missing_ok=True)


def _by_folder(records: Iterable[Kept]) -> dict[Path, list[Path]]:
    found: dict[Path, list[Path]] = {}
    for kept in records:
        found.setdefault(kept.path.parent, []).append(kept.path)
    return found


def _remove_records(folder: Path, records: Iterable[Path]) -> None:
    used = folder.stat().st_mtime
    for path in records:
        path.unlink(missing_ok=True)
    # Else a power cut may keep a record whose blobs are gone.
    sync(folder)
    try:
        folder.rmdir()
    except OSError:  # there are other records of that key: they were not used just now
        os.utime(folder, (used, used))
