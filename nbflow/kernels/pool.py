"""The kernels of one run: made before they are needed, handed out once, ended beside other work.

``Kernels`` is told which kernels the steps to come will want, and keeps as many ready as steps may run at a time. The
first ones are started anew while a fork server comes up, or, where many are wanted at once, wait for it; the others are
forked from it. Whatever goes wrong ahead of
time costs nothing but time: the step gets a kernel that is started anew, and says why. What is made when is decided in
``choosing``; this module owns the threads.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

from nbflow.kernels.choosing import MOST_SERVERS, Place, Want, to_make, worth_a_server
from nbflow.kernels.folders import sweep
from nbflow.kernels.forks import ForkServer, NoFork, Shadowed, Start, works_here
from nbflow.kernels.guards import Guard
from nbflow.kernels.kernel import Kernel

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpecManager

MOST_FAILURES = 3
"""Forks that may fail before a server is given up."""

ALWAYS = {"PYTHONHASHSEED": "0"}
"""Variables of every kernel: the same code on equal inputs gives equal bytes only with equal hashes."""

GLANCE = 0.05
"""Seconds between two looks whether a step that waits for its kernel has been stopped."""

BEGIN = 0.1
"""Seconds for which a step that took its kernel wants a core beside those that kernels are made on."""

CALM = 0.3
"""Seconds after which a step that took its kernel has got going: it has loaded and runs a person's code."""

PATIENCE = 1.0
"""Seconds that a kernel whose end can wait is kept at most."""


@dataclass(frozen=True, slots=True)
class Coming:
    """What is known of the kernels that a run will need."""

    wants: tuple[Want, ...] = ()
    """Of the steps that may run, in the order in which they may start."""
    at_once: int = 0
    """How many of the steps wait for no other."""
    starts: Mapping[Place, Start] = field(default_factory=dict)
    """How the fork server of a place is started; without one, its kernels are started anew."""


class Stopped(Exception):
    """The step was stopped while it waited for its kernel."""


class Makers:
    """Makes kernels and fork servers that are not started yet. ``guard``: of the run, if somebody else ends it."""

    def __init__(self, guard: Guard | None = None) -> None:
        self.guard = guard or Guard()

    def kernel(self, want: Want, server: ForkServer | None) -> Kernel:
        """Raises what ``Kernel`` does."""
        return Kernel(want.kernel, {**dict(want.environment), **ALWAYS}, self.guard, server, self._specs)

    def server(self, start: Start) -> ForkServer:
        return ForkServer(start, self.guard)

    @cached_property
    def _specs(self) -> KernelSpecManager:
        from jupyter_client.kernelspec import KernelSpecManager

        specs = KernelSpecManager()
        specs.get_kernel_spec = cache(specs.get_kernel_spec)  # type: ignore[method-assign]
        return specs


