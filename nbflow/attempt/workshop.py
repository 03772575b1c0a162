"""``Workshop``: where the steps of one run are made, or found made already.

For each attempt it decides once more whether the step can be reused now that its inputs are known; a reused result
counts from then on and its files are put back. It draws nothing and plans nothing. Read ``making`` next.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nbflow import notebook as notebooks
from nbflow.attempt.making import REPLACED, Attempt, Fact, declared_outputs, handle
from nbflow.attempt.measuring import Stopwatch
from nbflow.attempt.turns import Turns, Waits, at_once, patiently
from nbflow.core.events import StepCancelled, StepProgressed, StepReused, StepStarted
from nbflow.core.model import Record, StoredFile
from nbflow.core.plan import Planner
from nbflow.core.reasons import because
from nbflow.environment.files import LEFT_OUT
from nbflow.executors import Executor
from nbflow.masking import Masker
from nbflow.project import Project
from nbflow.store.claims import Claims
from nbflow.store.home import home_of
from nbflow.store.putting_back import PuttingBack


@dataclass
class Workshop:
    """Where the steps of one run are made. The driver calls ``attempt`` from a thread each, and ``stop``."""

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
        waits = patiently(
            lambda: self.is_stopped(step, attempt), lambda words: emit(StepProgressed(step, attempt, text=words))
        )
        while planned.action == "run":
            claim = self.turns.take(planned, waits)
            if claim is None:
                return StepCancelled(step, attempt)
            with claim:
                # Somebody else may have made it while this attempt waited for its turn, or before it asked.
                planned, asked = self.planner.decide(step, self.made), planned
                if planned.action == "run" and self.turns.wanted(planned) == self.turns.wanted(asked):
                    return Attempt(self, self.project.pipeline.steps[step], planned, attempt, emit, Stopwatch()).make()
        kept = planned.record
        assert kept is not None
        if not self.reuse(step, kept, waits):
            return StepCancelled(step, attempt)
        return StepReused(step, attempt, reason=because(planned.reasons), key=kept.key, record=kept.id)

    def stop(self, step: str, attempt: int, force: bool) -> None:
        with self._lock:
            self._stopped[step] = attempt
        self.executor.stop(handle(step, attempt), force)

    def is_stopped(self, step: str, attempt: int) -> bool:
        with self._lock:
            return self._stopped.get(step) == attempt

    @cached_property
    def turns(self) -> Turns:
        return Turns(self, Claims(home_of(self.project.root) / "claims", self.run))

    # --- results -------------------------------------------------------------------------------------

    def reuse(self, step: str, record: Record, waits: Waits = at_once) -> bool:
        """Let a stored result count, its files put back where they lay. False where another run works on them, and
        ``waits`` gives up."""
        self.project.store.use(record)
        if self._files.is_needed(record, self._outputs(step)):
            claim = self.turns.over_files(self.project.pipeline.steps[step], waits)
            if claim is None:
                return False
            with claim:
                self.put_back(step, record)
        self.made[step] = record
        return True

    def put_back(self, step: str, record: Record) -> None:
        """Make the files of a step those of a result. Call it while nobody else works on them."""
        self._files.put_back(record, self._outputs(step), self._kept(step))

    def is_in_place(self, file: StoredFile) -> bool:
        """Whether a stored file lies where it was made, as it was made."""
        return self._files.is_in_place(file)

    def executed(self, record: Record) -> Mapping[str, Any]:
        """What the cells of a stored result showed."""
        found: Mapping[str, Any] = json.loads(self.project.store.read(record.executed))
        return found

    def injected(self, notebook: str) -> str:
        """Code that sets the parameters this run was given, as far as the notebook has them; secrets are masked."""
        known = self.project.pipeline.outlines[notebook].parameters
        given = {n: v for n, v in self.planner.circumstances.parameters.items() if n in known}
        return self.masker.text(notebooks.injected_source(self.masker.data(given)))

    @cached_property
    def last_readers(self) -> Mapping[tuple[str, str, int], int]:
        """``(notebook, name, cell)`` of a context object → the last cell of the lowest step that reads it."""
        found: dict[tuple[str, str, int], int] = {}
        for step in self.project.pipeline.steps.values():
            for name, cell in self.planner.slice(step).context_reads:
                place = (step.notebook, name, cell)
                found[place] = max(found.get(place, 0), step.outline.last)
        return found

    @cached_property
    def _files(self) -> PuttingBack:
        return PuttingBack(self.project.store, self.project.root, LEFT_OUT)

    def _outputs(self, step: str) -> list[str]:
        found = self.project.pipeline.steps[step]
        return declared_outputs(found, self.project.pipeline.outlines[found.notebook].notebook.folder)

    def _kept(self, step: str) -> Path:
        return self.folder / REPLACED / self.project.pipeline.steps[step].name
