"""The near side of the guard: a process that starts all that a run starts, and ends it when the run is gone.

A kernel notices that its parent is gone, but not while it is deep in native code, and its own children never do. The
guard is their parent, adopts what they leave, and hangs on a socket that only this process holds: see
``farside/guard.py``. It may also be left a last will: a command to become then. Where there is no such thing (Windows)
kernels are on their own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence

from nbflow.kernels.farside.lines import Lines
from nbflow.kernels.parents import Child, Parent, boot

PATIENCE = 60.0
"""Seconds that a process may take to be there, on a machine that is very busy."""


class Guard:
    """The guard of one run: a process once there is something to guard. Safe from any thread; ``close`` it, or use it
    as a context manager. One that is forgotten ends by itself, at the latest with this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parent: Parent | None = None
        self._end: Callable[[], object] = lambda: None
        """Ends the process, once."""

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def works_here() -> bool:
        return os.name == "posix"

    def start(
        self, argv: Sequence[str], folder: str, environ: Mapping[str, str], stdin: int | None, stdout: int, stderr: int
    ) -> Child:
        """A new process, the leader of a session of its own; it cannot outlive the guard. ``stdin``: None for one that
        is at its end. Raises ``NotStarted`` and ``OSError``."""
        order = {"do": "start", "argv": list(argv), "folder": folder, "environ": dict(environ)}
        parent = self._there()
        if stdin is not None:
            return parent.start(order, [stdin, stdout, stderr])
        source, sink = os.pipe()
        os.close(sink)
        try:
            return parent.start(order, [source, stdout, stderr])
        finally:
            os.close(source)

    def leave_a_will(self, words: Sequence[str]) -> None:
        """The command to run when this process dies without having taken it back (with no words)."""
        if self.works_here() and (words or self._parent is not None):
            self._there().tell({"do": "will", "argv": list(words)})

    def close(self) -> None:
        """Kill all that is left, and end."""
        with self._lock:
            self._parent = None
            self._end()

    def _there(self) -> Parent:
        with self._lock:
            if self._parent is None or not self._parent.is_there:
                self._end()  # it was killed, and what it had started has gone with it
                self._parent = self._launched()
            return self._parent

    def _launched(self) -> Parent:
        near, far = socket.socketpair()
        with far:
            # A session of its own: Ctrl-C in the terminal must not reach it. Isolated: no code of a person runs in it.
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", *boot("guard")], stdin=far.fileno(), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        parent = Parent(Lines(near), "guard", PATIENCE)
        self._end = weakref.finalize(self, _end, parent, process)
        return parent


def _end(parent: Parent, process: subprocess.Popen[bytes]) -> None:
    parent.close()
    process.wait()