class Kernels:
    """The kernels of one run. Use it as a context manager; its methods may be called from any thread.

    ``jobs``: steps at a time; ``coming``: without it nothing is made ahead; ``makers``: a test has its own; ``cores``:
    while a fork server comes up it has one to itself, and on each of the others one kernel is started anew. Where more
    than there are cores would be wanted at once all wait for the server, prepared as far as that goes without it: that
    makes them sooner than any other way.
    """

    def __init__(
        self,
        jobs: int = 1,
        coming: Coming | None = None,
        makers: Makers | None = None,
        cores: int = os.cpu_count() or 1,
    ) -> None:
        coming = coming or Coming()
        self._makers = makers or Makers()
        self._jobs = jobs
        self._coming = list(coming.wants)
        self._expected = frozenset(coming.wants)
        self._starts = dict(coming.starts) if works_here() else {}
        self._cores = cores
        first = min(coming.at_once, jobs)
        self._at_once = max(1, cores - 1) if first <= cores else 0
        self._first = min(first, self._at_once)
        self._served = 0
        """Steps whose kernels are being made while they stand and wait."""
        self._state = threading.Condition()
        self._ready: list[tuple[Want, Kernel]] = []
        self._making: Counter[Want] = Counter()
        self._waiting: Counter[Want] = Counter()
        """Steps that wait for a kernel that is being made."""
        self._alive: set[Kernel] = set()
        self._taken = 0.0
        """When a step last took its kernel."""
        self._lingering = 0
        """Kernels whose end waits."""
        self._servers: dict[Place, ForkServer] = {}
        self._coming_up: dict[Place, ForkServer] = {}
        self._failures: Counter[Place] = Counter()
        self._given_up: set[Place] = set()
        self._untold: dict[Place, str] = {}
        """What a person should know of how kernels are made: it is told with the next step there."""
        self._closed = False
        self._threads = ThreadPoolExecutor(max_workers=3 * jobs + MOST_SERVERS, thread_name_prefix="nbflow kernels")

    def __enter__(self) -> Kernels:
        sweep()
        with self._state:
            for place in worth_a_server(self._coming, self._first):
                if place in self._starts:
                    self._coming_up[place] = self._makers.server(self._starts[place])
            for place in self._coming_up:
                self._threads.submit(self._bring_up, place)
            most = self._first if self._coming_up and self._first else self._jobs
            for want in to_make(self._coming, Counter(), most):
                self._make(want, None if self._first else self._coming_up.get(want.place))
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- for the steps -------------------------------------------------------------------------------------

    def take(
        self,
        want: Want,
        meet: Callable[[Kernel], None] = lambda _: None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> Kernel:
        """A kernel that answers, for one use; give it back with ``put_away``, whatever happens.

        ``meet`` is shown the kernel as soon as there is something to be killed. Raises ``Stopped``, and for a kernel
        that does not start ``jupyter_client.kernelspec.NoSuchKernel``, ``OSError`` or ``RuntimeError``.
        """
        with self._state:
            if want in self._coming:
                self._coming.remove(want)
            kernel = self._from_ready(want, is_stopped)
            self._served += kernel is None
            self._make_ahead()
        if kernel is None:
            try:
                kernel = self._made_now(want, meet, is_stopped)
            finally:
                self._is_served()
        else:
            meet(kernel)
        with self._state:
            self._taken = time.monotonic()
            kernel.note = self._untold.pop(want.place, "")
        return kernel

    def put_away(self, kernel: Kernel, *, politely: bool, can_wait: bool = False) -> Future[None]:
        """The kernel's work is done: end it, beside other work. ``can_wait``: behind the steps that begin just now, for
        to end costs as much as to begin; what the kernel holds, it holds so much longer."""
        with self._state:
            self._alive.discard(kernel)
        return self._threads.submit(self._end, kernel, politely, can_wait)

    def close(self) -> None:
        """End all that is left; kernels that were put away may end as they like. May be called again."""
        with self._state:
            self._closed = True
            self._state.notify_all()
            self._coming.clear()
            alive = list(self._alive)
            coming_up = list(self._coming_up.values())
        for kernel in alive:
            kernel.kill()
        for server in coming_up:
            server.close()
        self._threads.shutdown()
        with self._state:  # some have come up meanwhile
            ready, self._ready = self._ready, []
        for _, kernel in ready:
            kernel.end()
        for server in self._servers.values():
            server.close()
        self._makers.guard.close()

    # --- handing out ---------------------------------------------------------------------------------------

    def _from_ready(self, want: Want, is_stopped: Callable[[], bool]) -> Kernel | None:
        """One that is made already, or will be soon; None where there is none. Raises ``Stopped``."""
        self._waiting[want] += 1
        try:
            while True:
                if is_stopped() or self._closed:
                    raise Stopped
                for entry in [entry for entry in self._ready if entry[0] == want]:
                    self._ready.remove(entry)
                    if entry[1].is_alive:
                        return entry[1]
                    self.put_away(entry[1], politely=False)  # killed while nobody used it: no step's fault
                if self._making[want] < self._waiting[want] and not self._waits_for_a_server(want):
                    return None
                self._state.wait(GLANCE)
        finally:
            self._waiting[want] -= 1

    def _waits_for_a_server(self, want: Want) -> bool:
        """Whether a step does well to wait: as many kernels are being started anew as may be, and a server for it is
        coming up."""
        busy = self._making.total() + self._served >= self._at_once
        return busy and want.place in self._coming_up and want in self._expected

    def _is_served(self) -> None:
        with self._state:
            self._served -= 1
            self._make_ahead()
            self._state.notify_all()

    def _made_now(self, want: Want, meet: Callable[[Kernel], None], is_stopped: Callable[[], bool]) -> Kernel:
        """A kernel for a step that stands and waits: a fork where there is a server, else, or failing that, anew."""
        server = self._server_for(want)
        if server is not None and want.place not in self._untold:
            kernel = self._new(want, server)
            meet(kernel)
            try:
                return self._started(kernel, want)
            except (OSError, RuntimeError) as error:
                if is_stopped():
                    raise Stopped from None
                self._count_failure(want, error)
        kernel = self._new(want, None)
        meet(kernel)
        return self._started(kernel, want)

    # --- making --------------------------------------------------------------------------------------------

    def _make_ahead(self) -> None:
        """No more at a time than there are cores, one while a step begins, and none while a step stands and waits: it
        comes first."""
        most = 1 if time.monotonic() - self._taken < BEGIN else self._cores
        room = 0 if self._served or self._waiting.total() else most - self._making.total()
        there = Counter(want for want, _ in self._ready) + self._making
        wanted = [w for w in to_make(self._coming, there, self._jobs) if w.place not in self._coming_up]
        for want in wanted[: max(0, room)]:  # where a server is coming up, it will be a fork, and soon
            self._make(want)

    def _make(self, want: Want, server: ForkServer | None = None) -> None:
        """Begin one. ``server``: that is coming up, and that it is to wait for."""
        if not self._closed:
            self._making[want] += 1
            self._threads.submit(self._made_ahead, want, server)

    def _made_ahead(self, want: Want, server: ForkServer | None) -> None:
        kernel: Kernel | None = None
        server = server or self._server_for(want)
        try:
            kernel = self._started(self._new(want, server), want)
        except Exception as error:  # the step that wants it will have one started anew, and tell
            if server is not None:
                self._count_failure(want, error)
        with self._state:
            self._making[want] -= 1
            if kernel is not None:
                self._ready.append((want, kernel))
            if kernel is not None or (server is not None and want.place in self._given_up):
                self._make_ahead()  # the next will be no fork
            self._state.notify_all()

    def _new(self, want: Want, server: ForkServer | None) -> Kernel:
        kernel = self._makers.kernel(want, server)
        with self._state:
            self._alive.add(kernel)
            closed = self._closed
        if closed:
            kernel.kill()
        return kernel

    def _started(self, kernel: Kernel, want: Want) -> Kernel:
        try:
            kernel.start(want.folder)
        except BaseException as error:
            words = kernel.last_words()
            with self._state:
                self._alive.discard(kernel)
            kernel.end()
            if words and isinstance(error, OSError | RuntimeError):
                raise RuntimeError(words) from error
            raise
        return kernel

    # --- ending --------------------------------------------------------------------------------------------

    def _end(self, kernel: Kernel, politely: bool, can_wait: bool) -> None:
        if can_wait and kernel.holds_nothing:
            self._await_calm(time.monotonic())
        kernel.end(politely=politely)

    def _await_calm(self, now: float) -> None:
        """Until no step has begun for a while; the next one most likely will just now, for another is done. Not more
        kernels wait than steps may run at a time."""
        deadline = now + PATIENCE
        with self._state:
            self._lingering += 1
            while not self._closed and self._lingering <= self._jobs:
                left = min(max(self._taken, now) + CALM, deadline) - time.monotonic()
                if left <= 0:
                    break
                self._state.wait(left)
            self._lingering -= 1

    # --- fork servers --------------------------------------------------------------------------------------

    def _bring_up(self, place: Place) -> None:
        server = self._coming_up[place]
        why = ""
        try:
            server.prepare()
        except (NoFork, OSError) as error:
            why = str(error)
            server.close()
        with self._state:
            del self._coming_up[place]
            if not why:
                self._servers[place] = server
            elif not self._closed:
                self._untold[place] = (
                    f"Kernels cannot be made ahead by forks: {why}. Each is started anew, which takes longer. "
                    'kernels = "cold" in [tool.nbflow] spares the attempt.'
                )
            self._make_ahead()
            self._state.notify_all()

    def _server_for(self, want: Want) -> ForkServer | None:
        """What its kernel can be forked from without making a difference."""
        place = want.place
        server = self._servers.get(place)
        fits = server is not None and server.is_up and place not in self._given_up and want in self._expected
        return server if fits else None

    def _count_failure(self, want: Want, error: Exception) -> None:
        """A fork did not come up: the next step there has a kernel started anew, and tells. A server whose forks fail
        again and again serves no more."""
        place = want.place
        with self._state:
            if isinstance(error.__cause__, Shadowed):
                self._given_up.add(place)  # nothing has failed: a fork would not be as a kernel started anew
                return
            if place not in self._servers:
                return  # it never came up, which is told once
            self._untold[place] = f"The kernel that was forked for this step failed ({error}); another one served it."
            self._failures[place] += 1
            if self._failures[place] >= MOST_FAILURES:
                self._given_up.add(place)
