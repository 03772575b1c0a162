"""What every verb of ``%flow`` needs first: the notebook of this kernel, its pipeline, and what of it is not saved.

Whatever is missing is said with what to do about it. Nothing is run here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.api import Pipeline
from nbflow.api.shown import words
from nbflow.errors import InvalidPipeline, NotebookError, UsageError
from nbflow.ops.belonging import sources_of
from nbflow.project import Project
from nbflow.render import text
from nbflow.ui.magic.live import publish
from nbflow.ui.magic.loading import Loaded
from nbflow.ui.magic.session import Session, say

MANY = 5
"""Notebooks of a folder that are named; of more a person is not helped by a list."""


def notebook(session: Session) -> Path:
    """The file that this kernel belongs to. Raises ``UsageError``."""
    found = session.notebook
    if found is None and (told := session.told) is not None:
        raise UsageError(
            f"This kernel was started for {near(told)}, and no such file is there.",
            f"Save the notebook; if it has another name now: {_use(told.parent)}",
        )
    if found is None:
        raise UsageError(
            "nbflow cannot tell which notebook this kernel belongs to.",
            f"Save it, then say so: {_use(Path(), session.started_in)}",
        )
    if not found.is_file():
        raise UsageError(f"{near(found)} is not there any more.", f"Say where it is now: {_use(found.parent)}")
    return found


def name_in(project: Project, session: Session) -> str:
    """What the project calls the notebook of this kernel. Raises ``UsageError``."""
    here = notebook(session)
    return notebooks.name_from(here.parent.resolve() / here.name, project.root)


def _use(*folders: Path) -> str:
    """The line to type, with the notebooks to choose from: those of the first folder that has some."""
    names: list[str] = []
    for folder in folders:
        with suppress(OSError):
            names = names or sorted(near(path) for path in folder.glob("*.ipynb"))
    if len(names) == 1:
        return f"%flow use {names[0]}"
    some = f" (here are {', '.join(names)})" if 0 < len(names) <= MANY else ""
    return f"%flow use NOTEBOOK.ipynb{some}"


def found(session: Session, path: str) -> Path:
    """The notebook that a person names. Raises ``NotebookError`` that guesses the near one."""
    given = Path(path).expanduser()
    places = [given.absolute(), session.started_in / given]
    there = next((place for place in places if place.exists()), places[0])
    if there.is_dir():
        raise NotebookError(f"{path} is a folder.", f"Name the notebook in it: {_use(there)}")
    notebooks.check_source(there, path)
    return there


def pipeline(session: Session) -> Pipeline:
    """The pipeline of this notebook: what the setting ``notebooks`` names if it is among that, else the notebook alone.
    Raises ``UsageError``."""
    here = notebook(session)
    return Pipeline(tuple(sources_of(here, session.environ)), here.parent, session.environ)


def without_steps(session: Session) -> UsageError:
    """What to say of a notebook that has no steps."""
    here = notebook(session)
    ran = session.ran.steps
    if ran:
        return UsageError(
            f"{near(here)} has no steps as it is saved, and step cells were run here ({', '.join(ran)}).",
            "Save the notebook and try again.",
        )
    return UsageError(
        f"{near(here)} has no steps yet. A cell becomes a step by its first line:\n"
        "    %%step clean -i raw -o table\n"
        "It names the step, what it takes (-i) and what it makes (-o): variables, and files such as data/raw.csv."
    )


def unsaved(session: Session) -> str:
    """One line about cells that ran here and are not saved as they ran; ``""`` for none."""
    here = notebook(session)
    saved = notebooks.read(here, here.parent)
    places = session.ran.unsaved(saved, here.stat().st_mtime)
    if places and any("%step" in cell.source for cell in saved.cells):  # of one without steps there is more to say
        return f"unsaved changes in {places}: what is saved counts, so save the notebook first"
    return ""


def tell_unsaved(session: Session) -> None:
    """The same below the cell."""
    if line := unsaved(session):
        say(line)


def tell_errors(session: Session) -> None:
    """What is wrong with the pipeline as a whole, below its picture."""
    with pipeline(session).opened() as project:
        wrong = [f for f in project.pipeline.findings if f.severity == "error"]
        if wrong:
            publish(session.shell, words(text.findings(wrong, project.first_lines(wrong))))


def tell_findings(session: Session, error: InvalidPipeline) -> None:
    """The errors that keep a run from beginning."""
    wrong = [f for f in error.findings if f.severity == "error"]
    publish(session.shell, words(text.findings(wrong, error.first_lines)))


def loaded_lines(loaded: Loaded, *, takes: bool) -> Iterator[str]:
    """What was loaded, and from which run."""
    for step, names in loaded.makers.items():
        if names:
            yield f"loaded {', '.join(names)} from step {step} (run {loaded.runs[step]})"
    for name, path in loaded.paths.items():
        yield f"{name} is the path {path}"
    if not loaded.values:
        files = f", only files: {', '.join(loaded.files)}" if loaded.files else ""
        yield f"step {loaded.step} {'takes' if takes else 'makes'} no variables{files}"
    missing = [path for path in loaded.files if not (set(path) & set("*?[") or Path(path).exists())]
    if missing and not takes:
        yield f"not there any more: {', '.join(missing)}. %flow run {loaded.step} puts it back"


def near(path: Path) -> str:
    """The path from here, where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):
        return str(path)
    return relative if len(relative) < len(str(path)) else str(path)
