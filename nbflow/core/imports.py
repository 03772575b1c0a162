"""Which modules a slice imports while its kernel is still as it started.

A module may read environment variables, the working folder and ``sys.path`` as it is imported, and what it says then
goes where warnings and the log are sent. So what a slice imports
before it touches any of these could as well be loaded before the slice begins, and what it imports afterwards could
not. When in doubt, the slice touches them. Whether a module is installed, and what is done with the answer, is for
others to say: see ``kernels/choosing``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from nbflow.core.model import Code, Import, Unit
from nbflow.core.outline import Outline
from nbflow.core.slicing import Piece
from nbflow.core.surroundings import LocalCode
from nbflow.core.words import words

STEERING = words("os sys site dotenv environs decouple importlib pkgutil builtins ctypes pip posix locale")
"""Modules through which code changes variables, folders and paths."""

_ACTING_LINE = re.compile(
    r"^[ \t]*(?:[\w., \t]+=[ \t]*)?(?:!|%(?!(?:%|matplotlib|autoreload|aimport|load_ext[ \t]+autoreload|precision|xmode"
    r"|colors|pprint|time|timeit|prun|memit|step|flow|load_ext[ \t]+nbflow)\b))|get_ipython\(",
    re.MULTILINE,
)
"""Shell lines and magics that may change what an import finds: ``!pip install``, ``%env``, ``%cd``."""

_LOUD = re.compile("filter|warnings|Config|setLevel|level")
_QUIET = r"(?!(?:\w+\.)*[\"']?(?:WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b)"
_HEARING = re.compile(
    r"\b(?:simplefilter|filterwarnings|resetwarnings)\((?!\s*(?:action\s*=\s*)?[\"']ignore)"
    r"|\bwarnings\.(?:filters|showwarning)\b[^=\n]*=|\b(?:dictConfig|fileConfig)\("
    rf"|\bbasicConfig\((?=[\s\S]*?(?:\*\*|\blevel\s*=\s*{_QUIET}))"
    rf"|\bsetLevel\(\s*{_QUIET}|\b(?:root|getLogger\([^)]*\))\.level\s*=\s*{_QUIET}"
)
"""In a statement: calls after which an import may be heard that could not be before: warnings that are errors, or
shown, and a log of more than warnings. To hear less changes nothing, as what can be heard without any of them is never
loaded ahead."""


@dataclass(frozen=True, slots=True)
class Imports:
    """What a slice imports, as far as that can be told."""

    modules: tuple[str, ...] = ()
    """Dotted, in the order of the slice; the last word may be a name that is taken from a module."""
    untouched: bool = True
    """Whether variables, folder and path stay as they are to the end of the slice. Where they do not, ``modules`` are
    those that are imported before; where they do, what functions import when they are called is among them."""
    bound: frozenset[str] = frozenset()
    """Dotted modules that code has by name, or may have: it finds their submodules there once anybody has imported
    them."""


def imports_of(
    pieces: Iterable[Piece], outlines: Mapping[str, Outline], local: Callable[[tuple[str, ...]], LocalCode]
) -> Imports:
    """What a slice with these pieces imports. ``local`` tells of the local code behind modules."""
    seen = _Seen(local)
    for piece in pieces:
        if piece.kind == "input":
            continue
        outline = outlines[piece.notebook]
        units = outline.units(piece.cell)
        if piece.kind == "import":
            units = tuple(units[i] for i in piece.units)
        elif _ACTING_LINE.search(outline.notebook.cell(piece.cell).source):
            return seen.so_far()
        hearing = _hearing(outline.notebook.cell(piece.cell).source, outline.units(piece.cell))
        for unit in units:
            if not seen.take(unit, unit.line in hearing):
                return seen.so_far()
    return Imports(tuple({**seen.now, **seen.later}), bound=frozenset(seen.bound))


def _hearing(source: str, units: Sequence[Unit]) -> frozenset[int]:
    """The first lines of the statements of a cell in which such a call stands."""
    if not _LOUD.search(source):
        return frozenset()
    lines = source.split("\n")
    ends = [*(unit.line for unit in units[1:]), len(lines) + 1]
    parts = zip(units, ends, strict=True)
    return frozenset(u.line for u, end in parts if _HEARING.search("\n".join(lines[u.line - 1 : max(end - 1, u.line)])))


def _bound_module(item: Import) -> str:
    """What the name that it binds stands for, if that is a module."""
    if item.name is not None:
        return f"{item.module}.{item.name}"
    top = item.module.partition(".")[0]
    return top if item.bound == top else item.module


class _Seen:
    """What was seen of a slice up to some statement."""

    def __init__(self, local: Callable[[tuple[str, ...]], LocalCode]) -> None:
        self.local = local
        self.now: dict[str, None] = {}
        self.later: dict[str, None] = {}
        self.bound: set[str] = set()
        self.steers: set[str] = set()
        """Names through which code changes what imports depend on, or may do so: ``os``, a local module, a function."""
        self.strangers: set[str] = set()
        """Those of them that belong to local modules."""

    def so_far(self) -> Imports:
        return Imports(tuple(self.now), untouched=False, bound=frozenset(self.bound))

    def take(self, unit: Unit, hearing: bool) -> bool:
        """Take in a statement; False where it may change what later imports depend on. ``hearing``: whether it makes
        more of them heard, when it runs."""
        local = self.local(unit.now.modules) if unit.now.modules else LocalCode()
        if local.acting or unit.always in ("exec", "%run") or (local.files and unit.always == "star import"):
            return False
        self.bound.update(m for m in (*local.imports, *unit.later.modules) if "." not in m)  # by whatever statement
        for item in unit.imports:
            self.bound.add(_bound_module(item))
            is_local = bool(local.files and self.local((item.module,)).files)
            if is_local or item.module.partition(".")[0] in STEERING:
                self.steers.add(item.bound)
            if is_local:
                self.strangers.add(item.bound)
        self.steers.update(name for name, root in unit.now.shares if root in self.steers)
        if unit.kind in ("def", "class"):
            if hearing or self._changes(unit.later) or not self.steers.isdisjoint(unit.later.reads):
                self.steers.update(unit.now.binds)
        elif hearing or self._changes(unit.now):
            return False
        self.now.update(dict.fromkeys((*unit.now.modules, *local.imports)))
        self.later.update(dict.fromkeys(unit.later.modules))
        return True

    def _changes(self, code: Code) -> bool:
        # What is only asked of `os` changes nothing (`os.listdir()`), but who knows what a local module does.
        changed = {c.name for c in code.changes if c.how != "maybe" or c.name in self.strangers}
        return not self.steers.isdisjoint({*code.setup, *changed, *code.calls, *code.bare_calls})
