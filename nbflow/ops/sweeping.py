"""What killed runs have left behind: folders of their kernels and of their attempts, and their locks.

A run that ends by itself, however it ends, leaves nothing. Whether the owner is dead is told by a lock of the operating
system, never by a process number or an age, so two runs at once do not disturb each other.
"""

from __future__ import annotations

from contextlib import suppress

from nbflow.errors import StoreError
from nbflow.journal import bury, dead_runs
from nbflow.project import Project


def sweep(project: Project) -> None:
    """Clear away after the runs of this project that were killed, as far as that is allowed. One look at a folder
    where there are none."""
    dead = dead_runs(project.root)
    if not dead:
        return
    from nbflow.kernels import folders

    folders.sweep()
    for run in dead:
        with suppress(StoreError, OSError):  # the next run tries again
            bury(project.root, run, lambda name: project.store.remove_workspaces(f"{name}-"))
