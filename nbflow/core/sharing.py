"""Which objects an expression may hand on: the names whose objects, or parts of them, its value may be or hold.

``cfg = base`` and ``head = frame[:2]`` give an object a second name; ``Adam(model.parameters())`` keeps what it is
given. A change under one name is then a change under the other. Reads trees only; ``statements`` asks at each
assignment.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbflow.core import methods
from nbflow.core.walk import root_of, words_of


def sources(node: ast.expr | None) -> Iterator[str]:
    """The names behind a value, in order of appearance."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        if _is_part(node):
            root, called = root_of(node)
            if root is not None and called != "function":
                yield root
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, (ast.Await, ast.Starred, ast.NamedExpr)):
        yield from sources(node.value)
    elif isinstance(node, ast.IfExp):
        yield from sources(node.body)
        yield from sources(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from sources(value)
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        for element in node.elts:
            yield from sources(element)
    elif isinstance(node, ast.Dict):
        for element in node.values:
            yield from sources(element)


def _of_call(node: ast.Call) -> Iterator[str]:
    words = words_of(node.func)
    if not words:
        return
    if words == ["dict"]:
        for keyword in node.keywords:
            yield from sources(keyword.value)
    if methods.holds_its_arguments(words[-1]):
        for argument in (*node.args, *[k.value for k in node.keywords]):
            yield from sources(argument)
    if isinstance(node.func, ast.Attribute) and not methods.makes_new(words[-1]) and _is_part(node.func.value):
        root, called = root_of(node.func)
        if root is not None and called != "function":
            yield root


def _is_part(node: ast.AST) -> bool:
    """Whether every step from the name to here leads to a part of the object: not ``df[df.x > 0]``, ``xs.copy()``."""
    while True:
        cls = node.__class__
        if cls is ast.Name:
            return True
        if cls is ast.Subscript:
            if not _is_view(node.slice):  # type: ignore[attr-defined]
                return False
            node = node.value  # type: ignore[attr-defined]
        elif cls is ast.Attribute or cls is ast.Await:
            node = node.value  # type: ignore[attr-defined]
        elif cls is ast.Call:
            node = node.func  # type: ignore[attr-defined]
            if node.__class__ is ast.Attribute and methods.makes_new(node.attr):
                return False
        else:
            return False


def _is_view(index: ast.expr) -> bool:
    """An index that picks one element or a range; a mask or a list of names makes a copy."""
    if isinstance(index, ast.Tuple):
        return all(map(_is_view, index.elts))
    return (
        not isinstance(index, (ast.Compare, ast.BoolOp, ast.List, ast.ListComp, ast.Call))
        and not (isinstance(index, ast.BinOp) and isinstance(index.op, (ast.BitAnd, ast.BitOr, ast.BitXor)))
        and not (isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.Invert))
    )


def made_together(node: ast.expr) -> bool:
    """Whether the results of one call belong together: ``fig, ax = plt.subplots()``."""
    words = words_of(node.func) if isinstance(node, ast.Call) else []
    return bool(words) and words[-1] in methods.MADE_TOGETHER
