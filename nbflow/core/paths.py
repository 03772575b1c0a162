"""When two declared paths meet: equal, one inside what the other stands for, or both matched by one file.

A declared path stands for what it names and all below it: a file, a folder, or everything a glob matches. Pure text:
paths are posix, from the project root or absolute, and nothing looks at a disk. ``*``, ``?`` and ``[…]`` stay within
one folder, ``**`` alone between slashes crosses folders. ``name_sets`` compares single names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Generic, TypeVar

from nbflow.core.name_sets import ANY, names_meet, outcomes

_GLOB = re.compile(r"[*?\[]")
_DEEP = "**"

Parts = tuple[str, ...]
T = TypeVar("T")


def from_root(folder: str, path: str) -> str:
    """A path as written in a notebook in ``folder``, seen from the project root; a trailing ``/`` is kept."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    if joined.startswith("//"):
        joined = joined[1:]
    return joined + "/" if path.endswith("/") and not joined.endswith("/") else joined


def is_glob(path: str) -> bool:
    return _GLOB.search(path) is not None


def is_outside(path: str) -> bool:
    """Whether a path from the root does not lie below it."""
    return path.startswith(("/", "../")) or path in ("..", ".", "./")


def matches(pattern: str, path: str) -> bool:
    """Whether a file (a path without meaning to its ``*`` and ``[``) belongs to what a declared path stands for."""
    if not is_glob(pattern):
        return _lies_in(path, pattern)
    aligned = _aligned(pattern, path)
    return aligned is not None and _covers((*aligned[0], _DEEP), tuple(_quoted(part) for part in aligned[1]))


def covers(outer: str, inner: str) -> bool:
    """Whether all that ``inner`` stands for belongs to what ``outer`` stands for."""
    if not is_glob(outer) and not is_glob(inner):
        return _lies_in(inner, outer)
    aligned = _aligned(outer, inner)
    return aligned is not None and _covers((*aligned[0], _DEEP), aligned[1])


def takes(pattern: str, path: str) -> bool:
    """Whether a file that lies at a path is one of a declared output's. Other than ``matches``, as the disk is
    searched for outputs: a ``*`` takes no hidden name, and a glob nothing below what it matches."""
    folder = pattern.endswith("/")
    if is_glob(pattern):
        return not folder and _takes(_parts(pattern), _parts(path))  # with a / at its end it finds folders alone
    return path.startswith(pattern) if folder else f"{path}/".startswith(f"{pattern}/")


def _takes(pattern: Parts, path: Parts) -> bool:
    if not pattern or not path:
        return not path and all(part == _DEEP for part in pattern)
    hidden = path[0].startswith(".")
    if pattern[0] == _DEEP:
        return _takes(pattern[1:], path) or (not hidden and _takes(pattern, path[1:]))
    shown = not hidden or pattern[0].startswith(".")
    return shown and fnmatchcase(path[0], pattern[0]) and _takes(pattern[1:], path[1:])


def meet(a: str, b: str) -> bool:
    """Whether some file may belong to both."""
    if not is_glob(a) and not is_glob(b):
        return _lies_in(a, b) or _lies_in(b, a)
    aligned = _aligned(a, b)
    return aligned is not None and _meet((*aligned[0], _DEEP), (*aligned[1], _DEEP))


def _lies_in(inner: str, outer: str) -> bool:
    inner, outer = inner.rstrip("/"), outer.rstrip("/")
    if inner == outer or inner.startswith(outer + "/"):
        return True
    if not outer.startswith("..") and outer != ".":
        return False
    aligned = _aligned(outer, inner)
    return aligned is not None and aligned[1][: len(aligned[0])] == aligned[0]


# --- paths as sequences of names -------------------------------------------------------------------------


def _aligned(a: str, b: str) -> tuple[Parts, Parts] | None:
    """Both paths as names below one folder; ``None`` where one is absolute and the other is not."""
    if a.startswith("/") != b.startswith("/"):
        return None
    parts = [_parts(a), _parts(b)]
    ups = [sum(1 for part in each if part == "..") for each in parts]
    top = max(ups)
    # From the folder that lies `top` levels above the root, a path goes down through folders whose names are unknown.
    first, second = (
        (*(f"\0{level}" for level in range(top, up, -1)), *each[up:]) for each, up in zip(parts, ups, strict=True)
    )
    return first, second


