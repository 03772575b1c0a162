"""What a cell's code does with names: one ``Unit`` for each top-level statement, found without running anything.

``analyse`` is pure and never raises: a cell that Python cannot read comes back with a ``Problem``. The facts are
remembered by cell digest, so they have a compact JSON form with a version. The parts: ``magics`` (IPython's syntax),
``syntax`` (trees and digests), ``walk`` to ``branches`` (the walk), ``units`` (kinds and constants).
"""

from __future__ import annotations

import ast
import re
import sys
from typing import Any

from nbflow.core import units, used_up
from nbflow.core.branches import Branches
from nbflow.core.collect import NOTHING
from nbflow.core.magic_table import Magic
from nbflow.core.magics import PLACEHOLDERS, Replaced, replace_magics
from nbflow.core.model import Change, Code, Effect, Facts, Import, PathExpr, Problem, Unit
from nbflow.core.syntax import Dumper, check_symbols, digest, lines_of, newer_syntax, parse

FACTS_VERSION = 4
"""Raised whenever ``analyse`` finds other facts in the same source, or their JSON form changes."""

LAZY_ANNOTATIONS = sys.version_info >= (3, 14)
TOO_DEEP = "the code is nested too deeply to be read"


def analyse(source: str, lazy_annotations: bool = False) -> Facts:
    """The facts about one cell. Never raises; what cannot be read is in ``Facts.problem``.

    ``lazy_annotations``: whether a cell above ``defers_annotations``."""
    try:
        return _facts(_normal(source), lazy_annotations)
    except SyntaxError as error:
        return Facts(problem=_problem(error, source))
    except (RecursionError, MemoryError):
        return Facts(problem=Problem(TOO_DEEP, 1, 1))
    except UnicodeError:
        return Facts(problem=Problem("the cell holds half a character (a lone surrogate)", 1, 1))
    except (ValueError, OverflowError) as error:  # null bytes
        return Facts(problem=Problem(str(error), 1, 1))


def defers_annotations(source: str) -> bool:
    """Whether a cell has ``from __future__ import annotations``, which holds for it and for all that run after it."""
    return "__future__" in source and _DEFERS.search(source) is not None


_DEFERS = re.compile(r"^from[ \t]+__future__[ \t]+import\b[^\n#]*\bannotations\b", re.MULTILINE)


def _normal(source: str) -> str:
    """Line ends as Python's tokenizer has them, and no byte order mark."""
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source.removeprefix("\ufeff")


def _problem(error: SyntaxError, source: str) -> Problem:
    line, column = error.lineno or 1, max(error.offset or 1, 1)
    hint = newer_syntax(_normal(source), line)
    message = error.msg or "invalid syntax"
    return Problem(f"{message}: {hint}" if hint else message, line, column)


def _read(source: str) -> tuple[ast.Module, Replaced]:
    """Parse a cell. Most cells hold no magic: those that Python reads as they are need no second look."""
    stripped = source.lstrip()
    if not stripped.startswith(("%%", "In [", "cd", "ls", "ll", "pwd", "who", "hist")):
        try:
            return parse(source), Replaced(source)
        except SyntaxError:
            pass
    replaced = replace_magics(source)
    return parse(replaced.text), replaced


def _embedded(source: str) -> tuple[ast.Module, dict[str, Magic]]:
    tree, replaced = _read(source)
    return tree, replaced.magics


def _facts(source: str, lazy_annotations: bool) -> Facts:
    tree, replaced = _read(source)
    if replaced.opaque:
        return Facts(opaque=replaced.opaque, comments=tuple(dict.fromkeys(replaced.comments)))
    cell = _Cell(source, replaced, lazy_annotations)
    found = [cell.header(magic) for magic in replaced.headers]
    for index, node in enumerate(tree.body):
        found.append(cell.unit(node, index == len(tree.body) - 1))
    if cell.check_symbols or "__debug__" in source:
        check_symbols(tree)
    return Facts(units=tuple(found), comments=tuple(dict.fromkeys([*replaced.comments, *cell.comments])))


