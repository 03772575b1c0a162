"""Which notebook a live kernel belongs to, and where in it a cell stands: kernels are not told, so this asks around.

Each front end leaves a trace of its own: VS Code a name in the user's namespace, Jupyter's server an environment
variable, papermill a parameter (with ``--inject-paths``), and the tools that execute notebooks their command line. What
cannot be known is ``None``, never a guess.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.core.declare import step_line, step_of
from nbflow.errors import NotebookError

VSCODE = "__vsc_ipynb_file__"
PAPERMILL = "PAPERMILL_INPUT_PATH"
JUPYTER = "JPY_SESSION_NAME"


def find_notebook(names: Mapping[str, object], environ: Mapping[str, str], started_in: Path) -> Path | None:
    """The notebook's file, ``None`` where no front end says, or where it is not there.

    ``names``: the user's namespace. ``started_in``: the kernel's first working directory."""
    return next((path for path in told(names, environ, started_in) if path.is_file()), None)


def told(names: Mapping[str, object], environ: Mapping[str, str], started_in: Path) -> Iterator[Path]:
    """Files that front ends name, there or not; the best comes first."""
    said = [names.get(VSCODE), names.get(PAPERMILL)]
    if not _inherited(environ.get(JUPYTER, "")):
        said.append(environ.get(JUPYTER))
    for path in said:
        if isinstance(path, str) and path.endswith(".ipynb"):
            found = started_in / path
            # With shared editing the server names a room: `RTC:flow.ipynb`.
            yield found if found.is_file() else found.with_name(found.name.removeprefix("RTC:"))


def _inherited(name: str) -> bool:
    """Whether the variable was there before this kernel's starter set it: then it names another kernel's notebook, as
    under a papermill that was started from a notebook."""
    try:
        around = Path(f"/proc/{os.getppid()}/environ").read_bytes()
    except OSError:
        return False
    return bool(name) and f"{JUPYTER}={name}".encode("utf-8", "surrogateescape") in around.split(b"\0")


EXECUTORS = ("papermill", "nbconvert", "jupyter-nbconvert", "jupyter-execute")
"""Programs that execute a notebook named on their command line."""


def find_executed(source: str) -> Path | None:
    """The notebook that the program which started this kernel executes; ``None`` where it is no such program.

    ``source``: the cell that runs. Of the files on the command line it is the one that has this cell."""
    import psutil

    try:
        parent = psutil.Process(os.getppid())
        words, folder = parent.cmdline(), Path(parent.cwd())
    except (psutil.Error, OSError):
        return None
    if not any(Path(word).name in EXECUTORS for word in words[:3]):
        return None
    named = (folder / word for word in words if word.endswith(".ipynb"))
    return next((path for path in named if _has_cell(path, source)), None)


def _has_cell(notebook: Path, source: str) -> bool:
    try:
        cells = notebooks.read(notebook, notebook.parent).cells
    except NotebookError:
        return False
    return any(c.kind == "code" and c.source.strip() == source.strip() for c in cells)


def is_continued(notebook: Path, step: str, cell_id: str | None, source: str) -> bool:
    """Whether the file has a cell of the step below the one that runs. Where the file may be older than what runs, the
    cell is known by its id, else by its text, else by its step line."""
    try:
        cells = notebooks.read(notebook, notebook.parent).cells
    except NotebookError:
        return False
    mine = {c.number: c for c in cells if c.kind == "code" and step_of(c.source) == step}
    if len(mine) < 2:
        return False
    places = [
        [c.number for c in cells if cell_id is not None and c.id == cell_id],
        [n for n, c in mine.items() if c.source.strip() == source.strip()],
        [n for n, c in mine.items() if step_line(c.source) == step_line(source)],
    ]
    here = next((found[0] for found in places if len(found) == 1), 0)
    return max(mine) > here
