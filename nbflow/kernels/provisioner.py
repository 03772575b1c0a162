"""Who starts the process of a kernel, as Jupyter asks for it: the guard of a run, or a fork server.

``ForkProvisioner`` is a standard one of Jupyter, and its kernels are forks of a server that has ipykernel loaded. A
program other than nbflow uses it through a kernelspec (``"metadata": {"kernel_provisioner": {"provisioner_name":
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from nbflow.core.imports import Imports
from nbflow.kernels.choosing import MOST_SERVERS, split_command, to_load
from nbflow.kernels.forks import OWN, ForkServer, NoFork, Start, works_here
from nbflow.kernels.guards import Guard
from nbflow.kernels.parents import Child, NotStarted


def provisioner_for(
    manager: Any, guard: Guard, server: ForkServer | None, ahead: Callable[[], None] | None = None
) -> Any:
    """The one for a kernel of a run. ``server``: None for a kernel that is started anew; ``ahead``: called before it is
    forked, once it is known where it will be found. Raises ``ModuleNotFoundError`` where the kernelspec names one that
    is not installed."""
    given = {"kernel_id": manager.connection_file, "kernel_spec": manager.kernel_spec, "parent": manager}
    if server is not None:
        forking = ForkProvisioner(**given)
        forking.server, forking.ahead = server, ahead
        return forking
    usual: Any = KernelProvisionerFactory.instance().create_provisioner_instance(**given)
    if type(usual) is not LocalProvisioner or not guard.works_here():
        return usual  # it knows better
    guarded = GuardedProvisioner(**given)
    guarded.guard = guard
    return guarded


class _OfAnother(LocalProvisioner):
    """Its processes are children of another process than this one."""

    def _take(self, child: Child, kwargs: dict[str, Any]) -> Any:
        self.process: Any = child
        self.pid = self.pgid = child.pid  # it leads its own group
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    async def wait(self) -> int | None:
        process = self.process
        status = await super().wait()
        if isinstance(process, Child):
            process.release()
        return status


class GuardedProvisioner(_OfAnother):
    """Has kernels started anew by the guard of a run."""

    guard: Guard

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        try:
            child = await asyncio.to_thread(self._started, cmd, kwargs)
        except NotStarted as reason:
            raise RuntimeError(str(reason)) from reason
        return self._take(child, kwargs)

    def _started(self, cmd: list[str], kwargs: dict[str, Any]) -> Child:
        streams = [_descriptor(kwargs.get(name), number) for name, number in (("stdout", 1), ("stderr", 2))]
        return self.guard.start(cmd, str(kwargs.get("cwd") or Path.cwd()), kwargs["env"], None, *streams)


class ForkProvisioner(_OfAnother):
    """Starts a kernel as a fork where it can; with a ``server`` that was given, in no other way."""

    preload = List(Unicode(), help="Installed modules to load ahead, in each kernel's place.").tag(config=True)

    server: ForkServer | None = None
    """What to fork from; None: the one of this process that fits."""

    ahead: Callable[[], None] | None = None
    """What can be done before there is a process: it may take a while until there is one."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        if self.ahead is not None:
            self.ahead()
        try:
            forked = await asyncio.to_thread(self._forked, cmd, kwargs)
        except NoFork as reason:
            if self.server is not None:
                raise RuntimeError(str(reason)) from reason
            self.log.debug("The kernel is started anew: %s", reason)
            return await super().launch_kernel(cmd, **kwargs)
        return self._take(forked, kwargs)

    def _forked(self, cmd: list[str], kwargs: dict[str, Any]) -> Child:
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
        self._guard = Guard()

    def find(self, start: Start) -> ForkServer:
        """The server for such kernels. Raises ``NoFork`` while it is not up; asking brings it up."""
        if not works_here():
            raise NoFork("this system has no fork servers")
        with self._lock:
            server = next((server for server in self._servers if _alike(server.start, start)), None)
            if server is None and len(self._servers) < MOST_SERVERS:
                server = ForkServer(start, self._guard)
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
        self._guard.close()


def _alike(one: Start, other: Start) -> bool:
    same = (one.folder, one.statements) == (other.folder, other.statements)
    return same and one.fits(other.command, other.environ)


def _bring_up(server: ForkServer) -> None:
    with contextlib.suppress(NoFork, OSError):
        server.prepare()


SERVERS = Servers()
"""The ones of this process."""

atexit.register(SERVERS.close)
