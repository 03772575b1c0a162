"""What the code that a step reaches contributes to its key, as far as the notebooks alone tell it.

``code_parts`` adds it up from the pieces of a slice. Nothing outside counts, so it is the same for the same notebooks
and parameters, and may be remembered: ``to_json`` and ``from_json``. Read ``fingerprint`` next, which puts it together
with what lies around.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from nbflow.core.model import Code, Unit
from nbflow.core.named_files import Constants, named_files
from nbflow.core.outline import PARAMETERS_TAG, Outline
from nbflow.core.slices import Piece

_BUILTINS = frozenset(dir(builtins))
_BY_NAME = frozenset({"exec", "eval", "__import__"})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a pipeline is run with."""

    parameters: Mapping[str, Any]
    """Values given for this run, by name."""
    secrets: frozenset[str] = frozenset()
    """Environment variables that count by name only."""


class CodeParts(NamedTuple):
    """The contribution of a step's code. All of it are values that JSON has."""

    code: list[list[str]]
    """What runs, in order: ``["input", names…]``, ``["context", digests…]`` and ``["step", digests…]``."""
    helpers: dict[str, str]
    """Names that count wherever they are bound → digest."""
    parameters: dict[str, Any]
    labels: dict[str, str]
    """Digest of ``code`` → the line that it begins with, for people."""
    modules: tuple[str, ...]
    environ: tuple[str, ...]
    """Environment variables read by literal name."""
    search_path: tuple[str, ...]
    """Literal ``sys.path`` entries."""
    named_files: tuple[str, ...]
    """Paths (from the project root, or absolute) that literals in reached code may mean."""
    unread: tuple[tuple[tuple[str, ...], str], ...]
    """Imports whose names nobody reads, there for their effect: modules, and digest of the statement."""
    spared: tuple[str, ...]
    """Modules that cells of the slice import and that nothing reached uses."""
    imports_by_name: bool
    """Whether reached code may import modules that reading it does not show."""

    def to_json(self) -> list[Any]:
        return list(self)

    @classmethod
    def from_json(cls, row: list[Any]) -> CodeParts:
        code, helpers, parameters, labels, modules, environ, search_path, files, unread, spared, by_name = row
        return cls(
            code, helpers, parameters, labels, tuple(modules), tuple(environ), tuple(search_path), tuple(files),
            tuple([(tuple(names), digest) for names, digest in unread]), tuple(spared), by_name,
        )  # fmt: skip


class Remembered(Protocol):
    """The parts of steps, by full name, as they were found for the same notebooks and circumstances."""

    def get(self, step: str) -> CodeParts | None: ...

    def put(self, step: str, parts: CodeParts) -> None: ...


class NotRemembered:
    """Every step is read anew."""

    def get(self, step: str) -> CodeParts | None:  # noqa: ARG002 (as the protocol says)
        return None

    def put(self, step: str, parts: CodeParts) -> None:
        pass


def code_parts(
    pieces: Iterable[Piece], outlines: Mapping[str, Outline], folder: str, circumstances: Circumstances
) -> CodeParts:
    """What the pieces of a slice contribute, for a notebook in ``folder``."""
    pieces = tuple(pieces)
    gathered = _Gathered(outlines, circumstances, _looks_inside(pieces, outlines), _placed(pieces, outlines))
    for piece in pieces:
        gathered.add(piece)
    return gathered.parts(folder)


def _looks_inside(pieces: Iterable[Piece], outlines: Mapping[str, Outline]) -> bool:
    """Whether reached code may read docstrings, its own or those of what it was handed."""
    units = (outlines[p.notebook].units(p.cell)[i] for p in pieces for i in p.units)
    return any(u.now.looks_inside or u.later.looks_inside for u in units)


def _placed(pieces: Iterable[Piece], outlines: Mapping[str, Outline]) -> Set[str]:
    """Names for which it matters where they are bound: those bound more than once, or there before anything runs. All
    others cannot have been read before, so they count wherever they stand."""
    bound: dict[str, object] = {}
    placed: set[str] = set()
    for piece in pieces:
        for name in piece.names:
            if bound.setdefault(name, piece) is not piece:
                placed.add(name)
        units = outlines[piece.notebook].units(piece.cell) if piece.units else ()
        for index in piece.units:
            unit = units[index]
            mark = unit.digest if unit.kind == "import" else (piece, index)  # an import twice is as good as once
            for name in (*unit.now.binds, *unit.later.binds):
                if bound.setdefault(name, mark) != mark or name in _BUILTINS:
                    placed.add(name)
    return placed


