"""Plan and graph as the JSON that other programs rely on: the documented shapes of ``--json``, in one place."""

from __future__ import annotations

from typing import Any

from nbflow.core.graph import Pipeline, Step
from nbflow.core.plan import Plan


def plan_json(pipeline: Pipeline, made: Plan) -> dict[str, Any]:
    """The documented shape of ``nbflow plan --json``."""
    steps = []
    for step_id, planned in made.steps.items():
        steps.append({
            **_step_json(pipeline, pipeline.steps[step_id]),
            "action": planned.action,
            "certain": planned.certain,
            "reasons": [{"kind": r.kind, "detail": r.detail} for r in planned.reasons],
        })  # fmt: skip
    return {"steps": steps, "edges": _edges_json(pipeline, set(made.steps))}


def graph_json(pipeline: Pipeline) -> dict[str, Any]:
    """Steps and edges, without any decision."""
    return {
        "steps": [_step_json(pipeline, s) for s in pipeline.steps.values()],
        "edges": _edges_json(pipeline, set(pipeline.steps)),
    }


def _step_json(pipeline: Pipeline, step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "name": step.name,
        "notebook": step.notebook,
        "cells": list(step.outline.cells),
        "inputs": [i.item.label for i in step.inputs],
        "outputs": [o.label for o in step.outputs],
        "needs": [pipeline.steps[n].name for n in step.needs],
    }


def _edges_json(pipeline: Pipeline, among: set[str]) -> list[dict[str, str]]:
    return [
        {"from": pipeline.steps[e.source].name, "to": pipeline.steps[e.target].name, "via": e.via}
        for e in pipeline.edges
        if e.source in among and e.target in among
    ]
