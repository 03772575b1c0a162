"""Files that are whole or not there: a temporary file on the same file system, fsync, rename.

A kill at any instant leaves the old file or the new one. Nothing here explains an ``OSError``: the caller knows what
the file is for.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Path for a new file that no other process or thread uses; gone at the end, whatever happened, unless renamed."""
    path = folder / f".nbflow-{secrets.token_hex(8)}.tmp"
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def write_new(path: Path, data: bytes, mode: int = 0o600, lasting: bool = True) -> None:
    """Write a new file, for its owner alone where no other mode is given. ``FileExistsError`` where one is.

    ``lasting``: wait until the disk has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        if lasting:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Wait until the disk has a file's bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
