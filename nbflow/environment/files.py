"""Digests of what lies in files and folders, as keys and records compare them.

The names left out of folders are those that tools put there on their own; whoever records a folder's listing must
leave out the same. Nothing is followed twice, so a link that leads back ends. Read ``surroundings.py`` next.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from nbflow.errors import UsageError
from nbflow.runtime.digests import digest_bytes

LEFT_OUT = frozenset({".git", ".ipynb_checkpoints", ".nbflow", "__pycache__", "nbflow_runs"})
"""Names that do not count in any folder."""

NOWHERE = "leads nowhere"
"""Stands for the digest of a broken link, and of a file that vanishes while its folder is read."""

FileDigest = Callable[[Path], str]


def content_digest(path: str, file_digest: FileDigest) -> str | None:
    """Digest of a file's bytes or of all files below a folder, names included; ``None`` where nothing is.

    A device, pipe or socket has no content: its digest is that of its kind. Raises ``UsageError`` where something
    cannot be read.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISDIR(mode):
            return _of_file(path, mode, file_digest)
        lines = sorted(f"{name}\0{digest}" for name, digest in _below(path, file_digest))
        return digest_bytes(_encoded("\n".join(lines)))
    except (OSError, ValueError) as error:
        _refuse_unless_nowhere(path, error)
        return None


def file_digests(
    root: str, pattern: str, file_digest: FileDigest, left_out: Callable[[str], bool] | None = None
) -> dict[str, str]:
    """Path → digest of every file that a folder (``data/``) or glob stands for, but those ``left_out``.

    A folder that a glob matches counts with all below it. Paths are posix, from ``root``, or absolute as ``pattern``
    is. Raises ``UsageError`` where something cannot be read.
    """
    meant = set(pattern.split("/"))
    matches = glob.glob(pattern, root_dir=root, recursive=True) if glob.has_magic(pattern) else [pattern]
    found: dict[str, str] = {}
    for match in sorted(matches):
        if not set(match.split(os.sep)) & LEFT_OUT - meant:
            try:
                found.update(_files_of(root, match.rstrip("/") or "/", file_digest, left_out or _nothing))
            except (OSError, ValueError) as error:
                _refuse_unless_nowhere(os.path.join(root, match), error)
    return {path.replace(os.sep, "/"): digest for path, digest in sorted(found.items())}


def is_there(root: str, pattern: str) -> bool:
    """Whether a file, a folder or something that a glob matches is there. Nothing is read."""
    if not glob.has_magic(pattern):
        return "\0" not in pattern and os.path.exists(os.path.join(root, pattern))
    meant = set(pattern.split("/"))
    found = glob.iglob(pattern, root_dir=root, recursive=True)
    return any(not set(match.split(os.sep)) & LEFT_OUT - meant for match in found)


def folder_names(path: str) -> frozenset[str] | None:
    """The names in a folder, without those that do not count; ``None`` where no folder is.

    Raises ``UsageError`` where it cannot be read.
    """
    try:
        return frozenset(os.listdir(path)) - LEFT_OUT
    except (OSError, ValueError) as error:
        _refuse_unless_nowhere(path, error)
        return None


def names_digest(names: Iterable[str]) -> str:
    """Digest of the names found in a folder, without those that do not count."""
    return digest_bytes(_encoded("\n".join(sorted(name for name in names if name not in LEFT_OUT))))


def unreadable(path: str, error: OSError) -> UsageError:
    where = error.filename if isinstance(error.filename, str) else path
    return UsageError(
        f"Cannot read {where}: {error.strerror or error}",
        "The result of a step depends on it: make it readable, or take it out of the notebook.",
    )


def _refuse_unless_nowhere(path: str, error: OSError | ValueError) -> None:
    """Raise ``UsageError`` for what is there and cannot be read."""
    if not _is_nowhere(error):
        assert isinstance(error, OSError)
        raise unreadable(path, error) from error


def _is_nowhere(error: OSError | ValueError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
    return True  # a text with a null byte is no path


def _nothing(_path: str) -> bool:
    return False


def _files_of(
    root: str, path: str, file_digest: FileDigest, left_out: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    place = os.path.join(root, path)
    mode = os.stat(place).st_mode
    if stat.S_ISDIR(mode):
        found = _below(place, file_digest, lambda name: left_out(os.path.join(path, name)))
        yield from ((os.path.join(path, name), digest) for name, digest in found)
    elif not left_out(path):
        yield path, _of_file(place, mode, file_digest)


def _of_file(path: str, mode: int, file_digest: FileDigest) -> str:
    if stat.S_ISREG(mode):
        return file_digest(Path(path))
    return digest_bytes(f"special file {stat.S_IFMT(mode):o}".encode())


def _below(top: str, file_digest: FileDigest, left_out: Callable[[str], bool] = _nothing) -> Iterator[tuple[str, str]]:
    """``(path from top, digest)`` of every file; a folder met again counts as a link to where it was met first."""
    met: dict[tuple[int, int], str] = {}
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        here = os.stat(os.path.join(top, prefix))
        first = met.setdefault((here.st_dev, here.st_ino), prefix)
        if first != prefix:
            yield prefix, f"link to {first or '.'}"
            continue
        for name in sorted(set(os.listdir(os.path.join(top, prefix))) - LEFT_OUT, reverse=True):
            place = os.path.join(top, prefix + name)
            try:
                mode = os.stat(place).st_mode
                if not stat.S_ISDIR(mode):
                    if not left_out(prefix + name):
                        yield prefix + name, _of_file(place, mode, file_digest)
                else:
                    waiting.append(prefix + name + "/")
            except OSError as error:
                if not _is_nowhere(error):
                    raise
                if not left_out(prefix + name):
                    yield prefix + name, NOWHERE


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
