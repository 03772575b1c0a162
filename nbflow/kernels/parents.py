"""Processes whose parent is another one: that starts them, and tells of their ends.

``Parent`` is the near side of it, be it the guard or a fork server. ``Child`` is what it has started, with the part of
``subprocess.Popen`` that Jupyter uses.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbflow.kernels.farside.lines import Lines

FAR_SIDE = Path(__file__).parent / "farside"

_BOOT = """\
import importlib, importlib.util, sys
if sys.path[:1] == [""]: del sys.path[0]
folder, module, name = *sys.argv[1:3], "_nbflow_farside"
spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules[name] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
importlib.import_module(name + "." + module).main()
"""


def boot(module: str) -> list[str]:
    """What a Python is given to run a module of the far side, whose standard input is the socket to this side."""
    return ["-c", _BOOT, str(FAR_SIDE), module]


class NotStarted(Exception):
    """There is no such process; the message says why."""


class NotAnswered(NotStarted):
    """Nobody knows whether there will be one; if so, it is ended at once."""


class Child:
    """A process that somebody else has started for us."""

    stdin = stdout = stderr = None

    def __init__(self, parent: Parent, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.has_left_orphans = True
        """Whether some process that it has started may have outlived it."""
        self._parent = parent
        self._ended = threading.Event()
        self._released = False

    def ended(self, status: int, orphans: bool = True) -> None:
        """Its parent says so."""
        if not self._ended.is_set():
            self.returncode, self.has_left_orphans = status, orphans
            self._ended.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status. Raises ``subprocess.TimeoutExpired``."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
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
            self._parent.release(self.pid)


@dataclass
class _Question:
    """One question for a process, and its answer."""

    answered: threading.Event = field(default_factory=threading.Event)
    child: Child | None = None
    why: str = ""
    given_up: bool = False


class Parent:
    """The near side of a process that starts others. Safe from any thread. ``name``: what messages call it;
    ``patience``: seconds that an answer may take."""

    def __init__(self, lines: Lines, name: str, patience: float) -> None:
        self._lines = lines
        self._name = name
        self._patience = patience
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._questions: list[_Question] = []
        """In their order, which is that of the answers."""
        self._is_there = True
        threading.Thread(target=self._listen, name=f"nbflow {name}", daemon=True).start()

    @property
    def is_there(self) -> bool:
        """Whether it can be asked for processes."""
        return self._is_there

    def start(self, order: Mapping[str, Any], streams: Sequence[int]) -> Child:
        """A new process. Raises ``NotStarted``."""
        question = _Question(why=f"the {self._name} is gone")
        with self._lock:
            if not self._is_there:
                raise NotStarted(question.why)
            self._questions.append(question)
            try:
                self._lines.send(dict(order), streams)
            except OSError as error:
                self._questions.remove(question)
                raise NotStarted(error.strerror or str(error)) from error
        question.answered.wait(self._patience)
        with self._lock:
            question.given_up = not question.answered.is_set()
            if question.given_up:
                raise NotAnswered(f"the {self._name} did not answer within {self._patience:g} s")
        if question.child is None:
            raise NotStarted(question.why)
        return question.child

    def release(self, pid: int) -> None:
        """See ``Child.release``."""
        with self._lock:
            self._children.pop(pid, None)
            self._send({"do": "release", "pid": pid})

    def tell(self, message: Mapping[str, Any]) -> None:
        """What wants no answer."""
        with self._lock:
            self._send(message)

    def close(self) -> None:
        """It ends, and all that it has started."""
        with self._lock:
            self._is_there = False
        with contextlib.suppress(OSError):
            self._lines.connection.shutdown(2)  # wakes who reads it
        self._lines.connection.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._lines.send(dict(message))

    def _listen(self) -> None:
        for told in self._lines:
            with self._lock:
                self._hear(told)
        self._lost()

    def _hear(self, told: Mapping[str, Any]) -> None:
        if told["told"] == "ended":
            if child := self._children.get(told["pid"]):
                child.ended(told["status"], told["orphans"])
            return
        question = self._questions.pop(0)
        if told["told"] == "failed":
            question.why = told["why"]
        elif question.given_up:
            self._send({"do": "release", "pid": told["pid"]})
        else:
            question.child = self._children[told["pid"]] = Child(self, told["pid"])
        question.answered.set()

    def _lost(self) -> None:
        """It is gone, and what it has started with it."""
        with self._lock:
            self._is_there = False
            children, self._children = list(self._children.values()), {}
            questions, self._questions = self._questions, []
        for child in children:
            child.ended(-signal.SIGKILL)
        for question in questions:
            question.answered.set()
