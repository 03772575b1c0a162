"""The walk over what calls are given: names handed to functions, to methods, and to lambdas beside them.

A function may change the objects that it is called with, keep them, or return them. Which functions do is known only
when all cells are: here it is written down who hands what to whom, and ``bindings`` puts the two together. Read
``calls`` next, which builds on this class.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbflow.core.expressions import Expressions
from nbflow.core.path_expressions import has_text
from nbflow.core.sharing import sources
from nbflow.core.walk import root_of
from nbflow.core.words import words

LOOKING_FUNCTIONS = words("""
    print pprint display len str repr hash type id isinstance issubclass hasattr help dir vars sum min max list
    dict set tuple frozenset range enumerate zip int float bool round abs any all open format reversed getattr
    """)
"""Builtins that leave alone what they are called with."""

ANYWHERE = "*"
"""The slot of what is handed over behind a star."""
OBJECT = "@"
"""The slot of a method's object."""


class Handing(Expressions):
    def hand_over(self, function: str, node: ast.Call) -> None:
        """Note the names that a function, or a method (``.fit``), is called with: it may change their objects."""
        if function in LOOKING_FUNCTIONS:
            return
        for slot, argument in given(node):
            for root in sources(argument):
                self.hand(function, slot, root, node in self.bare)
            self.give_path(function, slot, argument)
        if function in ("map", ".map", ".imap") and len(node.args) > 1 and isinstance(node.args[0], ast.Name):
            for index, argument in enumerate(node.args[1:]):
                self.give_path(node.args[0].id, str(index), argument)

    def give_path(self, function: str, slot: str, argument: ast.expr) -> None:
        """Note a path that a function is called with: it may read it. Names are handed over anyway."""
        if isinstance(argument, ast.Constant) and function[0] == "." and not _looks_like_a_path(argument.value):
            return
        path = self.path(argument)
        if path is not None and path[0] != "name" and (has_text(path) or path[0] == "param"):
            self.sink.given[function, slot, path] = None

    def hand(self, function: str, slot: str, root: str, bare: bool) -> None:
        for name in self.behind([root]):
            if name[0] != "\0":
                self.sink.hands[function, slot, name] = None
            elif bare and function[0] != ".":
                self.alter(name[1:])  # a call that is made for its effect
            elif slots := self.parameters.get(name[1:]):
                self.sink.hands[function, slot, ">" + ",".join(slots)] = None

    def visit_given(self, node: ast.Call, receiver: str | None) -> None:
        """Walk over the arguments. A lambda may be called with any of the objects that stand beside it."""
        arguments = [*node.args, *[k.value for k in node.keywords]]
        if any(isinstance(argument, ast.Lambda) for argument in arguments):
            others = [root for argument in arguments for root in sources(argument)]
            self.fed = tuple(self.behind([receiver, *others] if receiver is not None else others))
        kept = self.fed
        for argument in arguments:
            self.fed = kept if isinstance(argument, ast.Lambda) else ()
            self.visit(argument)
        self.fed = ()

    def keep(self, container: ast.expr, value: ast.expr, how: str) -> None:
        """Note that what a value stands for is kept in an object: a change through that is a change of it."""
        root, called = root_of(container)
        if root is None or called == "function" or self.sink is not self.now or not self.is_global(root):
            return
        for name in self.behind(sources(value)):
            if name != root and name[0] != "\0":
                self.sink.keeps[root, name, how] = None


def _looks_like_a_path(value: object) -> bool:
    return isinstance(value, str) and ("/" in value or "." in value)


def given(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """What a call is given, each with its slot."""
    starred = False
    for index, argument in enumerate(node.args):
        starred = starred or isinstance(argument, ast.Starred)
        yield ANYWHERE if starred else str(index), argument
    for keyword in node.keywords:
        yield keyword.arg or ANYWHERE, keyword.value


def is_worth_a_note(node: ast.Call) -> bool:
    """Whether a method is given what it may change, or read: a name, or something like a path."""
    return any(
        isinstance(a, _NAMES_OR_PATHS) or (isinstance(a, ast.Constant) and _looks_like_a_path(a.value))
        for _, a in given(node)
    )


_NAMES_OR_PATHS = (ast.Name, ast.Starred, ast.Attribute, ast.Subscript, ast.BinOp, ast.JoinedStr)


__all__ = ["ANYWHERE", "LOOKING_FUNCTIONS", "OBJECT", "Handing", "given", "is_worth_a_note"]
