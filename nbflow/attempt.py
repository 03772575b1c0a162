"""One attempt of one step: decide, prepare, execute, commit.

``Workshop`` is how the driver makes a step run. It decides once more whether the step can be reused now that its inputs
are known, writes the work order, hands the slice to an executor, and publishes what came out: blobs first, then the
record. It draws nothing and plans nothing; ``driver`` calls it from a thread per attempt.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbflow import notebook as notebooks
from nbflow.core import paths
from nbflow.core.events import (
    StepCancelled,
    StepCrashed,
    StepFailed,
    StepProgressed,
    StepReused,
    StepStarted,
    StepSucceeded,
)
from nbflow.core.fingerprint import from_folder
from nbflow.core.graph import Step
from nbflow.core.model import Artifact, Record, StoredFile
from nbflow.core.outline import PARAMETERS_TAG
from nbflow.core.plan import Planned, Planner
from nbflow.core.view import because
from nbflow.environment.files import LEFT_OUT
from nbflow.executors import Executor, Job, Outcome, bootstrap
from nbflow.masking import Masker
from nbflow.project import Project
from nbflow.store.outputs import Aside, matching, move_to

Fact = StepReused | StepSucceeded | StepFailed | StepCrashed | StepCancelled


CHANGED = "changed while the step ran"
"""Stands for the digest of a file that nobody can be sure of, so that the result is not reused."""

TELL_EVERY = 0.25
"""Seconds between two words about what a cell prints."""


@dataclass
class Workshop:
    """Where the steps of one run are made."""

    project: Project
    planner: Planner
    run: str
    folder: Path
    """Of the run: executed notebooks lie there."""
    executor: Executor
    masker: Masker
    made: dict[str, Record] = field(default_factory=dict)
    """Full name → the result that counts in this run."""
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shown: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Full name → what the cells of a step that did not succeed showed."""
    _stopped: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- called by the driver ------------------------------------------------------------------------

    def attempt(self, step: str, attempt: int, emit: Callable[[StepStarted | StepProgressed], None]) -> Fact:
        planned = self.planner.decide(step, self.made)
        if planned.action == "reuse" and planned.record is not None:
            kept = planned.record
            self.reuse(step, kept)
            return StepReused(step, attempt, reason=because(planned.reasons), key=kept.key, record=kept.id)
        emit(StepStarted(step, attempt, reason=because(planned.reasons, "first run")))
        return _Attempt(self, self.project.pipeline.steps[step], planned, attempt, emit).make()

    def stop(self, step: str, attempt: int, force: bool) -> None:
        with self._lock:
            self._stopped[step] = attempt
        self.executor.stop(handle(step, attempt), force)

    def is_stopped(self, step: str, attempt: int) -> bool:
        with self._lock:
            return self._stopped.get(step) == attempt

    # --- results -------------------------------------------------------------------------------------

    def reuse(self, step: str, record: Record) -> None:
        """Let a stored result count, its files put back where they lay."""
        self.made[step] = record
        for artifact in record.artifacts:
            if artifact.kind == "file" and artifact.format != "ref":
                for file in artifact.files:
                    self._restore(file)
        self._clear_away_others(step, record)

    def _clear_away_others(self, step: str, record: Record) -> None:
        """Files that lie in the step's folders and globs though this result did not make them, a later one perhaps."""
        root = self.project.root
        made = {root / file.path for artifact in record.artifacts for file in artifact.files}
        notebook = self.project.pipeline.outlines[self.project.pipeline.steps[step].notebook].notebook
        for pattern in declared_outputs(self.project.pipeline.steps[step], notebook.folder):
            for path in matching(root, pattern, LEFT_OUT):
                if path not in made:
                    move_to(path, root, self.folder / "replaced")

    def _restore(self, file: StoredFile) -> None:
        target = self.project.root / file.path
        if target.is_file() and self.project.store.digest(target) == file.digest:
            return
        if target.exists():
            move_to(target, self.project.root, self.folder / "replaced")
        target.parent.mkdir(parents=True, exist_ok=True)
        self.project.store.restore(file.digest, target, file.mode)

    def executed(self, record: Record) -> Mapping[str, Any]:
        """What the cells of a stored result showed."""
        found: Mapping[str, Any] = json.loads(self.project.store.read(record.executed))
        return found


def declared_outputs(step: Step, folder: str) -> list[str]:
    """Its file outputs, from the project root; ``folder`` is its notebook's."""
    return [paths.from_root(folder, str(o.path)) for o in step.outputs if o.is_file]


