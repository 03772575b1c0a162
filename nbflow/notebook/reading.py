"""Find notebooks and read them, fast: the planner reads thousands of cells before anything runs.

``read_raw`` gives the file as a JSON value in notebook format 4 (older files are converted in memory), ``parse`` gives
the cells that the planner sees. Nothing is executed, nothing is written, and what is wrong with a file is a
``NotebookError`` that names it. Read ``slices`` next.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from nbflow.core.model import Cell, Notebook
from nbflow.errors import NotebookError, did_you_mean

Raw: TypeAlias = dict[str, Any]
"""A notebook in format 4, as JSON values."""

NEWEST = 4
"""The newest major notebook format that is understood."""

LEFT_OUT = frozenset({"nbflow_runs", "node_modules", "site-packages"})
"""Folders that no search enters, besides hidden ones and virtual environments."""

RESAVE = "Open it in Jupyter and save it again."


def read(path: Path, root: Path) -> Notebook:
    """The cells of a notebook. ``root`` is the project root, which its path counts from. Raises ``NotebookError``."""
    name = name_from(path, root)
    return parse(read_raw(path, name), name)


def name_from(path: Path, root: Path) -> str:
    """Posix path of a file from the project root, as messages and ids give it."""
    return Path(os.path.relpath(path.absolute(), root.absolute())).as_posix()


# --- files -----------------------------------------------------------------------------------------------


def find_notebooks(sources: Sequence[Path], root: Path) -> list[Path]:
    """The notebooks that the sources mean, each once, sorted by their path from ``root``.

    A folder means all notebooks below it, without hidden folders, checkpoints, run folders and virtual environments.
    Raises ``NotebookError`` for a source that is not there or is no notebook.
    """
    found: dict[str, Path] = {}
    for source in sources:
        for path in _notebooks_below(source) if source.is_dir() else [_checked(source)]:
            found.setdefault(os.path.realpath(path), path.absolute())
    return sorted(found.values(), key=lambda p: name_from(p, root))


def check_source(path: Path, name: str = "") -> None:
    """See that a source is a notebook or a folder. ``name`` is what messages call it. Raises ``NotebookError``."""
    if not path.is_dir():
        _checked(path, name or str(path))


def _notebooks_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [
            f for f in folders if f[0] != "." and f not in LEFT_OUT and not Path(place, f, "pyvenv.cfg").exists()
        ]
        books = (Path(place, f) for f in files if f.endswith(".ipynb") and f[0] != ".")
        yield from (book for book in books if book.exists())  # links may lead nowhere


def _checked(path: Path, name: str = "") -> Path:
    name = name or str(path)
    if not path.exists():
        raise _missing(path, name)
    if path.suffix != ".ipynb":
        raise NotebookError(f"{name} is not a notebook.", "Give notebooks (.ipynb) or folders that hold some.")
    return path


def _missing(path: Path, name: str) -> NotebookError:
    try:
        if path.is_symlink():
            return NotebookError(f"{name} is a link that leads nowhere.", f"It leads to {path.readlink()}.")
        near = did_you_mean(path.name, sorted(p.name for p in path.parent.glob("*.ipynb")))
    except OSError:
        near = ""
    return NotebookError(f"{name} does not exist.{near}")


# --- one file --------------------------------------------------------------------------------------------


def read_raw(path: Path, name: str = "") -> Raw:
    """The notebook in a file, in format 4. ``name`` is what messages call it. Raises ``NotebookError``."""
    name = name or str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _missing(path, name) from None
    except IsADirectoryError:
        raise NotebookError(f"{name} is a folder, not a notebook.") from None
    except OSError as error:
        raise NotebookError(f"{name} cannot be read: {error.strerror or error}.") from None
    return raw_from(data, name)


def raw_from(data: bytes, name: str) -> Raw:
    """The notebook in the content of a file, in format 4. Raises ``NotebookError``."""
    return _notebook_in(decode(data, name), name)


def decode(data: bytes, name: str) -> str:
    """The text of a notebook file. Raises ``NotebookError`` for what is no text, or none at all."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotebookError(f"{name} is not UTF-8 text (line {line}).", RESAVE) from None
    if not text.strip():
        raise NotebookError(
            f"{name} is empty, so it is not a notebook.", "Open it in Jupyter and save it, or remove it."
        )
    return text


