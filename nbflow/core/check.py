"""Everything that can be said about a pipeline without running it.

``check`` gathers what outlines and graph found, has ``troubles`` put into words what slices could not resolve, and
looks for the rest: files that are not there, set-up inside steps, shared random generators, and so on. Nothing is
executed, and files are only asked for through ``Surroundings``. The codes are in ``findings``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nbflow.core import declare, draws, paths, reached
from nbflow.core.check_draws import shared_draws
from nbflow.core.findings import CODES, finding
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding, PathExpr, Unit
from nbflow.core.named_files import named_files
from nbflow.core.outline import SKIP_TAGS, Outline
from nbflow.core.slicing import Slice
from nbflow.core.surroundings import Surroundings
from nbflow.core.troubles import Said, explain, makers_elsewhere

__all__ = ["CODES", "check", "errors"]

PYTHON = ("python", "python3", "ipython", "ipython3")


def check(pipeline: Pipeline, slices: Mapping[str, Slice], surroundings: Surroundings) -> tuple[Finding, ...]:
    """All findings, in the order of notebooks and cells. ``slices``: by full name of the step."""
    found = list(pipeline.findings)
    for outline in pipeline.outlines.values():
        found += _cells(outline)
    elsewhere = makers_elsewhere(pipeline)
    writers = _writers(pipeline)
    said: set[Said] = set()
    for step in sorted(pipeline.steps.values(), key=lambda s: s.outline.last):
        found += explain(pipeline, step, slices[step.id], elsewhere, said)
        found += _Look(pipeline, step, slices[step.id], surroundings, writers, said).findings()
    found += shared_draws(pipeline, slices)
    found += _changed_context(pipeline, slices)
    foreign = {f.notebook for f in found if f.code == "not-python"}  # nothing else about them would be true
    found = [f for f in found if f.notebook not in foreign or f.code == "not-python"]
    order = {path: i for i, path in enumerate(pipeline.outlines)}
    found.sort(key=lambda f: (order.get(f.notebook, 0), f.cell or 0, f.code, f.message))
    return tuple(dict.fromkeys(found))


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that keep a pipeline from running."""
    return tuple(f for f in findings if f.severity == "error")


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
        surroundings: Surroundings,
        writers: paths.PathIndex[Step],
        said: set[Said],
    ) -> None:
        self.pipeline = pipeline
        self.step = step
        self.slice = its_slice
        self.surroundings = surroundings
        self.writers = writers
        self.said = said
        self.outline = pipeline.outlines[step.notebook]

    def findings(self) -> Iterator[Finding]:
        yield from self._inputs()
        yield from self._outputs()
        yield from self._undeclared_files()
        yield from self._setup()
        yield from self._effects()
        yield from self._instances()
        declaration = self.step.outline.declaration
        if not declaration.inputs and not declaration.outputs and declaration.options.cache:
            yield self._say(
                "nothing-declared", self.step.outline.first,
                "This step has neither inputs nor outputs, so its printed output is reused until its code changes.",
                "Add --no-cache if it should run every time.",
            )  # fmt: skip

    def _say(self, code: str, cell: int, message: str, fix: str) -> Finding:
        return finding(code, self.step.notebook, cell, self.step.outline.name, message, fix)

    # --- files ---------------------------------------------------------------------------------------------

    def _inputs(self) -> Iterator[Finding]:
        for wanted in self.step.inputs:
            if wanted.item.is_file and not wanted.makers and not self._exists(wanted.path):
                what = "matches nothing" if wanted.item.is_glob else "is not there"
                yield self._say(
                    "missing-file", self.step.outline.input_cells[wanted.item.label],
                    f"The input '{wanted.item.path}' {what}, and no step makes it.",
                    f"It was looked for at {wanted.path}, seen from the project root: paths are relative to the "
                    "notebook's folder.",
                )  # fmt: skip

    def _exists(self, path: str) -> bool:
        if paths.is_glob(path):
            return bool(self.surroundings.files(path))
        if self.surroundings.listing(path) is not None:
            return True
        return not path.endswith("/") and self.surroundings.file(path) is not None

    def _outputs(self) -> Iterator[Finding]:
        for item in self.step.outputs:
            if not item.is_file:
                continue
            where = paths.from_root(self.outline.notebook.folder, str(item.path))
            if where in (".", "./"):
                message = f"The output '{item.path}' is the whole project folder."
            elif paths.is_outside(where):
                message = f"The output '{item.path}' lies outside the project root."
            else:
                continue
            yield self._say("outside-root", self.step.outline.last, message, "Write to a path below the project root.")

    def _undeclared_files(self) -> Iterator[Finding]:
        """Files that reached code names by literals, that are there or that another step makes."""
        folder = self.outline.notebook.folder
        mine = [i.path for i in self.step.inputs if i.item.is_file]
        mine += [paths.from_root(folder, str(o.path)) for o in self.step.outputs if o.is_file]
        constants: dict[str, PathExpr] = {}
        named: dict[PathExpr, int] = {}
        for cell, unit in self._units():
            constants.update(unit.constant)
            if not unit.always:
                for code in (unit.now, unit.later):
                    named.update({p: cell for p in code.paths if p not in named})
        for where, text in named_files(named, constants, folder).items():
            if any(paths.matches(p, where) for p in mine):
                continue
            cell = next(c for p, c in named.items() if where in named_files([p], constants, folder))
            if (key := ("undeclared-file", self.step.notebook, cell, where)) in self.said:
                continue
            self.said.add(key)
            makers = [s for _, s in self.writers.meeting(where) if s is not self.step]
            if makers:
                yield self._say(
                    "undeclared-file", cell, f"'{text}' names a file that step '{makers[0].name}' makes.",
                    f"Add '-i {text}' to step '{self.step.outline.name}' if it reads the file.",
                )  # fmt: skip
            elif self.surroundings.listing(where) is None and self.surroundings.file(where) is not None:
                yield self._say(
                    "undeclared-file", cell, f"'{text}' names a file that is not declared.",
                    f"Add '-i {text}' if step '{self.step.outline.name}' reads it, '-o {text}' if it writes it: then "
                    "the graph shows it.",
                )  # fmt: skip

    # --- set-up and effects --------------------------------------------------------------------------------

    def _units(self) -> Iterator[tuple[int, Unit]]:
        """The units of this notebook that the slice reaches, with their cells."""
        for piece in self.slice.pieces:
            if piece.kind in ("step", "context") and piece.notebook == self.step.notebook:
                units = self.outline.units(piece.cell)
                for i in piece.units:
                    yield piece.cell, units[i]

    def _setup(self) -> Iterator[Finding]:
        for number in self.step.outline.cells:
            for unit in self.outline.units(number):
                candidate = unit.now.setup or unit.now.bare_calls
                if candidate and self.outline.bindings.sets_up(unit, number) and self._has_steps_below(number):
                    yield self._say(
                        "setup-in-step", number,
                        f"'{self.outline.text(number, unit.line)[:60]}' configures this step only: other steps run in "
                        "kernels of their own.",
                        "Move it to a cell without %%step above, where it reaches every step below.",
                    )  # fmt: skip

    def _has_steps_below(self, number: int) -> bool:
        return any(s.last > number for s in self.outline.steps if s is not self.step.outline)

    def _effects(self) -> Iterator[Finding]:
        declaration = self.step.outline.declaration
        said: set[str] = set()
        if any(i.is_file for i in declaration.inputs):
            said.add("reader")
        if not declaration.options.cache:
            said.update(_WORLD)
        for called in reached.called(self.outline, self._units()):
            kind, text = called.effect.kind, called.effect.text
            cell = called.cell if called.cell in self.step.outline.cells else self.step.outline.first
            if kind in said or kind in draws.KINDS or (kind == "reader" and called.effect.known):
                continue
            said.add(kind)
            if kind == "reader":
                yield self._say(
                    "unknown-path", cell, f"'{text}' reads a path that cannot be known without running.",
                    "Declare the file with -i PATH, so that the graph shows it and a change is seen before the run.",
                )  # fmt: skip
            else:
                yield self._say(
                    "outside-world", cell,
                    f"'{text}' asks {_WORLD[kind]}: no key can see what it answers, so the result is reused.",
                    "Add --no-cache if it should be asked every time.",
                )  # fmt: skip

    def _instances(self) -> Iterator[Finding]:
        outputs = {str(i.name) for i in self.step.outputs if not i.is_file}
        if not outputs or self.step.outline.whole_notebook:
            return
        own = [(n, u) for n in self.step.outline.cells for u in self.outline.units(n)]
        classes = {n for _, u in own if u.kind == "class" for n in u.now.binds}
        for number, unit in own:
            name = next((n for n in unit.now.binds if n in outputs), None)
            if name is None:
                continue
            made_with = next((c for c in unit.now.calls if c in classes), None)
            if unit.kind in ("def", "class"):
                message = f"The output '{name}' is a {_KINDS[unit.kind]} that this step's own cell defines"
            elif made_with is not None:
                message = f"The output '{name}' is made with the class '{made_with}' of this step's own cell"
            else:
                continue
            yield self._say(
                "instance-leaves", number, f"{message}, so other steps cannot load it.",
                f"Move '{made_with or name}' to a cell of its own (without %%step) or to a module.",
            )  # fmt: skip