@lru_cache(maxsize=4096)
def _parts(path: str) -> Parts:
    return tuple([part for part in path.split("/") if part not in ("", ".")])


def _quoted(name: str) -> str:
    """A name as a pattern that matches it alone."""
    return re.sub(r"[*?\[]", lambda m: f"[{m[0]}]", name)


@lru_cache(maxsize=4096)
def _meet(a: Parts, b: Parts) -> bool:
    """Whether some sequence of names is matched by both."""
    if not a or not b:
        return all(part == _DEEP for part in (*a, *b))
    if a[0] == _DEEP:
        return _meet(a[1:], b) or _meet(a, b[1:])
    if b[0] == _DEEP:
        return _meet(a, b[1:]) or _meet(a[1:], b)
    return names_meet(a[0], b[0]) and _meet(a[1:], b[1:])


@lru_cache(maxsize=4096)
def _covers(outer: Parts, inner: Parts) -> bool:
    """Whether every sequence of names that ``inner`` matches is matched by ``outer``: a walk over the places that one
    may have reached in ``inner``, each with all places that may have been reached in ``outer``."""
    start = (0, _closed(outer, {0}))
    waiting, seen = [start], {start}
    while waiting:
        at, places = waiting.pop()
        if len(inner) in _closed(inner, {at}) and len(outer) not in places:
            return False
        for then, name in _moves(inner, at):
            going = sorted(place for place in places if place < len(outer))
            patterns = tuple([ANY if outer[place] == _DEEP else outer[place] for place in going])
            for matched in outcomes(name, patterns):
                reached = {
                    place if outer[place] == _DEEP else place + 1 for i, place in enumerate(going) if i in matched
                }
                state = (then, _closed(outer, reached))
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
    return True


def _closed(parts: Parts, places: Iterable[int]) -> frozenset[int]:
    """These places and all that a ``**`` lets one reach without a name."""
    found: set[int] = set()
    for place in places:
        at = place
        found.add(at)
        while at < len(parts) and parts[at] == _DEEP:
            at += 1
            found.add(at)
    return frozenset(found)


def _moves(parts: Parts, at: int) -> Iterator[tuple[int, str]]:
    """Where one name leads from a place: the next place, and the pattern of the name."""
    for place in _closed(parts, {at}):
        if place < len(parts):
            deep = parts[place] == _DEEP
            yield (place if deep else place + 1), (ANY if deep else parts[place])


# --- many paths at once ----------------------------------------------------------------------------------


class PathIndex(Generic[T]):
    """Declared paths with a value each, which finds those that may meet another path without asking all of them."""

    def __init__(self, items: Iterable[tuple[str, T]]) -> None:
        self._at: dict[str, list[tuple[str, T]]] = {}
        self._below: dict[str, list[tuple[str, T]]] = {}
        self._elsewhere: list[tuple[str, T]] = []
        for path, value in items:
            self.add(path, value)

    def add(self, path: str, value: T) -> None:
        item = (path, value)
        stem = plain_part(path)
        if not stem or stem.startswith(".."):
            self._elsewhere.append(item)
            return
        self._at.setdefault(stem, []).append(item)
        for folder in _folders(stem):
            self._below.setdefault(folder, []).append(item)

    def meeting(self, path: str) -> list[tuple[str, T]]:
        """All that meet ``path``."""
        stem = plain_part(path)
        if not stem or stem.startswith(".."):
            found = [item for items in self._at.values() for item in items]
        else:
            found = [item for folder in _folders(stem) for item in self._at.get(folder, ())]
            found += self._at.get(stem, ())
            found += self._below.get(stem, ())
        return [item for item in (*found, *self._elsewhere) if meet(item[0], path)]


def plain_part(path: str) -> str:
    """The part of a path above its first name with a glob."""
    parts = path.split("/")
    plain = next((i for i, part in enumerate(parts) if is_glob(part)), len(parts))
    stem = "/".join(parts[:plain]).rstrip("/")
    return "" if stem == "." else stem


def _folders(path: str) -> Iterator[str]:
    """The folders that a path lies in, from the top."""
    at = path.find("/", 1)
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)
