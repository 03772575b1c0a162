"""The files that code names by literals and constant paths, as far as they are known without running.

``Constants`` gathers what the units of a slice bind and hand over; ``texts`` puts a path expression together with it
(``D = Path("data")``, ``D / "x.parquet"``); ``named_files`` says where such paths lead from the project root. Whether
anything is there is not asked here.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from itertools import islice, product
from pathlib import PurePosixPath
from typing import NamedTuple

from nbflow.core import paths
from nbflow.core.model import Code, PathExpr, Unit

_DEEPEST = 20
_LONGEST = 1024
_MOST = 200
"""Paths that one expression may stand for."""


class Texts(NamedTuple):
    """What a path expression may stand for."""

    found: tuple[str, ...] = ()
    open: bool = False
    """Whether it may stand for something else, too."""


_OPEN = Texts((), True)


class Constants:
    """Names that stand for a path, and what functions are called with, in the code that a slice reaches."""

    def __init__(self) -> None:
        self._paths: dict[str, PathExpr] = {}
        self._values: dict[str, str] = {}
        self._codes: list[Code] = []

    def add(self, unit: Unit) -> None:
        """What a unit binds; the one added last counts."""
        for name, path in unit.constant:
            known = self.path(name) if path[0] == "or" else None
            self._paths[name] = (
                path[1] if path[0] == "or" and known is None else path if known is None else ("any", known, path[1])
            )
        if unit.value and len(unit.now.binds) == 1 and not unit.constant:
            (name,) = unit.now.binds
            self._values[name] = unit.value
            self._paths.pop(name, None)
        for code in (unit.now, unit.later):
            if code.given or code.hands:
                self._codes.append(code)

    def set(self, name: str, value: object) -> None:
        """A parameter that was given for this run."""
        self._paths.pop(name, None)
        self._values[name] = json.dumps(value, default=str)

    def path(self, name: str) -> PathExpr | None:
        """What a name stands for, ``None`` where it is no constant."""
        known = self._paths.get(name)
        if known is None and name in self._values:
            return _of_value(json.loads(self._values[name]))
        return known

    def given(self, function: str, slots: Iterable[str]) -> Iterator[PathExpr]:
        """What a function's parameter is called with."""
        wanted = {*slots, "*"}
        for code in self._codes:
            yield from [path for called, slot, path in code.given if called == function and slot in wanted]
            for called, slot, root in code.hands:
                if called == function and slot in wanted and root[0] != ">":
                    yield ("name", root)


def _of_value(value: object) -> PathExpr | None:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return ("str", str(value))
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    known = [path for part in parts[:_MOST] if (path := _of_value(part)) is not None]
    return ("any", *known) if known else None


def named_files(expressions: Iterable[PathExpr], constants: Constants, folder: str) -> dict[str, str]:
    """Path from the project root → the text it comes from, for a notebook in ``folder``. Globs are left out."""
    found: dict[str, str] = {}
    for expression in expressions:
        for text in texts(expression, constants).found:
            where = place(text, folder)
            if where is not None and not paths.is_glob(where):
                found.setdefault(where, text)
    return found


def place(text: str, folder: str) -> str | None:
    """Where a text leads from the project root, ``None`` where it can be no file of its own."""
    if not text or len(text) >= _LONGEST or "\0" in text or "\n" in text:
        return None
    where = paths.from_root(folder, text)
    return None if where in (".", "/", "..", "./") else where


def texts(expression: PathExpr | None, constants: Constants, depth: int = 0) -> Texts:
    """Everything that a path expression may stand for."""
    if expression is None or depth > _DEEPEST:
        return _OPEN
    kind = expression[0]
    if kind == "str":
        return Texts((str(expression[1]),))
    if kind == "name":
        return texts(constants.path(expression[1]), constants, depth + 1)
    if kind == "none":
        return Texts()
    if kind == "maybe":
        return Texts() if _is_no_constant(expression[1], constants) else texts(expression[1], constants, depth + 1)
    if kind == "any":
        return _together([texts(part, constants, depth + 1) for part in expression[1:]])
    if kind == "param":
        given = [texts(path, constants, depth + 1) for path in constants.given(expression[1], expression[2:])]
        return _together(given) if given else _OPEN
    if kind in ("join", "add", "with"):
        left, right = (texts(part, constants, depth + 1) for part in expression[-2:])
        pairs = islice(product(left.found, right.found), _MOST)
        how = expression[1] if kind == "with" else kind
        return Texts(tuple([made for a, b in pairs if (made := _made(how, a, b))]), left.open or right.open)
    if kind == "format":
        inner = texts(expression[2], constants, depth + 1)
        return Texts(tuple([made for text in inner.found if (made := _formatted(text, expression[1]))]), inner.open)
    return _OPEN


def _together(parts: Iterable[Texts]) -> Texts:
    parts = list(parts)
    found = dict.fromkeys(text for part in parts for text in part.found)
    return Texts(tuple(islice(found, _MOST)), any(part.open for part in parts))


def _is_no_constant(expression: PathExpr, constants: Constants) -> bool:
    return bool(expression[0] == "name" and constants.path(expression[1]) is None)


def _made(how: str, a: str, b: str) -> str:
    if how == "join":
        return posixpath.join(a, b)
    if how == "add":
        return a + b
    try:
        part = getattr(PurePosixPath(a), how)
        return str(part(b) if callable(part) else part)
    except ValueError:
        return ""


def _formatted(text: str, spec: str) -> str:
    try:
        return format(int(text), spec) if text.lstrip("-").isdecimal() else format(text, spec)
    except ValueError:
        return ""
