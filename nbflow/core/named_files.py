"""The files that code names by literals and constant paths, as far as they are known without running.

``named_files`` puts path expressions together (``D = Path("data")``, ``D / "x.parquet"``) and says where they lead from
the project root. Whether anything is there is not asked here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from nbflow.core import paths
from nbflow.core.model import PathExpr

_DEEPEST = 20
_LONGEST = 1024


def named_files(expressions: Iterable[PathExpr], constants: Mapping[str, PathExpr], folder: str) -> dict[str, str]:
    """Path from the project root → the text it comes from, for a notebook in ``folder``. Globs are left out."""
    found: dict[str, str] = {}
    for expression in expressions:
        text = evaluate(expression, constants)
        if text and len(text) < _LONGEST and "\0" not in text and "\n" not in text:
            where = paths.from_root(folder, text)
            if where not in (".", "/", "..", "./") and not paths.is_glob(where):
                found.setdefault(where, text)
    return found


def evaluate(expression: PathExpr, constants: Mapping[str, PathExpr], depth: int = 0) -> str | None:
    """The text of a path expression, ``None`` where it is not known."""
    if depth > _DEEPEST:
        return None
    kind = expression[0]
    if kind == "str":
        return str(expression[1])
    if kind == "name":
        known = constants.get(expression[1])
        return evaluate(known, constants, depth + 1) if known is not None else None
    left = evaluate(expression[1], constants, depth + 1)
    right = evaluate(expression[2], constants, depth + 1)
    if left is None or right is None:
        return None
    return posixpath.join(left, right) if kind == "join" else left + right
