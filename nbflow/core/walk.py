"""The state of one walk over a statement: which names are surely bound here, and what has been written down.

``sure`` holds the names that are surely bound at this point; a read of any other name is written down. What runs now
and what runs when a function is called go to two collectors. ``expressions``, ``calls``, ``statements`` and
``branches`` build on this class, in that order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import nbflow.core.path_calls  # noqa: F401 (it teaches ``path_of`` to read calls)
from nbflow.core.collect import Collector
from nbflow.core.magic_table import Magic
from nbflow.core.model import Import, PathExpr
from nbflow.core.path_expressions import path_of
from nbflow.core.scopes import Scope
from nbflow.core.setup import IMPORTED

How = Literal["assign", "delete", "call", "maybe"]

VISITORS: dict[type, Callable[[Any, Any], None]] = {}
"""Class of node → the method that walks over it. Any other is walked child by child, in the order of its fields."""


_PARAMETER = "\0"
"""What begins the root of an alias that is a parameter, no global name."""


class Walk:
    """One instance walks over one top-level statement."""

    def __init__(
        self, magics: Mapping[str, Magic], constants: Mapping[str, PathExpr], walrus: bool, lazy: bool
    ) -> None:
        self.magics = magics
        self.constants = constants
        """Of the cell so far, to read ``sys.path.append(D)``."""
        self.walrus = walrus
        """Whether ``:=`` occurs in the cell."""
        self.lazy_annotations = lazy
        self.now = Collector()
        self.later = Collector()
        self.sink = self.now
        self.scope: Scope | None = None
        self.sure: set[str] = set()
        self.dead = False
        self.kills: list[str] = []
        self.loops: list[tuple[list[set[str]], list[set[str]]]] = []
        self.handles: set[str] = set()
        """Names bound by ``with … as``: a reader of one reads what was opened."""
        self.aliases: dict[str, tuple[str, ...]] = {}
        self.elements: dict[str, PathExpr] = {}
        """Names of a loop at the level of the cell that goes over paths: ``for p in ["a.csv", "b.csv"]``."""
        self.bare: tuple[ast.expr, ...] = ()
        """The calls whose result this expression statement throws away."""
        self.fed: tuple[str, ...] = ()
        """What the lambda that is walked over next may be called with."""
        self.imports: list[Import] = []
        self.comments: list[str] = []
        self.always = ""
        self.classes = 0
        self.parameters: dict[str, tuple[str, ...]] = {}
        """Of the function that the statement defines, or of the method of its class → the slots they are given in."""
        self.altered: dict[str, None] = {}
        """Slots of those whose objects the body may change."""
        self.returned: dict[str, None] = {}
        """Slots of those that it may return, and ``=name`` of globals."""
        self.yields = False
        """Whether the function that the statement defines is a generator."""
        self.line_offset = 0
        self.check_symbols = False
        """Whether the statement holds anything that Python may refuse after parsing."""

    # --- names -------------------------------------------------------------------------------------------

    def read(self, name: str) -> None:
        scope = self.scope
        if scope is not None:
            where = scope.where(name)
            if where == "local":
                return
            if isinstance(where, Scope) and where.prefix + name in self.sure:
                return
            name = scope.mangled(name)
        if name not in self.sure:
            self.sink.reads[name] = None

    def is_global(self, name: str) -> bool:
        return self.scope is None or self.scope.where(name) == "global"

    def sets_up(self, root: str) -> None:
        """What belongs to ``root`` is configured: it counts where ``root`` is, or may be, a module."""
        if self.is_global(root):
            self.sink.setup[root] = None
        elif self._imported_inside(root):
            self.sink.setup[IMPORTED] = None

    def _imported_inside(self, name: str) -> bool:
        scope = self.scope
        while scope is not None and name not in scope.imported:
            if scope.kind != "class" and name in scope.local:
                return False
            scope = scope.parent
        return scope is not None

    def bind(self, name: str) -> None:
        scope = self.scope
        if scope is not None:
            where = scope.where(name)
            if isinstance(where, Scope):
                self.sure.add(where.prefix + name)
                return
            if where == "local":
                scope.consts.pop(name, None)
                scope.aliases.pop(name, None)
                return
            name = scope.mangled(name)
        else:
            self.aliases.pop(name, None)
            self.elements.pop(name, None)
        self.sink.binds[name] = None
        self.sure.add(name)

    def unbind(self, name: str) -> str:
        """What ``sure`` called the name, ``""`` for a function's own."""
        scope = self.scope
        key = name
        if scope is not None:
            where = scope.where(name)
            if where == "local":
                return ""
            key = where.prefix + name if isinstance(where, Scope) else scope.mangled(name)
        self.sure.discard(key)
        self.kills.append(key)
        return key

    def change(self, name: str, how: How) -> None:
        scope = self.scope
        if scope is None or scope.where(name) == "global":
            real = name if scope is None else scope.mangled(name)
            self.sink.changes[real, how] = None
        else:
            self.alter(name, how in ("assign", "delete"))
        for root in self.aliases_of(name):
            if root[0] == _PARAMETER:
                self.alter(root[1:])
            else:
                self.sink.changes[root, "call" if how == "assign" else how] = None

    def alter(self, parameter: str, surely: bool = False) -> None:
        self.altered.update(dict.fromkeys([slot + "!" * surely for slot in self.parameters.get(parameter, ())]))

    def aliases_of(self, name: str) -> tuple[str, ...]:
        """Global names whose objects, or elements of them, a name also stands for: ``for d in rows``."""
        scope = self.scope
        while scope is not None:
            if name in scope.aliases:
                return scope.aliases[name]
            if name in scope.local:
                return ()
            scope = scope.parent
        return self.aliases.get(name, ())

    def behind(self, roots: Iterable[str]) -> dict[str, None]:
        """The global names, and the parameters, whose objects these names stand for."""
        known: dict[str, None] = {}
        for root in roots:
            if self.is_global(root):
                known[root] = None
            elif root in self.parameters:
                known[_PARAMETER + root] = None
            known.update(dict.fromkeys(self.aliases_of(root)))
        return known

    def alias(self, name: str, roots: Iterable[str]) -> None:
        known = self.behind(roots)
        if known and self.scope is None:  # ``x = x``: what the cell above has bound, too
            self.sink.shares.update(dict.fromkeys([(name, root) for root in known]))
        known.pop(name, None)
        if known:
            table = self.aliases if self.scope is None else self.scope.aliases
            table[name] = tuple(known)

    def path_name(self, name: str) -> PathExpr | None:
        """What a bare name stands for in a path: itself, or the constant that a function bound to it."""
        if name in self.magics:
            return None
        scope = self.scope
        if scope is None or scope.where(name) == "global":
            return self.elements.get(name) or ("name", name)
        while scope is not None:
            if name in scope.local:
                return scope.consts.get(name)
            scope = scope.parent
        return None

    def path(self, node: ast.expr) -> PathExpr | None:
        return path_of(node, self.path_name)

    # --- for the classes below -------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> None:
        raise NotImplementedError

    def visit_magic(self, magic: Magic) -> None:
        raise NotImplementedError


