"""What slices could not resolve, in plain words: what, where, and the exact words to add.

``slicing`` returns ``Trouble``; ``explain`` makes findings of it. One finding for each name (or, for exploration, for
each cell), at the first place where it matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nbflow.core.findings import finding
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding
from nbflow.core.outline import StepOutline
from nbflow.core.slicing import Slice, Trouble
from nbflow.errors import did_you_mean

LOOKS_UP_NAMES = ("NameError", "globals(", "locals(", "vars(", "%store", "%load ", "%cpaste")
"""What a cell says that asks for names, or binds them, in ways that reading it cannot show."""


Said = tuple[str, str, int, str]
"""What, notebook, cell, name: of something that one cell does, however many steps see it. Told once, for the first."""


def makers_elsewhere(pipeline: Pipeline) -> Mapping[str, Mapping[str, Step]]:
    """Variable → notebook → the last step there that makes it."""
    found: dict[str, dict[str, Step]] = {}
    for step in sorted(pipeline.steps.values(), key=lambda s: s.outline.last):
        for item in step.outputs:
            if not item.is_file:
                found.setdefault(str(item.name), {})[step.notebook] = step
    return found


def explain(
    pipeline: Pipeline,
    step: Step,
    its_slice: Slice,
    elsewhere: Mapping[str, Mapping[str, Step]],
    said: set[Said],
) -> Iterator[Finding]:
    """Findings for what one step's slice could not resolve. ``elsewhere``: see ``makers_elsewhere``. ``said`` grows."""
    return _Explainer(pipeline, step, its_slice, elsewhere).findings(said)


