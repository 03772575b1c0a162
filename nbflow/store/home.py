"""The ``.nbflow`` folder: where it lies, and how it comes to be.

It holds pickles and what user code said, so it is made for its owner alone, and it keeps itself out of version
control. Nothing here is called by a reader: reading must leave a project as it was. Read ``blobs`` next for
what the store puts there; the journal lies beside the store.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

FOLDER = ".nbflow"


def home_of(root: Path) -> Path:
    """The private folder of a project."""
    return root / FOLDER


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can enter, with a ``.gitignore`` of its own; one that is there keeps its
    mode. Raises ``OSError``."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    with suppress(FileExistsError), (folder / ".gitignore").open("x", encoding="utf-8") as file:
        file.write("*\n")


def make_store(root: Path) -> None:
    """Make the folder of a store; inside ``.nbflow``, that one too. Raises ``OSError``."""
    make_private(next((folder for folder in root.parents if folder.name == FOLDER), root))
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
