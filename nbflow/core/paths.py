"""PLACEHOLDER, to be replaced: the lead's module of this name was overwritten by mistake at 03:31:42 by the NAMES helper.

It held at least ``from_root``, ``is_glob``, ``covers`` and ``meet``. Its source could not be recovered (not in git, no
bytecode), and nothing here guesses at it. The helper's own module is now ``path_expressions``. See /tmp/w/PATHS-OVERWRITTEN.md.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise RuntimeError(
        f"nbflow.core.paths.{name}: this file was overwritten by mistake and must be written again by its owner, the lead "
        "(see /tmp/w/PATHS-OVERWRITTEN.md)"
    )
