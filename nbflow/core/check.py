"""Everything that can be said about a pipeline without running it.

``check`` gathers what outlines and graph found, has ``troubles`` put into words what slices could not resolve, and
looks for the rest: files that are not there, set-up inside steps, shared random generators, and so on. Nothing is
executed, and files are only asked for through ``Surroundings``. The codes are in ``findings``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from nbflow.core import declare, reached
from nbflow.core.check_draws import shared_draws
from nbflow.core.check_files import Files, World, writers
from nbflow.core.check_instances import leaving
from nbflow.core.findings import CODES, finding
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding, Unit
from nbflow.core.outline import SKIP_TAGS, Outline
from nbflow.core.outside import ATTRIBUTE
from nbflow.core.reached import Called
from nbflow.core.slicing import Slice
from nbflow.core.surroundings import Surroundings
from nbflow.core.troubles import Said, explain, makers_elsewhere
from nbflow.core.words import words

__all__ = ["CODES", "check"]

PYTHON = ("python", "python3", "ipython", "ipython3")


def check(pipeline: Pipeline, slices: Mapping[str, Slice], surroundings: Surroundings) -> tuple[Finding, ...]:
    """All findings, in the order of notebooks and cells. ``slices``: by full name of the step."""
    found = list(pipeline.findings)
    for outline in pipeline.outlines.values():
        found += _cells(outline)
    elsewhere = makers_elsewhere(pipeline)
    said: set[Said] = set()
    world = World(pipeline, surroundings, writers(pipeline), said)
    for step in sorted(pipeline.steps.values(), key=lambda s: s.outline.last):
        found += explain(pipeline, step, slices[step.id], elsewhere, said)
        found += _Look(pipeline, step, slices[step.id], world).findings()
    found += shared_draws(pipeline, slices)
    found += _changed_context(pipeline, slices)
    foreign = {f.notebook for f in found if f.code == "not-python"}  # nothing else about them would be true
    found = [f for f in found if f.notebook not in foreign or f.code == "not-python"]
    order = {path: i for i, path in enumerate(pipeline.outlines)}
    found.sort(key=lambda f: (order.get(f.notebook, 0), f.cell or 0, f.code, f.message))
    return tuple(dict.fromkeys(found))


# --- cells -----------------------------------------------------------------------------------------------


def _cells(outline: Outline) -> Iterator[Finding]:
    path = outline.notebook.path
    if (outline.steps or outline.unreadable) and outline.notebook.language.lower() not in PYTHON:
        yield finding(
            "not-python", path, None, None,
            f"This is a notebook in {outline.notebook.language.capitalize()}, and nbflow reads Python.",
            "Leave it out, or run it as a whole with papermill.",
        )  # fmt: skip
        return
    last = max((s.last for s in outline.steps), default=0)
    for cell, facts in zip(outline.notebook.cells, outline.facts, strict=True):
        if cell.kind != "code":
            continue
        step = outline.step_at(cell.number)
        if facts.problem is not None and cell.number <= last:
            line = outline.text(cell.number, facts.problem.line)
            yield finding(
                "syntax", path, cell.number, step.name if step else None,
                f"Line {facts.problem.line} is not valid Python ({facts.problem.message})"
                + (f": {line[:80]}" if line else "."),
                "Correct the line, or tag the cell nbflow-skip.",
            )  # fmt: skip
        yield from _misplaced(outline, cell.number)


def _misplaced(outline: Outline, number: int) -> Iterator[Finding]:
    """A ``%%step`` or ``%step`` that is a magic (not text in a string) and has no effect there, or a misspelt one."""
    source, facts = outline.notebook.cell(number).source, outline.facts[number - 1]
    mistyped = declare.mistyped_magic(source)
    if mistyped is not None and not outline.tags(number) & SKIP_TAGS:
        yield finding(
            "mistyped-step", outline.notebook.path, number, None,
            f"There is no cell magic {mistyped}: this cell would be left out.",
            "If it is meant to be a step, write %%step; if not, tag the cell nbflow-skip.",
        )  # fmt: skip
    index = declare.misplaced_step_line(source)
    meant = "%%step" in facts.comments or facts.problem is not None or source.lstrip().startswith("%%")
    if index is not None and meant:
        yield finding(
            "misplaced-step", outline.notebook.path, number, None,
            f"%%step stands on line {index + 1} of this cell, and a cell magic works on the first line only.",
            "Move the line to the top of the cell.",
        )  # fmt: skip
    step = outline.step_at(number)
    if "%step" in facts.comments and not (step is not None and number in step.lines and step.whole_notebook):
        yield finding(
            "misplaced-step", outline.notebook.path, number, step.name if step else None,
            "%step makes the whole notebook one step, and works only in the first code cell that is more than "
            "parameters and magics.",
            "Move it there, or write %%step on the first line to make this cell a step.",
        )  # fmt: skip


# --- one step --------------------------------------------------------------------------------------------


class _Look:
    """What there is to see in one step apart from its names."""

    def __init__(
        self,
        pipeline: Pipeline,
        step: Step,
        its_slice: Slice,
        world: World,
    ) -> None:
        self.pipeline = pipeline
        self.step = step
        self.slice = its_slice
        self.outline = pipeline.outlines[step.notebook]
        self.files = Files(world, step, self.units)

    def findings(self) -> Iterator[Finding]:
        yield from self.files.findings()
        yield from self._setup()
        yield from self._effects()
        yield from leaving(self.outline, self.step)
        declaration = self.step.outline.declaration
        if not declaration.inputs and not declaration.outputs and declaration.options.cache:
            yield self._say(
                "nothing-declared", self.step.outline.first,
                "This step has neither inputs nor outputs, so its printed output is reused until its code changes.",
                "Add --no-cache if it should run every time.",
            )  # fmt: skip

    def _say(self, code: str, cell: int, message: str, fix: str) -> Finding:
        return finding(code, self.step.notebook, cell, self.step.outline.name, message, fix)

    # --- set-up and effects --------------------------------------------------------------------------------

    @cached_property
    def units(self) -> tuple[tuple[int, Unit], ...]:
        """The units of this notebook that the slice reaches, with their cells."""
        found = []
        for piece in self.slice.pieces:
            if piece.kind in ("step", "context") and piece.notebook == self.step.notebook:
                units = self.outline.units(piece.cell)
                found += [(piece.cell, units[i]) for i in piece.units]
        return tuple(found)

    def _setup(self) -> Iterator[Finding]:
        for number in self.step.outline.cells:
            for unit in self.outline.units(number):
                if self._configures(unit, number) and self._has_steps_below(number):
                    yield self._say(
                        "setup-in-step", number,
                        f"'{self.outline.text(number, unit.line)[:60]}' configures this step only: other steps run in "
                        "kernels of their own.",
                        "Move it to a cell without %%step above, where it reaches every step below.",
                    )  # fmt: skip

    def _configures(self, unit: Unit, number: int) -> bool:
        if unit.always == "session":
            return self.outline.text(number, unit.line).lstrip("%").split(" ")[0] in _SESSION_FOR_CODE
        now = unit.now
        return bool(now.setup or now.bare_calls or now.hands) and self.outline.bindings.sets_up(unit, number)

    def _has_steps_below(self, number: int) -> bool:
        return any(s.last > number for s in self.outline.steps if s is not self.step.outline)

    def _effects(self) -> Iterator[Finding]:
        if self.step.outline.declaration.options.cache:
            yield from self._world()
        if not any(i.is_file for i in self.step.outline.declaration.inputs):
            yield from self._unknown_path()

    def _cell(self, call: Called) -> int:
        """Where to speak of a call: in the step's own cell, or at its first for code elsewhere."""
        return call.cell if call.cell in self.step.outline.cells else self.step.outline.first

    def _world(self) -> Iterator[Finding]:
        """The first call of each kind that asks what no key can see."""
        files, said = self.files, set[str]()
        for call in reached.called(self.outline, self.units):
            kind = "network" if call in files.seen.remote else call.effect.kind
            if kind not in _WORLD or kind in said:
                continue
            if kind == "database" and call.effect.path is not None and not files.asks_a_server(call):
                continue
            said.add(kind)
            yield self._say(
                "outside-world", self._cell(call),
                f"'{call.effect.text}' asks {_WORLD[kind]}: no key can see what it answers, so the result is reused.",
                "Add --no-cache if it should be asked every time.",
            )  # fmt: skip

    def _unknown_path(self) -> Iterator[Finding]:
        seen = self.files.seen
        for call in seen.unknown:
            if call.effect.path == ATTRIBUTE and (seen.reads or seen.mentions):
                continue  # ``config.path``: most likely a literal that is seen elsewhere
            yield self._say(
                "unknown-path", self._cell(call),
                f"'{call.effect.text}' reads a path that cannot be known without running.",
                "Declare the file with -i PATH, so that the graph shows it and a change is seen before the run.",
            )  # fmt: skip
            return


