"""From outlines to a pipeline: which step feeds which, and in what order they can run.

Inside one notebook position decides who makes a variable; across notebooks the last maker of the one other notebook
that makes it. Files meet by path (``paths``). What is wrong is returned as findings; steps on a cycle stay in notebook
order. Read ``slicing`` next for what runs in each step.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from nbflow.core import paths
from nbflow.core.circles import Needs, circles, order_of, way
from nbflow.core.model import Finding, Item
from nbflow.core.outline import Outline, StepOutline
from nbflow.errors import did_you_mean


class Edge(NamedTuple):
    """``source`` must run before ``target``; ``via`` is the label of what flows, or ``--after``."""

    source: str
    target: str
    via: str
    is_file: bool = False


class Input(NamedTuple):
    """A declared input and who makes it."""

    item: Item
    makers: tuple[str, ...] = ()
    """Full names of the steps that make it; none for an external file."""
    path: str = ""
    """For files: from the project root."""
    bound_at: int = 0
    """For variables: the cell behind which it is bound in this step's slice."""


class Step(NamedTuple):
    """One step of the pipeline."""

    id: str
    """Full name: ``path/stem.name``."""
    name: str
    """The shortest name that is unique in the pipeline."""
    outline: StepOutline
    notebook: str
    inputs: tuple[Input, ...] = ()
    needs: tuple[str, ...] = ()
    """Full names of the steps that must come before."""

    @property
    def outputs(self) -> tuple[Item, ...]:
        return self.outline.declaration.outputs

    @property
    def supplies(self) -> dict[str, int]:
        return {str(i.item.name): i.bound_at for i in self.inputs if not i.item.is_file and i.makers}


@dataclass(frozen=True)
class Pipeline:
    """All steps of one or more notebooks, with the edges between them."""

    outlines: Mapping[str, Outline]
    steps: Mapping[str, Step]
    """In an order in which they can run (in notebook order where there is a cycle)."""
    edges: tuple[Edge, ...]
    findings: tuple[Finding, ...] = field(default=())

    @cached_property
    def below(self) -> Mapping[str, tuple[str, ...]]:
        """Step → the steps that need it."""
        found: dict[str, list[str]] = {s: [] for s in self.steps}
        for step in self.steps.values():
            for need in step.needs:
                found[need].append(step.id)
        return {k: tuple(v) for k, v in found.items()}

    def with_needs(self, steps: Iterable[str]) -> set[str]:
        """These steps and all that they need, directly or not."""
        found: set[str] = set()
        queue = list(steps)
        while queue:
            step = queue.pop()
            if step not in found:
                found.add(step)
                queue += self.steps[step].needs
        return found


def build(outlines: Sequence[Outline]) -> Pipeline:
    """Connect the steps of these notebooks."""
    return _Builder(outlines).build()


def full_name(notebook: str, step: str) -> str:
    return f"{notebook.removesuffix('.ipynb')}.{step}"


class _Here(NamedTuple):
    """A step on its way into the pipeline."""

    id: str
    notebook: str
    outline: StepOutline


@dataclass(frozen=True, slots=True)
class _Around:
    """An input whose only maker begins above it and ends below it: a circle if the maker needs this step too."""

    step: _Here
    item: Item
    maker: str


