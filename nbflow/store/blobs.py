"""Bytes by their digest: ``blobs/ab/<digest>``.

A blob appears whole, by rename, and never changes; equal bytes are kept once. Its time of change is a whole second:
whoever writes to it later leaves another time, and then its bytes are compared with its digest again. What is here
says nothing about which step made it (that is ``records``), and nothing here opens a pickle. Read ``records`` next.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nbflow.disk.whole import scratch, sync, write_new
from nbflow.errors import DamagedBlob, StoreError
from nbflow.runtime.digests import digest_bytes, digest_file
from nbflow.store import files
from nbflow.store.home import make_store

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SECOND = 10**9
_STALE = 24 * 3600
"""Seconds after which a temp file belongs to nobody: its process was killed."""

_RUN_AGAIN = "Run again: the step that made it runs once more."


class Blobs:
    """The blob half of a store. ``root`` is the store's folder, made when the first blob is written."""

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self.folder = root / "blobs"
        self.temporary = root / "tmp"
        self._prefix = f"{self.folder}{os.sep}"
        self.added = 0
        """Bytes of the blobs added through this object."""
        self._clock = clock
        self._ready = False

    def path(self, digest: str) -> Path:
        """Where the blob of a digest is, or would be. Raises ``StoreError`` for a text that is no digest."""
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"'{digest}' is not a digest", "The record that names it is damaged. Run the step again.")
        return self.folder / digest[:2] / digest

    def has(self, digest: str, size: int | None = None) -> bool:
        """Whether a blob is there, has that many bytes, and was not written to; its bytes are read only if it was."""
        if not _DIGEST.fullmatch(digest):
            return False
        try:
            # Asked for each artifact of each step, where building a Path costs more than the question.
            found = os.stat(f"{self._prefix}{digest[:2]}{os.sep}{digest}")  # noqa: PTH116
        except OSError:
            return False
        right = stat.S_ISREG(found.st_mode) and size in (None, found.st_size)
        return right and (found.st_mtime_ns % _SECOND == 0 or self._is_unharmed(digest, found.st_mtime_ns))

    def _is_unharmed(self, digest: str, changed: int) -> bool:
        """Whether a blob that was written to, or copied without its times, is what it was; then it is marked so."""
        path = self.path(digest)
        try:
            if digest_file(path) != digest:
                return False
        except OSError:
            return False
        with suppress(OSError):  # another's, or read-only: then the next one who asks looks again
            _mark(path, changed)
        return True

    def prepare(self) -> None:
        """Make the folders, once, and take away what killed processes left half-written. Raises ``OSError``."""
        if self._ready:
            return
        make_store(self.root)
        self.folder.mkdir(exist_ok=True)
        self.temporary.mkdir(exist_ok=True)
        for left in self.temporary.iterdir():
            with suppress(OSError):
                if left.stat().st_mtime < self._clock() - _STALE:
                    left.unlink()
        self._ready = True

    def put(self, data: bytes) -> str:
        """Keep bytes; their digest. Raises ``StoreError``."""
        digest = digest_bytes(data)
        if not self.has(digest, len(data)):
            with files.explained("the store cannot be written", self.root):
                self.prepare()
                with scratch(self.temporary) as temporary:
                    write_new(temporary, data)
                    self._publish(temporary, digest)
        return digest

    def put_copy(self, path: Path) -> str:
        """Keep a copy of a file as it is now; its digest. Raises ``StoreError``."""
        with files.explained("a file cannot be read", path, "Make sure that it is there and that you may read it."):
            if not stat.S_ISREG(path.stat().st_mode):
                raise StoreError(f"{path} is not a plain file and cannot be kept in the store")
            path.open("rb").close()
        with files.explained("the store cannot be written", self.root):
            self.prepare()
            with scratch(self.temporary) as temporary:
                files.copy(path, temporary)
                # Of the copy: the original may change at any moment.
                digest = digest_file(temporary)
                if not self.has(digest, temporary.stat().st_size):
                    sync(temporary)
                    self._publish(temporary, digest)
        return digest

    def adopt(self, path: Path, digest: str) -> None:
        """Move a finished file in, under a digest that is trusted. If that blob is there already, nothing happens: two
        outputs that share one file are moved in once.

        ``path`` should lie on the store's file system; else it is copied. Raises ``StoreError``."""
        with files.explained("the store cannot be written", self.root):
            try:
                found = path.lstat()
            except FileNotFoundError:
                if self.has(digest):
                    return
                raise
            if not stat.S_ISREG(found.st_mode):
                raise StoreError(f"{path} is not a plain file and cannot be kept in the store", _RUN_AGAIN)
            if self.has(digest, found.st_size):
                return
            self.prepare()
            sync(path)
            try:
                self._publish(path, digest)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with scratch(self.temporary) as temporary:
                    files.copy(path, temporary)
                    sync(temporary)
                    self._publish(temporary, digest)
                path.unlink()

    def read(self, digest: str) -> bytes:
        """The bytes of a blob, compared with their digest. Raises ``DamagedBlob``, ``StoreError``."""
        path = self.path(digest)
        with files.explained("the store cannot be read", path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                raise DamagedBlob(f"a stored result is missing: {path}", _RUN_AGAIN) from None
        if digest_bytes(data) != digest:
            raise DamagedBlob(f"a stored result is damaged: {path} does not match its digest", _RUN_AGAIN)
        return data

    def restore(self, digest: str, target: Path, mode: int = 0o644) -> None:
        """Put a copy of a blob at ``target``, whole or not at all, compared with its digest; what is there is
        replaced (a symbolic link too, not what it points to). Raises ``DamagedBlob``, ``StoreError``."""
        source = self.path(digest)
        fix = "Make sure that the folder can be written and that its disk has space, then run again."
        with files.explained("a stored file cannot be put back", target, fix):
            target.parent.mkdir(parents=True, exist_ok=True)
            if not source.is_file():
                raise DamagedBlob(f"a stored file is missing: {source} (for {target})", _RUN_AGAIN)
            with scratch(target.parent) as temporary:
                files.copy(source, temporary)
                if digest_file(temporary) != digest:
                    message = f"a stored file is damaged: {source} does not match its digest (for {target})"
                    raise DamagedBlob(message, _RUN_AGAIN)
                temporary.chmod(mode & 0o777)
                temporary.replace(target)

    def quarantine(self, digest: str) -> None:
        """Move a damaged blob away (to ``damaged/``), so that the next one of that digest is kept. A blob that is not
        there is fine. Raises ``StoreError``."""
        source = self.path(digest)
        aside = self.root / "damaged"
        with files.explained("the store cannot be written", source), suppress(FileNotFoundError):
            source.lstat()
            aside.mkdir(exist_ok=True)
            source.replace(aside / digest)

    def _publish(self, path: Path, digest: str) -> None:
        target = self.path(digest)
        target.parent.mkdir(exist_ok=True)
        path.chmod(0o444)  # nobody writes to a blob by mistake
        _mark(path, path.stat().st_mtime_ns)
        path.replace(target)
        self.added += target.stat().st_size


def _mark(path: Path, changed: int) -> None:
    """Give a blob a time of change in whole seconds."""
    moment = changed - changed % _SECOND
    os.utime(path, ns=(moment, moment))
