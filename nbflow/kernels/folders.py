"""A private folder for each kernel's sockets and files, and the removal of those whose owner was killed.

Each holds a file that its owner has locked: the lock of the operating system dies with the owner, so what is found
unlocked belongs to nobody. A folder has its name only while it holds that file. Before and after, it has another one,
and whoever sweeps may lock it in its owner's place: then the owner makes another folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LONGEST_SOCKET = 100
"""Characters of a socket's path that every system allows (macOS: 103, Linux: 107)."""

SHORTEST_TEMPORARY = "/tmp"  # noqa: S108 - only where the usual folder is too long; ours below it is private

_PREFIX, _UNFINISHED, _OWNER = "nbflow-", ".nbflow-new-", "owner"


@dataclass
class PrivateFolder:
    """A new folder for one kernel alone, with a short path where there is one. Mode 0700, as it holds the key."""

    path: Path
    _lock: int

    @classmethod
    def make(cls) -> PrivateFolder:
        """Raises ``OSError``."""
        while True:
            unnamed = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=_base())).resolve()
            with suppress(FileNotFoundError, BlockingIOError):  # somebody has swept it
                return cls._named(unnamed)

    @classmethod
    def _named(cls, unnamed: Path) -> PrivateFolder:
        lock = os.open(unnamed / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(lock)
            path = unnamed.rename(unnamed.with_name(_PREFIX + unnamed.name.removeprefix(_UNFINISHED)))
        except OSError:
            os.close(lock)
            raise
        return cls(path, lock)

    def remove(self) -> None:
        """Leave nothing of it. Again does no harm."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            _remove(self.path)
            os.close(lock)


def _lock(descriptor: int) -> None:
    """Raises ``BlockingIOError`` where somebody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks: nobody will ever find the folder unlocked
        return


def _remove(folder: Path) -> None:
    """Whoever is killed meanwhile leaves something that can be swept."""
    unnamed = folder.with_name(_UNFINISHED + folder.name.removeprefix(_PREFIX))
    with suppress(OSError):
        folder = folder.rename(unnamed)
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of this user whose owner is dead, as far as that is allowed."""
    for base in {_usual(), Path(SHORTEST_TEMPORARY)}:
        with suppress(OSError), os.scandir(base) as entries:
            names = (_PREFIX, _UNFINISHED)
            ours = [Path(e.path) for e in entries if e.name.startswith(names) and e.is_dir(follow_symlinks=False)]
            for folder in ours:
                with suppress(OSError):
                    _remove_if_dead(folder)


def _remove_if_dead(folder: Path) -> None:
    if folder.lstat().st_uid != os.geteuid():
        return
    make = os.O_CREAT if folder.name.startswith(_UNFINISHED) else 0
    lock = os.open(folder / _OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | make, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)
    finally:
        os.close(lock)


def _usual() -> Path:
    return Path(tempfile.gettempdir())


def _base() -> Path:
    usual, short = _usual(), Path(SHORTEST_TEMPORARY)
    too_long = len(str(usual)) + 30 > LONGEST_SOCKET
    return short if too_long and os.name == "posix" and os.access(short, os.W_OK) else usual


def transport_for(connection: Path) -> str:
    """How to talk to a kernel with this connection file: over sockets beside it where their paths fit."""
    return "ipc" if os.name == "posix" and len(str(connection)) + 8 <= LONGEST_SOCKET else "tcp"
