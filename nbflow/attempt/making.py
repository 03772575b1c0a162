"""One attempt of one step, from its work order to its record.

Declared file outputs are moved aside, so that what is there afterwards was made by the attempt; the slice goes to the
executor; what came out is published, blobs first, then the record. An attempt that did not succeed leaves its executed
notebook behind and everything else as it was.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbflow
from nbflow import notebook as notebooks
from nbflow.attempt.measuring import Stopwatch, environment
from nbflow.attempt.orders import work_order
from nbflow.attempt.seen import Seen
from nbflow.core import paths
from nbflow.core.events import (
    Measured,
    StepCancelled,
    StepCrashed,
    StepFailed,
    StepProgressed,
    StepReused,
    StepStarted,
    StepSucceeded,
)
from nbflow.core.graph import Step
from nbflow.core.model import Artifact, Record, StoredFile
from nbflow.core.outline import PARAMETERS_TAG
from nbflow.core.plan import Planned
from nbflow.core.reasons import because
from nbflow.environment.files import LEFT_OUT
from nbflow.executors import Job, Outcome, bootstrap
from nbflow.store.home import home_of
from nbflow.store.outputs import Aside

if TYPE_CHECKING:
    from nbflow.attempt.workshop import Workshop

Fact = StepReused | StepSucceeded | StepFailed | StepCrashed | StepCancelled

TELL_EVERY = 0.25
"""Seconds between two words about what a cell prints."""

REPLACED, UNFINISHED = "replaced", "unfinished"
"""Folders below a run's: what lay where outputs belong, and what attempts that failed have left, by step."""

ORDER = "order.json"
"""What the order is called in the attempt's folder."""

RUNTIME = Path(nbflow.__file__).parent / "runtime"
"""The source files that a kernel loads."""


def declared_outputs(step: Step, folder: str) -> list[str]:
    """Its file outputs, from the project root; ``folder`` is its notebook's."""
    return [paths.from_root(folder, str(o.path)) for o in step.outputs if o.is_file]


def handle(step: str, attempt: int) -> str:
    """What the executor knows an attempt by."""
    return f"{step}#{attempt}"


