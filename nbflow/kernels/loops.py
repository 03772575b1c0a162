"""An event loop for one piece of work with Jupyter's libraries, closed when the work is done.

They run what is asynchronous in a loop that they keep per context and never close; it holds open files. In an empty
context they make a new one, so whoever works there shares it with nobody and can close it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class OwnLoop:
    """An event loop that goes along from one thread to the next: never two at a time. ``close`` it."""

    def __init__(self) -> None:
        self._context = contextvars.Context()

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``work`` where this loop is the current one. Raises what it raises."""
        return self._context.run(work, *args, **kwargs)

    def complete(self, make: Callable[[], Any]) -> Any:
        """Run a coroutine in it to its end."""
        return self.run(_complete, make)

    def close(self) -> None:
        """End what is left in it."""
        self.run(_close)


def in_own_loop(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work`` where the event loop is its own. Raises what it raises."""
    loop = OwnLoop()
    try:
        return loop.run(work, *args, **kwargs)
    finally:
        loop.close()


def _complete(make: Callable[[], Any]) -> Any:
    from jupyter_core.utils import ensure_event_loop

    return ensure_event_loop().run_until_complete(make())


def _close() -> None:
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
    asyncio.set_event_loop(None)
