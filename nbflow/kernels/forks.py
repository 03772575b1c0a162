"""The near side of a fork server: starts it, asks it for kernels, and hears of their ends.

The server is reached over a socket pair that it inherits, by nobody else, and is gone when this side closes. A module
that turns out to be unfit for loading ahead costs a new server without it. ``Forked`` is a kernel's process, with the
part of ``subprocess.Popen`` that Jupyter uses. Read ``forkserver/serve.py`` for the far side.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbflow.kernels.family import VARIABLE, kill_family, marked, new_mark
from nbflow.kernels.folders import PrivateFolder
from nbflow.kernels.guardian import GUARDIAN

FAR_SIDE = Path(__file__).parent / "forkserver"

_BOOT = """\
import importlib, importlib.util, sys
if sys.path[:1] == [""]: del sys.path[0]
folder, descriptor, name = sys.argv[1], int(sys.argv[2]), "_nbflow_forkserver"
spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules[name] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
importlib.import_module(name + ".serve").main(descriptor)
"""

LARGEST = 1 << 17
"""Bytes of a message."""

SILENCE = 60.0

ANSWER = 10.0
"""Seconds that a server may take to answer."""

RESTARTS = 3

OWN = ("JPY_", VARIABLE)
"""Variables that begin so differ from kernel to kernel, and nothing that is loaded ahead reads them."""


class NoFork(Exception):
    """There is no fork to be had; the message says why."""


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
    package: tuple[str, str, str] | None = None
    """A package that is no part of any path: its name, its folder, and the module in it to load."""

    def fits(self, command: Sequence[str], environ: Mapping[str, str]) -> bool:
        """Whether a kernel that is to be started so may be a fork of this."""
        return tuple(command) == self.command and _counted(environ) == _counted(self.environ)


def _counted(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(OWN)}


class Forked:
    """The process of a forked kernel."""

    stdin = stdout = stderr = None

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.has_left_orphans = True
        """Whether some process that a kernel has started may have outlived it."""
        self._server = server
        self._ended = threading.Event()
        self._released = False

    def ended(self, status: int, orphans: bool = True) -> None:
        """The server says so."""
        if not self._ended.is_set():
            self.returncode, self.has_left_orphans = status, orphans
            self._ended.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status. Raises ``subprocess.TimeoutExpired``."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(f"kernel {self.pid}", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if not self._released and self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def release(self) -> None:
        """It is over, or is to be: its number may be another process's from now on."""
        if not self._released:
            self._released = True
            self._server.release(self.pid)


@dataclass
class _Question:
    """One question for a kernel, and its answer."""

    answered: threading.Event = field(default_factory=threading.Event)
    kernel: Forked | None = None
    why: str = "the fork server is gone"
    given_up: bool = False


