"""Paths as far as they are known without running: literals, ``D / "x.csv"``, ``os.path.join(D, "x")``, f-strings.

The planner reads files that code names by literals or constant expressions; this module turns such an expression
into a ``PathExpr``. It resolves no names and touches no disk. ``path_calls`` reads calls, ``named_files`` puts the
expressions together, and ``expressions`` is the place where they are asked for.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbflow.core.model import PathExpr

LONGEST = 255
"""Characters of a literal that may still name a file."""

MOST_PARTS = 40
"""Operands of ``/`` and ``+`` in a path, elements of a list of paths; with more it is none."""

UNKNOWN: PathExpr = ("unknown",)
"""A path that cannot be known without running."""
NO_PATH: PathExpr = ("none",)
"""Something that a reader takes in place of a path: an open file, or text held in memory."""

_COUNTS = re.compile(r"0?\d*d?")
"""Formats of the numbers in a row of files: ``f"part-{n:03d}.csv"``."""

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
    reader = READERS.get(node.__class__)
    return None if reader is None else reader(node, name_of)


def any_of(paths: Iterable[PathExpr | None]) -> PathExpr | None:
    """One of several paths; those that are not known are left open."""
    known = list(dict.fromkeys([UNKNOWN if path is None else path for path in paths]))
    if not known or len(known) > MOST_PARTS or known == [UNKNOWN]:
        return None
    return known[0] if len(known) == 1 else ("any", *known)


def chain(how: str, parts: list[PathExpr]) -> PathExpr | None:
    """Parts that are joined by ``/`` (``join``) or put together as text (``add``)."""
    if not parts:
        return None
    whole = parts[0]
    for part in parts[1:]:
        whole = (how, whole, part)
    return whole


def _of_operator(node: ast.BinOp, name_of: NameOf) -> PathExpr | None:
    if isinstance(node.op, ast.Mod):
        return READERS[ast.Mod](node, name_of)
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
    if len(node.values) > MOST_PARTS:
        return None
    parts = [_of_field(v, name_of) if isinstance(v, ast.FormattedValue) else path_of(v, name_of) for v in node.values]
    return None if None in parts else chain("add", [part for part in parts if part is not None])


def _of_field(field: ast.FormattedValue, name_of: NameOf) -> PathExpr | None:
    value = field.value
    if isinstance(value, ast.Constant) and isinstance(value.value, int):
        part: PathExpr | None = ("str", str(value.value))
    else:
        part = path_of(value, name_of)
    if part is None or field.conversion not in (-1, ord("s")):
        return None
    if field.format_spec is None:
        return part
    texts = [v.value for v in getattr(field.format_spec, "values", ()) if isinstance(v, ast.Constant)]
    if len(texts) != 1 or not isinstance(texts[0], str) or not _COUNTS.fullmatch(texts[0]):
        return None
    return ("format", texts[0], part)


def _of_subscript(node: ast.Subscript, name_of: NameOf) -> PathExpr | None:
    """``FILES[0]``, ``FILES["a"]``: one of them."""
    return path_of(node.value, name_of) if isinstance(node.value, (ast.Name, ast.List, ast.Tuple, ast.Dict)) else None


def _of_attribute(node: ast.Attribute, name_of: NameOf) -> PathExpr | None:
    """``p.parent``, ``p.stem``."""
    path = path_of(node.value, name_of) if node.attr in ("parent", "name", "stem", "suffix") else None
    return None if path is None else ("with", node.attr, path, ("str", ""))


def _of_display(node: ast.List | ast.Tuple | ast.Set, name_of: NameOf) -> PathExpr | None:
    return any_of(path_of(e.value if isinstance(e, ast.Starred) else e, name_of) for e in node.elts)


def _of_dict(node: ast.Dict, name_of: NameOf) -> PathExpr | None:
    return any_of(path_of(part, name_of) for part in (*node.keys, *node.values) if part is not None)


def _of_comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, name_of: NameOf) -> PathExpr | None:
    own: dict[str, PathExpr | None] = {}

    def inner(name: str) -> PathExpr | None:
        return own[name] if name in own else name_of(name)

    for generator in node.generators:
        over = path_of(generator.iter, inner)
        own.update({n.id: over for n in ast.walk(generator.target) if isinstance(n, ast.Name)})
    return path_of(node.elt, inner)


READERS: dict[type, Callable[[Any, NameOf], PathExpr | None]] = {
    ast.BinOp: _of_operator,
    ast.JoinedStr: _of_fstring,
    ast.Subscript: _of_subscript,
    ast.Attribute: _of_attribute,
    ast.List: _of_display,
    ast.Tuple: _of_display,
    ast.Set: _of_display,
    ast.Dict: _of_dict,
    ast.ListComp: _of_comprehension,
    ast.SetComp: _of_comprehension,
    ast.GeneratorExp: _of_comprehension,
    ast.IfExp: lambda node, name_of: any_of([path_of(node.body, name_of), path_of(node.orelse, name_of)]),
    ast.BoolOp: lambda node, name_of: any_of(path_of(value, name_of) for value in node.values),
    ast.NamedExpr: lambda node, name_of: path_of(node.value, name_of),
}
"""Class of node → how a path is read from it. ``path_calls`` adds calls, and ``%``."""


def has_text(path: PathExpr) -> bool:
    """Whether a literal takes part: ``a / b`` alone is as likely a division."""
    return path[0] == "str" or any(has_text(part) for part in path if isinstance(part, tuple))


def folded(path: PathExpr | None, constants: Mapping[str, PathExpr]) -> str | None:
    """The text of a path when ``constants`` are all that is known, else ``None``."""
    if path is None:
        return None
    if path[0] == "str":
        return str(path[1])
    if path[0] == "name":
        rest = {name: value for name, value in constants.items() if name != path[1]}
        return folded(constants.get(path[1]), rest)
    if path[0] not in ("join", "add"):
        return None
    left, right = folded(path[1], constants), folded(path[2], constants)
    if left is None or right is None:
        return None
    return posixpath.join(left, right) if path[0] == "join" else left + right
