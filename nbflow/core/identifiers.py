"""Where the code of a cell means one name of the notebook, to the character, so that the name can be exchanged.

A name of a function's own, an attribute, a keyword of a call and a word in a text are other things, however they read.
Where it cannot be told by reading what a word means, that is said and nothing is offered. Nothing is changed here.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from typing import Any

from nbflow.core.magics import replace_magics
from nbflow.core.scopes import Names, Scope, bound_in, capture_names, import_names, target_names
from nbflow.core.syntax import parse

Place = tuple[int, int]
"""Line from 0, column in characters from 0."""

TEXTS_HAVE_PLACES = sys.version_info >= (3, 12)
"""Whether Python says where in the text of an f-string a name stands."""


class CannotTell(Exception):
    """Why the name cannot be exchanged in this cell, as a clause that follows ``Cell 3``. ``line`` counts from 1."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


def places_of(source: str, name: str) -> list[Place]:
    """Where a cell means the notebook's own ``name``. Raises ``CannotTell``."""
    if not mentions(source, name):
        return []
    text = _readable(source, name)
    if text is None:
        return []
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CannotTell("cannot be read as Python") from None
    found = _Finder(text, name).found(tree)
    lines = source.split("\n")
    for line, column in found:
        if line >= len(lines) or lines[line][column : column + len(name)] != name:
            raise CannotTell(f"has '{name}' in a place that cannot be told", line + 1)
    return found


