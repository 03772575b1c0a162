"""A private folder for each kernel's sockets and files, and the removal of those whose owner was killed.

Each holds a file that its owner has locked: the lock of the operating system dies with the owner, so what is found
unlocked belongs to nobody. A folder gets its name only once it is locked.
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
        unnamed = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=_base())).resolve()
        lock = os.open(unnamed / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a file system without locks: nobody will ever find the folder unlocked
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path = unnamed.with_name(_PREFIX + unnamed.name.removeprefix(_UNFINISHED))
        unnamed.rename(path)
        return cls(path, lock)

    def remove(self) -> None:
        """Leave nothing of it. Again does no harm."""
        shutil.rmtree(self.path, ignore_errors=True)
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def sweep() -> None:
    """Remove the folders of this user whose owner is dead, as far as that is allowed."""
    for base in {_usual(), Path(SHORTEST_TEMPORARY)}:
        with suppress(OSError), os.scandir(base) as entries:
            ours = [Path(e.path) for e in entries if e.name.startswith(_PREFIX) and e.is_dir(follow_symlinks=False)]
            for folder in ours:
                with suppress(OSError):
                    _remove_if_dead(folder)


def _remove_if_dead(folder: Path) -> None:
    if folder.lstat().st_uid != os.geteuid():
        return
    lock = os.open(folder / _OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
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