class _Explainer:
    def __init__(
        self, pipeline: Pipeline, step: Step, its_slice: Slice, elsewhere: Mapping[str, Mapping[str, Step]]
    ) -> None:
        self.outline = pipeline.outlines[step.notebook]
        self.step = step
        self.name = step.outline.name
        self.slice = its_slice
        self.elsewhere = elsewhere

    def findings(self, said: set[Said]) -> Iterator[Finding]:
        mine: set[tuple[str, str]] = set()
        exploration: dict[int, list[Trouble]] = {}
        for trouble in sorted(self.slice.troubles, key=lambda t: (t.cell, t.later, t.name)):
            if trouble.kind == "exploration":
                exploration.setdefault(trouble.through, []).append(trouble)
                continue
            if trouble.kind in ("shadowed", "changed-input"):
                about = (trouble.kind, self.step.notebook, trouble.maker_cell or trouble.cell, trouble.name)
                known = about in said
                said.add(about)
            else:
                known = (trouble.kind, trouble.name) in mine
                mine.add((trouble.kind, trouble.name))
            if not known:
                found = self._explain(trouble)
                if found is not None:
                    yield found
        for through, troubles in exploration.items():
            yield self._exploration(through, troubles)

    def _explain(self, t: Trouble) -> Finding | None:
        if t.kind == "undeclared":
            return self._undeclared(t)
        if t.kind == "unbound":
            return self._unbound(t)
        if t.kind == "shadowed":
            return self._shadowed(t)
        if t.kind == "unmade":
            return self._say(
                "unmade-output", t.cell, f"The output '{t.name}' is never bound in this step.",
                f"Bind '{t.name}', or remove it from -o.",
            )  # fmt: skip
        return self._changed(t) if t.maker_cell else self._changed_between(t)

    def _say(self, code: str, cell: int, message: str, fix: str, **more: object) -> Finding:
        return finding(code, self.step.notebook, cell, self.name, message, fix, **more)  # type: ignore[arg-type]

    def _reads(self, t: Trouble) -> str:
        """Who reads the name: the step, code that it calls, or a context cell that must be in its slice."""
        if t.cell not in self.step.outline.cells:
            return f"Cell {t.cell}, which is in the slice of this step, reads"
        return "Code that this step calls reads" if t.later else "This step reads"

    def _maker(self, cell: int) -> StepOutline:
        maker = self.outline.step_at(cell)
        assert maker is not None
        return maker

    # --- names that other steps make -----------------------------------------------------------------------

    def _undeclared(self, t: Trouble) -> Finding:
        maker = self._maker(t.maker_cell)
        what = f"{self._reads(t)} '{t.name}', which step '{maker.name}'"
        if not maker.outputs(t.name) and self._is_definition(t.name, t.maker_cell):
            return self._say(
                "shared-definition", t.cell, f"{what} defines in its own cell {t.maker_cell}.",
                f"Move the definition of '{t.name}' to a cell of its own (without %%step) or to a module.",
            )  # fmt: skip
        if maker.last > t.cell in self.step.outline.cells:
            return self._say(
                "maker-below", t.cell,
                f"{what} makes at its last cell ({maker.last}), below this one.",
                f"Move this cell below cell {maker.last}, or give cell {t.maker_cell} a step name of its own.",
            )  # fmt: skip
        if maker.outputs(t.name):
            return self._say(
                "undeclared-input", t.cell, f"{what} makes (cell {t.maker_cell}).",
                f"Add '-i {t.name}' to the %%step line of '{self.name}'.", add_inputs=(t.name,),
            )  # fmt: skip
        return self._say(
            "undeclared-output", t.cell, f"{what} binds (cell {t.maker_cell}) and does not declare.",
            f"Add '-o {t.name}' to step '{maker.name}' and '-i {t.name}' to step '{self.name}'.",
            add_inputs=(t.name,), add_outputs=(t.name,), fix_step=maker.name,
        )  # fmt: skip

    def _is_definition(self, name: str, cell: int) -> bool:
        units = self.outline.units(cell)
        return any(
            units[i].kind in ("def", "class") or self.outline.text(cell, units[i].line).startswith(_DEFINES)
            for i in self.outline.bindings.units_binding(cell, name)
        )

    def _exploration(self, through: int, troubles: list[Trouble]) -> Finding:
        t = troubles[0]
        binds = self.outline.bindings.units_binding(through, t.name)
        names = _listed(x.name for x in troubles)
        needs = {n.name: self._maker(n.cell) for n in sorted(t.needs, key=lambda need: (need.cell, need.name))}
        undeclared = {n: m for n, m in needs.items() if not m.outputs(n)}
        makers = _listed((f"{n}' of step '{m.name}" for n, m in needs.items()))
        added = "".join(f" and '-o {n}' to step '{m.name}'" for n, m in undeclared.items())
        first = next(iter(undeclared.values()), None)
        what = f"from cell {through}" if binds else f"which cell {through} changes"
        if not binds and not any(x.sure for x in troubles):
            return self._say(
                "uses-exploration", t.cell,
                f"{self._reads(t)} {names}, which cell {through} may change, and that cell needs {makers}, which this "
                "step does not take: it stays out of the run.",
                f"Tag cell {through} nbflow-skip if it only looks; if it changes {names}, make it a step.",
                severity="warning",
            )  # fmt: skip
        return self._say(
            "uses-exploration", t.cell,
            f"{self._reads(t)} {names} {what}, and that cell needs {makers}, which this step does not take.",
            f"Add '-i {' '.join(needs)}' to step '{self.name}'{added}, or make cell {through} a step, or tag it "
            "nbflow-skip if it only looks.",
            add_inputs=tuple(needs),
            add_outputs=tuple(n for n, m in undeclared.items() if m is first),
            fix_step=first.name if first else None,
        )  # fmt: skip

    # --- names that nothing binds --------------------------------------------------------------------------

    def _unbound(self, t: Trouble) -> Finding | None:
        others = {p: s for p, s in self.elsewhere.get(t.name, {}).items() if p != self.step.notebook}
        if len(others) == 1:
            (maker,) = others.values()
            return self._say(
                "undeclared-input", t.cell,
                f"{self._reads(t)} '{t.name}', which step '{maker.name}' of {maker.notebook} makes.",
                f"Add '-i {t.name}' to the %%step line of '{self.name}'.", add_inputs=(t.name,),
            )  # fmt: skip
        if self._may_be_bound_unseen(t):
            return None
        bindings = self.outline.bindings
        below = [*bindings.in_context.get(t.name, ()), *bindings.in_steps.get(t.name, ())]
        below = [n for n in below if n != t.cell and bindings.units_binding(n, t.name)]
        if below:
            message = f"{self._reads(t)} '{t.name}', which only cell {min(below)}, further down, binds."
            fix = f"Move cell {min(below)} above this one."
        else:
            near = did_you_mean(t.name, [n for n in (*bindings.in_context, *bindings.in_steps) if n != t.name])
            message = f"{self._reads(t)} '{t.name}', which nothing binds.{near}"
            fix = "Bind it in a cell above, or correct the name."
        return self._say("unbound-name", t.cell, message, fix, severity="warning" if t.later else None)

    def _may_be_bound_unseen(self, t: Trouble) -> bool:
        last = self.step.outline.last if t.later else t.cell
        if self.outline.bindings.first_unseen <= last or f"shell:{t.name}" in self.outline.facts[t.cell - 1].comments:
            return True
        cells = [p.cell for p in self.slice.pieces if p.notebook == self.step.notebook] if t.later else [t.cell]
        sources = (self.outline.notebook.cell(n).source for n in cells if n)
        return any(t.name in source and any(word in source for word in LOOKS_UP_NAMES) for source in sources)

    # --- values that Run All and a run would see differently -------------------------------------------------

    def _shadowed(self, t: Trouble) -> Finding:
        maker = self._maker(t.maker_cell)
        where = f"bound in cell {t.through}" if t.through else "a builtin of Python"
        return finding(
            "rebinds-context", self.step.notebook, t.maker_cell, maker.name,
            f"Step '{maker.name}' rebinds '{t.name}' ({where}), and step '{self.name}' below reads it: "
            "Run All sees the new value, a run the old one.",
            f"Add '-o {t.name}' to step '{maker.name}' and '-i {t.name}' to step '{self.name}', or use another name.",
            add_outputs=(t.name,) if t.through else (), fix_step=maker.name,
        )  # fmt: skip

    def _changed(self, t: Trouble) -> Finding:
        maker = self._maker(t.maker_cell)
        does = "binds" if t.rebinds else "changes"
        if maker.outputs(t.name):
            return self._say(
                "undeclared-output", self.step.outline.input_cells.get(t.name, self.step.outline.first),
                f"Step '{maker.name}' (cell {t.maker_cell}) {does} '{t.name}' between the cells of this step, which "
                "takes the older one: Run All would see both.",
                f"Give the cells of '{self.name}' below cell {t.maker_cell} a step name of their own.",
            )  # fmt: skip
        fix = f"Add '-o {t.name}' to step '{maker.name}', or give the variable another name there."
        seen = f"and step '{self.name}' below takes '{t.name}': Run All would hand on this one, a run the older one."
        if t.rebinds:
            return finding(
                "undeclared-output", self.step.notebook, t.maker_cell, maker.name,
                f"Step '{maker.name}' binds '{t.name}' and does not declare it, {seen}", fix,
                add_outputs=(t.name,), fix_step=maker.name,
            )  # fmt: skip
        return finding(
            "changed-input", self.step.notebook, t.maker_cell, maker.name,
            f"Step '{maker.name}' changes '{t.name}' in place and does not declare it as an output, {seen}",
            f"Add '-o {t.name}' to step '{maker.name}', or change a copy.",
            add_outputs=(t.name,), fix_step=maker.name,
        )  # fmt: skip

    def _changed_between(self, t: Trouble) -> Finding:
        does = "rebinds" if t.rebinds else "changes"
        return finding(
            "changed-between", self.step.notebook, t.cell, None,
            f"This cell {does} '{t.name}' between the step that makes it and step '{self.name}', which takes it: "
            "Run All sees the change, a run does not.",
            f"Make this cell a step with '-i {t.name} -o {t.name}', or give the changed value another name.",
        )  # fmt: skip


_DEFINES = ("def ", "class ", "async ", "@")


def _listed(names: Iterable[str]) -> str:
    quoted = [f"'{n}'" for n in dict.fromkeys(names)]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