class _Gathered:
    """Adds up what the pieces of a slice contribute."""

    def __init__(
        self, outlines: Mapping[str, Outline], circumstances: Circumstances, with_docs: bool, placed: Set[str]
    ) -> None:
        self.outlines = outlines
        self.circumstances = circumstances
        self.with_docs = with_docs
        self.placed = placed
        self.order: list[list[str]] = []
        self.helpers: dict[str, str] = {}
        self.parameters: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self.modules: dict[str, None] = {}
        self.environ: set[str] = set()
        self.sys_path: dict[str, None] = {}
        self.codes: list[Code] = []
        self.constants = Constants()
        self.unread: list[tuple[tuple[str, ...], str]] = []
        self.spared: set[str] = set()
        """Modules that cells of the slice import and that nothing reached uses."""

    def add(self, piece: Piece) -> None:
        if piece.kind == "input":
            self.order.append(["input", *sorted(piece.names)])
            return
        outline = self.outlines[piece.notebook]
        units = outline.units(piece.cell)
        self._note_sys_path(outline, piece)
        counted = [units[i] for i in piece.units]
        if piece.kind != "import" and len(counted) < len(units):
            for index, unit in enumerate(units):
                if unit.kind == "import" and index not in piece.units:
                    self.spared.update(unit.now.modules)
        fixed: list[str] = []
        for unit in counted:
            digest = unit.digest_with_docs if self.with_docs else unit.digest
            if not digest:
                continue
            if piece.kind == "import" and not any(b in outline.read_names for b in unit.now.binds):
                self.unread.append((unit.now.modules, digest))
                continue
            self._count(unit)
            if self._as_parameter(outline, piece, unit):
                continue
            if unit.kind == "other" or unit.always or not self.placed.isdisjoint(unit.now.binds):
                fixed.append(digest)
                self._label(digest, outline, piece, unit)
            else:
                self._as_helper(unit, digest)
        if piece.kind == "step":
            self.order.append(["step", *fixed])
        elif fixed:
            self.order.append(["context", *fixed])

    def parts(self, folder: str) -> CodeParts:
        paths = (path for code in self.codes for path in code.paths)
        by_name = "importlib" in self.modules or any(_BY_NAME.intersection(code.calls) for code in self.codes)
        return CodeParts(
            self.order, self.helpers, self.parameters, self.labels, tuple(sorted(self.modules)),
            tuple(sorted(self.environ)), tuple(self.sys_path), tuple(named_files(paths, self.constants, folder)),
            tuple(self.unread), tuple(sorted(self.spared)), by_name,
        )  # fmt: skip

    def _note_sys_path(self, outline: Outline, piece: Piece) -> None:
        for comment in outline.facts[piece.cell - 1].comments:
            if comment.startswith("sys.path:"):
                self.sys_path[comment.removeprefix("sys.path:")] = None

    def _count(self, unit: Unit) -> None:
        for code in (unit.now, unit.later):
            self.codes.append(code)
            self.modules.update(dict.fromkeys(code.modules))
            self.environ.update(code.environ)
        self.constants.add(unit)

    def _as_parameter(self, outline: Outline, piece: Piece, unit: Unit) -> bool:
        """A parameter counts by its value, whether it is the default or was given for this run."""
        if PARAMETERS_TAG not in outline.tags(piece.cell) or unit.imports:
            return False
        given = [n for n in unit.now.binds if n in self.circumstances.parameters]
        for name in given:
            self.parameters[name] = self.circumstances.parameters[name]
            self.constants.set(name, self.parameters[name])
        if given and len(given) == len(unit.now.binds) and unit.kind == "literal":
            return True
        if unit.value and len(unit.now.binds) == 1:
            self.parameters[unit.now.binds[0]] = json.loads(unit.value)
            return True
        return False

    def _as_helper(self, unit: Unit, digest: str) -> None:
        for name in unit.now.binds:
            known = self.helpers.get(name)
            self.helpers[name] = digest if known is None else f"{known}+{digest}"

    def _label(self, digest: str, outline: Outline, piece: Piece, unit: Unit) -> None:
        self.labels[digest] = outline.text(piece.cell, unit.line)[:80]
