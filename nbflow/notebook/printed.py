"""What the cells of an executed notebook said, as lines of text: for a person who wants to see the end of it.

Pictures and widgets have no lines. What it gives is what user code printed, so whoever shows it makes it safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def last_lines(cells: Iterable[Mapping[str, Any]], count: int) -> list[str]:
    """The last lines that the cells printed and showed, errors left out. ``cells``: mappings with ``outputs``."""
    text = "".join(_text(output) for cell in cells for output in cell.get("outputs") or ())
    lines = text.rstrip().splitlines()
    return lines[-count:] if count else []


def _text(output: Mapping[str, Any]) -> str:
    if output.get("output_type") == "stream":
        return _joined(output.get("text"))
    data = output.get("data")
    if isinstance(data, Mapping) and "text/plain" in data:
        return f"{_joined(data['text/plain'])}\n"
    return ""


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")
