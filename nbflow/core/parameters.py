"""Which parameters reach which step, for those who show it. What counts in a key is decided by ``fingerprint``."""

from __future__ import annotations

from collections.abc import Mapping

from nbflow.core.graph import Pipeline, Step
from nbflow.core.slicing import slice_step


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