class ForkServer:
    """A fork server and the kernels that came from it. ``prepare`` may take seconds; the rest is quick and may be
    called from any thread. ``silence``: seconds that one module may take to be imported."""

    def __init__(self, start: Start, silence: float = SILENCE) -> None:
        self.start = start
        self._silence = silence
        self.loaded: frozenset[str] = frozenset()
        """Top-level names of the modules that are loaded ahead."""
        self.unfit: dict[str, str] = {}
        """Modules that could not be loaded ahead → why."""
        self._mark = new_mark()
        self._lock = threading.Lock()
        self._kernels: dict[int, Forked] = {}
        self._questions: list[_Question] = []
        """In their order, which is that of the answers."""
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._private: PrivateFolder | None = None
        self._up = False
        self._served = False
        """Whether it has ever been up: before that nothing but itself has to be ended."""
        self._closed = False

    @property
    def is_up(self) -> bool:
        """Whether it can be asked for kernels."""
        return self._up

    # --- coming up -----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Start it and have it load what it should. Raises ``NoFork`` where it cannot be of use."""
        for _ in range(RESTARTS + 1):
            try:
                connection, private = self._launch()
                self.loaded = self._loaded(connection, private)
            except _Unfit as found:
                self._end_process()
                self.unfit.update(found.modules)
            except (NoFork, OSError):
                self._end_process()
                raise
            else:
                self._serve(connection)
                return
        raise NoFork(f"too much of what is to be loaded ahead does not bear a fork: {', '.join(self.unfit)}")

    def _launch(self) -> tuple[socket.socket, PrivateFolder]:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far, self._lock:
            if self._closed:
                near.close()
                raise NoFork("the run is over")
            self._connection, self._private = near, PrivateFolder.make()
            command = [*self.start.command, "-c", _BOOT, str(FAR_SIDE), str(far.fileno())]
            environ = {**marked(self.start.environ, self._mark), "JPY_PARENT_PID": str(os.getpid())}
            with (self._private.path / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environ, cwd="/",
                    pass_fds=[far.fileno()], start_new_session=True,
                )  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.close()
        GUARDIAN.watch(self._process.pid, self._mark)
        return near, self._private

    def _loaded(self, connection: socket.socket, private: PrivateFolder) -> frozenset[str]:
        """Have it load all that it should; the names of what it has loaded. Raises ``_Unfit`` and ``NoFork``."""
        module = ""
        connection.settimeout(self._silence)
        try:
            _send(connection, self._order(private))
            while told := _received(connection):
                match told:
                    case {"told": "loading"}:
                        module = told["module"]
                    case {"told": "ready"}:
                        connection.settimeout(None)
                        return frozenset(told["loaded"])
                    case {"told": "useless"} if told["unfit"]:
                        raise _Unfit(told["unfit"])
                    case _:
                        raise NoFork(told["why"])
            why = "it ends the process"
        except TimeoutError:
            why = f"it takes longer than {self._silence:g} s"
        except OSError:
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
        }

    def _serve(self, connection: socket.socket) -> None:
        """It is ready: listen to it. From now on it hears at once when this process dies, and must not be killed
        before it has killed what is below it."""
        assert self._process is not None
        GUARDIAN.release(self._process.pid, self._mark)
        self._served = self._up = True
        threading.Thread(target=self._listen, args=(connection,), name="nbflow fork server", daemon=True).start()

    # --- kernels -------------------------------------------------------------------------------------------

    def fork(self, argv: Sequence[str], folder: str, environ: Mapping[str, str], stdout: int, stderr: int) -> Forked:
        """A new kernel. ``argv``: behind the program; ``environ``: variables beside the server's. Raises ``NoFork``."""
        order = {"do": "fork", "argv": list(argv), "folder": folder, "environ": dict(environ)}
        question = _Question()
        with self._lock:
            if not self._up or self._connection is None:
                raise NoFork("the fork server is gone")
            self._questions.append(question)
            try:
                _send(self._connection, order, [stdout, stderr])
            except OSError as error:
                self._questions.remove(question)
                raise NoFork(error.strerror or str(error)) from error
        question.answered.wait(ANSWER)
        with self._lock:
            question.given_up = not question.answered.is_set()
            if question.given_up:
                self._up = False  # its kernels may go on, but there will be no more
                raise NoFork(f"the fork server did not answer within {ANSWER:g} s")
        if question.kernel is None:
            raise NoFork(question.why)
        return question.kernel

    def release(self, pid: int) -> None:
        """See ``Forked.release``."""
        with self._lock:
            self._kernels.pop(pid, None)
            self._send_release(pid)

    def _send_release(self, pid: int) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                _send(self._connection, {"do": "release", "pid": pid})

    def _listen(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while told := _received(connection):
                self._hear(told)
        self._lost()

    def _hear(self, told: Mapping[str, Any]) -> None:
        with self._lock:
            if told["told"] == "ended":
                if kernel := self._kernels.get(told["pid"]):
                    kernel.ended(told["status"], told["orphans"])
                return
            question = self._questions.pop(0)
            if told["told"] == "failed":
                question.why = told["why"]
            elif question.given_up:
                self._send_release(told["pid"])
            else:
                question.kernel = self._kernels[told["pid"]] = Forked(self, told["pid"])
            question.answered.set()

    def _lost(self) -> None:
        """The server is gone, and its kernels with it."""
        with self._lock:
            self._up = False
            kernels, self._kernels = list(self._kernels.values()), {}
            questions, self._questions = self._questions, []
        for kernel in kernels:
            kernel.ended(-signal.SIGKILL)
        for question in questions:
            question.answered.set()

    # --- going ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End it, with all its kernels. Safe from any thread, at any time."""
        with self._lock:
            self._closed, self._up = True, False
        self._end_process()

    def _end_process(self) -> None:
        with self._lock:
            process, self._process = self._process, None
            connection, self._connection = self._connection, None
            private, self._private = self._private, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes who reads it
            connection.close()
        if process is not None:
            if not self._served:  # it may be deep in an import
                process.kill()
                kill_family(self._mark)
            try:
                process.wait(ANSWER)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            GUARDIAN.release(process.pid, self._mark)
        if private is not None:
            private.remove()


def _send(connection: socket.socket, message: Mapping[str, Any], descriptors: Iterable[int] = ()) -> None:
    data = json.dumps(message).encode()
    if descriptors := list(descriptors):
        socket.send_fds(connection, [data], descriptors)
    else:
        connection.send(data)


def _received(connection: socket.socket) -> dict[str, Any]:
    """The next message; empty where the other side is gone."""
    found: dict[str, Any] = json.loads(connection.recv(LARGEST) or b"{}")
    return found


def works_here() -> bool:
    """Whether this system has what a fork server needs."""
    return sys.platform == "linux"
