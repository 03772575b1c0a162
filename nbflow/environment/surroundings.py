"""``Surroundings``: the one object through which keys are told about the world outside the notebook.

It puts together what the other modules of this package know, turns paths from the project root into paths on disk
and back, and owns the file of remembered answers. It executes no user code, and writes nothing but that file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePath

from nbflow.core.surroundings import Interpreter, LocalCode
from nbflow.disk.memo import Memo
from nbflow.environment.files import content_digest, file_digests, folder_names, is_there, names_digest, unreadable
from nbflow.environment.interpreter import Interpreters, KernelSpec
from nbflow.environment.modules import Finder, Sources, follow

_MEMO_VERSION = 3
"""Raised whenever a digest, or what is asked of an interpreter, changes its meaning."""


class Surroundings:
    """One look at the world, for one plan or one run.

    What interpreters and imports are is found out once in the life of the object; ``file``, ``files``, ``listing`` and
    ``module_digest`` look each time. Paths are posix, from ``root``, or absolute outside it.

    ``store_digest``: digest of a file's bytes, which the store remembers; raises ``OSError``.
    ``cache``: file of remembered answers, whose folder must exist for it to be written; ``None``: remember nothing.
    ``environ``: the environment that kernels will start in.
    ``find_kernel``: kernelspec of a name, ``None`` for the default; raises ``MissingKernel``.
    """

    def __init__(
        self,
        root: Path,
        store_digest: Callable[[Path], str],
        cache: Path | None,
        environ: Mapping[str, str],
        find_kernel: Callable[[str | None], KernelSpec],
    ) -> None:
        self._root = os.path.abspath(root)
        self._file_digest = store_digest
        self._environ = environ
        self._memo = Memo(cache, _MEMO_VERSION)
        self._interpreters = Interpreters(find_kernel, self._memo, environ)
        self._sources = Sources(self._memo, lambda path: store_digest(Path(path)))
        self._finders: dict[tuple[str | None, str, tuple[str, ...]], Finder] = {}
        self._local: dict[tuple[str | None, str, tuple[str, ...], tuple[str, ...]], LocalCode] = {}
        self._packages: dict[tuple[str | None, tuple[str, ...]], Mapping[str, str]] = {}

    def interpreter(self, kernel: str | None) -> Interpreter:
        """The kernelspec's Python. Raises ``MissingKernel``, or ``UsageError`` where it cannot be started."""
        facts = self._interpreters.facts(kernel)
        return Interpreter(facts.python, facts.executable)

    def packages(self, kernel: str | None, modules: tuple[str, ...]) -> Mapping[str, str]:
        """Installed distributions that provide these modules → version, as the kernel's own interpreter has them."""
        if (kernel, modules) not in self._packages:
            self._packages[kernel, modules] = self._interpreters.facts(kernel).packages(modules)
        return self._packages[kernel, modules]

    def local_modules(
        self, kernel: str | None, folder: str, modules: tuple[str, ...], extra: tuple[str, ...]
    ) -> LocalCode:
        """Local code behind ``modules``, for a kernel that starts in ``folder`` and adds ``extra`` to its path."""
        key = (kernel, folder, modules, extra)
        if key not in self._local:
            self._local[key] = self._find_local(kernel, folder, modules, extra)
        return self._local[key]

    def _find_local(
        self, kernel: str | None, folder: str, modules: tuple[str, ...], extra: tuple[str, ...]
    ) -> LocalCode:
        try:
            reached = follow(self._finder(kernel, folder, extra), self._sources, modules)
        except OSError as error:
            raise unreadable(folder, error) from error
        return LocalCode(
            files={self._shown(path): source.digest for path, source in sorted(reached.files.items())},
            packages=self.packages(kernel, tuple(sorted(reached.others))),
            acting=frozenset(self._shown(path) for path in reached.acting),
            imports=tuple(sorted(reached.others)),
        )

    def _finder(self, kernel: str | None, folder: str, extra: tuple[str, ...]) -> Finder:
        place = (kernel, folder, extra)
        if place not in self._finders:
            facts = self._interpreters.facts(kernel)
            start = self._on_disk(folder)
            entries = ("", *extra, *facts.environment_path)
            before = [os.path.normpath(os.path.join(start, entry)) for entry in entries if "\0" not in entry]
            self._finders[place] = Finder(facts, dict.fromkeys(before))
        return self._finders[place]

    def is_installed(self, kernel: str | None, folder: str, module: str) -> bool:
        """Whether a module comes from an installed distribution, for a kernel that starts in ``folder``: neither from
        the standard library, nor is it local."""
        facts = self._interpreters.facts(kernel)
        top = module.partition(".")[0]
        if top in facts.stdlib:
            return False
        found = self._finder(kernel, folder, ()).find(top)
        return found.elsewhere or any(not local for _, local in found.folders)

    def installed_places(self, kernel: str | None) -> tuple[str, ...]:
        """Folders below which nothing is local: those of the standard library and of installed distributions."""
        facts = self._interpreters.facts(kernel)
        return (*facts.sites, facts.stdlib_folder)

    def file(self, path: str) -> str | None:
        """Digest of a file's bytes, or of everything below a folder; ``None`` where nothing is."""
        return content_digest(self._on_disk(path), self._file_digest)

    def files(self, pattern: str, left_out: Callable[[str], bool] | None = None) -> Mapping[str, str]:
        """Path → digest of every file that a folder (``data/``) or glob stands for. ``left_out`` says of a path
        whether it is passed over, without a look at the file."""
        return file_digests(self._root, pattern, self._file_digest, left_out)

    def is_there(self, pattern: str) -> bool:
        """Whether a file, a folder or something that a glob matches is there. Nothing is read."""
        return is_there(self._root, pattern)

    def names(self, path: str) -> frozenset[str] | None:
        """The names in a folder that count; ``None`` where no folder is."""
        return folder_names(self._on_disk(path))

    def listing(self, path: str, without: Collection[str] = (), also: Collection[str] = ()) -> str | None:
        """Digest of the names in a folder; ``None`` where no folder is and nothing is added. ``without``: names that
        do not count, such as those of files that a step wrote there itself; ``also``: names that will be there."""
        found = self.names(path)
        return None if found is None and not also else names_digest({*(found or ()), *also}.difference(without))

    def module_digest(self, path: str) -> str | None:
        """Digest of one local module's syntax, of its bytes where it does not parse; ``None`` where no file is."""
        place = self._on_disk(path)
        if not os.path.isfile(place):
            return None
        try:
            return self._sources.source(place, again=True).digest
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(place, error) from error

    def variable(self, name: str) -> str | None:
        """Value of an environment variable."""
        return self._environ.get(name)

    def save(self) -> None:
        """Write what was found out, if anything new was; where it cannot be written, it is asked again next time."""
        self._memo.save()

    def _on_disk(self, path: str) -> str:
        return os.path.join(self._root, path)

    def _shown(self, path: str) -> str:
        inside = path.startswith(self._root + os.sep)
        return PurePath(os.path.relpath(path, self._root) if inside else path).as_posix()
