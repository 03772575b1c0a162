"""A few words for a person about a value: its type, its size, its dtype.

It may not call the value's own code beyond what arrays and frames of known libraries offer, and never
raises. The words go into records and tables; nothing depends on them.
"""

from __future__ import annotations

import contextlib
from typing import Any

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
