"""What a step was seen to read and to write, through Python's audit hook.

The hook may not raise, may do no input or output of its own but for the names in a listed folder, and costs
next to nothing while no step is watched. What native code opens comes from ``readers.py``; what counts is
decided at the end, by ``places.py``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from . import digests, places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_TRUNC | os.O_CREAT
_REMOVALS = frozenset({"os.remove", "os.rmdir", "os.truncate", "os.mkdir"})
_MOVES = frozenset({"os.rename", "os.link", "os.symlink"})
_LISTINGS = frozenset({"os.listdir", "os.scandir"})
_EVENTS = _REMOVALS | _MOVES | _LISTINGS | {"open", "sqlite3.connect"}

NOT_THE_USERS = ("<frozen importlib", "<frozen zipimport")
NOT_THE_USERS_FILES = tuple(
    os.sep + name
    for name in (
        os.path.join("importlib", "metadata", "__init__.py"),
        os.path.join("importlib_metadata", "__init__.py"),
        os.path.join("importlib", "_bootstrap_external.py"),
        os.path.join("pkg_resources", "__init__.py"),
        "pkgutil.py",
        "linecache.py",
        "tokenize.py",
        "inspect.py",
        "site.py",
    )
)
"""Code that reads folders and sources to find modules or to show lines of them, never data."""

CLOCK_SLACK = 50_000_000
"""Nanoseconds by which a file system's clock may lag behind the process's."""

_own = threading.local()
_current: list[Watch] = []
"""The watch that is on, if any. A list, for the hook looks here at every event of the whole process."""
_installed: list[bool] = []
_ahead: list[bool] = []
"""Whether the watch that is on was started ahead."""


class Watch:
    """What was seen since ``start``. Paths are absolute, links not resolved, in the order first seen."""

    def __init__(self) -> None:
        self.reads: dict[str, None] = {}
        self.writes: dict[str, None] = {}
        self.made: dict[str, None] = {}
        """Folders that the step made."""
        self.databases: dict[str, None] = {}
        self.listings: dict[str, list[str]] = {}
        """Folder → the names in it when it was first listed."""
        self.started = time.time_ns()

    # --- fed by the hook and by the wrapped readers

    def read(self, path: str) -> None:
        if path not in self.writes:
            self.reads[path] = None

    def wrote(self, path: str) -> None:
        self.writes[path] = None

    def listed(self, folder: str) -> None:
        if folder not in self.listings and folder not in self.made:
            with contextlib.suppress(OSError):
                self.listings[folder] = os.listdir(folder)

    # --- asked at the end

    def read_files(self, where: places.Places) -> list[str]:
        """Files read and not written before, that are still there."""
        return sorted(
            path for path in {*self.reads, *self._only_tried()} if where.counts(path) and os.path.isfile(path)
        )

    def _only_tried(self) -> list[str]:
        """Files opened for writing that nobody wrote since the start: the attempt failed, they may have been read."""
        return [path for path in list(self.writes) if os.path.exists(path) and not self._is_changed(path)]

    def written_files(self, where: places.Places) -> list[str]:
        """Files written, and databases opened, that are there and changed since the start."""
        written = {*self.writes, *self.databases}
        return sorted(p for p in written if where.counts(p) and os.path.isfile(p) and self._is_changed(p))

    def _is_changed(self, path: str) -> bool:
        try:
            return os.stat(path).st_ctime_ns >= self.started - CLOCK_SLACK
        except OSError:
            return False

    def read_folders(self, where: places.Places) -> dict[str, str]:
        """Folder → digest of the names found, those that the step made itself and nbflow's own left out."""
        found = {}
        own = {*self.writes, *self.made}
        for folder, names in sorted(self.listings.copy().items()):
            if where.counts(folder) and folder not in self.made and os.path.isdir(folder):
                kept = [n for n in names if n not in places.LEFT_OUT and os.path.join(folder, n) not in own]
                found[folder] = digests.digest_bytes("\n".join(sorted(kept)).encode("utf-8", "surrogateescape"))
        return found


