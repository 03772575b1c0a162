"""The guard of a run: parent of all that the run starts, and its end when the run is gone.

It is started by the run's process and hangs on one socket, which nobody else holds. When that closes, however the other
side came to its end, it kills all that lives below it. As it adopts the orphans among its descendants, nothing that a
kernel has started can hide from it: neither in a session of its own nor with another environment.

| it is sent                                   | and answers                                                     |
|----------------------------------------------|-----------------------------------------------------------------|
| ``start`` with what and its three streams      | ``started`` with the process, or ``failed``                         |
|                                              | ``ended`` with status and ``orphans``, when the process is gone       |
| ``release`` of a process                       | nothing: its number is free from then on                        |
| ``will`` with a command                        | nothing: it becomes that command at its end; none where it is empty |
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from typing import Any, NoReturn

from . import processes
from .lines import Lines

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Meant for the run, which will come to an end and take this process along."""


def main() -> None:
    """Be the guard; the socket is standard input."""
    guard = Guard(Lines(socket.socket(fileno=os.dup(0))))
    guard.serve()
    guard.end()


class Guard:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.wake, waker = os.pipe()
        os.set_blocking(waker, False)
        self.nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(self.nothing, 0)
        self.started: dict[int, subprocess.Popen[bytes]] = {}
        self.told: dict[int, bool] = {}
        self.will: list[str] = []
        for number in (*IGNORED, signal.SIGCHLD):  # a handler, not SIG_IGN, which children would inherit
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        if sys.platform == "linux":
            processes.adopt_orphans()

    def serve(self) -> None:
        """Until the other side is gone."""
        poll = select.poll()
        poll.register(self.lines.connection, select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            try:
                if self.wake in ready:
                    os.read(self.wake, 1 << 12)
                    self.tell_ended()
                if self.lines.connection.fileno() in ready:
                    for message, streams in self.lines.receive():
                        self.take(message, streams)
            except (EOFError, OSError):
                return

    def end(self) -> NoReturn:
        """Kill all that lives below, and carry out the will."""
        for pid in self.started:
            processes.kill_session(pid)
        processes.kill_below(os.getpid())
        if self.will:
            signal.set_wakeup_fd(-1)
            os.execvp(self.will[0], self.will)  # noqa: S606
        os._exit(0)

    def take(self, message: dict[str, Any], streams: list[int]) -> None:
        what = message["do"]
        if what == "start":
            self.start(message["argv"], message["folder"], message["environ"], streams)
        elif what == "release":
            self.release(message["pid"])
        elif what == "will":
            self.will = message["argv"]

    def start(self, argv: list[str], folder: str, environ: dict[str, str], streams: list[int]) -> None:
        me = os.getpid()
        source, out, err = streams
        try:
            process = subprocess.Popen(
                argv, cwd=folder, env={**environ, "JPY_PARENT_PID": str(me)}, stdin=source, stdout=out, stderr=err,
                start_new_session=True,
                preexec_fn=(lambda: processes.die_with_parent(me)) if sys.platform == "linux" else None,  # noqa: PLW1509
            )  # fmt: skip
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.lines.send({"told": "failed", "why": getattr(error, "strerror", None) or str(error)})
        else:
            self.started[process.pid], self.told[process.pid] = process, False
            self.lines.send({"told": "started", "pid": process.pid})
        finally:
            for descriptor in streams:
                os.close(descriptor)

    def tell_ended(self) -> None:
        orphans = processes.reap_orphans(self.started)
        for pid, told in list(self.told.items()):
            status = None if told else self.ending(pid)
            if status is not None:
                self.told[pid] = True
                self.lines.send({"told": "ended", "pid": pid, "status": status, "orphans": orphans})

    def ending(self, pid: int) -> int | None:
        """Where the system cannot be asked without putting the process to rest (macOS), its number is free at once."""
        return processes.ending(pid) if hasattr(os, "waitid") else self.started[pid].poll()

    def release(self, pid: int) -> None:
        process = self.started.pop(pid, None)
        if process is not None:
            del self.told[pid]
            if process.returncode is None:
                processes.end(pid)
