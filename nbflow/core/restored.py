"""The files as they will lie there once the results that count are put back.

A run puts the file outputs of a reused step back as its record has them, and clears away what else lies in their
place, before anything below it runs. A plan looks before that happens, so both ask here: what a stored result says of
its own files is true whatever lies there now. Nothing here looks at a disk; read ``plan`` next, which asks.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping

from nbflow.core import paths
from nbflow.core.graph import Pipeline
from nbflow.core.model import Record
from nbflow.core.surroundings import Surroundings


def outputs_of(pipeline: Pipeline) -> paths.PathIndex[str]:
    """Every declared file output, from the project root → the full name of its step."""
    return paths.PathIndex(
        (paths.from_root(pipeline.outlines[step.notebook].notebook.folder, str(item.path)), step.id)
        for step in pipeline.steps.values()
        for item in step.outputs
        if item.is_file
    )


class _Files:
    """The files of one record."""

    def __init__(self, record: Record) -> None:
        self.digests = {file.path: file.digest for artifact in record.artifacts for file in artifact.files}
        self.folders = {folder for path in self.digests for folder in _folders_above(path)}


class Restored:
    """What lies around, with the results in ``made`` put back. Paths as for ``Surroundings``.

    ``judged``: full name of a step, and a result of it that counts as well."""

    def __init__(
        self,
        around: Surroundings,
        outputs: paths.PathIndex[str],
        made: Mapping[str, Record],
        judged: tuple[str, Record] | None = None,
    ) -> None:
        self._around = around
        self._outputs = outputs
        self._made = made
        self._judged = judged
        self._known: dict[str, _Files] = {}

    def file(self, path: str) -> str | None:
        """Digest of a file; ``None`` where nothing will be."""
        back = self._put_back(path)
        return back or (None if self._is_taken(path) else self._around.file(path))

    def files(self, pattern: str) -> dict[str, str]:
        """Path → digest of every file that a folder or glob stands for."""
        found = dict(self._around.files(pattern, self._is_taken))
        for _, files in self._meeting(pattern):
            found.update((path, digest) for path, digest in files.digests.items() if paths.matches(pattern, path))
        return found

    def is_folder(self, path: str) -> bool:
        """Whether a folder will be there."""
        if self._put_back(path):
            return False
        return self._around.names(path) is not None or bool(self._names_put_back(path))

    def listing(self, folder: str, without: Collection[str] = ()) -> str | None:
        """Digest of the names in a folder, some of them left out; ``None`` where no folder will be."""
        back = self._names_put_back(folder)
        gone = {
            name
            for name in self._around.names(folder) or ()
            if name not in back and self._goes(posixpath.normpath(posixpath.join(folder, name)))
        }
        return self._around.listing(folder, {*without, *gone}, back)

    def _meeting(self, path: str) -> Iterator[tuple[str, _Files]]:
        """Declared outputs that may have to do with a path, of steps whose result counts."""
        for pattern, step in self._outputs.meeting(path):
            record = self._judged[1] if self._judged and self._judged[0] == step else self._made.get(step)
            if record is not None:
                if step not in self._known:
                    self._known[step] = _Files(record)
                yield pattern, self._known[step]

    def _put_back(self, path: str) -> str:
        """Digest of the file that a result has at this path; ``""`` where none has."""
        return next((files.digests[path] for _, files in self._meeting(path) if path in files.digests), "")

    def _is_taken(self, path: str) -> bool:
        """Whether what lies at this path belongs to the outputs of a result, or is in their way, and so does not count
        as it lies there."""
        return any(paths.takes(pattern, path) or path in files.folders for pattern, files in self._meeting(path))

    def _names_put_back(self, folder: str) -> set[str]:
        top = "" if folder in (".", "./", "") else folder.rstrip("/") + "/"
        below = (p[len(top) :] for _, files in self._meeting(folder) for p in files.digests if p.startswith(top))
        return {path.partition("/")[0] for path in below}

    def _goes(self, path: str) -> bool:
        """Whether what lies at a path, which no result has, will be cleared away. Folders go with their last file."""
        if self._around.names(path) is None:
            return self._is_taken(path)
        taken: list[str] = []

        def takes(file: str) -> bool:
            taken.extend([file] * self._is_taken(file))
            return taken[-1:] == [file]

        left = self._around.files(f"{path}/", takes)
        return bool(taken) and not left


def _folders_above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path).rstrip("/"):
        yield path
