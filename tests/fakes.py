"""Notebooks written as one would read them, and surroundings that are a dictionary: for tests of the core."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from nbflow.core import check as checks
from nbflow.core import paths
from nbflow.core.graph import Pipeline, build
from nbflow.core.model import Cell, Finding, Notebook
from nbflow.core.names import analyse
from nbflow.core.outline import Outline, facts_of
from nbflow.core.slicing import Slice, slice_step
from nbflow.core.surroundings import Interpreter, LocalCode

_TAGS = re.compile(r"#\[([\w -]*)\]\n?")


def cell(text: str, number: int = 1) -> Cell:
    """A code cell. A first line ``#[tag tag]`` gives it tags, ``#[markdown]`` and ``#[raw]`` another kind."""
    tags: frozenset[str] = frozenset()
    if match := _TAGS.match(text):
        tags, text = frozenset(match[1].split()), text[match.end() :]
    kind = next((k for k in ("markdown", "raw") if k in tags), "code")
    return Cell(number, kind, text, tags - {kind})


def notebook(*cells: str, path: str = "nb.ipynb", kernel: str | None = None, language: str = "python") -> Notebook:
    """``notebook("import numpy as np", "%%step a -o x\\nx = 1")``: its cells are numbered from 1."""
    return Notebook(path, tuple(cell(text, n) for n, text in enumerate(cells, 1)), kernel, language)


_analysed = lru_cache(maxsize=None)(analyse)
"""Cells are analysed once: some tests make notebooks of thousands again and again."""


def outline(*cells: str, path: str = "nb.ipynb", language: str = "python") -> Outline:
    book = notebook(*cells, path=path, language=language)
    return outline_of(book)


def outline_of(book: Notebook) -> Outline:
    return Outline(book, lambda: facts_of(book, _analysed))


def pipeline(*books: Notebook | tuple[str, ...]) -> Pipeline:
    """The pipeline of some notebooks; cells alone stand for a notebook of their own, ``nb.ipynb``."""
    found = [book if isinstance(book, Notebook) else notebook(*book) for book in books]
    return build([outline_of(book) for book in found])


def slice_of(pipe: Pipeline, step: str) -> Slice:
    """The slice of a step, by its short name."""
    found = next(s for s in pipe.steps.values() if s.name == step)
    return slice_step(pipe.outlines[found.notebook], found.outline, found.supplies)


def slices_of(pipe: Pipeline) -> dict[str, Slice]:
    return {s.id: slice_step(pipe.outlines[s.notebook], s.outline, s.supplies) for s in pipe.steps.values()}


def layout(found: Slice) -> list[str]:
    """A slice for comparison: ``["context 1", "input 2: df", "import 3: import re", "step 4"]``."""
    lines = []
    for piece in found.pieces:
        more = ", ".join(piece.names) or piece.source
        lines.append(f"{piece.kind} {piece.cell}" + (f": {more}" if more else ""))
    return lines


def check(*books: Notebook | tuple[str, ...], around: FakeSurroundings | None = None) -> tuple[Finding, ...]:
    """Everything that the check says of some notebooks."""
    pipe = pipeline(*books)
    return checks.check(pipe, slices_of(pipe), around or FakeSurroundings())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class FakeSurroundings:
    """A world in a dictionary."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """Path from the project root → what the file holds."""
    variables: Mapping[str, str] = field(default_factory=dict)
    installed: Mapping[str, str] = field(default_factory=dict)
    """Top-level module → ``distribution version``."""
    local: Mapping[str, str] = field(default_factory=dict)
    """Local module → its text; it lies at ``MODULE.py``."""
    python: str = "3.11"

    def interpreter(self, kernel: str | None) -> Interpreter:
        return Interpreter(self.python, kernel or "python3")

    def packages(self, kernel: str | None, modules: tuple[str, ...]) -> Mapping[str, str]:
        tops = {m.partition(".")[0] for m in modules}
        known = (self.installed[m].partition(" ") for m in sorted(tops) if m in self.installed)
        return {name: version for name, _, version in known}

    def local_modules(
        self, kernel: str | None, folder: str, modules: tuple[str, ...], extra: tuple[str, ...]
    ) -> LocalCode:
        return LocalCode({f"{m}.py": digest(self.local[m]) for m in modules if m in self.local})

    def file(self, path: str) -> str | None:
        if path in self.texts:
            return digest(self.texts[path])
        below = self._below(path)
        return digest("\n".join(f"{p} {digest(t)}" for p, t in sorted(below.items()))) if below else None

    def files(self, pattern: str, left_out: Callable[[str], bool] | None = None) -> Mapping[str, str]:
        found = {p: digest(text) for p, text in sorted(self.texts.items()) if paths.matches(pattern, p)}
        return {p: d for p, d in found.items() if not (left_out and left_out(p))}

    def is_there(self, pattern: str) -> bool:
        return bool(self.files(pattern)) or self.names(pattern) is not None

    def names(self, path: str) -> frozenset[str] | None:
        top = "" if path in (".", "./", "") else path.rstrip("/") + "/"
        return frozenset(p.removeprefix(top).partition("/")[0] for p in self._below(path)) or None

    def listing(self, path: str, without: Collection[str] = (), also: Collection[str] = ()) -> str | None:
        names = self.names(path)
        if names is None and not also:
            return None
        return digest("\n".join(sorted({*(names or ()), *also}.difference(without))))

    def module_digest(self, path: str) -> str | None:
        text = self.local.get(path.removesuffix(".py"))
        return None if text is None else digest(text)

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def _below(self, path: str) -> dict[str, str]:
        folder = "" if path in (".", "./", "") else path.rstrip("/") + "/"
        return {p: t for p, t in self.texts.items() if p.startswith(folder)}


def codes(findings: Iterable[Finding]) -> list[str]:
    return [f.code for f in findings]
