"""The walk over functions and classes: what runs where they are defined, what runs later, and what is done with what
they are given. ``branches`` builds on this class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from nbflow.core.scopes import TYPE_ALIAS, Names, Scope, bound_in
from nbflow.core.setup import is_setup
from nbflow.core.sharing import sources
from nbflow.core.statements import Statements
from nbflow.core.walk import VISITORS, root_of, words_of


class Definitions(Statements):
    def decorators(self, nodes: list[ast.expr]) -> None:
        """A decorator is called for its effect as well: it may register what it decorates."""
        for node in nodes:
            self.visit(node)
            if isinstance(node, ast.Name) and self.is_global(node.id):
                self.sink.calls[node.id] = None
            elif isinstance(node, (ast.Attribute, ast.Call)):
                self.registered_with(node)

    def registered_with(self, node: ast.Attribute | ast.Call) -> None:
        words = words_of(node)
        root, called = root_of(node.func if isinstance(node, ast.Call) else node)
        if root is not None and called != "function" and self.is_global(root) and len(words) > 1:
            self.change(root, "maybe")
            if is_setup(words, bool(called)):
                self.sink.setup[root] = None
        for argument in node.args if isinstance(node, ast.Call) else ():
            if isinstance(argument, ast.Name):
                self.change(argument.id, "maybe")  # ``@add_to_class(Model)``

    def visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.decorators(node.decorator_list)
        args = node.args
        self.visit_all(args.defaults)
        self.visit_all(args.kw_defaults)
        outer = self.scope
        self.type_parameters(node)
        for arg in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg):
            if arg is not None:
                self.annotation(arg.annotation)
        self.annotation(node.returns)
        owner = self.scope
        if owner is None or (owner.kind == "class" and owner.parent is None):
            self.parameters = slots_of(args) if owner is None else _slots_of_method(node)
            called = node.name if owner is None else "." + node.name
            self.note_defaults(called, args)
            self.function(args, node.body, lambda: self.body(called, node.body))
            self.parameters = {}
        else:
            self.function(args, node.body, lambda: self.block(node.body))
        self.scope = outer
        self.bind(node.name)

    def note_defaults(self, called: str, args: ast.arguments) -> None:
        """A default is given wherever nothing else is."""
        placed = [*args.posonlyargs, *args.args]
        pairs = [*zip(placed[len(placed) - len(args.defaults) :], args.defaults, strict=True)]
        pairs += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d is not None]
        for arg, default in pairs:
            path = self.path(default)
            if path is not None:
                self.now.given[called, arg.arg, path] = None

    def body(self, called: str, statements: Iterable[ast.stmt]) -> None:
        """Of a function: a parameter that is bound anew (``df = df.copy()``) stands for what was given no more."""
        if self.scope is not None:
            places = {n: [s.rpartition(".")[2] for s in slots] for n, slots in self.parameters.items()}
            self.scope.consts.update({name: ("param", called, *slots) for name, slots in places.items()})
        for statement in statements:
            self.visit(statement)
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name) and target.id not in list(sources(statement.value)):
                    self.parameters.pop(target.id, None)

    def type_parameters(self, node: Any) -> None:
        """Enter the scope of ``[T: bound]``, whose bounds and defaults are looked at when somebody asks."""
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return
        self.check_symbols = True
        self.scope = Scope("type", self.scope, Names({parameter.name for parameter in parameters}))
        for parameter in parameters:
            parts = [getattr(parameter, "bound", None), getattr(parameter, "default_value", None)]
            self.apart(self.scope, self.later, lambda parts=parts: self.visit_all(parts))  # type: ignore[misc]

    def visit_type_alias(self, node: Any) -> None:
        outer = self.scope
        self.type_parameters(node)
        self.apart(self.scope, self.later, lambda: self.visit(node.value))
        self.scope = outer
        self.bind(node.name.id)

    def visit_class(self, node: ast.ClassDef) -> None:
        self.decorators(node.decorator_list)
        outer = self.scope
        self.type_parameters(node)
        self.visit_all(node.bases)
        self.visit_all(keyword.value for keyword in node.keywords)
        self.classes += 1
        names = bound_in(node.body, self.walrus)
        names.local |= {"__module__", "__qualname__"}
        prefix = f"{self.classes}:"
        self.scope = Scope("class", self.scope, names, node.name, prefix)
        self.sure |= {prefix + "__module__", prefix + "__qualname__"}
        loops, self.loops = self.loops, []
        self.block(node.body)
        self.loops = loops
        self.scope = outer
        self.bind(node.name)

    def named_lambda(self, node: ast.Lambda) -> None:
        """``f = lambda d: …`` is a function of that name."""
        self.parameters = slots_of(node.args)
        self.visit(node)
        self.parameters = {}


def slots_of(args: ast.arguments, skip: int = 0, prefix: str = "") -> dict[str, tuple[str, ...]]:
    """Parameter → where it is given: position and name, ``*`` and ``**`` for those that take any number."""
    placed = [*args.posonlyargs, *args.args][skip:]
    found: dict[str, tuple[str, ...]] = {a.arg: (f"{prefix}{i}", prefix + a.arg) for i, a in enumerate(placed)}
    found.update({a.arg: (prefix + a.arg,) for a in args.kwonlyargs})
    for more, slot in ((args.vararg, "*"), (args.kwarg, "**")):
        if more is not None:
            found[more.arg] = (prefix + slot,)
    return found


def _slots_of_method(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, tuple[str, ...]]:
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    return slots_of(node.args, 0 if static else 1, node.name + ".")


VISITORS.update(
    {
        ast.FunctionDef: Definitions.visit_function,
        ast.AsyncFunctionDef: Definitions.visit_function,
        ast.ClassDef: Definitions.visit_class,
    }
)
if TYPE_ALIAS is not None:
    VISITORS[TYPE_ALIAS] = Definitions.visit_type_alias
