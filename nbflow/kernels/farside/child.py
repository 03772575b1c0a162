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
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple, NoReturn

from . import arguments, environment, preload, processes


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


class Heritage(NamedTuple):
    """What the server knows of its kernels. A fork looks through nothing that it shares with the server: to count one
    more reference to an object copies the page of memory that it lies in."""

    filters: list[Any]
    registered: list[tuple[str, Callable[..., Any]]]
    """What the modules loaded ahead have asked for."""
    prologue: Any
    """Code that comes before the first cell, in no cell's sight."""
    ahead: Callable[[], object] | None
    """What each kernel calls before its first cell. Where that fails there is no kernel."""
    own: list[str]
    """Modules that are the server's alone."""
    reader: Any
    """Of command lines, see ``arguments``."""
    looks: dict[str, dict[str, str]]
    """Module that looks through all that are loaded as a kernel starts → names and files of those that it finds."""


def run(order: Order, heritage: Heritage) -> None:
    """Be a kernel to its end."""
    _forget_server(order.argv, heritage.own)
    _draw_afresh()
    from ipykernel.kernelapp import IPKernelApp

    gc.disable()  # what comes now stays: to look through it again and again takes a third of the time
    kernel: Any = IPKernelApp.instance()
    before = next(reversed(sys.modules))
    with _looking_at(heritage.looks), arguments.reading_with(heritage.reader, kernel):
        kernel.initialize()
    if "IPython.core.shellapp" in heritage.looks:
        kernel.shell._sys_modules_keys.update(_since(before))  # startup files of the person's have loaded them
    gc.enable()
    # As if the modules had been imported now, in the first cell.
    preload.set_filters([*heritage.filters, *warnings.filters])
    for event, handler in heritage.registered:
        kernel.shell.events.register(event, handler)
    _spare_search(kernel.kernel)
    with contextlib.suppress(Exception):  # as good as it goes: it must not cost the kernel
        exec(heritage.prologue, {"get_ipython": lambda: kernel.shell})  # noqa: S102
    if heritage.ahead is not None:
        heritage.ahead()
    newest = next(reversed(sys.modules))
    kernel.start()
    leave(newest)


@contextlib.contextmanager
def _looking_at(looks: dict[str, dict[str, str]]) -> Iterator[None]:
    """ipykernel keeps from a debugger what is loaded as it starts, and IPython keeps that when it resets all: what a
    kernel loads, whatever is loaded ahead here."""
    modules = [sys.modules[name] for name in looks if name in sys.modules]
    for module in modules:
        module.sys = _Sys(looks[module.__name__])  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.sys = sys  # type: ignore[attr-defined]


class _Sys:
    """``sys``, with other modules in it."""

    def __init__(self, files: dict[str, str]) -> None:
        self.__dict__["modules"] = {name: types.SimpleNamespace(__file__=file) for name, file in files.items()}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(sys, name, value)


def _spare_search(kernel: Any) -> None:
    """At its end ipykernel looks through all processes of the machine for those that it has to end: not where there
    are none."""
    search = getattr(kernel, "_process_children", None)
    if search is not None:
        kernel._process_children = lambda: [] if processes.children() == [] else search()


def leave(newest: str) -> NoReturn:
    """End as an interpreter does, but for what this process shares with the server: taking that apart would copy all
    of its memory. ``newest``: the last of the modules that are shared."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    for module in [sys.modules[name] for name in reversed(_since(newest))]:
        if isinstance(module, types.ModuleType):
            module.__dict__.clear()
    gc.collect()
    for item in gc.get_objects():  # what somebody still holds, and never closed
        if isinstance(item, _io._IOBase):  # not `io.IOBase`, which asks each class anew
            with contextlib.suppress(Exception):
                item.flush()
    # The library's own exit runs what native code wants done. Holding the lock, so that no thread runs meanwhile.
    ctypes.PyDLL(None).exit(0)
    os._exit(0)


def _since(newest: str) -> list[str]:
    """The modules that were loaded after this one, the newest first; none where it is gone."""
    if newest not in sys.modules:
        return []
    return list(itertools.takewhile(lambda name: name != newest, reversed(sys.modules)))


def _forget_server(argv: list[str], own: list[str]) -> None:
    launcher = importlib.util.find_spec("ipykernel_launcher")
    assert launcher is not None
    main = types.ModuleType("__main__")
    main.__spec__, main.__loader__, main.__package__ = launcher, launcher.loader, ""
    main.__file__ = str(launcher.origin)
    sys.argv = [str(launcher.origin), *argv]
    sys.orig_argv = [sys.executable, "-m", "ipykernel_launcher", *argv]
    for name in own:
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
