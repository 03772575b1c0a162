"""The walk over simple statements. Functions and classes are in ``definitions``, which builds on this class; statements
with ways to choose from in ``branches``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from itertools import pairwise

from nbflow.core.calls import Calls
from nbflow.core.handing import LOOKING_FUNCTIONS
from nbflow.core.magic_table import Magic
from nbflow.core.methods import holds_its_arguments
from nbflow.core.model import Import, PathExpr
from nbflow.core.scopes import Scope, bound_in, import_names, target_names
from nbflow.core.sharing import made_together, sources
from nbflow.core.syntax import parse
from nbflow.core.walk import VISITORS

Parse = Callable[[str], "tuple[ast.Module, dict[str, Magic]]"]


class Statements(Calls):
    """``parse_code`` reads the Python inside magics, which may hold magics itself."""

    parse_code: Parse = staticmethod(lambda source: (parse(source), {}))

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    # --- simple statements -------------------------------------------------------------------------------

    def visit_expression(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Constant):
            return
        self.bare = tuple(_bare_calls(value))
        self.visit(value)
        self.bare = ()

    def visit_assign(self, node: ast.Assign) -> None:
        value = node.value
        targets = node.targets
        target = targets[0]
        if isinstance(target, ast.Name):
            if target.id == "_" and len(targets) == 1:
                self.bare = tuple(_bare_calls(value))
            if isinstance(value, ast.Lambda) and self.scope is None:
                self.named_lambda(value)
            else:
                self.visit(value)
            self.bare = ()
        else:
            self.visit(value)
            if isinstance(target, (ast.Attribute, ast.Subscript)):
                self.assigned_search_path(target, value)
        path = self.path(value) if self.scope is not None else None
        for each in targets:
            self.store(each)
            self.share(each, value)
        if isinstance(target, ast.Name) and len(targets) == 1:
            self.remember(target.id, path)

    def remember(self, name: str, path: PathExpr | None) -> None:
        """What a function's own name stands for, if it is a constant path."""
        scope = self.scope
        if path is not None and scope is not None and scope.kind == "function" and name in scope.local:
            scope.consts[name] = path

    def named_lambda(self, node: ast.Lambda) -> None:
        """``f = lambda d: …``; ``definitions`` knows how."""
        raise NotImplementedError

    def share(self, target: ast.expr, value: ast.expr) -> None:
        """Let what a target binds stand for the objects that the value may be, or hold."""
        if isinstance(target, ast.Name):
            if value.__class__ is not ast.Constant:
                self.alias(target.id, sources(value))
                if value.__class__ is ast.Call:
                    self.share_result(target.id, value)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self.keep(target, value, "attribute" if isinstance(target, ast.Attribute) else "item")
        elif isinstance(target, (ast.Tuple, ast.List)):
            names = [e.id for e in target.elts if isinstance(e, ast.Name)]
            if made_together(value):
                for first, second in pairwise(names):
                    self.alias(second, [first])
            elif isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                for element, part in zip(target.elts, value.elts, strict=True):
                    self.share(element, part)
            else:
                roots = list(sources(value))
                own: set[str] = set()
                target_names(target, own)
                for name in sorted(own):
                    self.alias(name, roots)
                    if isinstance(value, ast.Call):
                        self.share_result(name, value)

    def share_result(self, name: str, call: ast.Call) -> None:
        """``d = clean(raw)``: what a function of the notebook returns may be what it was given, or a global."""
        func = call.func
        if self.scope is not None or not isinstance(func, ast.Name) or func.id in LOOKING_FUNCTIONS:
            return
        if not func.id[0].isupper() and not holds_its_arguments(func.id):
            self.sink.shares[name, func.id + "()"] = None

    def assigned_search_path(self, target: ast.expr, value: ast.expr) -> None:
        """``sys.path += ["src"]``, ``sys.path[0:0] = ["src"]``, ``sys.path = ["src"] + sys.path``."""
        place = target.value if isinstance(target, ast.Subscript) else target
        if not (isinstance(place, ast.Attribute) and place.attr == "path" and isinstance(place.value, ast.Name)):
            return
        if place.value.id == "sys":
            for part in (value.left, value.right) if isinstance(value, ast.BinOp) else (value,):
                if isinstance(part, (ast.List, ast.Tuple)):
                    self.search_path(part)

    def visit_augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            self.read(target.id)
            self.visit(node.value)
            self.change(target.id, "assign")
            self.bind(target.id)
            if self.scope is None:  # ``xs += [1]``: the list that it was
                self.sink.shares[target.id, target.id] = None
            return
        self.assigned_search_path(target, node.value)
        self.visit(target)
        self.visit(node.value)
        self.change_target(target, "assign")

    def visit_annotated(self, node: ast.AnnAssign) -> None:
        in_function = self.scope is not None and self.scope.kind != "class"
        if node.value is not None:
            self.visit(node.value)
            path = self.path(node.value)
            self.store(node.target)
            self.share(node.target, node.value)
            if isinstance(node.target, ast.Name):
                self.remember(node.target.id, path)
        elif not isinstance(node.target, ast.Name):
            self.visit(node.target)
        if not in_function:
            self.annotation(node.annotation)

    def annotation(self, node: ast.expr | None) -> None:
        """An annotation runs at once, or only when somebody asks for it."""
        if node is None:
            return
        if self.lazy_annotations:
            self.apart(self.scope, self.later, lambda: self.visit(node))
        else:
            self.visit(node)

    def visit_delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.delete(target)

    def delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.read(target.id)
            if self.is_global(target.id):
                self.sink.changes[target.id, "delete"] = None
            self.unbind(target.id)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.delete(element)
        else:
            self.visit(target)
            self.change_target(target, "delete")

    def visit_import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imported(Import(alias.name, None, alias.asname or alias.name.partition(".")[0]), alias.name)
        for name in import_names(node):
            self.bind(name)

    def visit_import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        stem = module if module.endswith(".") else module + "."
        self.sink.modules[module] = None
        if module == "__future__":
            self.check_symbols = True
            self.always = "__future__"
        for alias in node.names:
            if alias.name == "*":
                self.imported(Import(module, "*", ""), module)
                self.check_symbols = True
                if self.scope is None:
                    self.always = self.always or "star import"
            else:
                self.imported(Import(module, alias.name, alias.asname or alias.name), stem + alias.name)
        for name in import_names(node):
            self.bind(name)

    def imported(self, item: Import, module: str) -> None:
        self.sink.modules[module] = None
        if module.partition(".")[0] == "inspect":
            self.sink.looks_inside = True
        if self.sink is self.now and (self.scope is None or self.is_global(item.bound)):
            self.imports.append(item)
        elif self.scope is not None:
            self.scope.imported.add(item.bound)

    def visit_assert(self, node: ast.Assert) -> None:
        before = set(self.sure)
        self.visit(node.test)
        if node.msg is not None:
            self.visit(node.msg)
        self.sure &= before  # python -O runs none of it

    def visit_raise(self, node: ast.Raise) -> None:
        self.visit_all((node.exc, node.cause))
        self.dead = True

    def visit_return(self, node: ast.Return) -> None:
        self.check_symbols = True
        if node.value is not None:
            self.visit(node.value)
            self.give(node.value)
        self.dead = True

    def visit_break(self, _: ast.Break) -> None:
        self.leave(0)

    def visit_continue(self, _: ast.Continue) -> None:
        self.leave(1)

    def leave(self, which: int) -> None:
        if not self.loops:
            self.check_symbols = True
        elif not self.dead:
            self.loops[-1][which].append(set(self.sure))
        self.dead = True

    def visit_scope_words(self, _: ast.Global | ast.Nonlocal) -> None:
        self.check_symbols = True

    # --- magics ------------------------------------------------------------------------------------------

    def embedded(self, magic: Magic) -> None:
        """Walk over the Python inside a magic, as part of this statement."""
        source, above = magic.code or ("", 0)
        tree, magics = self.parse_code("\n" * above + source)
        kept = self.magics, self.bare
        self.magics, self.bare = magics, ()
        if magic.isolated:
            names = bound_in(tree.body, True)
            walk = lambda: self.block(tree.body)  # noqa: E731
            self.apart(Scope("function", self.scope, names), self.sink, walk)
        else:
            self.block(tree.body)
        self.magics, self.bare = kept


