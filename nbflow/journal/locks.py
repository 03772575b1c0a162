"""Whether a run is alive: it holds a lock of the operating system, which dies with it however it dies.

There is no marker to clean up and no unlock command. A lock on another host may not be visible here, so the answer
has three values. Read ``database`` next for what a run writes while it holds its lock.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from nbflow.disk import flock
from nbflow.errors import JournalError
from nbflow.store.home import home_of, make_private

Liveness = Literal["alive", "gone", "unknown"]

_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_TOKEN = re.compile(r"[0-9a-z]{2,16}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PATIENCE = 1.0
"""Seconds to wait for a lock: one who only asks whether the run is alive holds it for an instant."""


def new_run_id(now: datetime, token: str) -> str:
    """``20261124-153012-k3x9``: sorts by time to the millisecond (``k3``), in UTC. ``now`` has a time zone; ``token``:
    2 to 16 random characters of a-z and 0-9. Raises ``ValueError``."""
    if now.tzinfo is None:
        raise ValueError("the time of a run needs a time zone")
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"{token!r} is not a token of a-z and 0-9")
    high, low = divmod(now.microsecond // 1000, len(_DIGITS))
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{_DIGITS[high]}{_DIGITS[low]}{token}"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds, or held, the lock of a run."""

    pid: int
    host: str
    locked: bool
    """False where the file system has no locks."""


class RunLock:
    """The lock of a run, held from ``with`` to its end by this process alone: children do not inherit it.

    Raises ``JournalError`` where another process holds it, or where it cannot be written."""

    def __init__(self, root: Path, run: str) -> None:
        self._path = _lock_path(root, run)
        self._run = run
        self._descriptor: int | None = None

    def __enter__(self) -> RunLock:
        try:
            make_private(self._path.parent.parent)
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._acquire()
        except OSError as error:
            message = f"the run cannot be recorded: {error.filename or self._path} ({error.strerror})"
            raise JournalError(message, "Make sure that this folder can be written, then run again.") from error
        flock.keep_from_children(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        flock.released(self)
        if self._descriptor is not None:
            with suppress(OSError):
                self._path.unlink()
        self.close()

    def close(self) -> None:
        """Close the file without a word, as the end of the process would."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _acquire(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                locked = flock.try_lock(descriptor, flock.EXCLUSIVE)
                # Whoever held it before us may have removed the file that we opened.
                if locked is not False and _is_at(self._path, descriptor):
                    owner = {"pid": os.getpid(), "host": socket.gethostname(), "locked": locked is True}
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, json.dumps(owner).encode(), 0)
                    self._descriptor, descriptor = descriptor, -1
                    return
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
            if time.monotonic() > deadline:
                raise JournalError(f"run {self._run} is already going on", f"Watch it: nbflow show {self._run}")
            time.sleep(0.02)


def liveness(root: Path, run: str) -> Liveness:
    """Whether a run goes on: ``unknown`` where it was started on another host, or where the file system has no locks.
    Changes nothing; works in a folder that cannot be written."""
    try:
        descriptor = os.open(_lock_path(root, run), os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return "gone"
    except OSError:
        return "unknown"
    try:
        locked = flock.try_lock(descriptor, flock.SHARED)
        if locked is False:
            return "alive"
        owner = lock_owner(root, run)
        elsewhere = owner is not None and not (owner.locked and owner.host == socket.gethostname())
        return "unknown" if elsewhere or locked is None else "gone"
    finally:
        os.close(descriptor)


def lock_owner(root: Path, run: str) -> Owner | None:
    """The process that holds the lock of a run, or held it when it was killed; ``None`` for a run that ended."""
    try:
        data = json.loads(_lock_path(root, run).read_bytes())
        return Owner(int(data["pid"]), str(data["host"]), bool(data["locked"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def interrupt_owner(root: Path, run: str) -> bool:
    """Send the process that holds the lock of a run what Ctrl-C would; ``False`` where none of this host holds it."""
    owner = lock_owner(root, run)
    if owner is None or owner.host != socket.gethostname() or liveness(root, run) != "alive":
        return False
    try:
        if not hasattr(os, "pidfd_open"):
            os.kill(owner.pid, signal.SIGINT)
            return True
        process = os.pidfd_open(owner.pid)
        try:
            # A number may pass to another process; a lock that is still held says that this one is meant.
            if liveness(root, run) != "alive":
                return False
            signal.pidfd_send_signal(process, signal.SIGINT)
        finally:
            os.close(process)
    except ProcessLookupError:
        return False
    return True


def dead_runs(root: Path) -> list[str]:
    """Runs of this host that were killed: their locks are left, and nobody holds them. One look at a folder that is
    empty but for the runs that go on."""
    try:
        runs = sorted(path.stem for path in (home_of(root) / "locks").iterdir() if path.suffix == ".lock")
    except OSError:
        return []
    return [run for run in runs if _RUN.fullmatch(run) and liveness(root, run) == "gone"]


def bury(root: Path, run: str, clear_away: Callable[[str], None]) -> None:
    """Let ``clear_away`` remove what a killed run has left, then its lock. Nothing happens where another process does
    so, or the run is not dead. Raises what ``clear_away`` raises; then the lock stays, and the next one tries."""
    path = _lock_path(root, run)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        # Held to the end: whoever begins a run of that id meanwhile waits, and then takes a lock of its own.
        if flock.try_lock(descriptor, flock.EXCLUSIVE) and _is_at(path, descriptor):
            clear_away(run)
            path.unlink()
    finally:
        os.close(descriptor)


def _lock_path(root: Path, run: str) -> Path:
    if not _RUN.fullmatch(run):
        raise JournalError(f"'{run}' is not the id of a run", "See `nbflow runs` for the runs there are.")
    return home_of(root) / "locks" / f"{run}.lock"


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
