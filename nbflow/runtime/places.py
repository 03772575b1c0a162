"""Which files say something about a step's result, and which belong to the machine it runs on.

Environments, caches, system folders, version control and nbflow's own folders do not count, wherever they
lie; anything inside the project does, unless it is one of these. It looks at paths, not at contents. Read
``watch.py`` for who asks.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LEFT_OUT = frozenset({".git", ".nbflow", "nbflow_runs", "__pycache__", ".ipynb_checkpoints"})
"""Names that never count, neither as files or folders nor in a folder's listing."""

SYSTEM = ("/usr", "/etc", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys", "/dev", "/run", "/var/cache",
          "/System", "/Library")  # fmt: skip
HOME = (".cache", ".config", ".local", ".ipython", ".jupyter", ".matplotlib", ".keras", "Library/Caches",
        "Library/Jupyter", "Library/Application Support")  # fmt: skip
VARIABLES = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR",
             "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "PYTHONPYCACHEPREFIX")  # fmt: skip


class Places:
    """The places that do not count for one project."""

    def __init__(self, project_root: str, own: Iterable[str] = ()) -> None:
        """``own``: folders of nbflow's (runs, store, attempt), absolute."""
        roots = _both(project_root)
        places = MACHINE | _all_both([*_of_home(), *_of_variables(), *own])
        # A place around the whole project (an environment made in its root, a project below /usr) says nothing
        # of what lies in the project.
        around = {place for place in places if any(_below(root).startswith(_below(place)) for root in roots)}
        self._roots = tuple(_below(root) for root in roots)
        self._within_project = tuple(_below(place) for place in places - around)
        self._elsewhere = tuple(_below(place) for place in places)

    def counts(self, path: str) -> bool:
        """Whether an absolute path says something about the result."""
        decided = self._decided(path + os.sep)
        if decided is None:
            decided = self._decided(os.path.realpath(path) + os.sep)
        return decided if decided is not None else LEFT_OUT.isdisjoint(path.split(os.sep))

    def leaves_out(self, folder: str) -> bool:
        """Whether it is plain that nothing in an absolute folder counts."""
        return self._decided(folder + os.sep) is False

    def _decided(self, path: str) -> bool | None:
        for root in self._roots:
            if path.startswith(root):
                rest = path[len(root) :].split(os.sep)
                return LEFT_OUT.isdisjoint(rest) and not path.startswith(self._within_project)
        return False if path.startswith(self._elsewhere) else None


def _below(folder: str) -> str:
    """What the paths of a folder and of all below it begin with, a separator put at their end."""
    return folder if folder.endswith(os.sep) else folder + os.sep


def _both(path: str) -> set[str]:
    """A path as written and with its links resolved."""
    absolute = os.path.abspath(path)
    return {absolute, os.path.realpath(absolute)}


def _all_both(places: Iterable[str]) -> set[str]:
    return {path for place in set(places) if place for path in _both(place)}


def _of_home() -> list[str]:
    home = os.path.expanduser("~")
    return [os.path.join(home, name) for name in HOME] if os.path.isabs(home) else []


def _of_variables() -> list[str]:
    return [path for path in (os.environ.get(name, "") for name in VARIABLES) if os.path.isabs(path)]


def _of_environment() -> list[str]:
    paths = [sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages(), site.getusersitepackages()]
    paths += [
        os.path.join(prefix, name) for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", "lib64", "bin")
    ]
    paths += [os.path.join(sys.prefix, "share"), os.path.join(sys.prefix, "etc"), os.path.join(sys.prefix, "include")]
    return [*paths, *sysconfig.get_paths().values()]


MACHINE = frozenset(_all_both([*SYSTEM, *_of_environment()]))
"""The places that are the same for all steps: found once, which in a fork was ahead."""
