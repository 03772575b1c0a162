"""What a person wants to see of an error: their own frames, not those of the tools that ran the cell."""

from __future__ import annotations

import re
from collections.abc import Iterable

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TOOL = re.compile(r"(?:File )?\S*(?:IPython/core|ipykernel|nbflow/runtime)(?:/\w+)+\.py\b")

LONGEST_LINE = 500
"""Characters of the one line that says what went wrong."""

LONGEST_FRAME = 100_000
"""Characters of one part of a traceback; longer ones come from values that print themselves whole."""


def own_frames(traceback: Iterable[str]) -> list[str]:
    """A traceback as IPython makes it, a text per frame, without the frames of IPython, ipykernel and nbflow."""
    return [_shortened(part) for part in traceback if not _is_tool(part)]


def one_line(name: str, value: str) -> str:
    """``ValueError: bad``, from an error's name and its text."""
    first = next((line.strip() for line in _COLOUR.sub("", value).splitlines() if line.strip()), "")
    line = f"{name}: {first}" if first else name
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _is_tool(part: str) -> bool:
    return _TOOL.match(_COLOUR.sub("", part[:2000]).lstrip().replace("\\", "/")) is not None


def _shortened(part: str) -> str:
    if len(part) <= LONGEST_FRAME:
        return part
    half = LONGEST_FRAME // 2
    return f"{part[:half]}\n… {len(part) - 2 * half} characters left out …\n{part[-half:]}"
