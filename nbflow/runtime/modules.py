"""Which of the modules that are loaded are local: files of the project, or what lies beside it."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import sysconfig
from typing import TYPE_CHECKING

from . import pickles

if TYPE_CHECKING:
    from . import places

_ahead: list[str] | None = None
"""Modules that were there at the first fork and lie in no folder of installed ones: hardly ever any."""
_is_fork = False


def _before_fork() -> None:
    global _ahead  # noqa: PLW0603
    if _ahead is None:
        paths = sysconfig.get_paths()
        installed = tuple({os.path.join(paths[name], "") for name in ("stdlib", "platstdlib", "purelib", "platlib")})
        files = {name: getattr(module, "__file__", None) for name, module in sys.modules.copy().items()}
        _ahead = [name for name, file in files.items() if isinstance(file, str) and not file.startswith(installed)]


def _after_fork() -> None:
    """This module marks what came later, as the last of those that came before: nobody loads it anew."""
    global _is_fork  # noqa: PLW0603
    _is_fork = True
    if __name__ in sys.modules:
        sys.modules[__name__] = sys.modules.pop(__name__)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


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
    """The modules that may count. In a fork that is not what a server has loaded ahead, all of it installed: to look
    through that would copy the memory that they share."""
    if _is_fork and __name__ in sys.modules:
        with contextlib.suppress(RuntimeError):  # another thread has imported something meanwhile
            late = itertools.takewhile(lambda name: name != __name__, reversed(sys.modules))
            return [*(_ahead or ()), *late]
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
