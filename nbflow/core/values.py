"""What the value of a parameter may be: a JSON value, for it travels as text; and how that text is read and
written."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that YAML takes only as escapes."""


def typed(text: str) -> Any:
    """A value as papermill's ``-p`` reads it: True, False, None, a whole number, a number, else the text."""
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        # JSON has no infinities; such a word stays a text.
        return value if math.isfinite(value) else text
    return text


def text_of(value: Any) -> str:
    """A JSON value on one line of YAML: JSON, but that YAML takes ``1e-05`` for a text, and ``1.0e-05`` not."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text_of(key)}: {text_of(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(text_of, value)) + "]"
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        digits, e, power = text.partition("e")
        return f"{digits}.0e{power}" if e and "." not in digits else text
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


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
