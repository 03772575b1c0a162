"""When two declared paths meet: equal, one inside the other's folder, or one matched by the other's glob.

Pure text: paths are posix, relative to the project root (or absolute), and nothing looks at a disk. ``*`` and ``?``
stay within one folder, ``**`` crosses folders, a path that ends in ``/`` is a folder with all below it.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

GLOB = re.compile(r"[*?\[]")


def from_root(folder: str, path: str) -> str:
    """A path as written in a notebook in ``folder``, seen from the project root; a trailing ``/`` is kept."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    return joined + "/" if path.endswith("/") and not joined.endswith("/") else joined


def is_glob(path: str) -> bool:
    return GLOB.search(path) is not None


def covers(outer: str, inner: str) -> bool:
    """Whether all that ``inner`` stands for lies in what ``outer`` stands for (globs: as far as their text tells)."""
    if outer == inner:
        return True
    if outer.endswith("/"):
        folder = outer if outer != "./" else ""
        return inner.startswith(folder) if not is_glob(outer) else matches(outer + "**", inner.rstrip("/"))
    if is_glob(outer) and not inner.endswith("/"):
        return matches(outer, inner)
    return False


def meet(a: str, b: str) -> bool:
    """Whether some file may belong to both."""
    if covers(a, b) or covers(b, a):
        return True
    if not is_glob(a) and not is_glob(b):
        return False
    return _parts_meet(tuple(_parts(a)), tuple(_parts(b)))


def matches(pattern: str, path: str) -> bool:
    """Whether a path is matched by a glob (``**`` crosses folders)."""
    return _regex(pattern).fullmatch(path) is not None


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[str]:
    out = []
    i = 0
    while i < len(pattern):
        if pattern.startswith("**/", i):
            out.append("(?:.*/)?")
            i += 3
        elif pattern.startswith("**", i):
            out.append(".*")
            i += 2
        elif pattern[i] == "*":
            out.append("[^/]*")
            i += 1
        elif pattern[i] == "?":
            out.append("[^/]")
            i += 1
        elif pattern[i] == "[" and (end := pattern.find("]", i + 2)) > 0:
            body = pattern[i + 1 : end].replace("\\", "\\\\")
            out.append(f"[^{body[1:]}]" if body.startswith("!") else f"[{body}]")
            i = end + 1
        else:
            out.append(re.escape(pattern[i]))
            i += 1
    return re.compile("".join(out), re.DOTALL)


def _parts(path: str) -> list[str]:
    parts = path.rstrip("/").split("/")
    return [*parts, "**"] if path.endswith("/") else parts


@lru_cache(maxsize=4096)
def _parts_meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    if not a or not b:
        return all(p == "**" for p in (*a, *b))
    if a[0] == "**":
        return _parts_meet(a[1:], b) or _parts_meet(a, b[1:])
    if b[0] == "**":
        return _parts_meet(a, b[1:]) or _parts_meet(a[1:], b)
    return _names_meet(a[0], b[0]) and _parts_meet(a[1:], b[1:])


@lru_cache(maxsize=4096)
def _names_meet(a: str, b: str) -> bool:
    """Whether some name matches both; a ``[…]`` set is taken for any character."""
    if not a or not b:
        return not (a + b).replace("*", "")
    if a[0] == "*":
        return _names_meet(a[1:], b) or _names_meet(a, _rest(b))
    if b[0] == "*":
        return _names_meet(a, b[1:]) or _names_meet(_rest(a), b)
    wild = a[0] in "?[" or b[0] in "?["
    return (wild or a[0] == b[0]) and _names_meet(_rest(a), _rest(b))


def _rest(text: str) -> str:
    if text[0] == "[" and (end := text.find("]", 2)) > 0:
        return text[end + 1 :]
    return text[1:]
