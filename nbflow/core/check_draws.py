"""Where steps use up one thing in turn, so that Run All and a run differ: random generators, iterators, cursors.

In Run All all cells draw from one global generator, one after the other; in a run each step starts it afresh, as set-up
left it. So a draw comes out the same only where its step's slice holds every draw that Run All has made since the last
seed. A generator that a context cell binds (``rng = np.random.default_rng(0)``) is the same with a name: each step gets
it as it was made. ``draws`` knows the draws of a notebook.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nbflow.core.draws import Draw, Draws
from nbflow.core.findings import finding
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding
from nbflow.core.outline import Outline
from nbflow.core.slicing import Slice

OWN_GENERATOR = "Use a generator of its own in each step (numpy.random.default_rng(seed), random_state=…)."


def shared_draws(pipeline: Pipeline, slices: Mapping[str, Slice]) -> Iterator[Finding]:
    """Findings about draws of all notebooks."""
    by_notebook: dict[str, list[Step]] = {}
    for step in sorted(pipeline.steps.values(), key=lambda s: s.outline.last):
        by_notebook.setdefault(step.notebook, []).append(step)
    for path, steps in by_notebook.items():
        outline = pipeline.outlines[path]
        cells = {s.id: frozenset(n for notebook, n in slices[s.id].cells if notebook == path) for s in steps}
        yield from _Global(outline, steps, cells).findings()
        yield from _Objects(outline, steps, cells, slices).findings()


class _Global:
    """Global generators."""

    def __init__(self, outline: Outline, steps: Sequence[Step], cells: Mapping[str, frozenset[int]]) -> None:
        self.outline = outline
        self.steps = steps
        self.cells = cells

    def findings(self) -> Iterator[Finding]:
        for row in Draws(self.outline).rows.values():
            seeded = next((i for i, d in enumerate(row) if d.seed), len(row))
            at: dict[int, list[int]] = {}
            for index, draw in enumerate(row):
                at.setdefault(draw.cell, []).append(index)
            free: dict[int, list[Step]] = {}
            for step in self.steps:
                mine = sorted(i for cell in self.cells[step.id] & at.keys() for i in at[cell])
                yield from self._different(row, mine, seeded, step)
                for cell in self._unseeded(row, mine):
                    free.setdefault(cell, []).append(step)
            yield from self._twice(row, free)

    def _different(self, row: Sequence[Draw], mine: Sequence[int], seeded: int, step: Step) -> Iterator[Finding]:
        """The first draw of a step that Run All makes behind one which the slice does not hold."""
        for place, index in enumerate(mine):
            before = mine[place - 1] if place else -1
            if row[index].seed or index - before < 2:
                continue
            between = range(before + 1, index)
            by_step = next((row[i] for i in between if self.outline.step_at(row[i].cell) is not None), None)
            first = by_step or row[before + 1]
            fixed = seeded < index
            if fixed or (by_step is not None and not first.weak and not row[index].weak):
                yield self._say(row[index], first, step)
                return

    def _say(self, draw: Draw, first: Draw, step: Step) -> Finding:
        other = self.outline.step_at(first.cell)
        at = draw.cell if draw.cell in step.outline.cells else step.outline.first
        does = "makes what draws" if draw.weak else "draws"
        if other is not None:
            who = f"step '{other.name}' {'sets the seed of' if first.seed else 'draws from'} too ('{first.text}')"
            why, fix = "in a run each step starts it afresh, so the numbers differ from Run All.", OWN_GENERATOR
        else:
            who = f"cell {first.cell} draws from before ('{first.text}')"
            why = "that cell is not in the slice of this step, so the numbers differ from Run All."
            fix = f"{OWN_GENERATOR[:-1]}, or tag cell {first.cell} nbflow-setup."
        message = f"'{draw.text}' {does} from the global generator that {who}: {why}"
        return finding("shared-random", step.notebook, at, step.outline.name, message, fix)

    def _unseeded(self, row: Sequence[Draw], mine: Sequence[int]) -> Iterator[int]:
        """Context cells of a slice that draw what no seed fixes."""
        for index in mine:
            draw = row[index]
            if draw.seed:
                return
            unseen = self.outline.bindings.first_unseen < draw.cell
            if self.outline.is_context(draw.cell) and not draw.weak and not unseen:
                yield draw.cell

    def _twice(self, row: Sequence[Draw], free: Mapping[int, Sequence[Step]]) -> Iterator[Finding]:
        for cell, steps in free.items():
            draw = next(d for d in row if d.cell == cell)
            one = steps[0]
            other = next((s for s in steps if s is not one), None)
            if other is not None:
                yield self._each_anew(cell, f"'{draw.text}' draws without a seed", one, other, draw.unit)

    def _each_anew(self, cell: int, what: str, one: Step, other: Step, unit: int) -> Finding:
        return drawn_twice(self.outline, cell, what, one, other, self.outline.units(cell)[unit].now.binds)


def drawn_twice(outline: Outline, cell: int, what: str, one: Step, other: Step, names: Sequence[str]) -> Finding:
    step = f"a step with -o {' '.join(names)}" if names else "a step"
    return finding(
        "shared-random", outline.notebook.path, cell, other.outline.name,
        f"{what}, and the steps '{one.name}' and '{other.name}' both run this cell: each gets other numbers.",
        f"Set a seed (random_state=…, or numpy.random.seed(…) in a cell above), or make this cell {step}.",
    )  # fmt: skip


class _Uses(NamedTuple):
    """How one step uses one object that is used up."""

    step: Step
    last: int
    """The last cell of its slice that does."""
    own: bool
    """Whether its own cells do, not only context cells in its slice."""


class _Objects:
    """Generators, iterators and the like that have a name."""

    def __init__(
        self,
        outline: Outline,
        steps: Sequence[Step],
        cells: Mapping[str, frozenset[int]],
        slices: Mapping[str, Slice],
    ) -> None:
        self.outline = outline
        self.bindings = outline.bindings
        self.steps = steps
        self.cells = cells
        self.slices = slices

    def findings(self) -> Iterator[Finding]:
        for name in self.bindings.used_up:
            uses: dict[int, list[_Uses]] = {}
            for step in self.steps:
                for bound, use in self._uses_of(name, step):
                    uses.setdefault(bound, []).append(use)
            for bound, found in uses.items():
                what = self._what(name, bound)
                if what:
                    yield from self._shared(name, bound, what, found)
                if what == "unseeded":
                    yield from self._unseeded(name, bound, found)

    def _what(self, name: str, bound: int) -> str:
        """What the name stands for; for an artifact, what the nearest cell that binds it makes."""
        return self.bindings.what_is_used_up(name, self.bindings.bound_at(name, bound + 1, 0) if bound else 0)

    def _uses_of(self, name: str, step: Step) -> Iterator[tuple[int, _Uses]]:
        """The cells that bound what the step's slice uses, each with how it is used."""
        changing = self.bindings.changed_in_context.get(name, ())
        own = {bound for read, bound in self.slices[step.id].context_reads if read == name}
        if name in self.slices[step.id].used_inputs:
            own.add(step.supplies[name])
        for bound in own:
            yield bound, _Uses(step, step.outline.last, True)
        for number in changing[: bisect_left(changing, step.outline.last)]:
            if number in self.cells[step.id]:
                behind = self._bound_for(name, number, step)
                if behind is not None and behind not in own:
                    yield behind, _Uses(step, number, False)

    def _bound_for(self, name: str, number: int, step: Step) -> int | None:
        supply = step.supplies.get(name)
        if supply is not None and supply < number:
            return supply
        bound = self.bindings.bound_at(name, number, 0)
        return bound if self.outline.is_context(bound) else None

    def _shared(self, name: str, bound: int, what: str, found: Sequence[_Uses]) -> Iterator[Finding]:
        first = sorted((u for u in found if u.own), key=lambda u: u.step.outline.first)[:2]
        for use in found:
            other = next((u.step for u in first if u.step is not use.step), None)
            if other is not None and other.outline.first < use.last:
                yield self._say(name, bound, what, use, other)

    def _say(self, name: str, bound: int, what: str, use: _Uses, other: Step) -> Finding:
        step = use.step
        where = f"'{name}' (bound in cell {bound})" if bound else f"'{name}'"
        if what == "iterator":
            return finding(
                "shared-iterator", step.notebook, step.outline.first, step.outline.name,
                f"{where} is used up as it is read, and step '{other.name}' reads it too: in a run each step gets it "
                "whole, so what is read differs from Run All.",
                f"Make '{name}' in each step, or let one step read it into a list and output that.",
            )  # fmt: skip
        chained = other.outline.last < step.outline.first
        hand_on = f"Add '-o {name}' to step '{other.name}' and '-i {name}' to step '{step.name}' to hand it on, or give"
        return finding(
            "shared-random", step.notebook, step.outline.first, step.outline.name,
            f"{where} is a random generator that step '{other.name}' draws from too: in a run each step gets it as it "
            "was made, so the numbers differ from Run All.",
            f"{hand_on if chained else 'Give'} each step a generator of its own.",
            add_outputs=(name,) if chained else (), fix_step=other.outline.name if chained else None,
        )  # fmt: skip

    def _unseeded(self, name: str, bound: int, found: Iterable[_Uses]) -> Iterator[Finding]:
        """What a context cell draws from a generator without a seed is another thing in each step."""
        runs = [u.step for u in found]
        for number in self.bindings.changed_in_context.get(name, ()):
            steps = [s for s in runs if number in self.cells[s.id]]
            if len(steps) > 1 and number > bound:
                names = [n for u in self.outline.units(number) for n in u.now.binds]
                what = f"'{name}' has no seed, this cell draws from it"
                yield drawn_twice(self.outline, number, what, steps[0], steps[1], names)
