"""What a step was seen to read: the part of its identity that only running it could tell.

The runtime reports absolute paths. Here they are judged: what the step declares or wrote itself does not count, and
what somebody else changed while it ran makes its result one that is not reused. Records keep paths from the notebook's
folder, so that a folder that moves with its notebook stays fresh.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from nbflow.core.fingerprint import Fingerprint, from_folder
from nbflow.core.graph import Step
from nbflow.core.plan import Planner
from nbflow.project import Project

CHANGED = "changed while the step ran"
"""Stands for the digest of a file that nobody can be sure of, so that the result is not reused."""


class Seen:
    """The files, folders and modules that one attempt read. Make it before the step runs."""

    def __init__(self, project: Project, planner: Planner, step: Step, print_: Fingerprint) -> None:
        self.project = project
        self.planner = planner
        self.step = step
        self.print = print_
        self.folder = project.pipeline.outlines[step.notebook].notebook.folder
        self.named = {p: d for p in print_.named_files if (d := planner.named_digest(step, p)) is not None}
        """Digests, before the step runs, of the files that its code names."""

    def parts(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """What a record keeps of the runtime's report: the fields ``read_files``, ``read_folders``, ``read_modules``
        and ``wrote``."""
        wrote = sorted(self._shown(p) for p in result.get("wrote", ()))
        folders = {self._shown(p): digest for p, digest in result.get("read_folders", {}).items()}
        return {
            "read_files": self._from_folder(self._files(result, set(wrote))),
            "read_folders": self._from_folder({p: d for p, d in folders.items() if not self._is_declared(p)}),
            "read_modules": self._modules(result),
            "wrote": tuple(self._from_folder(dict.fromkeys(wrote, ""))),
        }

    def _files(self, result: Mapping[str, Any], wrote: set[str]) -> dict[str, str]:
        found = {p: d for p, d in self.named.items() if p not in wrote}
        found.update(dict.fromkeys(self._changed_meanwhile(found), CHANGED))
        for absolute in result.get("read_files", ()):
            path = self._shown(absolute)
            if path not in found and path not in wrote and not self._is_declared(path):
                digest = self.project.surroundings.file(path)
                if digest is not None:
                    found[path] = digest
        return found

    def _changed_meanwhile(self, named: Mapping[str, str]) -> list[str]:
        """Files of the key that somebody else changed: who knows which content the step has read."""
        before = self.print.parts["inputs"]
        found = [path for path, digest in named.items() if self.planner.named_digest(self.step, path) != digest]
        external = (i for i in self.step.inputs if i.item.is_file and not i.makers)
        return found + [i.path for i in external if self.planner.file_digest(i, {}) != before[i.item.text]]

    def _modules(self, result: Mapping[str, Any]) -> dict[str, str]:
        """Modules that the key does not know, or not with the source they have now: changed while the step ran.

        Those that stand idle in the slice's imports do not count, unless an input may have brought them to life."""
        known = self.print.parts["modules"]
        idle = self._idle(result.get("inputs_refer", ()))
        found = {}
        for absolute in result.get("modules", ()):
            path = self._shown(absolute)
            digest = self.project.surroundings.module_digest(path)
            if digest is not None and path not in idle:
                found[path] = digest
        return {p: digest for p, digest in self._from_folder(found).items() if known.get(p) != digest}

    def _idle(self, referred: Collection[str]) -> frozenset[str]:
        """Modules that are imported and not used. ``referred``: those that inputs refer to, ``*`` for any."""
        idle = self.print.idle_modules
        if not idle or not referred:
            return idle
        if "*" in referred:
            return frozenset()
        kernel = self.project.pipeline.outlines[self.step.notebook].notebook.kernel
        names = tuple(sorted(referred))
        used = self.project.surroundings.local_modules(kernel, self.folder, names, self.print.search_path)
        return idle - used.files.keys()

    def _from_folder(self, found: Mapping[str, str]) -> dict[str, str]:
        return {from_folder(self.folder, path): digest for path, digest in found.items()}

    def _is_declared(self, path: str) -> bool:
        return self.planner.is_declared(self.step, path) or self.planner.is_declared(self.step, f"{path}/")

    def _shown(self, absolute: str) -> str:
        """From the project root where it lies inside, absolute elsewhere."""
        relative = os.path.relpath(absolute, self.project.root).replace(os.sep, "/")
        return relative if not relative.startswith("../") and relative != ".." else absolute
