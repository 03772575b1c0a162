"""Local modules: which file an import means, and what that file imports in turn.

Local is what lies beside the notebook, on a literal ``sys.path`` entry, on PYTHONPATH, or in an editable install;
the standard library and installed distributions are not. The rules are those of Python's own finders, followed by
looking at names on disk: nothing is imported. Read ``syntax.py`` for what is taken from each file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbflow.disk.memo import Mark, Memo, mark, settled
from nbflow.environment.interpreter import Facts
from nbflow.environment.syntax import Source, read_source

Folder = tuple[str, bool]
"""A folder that is searched, and whether what is found there is local."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a dotted module is: a local file, a namespace (``folders`` alone), something elsewhere, or nothing."""

    file: str | None = None
    is_package: bool = False
    folders: tuple[Folder, ...] = ()
    """Where its submodules lie."""
    elsewhere: bool = False
    """In the standard library or an installed distribution."""

    @property
    def is_settled(self) -> bool:
        """Whether the search ends here; a namespace may still be outdone by a module found later."""
        return self.file is not None or self.elsewhere


_MISSING = Found()
_ELSEWHERE = Found(elsewhere=True)


class Finder:
    """Finds modules as one interpreter would that has ``before`` first on its path. Answers hold for its life."""

    def __init__(self, facts: Facts, before: Iterable[str]) -> None:
        self._facts = facts
        self._suffixes = (*facts.suffixes, ".py", ".pyc")
        self._installed = tuple(os.path.realpath(p) + os.sep for p in (*facts.sites, facts.stdlib_folder))
        self._before = tuple((path, not self._is_installed(path)) for path in before)
        self._after = (*((path, False) for path in facts.sites), *((path, True) for path in facts.places))
        self._known: dict[str, Found] = {}

    def find(self, module: str) -> Found:
        if module not in self._known:
            self._known[module] = self._find(module)
        return self._known[module]

    def is_other(self, module: str) -> bool:
        """Whether a module that some code imports may come from an installed distribution."""
        found = self.find(module)
        if found == _MISSING:  # ``numpy.array`` is no module: what counts is what ``numpy`` is
            top = self.find(module.partition(".")[0])
            return top.elsewhere or top == _MISSING
        return found.elsewhere or any(not local for _, local in found.folders)

    def _find(self, module: str) -> Found:
        parent, _, name = module.rpartition(".")
        if parent:
            above = self.find(parent)
            found = above if above.elsewhere else self._look(name, above.folders)
        elif module in self._facts.stdlib:
            found = self._look(name, self._before)
            found = found if found.is_settled else _ELSEWHERE
        else:
            found = self._look(name, (*self._before, *self._after))
        if found.is_settled:
            return found
        mapped = self._mapped(module)
        return mapped if mapped.is_settled else Found(folders=(*found.folders, *mapped.folders))

    def _look(self, name: str, folders: Iterable[Folder]) -> Found:
        """The first regular package or module; failing that, all the folders of that name make a namespace."""
        portions: list[Folder] = []
        for folder, local in folders:
            found = self._at(os.path.join(folder, name), local)
            if found.is_settled:
                return found
            portions += found.folders
        return Found(folders=tuple(portions))

    def _at(self, path: str, local: bool) -> Found:
        is_folder = os.path.isdir(path)
        for stem in (os.path.join(path, "__init__"), path) if is_folder else (path,):
            for suffix in self._suffixes:
                if os.path.isfile(stem + suffix):
                    return self._file(stem + suffix, local, is_package=stem != path)
        return Found(folders=((path, local),)) if is_folder else _MISSING

    def _file(self, file: str, local: bool, is_package: bool) -> Found:
        folder = os.path.dirname(file)
        if not local:  # an installed name may be a link to source elsewhere: a development install
            linked = os.path.islink(file) or (is_package and os.path.islink(folder))
            local = linked and not self._is_installed(file)
        if not local:
            return _ELSEWHERE
        return Found(file, is_package, ((folder, True),) if is_package else ())

    def _mapped(self, module: str) -> Found:
        """Where the finder of an editable install would look."""
        portions: list[Folder] = []
        for path in self._facts.mapping.get(module, ()):
            stem = path
            for suffix in self._suffixes:
                stem = stem.removesuffix(suffix)
            if stem != path and os.path.basename(stem) == "__init__":
                stem = os.path.dirname(stem)
            found = self._at(stem, not self._is_installed(path))
            if found.is_settled:
                return found
            portions += found.folders
        return Found(folders=tuple(portions))

    def _is_installed(self, path: str) -> bool:
        return (os.path.realpath(path) + os.sep).startswith(self._installed)


