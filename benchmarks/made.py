"""Notebooks of any length, and results for them, without waiting for kernels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nbflow import ops
from nbflow.core.model import Artifact, Record
from nbflow.executors import Job, Outcome, Tell
from nbflow.journal import Journal, ResultRow
from nbflow.project import Project
from nbflow.runtime import step
from nbflow.runtime.digests import digest_bytes

NO_TAGS: Mapping[int, list[str]] = MappingProxyType({})

RUN, MOMENT = "20261124-153012-k3x9", "2026-11-24T15:30:12.000Z"


def chain(path: Path, steps: int) -> Path:
    """A notebook with one cell of imports and helpers and ``steps`` three-line steps, each needing the one before."""
    cells = ["import math\n\ndef grow(x):\n    return math.floor(x) + 1"]
    for n in range(steps):
        taken = f" -i v{n - 1}" if n else ""
        value = f"grow(v{n - 1})" if n else "0"
        cells.append(f"%%step s{n}{taken} -o v{n}\n# step {n}\nv{n} = {value}")
    return notebook(path, cells)


def notebook(path: Path, sources: Sequence[str], tags: Mapping[int, list[str]] = NO_TAGS) -> Path:
    """A notebook of code cells. ``tags``: index of a cell → its tags."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [_cell(source, tags.get(n, [])) for n, source in enumerate(sources)]
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    made = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(made, indent=1))
    return path


def _cell(source: str, tags: list[str]) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "id": f"c{next(_ids)}", "outputs": [], "source": source,
        "metadata": {"tags": tags} if tags else {},
    }  # fmt: skip


_ids = count()


class InProcess:
    """An executor that runs a slice in this very process: real results in the store, no kernel. One step at a time."""

    def run(self, job: Job, tell: Tell) -> Outcome:
        tell(0, 0, "")
        space: dict[str, Any] = {"__name__": "__main__"}
        space["__nbflow__"] = step.open_order(str(job.attempt_folder / "order.json"), space)
        for cell in job.notebook["cells"][1:]:  # the first one loads the runtime, which is here already
            exec(cell["source"], space)
            cell["execution_count"] = 1
        result = job.attempt_folder / "result.json"
        # This process has loaded nbflow itself and pytest's kin: no step of a notebook would.
        result.write_text(json.dumps({**json.loads(result.read_text()), "modules": [], "read_files": []}))
        return Outcome("succeeded", job.notebook, seconds=0.0)

    def stop(self, key: str, force: bool) -> None:
        """Nothing runs long enough to be stopped."""


def fill(path: Path) -> None:
    """Make every step's result, so that the next run finds all of them fresh."""
    with unsynced(), ops.open_project([path], jobs=1) as project:
        finished = ops.run(project, executor=InProcess())
    assert finished.status == "succeeded", finished


class InMemory:
    """Results that are there without a disk: what a plan asks of what was made before."""

    def __init__(self) -> None:
        self.by_key: dict[str, Record] = {}
        self.newest: dict[str, Record] = {}

    def add(self, record: Record) -> None:
        self.by_key[record.key] = self.newest[record.step] = record

    def records(self, key: str) -> Sequence[Record]:
        return [self.by_key[key]] if key in self.by_key else []

    def intact(self, record: Record) -> bool:
        return True

    def last(self, step: str) -> Record | None:
        return self.newest.get(step)


def pretended(project: Project, put: Callable[[bytes], str] = digest_bytes) -> Iterator[Record]:
    """A result for each step, under the key that it has now: nothing is run. ``put`` keeps bytes; their digest."""
    planner = project.planner()
    made: dict[str, Record] = {}
    for number, its in enumerate(project.pipeline.steps.values()):
        printed = planner.decide(its.id, made).fingerprint
        assert printed is not None
        data = json.dumps(number).encode()
        artifacts = [Artifact(o.label, "variable", put(data), "json", len(data), "int") for o in its.outputs]
        made[its.id] = Record(printed.key, f"{RUN}-{number}", its.id, RUN, MOMENT, 0.1, printed.parts, tuple(artifacts))
        yield made[its.id]


def pretend(path: Path) -> None:
    """Keep a result for each step, so that the next plan finds all of them fresh."""
    with unsynced(), ops.open_project([path]) as project:
        records = [project.store.commit(record) for record in pretended(project, project.store.put)]
        with Journal.open(project.root) as journal:
            journal.begin_run(RUN, MOMENT, [path.name], {}, "")
            journal.set_results([ResultRow(r.step, r.key, r.id, RUN, MOMENT) for r in records])
            journal.finish_run(RUN, MOMENT, "succeeded")


@contextmanager
def unsynced() -> Iterator[None]:
    """What is only measured against need not outlast a power cut, and waiting for the disk takes long."""
    waiting = os.fsync
    os.fsync = _at_once
    try:
        yield
    finally:
        os.fsync = waiting


def _at_once(fd: object) -> None:
    """The disk is not waited for."""
