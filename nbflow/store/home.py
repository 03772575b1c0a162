"""The ``.nbflow`` folder: where it lies, and how it comes to be.

It holds pickles and what user code said, so it is made for its owner alone, and it keeps itself out of version
control. Read ``blobs`` next for
what the store puts there; the journal lies beside the store.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nbflow.errors import UsageError

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


def require_own(root: Path) -> None:
    """Refuse results that somebody else may have put there: loading a pickle runs what is in it.

    Raises ``UsageError`` where ``.nbflow`` belongs to another user or can be written by one."""
    home = home_of(root)
    try:
        found = home.stat()
    except FileNotFoundError:
        return
    if found.st_uid != os.geteuid():
        raise UsageError(
            f"{home} belongs to another user: loading stored results from it could run that user's code.",
            "Work on a copy of the project, or remove that folder.",
        )
    if found.st_mode & 0o022:
        raise UsageError(
            f"{home} can be written by other users: loading stored results from it could run their code.",
            f"If you trust what is in it, close it: chmod 700 '{home}'",
        )