class _Cell:
    """What the units of one cell share."""

    def __init__(self, source: str, replaced: Replaced, lazy_annotations: bool) -> None:
        self.text = replaced.text
        self.magics = replaced.magics
        self.walrus = ":=" in source
        self.lazy = LAZY_ANNOTATIONS or lazy_annotations or defers_annotations(source)
        self.constants: dict[str, PathExpr] = {}
        self.comments: list[str] = []
        self.check_symbols = False

    def header(self, magic: Magic) -> Unit:
        """A cell magic above a Python body stands as a statement of its own."""
        code = Code(reads=magic.reads, binds=magic.binds)
        mark = digest(magic.text)
        return Unit(magic.line, "other", mark, mark, magic.binds, code, NOTHING)

    def unit(self, node: ast.stmt, last: bool) -> Unit:
        walk = Branches(self.magics, self.constants, self.walrus, self.lazy)
        walk.parse_code = _embedded
        walk.visit(node)
        self.check_symbols = self.check_symbols or walk.check_symbols
        self.comments += walk.comments
        kind = units.kind_of(node)
        constant: tuple[tuple[str, PathExpr], ...] = ()
        value = ""
        if isinstance(node, units.MAY_ASSIGN):
            constant = units.constants(node, walk.path_name, kind)
            value = units.json_value(node) if kind == "literal" else ""
        for name in walk.now.binds:
            self.constants.pop(name, None)
        self.constants.update(constant)
        plain, with_docs = self.digests(node, last)
        now = walk.now.code()
        return Unit(
            _first_line(node),
            kind,
            plain,
            with_docs,
            () if walk.dead else tuple([name for name in now.binds if name in walk.sure]),
            now,
            walk.later.code(),
            tuple(walk.imports),
            _segment(self.text, node) if kind == "import" else "",
            walk.always,
            constant,
            value,
            tuple(walk.altered),
            () if isinstance(node, ast.ClassDef) else (*walk.returned, *(["yield"] if walk.yields else [])),
            used_up.made_by(node),
        )

    def digests(self, node: ast.stmt, last: bool) -> tuple[str, str]:
        """Without and with the docstrings of plain functions. Both empty for a magic that does not count."""
        dumper = Dumper(docs=False)
        text = dumper.text(node)
        full = Dumper(docs=True).text(node) if dumper.skipped else text
        if self.magics:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name):
                alone = self.magics.get(node.value.id)
                if alone is not None and not alone.keyed:
                    return "", ""
            text, full = PLACEHOLDERS.sub(self.magic_text, text), PLACEHOLDERS.sub(self.magic_text, full)
        if last and isinstance(node, ast.Expr) and _ends_quietly(self.text, node):
            text, full = text + ";", full + ";"
        plain = digest(text)
        return plain, plain if full is text or full == text else digest(full)

    def magic_text(self, placeholder: re.Match[str]) -> str:
        magic = self.magics.get(placeholder[0])
        return placeholder[0] if magic is None else magic.text


def _first_line(node: ast.stmt) -> int:
    """Python counts a definition from its ``def``; a reader from its first decorator."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *[decorator.lineno for decorator in decorators]])


def _lines(text: str, first: int, last: int) -> list[bytes]:
    return [line.encode("utf-8", "surrogatepass") for line in lines_of(text)[first - 1 : last]]


def _segment(text: str, node: ast.stmt) -> str:
    """The source of a statement. Columns count bytes."""
    lines = _lines(text, node.lineno, node.end_lineno or node.lineno)
    lines[-1] = lines[-1][: node.end_col_offset]
    lines[0] = lines[0][node.col_offset :]
    return b"\n".join(lines).decode("utf-8", "surrogatepass")


def _ends_quietly(text: str, node: ast.stmt) -> bool:
    """Whether a ``;`` follows the cell's last statement: it hides the output."""
    if ";" not in text:
        return False
    line = node.end_lineno or node.lineno
    rest = _lines(text, line, line)[0][node.end_col_offset :]
    return rest.lstrip().startswith(b";") or (rest.strip() == b"\\" and ";" in lines_of(text)[line].partition("#")[0])


# --- as JSON -------------------------------------------------------------------------------------------


