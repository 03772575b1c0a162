"""Declared file outputs where they lie: which files a declaration stands for now, and how they get out of a step's way.

Before an attempt what is there is moved aside, so that what is there afterwards was made by it; if the attempt fails,
all is as it was, and what it had half made lies with the run. Nothing is ever deleted that is not in the store. Whether
a result is good is decided elsewhere; read ``attempt`` next.
"""

from __future__ import annotations

import glob
import os
import posixpath
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from nbflow.core.paths import is_glob


def matching(root: Path, pattern: str, without: Collection[str]) -> list[Path]:
    """The files that a path, a folder (``data/``) or a glob, posix and from ``root``, stands for now: all that is no
    folder, and links as they are. What a link leads to outside the project is nobody's output.

    ``without``: names of files and folders that never count."""
    found: Iterable[Path]
    if is_glob(pattern):
        # Not Path.glob: there a * matches hidden files, which no step's own glob would.
        found = (root / match for match in glob.glob(pattern, root_dir=root, recursive=True))  # noqa: PTH207
    elif pattern.endswith("/"):
        found = (root / pattern).rglob("*")
    else:
        found = [root / pattern]
    files = [p for p in found if p.is_symlink() or (p.exists() and not p.is_dir())]
    inside = {folder: is_inside(root, folder) for folder in {p.parent for p in files}}
    return sorted(
        p for p in files if inside[p.parent] and not any(part in without for part in p.relative_to(root).parts)
    )


def is_inside(root: Path, path: Path) -> bool:
    """Whether a path lies in the project once links are followed."""
    return path.resolve().is_relative_to(root.resolve())


def move_to(path: Path, root: Path, folder: Path) -> Path:
    """Move a file to the same place below another folder; where it is now. One that lies there is replaced."""
    target = folder / path.relative_to(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)
    return target


class Aside:
    """The file outputs of one attempt. ``kept``: folder for what was there before; ``unfinished``: for what a failed
    attempt leaves; ``without`` as for ``matching``."""

    def __init__(
        self, root: Path, patterns: Iterable[str], kept: Path, unfinished: Path, without: Collection[str]
    ) -> None:
        self._root = root
        self._patterns = tuple(patterns)
        self._without = without
        self._kept = kept
        self._unfinished = unfinished
        self._moved: list[tuple[Path, Path]] = []

    def move(self) -> None:
        """Clear the place, and make the folders that files will lie in. Raises ``OSError``."""
        for path in self._there():
            self._moved.append((path, move_to(path, self._root, self._kept)))
        for pattern in self._patterns:
            folder = self._root / (pattern if pattern.endswith("/") else posixpath.dirname(pattern))
            _prune(folder if pattern.endswith("/") else None)
            if not is_glob(posixpath.dirname(pattern)):
                folder.mkdir(parents=True, exist_ok=True)

    def settle(self, committed: bool, digest: Callable[[Path], str], has: Callable[[str], bool]) -> None:
        """After success drop what the store has; after a failure put everything back. Raises ``OSError``."""
        if committed:
            for _, target in self._moved:
                if target.is_file() and has(digest(target)):
                    target.unlink()
        else:
            for path in self._there():
                move_to(path, self._root, self._unfinished)
            for pattern in self._patterns:
                _prune(self._root / pattern if pattern.endswith("/") else None)
            for original, target in self._moved:
                original.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(target, original)
        _prune(self._kept)

    def _there(self) -> list[Path]:
        found = (path for pattern in self._patterns for path in matching(self._root, pattern, self._without))
        return list(dict.fromkeys(found))


def _prune(folder: Path | None) -> None:
    """Remove the empty folders below a folder: code that makes them must find none."""
    if folder is not None:
        for below, _, _ in os.walk(folder, topdown=False):
            if Path(below) != folder and not os.listdir(below):  # noqa: PTH208 - an iterator would have to be exhausted
                Path(below).rmdir()