_WORLD = {"network": "the network", "database": "a database", "clock": "the clock"}
_KINDS = {"def": "function", "class": "class"}


# --- several steps ---------------------------------------------------------------------------------------


def _writers(pipeline: Pipeline) -> paths.PathIndex[Step]:
    return paths.PathIndex(
        (paths.from_root(pipeline.outlines[step.notebook].notebook.folder, str(item.path)), step)
        for step in pipeline.steps.values()
        for item in step.outputs
        if item.is_file
    )


def _changed_context(pipeline: Pipeline, slices: Mapping[str, Slice]) -> Iterator[Finding]:
    """Steps that change a context object (not by a mere call) which a later step reads."""
    for path, outline in pipeline.outlines.items():
        readers: dict[tuple[str, int], list[Step]] = {}
        for step in sorted((s for s in pipeline.steps.values() if s.notebook == path), key=lambda s: s.outline.last):
            for place in slices[step.id].context_reads:
                readers.setdefault(place, []).append(step)
        for (name, bound), steps in sorted(readers.items(), key=lambda item: item[0][::-1]):
            changing = set(outline.bindings.assigned_in_steps.get(name, ()))
            for step in steps[:-1] if changing else ():
                number = next((n for n in step.outline.cells if n in changing), 0)
                reader = next((s for s in steps if s.outline.last > step.outline.last), None)
                if number and reader is not None and not step.outline.outputs(name):
                    yield finding(
                        "rebinds-context", path, number, step.outline.name,
                        f"Step '{step.outline.name}' changes '{name}' (bound in cell {bound}), and step "
                        f"'{reader.outline.name}' below reads it: Run All sees the change, a run does not.",
                        f"Add '-o {name}' to step '{step.outline.name}' and '-i {name}' to step "
                        f"'{reader.outline.name}', or change a copy.",
                        add_outputs=(name,), fix_step=step.outline.name,
                    )  # fmt: skip
