"""Stored results for a live kernel: what a step takes or made, from the newest results that are still fresh.

Reading only: the pipeline is planned as any command plans it, and what holds is loaded. A result that is not fresh is
never loaded, and no name is bound here: ``session`` and ``verbs`` do that. Read ``nbflow.stored`` next.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbflow import notebook as notebooks
from nbflow import ops, stored
from nbflow.api.words import last_failure
from nbflow.core.graph import Step, full_name
from nbflow.core.model import Item, Record
from nbflow.core.plan import Planned, Planner
from nbflow.core.reasons import because
from nbflow.errors import NbflowError, UsageError, did_you_mean
from nbflow.ops.belonging import sources_of
from nbflow.project import Project, check_parameters, open_project
from nbflow.runtime.failure import StepError
from nbflow.store.home import require_own


@dataclass(frozen=True)
class Live:
    """What loading needs to know of a live kernel."""

    notebook: Path
    names: Mapping[str, Any]
    """The user's namespace, which says what parameters are worth here."""
    environ: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Those that count whatever their worth here."""


@dataclass(frozen=True)
class Loaded:
    """Values by name, and where they come from."""

    step: str
    values: Mapping[str, Any]
    makers: Mapping[str, tuple[str, ...]]
    """Step → the names it made."""
    runs: Mapping[str, str]
    """Step → the run that made them."""
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Name → the file whose path is bound to it."""
    files: tuple[str, ...] = ()
    """All files, named or not, as declared."""


def missing_inputs(names: Iterable[str], step: str, live: Live) -> Loaded:
    """Values for variables that a step of this notebook takes, by its name as the cell gives it.

    Raises ``StepError`` that says of each name what to do where one cannot be had, ``UsageError`` where the pipeline
    cannot be read."""
    with _opened(live) as project:
        search = _Search(project, live)
        mine = project.pipeline.steps.get(full_name(search.notebook, step))
        return search.take(step, mine, tuple(names))


def inputs(step: str, live: Live) -> Loaded:
    """All variables that a step takes. ``step``: any name of it. Raises as ``missing_inputs`` does."""
    with _opened(live) as project:
        search = _Search(project, live)
        found = search.step(step)
        wanted = [i.item for i in found.inputs]
        return search.with_paths(search.take(found.name, found, _variables(wanted)), wanted)


def outputs(step: str, live: Live) -> Loaded:
    """All variables that a step made. ``step``: any name of it. Raises as ``missing_inputs`` does."""
    with _opened(live) as project:
        search = _Search(project, live)
        found = search.step(step)
        return search.with_paths(search.made_by(found), found.outputs)


def failed(step: str, live: Live) -> str:
    """Where and why a step failed when it was last tried; ``""`` where it did not, or has come to a result since."""
    with _opened(live) as project:
        wanted = _Search(project, live).step(step).id
        rows = ops.status(project, project.planner())
    row = next(row for row in rows if row.step.id == wanted)
    return last_failure(row.step.name, row.failure, row.executed) if row.failure else ""


def _opened(live: Live) -> Project:
    return open_project(sources_of(live.notebook, live.environ), environ=live.environ, cwd=live.notebook.parent)


def _variables(items: Iterable[Item]) -> tuple[str, ...]:
    return tuple(str(item.name) for item in items if not item.is_file)


