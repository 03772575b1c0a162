"""A few words for a person about a value: its type, its size, its dtype, and the numbers in it.

It may not call the value's own code beyond what arrays and frames of known libraries offer, and never
raises. The words go into records and tables; nothing depends on them.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

MOST_NUMBERS = 100
DEEPEST = 3

SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset)


def describe(value: Any) -> str:
    """For example ``DataFrame 336776 × 19``, ``ndarray 3 × 4 float64``, ``dict 5``, ``Pipeline``."""
    kind = type(value)
    with contextlib.suppress(Exception):  # a broken or unusual value still has a type
        if kind in SIZED:
            return f"{kind.__name__} {len(value)}"
        root = kind.__module__.partition(".")[0]
        if root in ("numpy", "pandas", "polars", "pyarrow", "scipy"):
            return _described_array(value, kind, root)
    return str(kind.__name__)


def _described_array(value: Any, kind: type, root: str) -> str:
    words = ["polars", kind.__name__] if root == "polars" else [kind.__name__]
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape and all(isinstance(n, int) for n in shape):
        words.append(" × ".join(str(n) for n in shape))
    dtype = getattr(value, "dtype", None)
    if dtype is not None and isinstance(shape, tuple) and len(str(dtype)) < 40:
        words.append(str(dtype))
    return " ".join(words)


def numbers(value: Any) -> dict[str, int | float | str]:
    """The numbers of a value that is one, or a dictionary of them, as metrics are: ``{"train.mae": 0.5}``. The name of
    a plain number is ``""``; what JSON cannot hold is in words (``nan``)."""
    found: dict[str, int | float | str] = {}
    with contextlib.suppress(Exception):
        _collect(value, "", 0, found)
    return found


def _collect(value: Any, name: str, depth: int, found: dict[str, int | float | str]) -> None:
    if type(value) is dict:
        for key, inner in value.items() if depth < DEEPEST else ():
            if type(key) in (str, int):
                _collect(inner, f"{name}.{key}" if name else str(key), depth + 1, found)
    elif len(found) < MOST_NUMBERS and (number := _number(value)) is not None:
        found[name] = number if math.isfinite(number) else str(number)


def _number(value: Any) -> int | float | None:
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        value = value.item()
    if type(value) is int:
        return value if abs(value) < 2**63 else None
    return value if type(value) is float else None
