"""How large a store is, as far as one can tell without looking at it: its size when it was counted, and what was added.

So a run that adds little pays nothing for a limit on the store. The number may be lost at any time, and is believed for
a day: then somebody counts again. Two runs that add at the same moment may lose the share of one until then.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from nbflow.disk.whole import scratch
from nbflow.store.stock import size_of_blobs

NAME = "size.json"
BELIEVED = 24 * 3600.0
"""Seconds."""


def grown(root: Path, added: int, now: float) -> int:
    """Bytes that the store holds once ``added`` are in it, counted if need be. ``now``: seconds since the epoch.
    Raises ``OSError``."""
    known = _recall(root / NAME)
    if known is not None and 0 <= now - known[1] < BELIEVED:
        size, counted = known[0] + added, known[1]
    else:
        size, counted = size_of_blobs(root), now
    keep(root, size, counted)
    return size


def keep(root: Path, size: int, counted: float) -> None:
    """Remember the size of the store, and when it was counted. Does nothing where that is not allowed."""
    with suppress(OSError), scratch(root) as temporary:
        temporary.write_text(json.dumps({"size": size, "counted": counted}), encoding="ascii")
        temporary.replace(root / NAME)


def _recall(path: Path) -> tuple[int, float] | None:
    try:
        data = json.loads(path.read_bytes())
        return int(data["size"]), float(data["counted"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
