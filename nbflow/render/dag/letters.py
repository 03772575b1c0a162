"""Text for a picture: how wide it will be, how to shorten it, and how to keep it text inside XML.

Every letter from a notebook that reaches an SVG passes ``safe`` and then ``escape``. Widths are those of a wide
typeface, since nobody knows which one the reader has: text may come out narrower than its box, never wider.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from nbflow.render.words import clean

# What XML cannot hold, and marks that would turn the text around or hide in it, beyond those that terminals mind.
_UNSAFE = re.compile("[\ufffe\uffff\u061c\u200b\ufeff\U000e0000-\U000e007f]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})

MONO = 0.61
"""Width of a letter of a monospaced typeface, in em."""

_WIDTHS = {
    **dict.fromkeys("iIlj|!.,:;'`", 0.36),
    **dict.fromkeys('frt()[]{}-/\\" *', 0.45),
    **dict.fromkeys("mwMW@%&", 0.95),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 0.74),
}
_OTHER = 0.63
_WIDE = 1.15


def safe(text: str) -> str:
    """One line without control characters and without marks that hide or reverse text."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", clean(text))


def escape(text: str) -> str:
    """The text as character data or an attribute's value."""
    return text.translate(_ENTITIES)


def width(text: str, size: float, *, mono: bool = False) -> float:
    """Pixels that the text takes at this type size."""
    return size * sum(_em(letter, mono) for letter in text)


def cut(text: str, room: float, size: float, *, mono: bool = False, keep: str = "start") -> str:
    """The text, or as much of its start (or ``end``) as fits into ``room`` pixels, with an ellipsis."""
    if width(text, size, mono=mono) <= room:
        return text
    left = room / size - _em("…", mono)
    letters = text if keep == "start" else text[::-1]
    kept = 0
    for letter in letters:
        left -= _em(letter, mono)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…" if keep == "start" else "…" + text[len(text) - kept :].lstrip()


def few(items: Sequence[str], room: float, size: float, most: int = 3) -> str:
    """``df, X, y +3``: as many of the items as there is room for, at least a part of the first."""
    for shown in range(min(most, len(items)), 0, -1):
        more = f" +{len(items) - shown}" if shown < len(items) else ""
        text = ", ".join(items[:shown]) + more
        if width(text, size, mono=True) <= room:
            return text
    more = f" +{len(items) - 1}" if len(items) > 1 else ""
    return cut(items[0], room - width(more, size, mono=True), size, mono=True) + more


@lru_cache(maxsize=4096)
def _em(letter: str, mono: bool) -> float:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    if letter.isascii():
        return MONO if mono else _WIDTHS.get(letter, _OTHER)
    return 0.75
