"""Finds out what a kernel is like when its first cell comes, by starting one in a throw-away fork.

What ``IPKernelApp.initialize`` loads, which variables it sets and which warnings it filters differs from version to
version, so it is asked rather than known. The fork sees no configuration of the user's, serves nobody and is gone in
the end.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import importlib.util
import os
import pickle
import re
import select
import signal
import sys
import time
import traceback
import warnings
from typing import Any, NamedTuple

PATIENCE = 30.0
"""Seconds that a kernel may take to come up."""


class Kernel(NamedTuple):
    """A kernel as its first cell finds it."""

    modules: list[tuple[str, str | None]]
    """Those that it loads as it starts, in their order, and where each comes from."""
    environ: dict[str, str]
    """The variables that it sets."""
    filters: list[Any]
    """``warnings.filters``."""
    patterns: list[tuple[Any, int]]
    """Regular expressions that it compiles by its first cell, with their flags."""
    looks: dict[str, dict[str, str]]
    """Module that looks through all that are loaded → names and files of those that it finds."""


def rehearse(folder: str) -> Kernel:
    """Start a kernel in a fork; ``folder`` is for its files. Raises ``RuntimeError`` where it does not come up."""
    before, known = dict(os.environ), set(sys.modules)
    with contextlib.suppress(Exception):  # will be loaded in any case, and takes long: here, so that it is done once
        importlib.import_module("ipykernel.kernelapp")
    source, sink = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(source)
            with os.fdopen(sink, "wb") as report:
                pickle.dump(_started(folder, before, known), report)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(sink)
    try:
        return Kernel(*pickle.loads(_read(source, time.monotonic() + PATIENCE)))
    except (EOFError, pickle.UnpicklingError):
        raise RuntimeError("a kernel does not come up in a fork") from None
    finally:
        os.close(source)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def has_startup_code() -> bool:
    """Whether a kernel runs code of the person's before the first cell: it may change what imports depend on."""
    from IPython.core.application import ENV_CONFIG_DIRS, SYSTEM_CONFIG_DIRS
    from IPython.paths import get_ipython_dir

    folders = (os.path.join(get_ipython_dir(), "profile_default"), *ENV_CONFIG_DIRS, *SYSTEM_CONFIG_DIRS)
    patterns = ("startup/*.py", "startup/*.ipy", "ipython_config.*", "ipython_kernel_config.*")
    found = [path for folder in folders for each in patterns for path in glob.glob(f"{glob.escape(folder)}/{each}")]
    return bool(found) or os.path.isfile(os.environ.get("PYTHONSTARTUP", ""))


def load(modules: list[tuple[str, str | None]]) -> None:
    """Import the modules of a kernel. Those that are found only once others are loaded have a second turn.

    What would come from elsewhere here is left out: debugpy brings a pydevd of its own, whatever else is installed."""
    for _ in range(2):
        for name, origin in modules:
            above = name.rpartition(".")[0]
            if name in sys.modules or (above and above not in sys.modules):
                continue
            try:
                spec = importlib.util.find_spec(name)
                if spec is not None and spec.origin == origin:
                    importlib.import_module(name)
            except Exception:  # noqa: S112 - a kernel will load it, or do without as this one did
                continue


def _origin(name: str) -> str | None:
    return getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)


def warm(patterns: list[tuple[Any, int]]) -> None:
    """Do what no kernel needs to do anew: compile regular expressions, which Python keeps, and set up OpenSSL's random
    generator, which knows a fork and reseeds itself."""
    for pattern, flags in patterns:
        with contextlib.suppress(Exception):
            re.compile(pattern, flags)
    if "ssl" in sys.modules:
        sys.modules["ssl"].RAND_bytes(1)


def _started(
    folder: str, before: dict[str, str], known: set[str]
) -> tuple[list[tuple[str, str | None]], dict[str, str], list[Any], list[tuple[Any, int]], dict[str, dict[str, str]]]:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ours = {"IPYTHONDIR": os.path.join(folder, "ipython")}
    os.environ.update(ours)
    from ipykernel.kernelapp import IPKernelApp

    connection, sockets = os.path.join(folder, "r.json"), os.path.join(folder, "r")
    options = ["-f", connection, "--IPKernelApp.transport=ipc", f"--IPKernelApp.ip={sockets}"]
    kernel: Any = IPKernelApp.instance()
    kernel.initialize([*options, "--HistoryManager.enabled=False"])
    loaded = [(name, _origin(name)) for name in list(sys.modules) if name not in known]
    environ = {name: value for name, value in os.environ.items() if {**before, **ours}.get(name) != value}
    filters = list(warnings.filters)
    with contextlib.suppress(Exception):  # whatever it does with a cell before that runs
        kernel.shell.transform_cell("x = (1,\n     'a')  # words\n")
    compiled = getattr(re, "_cache", {})
    return loaded, environ, filters, [key[1:] for key in compiled if len(key) == 3], _looks(kernel)


def _looks(kernel: Any) -> dict[str, dict[str, str]]:
    """What the parts of a kernel have seen of ``sys.modules``, but for what is ours."""
    own, folder = __name__.partition(".")[0], os.path.join(os.path.dirname(__file__), "")
    files = getattr(kernel.kernel, "_kernel_modules", [])
    names = getattr(kernel.shell, "_sys_modules_keys", ())
    looks = {
        "ipykernel.ipkernel": {file: file for file in files if not file.startswith(folder)},
        "IPython.core.shellapp": {name: "" for name in names if name.partition(".")[0] != own},
    }
    return {name: found for name, found in looks.items() if found}


def _read(source: int, deadline: float) -> bytes:
    found = b""
    while select.select([source], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(source, 1 << 16)
        if not part:
            return found
        found += part
    raise EOFError
