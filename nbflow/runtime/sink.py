"""A file that is hashed while it is written, so that big artifacts are read only once.

It may not keep a second copy of what is written. Read ``digests.py`` for the hash; ``serializers.py`` and
``pickles.py`` write into it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import digests
from .failure import StepError

if TYPE_CHECKING:
    from types import TracebackType

    from .digests import Buffer

PIECE = 2 * digests.CHUNK
"""Bytes handed to the disk at a time: the hash of one piece runs beside the write of the next."""


def no_room(error: OSError) -> StepError:
    """What to say where the disk takes no more."""
    return StepError(
        f"The outputs cannot be stored: {error.strerror or error}.", "Make room on the disk, then run again."
    )


class Sink:
    """Binary file for writing only. ``finish`` makes it durable and returns its digest."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - closed by finish or __exit__
        self._hasher = digests.Hasher()
        self.position = 0
        """Bytes written so far."""

    def write(self, data: Buffer) -> int:
        """Write bytes or any contiguous buffer, which must not change before ``finish``."""
        view = memoryview(data)
        size = view.nbytes
        if size <= PIECE:
            self._put(data)
        else:
            view = view.cast("B")
            for start in range(0, size, PIECE):
                self._put(view[start : start + PIECE])
        self.position += size
        return size

    def _put(self, data: Buffer) -> None:
        self._hasher.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise no_room(error) from None

    def align(self, size: int) -> None:
        """Fill up with zeros to a multiple of ``size`` bytes."""
        self.write(bytes(-self.position % size))

    def restart(self) -> None:
        """Forget all that was written."""
        self._file.seek(0)
        self._file.truncate()
        self._hasher.hexdigest()
        self._hasher = digests.Hasher()
        self.position = 0

    def finish(self) -> tuple[str, int]:
        """Flush to disk, close, and return ``(digest, bytes)``."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise no_room(error) from None
        return self._hasher.hexdigest(), self.position

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if not self._file.closed:
            self._file.close()
            self._hasher.hexdigest()
