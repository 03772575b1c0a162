"""Write a file whole or not at all, so that a kill at any instant leaves the old one or the new one.

Used for executed copies, executed slices and fixed notebooks. It knows nothing of what it writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbflow.disk.whole import scratch, write_new


def write_json(path: Path, notebook: Mapping[str, Any]) -> None:
    """Write a notebook as Jupyter does: UTF-8, indented by 1, a newline at the end. Raises ``OSError``."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Lone surrogates can come out of a kernel; no UTF-8 file can hold them.
    write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, data: bytes, mode: int | None = None) -> None:
    """Put ``data`` in the place of the file, through a temporary file beside it. ``mode``: permissions, the usual ones
    of a new file where none are given. Raises ``OSError``."""
    with scratch(path.parent) as temporary:
        write_new(temporary, data, 0o666)
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