def _notebook_in(text: str, name: str) -> Raw:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise NotebookError(
            f"{name} is not valid JSON: line {error.lineno}, {error.msg[0].lower()}{error.msg[1:]}.",
            "Correct it, or go back to an earlier version (an unfinished merge of git leaves such files).",
        ) from None
    except RecursionError:
        raise NotebookError(f"{name} is not a notebook: its JSON is nested too deeply.") from None
    if not isinstance(raw, dict):
        raise NotebookError(f"{name} is not a notebook: it holds no cells.")
    major = raw.get("nbformat", NEWEST if "cells" in raw else None)
    if isinstance(major, int) and major > NEWEST:
        fix = f"Save it in format {NEWEST}, or update nbflow."
        raise NotebookError(f"{name} is in notebook format {major}; the newest that nbflow reads is {NEWEST}.", fix)
    if isinstance(major, int) and major < NEWEST:
        raw = _converted(raw, name)
    return _normal(raw, name)


def _converted(raw: Raw, name: str) -> Raw:
    """A notebook of format 1 to 3, in format 4, with ids that are the same each time."""
    import nbformat.reader

    library: Any = nbformat  # Its functions carry no types.
    try:
        new: Raw = json.loads(json.dumps(library.convert(library.reader.reads(json.dumps(raw)), NEWEST)))
    except Exception as error:
        message = f"{name} is in notebook format {raw['nbformat']}, and it is damaged: it cannot be converted."
        raise NotebookError(message, RESAVE) from error
    for number, cell in enumerate(new["cells"], 1):
        cell["id"] = f"cell-{number}"
    for key in ("orig_nbformat", "orig_nbformat_minor"):
        new["metadata"].pop(key, None)
    return new


def _normal(raw: Raw, name: str) -> Raw:
    """The same notebook with what everything else relies on: metadata, and cells whose source is one text."""
    cells = raw.get("cells")
    if not isinstance(cells, list):
        raise NotebookError(f"{name} is not a notebook: it holds no cells.")
    if not isinstance(raw.setdefault("metadata", {}), dict):
        raw["metadata"] = {}
    raw.setdefault("nbformat", NEWEST)
    if not isinstance(raw.get("nbformat_minor"), int):
        raw["nbformat_minor"] = 5 if any(isinstance(c, dict) and "id" in c for c in cells) else 4
    for number, cell in enumerate(cells, 1):
        source = cell.get("source", "") if isinstance(cell, dict) else None
        if isinstance(source, list) and all(isinstance(s, str) for s in source):
            source = "".join(source)
        if not isinstance(source, str) or not isinstance(cell.get("cell_type"), str):
            raise NotebookError(f"{name}, cell {number} is not a notebook cell.", RESAVE)
        cell["source"] = source
        if not isinstance(cell.get("metadata"), dict):
            cell["metadata"] = {}
    return raw


# --- cells -----------------------------------------------------------------------------------------------


def parse(raw: Raw, path: str) -> Notebook:
    """The notebook as the planner sees it. ``path`` is its posix path from the project root."""
    metadata = raw["metadata"]
    spec = _mapping(metadata, "kernelspec")
    kernel = spec.get("name")
    cells = tuple(
        Cell(number, cell["cell_type"], cell["source"], tags_of(cell), cell.get("id"))
        for number, cell in enumerate(raw["cells"], 1)
    )
    return Notebook(path, cells, kernel if isinstance(kernel, str) and kernel else None, language_of(metadata))


_NO_TAGS: frozenset[str] = frozenset()


def tags_of(cell: Raw) -> frozenset[str]:
    """The tags of a cell; anything that is no text is left out."""
    tags = cell["metadata"].get("tags")
    return frozenset(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else _NO_TAGS


def language_of(metadata: Raw) -> str:
    """The language of a notebook's code, ``python`` where it does not say."""
    language = _mapping(metadata, "kernelspec").get("language") or _mapping(metadata, "language_info").get("name")
    return language.lower() if isinstance(language, str) else "python"


def _mapping(metadata: Raw, key: str) -> Raw:
    value = metadata.get(key)
    return value if isinstance(value, dict) else {}
