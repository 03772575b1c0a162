"""Another name for a step or for what a step makes, in all cells of a notebook that mean it.

A rename changes nothing but the name: the pipeline is the same before and after, and so is what the notebook does by
hand. Where that cannot be promised by reading alone, the rename is refused with the reason. Read ``identifiers`` for
names in code and ``step_words`` for those in ``%%step`` lines.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Callable, Iterator, Mapping

from nbflow.core import declare
from nbflow.core.graph import Pipeline, Step, full_name
from nbflow.core.identifiers import CannotTell, identifiers, mentions, places_of
from nbflow.core.magics import replace_magics
from nbflow.core.model import STEP_NAME, Cell
from nbflow.core.names import analyse
from nbflow.core.outline import Outline
from nbflow.core.paths import meet
from nbflow.core.step_words import Word, changed
from nbflow.core.syntax import parse
from nbflow.errors import DeclareError, UsageError, did_you_mean

Sources = dict[int, str]
"""Number of a cell → its source as it would read."""


# --- steps -----------------------------------------------------------------------------------------------


def rename_step(pipeline: Pipeline, notebook: str, old: str, new: str) -> Sources:
    """The cells that change. ``old``: as its ``%%step`` line has it. Raises ``UsageError``."""
    outline = pipeline.outlines[notebook]
    names = [step.name for step in outline.steps]
    if old not in names:
        raise UsageError(f"There is no step '{old}' in this notebook.{did_you_mean(old, names)}")
    if not STEP_NAME.match(new):
        raise UsageError(
            f"'{new}' cannot be the name of a step.",
            "A name begins with a letter or _ and goes on with letters, digits, _ and - (at most 100).",
        )
    taken = next((name for name in names if name.lower() == new.lower() and name != old), None)
    if taken is not None:
        raise UsageError(f"There is a step '{taken}' in this notebook already.", "Choose another name.")
    full = full_name(notebook, old)
    for edge in pipeline.edges:
        step = pipeline.steps[edge.target]
        if edge.source == full and edge.via == "--after" and step.notebook != notebook:
            raise UsageError(
                f"Step '{step.name}' says --after {old} in another notebook, {step.notebook}.", "Change it there first."
            )

    def change(word: Word) -> str:
        if word.role == "name":
            return new if word.text == old else word.text
        ours = word.role == "after" and (word.text == old or full.endswith(f"/{word.text}") or full == word.text)
        return word.text[: len(word.text) - len(old)] + new if ours else word.text

    return _with_verbs(outline, _with_lines(outline, change), old, new)


def _with_verbs(outline: Outline, found: Sources, old: str, new: str) -> Sources:
    """The same with the step's name in ``%flow`` lines: ``%flow run +train``, ``%flow why train``."""
    named = re.compile(rf"(?<![\w./=-]){re.escape(old)}(?![\w./=-])")
    for cell in outline.notebook.cells:
        if cell.kind == "code" and "%flow" in cell.source:
            source = found.get(cell.number, cell.source)
            changed_source = re.sub(r"(?m)^[ \t]*%flow[ \t].*", lambda line: named.sub(new, line[0]), source)
            if changed_source != cell.source:
                found[cell.number] = changed_source
    return found


def _with_lines(outline: Outline, change: Callable[[Word], str]) -> Sources:
    found = {}
    for step in outline.steps:
        for number, line in step.lines.items():
            new = changed(line, change)
            if new != line:
                found[number] = _with_line(outline.notebook.cell(number).source, line, new)
    return found


def _with_line(source: str, old: str, new: str) -> str:
    lines = source.split("\n")
    lines[lines.index(old)] = new
    return "\n".join(lines)


# --- what steps make -------------------------------------------------------------------------------------


def rename_artifact(pipeline: Pipeline, notebook: str, old: str, new: str) -> Sources:
    """The cells that change. ``old``: a variable or a path, as steps of this notebook declare it. Raises
    ``UsageError``."""
    outline = pipeline.outlines[notebook]
    made = {item.label: item for step in outline.steps for item in step.declaration.outputs}
    if old not in made:
        raise UsageError(f"No step of this notebook makes '{old}'.{did_you_mean(old, made)}")
    if new in made:
        raise UsageError(f"A step of this notebook makes '{new}' already.", "Choose another name.")
    _require_only_here(pipeline, notebook, old)
    return _rename_file(pipeline, outline, old, new) if made[old].is_file else _rename_variable(outline, old, new)


def _require_only_here(pipeline: Pipeline, notebook: str, old: str) -> None:
    for step in pipeline.steps.values():
        for taken in step.inputs:
            makers = [pipeline.steps[maker] for maker in taken.makers]
            here = [maker for maker in makers if maker.notebook == notebook and _makes(maker, old)]
            if step.notebook != notebook and here:
                raise UsageError(f"Step '{step.name}' of {step.notebook} takes '{old}'.", "Rename it in both by hand.")
            if step.notebook == notebook and taken.item.label == old and len(here) < len(makers):
                other = next(maker for maker in makers if maker not in here)
                raise UsageError(f"Step '{other.name}' of {other.notebook} makes '{old}', too.", "Rename it there.")


def _makes(step: Step, label: str) -> bool:
    return any(item.label == label for item in step.outputs)


def _renamed_item(old: str, new: str, *, is_file: bool) -> Callable[[Word], str]:
    def change(word: Word) -> str:
        if word.role not in ("inputs", "outputs"):
            return word.text
        item = declare.parse_item(word.text)
        if is_file and item.path == old:
            head, tail = word.text.split(old, 1)
            return head + new + tail
        if not is_file and item.name == old:
            return new + word.text[len(old) :]
        return word.text

    return change


