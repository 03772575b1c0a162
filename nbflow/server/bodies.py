"""What a request says: its JSON, and the values by name in it, each of the kind that is expected.

A server is asked by programs that may be wrong. Whatever does not fit is refused with its name and what is expected;
nothing is guessed and nothing is left unread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from nbflow.errors import UsageError, did_you_mean

LARGEST = 64 * 1024 * 1024
"""Bytes of a body: a notebook with pictures in it may be large."""

MOST_RUNS = 1000

_LAST = 2**53
"""The largest number that every program which speaks JSON knows."""


class Body:
    """The values that a request brings, by name. Raises ``UsageError`` for all that is not as it should be."""

    def __init__(self, data: bytes, known: Iterable[str]) -> None:
        if len(data) > LARGEST:
            raise UsageError(f"The request is larger than {LARGEST // 1024**2} MiB.", "Leave the outputs out.")
        try:
            values = json.loads(data.decode("utf-8"), parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise UsageError("The body of the request is not JSON.") from None
        if not isinstance(values, dict):
            raise UsageError("The body of the request is not a JSON object.")
        for name in values.keys() - set(known):
            raise UsageError(f"The request has no '{name}'.{did_you_mean(name, known)}")
        self._values: Mapping[str, Any] = values

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise UsageError(f"'{name}' must be a text.")
        return value

    def number(self, name: str) -> int:
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LAST:
            raise UsageError(f"'{name}' must be a number from 1.")
        return value

    def flag(self, name: str) -> bool:
        """False where nothing is said."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise UsageError(f"'{name}' must be true or false.")
        return value

    def texts(self, name: str) -> list[str]:
        """None where nothing is said."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise UsageError(f"'{name}' must be a list of texts.")
        return value

    def values(self, name: str) -> dict[str, Any]:
        """None where nothing is said."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise UsageError(f"'{name}' must be an object.")
        return value

    def notebook(self) -> bytes | None:
        """The notebook as it stands in the editor, as the content of a file; ``None`` where none is given."""
        value = self._values.get("notebook")
        if value is None:
            return None
        try:
            return json.dumps(value).encode()
        except RecursionError:
            raise UsageError("'notebook' is nested too deeply.") from None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


class Query:
    """The same for what stands behind the ``?`` of an address."""

    def __init__(self, arguments: Mapping[str, list[bytes]]) -> None:
        self._arguments = arguments

    def text(self, name: str) -> str:
        values = self._arguments.get(name, [])
        if len(values) != 1:
            raise UsageError(f"'{name}' must be given, once.")
        try:
            return values[0].decode("utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"'{name}' must be a text in UTF-8.") from None

    def number(self, name: str, default: int, most: int = _LAST) -> int:
        if name not in self._arguments:
            return default
        return whole_number(self.text(name), name, most)


def whole_number(text: str, name: str, most: int = _LAST) -> int:
    """Raises ``UsageError`` for anything but digits."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise UsageError(f"'{name}' must be a whole number, at most {most}.")
    return int(text)
