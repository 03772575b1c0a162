"""All that lies in a store: which records name which blobs, how large these are, and when results were last used.

It only looks, and opens no blob. A record that cannot be read, or that a newer nbflow wrote, counts as naming every
digest in its text, so that nothing it may need is taken for waste. Read ``cleaning`` next for what becomes of it.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from nbflow.core.event_json import time_text
from nbflow.core.model import Record
from nbflow.store.records import SCHEMA, blobs_of, record_from_json

DAMAGED = "damaged"
"""The folder of what was moved aside."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"([0-9]{1,18})\.json")


class Stored(NamedTuple):
    """One file. ``modified``: seconds since the epoch."""

    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Kept:
    """One record file."""

    path: Path
    number: int
    """The highest of a key is the newest."""
    key: str
    record: Record | None
    """``None`` where it cannot be read, or a newer nbflow wrote it."""
    newer: bool
    needs: tuple[tuple[str, int | None], ...]
    """Digest and size of each blob that it names; no size where it does not say it."""
    used: str
    """When it was made or last reused: ISO 8601 in UTC."""

    @property
    def step(self) -> str:
        """Full name of the step that made it, ``""`` where it cannot be read."""
        return self.record.step if self.record is not None else ""


@dataclass(frozen=True)
class Stock:
    """What lay in the store at one moment."""

    records: tuple[Kept, ...]
    blobs: Mapping[str, Stored]
    """By digest."""
    aside: Mapping[str, Stored]
    """What was moved aside as damaged, by name."""

    @property
    def size(self) -> int:
        """Bytes of all blobs and of what was moved aside."""
        return sum(stored.size for stored in (*self.blobs.values(), *self.aside.values()))

    @cached_property
    def named(self) -> Mapping[str, int]:
        """Digest → how many records name it."""
        found: dict[str, int] = {}
        for kept in self.records:
            for digest in {digest for digest, _ in kept.needs}:
                found[digest] = found.get(digest, 0) + 1
        return found

    def lacking(self, kept: Kept) -> tuple[str, ...]:
        """Digests of blobs that a record needs and that are not there, or not whole."""
        return tuple(d for d, size in kept.needs if d not in self.blobs or size not in (None, self.blobs[d].size))

    def superseded(self) -> frozenset[Path]:
        """Record files behind which a newer one of the same key has all that it needs."""
        found: set[Path] = set()
        whole: set[str] = set()
        for kept in sorted(self.records, key=lambda kept: -kept.number):
            if kept.key in whole:
                found.add(kept.path)
            elif kept.record is not None and not self.lacking(kept):
                whole.add(kept.key)
        return frozenset(found)


def take_stock(root: Path) -> Stock:
    """Look at a store. What others add or remove meanwhile may be in or not. Raises ``OSError``."""
    # The records first: a blob that is missing because it came later would look like damage.
    records = tuple(_records(root / "records"))
    return Stock(records, dict(_blobs(root)), dict(_files([root / DAMAGED])))


def size_of_blobs(root: Path) -> int:
    """Bytes of all blobs and of what was moved aside; much cheaper than to take stock. Raises ``OSError``."""
    return sum(stored.size for _, stored in (*_blobs(root), *_files([root / DAMAGED])))


def _records(folder: Path) -> Iterator[Kept]:
    for shelf in _folders(folder):
        for place in _folders(Path(shelf)):
            yield from _of_key(Path(place))


def _of_key(folder: Path) -> Iterator[Kept]:
    found = {int(m[1]): folder / m[0] for name in _names(folder) if (m := _NUMBER.fullmatch(name))}
    try:
        used = time_text(folder.stat().st_mtime)
    except OSError:
        return
    for number, path in sorted(found.items()):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError:
            data = b""
        # The folder's time is that of its newest record: the others were used when they were made.
        yield _kept(path, number, data, used if number == max(found) else "")


def _kept(path: Path, number: int, data: bytes, used: str) -> Kept:
    newer = False
    try:
        values = json.loads(data)
        schema = values.get("schema") if isinstance(values, dict) else None
        newer = isinstance(schema, int) and schema > SCHEMA
        record = record_from_json(values)
        if record.key == path.parent.name:
            needs = tuple(dict.fromkeys(blobs_of(record)))
            return Kept(path, number, record.key, record, False, needs, max(used, record.created))
    except ValueError:
        pass
    needs = tuple((digest, None) for digest in dict.fromkeys(_DIGEST.findall(data.decode("ascii", "replace"))))
    return Kept(path, number, path.parent.name, None, newer, needs, used)


def _blobs(root: Path) -> Iterator[tuple[str, Stored]]:
    return _files(map(Path, _folders(root / "blobs")), _DIGEST)


def _files(folders: Iterable[Path], pattern: re.Pattern[str] | None = None) -> Iterator[tuple[str, Stored]]:
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if pattern is None or pattern.fullmatch(entry.name):
                        found = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):
                            yield entry.name, Stored(found.st_size, found.st_mtime)
        except FileNotFoundError:
            continue


def _folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []
