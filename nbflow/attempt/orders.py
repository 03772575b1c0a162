"""The work order of an attempt: what the runtime must load, watch and save, as JSON values.

Digests, names and places, never a pickled function: the same order serves a kernel on this machine and one elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Record

SCHEMA = 1


def work_order(
    pipeline: Pipeline,
    step: Step,
    made: Mapping[str, Record],
    watched: list[str],
    places: Mapping[str, Path | list[Path]],
) -> dict[str, Any]:
    """The order for ``step``, with the results above it in ``made``. ``watched``: context names whose objects must not
    change unseen. ``places``: ``attempt_folder``, ``blobs``, ``project_root``, ``notebook_folder``, ``run_folders``."""
    outputs = [
        {"path": o.path, "name": o.name, "format": o.format} if o.is_file else {"name": o.name, "format": o.format}
        for o in step.outputs
    ]
    # A file may bind a name to its path, as input and as output.
    items = [*(i.item for i in step.inputs), *step.outputs]
    outline = pipeline.outlines[step.notebook]
    units = (unit for cell in step.outline.cells for unit in outline.units(cell))
    own = {name for unit in units if unit.kind in ("def", "class") for name in unit.now.binds}
    return {
        "schema": SCHEMA,
        "step": step.id,
        **{name: [str(p) for p in at] if isinstance(at, list) else str(at) for name, at in places.items()},
        "inputs": _inputs(pipeline, step, made),
        "files": [{"name": i.name, "path": i.path} for i in items if i.is_file and i.name],
        "outputs": outputs,
        "together": _together(pipeline, step),
        "watch": watched,
        "own_definitions": sorted(own),
        "contracts": True,
    }


def _inputs(pipeline: Pipeline, step: Step, made: Mapping[str, Record]) -> list[dict[str, Any]]:
    found = []
    for wanted in step.inputs:
        if not wanted.item.is_file:
            artifact = made[wanted.makers[0]].artifact(wanted.item.label)
            assert artifact is not None
            maker = pipeline.steps[wanted.makers[0]].name
            found.append({
                "name": wanted.item.name, "digest": artifact.digest, "format": artifact.format,
                "member": artifact.member, "type": artifact.type, "step": maker,
            })  # fmt: skip
    return found


def _together(pipeline: Pipeline, step: Step) -> list[list[str]]:
    """``[output, input]`` pairs that some later step takes both of."""
    inputs = _makers(step)
    pairs = []
    for follower in pipeline.below[step.id]:
        taken = _makers(pipeline.steps[follower])
        for output in (str(o.name) for o in step.outputs if not o.is_file):
            if taken.get(output) == step.id:
                pairs += [[output, name] for name, maker in inputs.items() if taken.get(name) == maker]
    return pairs


def _makers(step: Step) -> dict[str, str]:
    """Each variable that the step takes → who makes it."""
    return {str(i.item.name): i.makers[0] for i in step.inputs if i.makers and not i.item.is_file}
