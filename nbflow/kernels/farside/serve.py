"""The loop of the fork server: answers over one socket, and is gone when that closes.

| it is sent                                  | and answers                                                      |
|---------------------------------------------|------------------------------------------------------------------|
| ``prepare`` with what to load, once           | ``loading`` for each module, then ``ready`` or ``useless``           |
| ``fork`` with an ``Order`` and two descriptors  | ``started`` with the process, or ``failed``                        |
|                                             | ``ended`` with status and ``orphans``, when a kernel is gone         |
| ``release`` of a kernel                       | nothing: its number is free from then on                         |

A kernel that ended keeps its number until it is released, so whoever sends it signals cannot hit a stranger.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import select
import signal
import socket
import sys
import traceback
import warnings
from typing import Any, Callable, NoReturn

from . import arguments, child, preload, processes, rehearsal
from .lines import Lines


def main() -> None:
    """Serve until the socket closes, which is standard input. Returns in the forks, once they are no kernels any
    more."""
    server = Server(Lines(socket.socket(fileno=os.dup(0))))
    source, sink = os.pipe()
    os.dup2(source, 0)
    os.close(source)
    os.close(sink)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        order = server.serve()
    except BaseException:
        traceback.print_exc()
        server.end()
    if order is None:
        server.end()
    child.run(order, server.heritage)


class Server:
    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.wake, self.waker = os.pipe()
        self.kernels: dict[int, bool] = {}
        """Kernels that are not released → whether their end was told."""
        self.heritage = child.Heritage([], [], None, None, [], None, {})

    def serve(self) -> child.Order | None:
        """None when nobody is there any more; in a fork, what it is to become."""
        self._watch_children()
        processes.adopt_orphans()
        poll = select.poll()
        poll.register(self.lines.connection, select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self.wake in ready:
                os.read(self.wake, 1 << 12)
                self._tell_ended()
            if self.lines.connection.fileno() in ready:
                try:
                    messages = self.lines.receive()
                except (EOFError, OSError):
                    return None
                for message, descriptors in messages:
                    order = self._take(message, descriptors)
                    if order is not None:
                        return order

    def end(self) -> NoReturn:
        """Kill all that lives below, and go; nothing that libraries meant to do at the end is done."""
        processes.kill_below(os.getpid())
        os._exit(0)

    def _watch_children(self) -> None:
        os.set_blocking(self.waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)

    def _send(self, **message: Any) -> None:
        self.lines.send(message)

    def _take(self, message: dict[str, Any], descriptors: list[int]) -> child.Order | None:
        what = message.pop("do")
        if what == "prepare":
            self._prepare(**message)
        elif what == "release":
            self._release(**message)
        elif what == "fork":
            return self._fork(child.Order(streams=descriptors, **message))
        return None

    def _prepare(
        self,
        folder: str,
        start_in: str,
        statements: list[list[str]],
        installed: list[str],
        denied: list[str],
        random_counts: bool,
        package: list[str] | None,
        prologue: str,
    ) -> None:
        try:
            kernel = rehearsal.rehearse(folder)
        except RuntimeError as error:
            self._send(told="useless", unfit={}, why=str(error))
            return
        rehearsal.load(kernel.modules)
        reader = arguments.make_reader()
        ahead = _load_package(*package) if package is not None else None
        if why := preload.living():
            self._send(told="useless", unfit={}, why=f"the interpreter has more to it from the start: {why}")
            return
        os.environ.update(kernel.environ)
        os.chdir(start_in)
        found = preload.preload(
            [] if rehearsal.has_startup_code() else [preload.Statement(*words) for words in statements],
            preload.Rules(tuple(installed), frozenset(denied), random_counts),
            kernel.filters,
            lambda module: self._send(told="loading", module=module),
        )
        os.chdir("/")
        if found.unfit or (why := preload.living()):  # a thread may have been too young to be seen when it was started
            self._send(told="useless", unfit=found.unfit, why=why)
            return
        rehearsal.warm(kernel.patterns)
        self.heritage = child.Heritage(
            found.filters,
            found.registered,
            compile(prologue, "<prologue>", "exec"),
            ahead,
            _own(),
            reader,
            kernel.looks,
        )
        gc.collect()
        gc.freeze()  # so that collecting garbage in a kernel does not copy the pages that it shares
        self._send(told="ready", loaded=found.loaded)

    def _fork(self, order: child.Order) -> child.Order | None:
        me = os.getpid()
        try:
            with warnings.catch_warnings():  # Python and polars warn of forks; this one is thought through
                warnings.simplefilter("ignore")
                pid = os.fork()
        except OSError as error:
            self._send(told="failed", why=error.strerror or str(error))
            pid = -1
        if pid == 0:
            try:
                child.detach(order, me, [self.lines.connection.detach(), self.wake, self.waker])
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            return order
        for descriptor in order.streams:
            os.close(descriptor)
        if pid > 0:
            self.kernels[pid] = False
            self._send(told="started", pid=pid)
        return None

    def _tell_ended(self) -> None:
        """Tell of kernels that have ended, and put to rest what they had started and left to this process."""
        orphans = processes.reap_orphans(self.kernels)
        for pid, told in list(self.kernels.items()):
            status = None if told else processes.ending(pid)
            if status is not None:
                self.kernels[pid] = True
                self._send(told="ended", pid=pid, status=status, orphans=orphans)

    def _release(self, pid: int) -> None:
        if self.kernels.pop(pid, None) is not None:
            processes.end(pid)


def _own() -> list[str]:
    """The modules of the far side."""
    return [name for name in sys.modules if name.partition(".")[0] == __name__.partition(".")[0]]


def _load_package(name: str, folder: str, entry: str, ahead: str) -> Callable[[], object]:
    file = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[folder])
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[], object] = getattr(importlib.import_module(f"{name}.{entry}"), ahead)
    return found
