"""Where the time of one attempt goes, and in what surroundings it ran.

The parts are cut so that they add up: what is not the notebook's code, nor the loading and saving that the runtime
reports, is the kernel's where it lies before or around the cells, and belongs to saving where it comes after.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from nbflow.core.events import Usage
from nbflow.core.fingerprint import Fingerprint
from nbflow.executors import Outcome

T = TypeVar("T")


class Stopwatch:
    """Runs from when it is made. ``clock``: seconds that never jump."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._executed = self._began

    def timed(self, execute: Callable[[], T]) -> T:
        """Have the slice executed."""
        try:
            return execute()
        finally:
            self._executed = self._clock()

    def usage(self, outcome: Outcome, runtime: Mapping[str, Any]) -> Usage:
        """What the attempt took until now. ``runtime``: what the runtime in the kernel says of its own work, as
        ``load`` and ``save`` in seconds."""
        load, save = (float(runtime.get(name, 0.0)) for name in ("load", "save"))
        return Usage(
            kernel=_seconds(self._executed - self._began - outcome.seconds),
            loading=_seconds(load),
            code=_seconds(outcome.seconds - load - save),
            saving=_seconds(save + self._clock() - self._executed),
            memory=outcome.memory,
            cpu=outcome.cpu,
        )


def _seconds(value: float) -> float:
    return max(0.0, round(value, 3))


def environment(print_: Fingerprint) -> tuple[tuple[str, str], ...]:
    """Python and the packages that count in the step's key, with their versions."""
    return ("Python", str(print_.parts["python"])), *sorted(print_.parts["packages"].items())
