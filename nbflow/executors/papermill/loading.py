"""Loads papermill, which takes a while: it is done with the first attempt, once.

Most of that while went into what is of no use here: grammars for one kind of web address (``jsonschema`` builds them
where JupyterLab is installed), which no notebook is checked for; and in a process that is nbflow's own, where nobody
else will miss them, other kinds of text, and the stores of clouds that papermill can read notebooks from.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

GRAMMARS = ("rfc3987_syntax",)
"""``jsonschema`` does without these where they are missing."""

FORMATS = ("isoduration", "rfc3986_validator")
"""So it does without these."""

STORES = ("azure", "boto3", "gcsfs", "github", "pyarrow")
"""``papermill`` does."""

_lock = threading.Lock()


def load_client() -> ModuleType:
    """The module ``client``, loaded."""
    with _lock, _without(_useless()):
        from nbflow.executors.papermill import client
    return client


def _useless() -> list[str]:
    is_own = "nbflow.ui.cli" in sys.modules
    checks = (*GRAMMARS, *FORMATS) if is_own else GRAMMARS
    names = [*(checks if "jsonschema" not in sys.modules else ()), *(STORES if is_own else ())]
    return [name for name in names if name not in sys.modules]


@contextlib.contextmanager
def _without(modules: list[str]) -> Iterator[None]:
    """Meanwhile Python is told that there are no such modules."""
    for name in modules:
        sys.modules[name] = None  # type: ignore[assignment]  # so it is told
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
