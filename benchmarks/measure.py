"""How everything here is timed: whole commands as a person starts them, functions in this process, both several times.

Commands get the environment of this process without what would make a difference to a person's: Python may keep its
bytecode. What is compared is measured in turn. It decides no result; ``table.py`` shows them.
"""

from __future__ import annotations

import gc
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

TEMPERED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "PYTHONWARNINGS")
"""Variables that a machine for development may have set and that change what is measured."""

GC_THRESHOLD = 200_000
"""The command line's own: functions are timed as it runs them."""


def command(words: Sequence[str | Path], folder: Path) -> float:
    """Seconds from start to end of a command, its output thrown away. Raises where it fails."""
    start = time.perf_counter()
    said(words, folder)
    return time.perf_counter() - start


def said(words: Sequence[str | Path], folder: Path) -> str:
    """What a command prints as its answer. Raises where it fails."""
    environ = {name: value for name, value in os.environ.items() if name not in TEMPERED}
    done = subprocess.run([str(w) for w in words], cwd=folder, env=environ, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def in_turn(sides: Sequence[Callable[[], float]], times: int) -> list[float]:
    """Medians of several measurements, taken in turn, so that what else the machine does meets all of them. One of each
    goes before and does not count: it fills the caches of the disk."""
    for side in sides:
        side()
    rounds = [[side() for side in sides] for _ in range(times)]
    return [median(one) for one in zip(*rounds, strict=True)]


def function(work: Callable[[], Any], times: int = 1) -> float:
    """The median of the seconds that a function takes."""
    before = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD)
    try:
        return median(_timed(work) for _ in range(times))
    finally:
        gc.set_threshold(*before)


def _timed(work: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
