"""What a ``%%step`` line for a plain cell would be: its name from what stands around it, inputs and outputs from its
code.

It is a proposal. What no reading can tell (whether a bare call changes an object) is left to the person and the check.
Read ``resolve`` for what a read means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbflow.core.declare import file_item, quoted
from nbflow.core.model import Change, Unit
from nbflow.core.outline import PARAMETERS_TAG, SKIP_TAGS, Outline
from nbflow.core.resolve import Resolver, Source
from nbflow.core.slicing import BUILTINS
from nbflow.errors import UsageError

LONGEST_NAME = 40
MOST_WORDS = 5
"""In a heading or comment that names a step; longer ones are sentences."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """``inputs`` and ``outputs``: as they stand on a line."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def line(self) -> str:
        words = ["%%step", self.name]
        for option, items in (("-i", self.inputs), ("-o", self.outputs)):
            words += [option, *map(quoted, items)] if items else []
        return " ".join(words)


def propose(outlines: Mapping[str, Outline], notebook: str, number: int) -> Proposal:
    """``number``: of the cell. ``outlines``: of the pipeline, this notebook among them. Raises ``UsageError`` for a
    cell that cannot become a step."""
    outline = outlines[notebook]
    _require_plain(outline, number)
    reading = _Reading(outline, number)
    outputs = [*reading.outputs(), *reading.written_files()] or list(reading.last_bound())
    inputs = [*reading.inputs(), *_from_elsewhere(outlines, notebook, reading), *reading.read_files()]
    name = _name(outline, number, [*outputs, *reading.bound()])
    return Proposal(name, tuple(dict.fromkeys(inputs)), tuple(dict.fromkeys(outputs)))


def _require_plain(outline: Outline, number: int) -> None:
    if not 0 < number <= len(outline.notebook.cells):
        raise UsageError(f"There is no cell {number}: the notebook has {len(outline.notebook.cells)}.")
    cell, step = outline.notebook.cell(number), outline.step_at(number)
    facts = outline.facts[number - 1]
    if cell.kind != "code":
        raise UsageError(f"Cell {number} is no code cell.", "Choose a cell with code.")
    if step is not None:
        raise UsageError(f"Cell {number} is part of step '{step.name}' already.")
    if number in outline.unreadable:
        raise UsageError(f"Cell {number} has a %%step line that cannot be read.", "Correct that line.")
    if PARAMETERS_TAG in cell.tags:
        raise UsageError(f"Cell {number} holds the parameters.", "Steps get these without being told.")
    if cell.tags & SKIP_TAGS:
        raise UsageError(f"Cell {number} is tagged to be left out.", "Remove the tag first.")
    if not cell.source.strip():
        raise UsageError(f"Cell {number} is empty.")
    if facts.problem is not None:
        raise UsageError(f"Cell {number} is not valid Python: {facts.problem.message} (line {facts.problem.line}).")


