"""Declared file outputs: which files a path, a folder or a glob stands for, and their digests.

Paths are relative to the notebook's folder, whatever the step made of its working directory, and must lie
inside the project root once links are resolved. Nothing is copied here: the store takes the files from where
they are. Read ``step.py`` for when this is asked.
"""

from __future__ import annotations

import contextlib
import gc
import glob
import json
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import digests, places
from .failure import StepError


@dataclass(frozen=True)
class FoundFile:
    """One file of an output."""

    path: str
    """Posix path from the project root."""
    digest: str
    size: int
    mode: int


@dataclass(frozen=True)
class FileOutput:
    """A declared file output that was made."""

    digest: str
    """``ref`` of one path: of its bytes. Else of the list of the files' names and digests."""
    size: int
    type: str
    files: tuple[FoundFile, ...]


def write_out(paths: Iterable[str]) -> None:
    """Have written what this process still keeps of these files: one that was left open is whole then."""
    wanted = {_place(os.stat, path) for path in paths} - {None}
    if not wanted or wanted.isdisjoint(_place(os.fstat, descriptor) for descriptor in _descriptors()):
        return
    for item in gc.get_objects():
        if type(item).__module__ == "_io" and hasattr(type(item), "flush"):
            with contextlib.suppress(Exception):  # closed, or no file
                if _place(os.fstat, item.fileno()) in wanted:
                    item.flush()


def _place(ask: Callable[[Any], os.stat_result], of: str | int) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    try:
        found = ask(of)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _descriptors() -> list[int]:
    """Those that this process has open, and maybe one more."""
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return []


class ProjectFiles:
    """Finds file outputs for one step."""

    def __init__(self, project_root: str, notebook_folder: str) -> None:
        self._root = os.path.realpath(project_root)
        self._folder = notebook_folder

    def find(self, path: str, by_reference: bool) -> FileOutput:
        """The files of a declared output. Raises ``StepError`` where there are none, or they lie outside."""
        found = self.matches(path)
        files = tuple(self._file(path, each) for each in found)
        single = not path.endswith("/") and not glob.has_magic(path)
        size = sum(file.size for file in files)
        words = "file" if single else f"{len(files)} file{'' if len(files) == 1 else 's'}"
        if single and by_reference:
            return FileOutput(files[0].digest, size, words, files)
        listed = [[os.path.relpath(each, self._folder), file.digest] for each, file in zip(found, files)]
        return FileOutput(digests.digest_bytes(json.dumps(listed).encode()), size, words, files)

    def matches(self, path: str) -> list[str]:
        """Absolute paths of the files of a declared output. Raises ``StepError`` where there are none."""
        full = os.path.normpath(os.path.join(self._folder, path))
        if glob.has_magic(path):
            pattern = os.path.join(glob.escape(self._folder), path)
            found = sorted({os.path.normpath(match) for match in glob.glob(pattern, recursive=True)})
            files = [match for match in found if not os.path.isdir(match)]
            return files or self._nothing(path, "no file matches it")
        if path.endswith("/"):
            return self._below(path, full)
        if os.path.isdir(full):
            raise StepError(f"the output `{path}` is a folder.", f"Declare it as a folder: `-o {path}/`.")
        return [full] if os.path.lexists(full) else self._nothing(path, "no such file is there")

    def _below(self, path: str, folder: str) -> list[str]:
        if not os.path.isdir(folder):
            if os.path.lexists(folder):
                raise StepError(
                    f"the output `{path}` is a file.", f"Declare it without the last `/`: `-o {path[:-1]}`."
                )
            return self._nothing(path, "no such folder is there")
        found = []
        for where, folders, names in os.walk(folder):
            for name in folders:
                if os.path.islink(os.path.join(where, name)):
                    raise StepError(
                        f"the output `{path}` holds a link to a folder, `{name}`, which cannot be stored.",
                        "Copy the files instead of linking the folder.",
                    )
            folders[:] = [name for name in folders if name not in places.LEFT_OUT]
            found += [os.path.join(where, name) for name in names]
        return sorted(found) or self._nothing(path, "the folder holds no file")

    def _nothing(self, path: str, why: str) -> list[str]:
        raise StepError(
            f"the step did not make its output `{path}`: {why} (looked in {self._folder}).",
            "Write it in the step, or take it out of `-o`.",
        )

    def _file(self, declared: str, path: str) -> FoundFile:
        real = os.path.realpath(path)
        if os.path.commonpath([self._root, real]) != self._root:
            raise StepError(
                f"the output `{declared}` lies outside the project root: {real} is not below {self._root}.",
                "Write it inside the project.",
            )
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise StepError(f"the output `{declared}` holds `{path}`, which is no regular file.", "Write a file.")
            digest = digests.digest_file(path)
        except OSError as error:
            raise StepError(
                f"the output `{declared}` cannot be read: {error}.", "Check the file and its rights."
            ) from None
        relative = os.path.relpath(
            os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)), self._root
        )
        return FoundFile(relative.replace(os.sep, "/"), digest, status.st_size, stat.S_IMODE(status.st_mode))
