"""Make the notebook that one step runs: the cells it needs, in order, between opening and closing cells of our own.

The kernel runs a slice from top to bottom. Its first cell opens the work order (or its second, see ``open_later``), an
input is bound where its maker stands, ``begin`` and ``finish`` stand around the step's cells. Lines that speak to
nbflow become comments, so that every other line keeps its number. Which cells belong in is ``core.slicing``'s decision;
how a kernel runs them is the executor's. Read ``showing`` next.
"""

from __future__ import annotations

import copy
import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from nbflow.core.declare import step_line
from nbflow.notebook.reading import Raw, language_of

INTERNAL_TAG = "nbflow-internal"
"""Tag of the cells that are ours; they are not shown unless they failed."""


class Piece(Protocol):
    """A part of a slice, as ``core.slicing`` makes it."""

    @property
    def kind(self) -> str: ...  # "input", "context", "import" or "step"
    @property
    def notebook(self) -> str: ...
    @property
    def cell(self) -> int: ...
    @property
    def source(self) -> str: ...  # for "import": the statements
    @property
    def names(self) -> tuple[str, ...]: ...  # for "input": the variables bound here


def build_slice(
    pieces: Iterable[Piece], raws: Mapping[str, Raw], notebook: str, makers: Mapping[str, str], opening: str
) -> Raw:
    """The notebook, valid in format 4.5, that makes the step.

    ``raws``: the notebooks that the pieces come from, by path. ``notebook``: the step's own, whose kernel and language
    it has. ``makers``: input name → the step that makes it, for a person. ``opening``: code that binds
    ``__nbflow__`` (see ``executors``).
    """
    cells = [_internal(opening)]
    begun = False
    for piece in pieces:
        if piece.kind == "step" and not begun:
            cells.append(_internal("__nbflow__.begin()"))
            begun = True
        cells.append(_cell_for(piece, raws[piece.notebook], makers, foreign=piece.notebook != notebook))
    cells.append(_internal("__nbflow__.finish()"))
    _give_ids(cells)
    return {"cells": cells, "metadata": _metadata(raws[notebook]), "nbformat": 4, "nbformat_minor": 5}


def open_later(cells: list[Any]) -> None:
    """Let the opening stand behind the first cell, where that is a person's and runs: it may be done with the same
    request then. For a kernel that is watched already, which is what the opening has to be first for; what looks at the
    names or modules that are there finds the same all the same."""
    if len(cells) < 2 or not is_internal(cells[0]):
        return
    opening, first = cells[:2]
    is_ours = is_internal(first) or role_of(first).get("role") == "input"
    if not is_ours and first["source"].strip() and not _LOOKS_AROUND.search(first["source"]):
        cells[:2] = [first, opening]


_LOOKS_AROUND = re.compile(r"reset|globals|locals|vars|dir\(|user_ns|__dict__|__main__|modules|who")


def source_digest(source: str) -> str:
    """What recognises a context cell when its output is replayed."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def role_of(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """What ``build_slice`` noted about a cell of a slice: role, notebook, cell, digest. Empty for cells not from it."""
    note = cell.get("metadata", {}).get("nbflow")
    return note if isinstance(note, Mapping) else {}


def is_internal(cell: Mapping[str, Any]) -> bool:
    """Whether a cell of a slice is ours."""
    return INTERNAL_TAG in cell.get("metadata", {}).get("tags", ())


# --- the cells of a slice --------------------------------------------------------------------------------


def _cell_for(piece: Piece, raw: Raw, makers: Mapping[str, str], *, foreign: bool) -> Raw:
    note = {"role": piece.kind, "notebook": piece.notebook, "cell": piece.cell}
    if piece.kind == "input":
        return _code(_binding(piece.names, makers), {"nbflow": note})
    if piece.kind == "import":
        return _code(piece.source, {"nbflow": note})
    origin = raw["cells"][piece.cell - 1]
    metadata = {k: copy.deepcopy(v) for k, v in origin["metadata"].items() if k not in _SESSION_METADATA}
    if foreign and "tags" in metadata:
        # papermill fills in one cell of parameters: the step's own notebook has it.
        metadata["tags"] = [t for t in metadata["tags"] if t != "parameters"]
    metadata["nbflow"] = note | {"digest": source_digest(origin["source"])}
    cell = _code(without_our_lines(origin["source"]), metadata)
    if isinstance(origin.get("id"), str):
        cell["id"] = origin["id"]
    return cell


_SESSION_METADATA = frozenset({"execution", "papermill", "trusted", "nbflow"})
"""What other tools noted about the last time a cell ran."""


def _binding(names: Sequence[str], makers: Mapping[str, str]) -> str:
    notes = [
        f"# nbflow: {n} comes from step {makers[n]}" if n in makers else f"# nbflow: {n} is an input" for n in names
    ]
    bound = ", ".join(f'"{n}"' for n in names)
    return "\n".join([*notes, f"__nbflow__.bind({bound})"])


def _code(source: str, metadata: Raw) -> Raw:
    return {
        "cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source,
    }  # fmt: skip


def _internal(source: str) -> Raw:
    return _code(source, {"tags": [INTERNAL_TAG], "nbflow": {"role": "internal"}})


_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")


def _give_ids(cells: Iterable[Raw]) -> None:
    """Ids that are valid and unique, the same each time; a person's own where they can stay."""
    taken: set[str] = set()
    for position, cell in enumerate(cells, 1):
        own = cell.get("id", "")
        if not _ID.match(own) or own in taken:
            cell["id"] = f"nbflow-{position}"
        taken.add(cell["id"])


