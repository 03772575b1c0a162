"""Put the file outputs of a stored result back where they lay when it was made.

What lies in their place and is not what the record says (a changed file, one that the step never made, a folder or a
link where a file was) is moved to the run's folder, never deleted. Nothing is written through a link that leads out of
the project. ``core.restored`` tells a plan what this will come to; ``outputs`` says which files a declaration means.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from nbflow.core.model import REF, Record, StoredFile
from nbflow.core.paths import plain_part
from nbflow.store import files
from nbflow.store.local import Store
from nbflow.store.outputs import is_inside, matching, move_to


class PuttingBack:
    """Compares the files of stored results with what lies below ``root``, and mends that. ``without``: names of files
    and folders that never count. Patterns are declared outputs, from the root."""

    def __init__(self, store: Store, root: Path, without: Collection[str]) -> None:
        self._store = store
        self._root = root
        self._without = without

    def is_in_place(self, file: StoredFile) -> bool:
        """Whether a stored file lies where it was made, as it was made."""
        target = self._root / file.path
        return self._has_bytes(target, file.digest) and _has_mode(target, file.mode)

    def is_needed(self, record: Record, patterns: Iterable[str]) -> bool:
        """Whether ``put_back`` would change anything."""
        return not all(map(self.is_in_place, _stored(record))) or bool(self._others(record, patterns))

    def put_back(self, record: Record, patterns: Iterable[str], kept: Path) -> None:
        """Make the place of a result's files as it was. ``kept``: folder for what is in the way. Raises
        ``StoreError``."""
        for file in _stored(record):
            self._open_the_way(Path(file.path).parent, kept)
        for path, pattern in self._others(record, patterns).items():
            self._move(path, kept)
            _prune_up(path.parent, self._root / plain_part(pattern))
        for file in _stored(record):
            self.restore(file, kept)

    def restore(self, file: StoredFile, kept: Path) -> None:
        """Put one file back, if it is not there. Raises ``StoreError``."""
        target = self._root / file.path
        self._open_the_way(Path(file.path).parent, kept)
        if self._has_bytes(target, file.digest):
            if not _has_mode(target, file.mode):
                with files.explained("a stored file cannot be put back", target):
                    target.chmod(file.mode)
            return
        if os.path.lexists(target):
            self._move(target, kept)
        self._store.restore(file.digest, target, file.mode)

    def _others(self, record: Record, patterns: Iterable[str]) -> dict[Path, str]:
        """Files of these outputs that this result did not make (a person did, or a later result), by whose pattern."""
        made = {self._root / file.path for artifact in record.artifacts for file in artifact.files}
        found = ((path, p) for p in patterns for path in matching(self._root, p, self._without))
        return {path: pattern for path, pattern in found if path not in made}

    def _open_the_way(self, folder: Path, kept: Path) -> None:
        """See that nothing but folders of the project lies on the way to a folder."""
        place = self._root
        for name in folder.parts:
            place /= name
            if not os.path.lexists(place):
                return
            if not place.is_dir() or (place.is_symlink() and not is_inside(self._root, place)):
                self._move(place, kept)
                return

    def _has_bytes(self, target: Path, digest: str) -> bool:
        try:
            there = target.is_file() and is_inside(self._root, target.parent)
            return there and self._store.digest(target) == digest
        except OSError:  # it cannot be read: whatever it holds, a person did that to it
            return False

    def _move(self, path: Path, kept: Path) -> None:
        with files.explained("what lies in the place of a stored file cannot be moved away", path):
            move_to(path, self._root, kept)


def _stored(record: Record) -> list[StoredFile]:
    """Its files whose bytes are in the store."""
    return [file for a in record.artifacts if a.format != REF for file in a.files]


def _has_mode(target: Path, mode: int) -> bool:
    return target.is_symlink() or stat.S_IMODE(target.stat().st_mode) == mode


def _prune_up(folder: Path, top: Path) -> None:
    """Remove folders that are empty now, below ``top``."""
    while folder != top and folder.is_relative_to(top) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