def start(*, ahead: bool = False, since: int | None = None) -> Watch:
    """Begin to watch this process; an earlier watch ends, but for one that was started ``ahead`` of what it is for: it
    goes on. ``since``: nanoseconds of the time from which that began, if it was before this call."""
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    goes_on = bool(_ahead and _current)
    _ahead[:] = [True] if ahead else []
    if not goes_on:
        _current[:] = [Watch()]
    elif since is not None:
        _current[0].started = since
    return _current[0]


def stop() -> None:
    """End watching. The hook itself cannot be taken out; it returns at once from now on."""
    _current.clear()
    _ahead.clear()


@contextlib.contextmanager
def unseen() -> Iterator[None]:
    """What this thread does inside is the runtime's own and not the step's."""
    before = getattr(_own, "busy", False)
    _own.busy = True
    try:
        yield
    finally:
        _own.busy = before


def note(kind: str, path: str) -> None:
    """Report a file or folder that native code is about to ``read``, ``wrote`` or ``listed``. Never raises."""
    if not _current or getattr(_own, "busy", False):
        return
    _own.busy = True
    try:
        with contextlib.suppress(Exception):  # a report must not fail the user's call
            getattr(_current[0], kind)(os.path.abspath(path))
    finally:
        _own.busy = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS or not _current or getattr(_own, "busy", False):
        return
    _own.busy = True
    try:
        with contextlib.suppress(Exception):  # nothing that goes wrong here may reach the user's code
            _take(_current[0], event, arguments)
    finally:
        _own.busy = False


def _take(watch: Watch, event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path = _absolute(arguments[0])
        if path is not None:
            _opened(watch, path, arguments[2] or 0)
    elif event in _LISTINGS:
        folder = _absolute("." if arguments[0] is None else arguments[0])
        if folder is not None and not _is_machinery():
            watch.listed(folder)
    elif event == "sqlite3.connect":
        _connected(watch, os.path.abspath(_database(os.fsdecode(arguments[0]))))
    elif event in _MOVES:
        _moved(watch, event, arguments)
    elif event == "os.mkdir":
        path = _absolute(arguments[0], arguments[-1])
        if path is not None and not os.path.lexists(path):
            watch.made[path] = None
    else:
        path = _absolute(arguments[0], -1 if event == "os.truncate" else arguments[-1])
        if path is not None:
            watch.wrote(path)


def _opened(watch: Watch, path: str, flags: int) -> None:
    if not flags & _WRITES:
        if not _is_machinery():
            watch.read(path)
        return
    if flags & os.O_EXCL and os.path.lexists(path):
        return  # this open will fail, and what is there stays
    if flags & os.O_RDWR and not flags & os.O_TRUNC:
        watch.read(path)
    watch.wrote(path)


def _connected(watch: Watch, path: str) -> None:
    """A database may be read and written by what follows; a new one is only written."""
    watch.databases[path] = None
    (watch.read if os.path.lexists(path) else watch.wrote)(path)


def _moved(watch: Watch, event: str, arguments: tuple[Any, ...]) -> None:
    source, target = _absolute(arguments[0], arguments[2]), _absolute(arguments[1], arguments[-1])
    if event == "os.rename" and source is not None:
        watch.wrote(source)
    if target is not None:
        watch.wrote(target)


def _absolute(path: Any, descriptor: int = -1) -> str | None:
    """A path as an absolute text; ``None`` for a descriptor, or a path relative to one."""
    if isinstance(path, int):
        return None
    text = os.fsdecode(path)
    return None if descriptor >= 0 and not os.path.isabs(text) else os.path.abspath(text)


def _database(name: str) -> str:
    return name[len("file:") :].partition("?")[0] if name.startswith("file:") else name


def _is_machinery() -> bool:
    """Whether the code that opened or listed is the import system or its like."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    name = "" if frame is None else frame.f_code.co_filename
    return name.startswith(NOT_THE_USERS) or name.endswith(NOT_THE_USERS_FILES)
