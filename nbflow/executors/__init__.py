"""Executors: how one attempt of a step is made to run, here or elsewhere.

An executor takes a ``Job``, runs its slice in a kernel, and returns an ``Outcome``; it decides neither what runs nor
what happens next, and it never retries. ``papermill`` runs a slice in a kernel of its own on this machine. Read
``bootstrap`` next for what a slice does first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from nbflow.executors.bootstrap import bootstrap

GRACE = 10.0
"""Seconds that code has to end after it was interrupted because a person cancels the run."""

Status = Literal["succeeded", "failed", "crashed", "timed_out", "stopped"]


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of one step."""

    key: str
    """Names the attempt; no two attempts have the same."""
    notebook: Mapping[str, Any]
    """The slice, as ``notebook.build_slice`` made it."""
    kernel: str
    """Name of the kernelspec."""
    folder: Path
    """Where the kernel runs."""
    attempt_folder: Path
    """Where files of this attempt may be written."""
    log_name: str
    """What a person will find the logs of long outputs under: ``steps/train`` gives ``steps/train.cell-3.log``. They
    are written to ``attempt_folder``, under the last part of that name."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Values for the cell tagged ``parameters``, where the slice has it."""
    timeout: float | None = None
    """Seconds from the start of the first cell."""
    environment: Mapping[str, str] | None = None
    """All environment variables that the kernel starts with; ``None``: those of this process."""
    settle: bool = True
    """Whether the attempt is over only when its kernel is gone, which may write files or hold a device to its end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. FAILED is the notebook's code, CRASHED is everything that ended the kernel."""

    status: Status
    notebook: Mapping[str, Any]
    """The slice with outputs, as far as it ran."""
    error: str = ""
    """One line: ``ValueError: bad``, or what became of the kernel."""
    traceback: str = ""
    """The user's frames, with colours as the kernel wrote them."""
    cell: int | None = None
    """Number, in its notebook, of the cell that ran last where the attempt did not succeed; None for cells of ours, but
    where the kernel was lost or ended in one that goes along with a person's."""
    seconds: float = 0.0
    """From the start of the first cell to the end of the last."""
    logs: tuple[Path, ...] = ()
    """Files in the attempt's folder with the rest of outputs that were too long."""
    memory: int = 0
    """Bytes: the most that its processes were seen to hold at once. 0: not measured."""
    cpu: float = 0.0
    """Seconds of CPU time that its processes were seen to use while cells ran."""
    notes: tuple[str, ...] = ()
    """What a person should know of how it was run, as sentences."""


class Tell(Protocol):
    """Hears how an attempt gets on."""

    def __call__(self, done: int, total: int, text: str) -> None:
        """``done`` of ``total`` cells of the step have run; ``text`` is what a cell has just printed, or empty. The
        first call says that the kernel is there and the step's code is about to run."""
        ...


class Executor(Protocol):
    """What runs attempts. Its methods may be called from any thread, ``run`` from several at once."""

    def run(self, job: Job, tell: Tell) -> Outcome:
        """Run a slice to its end and clean up. ``tell`` hears of it, in the thread that runs it."""
        ...

    def stop(self, key: str, force: bool) -> None:
        """Interrupt an attempt, and kill it if it goes on for ``GRACE`` seconds; ``force``: kill its kernel and all its
        children at once. It then ends as ``stopped``, unless it was through already. An attempt that has not begun yet
        ends as soon as it does."""
        ...


__all__ = ["GRACE", "Executor", "Job", "Outcome", "Status", "Tell", "bootstrap"]