class _Search:
    def __init__(self, project: Project, live: Live) -> None:
        self.project = project
        self.pipeline = project.pipeline
        self.live = live
        self.notebook = notebooks.name_from(live.notebook.parent.resolve() / live.notebook.name, project.root)
        self.given = self._parameters()
        self.planner: Planner = project.planner(self.given)
        self.planned: dict[str, Planned] = {}

    def step(self, name: str) -> Step:
        """The step that goes by this name. Raises ``UsageError``, which knows when a variable was meant."""
        try:
            return ops.one_step(self.project, self.planner, name)
        except UsageError:
            makers = [s.name for s in self.pipeline.steps.values() if s.outline.outputs(name)]
            if not makers:
                raise
            raise UsageError(
                f"'{name}' is no step, but what step '{makers[-1]}' makes.", f"Load that: %flow load {makers[-1]}"
            ) from None

    def take(self, step: str, mine: Step | None, names: tuple[str, ...]) -> Loaded:
        """``mine``: the step itself, where the saved notebook has it."""
        makers: dict[str, list[str]] = {}
        problems = []
        for name in names:
            maker = self._maker(name, mine)
            if maker is None:
                problems.append(self._no_maker(name))
            else:
                makers.setdefault(maker.id, []).append(name)
        self._decide(makers)
        for maker_id, taken in makers.items():
            if self.planned[maker_id].record is None:
                problems.append(self._not_fresh(maker_id, taken))
        return self._loaded(step, makers, problems)

    def made_by(self, step: Step) -> Loaded:
        self._decide([step.id])
        if self.planned[step.id].record is None:
            why = because(self.planned[step.id].reasons)
            raise StepError(
                f"Step '{step.name}' has no fresh stored result ({why}).", f"Make it: {self._command(step)}"
            )
        return self._loaded(step.name, {step.id: list(_variables(step.outputs))}, [])

    def with_paths(self, loaded: Loaded, items: Iterable[Item]) -> Loaded:
        """Named files are bound to their paths, as in a step; the others are named."""
        named = {str(i.name): Path(str(i.path)) for i in items if i.is_file and i.name}
        files = tuple(str(i.path) for i in items if i.is_file)
        return replace(loaded, paths=named, files=files)

    def _loaded(self, step: str, makers: Mapping[str, list[str]], problems: list[str]) -> Loaded:
        records = {m: record for m in makers if (record := self.planned[m].record) is not None}
        for maker_id, record in records.items():
            problems += self._undefined(maker_id, record, makers[maker_id])
        if problems:
            raise StepError(" ".join(problems))
        require_own(self.project.root)
        values: dict[str, Any] = {}
        for maker_id, record in records.items():
            values.update(self._values(maker_id, record, makers[maker_id]))
        shown = {m: self.pipeline.steps[m].name for m in makers}
        return Loaded(
            step,
            values,
            {shown[m]: tuple(names) for m, names in makers.items()},
            {shown[m]: record.run for m, record in records.items()},
        )

    # --- who makes it --------------------------------------------------------------------------------------

    def _maker(self, name: str, mine: Step | None) -> Step | None:
        """The step that makes a variable: as the pipeline has it, or (for a line that is not saved yet) the last one
        above this step in its notebook, else the last one of the pipeline."""
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
        bound = [n for n in self.live.names if not n.startswith("_")]
        where = self.live.notebook.name if len(self.pipeline.outlines) < 2 else "this pipeline"
        return (
            f"'{name}' is not here, and no step of {where} makes it.{did_you_mean(name, [*made, *bound])} "
            f"Add '-o {name}' to the step that makes it (and save), or take '{name}' out of -i."
        )

    # --- what holds ----------------------------------------------------------------------------------------

    def _decide(self, steps: Iterable[str]) -> None:
        """Whether these steps, and those they need, have results that hold."""
        needed = self.pipeline.with_needs(steps)
        made: dict[str, Record] = {}
        for step in self.pipeline.steps:
            if step in needed:
                planned = self.planned[step] = self.planner.decide(step, made, selected=False)
                if planned.record is not None:
                    made[step] = planned.record

    def _parameters(self) -> dict[str, Any]:
        """As they are in this kernel: what was made with other ones is not what the user would get."""
        defaults = {n: d for o in self.pipeline.outlines.values() for n, d in o.parameters.items() if d}
        here = {n: self.live.names[n] for n in defaults if n in self.live.names}
        other = {n: v for n, v in here.items() if _is_plain(v) and v != json.loads(defaults[n])}
        return {**other, **check_parameters(self.pipeline, self.live.parameters)}

    def _not_fresh(self, maker_id: str, names: list[str]) -> str:
        maker = self.pipeline.steps[maker_id]
        why = because(self.planned[maker_id].reasons)
        here = maker.notebook == self.notebook
        return (
            f"{_listed(names)} {'is' if len(names) == 1 else 'are'} not here and step '{maker.name}' has no fresh "
            f"stored result ({why}): {'run its cell, or' if here else 'run'} {self._command(maker)}"
        )

    def _command(self, maker: Step) -> str:
        """What makes it, with the parameters that hold here."""
        words = ["run", f"+{maker.name}"]
        for name, value in self.given.items():
            plain = value is None or isinstance(value, str | int | float)
            words += ["-p", f"{name}={value}"] if plain else ["-y", f"{name}: {json.dumps(value)}"]
        return f"%flow {shlex.join(words)}"

    def _undefined(self, maker_id: str, record: Record, names: list[str]) -> list[str]:
        """Stored objects may be of classes that the notebook defines: those have to be here first."""
        maker = self.pipeline.steps[maker_id]
        found = []
        for name, missing in stored.undefined(record, names, self.live.names).items():
            bindings = self.pipeline.outlines[maker.notebook].bindings
            places = [(bindings.in_context.get(n) or bindings.in_steps.get(n) or [0])[-1] for n in missing]
            cells = sorted({cell for cell in places if cell})
            where = " and ".join(f"cell {cell}" for cell in cells) or "the cell that defines it"
            fix = f"run {where} first."
            if maker.notebook != self.notebook:
                fix = f"define it here as {where} of {maker.notebook} does, or move it to a module that both import."
            found.append(f"'{name}' of step '{maker.name}' needs {_listed(missing)}: {fix}")
        return found

    # --- values --------------------------------------------------------------------------------------------

    def _values(self, maker_id: str, record: Record, names: list[str]) -> dict[str, Any]:
        try:
            return stored.values(self.project.store, record, names)
        except UsageError:
            raise
        except NbflowError as error:
            maker = self.pipeline.steps[maker_id]
            raise StepError(
                f"Step '{maker.name}': {error.message}", f"Make it again: {self._command(maker)} --force"
            ) from None


def _is_plain(value: object) -> bool:
    """Whether a value could be given as a parameter."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _listed(names: Iterable[str]) -> str:
    *rest, last = [f"'{name}'" for name in names]
    return f"{', '.join(rest)} and {last}" if rest else last
