"""What sort of statement a top-level statement is, and the constants that it binds.

Imports, plain definitions and assignments of literals can be left out of a key where nothing reaches them, so this
module is strict: whatever might do something else is ``other``. Reads trees only; ``names`` asks.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable
from typing import Literal

from nbflow.core.model import PathExpr
from nbflow.core.path_calls import PATH_CLASSES, is_content
from nbflow.core.path_expressions import NO_PATH, UNKNOWN, NameOf, path_of
from nbflow.core.words import words

Kind = Literal["import", "def", "class", "literal", "other"]

PLAIN_DECORATORS = words("""
    property staticmethod classmethod abstractmethod cached_property setter getter deleter override overload final
    abstractproperty
    """)
"""Decorators of methods that do nothing but wrap, so that the class stays plain."""


def kind_of(node: ast.stmt) -> Kind:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return "import"
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "other" if node.decorator_list else "def"
    if isinstance(node, ast.ClassDef):
        return "class" if _plain_class(node) else "other"
    if _literal_assignment(node):
        return "literal"
    if isinstance(node, (ast.Try, ast.If)) and _only_imports([node]):
        return "import" if any(isinstance(part, (ast.Import, ast.ImportFrom)) for part in ast.walk(node)) else "other"
    return "other"


def _only_imports(body: Iterable[ast.stmt]) -> bool:
    """Whether these statements import, pass, or assign literals, and do nothing else."""
    for node in body:
        if isinstance(node, ast.If):
            if not _plain_test(node.test) or not _only_imports([*node.body, *node.orelse]):
                return False
        elif isinstance(node, ast.Try):
            if not all(handler.type is None or _plain_test(handler.type) for handler in node.handlers):
                return False
            inner = [statement for handler in node.handlers for statement in handler.body]
            if not _only_imports([*node.body, *inner, *node.orelse, *node.finalbody]):
                return False
        elif not (isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)) or _literal_assignment(node)):
            return False
    return True


def _plain_test(node: ast.expr) -> bool:
    """An expression that only compares names and literals: ``sys.version_info >= (3, 9)``."""
    allowed = (
        ast.Name, ast.Attribute, ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Tuple, ast.Subscript,
        ast.expr_context, ast.boolop, ast.unaryop, ast.cmpop, ast.Slice,
    )  # fmt: skip
    return all(isinstance(part, allowed) for part in ast.walk(node))


def _plain_class(node: ast.ClassDef) -> bool:
    if node.decorator_list or not all(_words(base) for base in (*node.bases, *[k.value for k in node.keywords])):
        return False
    for item in node.body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not all(_last_word(decorator) in PLAIN_DECORATORS for decorator in item.decorator_list):
                return False
        elif isinstance(item, ast.AnnAssign):
            if item.value is not None and not is_literal(item.value):
                return False
        elif isinstance(item, ast.Expr):
            if not isinstance(item.value, ast.Constant):
                return False
        elif not (isinstance(item, ast.Pass) or _literal_assignment(item)):
            return False
    return True


def _words(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, (ast.Name, ast.Constant))


def _last_word(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _literal_assignment(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets) and is_literal(node.value)
    return (
        isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name)
        and is_literal(node.value) and _plain_test(node.annotation)
    )  # fmt: skip


def is_literal(node: ast.expr | None) -> bool:
    """A literal, or a container of literals, or a signed number."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, (ast.USub, ast.UAdd)) and _is_number(node.operand)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(map(is_literal, node.elts))
    return isinstance(node, ast.Dict) and all(map(is_literal, node.keys)) and all(map(is_literal, node.values))


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float, complex))


def assigned(node: ast.stmt) -> tuple[list[str], ast.expr | None]:
    """The plain names that an assignment binds to one value: ``([], None)`` for anything else."""
    if isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return (names, node.value) if len(names) == len(node.targets) else ([], None)
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return [node.target.id], node.value
    return [], None


MAY_ASSIGN = (ast.Assign, ast.AnnAssign, ast.If, ast.Try, ast.With)


def constants(node: ast.stmt, name_of: NameOf, kind: Kind) -> tuple[tuple[str, PathExpr], ...]:
    """The names that a statement binds to a path or text that is known without running, or to an open file. What is
    bound under a condition is marked ``or``: the name may stand for what it stood for before."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        found = [(n, path) for inner in _within(node) for n, path in constants(inner, name_of, "other")]
        return tuple([(name, path if path[0] == "or" else ("or", path)) for name, path in dict.fromkeys(found)])
    if kind == "literal" and not isinstance(node.value, ast.Constant):
        return ()  # ``json_value`` tells
    return _constants(node, name_of)


def _within(node: ast.stmt) -> Iterable[ast.stmt]:
    for field in ("body", "orelse", "handlers", "finalbody"):
        for inner in getattr(node, field, ()):
            if isinstance(inner, MAY_ASSIGN):
                yield inner
            elif isinstance(inner, ast.ExceptHandler):
                yield from [statement for statement in inner.body if isinstance(statement, MAY_ASSIGN)]


def _constants(node: ast.Assign | ast.AnnAssign, name_of: NameOf) -> tuple[tuple[str, PathExpr], ...]:
    names, value = assigned(node)
    pairs = [(name, value) for name in names]
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        if both and len(target.elts) == len(node.value.elts):  # type: ignore[attr-defined]
            pairs = [
                (name.id, part)
                for name, part in zip(target.elts, node.value.elts, strict=True)  # type: ignore[attr-defined]
                if isinstance(name, ast.Name)
            ]
    found = []
    for name, part in pairs:
        path = NO_PATH if is_content(part) else None if part is None else path_of(part, name_of)
        if path is None and _makes_a_path(part):
            path = UNKNOWN
        if path is not None and path != ("name", name):
            found.append((name, path))
    return tuple(found)


def _makes_a_path(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and _last_word(node.func) in PATH_CLASSES


def json_value(node: ast.stmt) -> str:
    """JSON of the value of ``name = literal``, ``""`` where it has none (tuples, sets, bytes, NaN)."""
    names, value = assigned(node)
    if len(names) != 1 or value is None or not is_literal(value):
        return ""
    try:
        return json.dumps(_plain(value), allow_nan=False)
    except (ValueError, TypeError):
        return ""


def _plain(node: ast.expr) -> object:
    """The value of a literal. Raises ``ValueError`` where JSON has no such value."""
    if isinstance(node, ast.Constant):
        if node.value is None or isinstance(node.value, (str, int, float)):
            return node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number):
            return -number if isinstance(node.op, ast.USub) else number
    elif isinstance(node, ast.List):
        return [_plain(element) for element in node.elts]
    elif isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if all(isinstance(key, str) for key in keys):
            return dict(zip(keys, map(_plain, node.values), strict=True))
    raise ValueError("no JSON value")
