"""Errors of the disk explained, and copies that share their blocks where the file system can.

Everything the store writes is ``explained`` here, so there is one place that tells a full disk from a missing
permission. It knows nothing of digests or records; read ``blobs`` next, and ``disk.whole`` for how files are written.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbflow.errors import StoreError

if sys.platform == "linux":
    import fcntl

_FICLONE = 0x40049409
"""The ioctl by which Btrfs, XFS and others let two files share their blocks until one of them is written."""

_ELSEWHERE = (
    "Give yourself write permission there, or keep the store elsewhere: `store` in [tool.nbflow], or NBFLOW_STORE."
)
_FIXES = {
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: _ELSEWHERE,
    errno.ENOSPC: "Free some space on that disk and run again: finished steps are kept.",
    errno.EDQUOT: "Your disk quota is used up. Free some space and run again: finished steps are kept.",
    errno.EIO: "The disk reports a fault. Check it, or keep the store elsewhere: `store` in [tool.nbflow].",
    errno.ENOTDIR: "Something that is not a folder is in the way. Move it away and run again.",
    errno.EEXIST: "Something that is not a folder is in the way. Move it away and run again.",
}


@contextmanager
def explained(what: str, where: Path, fix: str = "") -> Iterator[None]:
    """Turn an ``OSError`` into a ``StoreError``: ``what`` is a sentence without an end (``the store cannot be
    written``), ``where`` the path meant where the error does not name one."""
    try:
        yield
    except OSError as error:
        path = error.filename2 or error.filename or where
        reason = error.strerror or str(error)
        advice = fix or _FIXES.get(error.errno or 0, "Check that path and its file system, then run again.")
        raise StoreError(f"{what}: {os.fspath(path)} ({reason})", advice) from error


def copy(source: Path, target: Path) -> None:
    """Copy bytes to a new file: sharing blocks where the file system can, else really. Never a hard link, by which a
    program that writes in place would change what is stored."""
    if not clone(source, target):
        shutil.copyfile(source, target)


def clone(source: Path, target: Path) -> bool:
    """Whether the file system made ``target`` share the blocks of ``source``; ``target`` is left empty if not."""
    if sys.platform != "linux":
        return False
    with source.open("rb", buffering=0) as old, target.open("wb", buffering=0) as new:
        try:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
        except OSError:  # another file system, or one that cannot: the copy that follows says what is really wrong
            return False
    return True
