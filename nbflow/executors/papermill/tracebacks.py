"""What a person wants to see of an error: their own frames, not those of the tools that ran the cell."""

from __future__ import annotations

import re
from collections.abc import Iterable

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TOOL = re.compile(r"(?:File )?\S*(?:IPython/core|ipykernel|nbflow/runtime)(?:/\w+)+\.py\b")

_LEAVES_OUT = re.compile(r"An exception has occurred, use %tb\b")
"""What IPython says in the place of the frames of an exit; nobody can follow the advice in a run."""

HINTS = {
    "SystemExit": "a step may not exit: to end it early use `if`, to fail it raise an error",
    "StdinNotImplementedError": "nobody can answer in a run: use a parameter or an environment variable",
}
"""Errors that mean something else in a run than by hand → what to do about them."""

CLEARED = "the step has cleared all names (%reset does), nbflow's own with them: leave it out, a step begins with none"

LONGEST_LINE = 500
"""Characters of the one line that says what went wrong."""

LONGEST_FRAME = 100_000
"""Characters of one part of a traceback; longer ones come from values that print themselves whole."""

MOST_FRAMES = 60
"""Parts of a traceback; more come from code that calls itself."""


def own_frames(traceback: Iterable[str]) -> list[str]:
    """A traceback as IPython makes it, a text per frame, without the frames of IPython, ipykernel and nbflow."""
    own = [shortened(part) for part in traceback if not _is_tool(part) and not _LEAVES_OUT.match(part)]
    if len(own) > MOST_FRAMES:
        half = MOST_FRAMES // 2
        own[half:-half] = [f"… {len(own) - 2 * half} frames left out …\n"]
    return own


def one_line(name: str, value: str) -> str:
    """``ValueError: bad``, from an error's name and its text, with a hint where a run calls for one."""
    if name == "NameError" and "'__nbflow__'" in value:
        return CLEARED
    hint = HINTS.get(name)
    return f"{_named(name, value)} ({hint})" if hint else _named(name, value)


def _named(name: str, value: str) -> str:
    first = next((line.strip() for line in _COLOUR.sub("", value).splitlines() if line.strip()), "")
    line = f"{name}: {first}" if first else name
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _is_tool(part: str) -> bool:
    return _TOOL.match(_COLOUR.sub("", part[:2000]).lstrip().replace("\\", "/")) is not None


def shortened(part: str) -> str:
    """A text that is not longer than a frame may be."""
    if len(part) <= LONGEST_FRAME:
        return part
    half = LONGEST_FRAME // 2
    return f"{part[:half]}\n… {len(part) - 2 * half} characters left out …\n{part[-half:]}"
