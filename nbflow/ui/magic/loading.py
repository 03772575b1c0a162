"""Inputs that a live kernel lacks, from the newest stored results that are still fresh.

Reading only: the pipeline is planned as any command plans it, and what holds is loaded. Which names are missing is
known by ``session``, which asks here. A result that is not fresh is never loaded, and no name is bound here.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow import notebook as notebooks
from nbflow.core.graph import Step, full_name
from nbflow.core.model import Artifact, Record
from nbflow.core.plan import Planned, Planner
from nbflow.core.view import because
from nbflow.errors import UsageError, did_you_mean
from nbflow.project import Project, open_project
from nbflow.runtime import serializers
from nbflow.runtime.failure import StepError
from nbflow.settings import Settings, find_root
from nbflow.store.home import require_own


def sources_of(notebook: Path, environ: Mapping[str, str]) -> list[Path]:
    """The pipeline that a notebook belongs to: what the project's ``notebooks`` setting names if the notebook is among
    them, else the notebook alone. Raises ``UsageError``."""
    root = find_root(notebook.parent, [notebook])
    sources = [root / name for name in Settings.load(root, environ).notebooks]
    named = notebooks.find_notebooks(sources, root)
    return sources if any(path.samefile(notebook) for path in named) else [notebook]


@dataclass(frozen=True)
class Loaded:
    """What was found for one step: values by name, and where they come from."""

    values: Mapping[str, Any]
    makers: Mapping[str, tuple[str, ...]]
    """Step → the names it made."""


def load(
    names: Iterable[str], step: str, notebook: Path, around: Mapping[str, Any], environ: Mapping[str, str]
) -> Loaded:
    """Values for variables that a step of this notebook takes.

    ``around``: the user's namespace, which says what parameters are worth here. Raises ``StepError`` that says of
    each name what to do where one cannot be had, ``UsageError`` where the pipeline cannot be read."""
    with open_project(sources_of(notebook, environ), environ=environ, cwd=notebook.parent) as project:
        return _Search(project, notebook, step, around).load(tuple(names))


class _Search:
    def __init__(self, project: Project, notebook: Path, step: str, around: Mapping[str, Any]) -> None:
        self.project = project
        self.pipeline = project.pipeline
        self.file = notebook
        self.notebook = notebooks.name_from(notebook.parent.resolve() / notebook.name, project.root)
        self.step = step
        self.around = around
        self.planned: dict[str, Planned] = {}

    def load(self, names: tuple[str, ...]) -> Loaded:
        makers: dict[str, list[str]] = {}
        problems = []
        for name in names:
            maker = self._maker(name)
            if maker is None:
                problems.append(self._no_maker(name))
            else:
                makers.setdefault(maker.id, []).append(name)
        found: dict[str, Any] = {}
        self._decide(makers)
        for maker_id, taken in makers.items():
            record = self.planned[maker_id].record
            if record is None:
                problems.append(self._not_fresh(maker_id, taken))
            else:
                problems += self._undefined(maker_id, record, taken)
        if problems:
            raise StepError(" ".join(problems))
        require_own(self.project.root)
        for maker_id, taken in makers.items():
            record = self.planned[maker_id].record
            assert record is not None
            found.update(self._values(maker_id, record, taken))
        return Loaded(found, {self.pipeline.steps[m].name: tuple(taken) for m, taken in makers.items()})

    # --- who makes it --------------------------------------------------------------------------------------

    def _maker(self, name: str) -> Step | None:
        """The step that makes a variable: as the pipeline has it, or (for a line that is not saved yet) the last one
        above this step in its notebook, else the last one of the pipeline."""
        mine = self.pipeline.steps.get(full_name(self.notebook, self.step))
        for wanted in mine.inputs if mine else ():
            if wanted.item.label == name and wanted.makers:
                return self.pipeline.steps[wanted.makers[0]]
        makers = [s for s in self.pipeline.steps.values() if s.outline.outputs(name) and s is not mine]
        here = [s for s in makers if s.notebook == self.notebook]
        above = [s for s in here if mine is None or s.outline.last < mine.outline.first]
        by_place = sorted(above or here, key=lambda s: s.outline.last) or makers
        return by_place[-1] if by_place else None

    def _no_maker(self, name: str) -> str:
        outline = self.pipeline.outlines.get(self.notebook)
        cells = outline.bindings.in_context.get(name, ()) if outline else ()
        if cells:
            return f"'{name}' is not here: run cell {cells[-1]}, which binds it."
        made = [str(o.name) for s in self.pipeline.steps.values() for o in s.outputs if not o.is_file]
        bound = [n for n in self.around if not n.startswith("_")]
        where = self.file.name if len(self.pipeline.outlines) < 2 else "this pipeline"
        return (
            f"'{name}' is not here, and no step of {where} makes it.{did_you_mean(name, [*made, *bound])} "
            f"Add '-o {name}' to the step that makes it (and save), or take '{name}' out of -i."
        )

    # --- what holds ----------------------------------------------------------------------------------------

    def _decide(self, steps: Iterable[str]) -> None:
        """Whether these steps, and those they need, have results that hold."""
        planner = self._planner()
        needed = self.pipeline.with_needs(steps)
        made: dict[str, Record] = {}
        for step in self.pipeline.steps:
            if step in needed:
                planned = self.planned[step] = planner.decide(step, made, selected=False)
                if planned.record is not None:
                    made[step] = planned.record

    def _planner(self) -> Planner:
        """With parameters as they are in this kernel: what was made with other ones is not what the user would get."""
        defaults = {n: d for o in self.pipeline.outlines.values() for n, d in o.parameters.items() if d}
        here = {n: self.around[n] for n in defaults if n in self.around}
        given = {n: v for n, v in here.items() if _is_plain(v) and v != json.loads(defaults[n])}
        return self.project.planner(given)

    def _not_fresh(self, maker_id: str, names: list[str]) -> str:
        maker = self.pipeline.steps[maker_id]
        why = because(self.planned[maker_id].reasons)
        here = maker.notebook == self.notebook
        return (
            f"{_listed(names)} {'is' if len(names) == 1 else 'are'} not here and step '{maker.name}' has no fresh "
            f"stored result ({why}): {'run its cell, or' if here else 'run'} {self._command(maker)}"
        )

    def _command(self, maker: Step) -> str:
        files = [self.project.files[p] for p in self.pipeline.outlines]
        sources = [] if len(files) > 1 else [os.path.relpath(files[0])]
        return shlex.join(["nbflow", "run", *sources, "-s", f"+{maker.name}"])

    def _undefined(self, maker_id: str, record: Record, names: list[str]) -> list[str]:
        """Stored objects may be of classes that the notebook defines: those have to be here first."""
        found = []
        for name in names:
            missing = [n for n in _artifact(record, name).main_names if n not in self.around]
            if missing:
                found.append(
                    f"'{name}' of step '{self.pipeline.steps[maker_id].name}' needs {_listed(missing)}: "
                    "run the cell that defines it first."
                )
        return found

    # --- values --------------------------------------------------------------------------------------------

    def _values(self, maker_id: str, record: Record, names: list[str]) -> dict[str, Any]:
        """What shares objects is loaded as one, so that it shares them again."""
        bundles: dict[str, Any] = {}
        found = {}
        for name in names:
            artifact = _artifact(record, name)
            if artifact.digest not in bundles or not artifact.member:
                bundles[artifact.digest] = self._read(maker_id, name, artifact)
            value = bundles[artifact.digest]
            found[name] = value[artifact.member] if artifact.member else value
        return found

    def _read(self, maker_id: str, name: str, artifact: Artifact) -> Any:
        try:
            return serializers.load(self.project.store.blob(artifact.digest), artifact.format, artifact.type)
        except Exception as error:
            maker = self.pipeline.steps[maker_id]
            raise StepError(
                f"'{name}' of step '{maker.name}' cannot be loaded: {type(error).__name__}: {error}.",
                f"Run its cell, or {self._command(maker)} --force",
            ) from None


def _artifact(record: Record, name: str) -> Artifact:
    artifact = record.artifact(name)
    if artifact is None:
        raise UsageError(f"The stored result of {record.step} has no '{name}'.", "Save the notebook, and run it again.")
    return artifact


def _is_plain(value: object) -> bool:
    """Whether a value could be given as a parameter."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _listed(names: Iterable[str]) -> str:
    *rest, last = [f"'{name}'" for name in names]
    return f"{', '.join(rest)} and {last}" if rest else last