_LEADS_TO_ITS_ARGUMENT = frozenset({"getattr", "vars"})


def root_of(node: ast.AST) -> tuple[str | None, str]:
    """The name that ``a.b[c].d`` begins with, and what was called on the way: ``""``, ``"method"`` (``d.get(k).x``) or
    ``"function"`` (``f(x).y``: then the object is the function's result, not the name's)."""
    called = ""
    while True:
        cls = node.__class__
        if cls is ast.Name:
            return node.id, called  # type: ignore[attr-defined]
        if cls is ast.Attribute or cls is ast.Subscript or cls is ast.Await:
            node = node.value  # type: ignore[attr-defined]
        elif cls is ast.Call:
            arguments: list[ast.expr] = node.args  # type: ignore[attr-defined]
            node = node.func  # type: ignore[attr-defined]
            called = "function" if node.__class__ is ast.Name else "method"
            if called == "function" and arguments and node.id in _LEADS_TO_ITS_ARGUMENT:  # type: ignore[attr-defined]
                node, called = arguments[0], "method"
        else:
            return None, called


def words_of(node: ast.AST) -> list[str]:
    """The dotted words of a call, without calls and subscripts on the way: ``["logging", "getLogger", "setLevel"]``."""
    words: list[str] = []
    while True:
        cls = node.__class__
        if cls is ast.Attribute:
            words.append(node.attr)  # type: ignore[attr-defined]
            node = node.value  # type: ignore[attr-defined]
        elif cls is ast.Subscript or cls is ast.Await:
            node = node.value  # type: ignore[attr-defined]
        elif cls is ast.Call:
            node = node.func  # type: ignore[attr-defined]
        elif cls is ast.Name:
            words.append(node.id)  # type: ignore[attr-defined]
            return words[::-1]
        else:
            return []
