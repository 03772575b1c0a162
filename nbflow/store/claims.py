"""Claims: who may make a result, and who may touch a path, among the runs and steps of one project.

A claim is a set of locks of the operating system: it dies with its holder however that dies, so there is nothing to
clean up. All locks of a claim are taken in one order, so two claims never wait for each other. A path is claimed
together with the folders above it, which others may then use but not claim whole. Where the file system has no locks
a claim is granted at once. It knows nothing of steps; read ``attempt/turns`` next.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from nbflow.core.paths import is_glob
from nbflow.disk.flock import EXCLUSIVE, SHARED, keep_from_children, released, try_lock
from nbflow.store import files

LOOK_AGAIN = 0.05
"""Seconds between two looks at a lock that somebody else holds."""

Wanted = Mapping[str, bool]
"""Name → whether for oneself alone."""


def result(key: str) -> dict[str, bool]:
    """What to claim in order to make the result of a key."""
    return {f"result {key}": True}


def paths(written: Iterable[str], read: Iterable[str] = ()) -> dict[str, bool]:
    """What to claim in order to write and to read declared paths (files, ``folders/``, globs; from the root)."""
    wanted: dict[str, bool] = {}
    for alone, declared in ((False, read), (True, written)):
        for path in declared:
            parts = _fixed_part(path)
            for depth in range(1, len(parts)):
                wanted.setdefault("path " + "/".join(parts[:depth]), False)
            name = "path " + "/".join(parts)
            wanted[name] = wanted.get(name, False) or alone
    return wanted


def _fixed_part(path: str) -> list[str]:
    """The folders and the file of a path, up to the first that is a pattern."""
    parts = path.rstrip("/").split("/")
    return parts[: next((at for at, part in enumerate(parts) if is_glob(part)), len(parts))] or ["."]


class Claims:
    """Takes claims below ``folder``, in the name of ``holder``, which those who wait are told."""

    def __init__(self, folder: Path, holder: str) -> None:
        self._folder = folder
        self._holder = holder

    def take(
        self, wanted: Wanted, waits: Callable[[str], bool] = lambda _: True, pause: Callable[[float], None] = time.sleep
    ) -> Claim | None:
        """Wait until all of it is ours. ``waits`` is asked again and again while somebody else (their name, or ``""``)
        holds a part of it: ``False`` gives up, and ``None`` is returned. Raises ``StoreError``."""
        taken = Claim()
        try:
            with files.explained("nobody can be kept from working on the same step", self._folder):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                for name in sorted(wanted):
                    if not self._lock(taken, name, wanted[name], waits, pause):
                        taken.release()
                        return None
        except BaseException:
            taken.release()
            raise
        return taken

    def _lock(
        self, taken: Claim, name: str, alone: bool, waits: Callable[[str], bool], pause: Callable[[float], None]
    ) -> bool:
        path = self._folder / f"{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.lock"
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if try_lock(descriptor, EXCLUSIVE if alone else SHARED) is not False:
                    if _is_at(path, descriptor):
                        if alone:
                            os.ftruncate(descriptor, 0)
                            os.pwrite(descriptor, self._holder.encode(), 0)
                        taken.add(path, descriptor, alone)
                        descriptor = -1
                        return True
                    continue  # who held it before has removed the file that we opened
                if not waits(os.pread(descriptor, 200, 0).decode("utf-8", "replace")):
                    return False
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
            pause(LOOK_AGAIN)


class Claim:
    """Locks that are held, until ``release`` or the end of a ``with``."""

    def __init__(self) -> None:
        self._held: list[tuple[Path, int, bool]] = []
        keep_from_children(self)

    def add(self, path: Path, descriptor: int, alone: bool) -> None:
        self._held.append((path, descriptor, alone))

    def release(self) -> None:
        """Let go. Again does no harm."""
        while self._held:
            path, descriptor, alone = self._held.pop()
            with suppress(OSError):
                if (
                    alone or try_lock(descriptor, EXCLUSIVE) is not False
                ):  # nobody else has it: whoever opened it looks again
                    path.unlink()
            os.close(descriptor)
        released(self)

    def close(self) -> None:
        """Close the files without a word, as the end of the process would."""
        while self._held:
            os.close(self._held.pop()[1])

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
