"""The executor of this machine: each slice through papermill, in a kernel of its own.

papermill and what starts kernels take a while to load, so they are loaded with the first attempt: see ``loading``.
Read ``attempt`` next for how a run is ended, ``client`` for how papermill is used, ``outputs`` for what is kept of what
cells print.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nbflow.executors import GRACE, Job, Outcome, Tell
from nbflow.executors.papermill.attempt import Attempt, stopped_early
from nbflow.masking import Masker

if TYPE_CHECKING:
    from nbflow.kernels.pool import Kernels


class PapermillExecutor:
    """Runs attempts in threads of their callers. ``masker`` stands where what cells print comes in; ``kernels``:
    where its kernels come from, by default each is started when it is needed; ``grace``: seconds that code which was
    interrupted has to end before its kernel is killed."""

    def __init__(self, masker: Masker | None = None, kernels: Kernels | None = None, grace: float = GRACE) -> None:
        self._masker = masker or Masker({})
        self._grace = grace
        self._kernels = kernels
        self._lock = threading.Lock()
        self._attempts: dict[str, Attempt] = {}
        self._stopped: set[str] = set()

    def run(self, job: Job, tell: Tell) -> Outcome:
        """See ``Executor``. What it raises is a fault of nbflow or of a library, never of the notebook."""
        with self._lock:
            if job.key in self._stopped:
                return stopped_early(job)
            attempt = self._attempts[job.key] = Attempt(job, self._grace)
        try:
            from nbflow.executors.papermill.loading import load_client

            outcome: Outcome = load_client().perform(attempt, tell, self._masker, self._found())
            return outcome
        finally:
            with self._lock:
                del self._attempts[job.key]

    def _found(self) -> Kernels:
        from nbflow.kernels.pool import Kernels

        with self._lock:
            self._kernels = self._kernels or Kernels()
            return self._kernels

    def stop(self, key: str, force: bool) -> None:
        """See ``Executor``."""
        with self._lock:
            attempt = self._attempts.get(key)
            if attempt is None:
                self._stopped.add(key)
        if attempt is not None:
            attempt.end("stopped", force=force)