class Attempt:
    """Makes one step once. ``emit`` is told how it gets on."""

    def __init__(
        self,
        shop: Workshop,
        step: Step,
        planned: Planned,
        attempt: int,
        emit: Callable[[StepStarted | StepProgressed], None],
        clock: Stopwatch,
    ) -> None:
        assert planned.fingerprint is not None
        self.shop = shop
        self.project = shop.project
        self.step = step
        self.planned = planned
        self.print = planned.fingerprint
        self.slice = shop.planner.slice(step, shop.made)
        self.attempt = attempt
        self.notebook = self.project.pipeline.outlines[step.notebook].notebook
        self.emit = emit
        self.clock = clock
        self.order: dict[str, Any] = {}
        """Is there in the attempt's folder once the kernel is."""
        self.has_begun = False
        self.told_done = 0
        self.told_at = 0.0
        self.printed = shop.masker.stream()

    def make(self) -> Fact:
        """Make it; the fact that ends the attempt."""
        if self.shop.is_stopped(self.step.id, self.attempt):
            return StepCancelled(self.step.id, self.attempt)
        workspace = self.project.store.workspace(f"{self.shop.run}-{uuid.uuid4().hex[:8]}")
        kept, unfinished = (self.shop.folder / name / self.step.name for name in (REPLACED, UNFINISHED))
        outputs = declared_outputs(self.step, self.notebook.folder)
        aside = Aside(self.project.root, outputs, kept, unfinished, LEFT_OUT)
        committed = False
        try:
            seen = Seen(self.project, self.shop.planner, self.step, self.print)
            aside.move()
            outcome = self.clock.timed(lambda: self.shop.executor.run(self._job(workspace), self._tell))
            outcome = replace(outcome, notebook=self.shop.masker.data(outcome.notebook))
            result = _read_result(workspace)
            self._keep_executed(outcome)
            if outcome.status != "succeeded" or not result.get("ok"):
                return self._measured(self._unsuccessful(outcome, result), outcome, result)
            try:
                fact = self._commit(workspace, outcome, result, seen)
            except _StillWritten as error:
                return self._measured(StepFailed(self.step.id, self.attempt, error=str(error)), outcome, result)
            committed = True
            return self._measured(fact, outcome, result)
        finally:
            aside.settle(committed, self.project.store.digest, self.project.store.has)
            shutil.rmtree(workspace, ignore_errors=True)

    def _measured(self, fact: Fact, outcome: Outcome, result: Mapping[str, Any]) -> Fact:
        if not isinstance(fact, Measured):
            return fact
        usage = self.clock.usage(outcome, result.get("seconds", {}))
        fact = replace(fact, usage=usage, environment=environment(self.print))
        return replace(fact, seconds=usage.held) if isinstance(fact, StepSucceeded) else fact

    def _tell(self, done: int, total: int, text: str) -> None:
        """Pass on how the step gets on: that it begins, each cell that is done but the last (what comes then is the
        end), and what it prints now and then."""
        text = self.printed.feed(text)  # all of it, told or not: a secret may come in two pieces
        if not self.has_begun:
            self.has_begun = True
            order = {**self.order, "begun": time.time_ns()}
            Path(order["attempt_folder"], ORDER).write_text(json.dumps(order))
            self.emit(StepStarted(self.step.id, self.attempt, reason=because(self.planned.reasons, "first run")))
            return
        now = time.monotonic()
        lines = [line for line in text.splitlines() if line.strip()]
        is_news = self.told_done < done < total
        if not is_news and (not lines or now - self.told_at < TELL_EVERY):
            return
        self.told_done, self.told_at = done, now
        last = lines[-1][:200] if lines else ""
        self.emit(StepProgressed(self.step.id, self.attempt, done=done, total=total, text=last))

    # --- before ------------------------------------------------------------------------------------

    def _job(self, workspace: Path) -> Job:
        root, folder = self.project.root, self.project.root / self.notebook.folder
        places: dict[str, Path | list[Path]] = {
            "attempt_folder": workspace,
            "blobs": self.project.store.blobs,
            "project_root": root,
            "notebook_folder": folder,
            "run_folders": [self.shop.folder.parent, home_of(root), self.project.store.root],
        }
        self.order = work_order(self.project.pipeline, self.step, self.shop.made, self._watched(), places)
        makers = {i["name"]: i["step"] for i in self.order["inputs"]}
        opening = bootstrap(RUNTIME, workspace / ORDER)
        options = self.step.outline.declaration.options
        return Job(
            key=handle(self.step.id, self.attempt),
            notebook=notebooks.build_slice(self.slice.pieces, self.project.raws, self.step.notebook, makers, opening),
            parameters=self._parameters(),
            kernel=self.notebook.kernel or "python3",
            folder=folder,
            attempt_folder=workspace,
            timeout=options.timeout if options.timeout is not None else self.project.settings.timeout,
            log_name=f"steps/{self.step.name}",
            environment=self.project.environ,
            settle=bool(options.resources) or any(o.is_file for o in self.step.outputs),
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

    def _watched(self) -> list[str]:
        """Context objects of this slice that a later step reads: a change in place would not reach it."""
        readers, last = self.shop.last_readers, self.step.outline.last
        outputs = {o.name for o in self.step.outputs if not o.is_file}
        reads = self.slice.context_reads
        return sorted({n for n, cell in reads if readers.get((self.step.notebook, n, cell), 0) > last} - outputs)

    # --- after -------------------------------------------------------------------------------------

    def _keep_executed(self, outcome: Outcome) -> None:
        """The executed slice stays in the run's folder, on failure too."""
        if outcome.notebook.get("cells"):
            target = self.shop.folder / "steps" / f"{self.step.name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            notebooks.write_json(target, notebooks.tidy_slice(outcome.notebook))
            for log in outcome.logs:
                shutil.move(log, target.parent / log.name)

    def _commit(self, workspace: Path, outcome: Outcome, result: Mapping[str, Any], seen: Seen) -> Fact:
        store = self.project.store
        artifacts = tuple(self._publish(a, workspace) for a in result["artifacts"])
        shown = json.dumps(notebooks.shown_from_executed(outcome.notebook)).encode()
        now = datetime.now(UTC)
        record = Record(
            key=self.print.key,
            id=f"{now:%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:6]}",
            step=self.step.id,
            run=self.shop.run,
            created=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            seconds=self.clock.usage(outcome, result.get("seconds", {})).held,
            parts=self.print.parts,
            artifacts=artifacts,
            executed=store.put(shown),
            reusable=self.step.outline.declaration.options.cache,
            **seen.parts(result),
        )
        supersede = self.planned.reasons[0].kind in ("forced", "no-cache", "damaged")
        kept = store.commit(record, supersede=supersede)
        if kept.id != record.id:
            self.shop.put_back(self.step.id, kept)
        self.shop.made[self.step.id] = kept
        warnings = (*outcome.notes, *(f"{w['message']} {w['fix']}".strip() for w in result.get("warnings", ())))
        if warnings:
            self.shop.warnings[self.step.id] = warnings
        return StepSucceeded(self.step.id, self.attempt, key=kept.key, record=kept.id, warnings=warnings)

    def _publish(self, made: Mapping[str, Any], workspace: Path) -> Artifact:
        """Put an output into the store. Raises ``_StillWritten``."""
        store = self.project.store
        if made.get("blob"):
            store.adopt(workspace / made["blob"], made["digest"])
        files = []
        for file in made.get("files", ()):
            digest = file["digest"] if made["format"] == "ref" else store.put_file(self.project.root / file["path"])
            if digest != file["digest"]:
                raise _StillWritten(made["name"])
            files.append(StoredFile(file["path"], digest, file["size"], file["mode"]))
        return Artifact(
            made["name"], made["kind"], made["digest"], made["format"], made["size"], made.get("type", ""),
            made.get("member") or "", tuple(files), tuple(made.get("main_names", ())),
            self.shop.masker.data(dict(made.get("numbers") or {})),
        )  # fmt: skip

    def _unsuccessful(self, outcome: Outcome, result: Mapping[str, Any]) -> Fact:
        if outcome.notebook.get("cells"):
            self.shop.shown[self.step.id] = notebooks.shown_from_executed(outcome.notebook)
        mask = self.shop.masker.text
        if outcome.status == "stopped" or self.shop.is_stopped(self.step.id, self.attempt):
            return StepCancelled(self.step.id, self.attempt)
        if outcome.status == "crashed":
            return StepCrashed(self.step.id, self.attempt, message=mask(outcome.error), cell=outcome.cell)
        ours = str(result.get("error") or "") if outcome.status == "failed" else ""
        return StepFailed(
            self.step.id,
            self.attempt,
            error=mask(ours or outcome.error or "the step did not finish"),
            traceback="" if ours else mask(outcome.traceback),  # what the runtime says needs no frames of ours
            cell=outcome.cell,
            timed_out=outcome.status == "timed_out",
        )


class _StillWritten(Exception):
    """An output file was written to after the step's last cell."""

    def __init__(self, output: str) -> None:
        super().__init__(
            f"the output `{output}` changed after the step's last cell: something still had it open. Close it in the "
            "step (`with open(…) as file:`), and wait there for what writes it."
        )


def _read_result(workspace: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((workspace / "result.json").read_text())
    except (OSError, ValueError):
        return {}
    return found
