"""Which notebook a live kernel belongs to, and where in it a cell stands: kernels are not told, so this asks around.

Each front end leaves a trace of its own: VS Code a name in the user's namespace, Jupyter's server an environment
variable, papermill a parameter (with ``--inject-paths``). What cannot be known is ``None``, never a guess.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.core.declare import step_line
from nbflow.errors import NotebookError

VSCODE = "__vsc_ipynb_file__"
PAPERMILL = "PAPERMILL_INPUT_PATH"
JUPYTER = "JPY_SESSION_NAME"


def find_notebook(names: Mapping[str, object], environ: Mapping[str, str], started_in: Path) -> Path | None:
    """The notebook's file, ``None`` where no front end says, or where it is not there.

    ``names``: the user's namespace. ``started_in``: the kernel's first working directory."""
    said = [names.get(VSCODE), names.get(PAPERMILL)]
    if not _inherited(environ.get(JUPYTER, "")):
        said.append(environ.get(JUPYTER))
    for path in said:
        if isinstance(path, str) and path.endswith(".ipynb"):
            found = started_in / path
            # With shared editing the server names a room: `RTC:flow.ipynb`.
            for place in (found, found.with_name(found.name.removeprefix("RTC:"))):
                if place.is_file():
                    return place
    return None


def _inherited(name: str) -> bool:
    """Whether the variable was there before this kernel's starter set it: then it names another kernel's notebook, as
    under a papermill that was started from a notebook."""
    try:
        around = Path(f"/proc/{os.getppid()}/environ").read_bytes()
    except OSError:
        return False
    return bool(name) and f"{JUPYTER}={name}".encode("utf-8", "surrogateescape") in around.split(b"\0")


def is_continued(notebook: Path, step: str, cell_id: str | None, source: str) -> bool:
    """Whether the file has a cell of the step below the one that runs. Where the file may be older than what runs, the
    cell is known by its id, else by its text, else by its step line."""
    try:
        cells = notebooks.read(notebook, notebook.parent).cells
    except NotebookError:
        return False
    mine = {c.number: c for c in cells if c.kind == "code" and _step_of(c.source) == step}
    if len(mine) < 2:
        return False
    places = [
        [c.number for c in cells if cell_id is not None and c.id == cell_id],
        [n for n, c in mine.items() if c.source.strip() == source.strip()],
        [n for n, c in mine.items() if step_line(c.source) == step_line(source)],
    ]
    here = next((found[0] for found in places if len(found) == 1), 0)
    return max(mine) > here


def _step_of(source: str) -> str:
    line = step_line(source)
    return line.text.partition(" ")[0] if line is not None else ""
