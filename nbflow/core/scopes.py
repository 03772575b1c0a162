"""Python's scopes: which names a body makes its own, and where a name that it reads leads.

A name that a function assigns anywhere is local everywhere in it. A class body's own names are seen in the body and
nowhere below. Comprehensions have a scope of their own. ``bound_in`` finds a body's names, ``Scope`` resolves; the
walk itself is in ``expressions`` and ``statements``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from nbflow.core.model import PathExpr

TYPE_ALIAS: type | None = getattr(ast, "TypeAlias", None)
"""``type X = …``: a statement from Python 3.12 on."""

Blocks = Iterable[Iterable[ast.AST]]


@dataclass(slots=True)
class Names:
    """What one body declares."""

    local: set[str] = field(default_factory=set)
    to_global: set[str] = field(default_factory=set)
    to_outer: set[str] = field(default_factory=set)


class Scope:
    """A scope below the module's. ``parent`` is ``None`` where the next one out is the module."""

    __slots__ = ("aliases", "class_name", "consts", "imported", "kind", "local", "parent", "prefix", "to_global")

    def __init__(
        self,
        kind: Literal["function", "class", "comprehension", "type"],
        parent: Scope | None,
        names: Names,
        class_name: str = "",
        prefix: str = "",
    ) -> None:
        self.kind = kind
        self.parent = parent
        self.local = names.local - names.to_global - names.to_outer
        self.to_global = names.to_global
        self.class_name: str = class_name or (parent.class_name if parent is not None else "")
        self.prefix = prefix
        """For a class: what its own names begin with among the surely bound ones, apart from the module's."""
        self.imported: set[str] = set()
        """Names that an import in it has bound."""
        self.consts: dict[str, PathExpr] = {}
        self.aliases: dict[str, tuple[str, ...]] = {}

    def where(self, name: str) -> Scope | str:
        """``"global"``, ``"local"`` (some function's or comprehension's own), or the class scope that may hold it."""
        scope: Scope | None = self
        while scope is not None and scope.kind == "type":
            if name in scope.local:
                return "local"
            scope = scope.parent
        if scope is not None and scope.kind == "class":
            if name in scope.to_global:
                return "global"
            if name in scope.local:
                return scope
            scope = scope.parent
        while scope is not None:
            if scope.kind != "class":
                if name in scope.to_global:
                    return "global"
                if name in scope.local or (name == "__class__" and scope.class_name):
                    return "local"
            scope = scope.parent
        return "global"

    def mangled(self, name: str) -> str:
        """``__x`` inside a class is ``_Class__x`` to Python."""
        if name[:2] != "__" or name[-2:] == "__" or not self.class_name:
            return name
        stem = self.class_name.lstrip("_")
        return f"_{stem}{name}" if stem else name


def bound_in(body: Iterable[ast.AST], walrus: bool) -> Names:
    """The names that a body binds or declares, without those of the scopes inside it.

    ``walrus``: whether ``:=`` may occur, which costs a look at every expression."""
    found = Names()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        step = _STEPS.get(node.__class__)
        if step is not None:
            for block in step(node, found.local):
                stack.extend(block)
        elif isinstance(node, ast.Global):
            found.to_global.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            found.to_outer.update(node.names)
        elif TYPE_ALIAS is not None and isinstance(node, TYPE_ALIAS):
            found.local.add(node.name.id)  # type: ignore[attr-defined]
        if walrus:
            _walrus_names(node, found.local)
    return found


def target_names(target: ast.AST, into: set[str]) -> None:
    """The plain names in an assignment's target."""
    if isinstance(target, ast.Name):
        into.add(target.id)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            target_names(element, into)
    elif isinstance(target, ast.Starred):
        target_names(target.value, into)


def capture_names(pattern: ast.AST) -> list[str]:
    """The names that a ``match`` pattern binds."""
    names: list[str] = []
    for node in ast.walk(pattern):
        if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name is not None:
            names.append(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest is not None:
            names.append(node.rest)
    return names


def import_names(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The names that an import binds; nothing for a star."""
    plain = isinstance(node, ast.Import)
    names = (alias.asname or (alias.name.partition(".")[0] if plain else alias.name) for alias in node.names)
    return [name for name in names if name != "*"]


def deleted_in(body: Iterable[ast.AST]) -> set[str]:
    """The names that a body may unbind: by ``del``, or at the end of ``except … as name``."""
    gone: set[str] = set()
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Delete):
            for target in node.targets:
                target_names(target, gone)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            gone.add(node.name)
        stack.extend(child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr))
    return gone


def _walrus_names(statement: ast.AST, into: set[str]) -> None:
    """Names bound by ``:=`` in the statement's own expressions; comprehensions pass theirs outwards."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        stack: list[ast.AST] = [*statement.decorator_list, *statement.args.defaults]
        stack += [default for default in statement.args.kw_defaults if default is not None]
        stack += [a.annotation for a in ast.walk(statement.args) if isinstance(a, ast.arg) and a.annotation is not None]
        stack += [statement.returns] if statement.returns is not None else []
    elif isinstance(statement, ast.ClassDef):
        stack = [*statement.decorator_list, *statement.bases, *[keyword.value for keyword in statement.keywords]]
    else:
        stack = [child for child in ast.iter_child_nodes(statement) if not isinstance(child, ast.stmt)]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Lambda):
            stack.extend(node.args.defaults)
            stack.extend(default for default in node.args.kw_defaults if default is not None)
            continue
        if isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            into.add(node.target.id)
        stack.extend(child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt))


def _targets(node: Any, local: set[str]) -> Blocks:
    for target in node.targets:
        target_names(target, local)
    return ()


def _target(node: Any, local: set[str]) -> Blocks:
    target_names(node.target, local)
    return ()


def _loop(node: Any, local: set[str]) -> Blocks:
    target_names(node.target, local)
    return node.body, node.orelse


def _definition(node: Any, local: set[str]) -> Blocks:
    local.add(node.name)
    return ()


def _with(node: Any, local: set[str]) -> Blocks:
    for item in node.items:
        if item.optional_vars is not None:
            target_names(item.optional_vars, local)
    return (node.body,)


def _handler(node: Any, local: set[str]) -> Blocks:
    if node.name:
        local.add(node.name)
    return (node.body,)


def _match(node: Any, local: set[str]) -> Blocks:
    for case in node.cases:
        local.update(capture_names(case.pattern))
    return [case.body for case in node.cases]


def _import(node: Any, local: set[str]) -> Blocks:
    local.update(import_names(node))
    return ()


_STEPS: dict[type, Callable[[Any, set[str]], Blocks]] = {
    ast.FunctionDef: _definition,
    ast.AsyncFunctionDef: _definition,
    ast.ClassDef: _definition,
    ast.Assign: _targets,
    ast.Delete: _targets,
    ast.AugAssign: _target,
    ast.AnnAssign: _target,
    ast.For: _loop,
    ast.AsyncFor: _loop,
    ast.While: lambda node, _: (node.body, node.orelse),
    ast.If: lambda node, _: (node.body, node.orelse),
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: lambda node, _: (node.body, node.handlers, node.orelse, node.finalbody),
    ast.TryStar: lambda node, _: (node.body, node.handlers, node.orelse, node.finalbody),
    ast.ExceptHandler: _handler,
    ast.Match: _match,
    ast.Import: _import,
    ast.ImportFrom: _import,
}
"""Class of statement → adds the names it binds, and returns the blocks inside it."""
