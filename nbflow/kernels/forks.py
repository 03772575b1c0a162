"""The near side of a fork server: has it started, and asks it for kernels.

The server is reached over a socket that it inherits, by nobody else, and is gone when this side closes. A module that
turns out to be unfit for loading ahead costs a new server without it. Read ``parents`` for how its kernels are known,
and ``farside/serve.py`` for the far side.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.kernels.choosing import shadows
from nbflow.kernels.family import VARIABLE, kill_family, marked, new_mark
from nbflow.kernels.farside.lines import Lines
from nbflow.kernels.folders import PrivateFolder
from nbflow.kernels.guards import Guard
from nbflow.kernels.parents import Child, NotAnswered, NotStarted, Parent, boot

SILENCE = 60.0

ANSWER = 10.0
"""Seconds that a server may take to answer."""

RESTARTS = 3

OWN = ("JPY_", VARIABLE)
"""Variables that begin so differ from kernel to kernel, and nothing that is loaded ahead reads them."""


class NoFork(Exception):
    """There is no fork to be had; the message says why."""


class Shadowed(NoFork):
    """A kernel in that folder would import a module of the folder's own where a fork has another one loaded."""


class _Unfit(Exception):
    """What was loaded ahead does not bear a fork."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{module}: {why}" for module, why in modules.items()))
        self.modules = modules


@dataclass(frozen=True, slots=True)
class Start:
    """How a server is started. Kernels that could be started alike come from one server."""

    command: tuple[str, ...]
    """The words that start the Python."""
    environ: Mapping[str, str]
    folder: Path
    """Where modules are imported: some read a file there."""
    statements: tuple[tuple[str, str], ...] = ()
    """``(module, "")`` or ``(module, name)``: what to import ahead."""
    installed: tuple[str, ...] = ()
    """Folders of installed modules, each with a separator at its end."""
    denied: frozenset[str] = frozenset()
    """Modules that must not be loaded ahead, nor anything that loads them."""
    random_counts: bool = True
    """Whether the code that will run uses ``random``."""
    package: tuple[str, str, str, str] | None = None
    """A package that is no part of any path: its name, its folder, the module in it to load, and the function of that
    which each kernel calls before its first cell."""
    prologue: str = ""
    """Code that each kernel runs before its first cell; ``get_ipython`` is there."""

    def fits(self, command: Sequence[str], environ: Mapping[str, str]) -> bool:
        """Whether a kernel that is to be started so may be a fork of this."""
        return tuple(command) == self.command and _counted(environ) == _counted(self.environ)


def _counted(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(OWN)}


class ForkServer:
    """A fork server and the kernels that came from it. ``prepare`` may take seconds; the rest is quick and may be
    called from any thread. ``guard``: starts it; ``silence``: seconds that one module may take to be imported."""

    def __init__(self, start: Start, guard: Guard, silence: float = SILENCE) -> None:
        self.start = start
        self._guard = guard
        self._silence = silence
        self.loaded: frozenset[str] = frozenset()
        """Top-level names of the modules that are loaded ahead."""
        self.unfit: dict[str, str] = {}
        """Modules that could not be loaded ahead → why."""
        self._mark = new_mark()
        self._lock = threading.Lock()
        self._process: Child | None = None
        self._connection: socket.socket | None = None
        self._private: PrivateFolder | None = None
        self._kernels: Parent | None = None
        """There once it is up."""
        self._closed = False
        self._settled = threading.Event()
        """Whether it is known if it comes up."""

    @property
    def is_up(self) -> bool:
        """Whether it can be asked for kernels."""
        return self._kernels is not None and self._kernels.is_there and not self._closed

    # --- coming up -----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Have it started and load what it should. Raises ``NoFork`` where it cannot be of use, and ``OSError``."""
        try:
            self._prepare()
        finally:
            self._settled.set()

    def _prepare(self) -> None:
        for _ in range(RESTARTS + 1):
            try:
                lines, private = self._launch()
                self.loaded = self._loaded(lines, private)
            except _Unfit as found:
                self._end_process()
                self.unfit.update(found.modules)
            except (NoFork, OSError):
                self._end_process()
                raise
            else:
                self._serve(lines)
                return
        raise NoFork(f"too much of what is to be loaded ahead does not bear a fork: {', '.join(self.unfit)}")

    def _launch(self) -> tuple[Lines, PrivateFolder]:
        near, far = socket.socketpair()
        with far, self._lock:
            if self._closed:
                near.close()
                raise NoFork("the run is over")
            self._connection, self._private = near, PrivateFolder.make()
            words, environ = [*self.start.command, *boot("serve")], marked(self.start.environ, self._mark)
            with (self._private.path / "server.log").open("ab") as log:
                try:
                    self._process = self._guard.start(words, "/", environ, far.fileno(), log.fileno(), log.fileno())
                except NotStarted as reason:
                    raise NoFork(str(reason)) from reason
        return Lines(near), self._private

    def _loaded(self, lines: Lines, private: PrivateFolder) -> frozenset[str]:
        """Have it load all that it should; the names of what it has loaded. Raises ``_Unfit`` and ``NoFork``."""
        module = why = ""
        lines.connection.settimeout(self._silence)
        try:
            lines.send(self._order(private))
            while True:
                for told, _ in lines.receive():
                    match told:
                        case {"told": "loading"}:
                            module = told["module"]
                        case {"told": "ready"}:
                            lines.connection.settimeout(None)
                            return frozenset(told["loaded"])
                        case {"told": "useless"} if told["unfit"]:
                            raise _Unfit(told["unfit"])
                        case _:
                            raise NoFork(told["why"])
        except TimeoutError:
            why = f"it takes longer than {self._silence:g} s"
        except (EOFError, OSError):
            why = "it ends the process"
        if module:
            raise _Unfit({module: why})
        raise NoFork("the fork server does not come up")

    def _order(self, private: PrivateFolder) -> dict[str, Any]:
        return {
            "do": "prepare",
            "folder": str(private.path),
            "start_in": str(self.start.folder),
            "statements": [words for words in self.start.statements if words[0] not in self.unfit],
            "installed": list(self.start.installed),
            "denied": sorted(self.start.denied),
            "random_counts": self.start.random_counts,
            "package": self.start.package,
            "prologue": self.start.prologue,
        }

    def _serve(self, lines: Lines) -> None:
        with self._lock:
            if self._connection is not None:  # nobody has closed it meanwhile
                self._kernels = Parent(lines, "fork server", ANSWER)

    # --- kernels -------------------------------------------------------------------------------------------

    def fork(self, argv: Sequence[str], folder: str, environ: Mapping[str, str], stdout: int, stderr: int) -> Child:
        """A new kernel, once it is known whether there can be one. ``argv``: behind the program; ``environ``: variables
        beside the server's. Raises ``NoFork``."""
        order = {"do": "fork", "argv": list(argv), "folder": folder, "environ": dict(environ)}
        self._settled.wait()
        if module := shadows(_importable(folder), self.loaded):
            raise Shadowed(f"{folder} has a module of its own named {module}")
        if self._kernels is None or self._closed:
            raise NoFork("the fork server is gone")
        try:
            return self._kernels.start(order, [stdout, stderr])
        except NotAnswered as reason:
            self._closed = True  # its kernels may go on, but there will be no more
            raise NoFork(str(reason)) from reason
        except NotStarted as reason:
            raise NoFork(str(reason)) from reason

    # --- going ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End it, with all its kernels. Safe from any thread, at any time."""
        with self._lock:
            self._closed = True
        self._settled.set()
        self._end_process()

    def _end_process(self) -> None:
        with self._lock:
            process, self._process = self._process, None
            connection, self._connection = self._connection, None
            private, self._private = self._private, None
            kernels = self._kernels
        if kernels is not None:
            kernels.close()
        elif connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes who reads it
            connection.close()
        if process is not None:
            if kernels is None:  # it may be deep in an import
                process.kill()
                kill_family(self._mark)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ANSWER)
            process.release()
        if private is not None:
            private.remove()


def _importable(folder: str) -> Iterator[str]:
    """Names in a folder that an import could mean."""
    with contextlib.suppress(OSError):
        for path in Path(folder).iterdir():
            if path.suffix in (".py", ".pyc", ".so") or (path / "__init__.py").exists():
                yield path.name


def works_here() -> bool:
    """Whether this system has what a fork server needs."""
    return sys.platform == "linux"