class _Builder:
    def __init__(self, outlines: Sequence[Outline]) -> None:
        self.outlines = {o.notebook.path: o for o in outlines}
        self.findings: list[Finding] = [f for o in outlines for f in o.findings]
        self.all = [_Here(full_name(o.notebook.path, s.name), o.notebook.path, s) for o in outlines for s in o.steps]
        self.by_id = {here.id: here for here in self.all}
        # variable → notebook → its makers' (last cell, full name), by last cell.
        self.makers: dict[str, dict[str, list[tuple[int, str]]]] = {}
        self.writers: paths.PathIndex[tuple[_Here, Item]] = paths.PathIndex(())
        self.around: list[_Around] = []
        for here in self.all:
            self._add_outputs(here)
        for by_notebook in self.makers.values():
            for makers in by_notebook.values():
                makers.sort()

    def _add_outputs(self, here: _Here) -> None:
        folder = self.outlines[here.notebook].notebook.folder
        for item in here.outline.declaration.outputs:
            if item.is_file:
                where = paths.from_root(folder, str(item.path))
                self._find_double_writers(where, here, item)
                self.writers.add(where, (here, item))
            else:
                by_notebook = self.makers.setdefault(str(item.name), {})
                by_notebook.setdefault(here.notebook, []).append((here.outline.last, here.id))

    def build(self) -> Pipeline:
        names = self._short_names()
        edges: list[Edge] = []
        steps: dict[str, Step] = {}
        for here in self.all:
            inputs = self._inputs(here)
            mine = [Edge(m, here.id, i.item.label, i.item.is_file) for i in inputs for m in i.makers]
            if here.outline.declaration.after:
                mine += [Edge(a, here.id, "--after") for a in self._after(here)]
            edges += mine
            needs = tuple(dict.fromkeys([e.source for e in mine]))
            steps[here.id] = Step(here.id, names[here.id], here.outline, here.notebook, tuple(inputs), needs)
        before = {s.id: s.needs for s in steps.values()}
        self._settle_around(steps, before)
        order = order_of(before)
        if len(order) < len(steps):
            for circle in circles(before, order):
                self._say_circle(steps, circle)
            order = list(steps)
        return Pipeline(self.outlines, {i: steps[i] for i in order}, tuple(edges), tuple(self.findings))

    def _short_names(self) -> dict[str, str]:
        names = Counter([here.outline.name for here in self.all])
        twice = [here for here in self.all if names[here.outline.name] > 1]
        stems = Counter([(self._stem(here), here.outline.name) for here in twice])
        found = {}
        for here in self.all:
            name = here.outline.name
            if names[name] == 1:
                found[here.id] = name
            else:
                stem = self._stem(here)
                found[here.id] = f"{stem}.{name}" if stems[stem, name] == 1 else here.id
        return found

    def _stem(self, here: _Here) -> str:
        return self.outlines[here.notebook].notebook.stem

    # --- variables -------------------------------------------------------------------------------------------

    def _inputs(self, here: _Here) -> list[Input]:
        found = []
        for item in here.outline.declaration.inputs:
            given = self._file_input(here, item) if item.is_file else self._variable_input(here, item)
            if given is not None:
                found.append(given)
        return found

    def _variable_input(self, here: _Here, item: Item) -> Input | None:
        by_notebook = self.makers.get(str(item.name), {})
        makers = by_notebook.get(here.notebook, [])
        at = bisect_left(makers, (here.outline.input_cells[item.label], ""))
        for cell, maker in reversed(makers[max(at - 2, 0) : at]):
            if maker != here.id:
                return Input(item, (maker,), "", cell)
        elsewhere = {p: m for p, m in by_notebook.items() if p != here.notebook}
        if len(elsewhere) == 1:
            maker = next(iter(elsewhere.values()))[-1][1]
            self._find_bound_too(here, item, maker)
            return Input(item, (maker,))
        if elsewhere:
            names = " and ".join(f"'{m[-1][1]}'" for m in elsewhere.values())
            self._find(
                "two-makers", here, here.outline.input_cells[item.label],
                f"'{item.name}' is made in more than one other notebook: by {names}.",
                "Give one of them another name, or run fewer notebooks together.",
            )  # fmt: skip
            return None
        self._find_no_maker(here, item, [m for m in makers if m[1] != here.id])
        return None

    def _bound_above(self, here: _Here, name: str, cell: int) -> int:
        """The nearest context cell above ``cell`` that binds the name, 0 if none."""
        cells = self.outlines[here.notebook].bindings.in_context.get(name, [])
        at = bisect_left(cells, cell)
        return cells[at - 1] if at else 0

    def _find_bound_too(self, here: _Here, item: Item, maker: str) -> None:
        cell = self._bound_above(here, str(item.name), here.outline.last)
        if cell:
            self._find(
                "two-makers", here, here.outline.input_cells[item.label],
                f"'{item.name}' is made by step '{maker}' of another notebook, and cell {cell} of this notebook binds "
                "it too.",
                f"Give one of the two another name, or remove '{item.name}' from -i if cell {cell} is meant.",
            )  # fmt: skip

    def _find_no_maker(self, here: _Here, item: Item, makers: list[tuple[int, str]]) -> None:
        """Nobody above makes the input. ``makers``: those below, in this notebook."""
        name, cell = str(item.name), here.outline.input_cells[item.label]
        context = self._bound_above(here, name, cell)
        outline = self.outlines[here.notebook]
        undeclared = outline.bindings.in_steps.get(name, [])
        binder = outline.step_at(undeclared[at - 1]) if (at := bisect_left(undeclared, cell)) else None
        if binder is not None and binder is not here.outline and not binder.outputs(name):
            where = undeclared[at - 1]
            if where > context:
                self._find_undeclared(here, name, binder, where)
                return
        if context:
            self._find(
                "not-a-step-output", here, cell,
                f"'{name}' is bound by cell {context}, which is not a step, so it is no input.",
                f"Remove '{name}' from -i: what context cells bind comes along by itself.",
            )  # fmt: skip
        elif makers:
            self._find_below(here, item, makers[0])
        else:
            hint = did_you_mean(name, [n for n in self.makers if n != name])
            self._find(
                "no-maker", here, cell, f"No step makes the input '{name}'.{hint}",
                f"Add '-o {name}' to the step that makes it, or remove '{name}' from -i.",
            )  # fmt: skip

    def _find_undeclared(self, here: _Here, name: str, binder: StepOutline, where: int) -> None:
        self.findings.append(
            Finding(
                "undeclared-output", "error", here.notebook, where, here.outline.name,
                f"This step takes '{name}', which step '{binder.name}' binds (cell {where}) and does not declare.",
                f"Add '-o {name}' to step '{binder.name}'.", add_outputs=(name,), fix_step=binder.name,
            )
        )  # fmt: skip

    def _find_below(self, here: _Here, item: Item, below: tuple[int, str]) -> None:
        maker = self.by_id[below[1]].outline
        if maker.first < here.outline.input_cells[item.label]:
            self.around.append(_Around(here, item, below[1]))
            return
        self._find(
            "maker-below", here, here.outline.input_cells[item.label],
            f"'{item.name}' is made by step '{maker.name}' further down (cell {below[0]}).",
            "Move the cell that makes it above this one: a notebook reads from top to bottom.",
        )  # fmt: skip

    def _settle_around(self, steps: Mapping[str, Step], needs: Needs) -> None:
        for around in self.around:
            here, name = around.step, around.item.name
            maker = self.by_id[around.maker].outline
            cell = here.outline.input_cells[around.item.label]
            circle = way(needs, around.maker, here.id)
            if circle:
                names = " → ".join(steps[s].name for s in [*circle, circle[0]])
                self._find(
                    "cycle", here, cell,
                    f"These steps need each other: {names}. Step '{maker.name}' ({_cells(maker)}) makes '{name}' at "
                    f"its last cell, below this one ({_cells(here.outline)}), and needs this step.",
                    f"Break the circle: give the cells of '{maker.name}' above this one a step name of their own.",
                )  # fmt: skip
            else:
                self._find(
                    "maker-below", here, cell,
                    f"'{name}' is made by step '{maker.name}' ({_cells(maker)}), whose last cell stands below this "
                    "one: a step makes its outputs at its last cell.",
                    f"Move this cell below cell {maker.last}, or give the cells of '{maker.name}' above this one a "
                    "step name of their own.",
                )  # fmt: skip

    # --- files ---------------------------------------------------------------------------------------------

    def _file_input(self, here: _Here, item: Item) -> Input:
        where = paths.from_root(self.outlines[here.notebook].notebook.folder, str(item.path))
        cell = here.outline.input_cells[item.label]
        makers: dict[str, None] = {}
        for written, (maker, output) in self.writers.meeting(where):
            if maker is here:
                what = (
                    "is an input and an output" if written == where else f"is an input, and '{output.path}' an output"
                )
                self._find(
                    "reads-own-output", here, cell, f"'{item.path}' {what} of this step.",
                    "Write to another path: a step may not overwrite what it reads.",
                )  # fmt: skip
            elif not paths.covers(written, where) and not paths.covers(where, written):
                self._find(
                    "paths-meet-in-part", here, cell,
                    f"'{item.path}' and '{output.path}' (made by step '{maker.outline.name}') overlap only in part.",
                    "Write patterns of which one contains the other.",
                )  # fmt: skip
            else:
                makers[maker.id] = None
        return Input(item, tuple(makers), where)

    def _find_double_writers(self, where: str, here: _Here, item: Item) -> None:
        for other, (first, output) in self.writers.meeting(where):
            if first is here:
                who = f"'{output.path}'" + (" too" if other == where else ", which overlaps")
                message = f"This step writes '{item.path}' and {who}: a file is declared once."
            else:
                both = "it" if other == where else f"'{output.path}', which overlaps"
                message = (
                    f"This step writes '{item.path}', and step '{first.outline.name}' ({first.notebook}, "
                    f"{_cells(first.outline)}) writes {both}: a file has one maker."
                )
            self._find("two-writers", here, here.outline.last, message, "Write to different paths.")

    # --- order and cycles ----------------------------------------------------------------------------------

    @cached_property
    def _by_word(self) -> Mapping[str, list[_Here]]:
        """Plain name, or ``stem.name`` → steps."""
        found: dict[str, list[_Here]] = {}
        for here in self.all:
            found.setdefault(here.outline.name, []).append(here)
            found.setdefault(f"{self._stem(here)}.{here.outline.name}", []).append(here)
        return found

    def _after(self, here: _Here) -> list[str]:
        found = []
        for name in here.outline.declaration.after:
            matches = self._called(name, here)
            if len(matches) == 1 and matches[0] is not here:
                found.append(matches[0].id)
                continue
            fix = "Name another step of this pipeline."
            if matches == [here]:
                message, fix = f"--after {name}: a step cannot come after itself.", "Remove it."
            elif matches:
                message = f"--after {name} could be {' or '.join(m.id for m in matches)}."
                fix = "Write the full name."
            else:
                message = f"--after {name}: there is no such step.{did_you_mean(name, self._by_word)}"
            self._find("unknown-step", here, here.outline.first, message, fix)
        return found

    def _called(self, name: str, here: _Here) -> list[_Here]:
        """The steps that a name may mean: by its full name, in this notebook, in any."""
        if name in self.by_id:
            return [self.by_id[name]]
        matches = self._by_word.get(name, [])
        return [m for m in matches if m.notebook == here.notebook] or matches

    def _say_circle(self, steps: Mapping[str, Step], circle: Sequence[str]) -> None:
        names = " → ".join(steps[s].name for s in [*circle, circle[0]])
        places = "; ".join(f"{steps[s].name} is in {steps[s].notebook}, {_cells(steps[s].outline)}" for s in circle)
        self._find(
            "cycle", self.by_id[circle[0]], steps[circle[0]].outline.first,
            f"These steps need each other: {names} ({places}).",
            "Break the circle: split one of the steps, or take one input or --after away.",
        )  # fmt: skip

    def _find(self, code: str, here: _Here, cell: int, message: str, fix: str) -> None:
        self.findings.append(Finding(code, "error", here.notebook, cell, here.outline.name, message, fix))


def _cells(step: StepOutline) -> str:
    numbers = ", ".join(map(str, step.cells))
    return f"cell {numbers}" if len(step.cells) == 1 else f"cells {numbers}"
