"""Which kernels a run will need, so that they can be made before they are.

For each step that may run: its kernelspec, its folder, and what its slice imports. The decisions are those of
``core/imports`` and ``kernels/choosing``; here they are given what the project knows. Nothing is started.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from nbflow.attempt.making import RUNTIME
from nbflow.core.graph import Step
from nbflow.core.imports import Imports, imports_of
from nbflow.core.plan import Plan, Planner
from nbflow.errors import UsageError
from nbflow.executors.bootstrap import AHEAD, ENTRY, PACKAGE
from nbflow.kernels.choosing import DENIED, Place, Want, split_command, to_load
from nbflow.kernels.forks import Start
from nbflow.kernels.inside import AFTER_START
from nbflow.kernels.pool import ALWAYS, Coming
from nbflow.kernels.specs import DEFAULT
from nbflow.project import Project


def coming(project: Project, planner: Planner, made: Plan) -> Coming:
    """What the steps of a plan will want."""
    steps = [project.pipeline.steps[s] for s, planned in made.steps.items() if planned.action == "run"]
    running = {step.id for step in steps}
    places: dict[Place, list[Step]] = {}
    for step in steps:
        places.setdefault(place_of(project, step), []).append(step)
    starts = {place: _start(project, planner, place, at) for place, at in places.items()}
    environment = tuple(sorted(project.environ.items()))
    return Coming(
        wants=tuple(Want(*place_of(project, step), environment) for step in steps),
        at_once=sum(running.isdisjoint(step.needs) for step in steps),
        starts={place: start for place, start in starts.items() if start is not None},
    )


def place_of(project: Project, step: Step) -> Place:
    """The kernelspec that a step runs on, and the folder that its kernel starts in."""
    notebook = project.pipeline.outlines[step.notebook].notebook
    return notebook.kernel or DEFAULT, project.root / notebook.folder


def _start(project: Project, planner: Planner, place: Place, steps: Iterable[Step]) -> Start | None:
    """How the fork server for these steps is started; None where their kernel is of another kind, or cannot be asked:
    whoever has to run a step on it will say so."""
    try:
        return _known_start(project, planner, place, steps)
    except UsageError:
        return None


def _known_start(project: Project, planner: Planner, place: Place, steps: Iterable[Step]) -> Start | None:
    name, path = place
    spec = project.kernelspecs.find(name)
    if split_command(spec.argv) is None:
        return None
    slices = [_imports(project, planner, step) for step in steps]
    folder = _folder(project, path)
    return Start(
        command=spec.command,
        environ=spec.environ({**project.environ, **ALWAYS}),
        folder=path,
        statements=to_load(slices, lambda module: project.surroundings.is_installed(name, folder, module)),
        installed=_with_real(project.surroundings.installed_places(name)),
        denied=DENIED,
        random_counts=any("random" in each.modules for each in slices),
        package=(PACKAGE, str(RUNTIME), ENTRY, AHEAD),
        prologue=AFTER_START,
    )


def _imports(project: Project, planner: Planner, step: Step) -> Imports:
    notebook = project.pipeline.outlines[step.notebook].notebook
    return imports_of(
        planner.slice(step).pieces,
        project.pipeline.outlines,
        lambda modules: project.surroundings.local_modules(notebook.kernel, notebook.folder, modules, ()),
    )


def _folder(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix() if path != project.root else ""


def _with_real(folders: Iterable[str]) -> tuple[str, ...]:
    """The folders and what they really are, so that a path below one begins with it."""
    found = dict.fromkeys(place for folder in folders for place in (folder, os.path.realpath(folder)))
    return tuple(folder.rstrip(os.sep) + os.sep for folder in found)