def _metadata(raw: Raw) -> Raw:
    source = raw["metadata"]
    metadata: Raw = {}
    spec = source.get("kernelspec")
    if isinstance(spec, dict) and isinstance(spec.get("name"), str):
        metadata["kernelspec"] = {"display_name": spec["name"], **copy.deepcopy(spec)}
    info = source.get("language_info")
    metadata["language_info"] = {"name": language_of(source), **(copy.deepcopy(info) if isinstance(info, dict) else {})}
    return metadata


# --- lines that are not for the kernel -------------------------------------------------------------------

_OUR_LINE = re.compile(r"([ \t]*)(%(?:(?:re)?load_ext[ \t]+nbflow|flow|step)(?![\w.]).*)")


def without_our_lines(source: str) -> str:
    """The cell without ``%%step``, ``%step``, ``%flow`` and ``%load_ext nbflow``; all other lines keep their numbers.

    IPython drops blank lines at the top of a cell, which would shift every line of a traceback: so they become
    comments. Where another cell magic follows ``%%step`` that one has to come first, and the line goes.
    """
    found = step_line(source)
    lines = source.split("\n")
    if found is not None:
        rest = next((i for i in range(found.index + 1, len(lines)) if lines[i].strip()), None)
        if rest is not None and lines[rest].startswith("%%"):
            return "\n".join(lines[rest:])
        lines[found.index] = f"# {lines[found.index]}"
    elif next((line for line in lines if line.strip()), "").startswith("%%"):
        return source
    ours = [i for i, line in enumerate(lines) if _OUR_LINE.match(line)]
    if ours:
        quoted = _lines_within_strings(lines, ours)
        for index in ours:
            if index not in quoted:
                lines[index] = _OUR_LINE.sub(_commented, lines[index])
    return "\n".join(lines)


def _commented(match: re.Match[str]) -> str:
    indent, line = match.groups()
    return f"{indent}pass  # {line}" if indent else f"# {line}"


def _lines_within_strings(lines: Sequence[str], ours: Sequence[int]) -> set[int]:
    """Lines that only look like magics: they stand inside a text of several lines."""
    text = "\n".join(_OUR_LINE.sub(r"\1pass", line) if i in ours else line for i, line in enumerate(lines))
    inside: set[int] = set()
    start = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                inside.update(range(token.start[0], token.end[0]))
            elif name in ("FSTRING_START", "TSTRING_START"):
                start = start or token.start[0]
            elif name in ("FSTRING_END", "TSTRING_END"):
                inside.update(range(start, token.end[0]))
                start = 0
    except (tokenize.TokenError, SyntaxError):
        pass  # What was read so far stands; the check speaks about cells that do not parse.
    return inside


# --- after the run ---------------------------------------------------------------------------------------


def tidy_slice(executed: Mapping[str, Any]) -> Raw:
    """An executed slice as a person should see it: without our cells, save one that failed (its error is kept)."""
    cells = []
    for cell in executed["cells"]:
        if not is_internal(cell):
            cells.append(cell)
        elif any(o.get("output_type") == "error" for o in cell.get("outputs", ())):
            cells.append({**cell, "source": "# nbflow: around the step's own cells"})
    return {**executed, "cells": cells}
