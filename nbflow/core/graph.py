"""From outlines to a pipeline: which step feeds which, and in what order they can run.

Inside one notebook position decides who makes a variable; across notebooks the last maker of the one other
notebook that makes it. Files meet by path. What is wrong is returned as findings; a cycle leaves ``order`` empty.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nbflow.core import paths
from nbflow.core.model import Finding, Item
from nbflow.core.outline import Outline, StepOutline
from nbflow.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` must run before ``target``; ``via`` is the label of what flows, or ``--after``."""

    source: str
    target: str
    via: str
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """A declared input and who makes it."""

    item: Item
    makers: tuple[str, ...] = ()
    """Full names of the steps that make it; none for an external file."""
    path: str = ""
    """For files: from the project root."""
    bound_at: int = 0
    """For variables: the cell behind which it is bound in this step's slice."""


@dataclass(frozen=True, slots=True)
class Step:
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

    def maker_cell(self, step: str) -> int:
        return self.steps[step].outline.last


def build(outlines: Sequence[Outline]) -> Pipeline:
    """Connect the steps of these notebooks."""
    return _Builder(outlines).build()


def full_name(notebook: str, step: str) -> str:
    return f"{notebook.removesuffix('.ipynb')}.{step}"


class _Builder:
    def __init__(self, outlines: Sequence[Outline]) -> None:
        self.outlines = {o.notebook.path: o for o in outlines}
        self.findings: list[Finding] = [f for o in outlines for f in o.findings]
        self.plain: list[tuple[str, str, StepOutline]] = [
            (full_name(o.notebook.path, s.name), o.notebook.path, s) for o in outlines for s in o.steps
        ]
        # (notebook, variable) → its makers' (last cell, full name), by last cell.
        self.makers: dict[str, dict[str, list[tuple[int, str]]]] = {}
        self.writers: list[tuple[str, str, Item]] = []
        for full, path, step in self.plain:
            folder = self.outlines[path].notebook.folder
            for item in step.declaration.outputs:
                if item.is_file:
                    self.writers.append((paths.from_root(folder, str(item.path)), full, item))
                else:
                    self.makers.setdefault(str(item.name), {}).setdefault(path, []).append((step.last, full))
        for by_notebook in self.makers.values():
            for makers in by_notebook.values():
                makers.sort()
        self.exact_writers: dict[str, list[str]] = {}
        for path, full, _ in self.writers:
            self.exact_writers.setdefault(path, []).append(full)
        self.wide_writers = [(p, f) for p, f, _ in self.writers if p.endswith("/") or paths.is_glob(p)]

    def build(self) -> Pipeline:
        self._find_double_writers()
        names = self._short_names()
        edges: list[Edge] = []
        steps: dict[str, Step] = {}
        for full, path, step in self.plain:
            inputs = self._inputs(full, path, step)
            mine = [Edge(m, full, i.item.label, i.item.is_file) for i in inputs for m in i.makers]
            mine += [Edge(a, full, "--after") for a in self._after(full, path, step)]
            edges += mine
            needs = tuple(dict.fromkeys(e.source for e in mine))
            steps[full] = Step(full, names[full], step, path, tuple(inputs), needs)
        order = _order(steps)
        if len(order) < len(steps):
            self._find_cycle(steps, order)
            order = list(steps)
        return Pipeline(self.outlines, {i: steps[i] for i in order}, tuple(edges), tuple(self.findings))

    def _short_names(self) -> dict[str, str]:
        names = Counter(s.name for _, _, s in self.plain)
        stems = Counter((self.outlines[p].notebook.stem, s.name) for _, p, s in self.plain)
        found = {}
        for full, path, step in self.plain:
            stem = self.outlines[path].notebook.stem
            if names[step.name] == 1:
                found[full] = step.name
            elif stems[stem, step.name] == 1:
                found[full] = f"{stem}.{step.name}"
            else:
                found[full] = full
        return found

    # --- inputs ------------------------------------------------------------------------------------

    def _inputs(self, full: str, path: str, step: StepOutline) -> list[Input]:
        found = []
        for item in step.declaration.inputs:
            if item.is_file:
                found.append(self._file_input(full, path, step, item))
            else:
                variable = self._variable_input(full, path, step, item)
                if variable:
                    found.append(variable)
        return found

    def _variable_input(self, full: str, path: str, step: StepOutline, item: Item) -> Input | None:
        name = str(item.name)
        declared_at = step.input_cells[item.label]
        by_notebook = self.makers.get(name, {})
        here = by_notebook.get(path, [])
        above = [m for m in here[: bisect_left(here, (declared_at, ""))] if m[1] != full]
        if above:
            cell, maker = above[-1]
            return Input(item, (maker,), bound_at=cell)
        elsewhere = {p: m for p, m in by_notebook.items() if p != path}
        if len(elsewhere) == 1:
            maker = next(iter(elsewhere.values()))[-1][1]
            bound = [c for c in self.outlines[path].binders.get(name, ()) if c < step.last]
            if any(self.outlines[path].is_context(c) for c in bound):
                self._ambiguous_with_context(path, step, item, maker, bound)
            return Input(item, (maker,), bound_at=0)
        self._find_no_maker(path, step, item, here, elsewhere)
        return None

    def _ambiguous_with_context(self, path: str, step: StepOutline, item: Item, maker: str, bound: list[int]) -> None:
        cell = next(c for c in bound if self.outlines[path].is_context(c))
        self._find(
            "two-makers", path, step.input_cells[item.label], step.name,
            f"'{item.name}' is made by step '{maker}' of another notebook, and cell {cell} of this notebook binds it too.",
            "Give one of the two another name.",
        )  # fmt: skip

    def _find_no_maker(
        self, path: str, step: StepOutline, item: Item, here: list[tuple[int, str]], elsewhere: Mapping[str, list[tuple[int, str]]]
    ) -> None:
        name, cell = str(item.name), step.input_cells[item.label]
        below = [(c, m) for c, m in here if not m.endswith(f".{step.name}")]
        if len(elsewhere) > 1:
            makers = " and ".join(f"'{m[-1][1]}'" for m in elsewhere.values())
            self._find("two-makers", path, cell, step.name, f"'{name}' is made in more than one other notebook: {makers}.",
                       "Give one of them another name, or run fewer notebooks together.")  # fmt: skip
        elif below:
            self._find("maker-below", path, cell, step.name,
                       f"'{name}' is made by step '{below[0][1].rpartition('.')[2]}' further down (cell {below[0][0]}).",
                       "Move the cell that makes it above this one: a notebook reads from top to bottom.")  # fmt: skip
        elif any(self.outlines[path].is_context(c) for c in self.outlines[path].binders.get(name, ())):
            context = next(c for c in self.outlines[path].binders[name] if self.outlines[path].is_context(c))
            self._find("not-a-step-output", path, cell, step.name,
                       f"'{name}' is bound by cell {context}, which is not a step, so it is no input.",
                       f"Remove '{name}' from -i: context cells come along by themselves.")  # fmt: skip
        else:
            hint = did_you_mean(name, self.makers)
            self._find("no-maker", path, cell, step.name, f"No step makes the input '{name}'.{hint}",
                       f"Add '-o {name}' to the step that makes it, or remove it from -i.")  # fmt: skip

    def _file_input(self, full: str, path: str, step: StepOutline, item: Item) -> Input:
        where = paths.from_root(self.outlines[path].notebook.folder, str(item.path))
        makers = []
        if where.endswith("/") or paths.is_glob(where):
            candidates: Iterable[tuple[str, str]] = ((p, f) for p, f, _ in self.writers)
        else:
            candidates = [(where, f) for f in self.exact_writers.get(where, ())] + self.wide_writers
        for written, maker in candidates:
            if not paths.meet(written, where):
                continue
            if maker == full:
                self._find("reads-own-output", path, step.input_cells[item.label], step.name,
                           f"'{item.path}' is an input and an output of this step.",
                           "Write to another path: a step may not overwrite what it reads.")  # fmt: skip
            elif not paths.covers(written, where) and not paths.covers(where, written):
                self._find("paths-meet-in-part", path, step.input_cells[item.label], step.name,
                           f"'{item.path}' and '{written}' (made by step '{maker}') overlap only in part.",
                           "Write patterns of which one contains the other.")  # fmt: skip
            else:
                makers.append(maker)
        return Input(item, tuple(dict.fromkeys(makers)), where)

    def _after(self, full: str, path: str, step: StepOutline) -> list[str]:
        found = []
        for name in step.declaration.after:
            matches = [
                f for f, p, s in self.plain
                if f == name or (s.name == name and p == path) or f"{self.outlines[p].notebook.stem}.{s.name}" == name
            ] or [f for f, _, s in self.plain if s.name == name]  # fmt: skip
            if len(matches) == 1 and matches[0] != full:
                found.append(matches[0])
                continue
            if matches == [full]:
                message, fix = f"--after {name}: a step cannot come after itself.", "Remove it."
            elif matches:
                message = f"--after {name} could be {' or '.join(matches)}."
                fix = "Write the full name."
            else:
                hint = did_you_mean(name, (s.name for _, _, s in self.plain))
                message, fix = f"--after {name}: there is no such step.{hint}", "Name a step of this pipeline."
            self._find("unknown-step", path, step.first, step.name, message, fix)
        return found

    # --- writers and cycles ------------------------------------------------------------------------

    def _find_double_writers(self) -> None:
        seen: set[frozenset[str]] = set()
        for where, fulls in self.exact_writers.items():
            if len(fulls) > 1:
                self._double_writer(where, fulls[0], where, fulls[1], seen)
        for wide, full in self.wide_writers:
            for where, other, _ in self.writers:
                if where != wide and paths.meet(wide, where):
                    self._double_writer(wide, full, where, other, seen)

    def _double_writer(self, a: str, first: str, b: str, second: str, seen: set[frozenset[str]]) -> None:
        key = frozenset((a, first, b, second))
        if key in seen:
            return
        seen.add(key)
        path, step = next((p, s) for f, p, s in self.plain if f == second)
        who = f"step '{first}' writes '{a}'" if first != second else f"it writes '{a}' too"
        self._find("two-writers", path, step.last, step.name, f"This step writes '{b}' and {who}: a file has one maker.",
                   "Give the files different names.")  # fmt: skip

    def _find_cycle(self, steps: Mapping[str, Step], order: Sequence[str]) -> None:
        left = {s for s in steps if s not in set(order)}
        walk = [next(s for s in steps if s in left)]
        while walk[-1] not in walk[:-1]:
            walk.append(next(n for n in steps[walk[-1]].needs if n in left))
        cycle = walk[walk.index(walk[-1]) :][::-1]
        first = steps[cycle[0]]
        places = ", ".join(
            f"{steps[s].name} in {steps[s].notebook} cell{'s' if len(steps[s].outline.cells) > 1 else ''} "
            + ", ".join(map(str, steps[s].outline.cells))
            for s in cycle[:-1]
        )
        self._find("cycle", first.notebook, first.outline.first, first.outline.name,
                   f"These steps need each other: {' → '.join(steps[s].name for s in cycle)} ({places}).",
                   "Break the circle: split one of the steps, or take one input or --after away.")  # fmt: skip

    def _find(self, code: str, path: str, cell: int, step: str, message: str, fix: str) -> None:
        self.findings.append(Finding(code, "error", path, cell, step, message, fix))


def _order(steps: Mapping[str, Step]) -> list[str]:
    """Topological order, in notebook order where the edges leave a choice. Steps on or below a cycle are missing."""
    rank = {s: i for i, s in enumerate(steps)}
    by_rank = list(steps)
    missing = {s: len(step.needs) for s, step in steps.items()}
    below: dict[str, list[str]] = {}
    for step in steps.values():
        for need in step.needs:
            below.setdefault(need, []).append(step.id)
    heap = [rank[s] for s, n in missing.items() if n == 0]
    heapq.heapify(heap)
    order = []
    while heap:
        current = by_rank[heapq.heappop(heap)]
        order.append(current)
        for follower in below.get(current, ()):
            missing[follower] -= 1
            if missing[follower] == 0:
                heapq.heappush(heap, rank[follower])
    return order