def identifiers(source: str) -> set[str]:
    """Every name that the code of a cell has in any scope; none where it cannot be read."""
    try:
        tree = parse(replace_magics(source.replace("\r\n", "\n")).text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        found.update(_own_names(node))
    return found


def mentions(text: str, name: str) -> bool:
    """Whether a word of the text is this name."""
    return name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _readable(source: str, name: str) -> str | None:
    """The cell as Python reads it, each line where it was; ``None`` where nothing in it can mean the name."""
    if "\r" in source.replace("\r\n", ""):
        raise CannotTell("has unusual line ends")
    replaced = replace_magics(source.replace("\r\n", "\n"))
    if replaced.opaque:
        if re.search(rf"[{{$]\s*{re.escape(name)}(?!\w)", replaced.body):
            raise CannotTell(f"hands '{name}' to %%{replaced.opaque}", replaced.line)
        return None
    for magic in (*replaced.headers, *replaced.magics.values()):
        if mentions(magic.text, name):
            line = magic.text.strip().splitlines()[0]
            raise CannotTell(f"names it in a magic ({line[:60]})", magic.line)
    return replaced.text


def _own_names(node: ast.AST) -> Iterable[str]:
    """The identifiers that a node itself holds, attributes and keywords of calls left out."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.ExceptHandler):
        return (node.name,) if node.name else ()
    if isinstance(node, ast.Import | ast.ImportFrom):
        return import_names(node)
    if isinstance(node, ast.Global | ast.Nonlocal):
        return node.names
    return capture_names(node) if isinstance(node, ast.pattern) else ()


class _Finder:
    """A walk over the tree that knows in which scope it is."""

    def __init__(self, text: str, name: str) -> None:
        self.lines = text.split("\n")
        self.name = name
        self.scope: Scope | None = None
        self.places: list[Place] = []
        self.tokens = [*_tokens(text, name)]
        self.in_text = False

    def found(self, tree: ast.Module) -> list[Place]:
        for node in tree.body:
            self.visit(node)
        return sorted(set(self.places))

    # --- what a node is ------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> None:
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            self.visit_all(ast.iter_child_nodes(node))
        else:
            method(node)

    def visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def is_ours(self) -> bool:
        """Whether the name means the notebook's own where the walk is now."""
        where = "global" if self.scope is None else self.scope.where(self.name)
        if isinstance(where, Scope):
            raise CannotTell(f"has a class with a '{self.name}' of its own")
        return where == "global"

    def _name(self, node: ast.Name) -> None:
        if node.id == self.name and self.is_ours():
            self.places.append(self.place(node.lineno, node.col_offset))

    def _constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and mentions(node.value, f"@{self.name}"):
            raise CannotTell(f"says '@{self.name}' in a text", node.lineno)

    # --- scopes --------------------------------------------------------------------------------------------

    def _functiondef(self, node: Any) -> None:
        self.visit_all(node.decorator_list)
        self._bound_at(node, node.name)
        outer = self._type_parameters(node)
        arguments = node.args
        self.visit_all([*arguments.defaults, *arguments.kw_defaults])
        self.visit_all([a.annotation for a in _parameters(arguments)])
        self.visit_all([node.returns])
        self._function(arguments, node.body)
        self.scope = outer

    _asyncfunctiondef = _functiondef

    def _lambda(self, node: ast.Lambda) -> None:
        self.visit_all([*node.args.defaults, *node.args.kw_defaults])
        self._function(node.args, [node.body])

    def _function(self, arguments: ast.arguments, body: Iterable[ast.AST]) -> None:
        names = bound_in(body, True)
        names.local.update(each.arg for each in _parameters(arguments))
        self._inside(Scope("function", self.scope, names), body)

    def _classdef(self, node: Any) -> None:
        self.visit_all(node.decorator_list)
        self._bound_at(node, node.name)
        outer = self._type_parameters(node)
        self.visit_all([*node.bases, *[keyword.value for keyword in node.keywords]])
        self._inside(Scope("class", self.scope, bound_in(node.body, True), node.name), node.body)
        self.scope = outer

    def _type_parameters(self, node: Any) -> Scope | None:
        outer = self.scope
        if parameters := getattr(node, "type_params", None):
            self.scope = Scope("type", outer, Names({parameter.name for parameter in parameters}))
            self.visit_all(parameters)
        return outer

    def _inside(self, scope: Scope, body: Iterable[ast.AST]) -> None:
        outer, self.scope = self.scope, scope
        self.visit_all(body)
        self.scope = outer

    def _listcomp(self, node: Any) -> None:
        self._comprehension(node, [node.elt])

    _setcomp = _generatorexp = _listcomp

    def _dictcomp(self, node: ast.DictComp) -> None:
        self._comprehension(node, [node.key, node.value])

    def _comprehension(self, node: Any, elements: list[ast.expr]) -> None:
        self.visit(node.generators[0].iter)
        names = Names()
        for generator in node.generators:
            target_names(generator.target, names.local)
        inside: list[ast.AST] = []
        for index, generator in enumerate(node.generators):
            inside += [generator.iter] if index else []
            inside += [generator.target, *generator.ifs]
        self._inside(Scope("comprehension", self.scope, names), [*inside, *elements])

    # --- names that are no nodes -----------------------------------------------------------------------------

    def _bound_at(self, node: Any, bound: str | None) -> None:
        """The name of a definition, behind its ``def`` or ``class``."""
        if bound == self.name and self.is_ours():
            self.places.append(next(t for t in self.tokens if t >= self.place(node.lineno, node.col_offset)))

    def _excepthandler(self, node: ast.ExceptHandler) -> None:
        self.visit_all([node.type])
        if node.name == self.name and self.is_ours():
            start = node.type if node.type is not None else node
            begin = self.place(start.end_lineno or 1, start.end_col_offset or 0)
            self.places.append(next(token for token in self.tokens if token >= begin))
        self.visit_all(node.body)

    def _import(self, node: Any) -> None:
        for alias in node.names:
            bound = alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
            if bound == self.name and self.is_ours():
                if not alias.asname:
                    raise CannotTell(f"imports '{self.name}' by this name", node.lineno)
                self._last_in(alias)

    _importfrom = _import

    def _global(self, node: Any) -> None:
        if self.name in node.names and self.is_ours():
            self._last_in(node)

    _nonlocal = _global

    def _matchas(self, node: Any) -> None:
        self.visit_all([node.pattern])
        if node.name == self.name and self.is_ours():
            self._last_in(node)

    def _matchstar(self, node: ast.MatchStar) -> None:
        if node.name == self.name and self.is_ours():
            self._last_in(node)

    def _matchmapping(self, node: ast.MatchMapping) -> None:
        self.visit_all([*node.keys, *node.patterns])
        if node.rest == self.name and self.is_ours():
            self._last_in(node)

    def _last_in(self, node: Any) -> None:
        begin = self.place(node.lineno, node.col_offset)
        end = self.place(node.end_lineno, node.end_col_offset)
        self.places.append([token for token in self.tokens if begin <= token < end][-1])

    # --- f-strings -------------------------------------------------------------------------------------------

    def _joinedstr(self, node: ast.JoinedStr) -> None:
        if TEXTS_HAVE_PLACES or self.in_text:
            self.visit_all(node.values)
            return
        before = len(self.places)
        self.in_text = True
        self.visit_all(node.values)
        self.in_text = False
        meant = len(self.places) - before
        del self.places[before:]
        if not meant:
            return
        # Where each stands is not known; where every such word between braces is meant, it need not be.
        words = [*self._words_in(node)]
        if len(words) != meant:
            raise CannotTell(f"has '{self.name}' in a text (an f-string) beside the same word", node.lineno)
        self.places += words

    def _words_in(self, node: ast.JoinedStr) -> Iterator[Place]:
        begin = self.place(node.lineno, node.col_offset)
        end = self.place(node.end_lineno or node.lineno, node.end_col_offset or 0)
        depth = 0
        for line in range(begin[0], end[0] + 1):
            text = self.lines[line]
            first, last = begin[1] if line == begin[0] else 0, end[1] if line == end[0] else len(text)
            for match in re.compile(r"\{\{|\}\}|[{}]|(?<![\w.])[^\W\d]\w*").finditer(text, first, last):
                word = match.group()
                if word in ("{", "}"):
                    depth += 1 if word == "{" else -1
                elif depth and word in ("{{", "}}"):
                    depth += 2 if word == "{{" else -2
                elif depth and word == self.name:
                    yield line, match.start()

    def place(self, line: int, column: int) -> Place:
        """``column``: in bytes of UTF-8, as Python counts."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return line - 1, len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    return [each for each in every if each is not None]


def _tokens(text: str, name: str) -> Iterator[Place]:
    """Where the name stands as a word of the code."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and token.string == name:
                yield token.start[0] - 1, token.start[1]
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return