class _Reading:
    """What one plain cell reads and binds, as the cells around it see it."""

    def __init__(self, outline: Outline, number: int) -> None:
        self.outline = outline
        self.number = number
        self.resolver = Resolver(outline, None, {})
        self.units = outline.units(number)
        self.sources: dict[str, set[Source]] = {}
        """Name that the cell reads → where that may come from."""
        for read in self.resolver.reads(number):
            self.sources.setdefault(read.name, set()).update(read.sources)

    def inputs(self) -> Iterator[str]:
        """Variables that steps above make."""
        for name in self._in_order(self.sources):
            for source in self.sources[name]:
                if source.kind == "step" and not self._is_definition(name, source.cell):
                    yield name

    def outputs(self) -> Iterator[str]:
        """Variables that the cell binds, or surely changes, and a cell below reads."""
        bound = self.bound()
        changed = {c.name: None for unit in self.units for c in unit.now.changes if _is_sure(c)}
        below = self._read_below()
        for name in dict.fromkeys([*bound, *changed]):
            made_here = any(s.kind == "unit" and s.cell == self.number for s in below.get(name, ()))
            handed_on = name in changed and any(
                s.kind == "step" and s in below.get(name, ()) for s in self.sources.get(name, ())
            )
            if (name in bound and made_here) or handed_on:
                yield name

    def bound(self) -> dict[str, None]:
        """Variables that hold data."""
        units = [unit for unit in self.units if _holds_data(self.outline, self.number, unit)]
        return {name: None for unit in units for name in unit.now.binds if not name.startswith("_")}

    def last_bound(self) -> Iterator[str]:
        """What the cell ends with making, where no other cell makes it anew: what nobody reads yet."""
        if self.units and _holds_data(self.outline, self.number, self.units[-1]):
            cells = [cell.number for cell in self.outline.notebook.cells if cell.number != self.number]
            anew = {name for cell in cells for unit in self.outline.units(cell) for name in unit.now.binds}
            yield from (n for n in self.units[-1].now.binds if n not in anew and not n.startswith("_"))

    def _read_below(self) -> Mapping[str, set[Source]]:
        found: dict[str, set[Source]] = {}
        for cell in self.outline.notebook.cells[self.number :]:
            for read in self.resolver.reads(cell.number):
                found.setdefault(read.name, set()).update(read.sources)
            for name in [name for unit in self.outline.units(cell.number) for name in unit.later.reads]:
                found.setdefault(name, set()).update(self.resolver.find(name, cell.number))
        return found

    def _in_order(self, names: Iterable[str]) -> list[str]:
        """As the cell mentions them; what only its functions read comes last."""
        order = [n for unit in self.units for n in (*unit.now.reads, *(c.name for c in unit.now.changes))]
        places = {name: place for place, name in reversed([*enumerate(order)])}
        return sorted(names, key=lambda name: (places.get(name, len(order)), name))

    def _is_definition(self, name: str, cell: int) -> bool:
        units = self.outline.units(cell)
        made = [units[i] for i in self.outline.bindings.units_binding(cell, name)]
        return bool(made) and not any(_holds_data(self.outline, cell, unit) for unit in made)

    # --- files ---------------------------------------------------------------------------------------------

    def read_files(self) -> Iterator[str]:
        """Files that a step of this notebook makes and the cell names."""
        made = {
            item.path: None
            for step in self.outline.steps
            for item in step.declaration.outputs
            if item.path is not None and step.last < self.number
        }
        paths = [path for unit in self.units for code in (unit.now, unit.later) for path in code.paths]
        named = {path[1] for path in paths if _is_text(path)}
        yield from (path for path in made if path in named)

    def written_files(self) -> Iterator[str]:
        """Files that the cell writes, by a path that is written out."""
        for unit in self.units:
            for effect in unit.now.effects:
                if effect.kind == "writer" and effect.path is not None and _is_text(effect.path):
                    item = file_item(effect.path[1])
                    if item is not None and not item.startswith(("/", "../")) and not set(item) & set("*?["):
                        yield item


def _is_text(path: Sequence[object]) -> bool:
    return path[0] == "str" and isinstance(path[1], str)


def _is_sure(change: Change) -> bool:
    return change.how in ("assign", "delete")


def _holds_data(outline: Outline, number: int, unit: Unit) -> bool:
    """Whether a statement binds values, and not functions, classes or modules."""
    if unit.kind in ("import", "def", "class") or unit.imports:
        return False
    return not outline.text(number, unit.line).startswith(("def ", "class ", "async def", "@"))


def _from_elsewhere(outlines: Mapping[str, Outline], notebook: str, reading: _Reading) -> Iterator[str]:
    """Variables that nothing binds here and one other notebook makes."""
    missing = [n for n, sources in reading.sources.items() if any(s.kind == "nothing" for s in sources)]
    for name in missing:
        makers = [
            path
            for path, other in outlines.items()
            if path != notebook and any(step.outputs(name) for step in other.steps)
        ]
        if len(makers) == 1:
            yield name


# --- the name --------------------------------------------------------------------------------------------


def _name(outline: Outline, number: int, outputs: Sequence[str]) -> str:
    """From the heading above the cell, its first comment, what it makes, or what it calls; no other step's name."""
    cell = outline.notebook.cell(number)
    calls = [name for unit in outline.units(number) for name in unit.now.calls if name not in BUILTINS]
    offered = [_heading_above(outline, number), _comment(cell.source), *map(_stem, outputs[:1]), *calls[:1]]
    name = next(filter(None, map(_slug, offered)), f"step_{number}")
    taken = {step.name.lower() for step in outline.steps}
    tries = (name, *(f"{name}_{count}" for count in range(2, len(taken) + 3)))
    return next(each for each in tries if each.lower() not in taken)


def _heading_above(outline: Outline, number: int) -> str:
    for cell in reversed(outline.notebook.cells[: number - 1]):
        if cell.kind != "markdown":
            return ""
        headings = re.findall(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", cell.source, re.MULTILINE)
        if headings:
            return _if_short(headings[-1])
    return ""


def _comment(source: str) -> str:
    first = next((line.strip() for line in source.split("\n") if line.strip()), "")
    return _if_short(first.lstrip("#! ")) if first.startswith("#") else ""


def _if_short(text: str) -> str:
    return text if len(text.split()) <= MOST_WORDS else ""


def _stem(item: str) -> str:
    return item.rstrip("/").rpartition("/")[2].partition(".")[0]


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return words.lstrip("0123456789_")[:LONGEST_NAME].strip("_")
