"""The walk over statements with several ways through: what is surely bound where the ways meet again.

Branches join by intersection; a loop's body may not run; a ``try`` body may stop anywhere; a branch that ends in
``raise`` or ``return`` does not weaken the join. Code that cannot be reached is still walked, so that a name is
rather reported too often than too seldom. ``names`` makes facts of the result.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nbflow.core.definitions import Definitions
from nbflow.core.scopes import capture_names, deleted_in
from nbflow.core.sharing import sources
from nbflow.core.walk import VISITORS

MAY_SWALLOW = ("suppress", "raises", "ignor", "swallow", "catch")
"""Words in the name of a context manager that may end its body early and go on behind it (``contextlib.suppress``)."""
NEVER_SWALLOWS = ("catch_warnings", "catch_logs")


class Branches(Definitions):
    def branch(self, body: Iterable[ast.AST], start: set[str]) -> set[str] | None:
        """Walk over one way; the names surely bound at its end, ``None`` where its end is never reached."""
        before = self.dead
        self.sure = set(start)
        self.dead = False
        for node in body:
            self.visit(node)
        end = None if self.dead else self.sure
        self.dead = before
        return end

    def meet(self, ends: Iterable[set[str] | None], otherwise: set[str]) -> None:
        """Go on where several ways meet; ``otherwise`` is for what follows when none gets here."""
        reached = [end for end in ends if end is not None]
        if not reached:
            self.sure = set(otherwise)
            self.dead = True
            return
        self.sure = set.intersection(*reached) if len(reached) > 1 else reached[0]

    def visit_if(self, node: ast.If) -> None:
        ends: list[set[str] | None] = []
        while True:  # a chain of elif is deep in the tree
            self.visit(node.test)
            start = set(self.sure)
            ends.append(self.branch(node.body, start))
            rest = node.orelse
            self.sure = start
            if len(rest) != 1 or not isinstance(rest[0], ast.If):
                break
            node = rest[0]
        ends.append(self.branch(rest, start))
        self.meet(ends, start)

    def visit_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.check_symbols = self.check_symbols or isinstance(node, ast.AsyncFor)
        self.visit(node.iter)
        entry = self.sure - self.keys(deleted_in(node.body))
        self.sure = set(entry)
        over = self.path(node.iter)
        self.store(node.target)
        self.alias_elements(node.target, node.iter)
        self.remember_elements(node.target, over)
        end, breaks, continues = self.loop_body(node.body)
        through = self.joined([end, *continues])
        at_least_once = _never_empty(node.iter)
        exit_ = through if at_least_once else entry
        if exit_ is None:
            self.branch(node.orelse, entry)
            self.meet(breaks, entry)
            return
        self.meet([self.branch(node.orelse, exit_), *breaks], entry)

    def visit_while(self, node: ast.While) -> None:
        self.sure = self.sure - self.keys(deleted_in(node.body))
        self.visit(node.test)
        tested = set(self.sure)
        _, breaks, _ = self.loop_body(node.body)
        forever = isinstance(node.test, ast.Constant) and bool(node.test.value)
        otherwise = self.branch(node.orelse, tested)
        self.meet([*breaks] if forever else [otherwise, *breaks], tested)

    def loop_body(self, body: list[ast.stmt]) -> tuple[set[str] | None, list[set[str]], list[set[str]]]:
        breaks: list[set[str]] = []
        continues: list[set[str]] = []
        self.loops.append((breaks, continues))
        end = self.branch(body, self.sure)
        self.loops.pop()
        return end, breaks, continues

    def joined(self, ends: list[set[str] | None]) -> set[str] | None:
        reached = [end for end in ends if end is not None]
        return set.intersection(*reached) if reached else None

    def keys(self, names: set[str]) -> set[str]:
        """These names as ``sure`` holds them, whatever scope they are in."""
        if not names or self.scope is None:
            return names
        return names | {self.scope.mangled(name) for name in names} | {self.scope.prefix + name for name in names}

    def visit_with(self, node: ast.With | ast.AsyncWith) -> None:
        self.check_symbols = self.check_symbols or isinstance(node, ast.AsyncWith)
        swallows = False
        for item in node.items:
            self.visit(item.context_expr)
            swallows = swallows or _may_swallow(item.context_expr)
            if item.optional_vars is not None:
                self.store(item.optional_vars)
                self.share(item.optional_vars, item.context_expr)
                if isinstance(item.optional_vars, ast.Name):
                    self.handles.add(item.optional_vars.id)
        if not swallows:
            self.block(node.body)
            return
        mark = len(self.kills)
        start = set(self.sure)
        end = self.branch(node.body, start)
        self.meet([end, start - set(self.kills[mark:])], start)

    def visit_try(self, node: ast.Try) -> None:
        start, mark = set(self.sure), len(self.kills)
        left = self.ways_out()
        body_end = self.branch(node.body, start)
        interrupted = start - set(self.kills[mark:])
        after_else = self.branch(node.orelse, start if body_end is None else body_end)
        ends = [None if body_end is None else after_else]
        ends += [self.handler(handler, interrupted) for handler in node.handlers]
        if any(handler.type is None for handler in node.handlers[:-1]):
            self.check_symbols = True  # a bare ``except`` comes last
        if not node.finalbody:
            self.meet(ends, interrupted)
            return
        normal = self.joined(ends)
        anyhow = start - set(self.kills[mark:])
        mark = len(self.kills)
        final_end = self.branch(node.finalbody, anyhow)
        gone = set(self.kills[mark:])
        self.lose(gone, left)
        if normal is None or final_end is None:
            self.meet([], anyhow)
        else:
            self.sure = (normal - gone) | final_end

    def handler(self, node: ast.ExceptHandler, start: set[str]) -> set[str] | None:
        self.sure = set(start)
        if node.type is not None:
            self.visit(node.type)
        if not node.name:
            return self.branch(node.body, self.sure)
        self.bind(node.name)
        left = self.ways_out()
        end = self.branch(node.body, self.sure)
        self.sure = end if end is not None else set()
        self.lose({self.unbind(node.name)}, left)  # also where ``break`` leaves the handler
        return end

    def ways_out(self) -> tuple[int, int]:
        """How many ways lead out of the loop around this place, and back to its head, so far."""
        breaks, continues = self.loops[-1] if self.loops else ((), ())
        return len(breaks), len(continues)

    def lose(self, gone: set[str], since: tuple[int, int]) -> None:
        """Unbind names on the ways out of the loop that were found since."""
        if self.loops:
            breaks, continues = self.loops[-1]
            for way in (*breaks[since[0] :], *continues[since[1] :]):
                way.difference_update(gone)

    def visit_match(self, node: ast.Match) -> None:
        self.check_symbols = True
        self.visit(node.subject)
        start = set(self.sure)
        ends: list[set[str] | None] = []
        complete = False
        for case in node.cases:
            self.sure = set(start)
            self.pattern(case.pattern)
            for name in capture_names(case.pattern):
                self.alias(name, sources(node.subject))
            if case.guard is not None:
                self.visit(case.guard)
            ends.append(self.branch(case.body, self.sure))
            complete = complete or (case.guard is None and _always_matches(case.pattern))
        self.meet(ends if complete else [*ends, start], start)

    def pattern(self, pattern: ast.pattern) -> None:
        before = set(self.sure)
        for node in ast.walk(pattern):
            if isinstance(node, ast.MatchValue):
                self.visit(node.value)
            elif isinstance(node, ast.MatchClass):
                self.visit(node.cls)
            elif isinstance(node, ast.MatchMapping):
                self.visit_all(node.keys)
        self.sure = before
        for name in capture_names(pattern):
            self.bind(name)


def _may_swallow(node: ast.expr) -> bool:
    func = node.func if isinstance(node, ast.Call) else node
    word = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    word = word.lower()
    return any(part in word for part in MAY_SWALLOW) and word not in NEVER_SWALLOWS


def _never_empty(node: ast.expr) -> bool:
    """Whether a loop over this literal surely runs once."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return bool(node.elts) and not isinstance(node.elts[0], ast.Starred)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (str, bytes)) and bool(node.value)
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"
        and len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, int) and node.args[0].value > 0
    )  # fmt: skip


def _always_matches(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _always_matches(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(_always_matches(part) for part in pattern.patterns)


VISITORS.update(
    {
        ast.If: Branches.visit_if,
        ast.For: Branches.visit_for,
        ast.AsyncFor: Branches.visit_for,
        ast.While: Branches.visit_while,
        ast.With: Branches.visit_with,
        ast.AsyncWith: Branches.visit_with,
        ast.Try: Branches.visit_try,
        ast.TryStar: Branches.visit_try,
        ast.Match: Branches.visit_match,
    }
)
