"""An event loop for one piece of work with Jupyter's libraries, closed when the work is done.

They run what is asynchronous in a loop that they keep per context and never close; it holds open files. In an empty
context they make a new one, so whoever works there shares it with nobody and can close it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_own_loop(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work`` where the event loop is its own. Raises what it raises."""

    def closing() -> T:
        try:
            return work(*args, **kwargs)
        finally:
            _close_loop()

    return contextvars.Context().run(closing)


def _close_loop() -> None:
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)
