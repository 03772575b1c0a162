"""Python source to syntax tree, and syntax tree to digest.

``parse`` raises Python's own errors, with a word on syntax that is newer than the Python that reads the cell.
``dump`` writes a tree down so that comments, layout, line numbers and the Python version do not count: only fields
that hold something are written. Read ``names`` for how the two are used.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
import warnings
from functools import lru_cache
from typing import cast

PARSE_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
DIGEST_LENGTH = 32
HERE = f"Python {sys.version_info[0]}.{sys.version_info[1]}"

_NEWER = (
    ((3, 12), r"^\s*type\s+[^\W\d]\w*\s*(\[.*\])?\s*=", "a `type` statement"),
    ((3, 12), r"^\s*(async\s+)?def\s+\w+\s*\[", "a function with type parameters"),
    ((3, 12), r"^\s*class\s+\w+\s*\[", "a class with type parameters"),
    ((3, 12), r"\b[rR]?[fF][rR]?([\"'])[^\n]*\{[^}\n]*\1", "quotes of one kind nested in an f-string"),
    ((3, 14), r"(?<!\w)[rR]?[tT][rR]?[\"']", "a template string"),
    ((3, 14), r"^\s*except\*?\s+[\w.]+\s*,\s*[\w.,\s]+:", "`except` with several types and no parentheses"),
    ((3, 15), r"^\s*lazy\s+(import|from)\b", "a lazy import"),
)


def parse(source: str) -> ast.Module:
    """The syntax tree of a cell; top-level ``await`` is allowed.

    Raises ``SyntaxError`` and, for odd text, ``ValueError``."""
    if "\\" not in source:
        return _compiled(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the author's business, and still parses
        return _compiled(source)


def _compiled(source: str) -> ast.Module:
    return cast("ast.Module", compile(source, "<cell>", "exec", PARSE_FLAGS, dont_inherit=True))


def check_symbols(tree: ast.Module) -> None:
    """Raise the ``SyntaxError`` that Python finds only after parsing: ``return`` outside a function and the like."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


@lru_cache(maxsize=4)
def lines_of(source: str) -> tuple[str, ...]:
    """The lines of a cell; asked for once per statement, so those of the last few cells are kept."""
    return tuple(source.split("\n"))


def newer_syntax(source: str, line: int) -> str:
    """What on this line a newer Python would understand, as a clause for a message; ``""`` for nothing known."""
    lines = lines_of(source)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    for version, pattern, what in _NEWER:
        if sys.version_info < version and re.search(pattern, text):
            return f"{what} needs Python {version[0]}.{version[1]} or newer, and nbflow reads this notebook with {HERE}"
    return ""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


class Dumper:
    """Writes statements down.

    ``docs``: with the docstrings of plain functions; ``skipped`` tells whether one was left out."""

    __slots__ = ("docs", "out", "skipped")

    def __init__(self, docs: bool) -> None:
        self.docs = docs
        self.skipped = False
        self.out: list[str] = []

    def text(self, node: ast.AST) -> str:
        self.out = []
        self.node(node)
        return "".join(self.out)

    def node(self, node: ast.AST) -> None:
        cls = node.__class__
        out = self.out
        if cls is ast.Name:
            out.append(f"`{node.id} ")  # type: ignore[attr-defined]
            return
        if cls is ast.Constant:
            out.append(_constant(node.value))  # type: ignore[attr-defined]
            return
        if cls is ast.BinOp:
            self.operators(node)
            return
        name, fields = _FIELDS.get(cls) or _fields(cls)
        out.append(name)
        first = 0
        if not self.docs and cls in _FUNCTIONS and not node.decorator_list and has_docstring(node):  # type: ignore[attr-defined]
            self.skipped = True
            first = 1
        visit = self.node
        for field, mark in fields:
            value = getattr(node, field, None)
            if value.__class__ is list:
                if first and field == "body":
                    value = value[first:]
                if value:
                    out.append(mark)
                    for item in value:
                        if isinstance(item, ast.AST):
                            visit(item)
                        else:
                            out.append(f"'{item} ")
                    out.append("]")
            elif isinstance(value, ast.AST):
                out.append(mark)
                visit(value)
            elif value is not None:
                out.append(f"{mark}'{value!s} ")
        out.append(")")

    def operators(self, node: ast.AST) -> None:
        """``a + b + c`` from the left, without going deep: a sum may have very many terms."""
        right: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp):
            right.append(node)
            node = node.left
        self.out.append("(BinOp ")
        self.node(node)
        for operator in reversed(right):
            self.out.append(operator.op.__class__.__name__)
            self.node(operator.right)
        self.out.append(")")


_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef})
_FIELDS: dict[type, tuple[str, tuple[tuple[str, str], ...]]] = {}
_UNIMPORTANT = frozenset({"ctx", "type_comment", "kind", "type_ignores"})


def _fields(cls: type[ast.AST]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """How a class of nodes is written: ``(`` and its name, then a mark for each field that counts. Remembered."""
    names = [field for field in cls._fields if field not in _UNIMPORTANT]
    written = ("(" + cls.__name__, tuple((field, f" {field}=") for field in names))
    _FIELDS[cls] = written
    return written


def _constant(value: object) -> str:
    if isinstance(value, str):
        return f"s{value!r} "
    if value.__class__ is int:
        return f"i{value:x} "  # decimal digits are slow, and limited, for a very long number
    return f"c{value.__class__.__name__}:{value!r} "


def has_docstring(node: ast.AST) -> bool:
    """Whether a function, class or module begins with a text. ``node`` has a body."""
    first = node.body[0]  # type: ignore[attr-defined]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