_SESSION_FOR_CODE = words("env set_env cd pushd popd load_dotenv dotenv")
"""Magics that change what later code does, not only how it is shown."""
_WORLD = {"network": "the network", "database": "a database", "clock": "the clock"}


# --- several steps ---------------------------------------------------------------------------------------


def _changed_context(pipeline: Pipeline, slices: Mapping[str, Slice]) -> Iterator[Finding]:
    """Steps that change a context object (not by a mere call) which a later step reads."""
    for path, outline in pipeline.outlines.items():
        readers: dict[tuple[str, int], dict[str, Step]] = {}
        last: dict[tuple[str, int, str], int] = {}
        for step in sorted((s for s in pipeline.steps.values() if s.notebook == path), key=lambda s: s.outline.last):
            for name, bound, reader_cell in sorted(slices[step.id].watched_reads):
                readers.setdefault((name, bound), {})[step.id] = step
                last[name, bound, step.id] = reader_cell
        for (name, bound), found in sorted(readers.items(), key=lambda item: item[0][::-1]):
            changing = {n for n in outline.bindings.assigned_in_steps.get(name, ())
                        if not outline.bindings.units_binding(n, name)}  # fmt: skip
            steps = list(found.values())
            for step in steps if changing else ():
                number = next((n for n in step.outline.cells if n in changing and n > bound), 0)
                if not number or step.outline.outputs(name):
                    continue
                reader = next((s for s in steps if s is not step and last[name, bound, s.id] > number), None)
                if reader is not None:
                    yield finding(
                        "rebinds-context", path, number, step.outline.name,
                        f"Step '{step.outline.name}' changes '{name}' (bound in cell {bound}), and step "
                        f"'{reader.outline.name}' below reads it: Run All sees the change, a run does not.",
                        f"Add '-o {name}' to step '{step.outline.name}' and '-i {name}' to step "
                        f"'{reader.outline.name}', or change a copy.",
                        add_outputs=(name,), fix_step=step.outline.name,
                    )  # fmt: skip
