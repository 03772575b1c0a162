"""Amounts as people write them: ``8GiB``, ``500M``, ``1.5``; and spans of time: ``30d``, ``12h``.

One reader serves the ``--resources`` of a step and the settings, so that both mean the same number of bytes.
It knows units, not resources; read ``declare`` next for where steps ask for amounts.
"""

from __future__ import annotations

import math
import re

from nbflow.errors import UsageError

UNITS: dict[str, int] = {
    "": 1,
    "B": 1,
    "k": 10**3,
    "kB": 10**3,
    "M": 10**6,
    "MB": 10**6,
    "G": 10**9,
    "GB": 10**9,
    "T": 10**12,
    "TB": 10**12,
    "Ki": 2**10,
    "KiB": 2**10,
    "Mi": 2**20,
    "MiB": 2**20,
    "Gi": 2**30,
    "GiB": 2**30,
    "Ti": 2**40,
    "TiB": 2**40,
}

SPANS: dict[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}

_NUMBER_AND_UNIT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]*)\s*", re.ASCII)


def parse_amount(text: str) -> float:
    """``"8GiB"`` → 8589934592.0, ``"2"`` → 2.0. Memory is in bytes; upper and lower case count (``m`` is no ``M``).

    Raises ``UsageError`` for anything else, negative numbers included.
    """
    found = _NUMBER_AND_UNIT.fullmatch(text)
    if found is None:
        raise UsageError(f"'{text}' is not an amount", _FIX)
    number, unit = found.groups()
    if unit not in UNITS:
        near = [known for known in UNITS if known.casefold() == unit.casefold()]
        guess = f" Did you mean '{number}{near[0]}'?" if near else ""
        raise UsageError(f"'{text}' is not an amount: the unit '{unit}' is not known.{guess}", _FIX)
    amount = float(number) * UNITS[unit]
    if not math.isfinite(amount):
        raise UsageError(f"'{text}' is too big an amount", _FIX)
    return amount


_FIX = "Write a number such as 2 or 0.5, or one with a unit: k, M, G, T (powers of 1000), KiB, MiB, GiB, TiB."


def parse_span(text: str) -> float:
    """``"30d"`` → 2592000.0 seconds. Raises ``UsageError`` for anything else, a number without a unit included."""
    found = _NUMBER_AND_UNIT.fullmatch(text)
    if found is None or found[2] not in SPANS:
        raise UsageError(f"'{text}' is not a span of time", f"Write one such as 30d; units: {', '.join(SPANS)}.")
    return float(found[1]) * SPANS[found[2]]