def _bare_calls(node: ast.expr) -> Iterable[ast.expr]:
    """The calls whose results an expression statement throws away."""
    if isinstance(node, ast.Await):
        node = node.value
    if isinstance(node, ast.Call):
        yield node
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        yield from _bare_calls(node.elt)
    elif isinstance(node, ast.BoolOp):
        yield from _bare_calls(node.values[-1])
    elif isinstance(node, ast.IfExp):
        yield from _bare_calls(node.body)
        yield from _bare_calls(node.orelse)
    elif isinstance(node, ast.Tuple):
        for element in node.elts:
            yield from _bare_calls(element)


VISITORS.update(
    {
        ast.Expr: Statements.visit_expression,
        ast.Assign: Statements.visit_assign,
        ast.AugAssign: Statements.visit_augmented,
        ast.AnnAssign: Statements.visit_annotated,
        ast.Delete: Statements.visit_delete,
        ast.Import: Statements.visit_import,
        ast.ImportFrom: Statements.visit_import_from,
        ast.Assert: Statements.visit_assert,
        ast.Raise: Statements.visit_raise,
        ast.Return: Statements.visit_return,
        ast.Break: Statements.visit_break,
        ast.Continue: Statements.visit_continue,
        ast.Global: Statements.visit_scope_words,
        ast.Nonlocal: Statements.visit_scope_words,
    }
)
