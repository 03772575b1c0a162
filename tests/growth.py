"""How much longer work takes when there is ten times as much of it.

In processor time of this thread, so that what else the machine does hardly counts, and as a ratio, so that its speed
does not count at all: about 10 where the work grows with the size, 100 where it grows with its square.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

FACTOR = 10
LINEAR = 30
"""A growth below this is no square."""


def growth(prepare: Callable[[int], Callable[[], object]], most: int) -> float:
    """``prepare(size)`` gives the work, new each time; ``most`` is the larger of the two sizes."""
    many = min(_seconds(prepare(most)) for _ in range(2))
    return many / min(_seconds(prepare(most // FACTOR)) for _ in range(5))


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.thread_time()
        work()
        return time.thread_time() - start
    finally:
        gc.enable()
