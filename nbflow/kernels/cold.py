"""A kernel started anew for one attempt, and everything that must be gone when the attempt is over.

It talks over sockets in a private folder rather than over ports, which race when many kernels start at once. It leads a
process group of its own, so that its children can be killed with it. ``end`` must be called in every case, and may be
called at any time. Who sends it code is the executor's matter. Read ``family`` and ``guardian`` next, and ``channel``
for how its output is read.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbflow.kernels.family import kill_family, marked, new_mark
from nbflow.kernels.folders import LONGEST_SOCKET, PrivateFolder
from nbflow.kernels.guardian import GUARDIAN

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

REAP = 5.0
"""Seconds that a killed process may take to be gone."""

log = logging.getLogger("nbflow.kernel")
log.addHandler(logging.NullHandler())
log.propagate = False  # What the libraries have to say about a kernel reaches a person as an outcome.


class ColdKernel:
    """One kernel process.

    ``name``: of the kernelspec; ``environment``: all its environment variables. Raises
    ``jupyter_client.kernelspec.NoSuchKernel`` where the kernelspec is not installed.
    """

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        from jupyter_client.manager import AsyncKernelManager

        self._mark = new_mark()
        self._environment = marked(environment, self._mark)
        self._process: subprocess.Popen[bytes] | None = None
        self._group = 0
        self._private = PrivateFolder.make()
        self.folder = self._private.path
        connection = self.folder / "k.json"
        transport = "ipc" if os.name == "posix" and len(str(connection)) + 8 <= LONGEST_SOCKET else "tcp"
        self.manager: AsyncKernelManager = AsyncKernelManager(
            kernel_name=name, connection_file=str(connection), transport=transport, log=log,
            client_class="nbflow.kernels.channel.BoundedClient",
        )  # fmt: skip

    @property
    def is_ipykernel(self) -> bool:
        spec: Any = self.manager.kernel_spec
        return any("ipykernel" in word for word in spec.argv)

    def start_arguments(self) -> dict[str, Any]:
        """What the manager's ``start_kernel`` needs, besides the folder to run in."""
        # The history file is one for all kernels of a person: writing to it from many at once fails, and is slow.
        extra = ["--HistoryManager.enabled=False"] if self.is_ipykernel else []
        return {"env": self._environment, "extra_arguments": extra}

    def open_log(self) -> Any:
        """Where the process writes what is not a cell's output: why it could not start, for example."""
        return (self.folder / "kernel.log").open("wb")

    def launched(self) -> None:
        """The manager has started the process: from now on it is watched."""
        provisioner: Any = self.manager.provisioner
        self._process = getattr(provisioner, "process", None)
        self._group = getattr(provisioner, "pgid", None) or 0
        if self._group:
            GUARDIAN.watch(self._group, self._mark)

    @property
    def pid(self) -> int:
        """Of the process; 0 before there is one."""
        return self._process.pid if self._process is not None else 0

    def kill(self) -> None:
        """Kill the process and its children, at once. Safe from any thread, at any time."""
        if self._group and self._group != os.getpgrp():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, signal.SIGKILL)
        elif self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
        kill_family(self._mark)

    def end(self) -> None:
        """Leave nothing behind: neither the process nor its children nor its files."""
        if self._process is None:
            self.launched()
        self.kill()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(REAP)
        if self._group:
            GUARDIAN.release(self._group, self._mark)
        self._private.remove()

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
