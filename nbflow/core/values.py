"""What the value of a parameter may be: a JSON value, for it travels as text."""

from __future__ import annotations

import math
from typing import Any


def fault_of(value: Any) -> str:
    """Why a notebook parameter cannot have this value, as what is said of it; ``""`` where it can."""
    if isinstance(value, dict):
        wrong = next((key for key in value if not isinstance(key, str)), None)
        if wrong is not None:
            return f"has a key that is no text ({wrong!r})"
        return next(filter(None, map(fault_of, value.values())), "")
    if isinstance(value, list):
        return next(filter(None, map(fault_of, value)), "")
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return ""
    return f"is a {type(value).__name__}, which a notebook parameter cannot be"
