"""Everything that can be said about a pipeline without running it.

``check`` turns what outlines, graph and slices found into findings, and looks for the rest: files that are not there,
set-up inside steps, shared random generators, and so on. ``CODES`` lists every code; the documentation is compared
with it. Nothing is executed, and files are only asked for through ``Surroundings``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from nbflow.core import declare, paths
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Effect, Finding, Unit
from nbflow.core.outline import Outline
from nbflow.core.slicing import Slice, Trouble
from nbflow.core.surroundings import Surroundings

Severity = Literal["error", "warning", "hint"]

CODES: Mapping[str, tuple[Severity, str]] = {
    "bad-step-line": ("error", "a %%step line cannot be read"),
    "misplaced-step": ("error", "%%step is not on the first line of its cell"),
    "mixed-step": ("error", "a notebook is one step by %step and has %%step cells too"),
    "names-alike": ("error", "two step names differ only in case"),
    "not-python": ("error", "a notebook with steps is not in Python"),
    "syntax": ("error", "a cell is not valid Python"),
    "no-maker": ("error", "no step makes an input"),
    "maker-below": ("error", "the step that makes an input stands further down"),
    "not-a-step-output": ("error", "an input is bound by a context cell, not by a step"),
    "two-makers": ("error", "an input could come from more than one place"),
    "undeclared-input": ("error", "a step reads what another step makes and does not say so"),
    "undeclared-output": ("error", "a step binds what a later step reads and does not say so"),
    "uses-exploration": ("error", "a step reads what a cell computes from another step's output"),
    "shared-definition": ("error", "a function or class defined in one step's cell is used by another step"),
    "unmade-output": ("error", "a step never binds an output that it declares"),
    "unbound-name": ("error", "nothing binds a name that a step reads"),
    "missing-file": ("error", "an input file is not there and no step makes it"),
    "outside-root": ("error", "an output lies outside the project root"),
    "reads-own-output": ("error", "a step reads a file that it writes"),
    "two-writers": ("error", "two steps write one file"),
    "paths-meet-in-part": ("error", "two patterns overlap only in part"),
    "unknown-step": ("error", "--after names no step"),
    "cycle": ("error", "steps need each other"),
    "changed-between": ("warning", "a context cell changes an artifact between its maker and a step that takes it"),
    "rebinds-context": ("warning", "a step rebinds or changes a context name that a later step reads"),
    "setup-in-step": ("warning", "set-up in a step's cell reaches no other step"),
    "shared-random": ("warning", "two steps draw from one global random generator"),
    "instance-leaves": ("warning", "an output is an instance of a class that the step's own cell defines"),
    "undeclared-file": ("hint", "the code names a file that is not declared"),
    "unknown-path": ("hint", "a step reads a path that cannot be known without running"),
    "outside-world": ("hint", "a cached step calls the network, a database or the clock"),
    "nothing-declared": ("hint", "a step has neither inputs nor outputs"),
}

CHECKED_BY_HAND = ("globals(", "locals(", "vars(", "NameError", "%store", "%load ", "%cpaste")


def check(pipeline: Pipeline, slices: Mapping[str, Slice], surroundings: Surroundings) -> tuple[Finding, ...]:
    """All findings, in the order of notebooks and cells."""
    found = list(pipeline.findings)
    for outline in pipeline.outlines.values():
        found += _cells(outline)
    for step in pipeline.steps.values():
        look = _Step(pipeline, step, slices[step.id], surroundings)
        found += look.findings()
    found += _shared_random(pipeline, slices)
    found += _rebound_context(pipeline, slices)
    order = {path: i for i, path in enumerate(pipeline.outlines)}
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (order.get(f.notebook, 0), f.cell or 0, f.code, f.message)))


def _finding(code: str, notebook: str, cell: int | None, step: str | None, message: str, fix: str = "", severity: Severity | None = None,
             add_inputs: tuple[str, ...] = (), add_outputs: tuple[str, ...] = (), fix_step: str | None = None) -> Finding:  # fmt: skip
    return Finding(code, severity or CODES[code][0], notebook, cell, step, message, fix, add_inputs, add_outputs, fix_step)


# --- cells ---------------------------------------------------------------------------------------------


def _cells(outline: Outline) -> Iterator[Finding]:
    path = outline.notebook.path
    if outline.steps and outline.notebook.language.lower() not in ("python", "ipython", "python3"):
        yield _finding("not-python", path, None, None, f"This is a notebook in {outline.notebook.language}: nbflow plans Python.",
                       "Leave it out, or run it as a whole with papermill.")  # fmt: skip
        return
    for cell, facts in zip(outline.notebook.cells, outline.facts, strict=True):
        if cell.kind != "code":
            continue
        step = outline.step_at(cell.number)
        if facts.problem is not None:
            lines = cell.source.split("\n")
            line = lines[facts.problem.line - 1].strip() if 0 < facts.problem.line <= len(lines) else ""
            quoted = f": {line[:80]}" if line else ""
            yield _finding("syntax", path, cell.number, step.name if step else None,
                           f"Line {facts.problem.line} is not valid Python ({facts.problem.message}){quoted}",
                           "Correct the line, or tag the cell nbflow-skip.")  # fmt: skip
        index = declare.misplaced_step_line(cell.source)
        if index is not None:
            yield _finding("misplaced-step", path, cell.number, None,
                           f"%%step stands on line {index + 1}; a cell magic works on the first line only.",
                           "Move the line to the top of the cell.")  # fmt: skip


# --- one step ------------------------------------------------------------------------------------------


class _Step:
    def __init__(self, pipeline: Pipeline, step: Step, piece_slice: Slice, surroundings: Surroundings) -> None:
        self.pipeline = pipeline
        self.step = step
        self.slice = piece_slice
        self.surroundings = surroundings
        self.outline = pipeline.outlines[step.notebook]
        self.name = step.outline.name

    def findings(self) -> Iterator[Finding]:
        for trouble in self.slice.troubles:
            yield from self._trouble(trouble)
        yield from self._files()
        yield from self._setup()
        yield from self._effects()
        yield from self._instances()
        declaration = self.step.outline.declaration
        if not declaration.inputs and not declaration.outputs and declaration.options.cache:
            yield self._say("nothing-declared", self.step.outline.first,
                            "This step has neither inputs nor outputs, so its printed output is reused until its code changes.",
                            "Add --no-cache if it should run every time.")  # fmt: skip

    def _say(self, code: str, cell: int, message: str, fix: str = "", severity: Severity | None = None,
             add_inputs: tuple[str, ...] = (), add_outputs: tuple[str, ...] = (), fix_step: str | None = None) -> Finding:  # fmt: skip
        return _finding(code, self.step.notebook, cell, self.name, message, fix, severity, add_inputs, add_outputs, fix_step)

    def _trouble(self, t: Trouble) -> Iterator[Finding]:
        if t.kind == "undeclared":
            yield self._undeclared(t)
        elif t.kind == "exploration":
            yield self._exploration(t)
        elif t.kind == "unbound" and not self._may_be_bound_unseen(t.cell):
            what = f"Nothing binds '{t.name}'" + (", which code called later reads." if t.later else ", which this step reads.")
            yield self._say("unbound-name", t.cell, what, "Bind it in a cell above, or correct the name.",
                            severity="warning" if t.later or self._handles_names(t.cell) else None)  # fmt: skip
        elif t.kind == "unmade":
            yield self._say("unmade-output", t.cell, f"The output '{t.name}' is never bound in this step.",
                            f"Bind '{t.name}', or remove it from -o.")  # fmt: skip
        elif t.kind == "changed-input" and t.maker:
            yield _finding("undeclared-output", self.step.notebook, t.cell, t.maker,
                           f"Step '{t.maker}' binds '{t.name}', step '{self.name}' below takes '{t.name}', and '{t.maker}' does not declare it: "
                           "Run All would hand on this one, a run the older one.",
                           f"Add '-o {t.name}' to step '{t.maker}', or give the variable another name.",
                           add_outputs=(t.name,), fix_step=t.maker)  # fmt: skip
        elif t.kind == "changed-input":
            yield _finding("changed-between", self.step.notebook, t.cell, None,
                           f"This cell changes '{t.name}' between the step that makes it and step '{self.name}', which takes it: "
                           "Run All sees the change, a run does not.",
                           f"Make this cell a step with '-i {t.name} -o {t.name}', or give the changed value another name.")  # fmt: skip
        elif t.kind == "shadowed":
            yield _finding("rebinds-context", self.step.notebook, t.maker_cell, t.maker,
                           f"Step '{t.maker}' rebinds '{t.name}' (bound in cell {t.through}), and step '{self.name}' below reads it: "
                           "Run All sees the new value, a run the old one.",
                           f"Add '-o {t.name}' to step '{t.maker}' and '-i {t.name}' to step '{self.name}', or use another name.",
                           add_inputs=(), fix_step=t.maker)  # fmt: skip

    def _undeclared(self, t: Trouble) -> Finding:
        where = f"in cell {t.maker_cell}"
        if t.definition and not t.declared:
            return self._say("shared-definition", t.cell,
                             f"'{t.name}' is defined {where}, a cell of step '{t.maker}', and this step uses it.",
                             f"Move the definition of '{t.name}' to a cell of its own (without %%step) or to a module.")  # fmt: skip
        if t.declared:
            return self._say("undeclared-input", t.cell, f"This step reads '{t.name}', which step '{t.maker}' makes ({where}).",
                             f"Add '-i {t.name}' to its %%step line.", add_inputs=(t.name,))  # fmt: skip
        return self._say("undeclared-output", t.cell,
                         f"This step reads '{t.name}', which step '{t.maker}' binds ({where}) and does not declare.",
                         f"Add '-o {t.name}' to step '{t.maker}' and '-i {t.name}' to step '{self.name}'.",
                         add_inputs=(t.name,), add_outputs=(t.name,), fix_step=t.maker)  # fmt: skip

    def _exploration(self, t: Trouble) -> Finding:
        outputs = "" if t.declared else f" and '-o {t.needs}' to step '{t.maker}'"
        return self._say("uses-exploration", t.cell,
                         f"This step reads '{t.name}' from cell {t.through}, and that cell needs '{t.needs}' of step '{t.maker}', which is no input here.",
                         f"Add '-i {t.needs}' to this step{outputs}, or make cell {t.through} a step.",
                         add_inputs=(t.needs,), add_outputs=() if t.declared else (t.needs,),
                         fix_step=None if t.declared else t.maker)  # fmt: skip

    def _may_be_bound_unseen(self, cell: int) -> bool:
        """A star import that cannot be read, ``%run`` or ``exec`` above may bind any name."""
        return any(
            u.always in ("star import", "%run", "exec") for n in range(1, cell + 1) for u in self.outline.units(n)
        )

    def _handles_names(self, cell: int) -> bool:
        source = self.outline.notebook.cell(cell).source
        return any(word in source for word in CHECKED_BY_HAND)

    # --- files -------------------------------------------------------------------------------------

    def _files(self) -> Iterator[Finding]:
        folder = self.outline.notebook.folder
        for wanted in self.step.inputs:
            if wanted.item.is_file and not wanted.makers and not self._exists(wanted.path):
                yield self._say("missing-file", self.step.outline.input_cells[wanted.item.label],
                                f"The input '{wanted.item.path}' is not there, and no step makes it.",
                                f"Looked for it at {wanted.path} (from the project root); paths are relative to the notebook's folder.")  # fmt: skip
        for item in self.step.outputs:
            if item.is_file:
                where = paths.from_root(folder, str(item.path))
                if where.startswith(("/", "../", "~")) or where in ("./", "../", "."):
                    yield self._say("outside-root", self.step.outline.last,
                                    f"The output '{item.path}' lies outside the project root.",
                                    "Write it below the project root.")  # fmt: skip

    def _exists(self, path: str) -> bool:
        if path.endswith("/"):
            return self.surroundings.listing(path) is not None
        if paths.is_glob(path):
            return bool(self.surroundings.files(path))
        return self.surroundings.listing(path) is not None or self.surroundings.file(path) is not None

    # --- set-up and effects ------------------------------------------------------------------------

    def _setup(self) -> Iterator[Finding]:
        if self.step.outline.whole_notebook or len(self.outline.steps) < 2:
            return
        for number in self.step.outline.cells:
            for unit in self.outline.units(number):
                if self.outline.sets_up(unit, number):
                    line = self.outline.notebook.cell(number).source.split("\n")[unit.line - 1].strip()
                    yield self._say("setup-in-step", number, f"'{line[:60]}' configures this step only: other steps run in kernels of their own.",
                                    "Move it to a cell without %%step above, where it reaches every step below.")  # fmt: skip

    def _effects(self) -> Iterator[Finding]:
        declaration = self.step.outline.declaration
        reads_files = any(i.is_file for i in declaration.inputs)
        said: set[str] = set()
        for cell, effect in _effects(self.pipeline, self.slice):
            own = cell if cell in self.step.outline.cells else self.step.outline.first
            if effect.kind in ("network", "database", "clock") and declaration.options.cache and effect.kind not in said:
                said.add(effect.kind)
                what = {"network": "the network", "database": "a database", "clock": "the clock"}[effect.kind]
                yield self._say("outside-world", own, f"'{effect.text}' asks {what}: no key can see what it answers, so the result is reused.",
                                "Add --no-cache if it should be asked every time.")  # fmt: skip
            if effect.kind == "reader" and not effect.known and not reads_files and "reader" not in said:
                said.add("reader")
                yield self._say("unknown-path", own, f"'{effect.text}' reads a path that cannot be known without running.",
                                "Declare the file with -i PATH, so that the graph shows it and a change is seen before the run.")  # fmt: skip

    def _instances(self) -> Iterator[Finding]:
        classes = {
            n for c in self.step.outline.cells for u in self.outline.units(c) if u.kind == "class" for n in u.now.binds
        }
        outputs = {i.name for i in self.step.outputs if not i.is_file}
        if not classes or not outputs or self.step.outline.whole_notebook:
            return
        for number in self.step.outline.cells:
            for unit in self.outline.units(number):
                made = outputs & set(unit.now.binds)
                of = classes & set(unit.now.calls)
                if made and of and unit.kind == "other":
                    name, cls = sorted(str(m) for m in made)[0], sorted(of)[0]
                    yield self._say("instance-leaves", number,
                                    f"The output '{name}' is made with the class '{cls}', which this step's own cell defines; other steps cannot load it.",
                                    f"Move the class '{cls}' to a cell of its own (without %%step) or to a module.")  # fmt: skip



def _effects(pipeline: Pipeline, piece_slice: Slice) -> Iterator[tuple[int, Effect]]:
    """Effects of the code that a slice reaches, whose root is an import (or a builtin such as ``open``)."""
    for piece in piece_slice.pieces:
        if piece.kind not in ("step", "context"):
            continue
        outline = pipeline.outlines[piece.notebook]
        for i in piece.units:
            unit = outline.units(piece.cell)[i]
            for effect in (*unit.now.effects, *unit.later.effects):
                if outline.is_import(effect.root, piece.cell) or effect.root == "open" or effect.text.startswith("."):
                    yield piece.cell, effect


def _shared_random(pipeline: Pipeline, slices: Mapping[str, Slice]) -> Iterator[Finding]:
    first: dict[str, tuple[str, Effect]] = {}
    for step in pipeline.steps.values():
        said: set[str] = set()
        for cell, effect in _effects(pipeline, slices[step.id]):
            if effect.kind != "random" or cell not in step.outline.cells:
                continue
            generator = "random" if effect.text.split(".")[0] == "random" else "numpy.random"
            other, seen = first.setdefault(generator, (step.id, effect))
            if other != step.id and generator not in said:
                said.add(generator)
                yield _finding("shared-random", step.notebook, cell, step.outline.name,
                               f"'{effect.text}' draws from the global generator that step '{pipeline.steps[other].name}' draws from too "
                               f"('{seen.text}'): in a run each step starts it afresh, so the numbers differ from Run All.",
                               "Use a generator of its own in each step (numpy.random.default_rng(seed), random_state=…).")  # fmt: skip


def _rebound_context(pipeline: Pipeline, slices: Mapping[str, Slice]) -> Iterator[Finding]:
    """A step that changes a context object (not by a bare call) which a later step reads."""
    for step in pipeline.steps.values():
        outline = pipeline.outlines[step.notebook]
        outputs = {o.name for o in step.outputs if not o.is_file}
        for number in step.outline.cells:
            changed = {c.name for u in outline.units(number) for c in u.now.changes if c.how != "call"} - outputs
            for name, bound in sorted(slices[step.id].context_reads):
                if name in changed:
                    reader = _later_reader(pipeline, slices, step, name, bound)
                    if reader is not None:
                        yield _finding("rebinds-context", step.notebook, number, step.outline.name,
                                       f"This step changes '{name}' (bound in cell {bound}), and step '{reader.name}' below reads it: "
                                       "Run All sees the change, a run does not.",
                                       f"Add '-o {name}' here and '-i {name}' to step '{reader.name}'.",
                                       fix_step=step.outline.name)  # fmt: skip


def _later_reader(pipeline: Pipeline, slices: Mapping[str, Slice], step: Step, name: str, bound: int) -> Step | None:
    return next(
        (
            s
            for s in pipeline.steps.values()
            if s.notebook == step.notebook and s.outline.last > step.outline.last and (name, bound) in slices[s.id].context_reads
        ),
        None,
    )


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that keep a pipeline from running."""
    return tuple(f for f in findings if f.severity == "error")