def handle(step: str, attempt: int) -> str:
    """What the executor knows an attempt by."""
    return f"{step}#{attempt}"


class _Attempt:
    def __init__(
        self,
        shop: Workshop,
        step: Step,
        planned: Planned,
        attempt: int,
        emit: Callable[[StepProgressed], None],
    ) -> None:
        assert planned.fingerprint is not None
        assert planned.slice is not None
        self.shop = shop
        self.project = shop.project
        self.step = step
        self.planned = planned
        self.print = planned.fingerprint
        self.slice = planned.slice
        self.attempt = attempt
        self.notebook = self.project.pipeline.outlines[step.notebook].notebook
        self.emit = emit
        self.told_done = 0
        self.told_at = 0.0

    def make(self) -> Fact:
        if self.shop.is_stopped(self.step.id, self.attempt):
            return StepCancelled(self.step.id, self.attempt)
        workspace = self.project.store.workspace(f"{self.shop.run}-{uuid.uuid4().hex[:8]}")
        kept, unfinished = (self.shop.folder / name / self.step.name for name in ("replaced", "unfinished"))
        aside = Aside(self.project.root, self._declared_outputs(), kept, unfinished, LEFT_OUT)
        committed = False
        try:
            named = self._named_files()
            aside.move()
            outcome = self.shop.executor.run(self._job(workspace), self._tell)
            outcome = replace(outcome, notebook=self.shop.masker.data(outcome.notebook))
            result = _read_result(workspace)
            self._keep_executed(outcome)
            if outcome.status == "succeeded" and result.get("ok"):
                fact = self._commit(workspace, outcome, result, named)
                committed = True
                return fact
            return self._unsuccessful(outcome, result)
        finally:
            aside.settle(committed, self.project.store.digest, self.project.store.has)
            shutil.rmtree(workspace, ignore_errors=True)

    def _tell(self, done: int, total: int, text: str) -> None:
        """Pass on how the step gets on: every cell, and what it prints now and then."""
        now = time.monotonic()
        if done == self.told_done and now - self.told_at < TELL_EVERY:
            return
        self.told_done, self.told_at = done, now
        lines = [line for line in text.splitlines() if line.strip()]
        last = self.shop.masker.text(lines[-1])[:200] if lines else ""
        self.emit(StepProgressed(self.step.id, self.attempt, done=done, total=total, text=last))

    # --- before ------------------------------------------------------------------------------------

    def _named_files(self) -> dict[str, str]:
        """Digests, before the step runs, of the files that its code names."""
        found = {}
        for path in self.print.named_files:
            digest = self.shop.planner.named_digest(self.step, path)
            if digest is not None:
                found[path] = digest
        return found

    def _declared_outputs(self) -> list[str]:
        return declared_outputs(self.step, self.notebook.folder)

    def _job(self, workspace: Path) -> Job:
        order = workspace / "order.json"
        order.write_text(json.dumps(self._order(workspace)))
        makers = {str(i.item.name): self.project.pipeline.steps[i.makers[0]].name
                  for i in self.step.inputs if i.makers and not i.item.is_file}  # fmt: skip
        runtime = Path(__file__).parent / "runtime"
        slice_notebook = notebooks.build_slice(
            self.slice.pieces, self.project.raws, self.step.notebook, makers, bootstrap(runtime, order)
        )
        options = self.step.outline.declaration.options
        return Job(
            key=handle(self.step.id, self.attempt),
            notebook=slice_notebook,
            parameters=self._parameters(),
            kernel=self.notebook.kernel or "python3",
            folder=self.project.root / self.notebook.folder,
            attempt_folder=workspace,
            timeout=options.timeout if options.timeout is not None else self.project.settings.timeout,
            log_name=f"steps/{self.step.name}",
        )

    def _parameters(self) -> dict[str, Any]:
        """The given parameters that reach this step; papermill injects them behind the cell tagged ``parameters``."""
        outline = self.project.pipeline.outlines[self.step.notebook]
        here = any(
            PARAMETERS_TAG in outline.tags(p.cell) for p in self.slice.pieces
            if p.kind in ("context", "step") and p.notebook == self.step.notebook
        )  # fmt: skip
        given = self.shop.planner.circumstances.parameters
        return {n: v for n, v in given.items() if n in outline.parameters} if here else {}

    def _order(self, workspace: Path) -> dict[str, Any]:
        outline = self.project.pipeline.outlines[self.step.notebook]
        inputs, files = [], []
        for wanted in self.step.inputs:
            if wanted.item.is_file:
                if wanted.item.name:
                    files.append({"name": wanted.item.name, "path": wanted.item.path})
                continue
            artifact = self.shop.made[wanted.makers[0]].artifact(wanted.item.label)
            assert artifact is not None
            inputs.append({
                "name": wanted.item.name, "digest": artifact.digest, "format": artifact.format,
                "member": artifact.member, "type": artifact.type,
                "step": self.project.pipeline.steps[wanted.makers[0]].name,
            })  # fmt: skip
        outputs = [
            {"path": o.path, "name": o.name, "format": o.format} if o.is_file else {"name": o.name, "format": o.format}
            for o in self.step.outputs
        ]
        # A file output may bind a name as well.
        files += [{"name": o["name"], "path": o["path"]} for o in outputs if o.get("path") and o.get("name")]
        units = (unit for cell in self.step.outline.cells for unit in outline.units(cell))
        own = {name for unit in units if unit.kind in ("def", "class") for name in unit.now.binds}
        root, store = self.project.root, self.project.store
        return {
            "schema": 1,
            "step": self.step.id,
            "attempt_folder": str(workspace),
            "blobs": str(self.project.store.blobs),
            "project_root": str(self.project.root),
            "notebook_folder": str(self.project.root / self.notebook.folder),
            "run_folders": [str(self.shop.folder.parent), str(root / ".nbflow"), str(store.root)],
            "inputs": inputs,
            "files": files,
            "outputs": outputs,
            "together": self._together(),
            "watch": self._watched(),
            "own_definitions": sorted(own),
            "contracts": True,
        }  # fmt: skip

    def _together(self) -> list[list[str]]:
        """``[output, input]`` pairs that some later step takes both of."""
        pairs = []
        inputs = {str(i.item.name): i.makers[0] for i in self.step.inputs if i.makers and not i.item.is_file}
        for follower in self.project.pipeline.below[self.step.id]:
            taken = {
                str(i.item.name): i.makers[0]
                for i in self.project.pipeline.steps[follower].inputs
                if i.makers and not i.item.is_file
            }
            for output in (o.name for o in self.step.outputs if not o.is_file):
                if taken.get(str(output)) == self.step.id:
                    pairs += [[str(output), n] for n, maker in inputs.items() if taken.get(n) == maker]
        return pairs

    def _watched(self) -> list[str]:
        """Context objects of this slice that a later step reads: a change in place would not reach it."""
        later: set[tuple[str, int]] = set()
        for other in self.project.pipeline.steps.values():
            if other.notebook == self.step.notebook and other.outline.last > self.step.outline.last:
                later |= self.shop.planner.slice(other).context_reads
        outputs = {o.name for o in self.step.outputs if not o.is_file}
        return sorted({n for n, _ in self.slice.context_reads & later} - outputs)

    # --- after -------------------------------------------------------------------------------------

    def _keep_executed(self, outcome: Outcome) -> None:
        """The executed slice stays in the run's folder, on failure too."""
        if outcome.notebook.get("cells"):
            target = self.shop.folder / "steps" / f"{self.step.name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            notebooks.write_json(target, notebooks.tidy_slice(outcome.notebook))
            for log in outcome.logs:
                shutil.move(log, target.parent / log.name)

    def _commit(self, workspace: Path, outcome: Outcome, result: Mapping[str, Any], named: Mapping[str, str]) -> Fact:
        store = self.project.store
        artifacts = tuple(self._publish(a, workspace) for a in result["artifacts"])
        shown = json.dumps(notebooks.shown_from_executed(outcome.notebook)).encode()
        wrote = sorted(self._shown_path(p) for p in result.get("wrote", ()))
        now = datetime.now(UTC)
        record = Record(
            key=self.print.key,
            id=f"{now:%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:6]}",
            step=self.step.id,
            run=self.shop.run,
            created=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            seconds=round(outcome.seconds, 3),
            parts=self.print.parts,
            artifacts=artifacts,
            read_files=self._from_folder(self._read_files(result, named, wrote)),
            read_folders=self._from_folder(
                {
                    path: digest
                    for p, digest in result.get("read_folders", {}).items()
                    if not self._is_declared(path := self._shown_path(p))
                }
            ),
            read_modules=self._read_modules(result),
            wrote=tuple(self._from_folder(dict.fromkeys(wrote, ""))),
            executed=store.put(shown),
            reusable=self.step.outline.declaration.options.cache,
        )
        supersede = self.planned.reasons[0].kind in ("forced", "no-cache", "damaged")
        kept = store.commit(record, supersede=supersede)
        if kept.id != record.id:
            self.shop.reuse(self.step.id, kept)
        self.shop.made[self.step.id] = kept
        warnings = tuple(f"{w['message']} {w['fix']}".strip() for w in result.get("warnings", ()))
        if warnings:
            self.shop.warnings[self.step.id] = warnings
        return StepSucceeded(self.step.id, self.attempt, key=kept.key, record=kept.id,
                             seconds=round(outcome.seconds, 3), warnings=warnings)  # fmt: skip

    def _publish(self, made: Mapping[str, Any], workspace: Path) -> Artifact:
        store = self.project.store
        if made.get("blob"):
            store.adopt(workspace / made["blob"], made["digest"])
        files = []
        for file in made.get("files", ()):
            digest = file["digest"] if made["format"] == "ref" else store.put_file(self.project.root / file["path"])
            files.append(StoredFile(file["path"], digest, file["size"], file["mode"]))
        return Artifact(
            made["name"], made["kind"], made["digest"], made["format"], made["size"], made.get("type", ""),
            made.get("member") or "", tuple(files), tuple(made.get("main_names", ())),
        )  # fmt: skip

    def _read_files(self, result: Mapping[str, Any], named: Mapping[str, str], wrote: Sequence[str]) -> dict[str, str]:
        found = {p: d for p, d in named.items() if p not in wrote}
        found.update(dict.fromkeys(self._changed_meanwhile(found), CHANGED))
        for absolute in result.get("read_files", ()):
            path = self._shown_path(absolute)
            if path not in found and path not in wrote and not self._is_declared(path):
                digest = self.project.surroundings.file(path)
                if digest is not None:
                    found[path] = digest
        return found

    def _changed_meanwhile(self, named: Mapping[str, str]) -> list[str]:
        """Files of the key that somebody else changed: who knows which content the step has read."""
        planner, before = self.shop.planner, self.print.parts["inputs"]
        found = [path for path, digest in named.items() if planner.named_digest(self.step, path) != digest]
        external = (i for i in self.step.inputs if i.item.is_file and not i.makers)
        return found + [i.path for i in external if planner.file_digest(i, {}) != before[i.item.text]]

    def _read_modules(self, result: Mapping[str, Any]) -> dict[str, str]:
        """Modules that the key does not know, or not with the source they have now: changed while the step ran."""
        known = self.print.parts["modules"]
        found = {}
        for absolute in result.get("modules", ()):
            path = self._shown_path(absolute)
            digest = self.project.surroundings.module_digest(path)
            if digest is not None:
                found[path] = digest
        return {p: digest for p, digest in self._from_folder(found).items() if known.get(p) != digest}

    def _from_folder(self, found: Mapping[str, str]) -> dict[str, str]:
        """The same, with paths from the notebook's folder, as a record keeps them."""
        return {from_folder(self.notebook.folder, path): digest for path, digest in found.items()}

    def _is_declared(self, path: str) -> bool:
        return self.shop.planner.is_declared(self.step, path) or self.shop.planner.is_declared(self.step, f"{path}/")

    def _shown_path(self, absolute: str) -> str:
        """From the project root where it lies inside, absolute elsewhere."""
        relative = os.path.relpath(absolute, self.project.root).replace(os.sep, "/")
        return relative if not relative.startswith("../") and relative != ".." else absolute

    def _unsuccessful(self, outcome: Outcome, result: Mapping[str, Any]) -> Fact:
        if outcome.notebook.get("cells"):
            self.shop.shown[self.step.id] = notebooks.shown_from_executed(outcome.notebook)
        mask = self.shop.masker.text
        if outcome.status == "stopped" or self.shop.is_stopped(self.step.id, self.attempt):
            return StepCancelled(self.step.id, self.attempt)
        if outcome.status == "crashed":
            return StepCrashed(self.step.id, self.attempt, message=mask(outcome.error))
        ours = str(result.get("error") or "") if outcome.status == "failed" else ""
        return StepFailed(
            self.step.id,
            self.attempt,
            error=mask(ours or outcome.error or "the step did not finish"),
            traceback="" if ours else mask(outcome.traceback),  # what the runtime says needs no frames of ours
            cell=outcome.cell,
            timed_out=outcome.status == "timed_out",
        )


def _read_result(workspace: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((workspace / "result.json").read_text())
    except (OSError, ValueError):
        return {}
    return found
