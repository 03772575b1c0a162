"""Change single source lines of an ``.ipynb`` file and leave every other byte as it was.

Loading and saving a notebook would touch indentation, escapes, key order and ids. So the text is scanned for the place
of ``cells[i].source`` and only the characters of the line are replaced. A file that no longer holds the expected line
is refused. ``core.check`` decides what to write; nothing here understands the lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE

from nbflow.errors import NotebookError
from nbflow.notebook.reading import RESAVE, decode, read_raw
from nbflow.notebook.writing import write_bytes

Span = tuple[int, int]
"""Where something begins and ends in the text of the file."""


@dataclass(frozen=True, slots=True)
class LineEdit:
    """One line of one cell."""

    line: int
    """Index in the cell's source, from 0."""
    old: str
    """What must stand there now, without its newline."""
    new: str
    """What to write; one line."""


def replace_lines(path: Path, edits: Mapping[int, LineEdit], name: str = "") -> bytes:
    """Make the edits (cell number → edit) in a file, atomically, keeping its mode; returns the new content.

    Raises ``NotebookError`` where the file is no notebook in format 4 or does not hold an expected line, and then
    nothing is written; ``OSError`` where it cannot be written.
    """
    name = name or str(path)
    read_raw(path, name)  # Complains about everything that is not a notebook.
    path = path.resolve()
    data = edited(path.read_bytes(), edits, name)
    write_bytes(path, data, S_IMODE(path.stat().st_mode))
    return data


def edited(data: bytes, edits: Mapping[int, LineEdit], name: str) -> bytes:
    """The content of a notebook file with the edits made. Raises ``NotebookError``."""
    decode(data, name)
    text = data.decode("utf-8")
    sources = _source_spans(text, name)
    changes: list[tuple[Span, str]] = []
    for number, edit in edits.items():
        if not 0 < number <= len(sources):
            raise _changed(name, number)
        changes += _line_changes(text, sources[number - 1], edit, f"{name}, cell {number}")
    for (start, end), new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text.encode("utf-8")


def _changed(name: str, number: int) -> NotebookError:
    return NotebookError(f"{name}, cell {number} has changed since it was read.", "Save the notebook and try again.")


# --- the line within a source ----------------------------------------------------------------------------

_UNIT = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]", re.DOTALL)
"""One character as JSON writes it; two escapes where it lies beyond the basic plane."""


def _line_changes(text: str, strings: list[Span], edit: LineEdit, where: str) -> list[tuple[Span, str]]:
    """What to replace so that a line reads as wanted. Its characters may lie in several strings; the first gets all."""
    kept: list[list[Span]] = []
    old = ""
    line = 0
    for start, end in strings:
        kept.append([])
        for span, char in _characters(text, start, end):
            if char == "\n":
                line += 1
            elif line == edit.line:
                kept[-1].append(span)
                old += char
    if old.endswith("\r"):
        old = old[:-1]
        next(spans for spans in reversed(kept) if spans).pop()
    if line < edit.line or old != edit.old.removesuffix("\r"):
        raise NotebookError(f"{where} has changed since it was read.", "Save the notebook and try again.")
    pieces = [(spans[0][0], spans[-1][1]) for spans in kept if spans]
    if not pieces:
        raise NotebookError(f"{where}: line {edit.line + 1} is empty, so there is nothing to replace.")
    return [(pieces[0], _quoted(edit.new.removesuffix("\r"), text)), *((piece, "") for piece in pieces[1:])]


def _characters(text: str, start: int, end: int) -> Iterator[tuple[Span, str]]:
    for unit in _UNIT.finditer(text, start, end):
        raw = unit.group()
        yield unit.span(), json.loads(f'"{raw}"') if raw[0] == "\\" else raw


def _quoted(line: str, text: str) -> str:
    """The inside of a JSON string, with the escapes that the rest of the file has."""
    escaped = text.isascii() and re.search(r"\\u(?!00[0-7])", text) is not None
    return json.dumps(line, ensure_ascii=escaped)[1:-1]


# --- where the sources stand -----------------------------------------------------------------------------

_SPACE = re.compile(r"[ \t\n\r]*")
_value_at = json.JSONDecoder().raw_decode


def _source_spans(text: str, name: str) -> list[list[Span]]:
    """For each cell the insides of the strings that make up its source."""
    start = _SPACE.match(text, 1 if text.startswith("\ufeff") else 0)
    assert start is not None
    cells = dict(_members(text, start.end())).get("cells")
    if cells is None:
        raise NotebookError(f"{name} is in an old notebook format, where lines cannot be changed.", RESAVE)
    spans = []
    for place in _elements(text, cells):
        source = dict(_members(text, place)).get("source")
        spans.append([] if source is None else [_inside(text, at) for at in _strings(text, source)])
    return spans


def _strings(text: str, at: int) -> Iterator[int]:
    return _elements(text, at) if text[at] == "[" else iter((at,))


def _inside(text: str, at: int) -> Span:
    return at + 1, _value_at(text, at)[1] - 1


def _members(text: str, at: int) -> Iterator[tuple[str, int]]:
    """Keys of the object at ``at``, each with the place of its value. The text is known to be valid JSON."""
    at = _next(text, at + 1)
    while text[at] == '"':
        key, at = _value_at(text, at)
        at = _next(text, _next(text, at) + 1)
        yield key, at
        at = _behind(text, at)


def _elements(text: str, at: int) -> Iterator[int]:
    """The places of the elements of the list at ``at``."""
    at = _next(text, at + 1)
    while text[at] != "]":
        yield at
        at = _behind(text, at)


def _behind(text: str, at: int) -> int:
    """The place of what follows the value at ``at``: the next key or element, or the closing bracket."""
    at = _next(text, _value_at(text, at)[1])
    return _next(text, at + 1) if text[at] == "," else at


def _next(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()
