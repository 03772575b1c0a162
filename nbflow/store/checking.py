"""Whether what is stored is what was stored: every blob hashed once more, every record read.

What does not match its digest is moved aside, so that nothing is made from it: the results that need it count as
damaged from then on, and their steps run again. Hashing uses all cores, and opens no pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from nbflow.runtime.digests import digest_file
from nbflow.store import files
from nbflow.store.stock import DAMAGED, Kept, Stock, take_stock

THREADS = 4
"""Small files at a time; a big one is hashed by all cores as it is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    blobs: int
    bytes: int
    damaged: tuple[str, ...]
    """Digests of the blobs that were moved aside."""
    unreadable: tuple[Path, ...]
    """Record files that were moved aside."""
    lacking: tuple[Kept, ...]
    """Results that cannot be used, because something they need is damaged or missing."""
    moved: bool
    """False where the store could not be written: what is damaged lies where it was."""

    @property
    def clean(self) -> bool:
        return not (self.damaged or self.unreadable or self.lacking)


def verify(root: Path, on_bytes: Callable[[int, int], None] = lambda _done, _of: None) -> Verdict:
    """Check a whole store. ``on_bytes`` hears how many bytes have been hashed, of how many. Raises ``StoreError``."""
    with files.explained("the store cannot be read", root):
        stock = take_stock(root)
        total = sum(stored.size for stored in stock.blobs.values())
        damaged: list[str] = []
        done = 0
        for digest, good in _hashed(root, stock):
            done += stock.blobs[digest].size
            on_bytes(done, total)
            if not good:
                damaged.append(digest)
    unreadable = [kept for kept in stock.records if kept.record is None and not kept.newer]
    places = {root / "blobs" / digest[:2] / digest: digest for digest in damaged}
    moved = _move_aside(root, places | {kept.path: f"{kept.key}-{kept.path.name}" for kept in unreadable})
    left = Stock(stock.records, {d: s for d, s in stock.blobs.items() if d not in damaged}, {})
    # A damaged result that a newer one of the same key stands in for does no harm any more.
    past = left.superseded()
    lacking = [k for k in left.records if k.record is not None and k.path not in past and left.lacking(k)]
    paths = tuple(kept.path for kept in unreadable)
    return Verdict(len(stock.blobs), total, tuple(damaged), paths, tuple(lacking), moved)


def _hashed(root: Path, stock: Stock) -> Iterator[tuple[str, bool]]:
    def good(digest: str) -> bool:
        try:
            return digest_file(root / "blobs" / digest[:2] / digest) == digest
        except FileNotFoundError:
            return True  # removed since: nothing is wrong with it
        except OSError:
            return False

    with ThreadPoolExecutor(THREADS, "nbflow-verify") as pool:
        waiting = iter(stock.blobs)
        while batch := list(islice(waiting, 256)):  # so that an interrupt is heard within moments
            yield from zip(batch, pool.map(good, batch), strict=True)


def _move_aside(root: Path, names: Mapping[Path, str]) -> bool:
    """Whether all of it was moved."""
    try:
        for path, name in names.items():
            (root / DAMAGED).mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                path.replace(root / DAMAGED / name)
    except OSError:
        return False
    return True
