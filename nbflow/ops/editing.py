"""What an editor asks before it changes cells: the line that makes a cell a step, and how cells read after a rename.

Nothing is written: the editor changes the cells itself, so that a person can take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.core.outline import Outline, facts_of
from nbflow.core.proposing import Proposal, propose
from nbflow.core.renaming import renamed
from nbflow.errors import NoSteps, UsageError
from nbflow.project import Project


def proposal(opened: Callable[[], Project], name: str, content: bytes, cell: int) -> Proposal:
    """What would make this cell a step. ``opened``: the project that the notebook belongs to; ``name``: what that calls
    it; ``content``: the notebook. Raises ``UsageError``."""
    outlines: Mapping[str, Outline] = {}
    try:
        with opened() as project:
            outlines = project.pipeline.outlines
    except NoSteps:
        pass
    if name not in outlines:
        notebook = notebooks.parse(notebooks.raw_from(content, name), name)
        outlines = {**outlines, name: Outline(notebook, partial(facts_of, notebook))}
    if outlines[name].notebook.language.lower() not in ("python", "python3", "ipython", "ipython3"):
        raise UsageError(f"{Path(name).name} is not in Python, and nbflow reads Python.")
    return propose(outlines, name, cell)


def renames(project: Project, name: str, kind: str, old: str, new: str) -> Mapping[int, str]:
    """Cells of the notebook ``name`` as they would read. Raises ``UsageError``."""
    return renamed(project.pipeline, name, kind, old, new)
