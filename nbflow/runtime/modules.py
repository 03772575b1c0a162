"""Which of the modules that are loaded are local: files of the project, or what lies beside it."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from typing import TYPE_CHECKING

from . import pickles

if TYPE_CHECKING:
    from . import places

_newest_ahead = ""
"""In a fork: the newest module that was there already. A server loads nothing local ahead, and to look through what it
has loaded would copy the memory that they share."""


def _note_fork() -> None:
    global _newest_ahead  # noqa: PLW0603
    _newest_ahead = next(reversed(sys.modules))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def local(where: places.Places) -> list[str]:
    """Files of the modules that are loaded and belong to neither an environment nor nbflow."""
    own = (__package__.partition(".")[0], "__main__", "__mp_main__")
    found = set()
    elsewhere: dict[str, bool] = {}
    """Folder → whether nothing in it counts: of thousands of modules hardly any is local, and they share folders."""
    for name in _loaded():
        path = getattr(sys.modules.get(name), "__file__", None)
        if not isinstance(path, str) or not path.endswith(".py"):
            continue
        folder = path.rpartition(os.sep)[0]
        known = elsewhere.get(folder)
        if known is None:
            known = elsewhere[folder] = os.path.isabs(folder) and where.leaves_out(folder)
        if known or name.partition(".")[0] in own:
            continue
        path = os.path.abspath(path)
        if where.counts(path):
            found.add(path)
    return sorted(found)


def _loaded() -> list[str]:
    """The modules that may count."""
    if _newest_ahead in sys.modules:
        with contextlib.suppress(RuntimeError):  # another thread has imported something meanwhile
            return list(itertools.takewhile(lambda name: name != _newest_ahead, reversed(sys.modules)))
    return list(sys.modules.copy())


def referred(local: list[str]) -> list[str]:
    """Those of the local modules that the inputs refer to, by name; ``*`` where an input carries code of its own."""
    found = set()
    for name in pickles.REFERRED:
        file = getattr(sys.modules.get(name), "__file__", None)
        if name.partition(".")[0] == "cloudpickle":
            found.add("*")
        elif isinstance(file, str) and os.path.abspath(file) in local:
            found.add(name)
    return sorted(found)
