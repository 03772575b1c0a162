"""What a key needs to know of the world, asked through one small protocol.

The core never touches a disk or an interpreter. ``fingerprint`` asks these questions; the shell
``nbflow.environment`` answers them, and tests answer with a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python of a kernelspec."""

    python: str
    """Major and minor: ``3.11``."""
    executable: str


@dataclass(frozen=True, slots=True)
class LocalCode:
    """The local modules that some code imports, followed transitively."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Path → digest of its syntax (comments and layout do not count)."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Installed distributions that these modules import → version."""
    acting: frozenset[str] = frozenset()
    """Those of the files whose import does more than bind names, or imports such a module."""
    imports: tuple[str, ...] = ()
    """Modules that the files import and that are not local."""


class Surroundings(Protocol):
    """Facts about the outside. Paths are posix, from the project root, or absolute outside it."""

    def interpreter(self, kernel: str | None) -> Interpreter:
        """The kernelspec's Python. Raises ``MissingKernel``."""

    def packages(self, kernel: str | None, modules: tuple[str, ...]) -> Mapping[str, str]:
        """Installed distributions that provide these modules → version. Unknown modules are left out."""

    def local_modules(
        self, kernel: str | None, folder: str, modules: tuple[str, ...], extra: tuple[str, ...]
    ) -> LocalCode:
        """Local code behind ``modules``. ``extra``: literal ``sys.path`` entries, relative to ``folder``."""

    def file(self, path: str) -> str | None:
        """Digest of a file's bytes, or of everything below a folder; ``None`` where nothing is."""

    def files(self, pattern: str, left_out: Callable[[str], bool] | None = None) -> Mapping[str, str]:
        """Path → digest of every file that a folder (``data/``) or glob stands for. ``left_out`` says of a path
        whether it is passed over, without a look at the file."""

    def is_there(self, pattern: str) -> bool:
        """Whether a file, a folder or something that a glob matches is there. Nothing is read."""

    def names(self, path: str) -> frozenset[str] | None:
        """The names in a folder; ``None`` where no folder is."""

    def listing(self, path: str, without: Collection[str] = (), also: Collection[str] = ()) -> str | None:
        """Digest of the names in a folder, some of them left out and some added; ``None`` where no folder is and
        nothing is added."""

    def module_digest(self, path: str) -> str | None:
        """Digest of one local module's syntax; ``None`` where nothing is."""

    def variable(self, name: str) -> str | None:
        """Value of an environment variable."""
