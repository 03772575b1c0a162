"""A standard provisioner of Jupyter whose kernels are forks of a server that has ipykernel loaded.

A program other than nbflow uses it through a kernelspec (``"metadata": {"kernel_provisioner": {"provisioner_name":
"nbflow", "config": {"preload": ["pandas"]}}}``) or ``JUPYTER_DEFAULT_PROVISIONER_NAME=nbflow``. The first kernel is
started anew, and a server beside it; the next ones are forked. Wherever a fork cannot be had, a kernel is started anew
too. Read ``forks`` next.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import threading
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from nbflow.core.imports import Imports
from nbflow.kernels.choosing import MOST_SERVERS, split_command, to_load
from nbflow.kernels.forks import OWN, Forked, ForkServer, NoFork, Start, works_here


class ForkProvisioner(LocalProvisioner):
    """Starts a kernel as a fork where it can; with a ``server`` that was given, in no other way."""

    preload = List(Unicode(), help="Installed modules to load ahead, in each kernel's place.").tag(config=True)

    server: ForkServer | None = None
    """What to fork from; None: the one of this process that fits."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        try:
            forked = await asyncio.to_thread(self._forked, cmd, kwargs)
        except NoFork as reason:
            if self.server is not None:
                raise RuntimeError(str(reason)) from reason
            self.log.debug("The kernel is started anew: %s", reason)
            return await super().launch_kernel(cmd, **kwargs)
        self.process: Any = forked
        self.pid = self.pgid = forked.pid  # it leads its own group
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    def _forked(self, cmd: list[str], kwargs: dict[str, Any]) -> Forked:
        words = split_command(cmd)
        if words is None or kwargs.get("stdin") is not None or kwargs.get("independent"):
            raise NoFork("it is to be started otherwise than a fork could")
        command, argv = words
        environ, folder = kwargs["env"], str(kwargs.get("cwd") or Path.cwd())
        server = self.server or SERVERS.find(_start_of(command, environ, tuple(self.preload), Path(folder)))
        if not server.start.fits(_absolute(command, environ), environ):
            raise NoFork("it is to have another Python or other variables than the fork server")
        streams = [_descriptor(kwargs.get(name), number) for number, name in ((1, "stdout"), (2, "stderr"))]
        own = {name: value for name, value in environ.items() if name.startswith(OWN)}
        return server.fork(argv, folder, own, streams[0], streams[1])

    async def wait(self) -> int | None:
        process = self.process
        status = await super().wait()
        if isinstance(process, Forked):
            process.release()
        return status


def _descriptor(stream: Any, standard: int) -> int:
    if stream is None:
        return standard
    return stream if isinstance(stream, int) else int(stream.fileno())


def _absolute(command: tuple[str, ...], environ: dict[str, str]) -> tuple[str, ...]:
    return (shutil.which(command[0], path=environ.get("PATH")) or command[0], *command[1:])


def _start_of(command: tuple[str, ...], environ: dict[str, str], preload: tuple[str, ...], folder: Path) -> Start:
    statements = to_load([Imports(preload)], lambda _: True)
    return Start(
        command=_absolute(command, environ),
        environ=environ,
        folder=folder if statements else Path("/"),
        statements=statements,
        installed=("/",),  # whoever names a module knows where it lies
    )


class Servers:
    """The fork servers of this process, for kernels that others start. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: list[ForkServer] = []

    def find(self, start: Start) -> ForkServer:
        """The server for such kernels. Raises ``NoFork`` while it is not up; asking brings it up."""
        if not works_here():
            raise NoFork("this system has no fork servers")
        with self._lock:
            server = next((server for server in self._servers if _alike(server.start, start)), None)
            if server is None and len(self._servers) < MOST_SERVERS:
                server = ForkServer(start)
                self._servers.append(server)
                threading.Thread(target=_bring_up, args=(server,), daemon=True).start()
        if server is None or not server.is_up:
            raise NoFork("the fork server is not up")
        return server

    def close(self) -> None:
        with self._lock:
            servers, self._servers = self._servers, []
        for server in servers:
            server.close()


def _alike(one: Start, other: Start) -> bool:
    same = (one.folder, one.statements) == (other.folder, other.statements)
    return same and one.fits(other.command, other.environ)


def _bring_up(server: ForkServer) -> None:
    with contextlib.suppress(NoFork, OSError):
        server.prepare()


SERVERS = Servers()
"""The ones of this process."""

atexit.register(SERVERS.close)
