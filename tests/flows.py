"""Small projects on disk, for tests of what nbflow decides: a notebook is written as a table of cells, edited as people
edit, planned, and run without Jupyter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbflow import ops
from nbflow.core.model import Record
from nbflow.core.plan import Plan
from nbflow.executors import Executor
from nbflow.project import Project
from tests.plain_executor import PlainExecutor

Cells = list[dict[str, Any]]
Reasons = dict[str, list[tuple[str, str]]]


def cell(name: str, source: str) -> dict[str, Any]:
    """A cell with this id: markdown where the id begins with ``md``, parameters where it is ``parameters``."""
    if name.startswith("md"):
        return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}
    tags = ["parameters"] if name == "parameters" else []
    return {
        "cell_type": "code", "id": name, "metadata": {"tags": tags}, "source": source, "outputs": [],
        "execution_count": None,
    }  # fmt: skip


def write_notebook(path: Path, cells: Mapping[str, str], kernel: str = "python3") -> Path:
    """A notebook of these cells, by id."""
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    content = {
        "cells": [cell(name, source) for name, source in cells.items()],
        "metadata": {"kernelspec": spec},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def new_flow(root: Path, cells: Mapping[str, str], files: Mapping[str, str] | None = None) -> Flow:
    """A project in ``root`` with ``flow.ipynb`` and other files."""
    flow = Flow(root)
    for path, text in {"pyproject.toml": "[tool.nbflow]\njobs = 2\n", **(files or {})}.items():
        flow.write(path, text)
    write_notebook(flow.file(flow.notebook), cells)
    return flow


@dataclass
class Flow:
    """A project with one notebook in the middle of attention."""

    root: Path
    notebook: str = "flow.ipynb"
    parameters: dict[str, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    """More notebooks of the pipeline."""
    python: str = ""
    """What runs the steps; this Python where it is empty."""

    # --- edits

    def file(self, path: str) -> Path:
        return self.root / path

    def write(self, path: str, text: str) -> None:
        target = self.file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def change(self, path: str, old: str, new: str) -> None:
        text = self.file(path).read_text(encoding="utf-8")
        assert text.count(old) == 1
        self.write(path, text.replace(old, new))

    def edit(self, edit: Callable[[Cells], object]) -> None:
        content = json.loads(self.file(self.notebook).read_text(encoding="utf-8"))
        edit(content["cells"])
        self.write(self.notebook, json.dumps(content))

    def replace(self, name: str, old: str, new: str) -> None:
        def replaced(cells: Cells) -> None:
            found = cells[_at(cells, name)]
            assert found["source"].count(old) == 1
            found["source"] = found["source"].replace(old, new)

        self.edit(replaced)

    def add(self, name: str, source: str, before: str) -> None:
        self.edit(lambda cells: cells.insert(_at(cells, before), cell(name, source)))

    def drop(self, name: str) -> None:
        self.edit(lambda cells: cells.pop(_at(cells, name)))

    def move(self, name: str, before: str) -> None:
        def moved(cells: Cells) -> None:
            taken = cells.pop(_at(cells, name))
            cells.insert(_at(cells, before), taken)

        self.edit(moved)

    # --- what nbflow does

    def open(self) -> Project:
        sources = [self.file(name) for name in (self.notebook, *self.others)]
        return ops.open_project(sources, parameters=self.parameters, cwd=self.root)

    def plan(self) -> Plan:
        with self.open() as project:
            return ops.make_plan(project, project.planner())

    def stale(self) -> Reasons:
        """Steps that certainly run → kind and detail of each reason."""
        made = self.plan()
        return {short(s): [(r.kind, r.detail) for r in made.steps[s].reasons] for s in made.stale}

    def is_fresh(self) -> bool:
        return {planned.action for planned in self.plan().steps.values()} == {"reuse"}

    def run(self, executor: Executor | None = None, **options: Any) -> ops.Finished:
        with self.open() as project:
            return ops.run(project, executor=executor or PlainExecutor(), **options)

    def ran(self, **options: Any) -> set[str]:
        """The steps that ran, in a run in which nothing failed."""
        executor = PlainExecutor(self.python) if self.python else PlainExecutor()
        finished = self.run(executor, **options)
        assert finished.status == "succeeded"
        return executor.steps

    def records(self) -> dict[str, Record]:
        """The results of the steps that are fresh."""
        return {short(step): p.record for step, p in self.plan().steps.items() if p.record is not None}

    def made(self) -> dict[str, dict[str, str]]:
        """Step → artifact → digest."""
        return {step: {a.name: a.digest for a in record.artifacts} for step, record in self.records().items()}


def short(step: str) -> str:
    return step.rpartition(".")[2]


def _at(cells: Cells, name: str) -> int:
    (found,) = [number for number, each in enumerate(cells) if each["id"] == name]
    return found
