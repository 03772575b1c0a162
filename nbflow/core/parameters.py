"""Parameters for those who show them: what a notebook has, and which reach which step. What counts in a key is decided
by ``fingerprint``."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from nbflow.core.graph import Pipeline, Step
from nbflow.core.magics import replace_magics
from nbflow.core.outline import Outline
from nbflow.core.slicing import slice_step
from nbflow.core.syntax import parse
from nbflow.core.units import assigned

Kind = Literal["bool", "int", "float", "str", "json"]

LONGEST = 1000
"""Characters of a default that is told."""


class Parameter(NamedTuple):
    """A parameter of a notebook, as its cell has it."""

    name: str
    default: str
    """JSON of it; ``""`` where it is no plain value."""
    kind: Kind
    """Of the value that a form should ask for: what is annotated, else what the default is."""
    source: str
    """The default as it is written."""


def parameters_of(outline: Outline) -> tuple[Parameter, ...]:
    """The parameters of a notebook, in the order of their cell."""
    written = {name: found for number in outline.parameter_cells for name, *found in _written(outline, number)}
    found = []
    for name, default in outline.parameters.items():
        source, annotated = written.get(name, ("", ""))
        kind = next((k for k in _KINDS if k == annotated), None) or _kind_of(default)
        found.append(Parameter(name, default, kind, source))
    return tuple(found)


_KINDS: tuple[Kind, ...] = ("bool", "int", "float", "str")


def _kind_of(default: str) -> Kind:
    value = json.loads(default) if default else None
    return next((kind for kind in _KINDS if kind == type(value).__name__), "json")


def _written(outline: Outline, number: int) -> Iterator[tuple[str, str, str]]:
    """Name, the value as it is written, its annotation; of the assignments of one cell."""
    text = replace_magics(outline.notebook.cell(number).source.replace("\r\n", "\n")).text
    for node in parse(text).body:  # it has units, so it can be read
        names, value = assigned(node)
        source = ast.get_source_segment(text, value) if value is not None else None
        annotation = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
        for name in names:
            yield name, source or "", annotation


def values_of(pipeline: Pipeline, given: Mapping[str, Any], steps: Iterable[str]) -> dict[str, Any]:
    """What the parameters of the notebooks of these steps are in a run, for those who read of it later: what is given,
    else the default, as text where it is no plain value. A name whose defaults differ is there for each notebook, as
    ``notebook: name``; very long defaults are left out."""
    found: dict[str, dict[str, Any]] = {}
    for notebook in dict.fromkeys(pipeline.steps[step].notebook for step in steps):
        for name, default, _, source in parameters_of(pipeline.outlines[notebook]):
            if name in given or len(default or source) <= LONGEST:
                found.setdefault(name, {})[notebook] = json.loads(default) if default else source
    values: dict[str, Any] = {}
    for name, by_notebook in found.items():
        value, *others = by_notebook.values()
        if name in given or all(other == value for other in others):
            values[name] = given.get(name, value)
        else:
            values.update((f"{notebook}: {name}", own) for notebook, own in by_notebook.items())
    return values


def parameters_by_step(pipeline: Pipeline) -> Mapping[str, tuple[str, ...]]:
    """Step → names of the parameters that it reads, itself or through helpers, in the order of their cell."""
    return {step.id: _parameters(pipeline, step) for step in pipeline.steps.values()}


def _parameters(pipeline: Pipeline, step: Step) -> tuple[str, ...]:
    outline = pipeline.outlines[step.notebook]
    if not outline.parameter_cells:
        return ()
    reached = {
        name
        for piece in slice_step(outline, step.outline, step.supplies).pieces
        if piece.notebook == step.notebook and piece.cell in outline.parameter_cells
        for unit in piece.units
        for name in outline.units(piece.cell)[unit].now.binds
    }
    return tuple(name for name in outline.parameters if name in reached)
