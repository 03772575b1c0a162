"""What a page asks before it changes cells: a ``%%step`` line for a plain cell, and cells with another name in them."""

from __future__ import annotations

from functools import partial
from typing import Any

from nbflow.errors import UsageError
from nbflow.ops import editing
from nbflow.server.here import Here

Answer = dict[str, Any]


def proposal(place: Here, draft: bytes | None, cell: int) -> Answer:
    """The answer to ``POST proposal``. Raises ``UsageError``."""
    content = place.file.read_bytes() if draft is None else draft
    made = editing.proposal(partial(place.opened, None, draft), place.name, content, cell)
    return {
        "cell": cell,
        "name": made.name,
        "inputs": list(made.inputs),
        "outputs": list(made.outputs),
        "line": made.line,
    }


def rename(place: Here, draft: bytes | None, kind: str, old: str, new: str) -> Answer:
    """The answer to ``POST rename``. Raises ``UsageError``."""
    if kind not in ("step", "artifact"):
        raise UsageError("'kind' must be step or artifact.")
    with place.opened(None, draft) as project:
        changed = editing.renames(project, place.name, kind, old, new)
    return {"cells": [{"cell": cell, "source": source} for cell, source in sorted(changed.items())]}
