"""One attempt under way: what is known of it, and the ways to end it before its time.

The thread that runs the slice and the threads that stop it (a person, the timeout) meet here. An interrupt goes out
only while the kernel says that a cell's code runs: sent before, it would be lost, or hit the kernel itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.executors import GRACE, Job, Outcome, Status
from nbflow.executors.papermill.tracebacks import CLEARED, one_line, own_frames
from nbflow.kernels.meter import METER, Taken, Tree

if TYPE_CHECKING:
    import asyncio

    from nbflow.kernels.kernel import Kernel

TIMEOUT_GRACE = 5.0
"""Seconds that code has to end after an interrupt by the timeout."""


class Attempt:
    """The state of one attempt. ``grace``: seconds between a person's interrupt and the kill."""

    def __init__(self, job: Job, grace: float = GRACE) -> None:
        self.job = job
        self.grace = grace
        self.notebook: Mapping[str, Any] = job.notebook
        self.logs: list[Path] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._kernel: Kernel | None = None
        self._ending: Status | None = None
        self._forced = False
        self._code_runs = False
        self._through = False
        self._began = 0.0
        self._ended = 0.0
        self._cell: int | None = None
        self._error = ""
        self._traceback = ""
        self._timers: list[threading.Timer] = []
        self._tree: Tree | None = None
        self._taken = Taken(0, 0.0)

    # --- ending it early, from other threads -------------------------------------------------------

    @property
    def ending(self) -> bool:
        """Whether someone wants it to end."""
        return self._ending is not None

    @property
    def forced(self) -> bool:
        """Whether it must not go on at all."""
        return self._forced

    def end(self, why: Status, *, force: bool) -> None:
        """Interrupt the code that runs, and kill the kernel if it goes on; ``force``, or before any code runs: kill it
        at once."""
        with self._lock:
            self._end(why, force)
            if not self._forced:
                self._end_later(why, self.grace, force=True)

    def _end(self, why: Status, force: bool) -> None:
        self._ending = self._ending or why
        self._forced = self._forced or force or not self._began
        if self._forced:
            if self._kernel is not None:
                self._kernel.kill()
        elif self._code_runs:
            self._interrupt()

    def _interrupt(self) -> None:
        if self._kernel is not None and self.loop is not None:
            self._kernel.interrupt(self.loop)

    def _end_later(self, why: Status, seconds: float, *, force: bool) -> None:
        """End it when so many seconds have passed, unless it is over by then."""

        def time_is_up() -> None:
            with self._lock:
                if not self._ended:
                    self._end(why, force)

        timer = threading.Timer(seconds, time_is_up)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    # --- what happens, told by the thread that runs it ---------------------------------------------

    def meet(self, kernel: Kernel) -> None:
        """This kernel is to run the slice: it may have no process yet."""
        with self._lock:
            self._kernel = kernel
            if self._forced:
                kernel.kill()

    def begin(self) -> None:
        """The kernel is ready, and the first cell comes next."""
        with self._lock:
            if self._kernel is not None and self._kernel.pid:
                self._tree = METER.watch(self._kernel.pid)
            self._began = time.monotonic()
            if self.job.timeout is not None:
                self._end_later("timed_out", self.job.timeout, force=False)
                self._end_later("timed_out", self.job.timeout + TIMEOUT_GRACE, force=True)

    def cell_starts(self, number: int | None) -> None:
        self._cell = number

    def code_starts(self) -> None:
        """The kernel says that the cell's code runs, so it can be interrupted."""
        with self._lock:
            self._code_runs = True
            if self._ending is not None:
                self._interrupt()

    def cell_ends(self) -> None:
        with self._lock:
            self._code_runs = False

    def cell_fails(self, name: str, value: str, traceback: list[str]) -> None:
        self._error = one_line(name, value)
        self._traceback = "" if self._error == CLEARED else "\n".join(own_frames(traceback))

    def through(self) -> None:
        """All cells ran."""
        self._through = True

    def crash(self, why: str) -> None:
        self._error = self._error or why

    def close(self) -> None:
        """No cell runs any more. May be called again."""
        with self._lock:
            self._ended = self._ended or time.monotonic()
            for timer in self._timers:
                timer.cancel()
            tree, self._tree = self._tree, None
        if tree is not None:
            self._taken = tree.end()

    @property
    def is_through(self) -> bool:
        """Whether all cells ran."""
        return self._through

    @property
    def memory(self) -> int:
        """Bytes that its processes were seen to hold, once no cell runs any more."""
        return self._taken.memory

    # --- how it ended ------------------------------------------------------------------------------

    def outcome(self, *, crashed: bool) -> Outcome:
        status: Status = self._ending or ("crashed" if crashed else "failed")
        seconds = self._ended - self._began if self._began else 0.0
        notes = (self._kernel.note,) if self._kernel is not None and self._kernel.note else ()
        more = {"seconds": seconds, "logs": tuple(self.logs), "notes": notes, **self._taken._asdict()}
        if self._through and not crashed:
            return Outcome("succeeded", self.notebook, **more)
        error = self._error
        if status == "timed_out":
            error = f"the step took longer than its timeout of {self.job.timeout:g} s"
        elif status == "stopped":
            error = ""
        return Outcome(status, self.notebook, error, self._traceback, self._cell, **more)


def stopped_early(job: Job) -> Outcome:
    """The outcome of an attempt that was stopped before it began."""
    return Outcome("stopped", job.notebook)
