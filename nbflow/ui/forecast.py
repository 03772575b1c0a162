"""How long a run still takes, as far as earlier runs tell: worked out now and then, counted down between.

Playing a run out to its end costs time for a pipeline of thousands of steps, so it is done rarely enough to cost a
fiftieth of the time at most. The rules are those of ``core.timing``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from nbflow.core.run import Run
from nbflow.core.timing import History, eta, usual

EVERY = 2.0
"""Seconds between two forecasts where they cost little."""

SHARE = 50
"""After a forecast so many times its own time passes at least."""


class Forecast:
    """For one run. ``history``: how long its steps took in earlier runs."""

    def __init__(self, history: History) -> None:
        self._usual = {step: middle for step, took in history.items() if (middle := usual(took)) is not None}
        self._end: float | None = None
        self._next = 0.0

    def left(self, run: Run, started: Mapping[str, float], now: float) -> float | None:
        """Seconds until the run is over, or ``None`` where nobody can tell. ``started``: when each step began;
        ``now`` by the same clock."""
        if self._usual and now >= self._next:
            began = time.monotonic()
            found = eta(run, {step: now - at for step, at in started.items()}, self._usual)
            self._end = None if found is None else now + found
            self._next = now + max(EVERY, SHARE * (time.monotonic() - began))
        return None if self._end is None else max(0.0, self._end - now)
