"""The store in a local folder: records and blobs together, and the promise that joins them.

A record is committed only once all its bytes are on the disk, and of two that race for one key the first stays.
Opening a store and reading from it makes no folder and no file. It decides nothing about fresh or stale; the plan
does, from what ``records`` and ``intact`` say.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from nbflow.core.model import Record
from nbflow.errors import StoreError
from nbflow.runtime.digests import digest_file
from nbflow.store import files
from nbflow.store.blobs import Blobs
from nbflow.store.file_digests import Digests
from nbflow.store.records import Records, blobs_of, same_reads

_WORKSPACE = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,199}")


class Store:
    """Records and blobs below ``root`` (``<project>/.nbflow/store``). Serves several threads, and any number of
    processes at a time. As a context manager, or by ``close``, it keeps what it learnt about unchanged files.

    ``now_ns`` is the clock, in nanoseconds since the epoch."""

    def __init__(self, root: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.root = root
        self._now_ns = now_ns
        self._blobs = Blobs(root, lambda: now_ns() / 1e9)
        self._records = Records(root)
        self._digests = Digests(root / "digests.json")

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Keep the digests of files hashed so far. The store may be used on."""
        self._digests.save()

    # --- records -------------------------------------------------------------------------------------------

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about records that were left alone."""
        return tuple(self._records.notes)

    def records(self, key: str) -> list[Record]:
        """All readable records of a key, newest first. Raises ``StoreError``."""
        return self._records.newest_first(key)

    def intact(self, record: Record) -> bool:
        """Whether every blob that the record needs is there and as it was kept: see ``Blobs.has``."""
        return all(self._blobs.has(digest, size) for digest, size in blobs_of(record))

    def commit(self, record: Record, supersede: bool = False) -> Record:
        """Make a record the newest of its key; the record that holds from now on, which is another one if an intact
        record of an attempt that read the same things is there first (with ``supersede`` it is not asked for).

        Raises ``StoreError`` where the store cannot be written, or where a blob of the record is not stored yet."""
        missing = [digest for digest, size in blobs_of(record) if not self._blobs.has(digest, size)]
        if missing:
            raise StoreError(
                f"the result of {record.step} cannot be recorded: its stored bytes are missing ({missing[0][:12]}…)",
                "Something removed them while the step ran. Run again.",
            )
        with files.explained("the store cannot be written", self.root):
            self._blobs.prepare()
            while True:
                # The number first: whoever commits after this look takes it, and is seen by the next one.
                number = self._records.next_number(record.key)
                if not supersede and (first := self._first(record)) is not None:
                    return first
                if self._records.create(record, number, self._blobs.temporary):
                    return record

    def use(self, record: Record) -> None:
        """Note that a result is used: what is not for long may be removed."""
        self._records.use(record.key, self._now_ns() / 1e9)

    def _first(self, record: Record) -> Record | None:
        for found in self._records.newest_first(record.key):
            if found.reusable == record.reusable and same_reads(found, record) and self.intact(found):
                return found
        return None

    # --- blobs ---------------------------------------------------------------------------------------------

    @property
    def added(self) -> int:
        """Bytes of the blobs added through this object."""
        return self._blobs.added

    @property
    def blobs(self) -> Path:
        """The folder of blobs: that of digest ``d`` is ``d[:2]/d``."""
        return self._blobs.folder

    def blob(self, digest: str) -> Path:
        """Where the blob of a digest is, or would be."""
        return self._blobs.path(digest)

    def has(self, digest: str, size: int | None = None) -> bool:
        """Whether a blob is there, and has that many bytes. The bytes are not read."""
        return self._blobs.has(digest, size)

    def put(self, data: bytes) -> str:
        """Keep bytes; their digest. Raises ``StoreError``."""
        return self._blobs.put(data)

    def put_file(self, path: str | os.PathLike[str]) -> str:
        """Keep a copy of a file as it is now (by reflink where the file system can); its digest.
        Raises ``StoreError``."""
        path = Path(path)
        now = self._now_ns()
        before = None
        with suppress(OSError):  # put_copy says what is wrong
            before = path.stat()
            known = self._digests.recall(before, now)
            if known is not None and self._blobs.has(known, before.st_size):
                return known
        digest = self._blobs.put_copy(path)
        if before is not None:
            self._remember(path, before, digest, now)
        return digest

    def adopt(self, path: str | os.PathLike[str], digest: str) -> None:
        """Move a finished file in, under a digest that is trusted. If that blob is there already, nothing happens.
        Raises ``StoreError``."""
        self._blobs.adopt(Path(path), digest)

    def read(self, digest: str) -> bytes:
        """The bytes of a blob, compared with their digest. Raises ``DamagedBlob``, ``StoreError``."""
        return self._blobs.read(digest)

    def restore(self, digest: str, target: str | os.PathLike[str], mode: int = 0o644) -> None:
        """Put a copy of a blob at ``target``, compared with its digest, whole or not at all.
        Raises ``DamagedBlob``, ``StoreError``."""
        self._blobs.restore(digest, Path(target), mode)

    def quarantine(self, digest: str) -> None:
        """Move a damaged blob out of the way. Raises ``StoreError``."""
        self._blobs.quarantine(digest)

    # --- around them ---------------------------------------------------------------------------------------

    def digest(self, path: str | os.PathLike[str]) -> str:
        """Digest of any file, remembered while the file does not change. Raises ``OSError`` where it cannot be
        read: the caller knows what the file is for."""
        path = Path(path)
        now = self._now_ns()
        before = path.stat()
        known = self._digests.recall(before, now)
        if known is not None:
            return known
        digest = digest_file(path)
        self._remember(path, before, digest, now)
        return digest

    def _remember(self, path: Path, before: os.stat_result, digest: str, now_ns: int) -> None:
        with suppress(OSError):  # gone since: nothing to remember
            self._digests.remember(before, path.stat(), digest, now_ns)

    def workspace(self, name: str) -> Path:
        """A new empty folder on the store's file system, for one attempt; whoever asks for it removes it.
        Raises ``StoreError``, also where one of that name is there."""
        if not _WORKSPACE.fullmatch(name):
            raise StoreError(f"'{name}' cannot be the name of a folder")
        with files.explained("the store cannot be written", self.root):
            self._blobs.prepare()
            folder = self.root / "work" / name
            folder.parent.mkdir(exist_ok=True)
            folder.mkdir(mode=0o700)
        return folder

    def remove_workspaces(self, beginning: str) -> None:
        """Remove the folders of attempts whose name begins so: whoever made them is gone. Raises ``StoreError``."""
        if not _WORKSPACE.fullmatch(beginning):
            raise StoreError(f"'{beginning}' cannot be the name of a folder")
        with files.explained("the store cannot be written", self.root), suppress(FileNotFoundError):
            for folder in (self.root / "work").iterdir():
                if folder.name.startswith(beginning):
                    shutil.rmtree(folder)
