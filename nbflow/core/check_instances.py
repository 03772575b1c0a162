"""Outputs that other steps could not load: a function or class that the step's own cell defines, or what one makes.

Plain pickle names a class by where it is defined, and that cell belongs to one step alone. Found by reading: a class
that is called, what is bound to a name of that, and so on, as far as the step's own cells show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from nbflow.core.findings import finding
from nbflow.core.graph import Step
from nbflow.core.model import Finding, Unit
from nbflow.core.outline import Outline

_MAKES_A_CLASS = re.compile(r"=\s*([\w.]+\.)?(namedtuple|NamedTuple|make_dataclass|TypedDict|Enum|IntEnum|NewType)\(")


def leaving(outline: Outline, step: Step) -> Iterator[Finding]:
    """Findings about the outputs of one step."""
    outputs = {str(i.name) for i in step.outputs if not i.is_file}
    if not outputs or step.outline.whole_notebook:
        return
    classes: set[str] = set()
    made: dict[str, str] = {}
    for number in step.outline.cells:
        for unit in outline.units(number):
            what = _defines(outline, number, unit)
            behind = [made[root] for _, root in unit.now.shares if root in made]
            made_with = next((c for c in unit.now.calls if c in classes), behind[0] if behind else "")
            for name in unit.now.binds:
                if what == "class":
                    classes.add(name)
                made.pop(name, None)
                if made_with and not what:
                    made[name] = made_with
            name = next((n for n in unit.now.binds if n in outputs), "")
            if name and (what or name in made):
                yield _say(step, number, name, what, made.get(name, ""))


def _say(step: Step, number: int, name: str, what: str, made_with: str) -> Finding:
    how = f"is a {what} that this step's own cell defines"
    if not what:
        how = f"is made with the class '{made_with}' of this step's own cell"
    return finding(
        "instance-leaves", step.notebook, number, step.outline.name,
        f"The output '{name}' {how}, so other steps cannot load it.",
        f"Move '{made_with or name}' to a cell of its own (without %%step) or to a module.",
    )  # fmt: skip


def _defines(outline: Outline, number: int, unit: Unit) -> Literal["", "function", "class"]:
    """Whether a statement defines a function or a class, decorated or not."""
    if unit.kind in ("def", "class"):
        return "function" if unit.kind == "def" else "class"
    line = unit.line
    while (text := outline.text(number, line)).startswith("@"):
        line += 1
    if text.startswith("class ") or _MAKES_A_CLASS.search(text):
        return "class"
    return "function" if text.startswith(("def ", "async def ")) else ""
