"""Imports modules ahead of time, each under watch: what a fork cannot share, or a person would miss, keeps one out.

A module is fit if importing it here and forking is as good as importing it in the kernel. It is unfit if it leaves a
thread, a child process or a socket, prints or warns (that belongs into the output of the cell that imports it), seeds a
random generator, wants more of the shell than a stand-in can give, or changes what later imports depend on. Once an
unfit module is loaded this process is spoilt: the other side starts a new one without it.
"""

from __future__ import annotations

import _thread
import contextlib
import locale
import os
import pickle
import random
import signal
import stat
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

from . import processes, standin

SETTLE = 0.2
"""Seconds that threads and processes of an import may take to end."""

HARMLESS_VARIABLES = frozenset({"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "_RJEM_MALLOC_CONF"})
"""Set by scikit-learn and polars as they are imported: they steer libraries that are loaded by then."""


class Statement(NamedTuple):
    """``import module``, or ``from module import name``."""

    module: str
    name: str

    @property
    def source(self) -> str:
        return f"from {self.module} import {self.name}" if self.name else f"import {self.module}"


class Rules(NamedTuple):
    """What this process alone cannot know."""

    installed: tuple[str, ...]
    """Real paths below which installed modules lie, each with a separator at its end."""
    denied: frozenset[str]
    """Modules that must not be loaded in a process that forks."""
    random_counts: bool
    """Whether some step uses ``random``: rich, for one, draws from it as it is imported."""


class Preloaded(NamedTuple):
    """What came of it."""

    loaded: list[str]
    """Top-level names of all that was loaded."""
    filters: list[Any]
    """Warning filters that imports put in front of a kernel's."""
    registered: list[tuple[str, Callable[..., Any]]]
    """Handlers of the shell's events."""
    unfit: dict[str, str]
    """Module → why it must not be loaded ahead. Not empty: this process is of no use any more."""


def preload(statements: list[Statement], rules: Rules, filters: list[Any], tell: Callable[[str], None]) -> Preloaded:
    """Run the import statements. ``filters``: a kernel's. ``tell`` hears of each module before it is imported."""
    before = set(sys.modules)
    wishes = standin.Wishes()
    unfit: dict[str, str] = {}
    added: list[Any] = []
    with _filters(filters), standin.InPlace(wishes) as place:
        for statement in statements:
            tell(statement.module)
            why, new = _tried(statement, rules, wishes, place)
            added = new + added
            if why:
                unfit[statement.module] = why
    loaded = {name.partition(".")[0] for name in sys.modules.keys() - before}
    return Preloaded(sorted(loaded), added, wishes.registered, unfit)


@contextlib.contextmanager
def _filters(wanted: list[Any]) -> Iterator[None]:
    before = list(warnings.filters)
    set_filters(wanted)
    try:
        yield
    finally:
        set_filters(before)


def set_filters(wanted: list[Any]) -> None:
    """Make these the filters of the process."""
    warnings.resetwarnings()  # tells the part that is written in C
    warnings.filters.extend(wanted)  # type: ignore[attr-defined]  # typed as a sequence, and it is a list


def _tried(statement: Statement, rules: Rules, wishes: standin.Wishes, place: standin.InPlace) -> tuple[str, list[Any]]:
    """Import, and say why that was unfit (``""``: it was not), and which warning filters are new."""
    known, filters = set(sys.modules), list(warnings.filters)
    before = {what: look() for what, look in STATE.items()}
    environ, descriptors, said = dict(os.environ), _descriptors(), _said()
    drawn, numpy, alive = random.getstate(), _numpy_state(), _alive()
    wishes.noted.clear()
    failure = _imported(statement)
    new = list(warnings.filters)
    new = new[: len(new) - len(filters)] if new[len(new) - len(filters) :] == filters else new
    reasons = [
        failure,
        _denied(known, rules),
        _local(known, rules),
        f"it asks the shell for {wishes.noted[0]}" if wishes.noted else "",
        "it holds on to the shell" if place.is_held() else "",
        "it prints as it is imported" if _said() != said else "",
        living(alive),
        _open(descriptors),
        _variables(environ),
        "it seeds numpy's random generator" if numpy is not None and _numpy_state() != numpy else "",
        "it filters warnings of others" if any(map(_filters_others, new)) else "",
        "it draws from the random generator" if rules.random_counts and random.getstate() != drawn else "",
        *(f"it changes {what}" for what, look in STATE.items() if look() != before[what]),
    ]
    return next(filter(None, reasons), ""), new


def _imported(statement: Statement) -> str:
    """Import as a cell would. A module that is not there is no trouble: the cell will find that out too."""
    show, shown = warnings.showwarning, list[str]()

    def note(message: Any, *_: Any, **__: Any) -> None:
        shown.append(type(message).__name__)

    warnings.showwarning = note
    try:
        exec(statement.source, {"__name__": "__main__"})  # noqa: S102 - checked to be two dotted names
    except ImportError:
        pass
    except BaseException as error:
        return f"{type(error).__name__} as it is imported"
    finally:
        changed = warnings.showwarning is not note
        warnings.showwarning = show
    if changed:
        return "it changes how warnings are shown"
    return f"it warns as it is imported ({shown[0]})" if shown else ""


# --- what makes a module unfit -------------------------------------------------------------------------


def _denied(known: set[str], rules: Rules) -> str:
    found = sorted(rules.denied & (sys.modules.keys() - known))
    return f"it loads {found[0]}, which does not bear a fork" if found else ""


def _local(known: set[str], rules: Rules) -> str:
    """Modules that a person may edit: they belong to the kernel alone."""
    for name in sys.modules.keys() - known:
        file = getattr(sys.modules.get(name), "__file__", None)
        if not isinstance(file, str) or file.startswith(rules.installed):
            continue
        if not os.path.realpath(file).startswith(rules.installed):
            return f"it loads {name}, which is no installed module"
    return ""


class Alive(NamedTuple):
    """What lives beside the main thread of this process."""

    threads: frozenset[str]
    nameless: int
    """Threads that Python knows only by their number."""
    children: frozenset[int]


NOTHING = Alive(frozenset(), 0, frozenset())


def living(before: Alive = NOTHING) -> str:
    """What is alive that was not ``before``, as a clause; ``""``: nothing."""
    deadline = time.monotonic() + SETTLE
    while True:
        now = _alive()
        why = ""
        if now.threads - before.threads:
            why = f"it leaves a thread ({min(now.threads - before.threads)})"
        elif now.nameless > before.nameless:
            why = "it leaves a thread"
        elif now.children - before.children:
            why = "it leaves a process"
        if not why or time.monotonic() > deadline:
            return why
        time.sleep(0.01)


def _alive() -> Alive:
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    return Alive(
        frozenset(thread.name for thread in others),
        _thread._count() - len(others),
        frozenset(processes.children() or ()),
    )


def _descriptors() -> dict[str, str]:
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found[name] = os.readlink(f"/proc/self/fd/{name}")
    return found


def _open(before: dict[str, str]) -> str:
    """Kernels would share its state, that of a file too: where in it they read. Only devices and folders may stay
    open."""
    for name, target in _descriptors().items():
        if before.get(name) != target:
            with contextlib.suppress(OSError):
                mode = os.fstat(int(name)).st_mode
                if not (stat.S_ISCHR(mode) or stat.S_ISDIR(mode)):
                    return f"it leaves a descriptor ({target.partition(':')[0]})"
    return ""


def _variables(before: dict[str, str]) -> str:
    now = dict(os.environ)
    changed = [name for name in {*before, *now} if before.get(name) != now.get(name)]
    named = sorted(name for name in changed if name not in HARMLESS_VARIABLES)
    return f"it sets the environment variable {named[0]}" if named else ""


def _filters_others(entry: Any) -> bool:
    """Whether a filter is for more than one message, one module, or a category of one's own."""
    _, message, category, module, _ = entry
    return message is None and module is None and category.__module__ == "builtins"


def _said() -> tuple[int, int]:
    """Where what was printed has come to. Both streams are files."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    return os.fstat(1).st_size, os.fstat(2).st_size


def _numpy_state() -> bytes | None:
    generator = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)
    return None if generator is None else pickle.dumps(generator.get_state())


STATE: dict[str, Callable[[], Any]] = {
    "a signal's handler": lambda: [signal.getsignal(number) for number in signal.valid_signals()],
    "the working folder": os.getcwd,
    "sys.path": lambda: list(sys.path),
    "a hook of the interpreter": lambda: (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook),
    "a stream of the interpreter": lambda: (sys.stdout, sys.stderr, sys.stdin),
    "how deep calls may go": sys.getrecursionlimit,
    "the locale": lambda: locale.setlocale(locale.LC_ALL),
    "temporary files": lambda: getattr(tempfile, "_name_sequence", None),
}
"""What an import must leave as it is, by what a person would call it."""
