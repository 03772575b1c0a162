"""All that a kernel has started, also what left its process group: each inherits a mark in its environment.

A child that begins a session of its own (a server, a cluster's daemon) escapes a kill of the group. On Linux the mark
is found in ``/proc``, whoever its parent is by then; elsewhere the group must do. Read ``kernel`` next.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

VARIABLE = "_NBFLOW_KERNEL"
"""Holds the marks of a kernel and of those it runs in, so that a run inside a step goes with the step. No setting."""

ROUNDS = 5
"""A process may start another one while it is being looked for."""


def new_mark() -> str:
    return secrets.token_hex(8)


def marked(environment: Mapping[str, str], mark: str) -> dict[str, str]:
    """An environment by which a kernel and its children are found again."""
    return {**environment, VARIABLE: f"{environment.get(VARIABLE, '')}{mark}."}


def kill_family(mark: str) -> None:
    """Kill all that carry the mark. Safe from any thread, at any time."""
    for _ in range(ROUNDS):
        found = _carriers(mark.encode())
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if not found:
            return


def _carriers(mark: bytes) -> list[int]:
    found = []
    with suppress(OSError), os.scandir("/proc") as processes:  # no such folder elsewhere
        for process in processes:
            with suppress(OSError):  # somebody else's, or gone
                if process.name.isdigit() and mark in Path(process.path, "environ").read_bytes():
                    found.append(int(process.name))
    return found
