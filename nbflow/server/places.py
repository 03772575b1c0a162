"""From a path as the contents API writes it to the notebook that is meant, and back.

A page names files by paths below the folder that the server serves. Nothing outside of it is reached: no path that
climbs, none that is absolute, no link that leads out. What the contents API hides is not there for us either.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import is_hidden

from nbflow.server.refusals import NotThere


@dataclass(frozen=True, slots=True)
class Places:
    """The files that a server serves."""

    root: Path
    """The folder that it serves, as it was named."""
    shows_hidden: bool = False

    def notebook(self, path: str) -> Path:
        """The notebook at a path: the folders on its way without links, its own name as given. Raises ``NotThere``."""
        if not _is_plain(path):
            raise NotThere(
                f"'{path}' is no path of a notebook.", "Give the path from the server's folder: folder/name.ipynb"
            )
        root = Path(os.path.normpath(self.root.absolute()))
        given = root.joinpath(*path.split("/"))
        try:
            is_served = self.shows_hidden or not is_hidden(given, root)
            real = given.resolve(strict=True)
            if not is_served or not real.is_file():
                raise NotThere(f"There is no notebook {path}.")
            if not real.is_relative_to(self.root.resolve()):
                raise NotThere(f"{path} is a link that leads out of what this server serves.")
            if given.suffix != ".ipynb":
                raise NotThere(f"{path} is not a notebook.", "Name a file that ends in .ipynb.")
            return given.parent.resolve() / given.name
        except (OSError, RuntimeError, ValueError):  # no such file, links in a circle, half a character
            raise NotThere(f"There is no notebook {path}.") from None

    def path_of(self, file: Path) -> str | None:
        """The path of a file, ``None`` where the server does not serve it."""
        real, root = file.resolve(), self.root.resolve()
        if not real.is_file() or not real.is_relative_to(root):
            return None
        return None if not self.shows_hidden and is_hidden(real, root) else real.relative_to(root).as_posix()

    def folder_of(self, folder: Path) -> str:
        """What to call a folder: its path (``""`` for the one that is served), or its name where it lies elsewhere."""
        real, root = folder.resolve(), self.root.resolve()
        if not real.is_relative_to(root):
            return real.name
        path = real.relative_to(root).as_posix()
        return "" if path == "." else path


def _is_plain(path: str) -> bool:
    """Whether a path goes down only, as the contents API writes it. Nothing is decoded: a ``%2e`` is a name."""
    if "\0" in path or "\\" in path or os.path.splitdrive(path)[0]:
        return False
    return all(part not in ("", ".", "..") for part in path.split("/"))
