"""What a fork does to become a kernel that nobody can tell from one started anew.

It leaves behind what is the server's (session, descriptors, signals, ``__main__``), takes its own folder, streams and
arguments, draws fresh randomness, and runs ipykernel as ``python -m ipykernel_launcher`` would.
"""

from __future__ import annotations

import _io
import atexit
import contextlib
import ctypes
import gc
import importlib.util
import itertools
import os
import signal
import sys
import tempfile
import threading
import types
import warnings
from typing import Any, Callable, NamedTuple, NoReturn

from . import environment, preload, processes


class Order(NamedTuple):
    """What the other side wants the kernel to be like."""

    argv: list[str]
    """Behind the program's name."""
    folder: str
    environ: dict[str, str]
    """Variables that the server has not."""
    streams: list[int]
    """Descriptors to be its stdout and stderr."""


def detach(order: Order, parent: int, descriptors: list[int]) -> None:
    """Become a process of one's own. ``descriptors``: those of the server. Raises ``OSError``."""
    os.setsid()
    processes.die_with_parent(parent)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in descriptors:
        os.close(descriptor)
    _take_streams(order.streams)
    os.chdir(order.folder)
    for name, value in {**order.environ, "JPY_PARENT_PID": str(parent)}.items():
        environment.replace(name, os.environ.get(name, ""), value)
        os.environ[name] = value


def _take_streams(streams: list[int]) -> None:
    """Standard input is at its end, as that of a kernel that Jupyter starts."""
    source, sink = os.pipe()
    os.close(sink)
    for descriptor, number in zip([source, *streams], range(3)):
        os.dup2(descriptor, number)
        os.close(descriptor)


def run(order: Order, filters: list[Any], registered: list[tuple[str, Callable[..., Any]]], prologue: Any) -> None:
    """Be a kernel to its end. ``filters`` and ``registered``: what the modules loaded ahead have asked for;
    ``prologue``: code that comes before the first cell, in no cell's sight."""
    _forget_server(order.argv)
    _draw_afresh()
    from ipykernel.kernelapp import IPKernelApp

    gc.disable()  # what comes now stays: to look through it again and again takes a third of the time
    kernel: Any = IPKernelApp.instance()
    kernel.initialize()
    gc.enable()
    # As if the modules had been imported now, in the first cell.
    preload.set_filters([*filters, *warnings.filters])
    for event, handler in registered:
        kernel.shell.events.register(event, handler)
    _spare_search(kernel.kernel)
    with contextlib.suppress(Exception):  # as good as it goes: it must not cost the kernel
        exec(prologue, {"get_ipython": lambda: kernel.shell})  # noqa: S102
    shared = set(sys.modules)
    kernel.start()
    leave(shared)


def _spare_search(kernel: Any) -> None:
    """At its end ipykernel looks through all processes of the machine for those that it has to end: not where there
    are none."""
    search = getattr(kernel, "_process_children", None)
    if search is not None:
        kernel._process_children = lambda: [] if processes.children() == [] else search()


def leave(shared: set[str]) -> NoReturn:
    """End as an interpreter does, but for what this process shares with the server: taking that apart would copy all
    of its memory. ``shared``: names of the modules that were there at the fork."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    for name, module in sys.modules.copy().items():
        if name not in shared and isinstance(module, types.ModuleType):
            module.__dict__.clear()
    gc.collect()
    for item in gc.get_objects():  # what somebody still holds, and never closed
        if isinstance(item, _io._IOBase):  # not `io.IOBase`, which asks each class anew
            with contextlib.suppress(Exception):
                item.flush()
    # The library's own exit runs what native code wants done. Holding the lock, so that no thread runs meanwhile.
    ctypes.PyDLL(None).exit(0)
    os._exit(0)


def _forget_server(argv: list[str]) -> None:
    launcher = importlib.util.find_spec("ipykernel_launcher")
    assert launcher is not None
    main = types.ModuleType("__main__")
    main.__spec__, main.__loader__, main.__package__ = launcher, launcher.loader, ""
    main.__file__ = str(launcher.origin)
    sys.argv = [str(launcher.origin), *argv]
    sys.orig_argv = [sys.executable, "-m", "ipykernel_launcher", *argv]
    for name in [name for name in sys.modules if name.partition(".")[0] == __name__.partition(".")[0]]:
        del sys.modules[name]
    sys.modules["__main__"] = main
    threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]  # names of threads count from here


def _draw_afresh() -> None:
    """No two kernels may draw the same. ``random`` sees to that itself."""
    tempfile._name_sequence = None  # type: ignore[attr-defined]  # names of temporary files come from it
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "uuid" in sys.modules:
        sys.modules["uuid"]._last_timestamp = None  # type: ignore[attr-defined]
    if "ssl" in sys.modules:
        sys.modules["ssl"].RAND_add(os.urandom(32), 32.0)
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)
