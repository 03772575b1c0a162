"""The walk over expressions: which names they read and bind, in the order in which Python evaluates them.

Calls are in ``calls``, which builds on this class; statements build on that.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from nbflow.core.collect import Collector
from nbflow.core.model import PathExpr
from nbflow.core.path_expressions import dotted, has_text, may_name_a_file
from nbflow.core.scopes import Names, Scope, bound_in, target_names
from nbflow.core.sharing import sources
from nbflow.core.walk import VISITORS, How, Walk, root_of
from nbflow.core.words import words

NAMESPACES = words("globals locals vars")
_GO_OVER_THEIR_ARGUMENTS = words("enumerate zip reversed list tuple sorted iter filter")


class Expressions(Walk):
    # --- visitors ----------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> None:
        cls = node.__class__
        if cls is ast.Name:
            name: str = node.id  # type: ignore[attr-defined]
            if name in self.magics:
                self.visit_magic(self.magics[name])
                return
            self.read(name)
            if name == "inspect" or name == "__doc__":
                self.sink.looks_inside = True
        elif cls is ast.Constant:
            value = node.value  # type: ignore[attr-defined]
            if value.__class__ is str and may_name_a_file(value):
                self.sink.paths["str", value] = None
        else:
            visitor = VISITORS.get(cls)
            if visitor is None:
                for child in ast.iter_child_nodes(node):
                    self.visit(child)
            else:
                visitor(self, node)

    def visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def visit_attribute(self, node: ast.Attribute) -> None:
        if node.attr == "__doc__":
            self.sink.looks_inside = True
        self.visit(node.value)

    def visit_subscript(self, node: ast.Subscript) -> None:
        value, index = node.value, node.slice
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            if not isinstance(node.ctx, ast.Store):
                self.environment(value, index)
            if _namespace(value):
                self.read_or_bind_entry(index.value, node.ctx)
        self.visit(value)
        self.visit(index)

    def read_or_bind_entry(self, name: str, context: ast.expr_context) -> None:
        """``globals()["x"]``: an entry of the module's namespace."""
        if isinstance(context, ast.Load) and name not in self.sure:
            self.sink.reads[name] = None
        elif isinstance(context, ast.Store):
            self.sink.binds[name] = None

    def environment(self, node: ast.expr, key: ast.expr) -> None:
        """Note an environment variable where ``node`` is ``os.environ`` and the key a literal."""
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and (dotted(node) or [""])[-1] == "environ":
            self.sink.environ[key.value] = None

    def visit_compare(self, node: ast.Compare) -> None:
        self.visit(node.left)
        if isinstance(node.ops[0], (ast.In, ast.NotIn)):
            self.environment(node.comparators[0], node.left)
        self.visit(node.comparators[0])
        if len(node.comparators) > 1:
            self.maybe(node.comparators[1:])

    def visit_boolean(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self.maybe(node.values[1:])

    def maybe(self, nodes: Iterable[ast.AST]) -> None:
        """Visit what may be left out, or cut short."""
        before = set(self.sure)
        self.visit_all(nodes)
        self.sure &= before

    def visit_choice(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        before = set(self.sure)
        self.visit(node.body)
        one = self.sure
        self.sure = before
        self.visit(node.orelse)
        self.sure &= one

    def visit_operator(self, node: ast.BinOp) -> None:
        self.note_path(node)
        right: list[ast.expr] = []
        inner: ast.expr = node
        while isinstance(inner, ast.BinOp):  # the left side of a long sum is deep
            right.append(inner.right)
            inner = inner.left
        self.visit(inner)
        for operand in reversed(right):
            self.visit(operand)

    def note_path(self, node: ast.expr) -> None:
        path = self.path(node)
        if path is not None and has_text(path) and path[0] != "str":
            self.sink.paths[path] = None

    def visit_fstring(self, node: ast.JoinedStr) -> None:
        texts = [part.value for part in node.values if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if any("/" in text or "." in text or "\\" in text for text in texts):
            self.note_path(node)
        for part in node.values:
            if not isinstance(part, ast.Constant):
                self.visit(part)

    def visit_formatted(self, node: ast.FormattedValue) -> None:
        self.visit(node.value)
        if node.format_spec is not None:
            for part in node.format_spec.values:  # type: ignore[attr-defined]
                if not isinstance(part, ast.Constant):
                    self.visit(part)

    def visit_walrus(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.check_symbols = True
        inner = self.scope
        roots = list(self.behind(sources(node.value)))
        while self.scope is not None and self.scope.kind in ("comprehension", "type"):
            self.scope = self.scope.parent
        self.bind(node.target.id)
        self.alias(node.target.id, roots)
        self.remember_elements(node.target, self.path(node.value))
        self.scope = inner

    def visit_await(self, node: ast.Await) -> None:
        self.visit(node.value)

    def visit_where_allowed(self, node: ast.Yield | ast.YieldFrom | ast.Await | ast.Starred) -> None:
        """What Python allows in some places only, and looks at after parsing."""
        self.check_symbols = True
        self.yields = self.yields or isinstance(node, (ast.Yield, ast.YieldFrom))
        if node.value is not None:
            self.visit(node.value)

    # --- scopes inside expressions -----------------------------------------------------------------------

    def visit_lambda(self, node: ast.Lambda) -> None:
        self.visit_all(node.args.defaults)
        self.visit_all(node.args.kw_defaults)
        bare, self.bare = self.bare, (node.body,)
        fed, self.fed = self.fed, ()

        def body() -> None:
            if fed and self.scope is not None:
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
                self.scope.aliases.update(dict.fromkeys(names, fed))
            self.visit(node.body)
            self.give(node.body)

        self.function(node.args, [node.body], body)
        self.bare = bare

    def give(self, value: ast.expr) -> None:
        """Note what a function hands back."""
        for name in self.behind(sources(value)):
            if name[0] == "\0":
                self.returned.update(dict.fromkeys(self.parameters.get(name[1:], ())))
            else:
                self.returned["=" + name] = None

    def function(self, args: ast.arguments, body: list[Any], walk: Callable[[], None]) -> None:
        """Walk over a body that runs when it is called."""
        names = bound_in(body, self.walrus)
        parameters = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg) if a]
        names.local.update(parameters)
        if names.to_global or names.to_outer or len(set(parameters)) < len(parameters):
            self.check_symbols = True
        self.apart(Scope("function", self.scope, names), self.later, walk)

    def apart(self, scope: Scope | None, sink: Collector, walk: Callable[[], None]) -> None:
        """Walk with a flow of its own: nothing is sure at its beginning, nothing it binds is sure behind it."""
        kept = (self.scope, self.sink, self.sure, self.dead, self.kills, self.loops)
        self.scope, self.sink, self.sure, self.dead, self.kills, self.loops = scope, sink, set(), False, [], []
        walk()
        self.scope, self.sink, self.sure, self.dead, self.kills, self.loops = kept

    def visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self.comprehension(node.generators, [node.elt])

    def visit_dict_comprehension(self, node: ast.DictComp) -> None:
        self.comprehension(node.generators, [node.key, node.value])

    def comprehension(self, generators: list[ast.comprehension], elements: list[ast.expr]) -> None:
        self.visit(generators[0].iter)
        names = Names()
        for generator in generators:
            target_names(generator.target, names.local)
        outer, before = self.scope, set(self.sure)
        self.scope = Scope("comprehension", outer, names)
        for index, generator in enumerate(generators):
            if index:
                self.visit(generator.iter)
            self.check_symbols = self.check_symbols or bool(generator.is_async)
            over = self.path(generator.iter)
            self.store(generator.target)
            self.alias_elements(generator.target, generator.iter)
            self.remember_elements(generator.target, over)
            self.visit_all(generator.ifs)
        self.visit_all(elements)
        self.scope = outer
        self.sure &= before

    def alias_elements(self, target: ast.expr, iterable: ast.expr) -> None:
        """Let the targets of a loop stand for the elements of what it goes over."""
        roots = list(_element_roots(iterable))
        if roots:
            names: set[str] = set()
            target_names(target, names)
            for name in sorted(names):
                self.alias(name, roots)

    def remember_elements(self, target: ast.expr, over: PathExpr | None) -> None:
        """What the names of a loop stand for, where it goes over paths."""
        if over is None or (not has_text(over) and over[0] not in ("name", "param")):
            return
        names: set[str] = set()
        target_names(target, names)
        for name in names:
            if self.scope is None:
                self.elements[name] = over
            elif name in self.scope.local:
                self.scope.consts[name] = over

    # --- targets -----------------------------------------------------------------------------------------

    def store(self, target: ast.expr) -> None:
        """Bind, or change, what a target names."""
        cls = target.__class__
        if cls is ast.Name:
            self.bind(target.id)  # type: ignore[attr-defined]
        elif cls is ast.Tuple or cls is ast.List:
            for element in target.elts:  # type: ignore[attr-defined]
                self.store(element)
        elif cls is ast.Starred:
            self.check_symbols = True
            self.store(target.value)  # type: ignore[attr-defined]
        else:
            self.visit(target)
            self.change_target(target, "assign")

    def change_target(self, target: ast.expr, how: How) -> None:
        """An attribute or item is assigned or deleted."""
        root, called = root_of(target)
        if root is None:
            return
        if called != "function":
            self.change(root, how)
        if called == "function" and root in NAMESPACES and self.is_global(root):
            if not (isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)):
                self.runs_anything()
        else:
            self.sets_up(root)

    def runs_anything(self) -> None:
        """Code whose bindings cannot be seen, at the level of the cell."""
        if self.sink is self.now:
            self.always = self.always or "exec"


def _element_roots(node: ast.expr) -> Iterable[str]:
    """The names whose elements a loop over this expression meets."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in _GO_OVER_THEIR_ARGUMENTS:
            for argument in node.args:
                yield from _element_roots(argument)
        return
    if isinstance(node, (ast.List, ast.Tuple)):
        for element in node.elts:
            yield from _element_roots(element)
        return
    root, called = root_of(node)
    if root is not None and called != "function":
        yield root


def _namespace(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call) or node.args:
        return False
    return isinstance(node.func, ast.Name) and node.func.id in NAMESPACES


VISITORS.update(
    {
        ast.Attribute: Expressions.visit_attribute,
        ast.Subscript: Expressions.visit_subscript,
        ast.Compare: Expressions.visit_compare,
        ast.BoolOp: Expressions.visit_boolean,
        ast.IfExp: Expressions.visit_choice,
        ast.BinOp: Expressions.visit_operator,
        ast.JoinedStr: Expressions.visit_fstring,
        ast.FormattedValue: Expressions.visit_formatted,
        ast.NamedExpr: Expressions.visit_walrus,
        ast.Yield: Expressions.visit_where_allowed,
        ast.YieldFrom: Expressions.visit_where_allowed,
        ast.Await: Expressions.visit_where_allowed,
        ast.Starred: Expressions.visit_where_allowed,
        ast.Lambda: Expressions.visit_lambda,
        ast.ListComp: Expressions.visit_comprehension,
        ast.SetComp: Expressions.visit_comprehension,
        ast.GeneratorExp: Expressions.visit_comprehension,
        ast.DictComp: Expressions.visit_dict_comprehension,
    }
)
