"""Notebooks and outputs as values of nbformat, which papermill and nbclient insist on.

This loads nbformat; import it only where a notebook is about to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nbformat

_library: Any = nbformat  # Its functions carry no types.


def as_node(value: Any) -> Any:
    """A notebook, a cell or an output as nbformat's value; a copy."""
    return _library.from_dict(value)


def empty_notebook() -> Any:
    """A notebook without cells."""
    return _library.v4.new_notebook()


def output_in(message: Mapping[str, Any]) -> Any:
    """The output that a kernel's message shows, None for messages that show nothing."""
    try:
        return _library.v4.output_from_msg(message)
    except ValueError:
        return None
