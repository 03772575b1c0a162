"""Sets of names given by patterns (``*.csv``, ``part-[0-9]?``): whether two have a name in common, and which of several
patterns a name may match at once. ``paths`` puts names together to paths.

A pattern is read as a row of tokens; places in the row are what one may have reached. Only the characters that some
pattern tells apart need to be tried, and one more that none of them mentions.
"""

from __future__ import annotations

from functools import lru_cache

ANY = "*"

Token = tuple[str, frozenset[tuple[str, str]]]
"""``("*", …)``; ``("is", ranges)``: one character in the ranges; ``("not", ranges)``: one outside them."""

Places = frozenset[int]


def names_meet(a: str, b: str) -> bool:
    """Whether some name matches both patterns."""
    return frozenset({0}) in outcomes(a, (b,))


@lru_cache(maxsize=4096)
def outcomes(name: str, patterns: tuple[str, ...]) -> frozenset[frozenset[int]]:
    """For every name that the pattern ``name`` matches: the indexes of the ``patterns`` that match it too."""
    rows = [_tokens(name), *(_tokens(p) for p in patterns)]
    letters = _letters(rows)
    start = tuple([_closed(row, {0}) for row in rows])
    waiting = [start]
    seen: set[tuple[Places, ...]] = set()  # a name has a letter, so the start itself is not reached yet
    found: set[frozenset[int]] = set()
    while waiting:
        state = waiting.pop()
        for letter in letters:
            then = tuple([_after(row, places, letter) for row, places in zip(rows, state, strict=True)])
            if then[0] and then not in seen:
                seen.add(then)
                waiting.append(then)
                ends = [len(row) in places for row, places in zip(rows, then, strict=True)]
                if ends[0]:
                    found.add(frozenset([i for i, end in enumerate(ends[1:]) if end]))
    return frozenset(found)


@lru_cache(maxsize=4096)
def _tokens(pattern: str) -> tuple[Token, ...]:
    found: list[Token] = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        end = pattern.find("]", i + 3 if pattern[i + 1 : i + 2] == "!" else i + 2) if char == "[" else -1
        if char == "*":
            found.append(("*", frozenset()))
        elif char == "?":
            found.append(("not", frozenset()))
        elif end > 0:
            inside = pattern[i + 1 : end]
            found.append(("not", _ranges(inside[1:])) if inside[0] == "!" else ("is", _ranges(inside)))
            i = end
        else:
            found.append(("is", frozenset({(char, char)})))
        i += 1
    return tuple(found)


def _ranges(inside: str) -> frozenset[tuple[str, str]]:
    """``a-c_`` → ``a`` to ``c``, and ``_``."""
    found = set()
    i = 0
    while i < len(inside):
        if inside[i + 1 : i + 2] == "-" and i + 2 < len(inside):
            found.add((inside[i], inside[i + 2]))
            i += 3
        else:
            found.add((inside[i], inside[i]))
            i += 1
    return frozenset(found)


def _letters(rows: list[tuple[Token, ...]]) -> list[str]:
    """One character for each way in which the patterns may tell characters apart."""
    edges: set[int] = set()
    for row in rows:
        for _, ranges in row:
            for low, high in ranges:
                edges.update((ord(low), ord(high) + 1))
    candidates = {max(edge - 1, 1) for edge in edges} | edges | {1}
    return [chr(c) for c in sorted(candidates) if c <= 0x10FFFF and chr(c) != "/"] or ["\1"]


def _after(row: tuple[Token, ...], places: Places, letter: str) -> Places:
    found: set[int] = set()
    for place in places:
        if place == len(row):
            continue
        kind, ranges = row[place]
        if kind == "*":
            found.add(place)
        elif any(low <= letter <= high for low, high in ranges) == (kind == "is"):
            found.add(place + 1)
    return _closed(row, found)


def _closed(row: tuple[Token, ...], places: set[int]) -> Places:
    """These places and all that a ``*`` lets one reach without a character."""
    found: set[int] = set()
    for place in places:
        at = place
        found.add(at)
        while at < len(row) and row[at][0] == "*":
            at += 1
            found.add(at)
    return frozenset(found)