class Sources:
    """Digest and imports of source files, remembered by their marks. ``file_digest`` serves files of other kinds."""

    def __init__(self, memo: Memo, file_digest: Callable[[str], str]) -> None:
        self._memo = memo
        self._file_digest = file_digest
        self._read: dict[str, tuple[Mark | None, Source]] = {}

    def source(self, path: str, again: bool = False) -> Source:
        """``again``: do not trust what this object read of a file that changed just before it read it.

        Raises ``OSError`` where it cannot be read.
        """
        if not path.endswith(".py"):
            return Source(self._file_digest(path))
        now = mark(path)
        marked, known = self._read.get(path, (None, None))
        if known is None or marked != now or (again and now is not None and not settled(now.modified)):
            known = self._remembered(path, now) or self._parsed(path, now)
            self._read[path] = (now, known)
        return known

    def _parsed(self, path: str, now: Mark | None) -> Source:
        found = read_source(Path(path).read_bytes(), path.endswith("__init__.py"))
        if now is not None and settled(now.modified):
            self._memo.put("sources", path, [now, found.digest, found.imports, found.acts])
        return found

    def _remembered(self, path: str, now: Mark | None) -> Source | None:
        try:
            stored, digest, imports, acts = self._memo.get("sources", path)
            return Source(str(digest), tuple(imports), bool(acts)) if tuple(stored) == now else None
        except (TypeError, ValueError):  # nothing remembered, or by someone else
            return None


@dataclass(frozen=True, slots=True)
class Reached:
    """Local files behind some imports, and the modules they import that are not local."""

    files: Mapping[str, Source]
    others: frozenset[str]
    acting: frozenset[str] = frozenset()
    """Those of the files whose import acts, or leads to one that does."""


def follow(finder: Finder, sources: Sources, modules: Iterable[str]) -> Reached:
    """Follow imports from ``modules`` through all local files. Raises ``OSError`` where one cannot be read."""
    files: dict[str, Source] = {}
    imported: set[str] = set()
    seen: set[str] = set()
    importers: dict[str, set[str]] = {}
    waiting = [module for module in modules if all(part.isidentifier() for part in module.split("."))]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        parent = module.rpartition(".")[0]
        if parent:
            waiting.append(parent)
        found = finder.find(module)
        if found.file is None or found.file in files:
            continue
        files[found.file] = source = sources.source(found.file)
        package = module if found.is_package else parent
        named = [name for name in (_absolute(name, package) for name in source.imports) if name]
        imported.update(named)
        waiting += named
        for name in named:
            importers.setdefault(name, set()).add(found.file)
    others = frozenset(module for module in imported if finder.is_other(module))
    return Reached(files, others, _acting(finder, files, importers))


def _acting(finder: Finder, files: Mapping[str, Source], importers: Mapping[str, set[str]]) -> frozenset[str]:
    """The files that act, and those that import one of them, through as many others as there are."""
    behind: dict[str, set[str]] = {}
    for module, by in importers.items():
        for name in _with_parents(module):
            if (file := finder.find(name).file) is not None:
                behind.setdefault(file, set()).update(by)
    found: set[str] = set()
    waiting = [file for file, source in files.items() if source.acts]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += behind.get(file, ())
    return frozenset(found)


def _with_parents(module: str) -> Iterator[str]:
    """Importing ``a.b`` imports ``a`` first."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def _absolute(name: str, package: str) -> str:
    """The dotted module that a relative import means; ``""`` where it leads above the top."""
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    if level == 0:
        return bare
    parts = package.split(".") if package else []
    if level > len(parts):
        return ""
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, bare] if bare else base)
