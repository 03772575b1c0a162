"""Paths as far as they are known without running: literals, ``D / "x.csv"``, ``os.path.join(D, "x")``, f-strings.

The planner reads files that code names by literals or constant expressions; this module turns such an expression
into a ``PathExpr``. It resolves no names and touches no disk. Read ``expressions`` for where it is asked.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from nbflow.core.model import PathExpr

LONGEST = 255
"""Characters of a literal that may still name a file."""

MOST_PARTS = 40
"""Operands of ``/`` and ``+`` in a path; a longer sum is no path."""

PATH_CLASSES = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "UPath"})
SAME_FILE_METHODS = frozenset({"resolve", "absolute", "as_posix", "__str__", "__fspath__"})
SAME_FILE_FUNCTIONS = frozenset({"abspath", "normpath", "realpath", "fspath", "str"})

NameOf = Callable[[str], "PathExpr | None"]


def may_name_a_file(text: str) -> bool:
    return 0 < len(text) <= LONGEST and "\n" not in text and not text.isspace()


def dotted(node: Any) -> list[str] | None:
    """The words of ``a.b.c``, ``None`` where anything but names and attributes is in it."""
    words: list[str] = []
    while node.__class__ is ast.Attribute:
        words.append(node.attr)
        node = node.value
    if node.__class__ is not ast.Name:
        return None
    words.append(node.id)
    words.reverse()
    return words


def path_of(node: ast.expr, name_of: NameOf) -> PathExpr | None:
    """The path that an expression stands for, ``None`` where it cannot be known without running.

    ``name_of`` says what a bare name stands for: usually ``("name", it)``, ``None`` for a local variable."""
    if isinstance(node, ast.Constant):
        value = node.value
        return ("str", value) if isinstance(value, str) and len(value) <= LONGEST and "\n" not in value else None
    if isinstance(node, ast.Name):
        return name_of(node.id)
    if isinstance(node, ast.BinOp):
        return _of_operator(node, name_of)
    if isinstance(node, ast.JoinedStr):
        return _of_fstring(node, name_of)
    if isinstance(node, ast.Call) and not node.keywords:
        return _of_call(node, name_of)
    return None


def _of_operator(node: ast.BinOp, name_of: NameOf) -> PathExpr | None:
    right: list[tuple[str, ast.expr]] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        how = "join" if isinstance(left.op, ast.Div) else "add" if isinstance(left.op, ast.Add) else ""
        if not how or len(right) == MOST_PARTS:
            return None
        right.append((how, left.right))
        left = left.left
    path = path_of(left, name_of)
    for how, operand in reversed(right):
        part = None if path is None else path_of(operand, name_of)
        if path is None or part is None:
            return None
        path = (how, path, part)
    return path


def _of_fstring(node: ast.JoinedStr, name_of: NameOf) -> PathExpr | None:
    parts: list[PathExpr] = []
    if len(node.values) > MOST_PARTS:
        return None
    for value in node.values:
        part: PathExpr | None
        if isinstance(value, ast.FormattedValue):
            plain = value.format_spec is None and value.conversion in (-1, ord("s"))
            part = path_of(value.value, name_of) if plain else None
        else:
            part = path_of(value, name_of)
        if part is None:
            return None
        parts.append(part)
    return _chain("add", parts)


def _of_call(node: ast.Call, name_of: NameOf) -> PathExpr | None:
    func = node.func
    word = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    if isinstance(func, ast.Attribute):
        if word == "joinpath":
            return _join([func.value, *node.args], name_of)
        if word in SAME_FILE_METHODS and not node.args:
            return path_of(func.value, name_of)
    if word in PATH_CLASSES:
        return _join(node.args, name_of) if node.args else ("str", ".")
    if word == "join" and (dotted(func) or [])[-2:-1] == ["path"] and node.args:
        return _join(node.args, name_of)
    if len(node.args) == 1 and word in SAME_FILE_FUNCTIONS:
        return path_of(node.args[0], name_of)
    return None


def _join(nodes: list[ast.expr], name_of: NameOf) -> PathExpr | None:
    parts = [path_of(node, name_of) for node in nodes]
    if None in parts or len(parts) > MOST_PARTS:
        return None
    return _chain("join", [part for part in parts if part is not None])


def _chain(how: str, parts: list[PathExpr]) -> PathExpr | None:
    if not parts:
        return None
    whole = parts[0]
    for part in parts[1:]:
        whole = (how, whole, part)
    return whole


def has_text(path: PathExpr) -> bool:
    """Whether a literal takes part: ``a / b`` alone is as likely a division."""
    if path[0] == "str":
        return True
    return path[0] != "name" and (has_text(path[1]) or has_text(path[2]))


def folded(path: PathExpr | None, constants: Mapping[str, PathExpr]) -> str | None:
    """The text of a path when ``constants`` are all that is known, else ``None``."""
    if path is None:
        return None
    if path[0] == "str":
        return str(path[1])
    if path[0] == "name":
        rest = {name: value for name, value in constants.items() if name != path[1]}
        return folded(constants.get(path[1]), rest)
    left, right = folded(path[1], constants), folded(path[2], constants)
    if left is None or right is None:
        return None
    return posixpath.join(left, right) if path[0] == "join" else left + right
