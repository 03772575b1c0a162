"""A kernel for one attempt, from its start to the point where nothing of it is left.

It is started anew, or forked from a server; nobody can tell which. It talks over sockets in a private folder rather
than over ports, which race when many kernels start at once, and it leads a process group of its own, so that its
children can be killed with it. Everything about it happens in an event loop of its own (``loop``), which goes along
from the thread that made it to the one that uses it and the one that ends it. ``end`` must be called in every case.
Read ``family`` and ``guards`` next, and ``channel`` for how its output is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

from nbflow.kernels.family import kill_family, marked, new_mark
from nbflow.kernels.folders import PrivateFolder, transport_for
from nbflow.kernels.holding import holds_nothing, threads_of
from nbflow.kernels.inside import AFTER_START
from nbflow.kernels.loops import OwnLoop

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    from nbflow.kernels.forks import ForkServer
    from nbflow.kernels.guards import Guard

START_TIMEOUT = 120.0
"""Seconds that a kernel may take until it answers."""

FORK_TIMEOUT = 10.0
"""Seconds that a forked kernel may take until it answers."""

FAREWELL = 5.0
"""Seconds that a kernel has to end by itself."""

REAP = 5.0
"""Seconds that a killed process may take to be gone."""

GLANCE = 0.1
"""Seconds between two looks whether a kernel that does not answer is still there."""

log = logging.getLogger("nbflow.kernel")
log.addHandler(logging.NullHandler())
log.propagate = False  # What the libraries have to say about a kernel reaches a person as an outcome.


class Kernel:
    """One kernel.

    ``name``: of the kernelspec; ``environment``: all its environment variables; ``guard``: starts it, unless there is
    a ``server`` that it is forked from; ``specs``: where kernelspecs are found, which takes a while to set up. Raises
    ``jupyter_client.kernelspec.NoSuchKernel`` where the kernelspec is not installed.
    """

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        guard: Guard,
        server: ForkServer | None = None,
        specs: KernelSpecManager | None = None,
    ) -> None:
        from jupyter_client.manager import AsyncKernelManager

        self._mark = new_mark()
        self._environment = marked(environment, self._mark)
        self._process: Any = None
        self._group = 0
        self._over = False
        self._threads = 0
        """How many there were when it was ready."""
        self.loop = OwnLoop()
        """What goes on with this kernel goes on in there."""
        self._private = PrivateFolder.make()
        self.folder = self._private.path
        connection = self.folder / "k.json"
        self.manager: AsyncKernelManager = AsyncKernelManager(
            kernel_name=name, connection_file=str(connection), transport=transport_for(connection), log=log,
            client_class="nbflow.kernels.channel.BoundedClient", **({"kernel_spec_manager": specs} if specs else {}),
        )  # fmt: skip
        self.manager.session.unpacker = "nbflow.kernels.channel.unpack"
        self.note = ""
        """What a person should know of how it was made."""
        self.is_forked = server is not None
        self.is_watched = server is not None and server.start.package is not None
        """Whether what its first cell does will be seen, though nobody has told it of a step yet."""
        self._guard, self._server = guard, server
        self.client: Any = None

    # --- coming up -----------------------------------------------------------------------------------------

    def start(self, folder: Path, limit: float | None = None) -> None:
        """Start it and wait until it answers, for ``limit`` seconds at most once there is a process: a fork waits for
        its server first. Raises ``OSError`` or ``RuntimeError`` where it does not."""
        if limit is None:
            limit = FORK_TIMEOUT if self.is_forked else START_TIMEOUT
        self.loop.complete(lambda: self._start(folder, limit))

    async def _start(self, folder: Path, limit: float) -> None:
        from nbflow.kernels.provisioner import provisioner_for

        # The history file is one for all kernels of a person: writing to it from many at once fails, and is slow.
        extra = ["--HistoryManager.enabled=False"] if self.is_ipykernel else []
        self.manager.provisioner = provisioner_for(self.manager, self._guard, self._server, self._make_client)
        with (self.folder / "kernel.log").open("wb") as file:
            await self.manager.start_kernel(
                env=self._environment, extra_arguments=extra, cwd=str(folder), stdout=file, stderr=file
            )
        self._launched()
        deadline = time.monotonic() + limit
        if self.client is None:
            self._make_client()
        self._wait_for_sockets(deadline)
        self.client.start_channels(stdin=False, hb=False)
        if not await self._answers(deadline):
            raise RuntimeError(f"it did not answer within {limit:g} s")
        self._threads = threads_of(self.pid)
        if self.is_ipykernel and not (self._server is not None and self._server.start.prologue == AFTER_START):
            self.client.execute(AFTER_START, silent=True, store_history=False)

    @property
    def is_ipykernel(self) -> bool:
        spec: Any = self.manager.kernel_spec
        return any("ipykernel" in word for word in spec.argv)

    def _launched(self) -> None:
        """There is a process from now on: it is killed if its end has come meanwhile."""
        provisioner: Any = self.manager.provisioner
        self._process = getattr(provisioner, "process", None)
        self._group = getattr(provisioner, "pgid", None) or 0
        if self._over:
            self.kill()

    @property
    def pid(self) -> int:
        """Of the process; 0 before there is one."""
        return self._process.pid if self._process is not None else 0

    @property
    def is_alive(self) -> bool:
        """Whether nobody has ended it yet, as far as can be told."""
        return self._process is None or self._process.poll() is None

    @property
    def holds_nothing(self) -> bool:
        """Whether it is certain that nobody waits for something that the process has open."""
        return bool(self.pid) and holds_nothing(self.pid, self._threads, self.folder)

    def _make_client(self) -> None:
        self.client = self.manager.client(context=self.manager.context)
        self.client.allow_stdin = False

    def _wait_for_sockets(self, deadline: float) -> None:
        """Wait until they are there, where that can be seen: who connects too early tries again only after a while.
        Nothing else goes on in this kernel's event loop."""
        if self.manager.transport != "ipc":
            return
        ports = (self.manager.hb_port, self.manager.iopub_port, self.manager.shell_port)
        paths = [f"{self.manager.ip}-{port}" for port in ports]
        while not all(map(os.path.exists, paths)) and time.monotonic() < deadline:
            self._require_life()
            time.sleep(0.005)

    async def _answers(self, deadline: float) -> bool:
        """Whether it answers in time, and what it publishes is heard: both can only be told by asking."""
        asked = self.client.kernel_info()
        while not await _heard(self.client.shell_channel, asked, GLANCE):
            self._require_life()
            if time.monotonic() > deadline:
                return False
        while not await _heard(self.client.iopub_channel, asked, GLANCE):
            self._require_life()
            if time.monotonic() > deadline:
                return False
            asked = self.client.kernel_info()
        return True

    def _require_life(self) -> None:
        if self._over:
            raise RuntimeError("it was ended before it answered")
        if not self.is_alive:
            raise RuntimeError(self.cause_of_death().replace("the kernel", "it", 1))

    # --- going ---------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill the process and its children, at once. Safe from any thread, at any time."""
        self._over = True
        self._kill_group()
        kill_family(self._mark)

    def _kill_group(self) -> None:
        if self._group and self._group != os.getpgrp():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, signal.SIGKILL)
        elif self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()

    def interrupt(self, loop: asyncio.AbstractEventLoop) -> None:
        """Interrupt the code that runs. ``loop``: this kernel's, running in another thread."""

        async def interrupted() -> None:
            if self.manager.has_kernel:
                await self.manager.interrupt_kernel()

        asyncio.run_coroutine_threadsafe(interrupted(), loop)

    def end(self, *, politely: bool = False) -> None:
        """Leave nothing behind: neither the process nor its children nor its files. ``politely``: let it run what was
        to be done at its end, and give it a moment for that."""
        if self._process is None:
            self._launched()
        if politely and not self._over and self.client is not None:
            self.loop.complete(self._asked_to_go)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(FAREWELL)
        self._kill_group()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(REAP)
        if getattr(self._process, "has_left_orphans", True):
            kill_family(self._mark)
        if (release := getattr(self._process, "release", None)) is not None:
            release()
        self._group = 0  # another's, perhaps, from now on
        self.loop.complete(self._let_go)
        self.loop.close()
        self._private.remove()

    async def _asked_to_go(self) -> None:
        self.client.shutdown()
        await asyncio.sleep(0)  # a message that cannot go out at once goes now

    async def _let_go(self) -> None:
        if self.client is not None:
            self.client.stop_channels()
        await self.manager.cleanup_resources()

    # --- why it ended --------------------------------------------------------------------------------------

    def cause_of_death(self) -> str:
        """Why the process is gone, as a clause: ``the kernel was killed by SIGKILL (often: out of memory)``."""
        return cause_of_death(self._process.poll() if self._process is not None else None)

    def last_words(self) -> str:
        """The last line that the process wrote outside of cells; ``""`` where there is none."""
        try:
            lines = (self.folder / "kernel.log").read_text("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


async def _heard(channel: Any, asked: str, wait: float) -> bool:
    """Whether something comes about what was asked, within ``wait`` seconds."""
    try:
        while True:
            message = await channel.get_msg(timeout=wait)
            if message["parent_header"].get("msg_id") == asked:
                return True
    except Empty:
        return False


_USUAL_REASONS = {
    "SIGKILL": " (often: out of memory)",
    "SIGSEGV": " (a fault in native code)",
    "SIGBUS": " (a fault in native code)",
    "SIGABRT": " (native code gave up)",
}


def cause_of_death(status: int | None) -> str:
    """What an exit status says, as ``subprocess`` gives it: None for a process that is still there."""
    if status is None:
        return "the kernel stopped answering"
    if status >= 0:
        return f"the kernel exited with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    return f"the kernel was killed by {name}{_USUAL_REASONS.get(name, '')}"
