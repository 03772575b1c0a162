"""Every error that nbflow raises on purpose.

::

    NbflowError                 exit 4: nbflow itself failed
    ├── UsageError              exit 2: the command or its input is wrong
    │   ├── DeclareError        a %%step line cannot be read
    │   ├── NotebookError       a file is not a notebook we can read
    │   ├── NoSteps             the notebooks have no step
    │   ├── MissingKernel       no kernelspec of that name
    │   ├── InvalidPipeline     the check found errors (carries the findings)
    │   └── MissingLayoutEngine nothing here can lay out a picture
    ├── StoreError              the store cannot be read or written
    │   ├── StoreInUse          exit 2: a run uses the store, and nothing was removed
    │   └── DamagedBlob         stored bytes do not match their digest
    ├── JournalError            the journal cannot be read or written
    └── RunFailed               exit 1: a step of the run failed (carries the run)

    KeyboardInterrupt
    └── RunCancelled            Ctrl-C has ended the run (carries the run)

A message says what and where; ``fix`` says what to do about it. Front ends print both and no traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any


class NbflowError(Exception):
    """Base of all errors with a message meant for a person. ``exit_code`` is what the command line ends with."""

    exit_code = 4

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.fix)

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message

    def _render_traceback_(self) -> list[str]:
        """What IPython shows under the cell: what is wrong, without our frames."""
        return [" ".join([f"{type(self).__name__}: {self.message}", *([self.fix] if self.fix else [])])]


class UsageError(NbflowError):
    """The command, the configuration or the notebook is wrong; nothing was run."""

    exit_code = 2


class DeclareError(UsageError):
    """A ``%%step`` line cannot be read."""


class NotebookError(UsageError):
    """A file is not a notebook that can be read."""


class NoSteps(UsageError):
    """There are notebooks, and none of them has a step."""


class MissingKernel(UsageError):
    """The notebook asks for a kernelspec that is not installed."""


class InvalidPipeline(UsageError):
    """The check found errors, so nothing was run. ``findings`` holds all of them, ``first_lines`` says how the cells
    they speak of begin: (notebook, cell) → line."""

    def __init__(
        self,
        message: str,
        fix: str = "",
        findings: Iterable[Any] = (),
        first_lines: Mapping[tuple[str, int], str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message, fix)
        self.findings = tuple(findings)
        self.first_lines = dict(first_lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.fix, self.findings, self.first_lines)


class MissingLayoutEngine(UsageError):
    """A picture was asked for, and no Graphviz is there that works."""


class StoreError(NbflowError):
    """The store cannot be read or written."""


class DamagedBlob(StoreError):
    """Stored bytes are missing or do not match their digest."""


class StoreInUse(StoreError):
    """A run uses the store, or may: nothing was removed."""

    exit_code = 2


class JournalError(NbflowError):
    """The journal cannot be read or written."""


class RunFailed(NbflowError):
    """A step of the run failed, and the caller wanted to hear of it so. ``run`` is the ``Run``."""

    exit_code = 1

    def __init__(self, run: Any) -> None:
        failed = run.failed
        first = f"Step '{failed[0].name}' failed: {failed[0].failure.error}" if failed else f"Run {run.id} failed."
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        super().__init__(first + others, f"Its executed notebooks: {run.folder}")
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        return NbflowError, (self.message, self.fix)


class RunCancelled(KeyboardInterrupt):
    """Ctrl-C was pressed while the run went on; none of its kernels is left. ``run`` is the ``Run``."""

    def __init__(self, run: Any) -> None:
        how = "was cancelled; what had succeeded is kept" if run.status == "cancelled" else f"had {run.status} by then"
        super().__init__(f"run {run.id} {how}")
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        return KeyboardInterrupt, self.args


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" Did you mean 'train'?"`` for the nearest known word, ``""`` where none is near."""
    import difflib  # for those who have mistyped something

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""