# --- variables -------------------------------------------------------------------------------------------


def _rename_variable(outline: Outline, old: str, new: str) -> Sources:
    _require_variable(outline, new)
    found = _with_lines(outline, _renamed_item(old, new, is_file=False))
    for cell in outline.notebook.cells:
        if cell.kind == "code":
            source = _renamed_code(cell, found.get(cell.number, cell.source), old, new)
            if source != cell.source:
                found[cell.number] = source
    if any(name == old for name in outline.parameters):
        raise UsageError(f"'{old}' is a parameter of this notebook, too.", "Whoever sets it would have to know.")
    return found


def _require_variable(outline: Outline, new: str) -> None:
    if not new.isidentifier() or keyword.iskeyword(new) or new == "_":
        raise UsageError(f"'{new}' cannot be the name of a variable.")
    if hasattr(builtins, new):
        raise UsageError(f"'{new}' is a name of Python itself.", "Choose another name.")
    for cell in outline.notebook.cells:
        if cell.kind == "code" and mentions(cell.source, new) and new in identifiers(cell.source):
            raise UsageError(f"There is a '{new}' in cell {cell.number} already.", "Choose another name.")


def _renamed_code(cell: Cell, source: str, old: str, new: str) -> str:
    """``source``: of the cell, its step line changed already; other lines are as they were."""
    try:
        places = places_of(cell.source, old)
    except CannotTell as reason:
        raise UsageError(
            f"Cell {cell.number} {reason.why} (line {reason.line}), so '{old}' is not renamed.", "Rename it by hand."
        ) from None
    lines = source.split("\n")
    for line, column in reversed(places):
        lines[line] = lines[line][:column] + new + lines[line][column + len(old) :]
    made = "\n".join(lines)
    if places and _said(made, new, old) != _said(cell.source, old, old):
        raise UsageError(f"Cell {cell.number} would mean something else, so '{old}' is not renamed.", "Do it by hand.")
    return made


def _said(source: str, name: str, plain: str) -> list[object]:
    """What the code does with names, with ``plain`` in the place of ``name``."""
    facts = analyse(source)

    def each(names: tuple[str, ...]) -> list[str]:
        return sorted(plain if n == name else n for n in names)

    return [
        (each(code.reads), each(code.binds), each(tuple(change.name for change in code.changes)))
        for unit in facts.units
        for code in (unit.now, unit.later)
    ]


# --- files -----------------------------------------------------------------------------------------------


def _rename_file(pipeline: Pipeline, outline: Outline, old: str, new: str) -> Sources:
    item = _file(old, new)
    named = False
    for step in pipeline.steps.values():
        for each in (*[taken.item for taken in step.inputs], *step.outputs):
            if step.notebook == outline.notebook.path and each.path == old:
                named = named or each.name is not None
            elif step.notebook == outline.notebook.path and each.path is not None and meet(each.path, old):
                raise UsageError(f"Step '{step.name}' declares '{each.label}', which means '{old}' as well.",
                                 "Rename it by hand.")  # fmt: skip
    found = _with_lines(outline, _renamed_item(old, item, is_file=True))
    written = False
    for cell in outline.notebook.cells:
        if cell.kind == "code" and old in cell.source:
            source = found.get(cell.number, cell.source)
            for line, start, end in reversed([*_texts(cell, old)]):
                lines = source.split("\n")
                lines[line] = lines[line][: start + 1] + item + lines[line][end - 1 :]
                source, written = "\n".join(lines), True
            if source != cell.source:
                found[cell.number] = source
    if not written and not named:
        raise UsageError(f"The code does not write '{old}' out, so it cannot be renamed there.", "Rename it by hand.")
    return found


def _file(old: str, new: str) -> str:
    try:
        item = declare.parse_item(new)
    except DeclareError as error:
        raise UsageError(error.message, error.fix) from None
    if item.path != new or item.is_glob or item.is_folder != old.endswith("/") or set(new) & set("\"'\\\n"):
        raise UsageError(f"'{new}' cannot stand for '{old}'.", "Give the path of a file, such as data/clean.csv.")
    return new


def _texts(cell: Cell, path: str) -> Iterator[tuple[int, int, int]]:
    """The plain texts that are just this path: line, where it begins, where it ends. Raises ``UsageError`` for one that
    is written in another way."""
    text = replace_magics(cell.source.replace("\r\n", "\n")).text
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"Cell {cell.number} cannot be read as Python, so '{path}' is not renamed.") from None
    lines = cell.source.split("\n")
    places = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == path:
            line = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
            start = len(line.encode()[: node.col_offset].decode("utf-8", "replace"))
            end = start + len(path) + 2
            if line[start:end] not in (f'"{path}"', f"'{path}'") or node.end_lineno != node.lineno:
                raise UsageError(
                    f"Cell {cell.number} writes '{path}' in an unusual way (line {node.lineno}).", "Rename it by hand."
                )
            places.append((node.lineno - 1, start, end))
    yield from sorted(places)


def renamed(pipeline: Pipeline, notebook: str, kind: str, old: str, new: str) -> Mapping[int, str]:
    """``kind``: ``step`` or ``artifact``. Raises ``UsageError``."""
    if notebook not in pipeline.outlines:
        raise UsageError("This notebook has no steps, so there is nothing to rename.")
    if kind not in ("step", "artifact"):
        raise UsageError(f"'{kind}' cannot be renamed.", "Rename a step or an artifact.")
    if old == new:
        return {}
    return (rename_step if kind == "step" else rename_artifact)(pipeline, notebook, old, new)
