"""What a page draws of the pipeline of one notebook: where its steps stand, what the check finds, what could be typed.

Reading only, and never more than the notebook as it stands in the editor: nothing is executed and no notebook written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nbflow import ops
from nbflow.core.graph import full_name
from nbflow.core.model import Finding
from nbflow.core.outline import Outline
from nbflow.core.parameters import parameters_of
from nbflow.errors import InvalidPipeline, NoSteps
from nbflow.journal import Journal
from nbflow.ops import history
from nbflow.ops.fixing import edits
from nbflow.ops.following import settled
from nbflow.ops.viewing import standing_view
from nbflow.project import Project
from nbflow.server.here import Here

Answer = dict[str, Any]


def pipeline(place: Here, project_name: str, parameters: Mapping[str, Any], draft: bytes | None) -> Answer:
    """The answer to ``POST pipeline``. Raises ``UsageError``, ``JournalError`` and ``StoreError``."""
    answer: Answer = {
        "project": project_name, "name": place.name, "view": None, "steps": [], "findings": [], "parameters": [],
        "artifacts": [], "problem": None, "run": going(place),
    }  # fmt: skip
    try:
        project = place.opened(parameters, draft)
    except NoSteps:
        return answer
    with project:
        outline = project.pipeline.outlines.get(place.name)
        return answer if outline is None else {**answer, **_standing(project, outline)}


def _standing(project: Project, outline: Outline) -> Answer:
    planner = project.planner()
    findings = project.verdict(planner)
    view, problem = None, None
    if outline.steps:
        try:
            rows = ops.status(project, planner, findings)
            view = standing_view(project.pipeline, rows, project.settings.jobs)
        except InvalidPipeline as error:
            problem = {"message": error.message, "fix": error.fix}
    name = outline.notebook.path
    return {
        "view": view,
        "steps": _steps(outline),
        "findings": _findings(project, [found for found in findings if found.notebook == name]),
        "parameters": _parameters(outline),
        "artifacts": _artifacts(outline),
        "problem": problem,
    }


def _steps(outline: Outline) -> list[Answer]:
    return [
        {
            "full": full_name(outline.notebook.path, step.name),
            "name": step.name,
            "cells": list(step.cells),
            "inputs": [item.label for item in step.declaration.inputs],
            "outputs": [item.label for item in step.declaration.outputs],
        }
        for step in sorted(outline.steps, key=lambda step: step.first)
    ]


def _findings(project: Project, findings: Sequence[Finding]) -> list[Answer]:
    return [
        {
            "code": found.code, "severity": found.severity, "cell": found.cell, "step": found.step,
            "message": found.message, "fix": found.fix, "edits": _edits(project, found),
        }
        for found in findings
    ]  # fmt: skip


def _edits(project: Project, found: Finding) -> list[Answer]:
    """What ``check --fix`` would write for this alone."""
    return [
        {"cell": cell, "line": edit.line, "old": edit.old, "new": edit.new}
        for (_, cell), edit in sorted(edits(project.pipeline, [found]).items(), key=lambda each: each[0])
    ]


def _parameters(outline: Outline) -> list[Answer]:
    return [
        {
            "name": each.name,
            "default": json.loads(each.default) if each.default else None,
            "type": each.kind,
            "source": each.source,
        }
        for each in parameters_of(outline)
    ]


def _artifacts(outline: Outline) -> list[Answer]:
    return [
        {"name": item.label, "kind": "file" if item.is_file else "variable", "step": step.name, "cell": step.last}
        for step in sorted(outline.steps, key=lambda step: step.last)
        for item in step.declaration.outputs
    ]


def going(place: Here) -> str | None:
    """The newest run of this notebook that goes on."""
    journal = Journal.read(place.root)
    if journal is None:
        return None
    with journal:
        rows = history.rows_of(journal, notebook=place.name)
        return next((row.id for row in rows if settled(journal, row).status == "running"), None)
