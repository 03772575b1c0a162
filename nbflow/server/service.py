"""What the handlers of one server share: where its files are, threads for what takes time, and the runs it has started.

Nothing here waits in the thread of the server, which serves kernels and pages besides. A look at a journal is short and
there are many, planning and starting are long and there are few, so each kind has threads of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nbflow.ops.launching import PROGRAM, Launched
from nbflow.server.places import Places

if TYPE_CHECKING:
    from nbflow.server.here import Here

T = TypeVar("T")

MOST_KEPT = 200
"""Runs that are remembered to have been started here."""


def _threads(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix=f"nbflow {name}")


@dataclass(eq=False)
class Service:
    """``environ``: what its runs start with."""

    places: Places
    environ: Mapping[str, str]
    program: Sequence[str] = PROGRAM
    """What Python is given to run a run."""
    launched: dict[str, Launched] = field(default_factory=dict)
    """Runs that were started here: of them it is known whether they live, also where no lock tells."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The server ends: streams end with it."""
    streams: set[asyncio.Task[object]] = field(default_factory=set)
    _starting: dict[Path, asyncio.Lock] = field(default_factory=dict)
    _work: ThreadPoolExecutor = field(default_factory=lambda: _threads("works"))
    _looks: ThreadPoolExecutor = field(default_factory=lambda: _threads("looks"))

    def here(self, path: str) -> Here:
        """Raises ``NotThere`` and ``UsageError``."""
        from nbflow.server.here import here

        return here(self.places.notebook(path), self.environ)

    async def work(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._work, function)

    async def look(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._looks, function)

    def look_later(self, function: Callable[[], object]) -> None:
        """What nobody waits for."""
        with suppress(RuntimeError):  # the server has ended, and what was open ends with it
            self._looks.submit(function)

    def starting(self, root: Path) -> asyncio.Lock:
        """Held while a run of that project is started: two who ask for the same at a time are given one run."""
        return self._starting.setdefault(root, asyncio.Lock())

    def keep(self, begun: Launched) -> str:
        """Remember a run; its id."""
        for run in [run for run, known in self.launched.items() if not known.alive][:-MOST_KEPT]:
            del self.launched[run]
        self.launched[begun.run] = begun
        return begun.run

    def lives(self, run: str) -> bool:
        begun = self.launched.get(run)
        return begun is not None and begun.alive

    async def close(self) -> None:
        """The streams end, then the threads. Runs go on."""
        self.closed.set()
        if self.streams:
            await asyncio.wait(self.streams, timeout=5)
        self._work.shutdown(wait=False, cancel_futures=True)
        self._looks.shutdown(wait=False)
