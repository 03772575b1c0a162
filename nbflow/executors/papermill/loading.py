"""Loads papermill, which takes a while: it is done with the first attempt, once.

Most of that while went into grammars for one kind of web address (``jsonschema`` builds them where JupyterLab is
installed), which no notebook is checked for.
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType

GRAMMARS = "rfc3987_syntax"
"""``jsonschema`` does without it where it is missing."""

_lock = threading.Lock()


def load_client() -> ModuleType:
    """The module ``client``, loaded."""
    with _lock:
        spare = GRAMMARS not in sys.modules and "jsonschema" not in sys.modules
        if spare:
            sys.modules[GRAMMARS] = None  # type: ignore[assignment]  # how Python is told that there is no such module
        try:
            from nbflow.executors.papermill import client
        finally:
            if spare:
                del sys.modules[GRAMMARS]
    return client