def facts_to_json(facts: Facts) -> list[Any]:
    """The facts as nested lists, without what is empty at their ends. ``facts_from_json`` is the way back."""
    problem = facts.problem
    return _short(
        [
            [_unit_to_json(unit) for unit in facts.units],
            facts.opaque,
            list(facts.comments),
            [] if problem is None else [problem.message, problem.line, problem.column],
        ]
    )


def facts_from_json(data: list[Any]) -> Facts:
    """Raises ``ValueError``, ``TypeError`` or ``IndexError`` for what ``facts_to_json`` did not write."""
    rows, opaque, comments, problem = data + _FACTS[len(data) :]
    return Facts(
        tuple([_unit_from_json(row) for row in rows]),
        Problem(*problem) if problem else None,
        opaque,
        tuple(comments),
    )


_FACTS: list[Any] = [[], "", [], []]
_CODE: list[Any] = [[], [], [], [], [], [], [], [], [], [], 0, [], [], [], []]
_UNIT: list[Any] = [1, "other", "", "", [], [], [], [], "", "", [], "", [], [], []]


def _short(row: list[Any]) -> list[Any]:
    while row and not row[-1]:
        row.pop()
    return row


def _unit_to_json(unit: Unit) -> list[Any]:
    same = unit.digest_with_docs == unit.digest
    return _short(
        [
            unit.line, unit.kind, unit.digest, "" if same else unit.digest_with_docs, list(unit.sure),
            _code_to_json(unit.now), _code_to_json(unit.later), [[i.module, i.name, i.bound] for i in unit.imports],
            unit.import_source, unit.always, [[name, path] for name, path in unit.constant], unit.value,
            list(unit.alters), list(unit.gives), [list(made) for made in unit.used_up],
        ]
    )  # fmt: skip


def _unit_from_json(row: list[Any]) -> Unit:
    line, kind, plain, docs, sure, now, later, imports, source, always, constant, value, alters, gives, used_up = (
        row + _UNIT[len(row) :]
    )
    return Unit(
        line, kind, plain, docs or plain, tuple(sure), _code_from_json(now), _code_from_json(later),
        tuple([Import(*item) for item in imports]) if imports else (), source, always,
        tuple([(name, _path(path)) for name, path in constant]) if constant else (), value, tuple(alters), tuple(gives),
        tuple([(name, root, what) for name, root, what in used_up]) if used_up else (),
    )  # fmt: skip


def _code_to_json(code: Code) -> list[Any]:
    if code is NOTHING:
        return []
    return _short(
        [
            list(code.reads), list(code.binds), [[c.name, c.how] for c in code.changes], list(code.calls),
            list(code.setup), list(code.bare_calls), list(code.paths), list(code.environ), list(code.modules),
            [[e.kind, e.root, e.text, e.line, e.path or 0] for e in code.effects], int(code.looks_inside),
            [list(pair) for pair in code.shares], [list(hand) for hand in code.hands],
            [list(kept) for kept in code.keeps], [list(given) for given in code.given],
        ]
    )  # fmt: skip


def _code_from_json(row: list[Any]) -> Code:
    if not row:
        return NOTHING
    reads, binds, changes, calls, setup, bare, paths, environ, modules, effects, inside, shares, hands, keeps, given = (
        row + _CODE[len(row) :]
    )
    return Code(
        tuple(reads), tuple(binds), tuple([Change(*item) for item in changes]) if changes else (), tuple(calls),
        tuple(setup), tuple(bare), tuple([_path(path) for path in paths]) if paths else (), tuple(environ),
        tuple(modules),
        tuple([_effect(*effect) for effect in effects]) if effects else (),
        bool(inside), tuple([(name, root) for name, root in shares]) if shares else (),
        tuple([(called, slot, root) for called, slot, root in hands]) if hands else (),
        tuple([(container, root, how) for container, root, how in keeps]) if keeps else (),
        tuple([(called, slot, _path(path)) for called, slot, path in given]) if given else (),
    )  # fmt: skip


def _effect(kind: Any, root: str, text: str, line: int, path: list[Any]) -> Effect:
    return Effect(kind, root, text, line, _path(path) if path else None)


def _path(data: list[Any]) -> PathExpr:
    return tuple([_path(part) if isinstance(part, list) else part for part in data])
