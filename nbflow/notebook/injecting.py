"""The cell that shows which parameters a run was given, as papermill writes it into what it has executed.

It stands behind the cell tagged ``parameters``, or in the place of one that an earlier execution left there, and is
made here too because a run in which everything is reused asks no papermill. Read ``stitching`` next, which puts it in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.notebook.reading import Raw, tags_of

DEFAULTS, INJECTED = "parameters", "injected-parameters"
"""The tags of papermill's two cells."""


def injected_source(parameters: Mapping[str, Any]) -> str:
    """The code that sets these values; ``""`` where there are none."""
    lines = [f"{name} = {_literal(value)}\n" for name, value in parameters.items()]
    return "".join(["# Parameters\n", *lines]) if lines else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cell goes in a notebook."""

    index: int
    replaces: bool
    """Whether the cell that is there gives way to it."""
    defaults: int
    """Number of the cell with the defaults."""


def injected_place(raw: Raw) -> Place | None:
    """Where the cell goes; ``None`` where no cell has parameters."""
    code = [(i, tags_of(cell)) for i, cell in enumerate(raw["cells"]) if cell["cell_type"] == "code"]
    defaults = next((i for i, tags in code if DEFAULTS in tags), None)
    if defaults is None:
        return None
    earlier = next((i for i, tags in code if INJECTED in tags), None)
    return Place(defaults + 1 if earlier is None else earlier, earlier is not None, defaults + 1)


def _literal(value: Any) -> str:
    """A value of JSON as Python code; anything else as its text, as papermill does."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_literal(str(k))}: {_literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    escaped = str(value).encode("unicode_escape").decode().replace('"', r"\"")
    return f'"{escaped}"'
