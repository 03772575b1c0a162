"""A step cell becomes a plain cell: every line keeps its number, and what happens in it happens in the user's frame.

IPython transforms a cell twice before it runs it. As text: ``StepLines`` turns the ``%%step`` line into a string on
one line, which Python takes at the top of any cell (also above ``from __future__``). As a syntax tree: ``StepBodies``
exchanges that string for a call, and puts another around the last expression, or behind the last statement. What the
calls do is ``session``'s business. Nothing here runs user code.
"""

from __future__ import annotations

import ast
import re
from typing import Protocol

from IPython.core.inputtransformer2 import cell_magic, make_tokens_by_line

from nbflow.core.declare import parse, step_line
from nbflow.core.magic_table import PYTHON_BODIES
from nbflow.core.model import Declaration
from nbflow.errors import DeclareError

BEGIN = "__nbflow_begin__"
END = "__nbflow_end__"
"""Names of the two calls. They are builtins while a cell runs."""

_STEP = re.compile(r"\s*%%step(?=\s|$)")
_MAGIC = re.compile(r"%%(\w+)")


class Declared(Protocol):
    """Where the two halves meet."""

    declared: dict[str, Declaration | DeclareError]
    """What the step lines of this shell say, by their text, or what is wrong with them."""

    @property
    def interactivity(self) -> str: ...  # what IPython shows of a cell: "last_expr", …


def text_of(line: str) -> str:
    """A step line in the form in which it is known from here on. ``line``: what follows ``%%step``."""
    return f"%%step {line}".rstrip()


def transformed(text: str) -> str:
    """How a step line stands in the transformed cell."""
    return f"{text!r}\n"


def written(text: str) -> str:
    """How a step line stands in tracebacks and in ``In``: as a comment, which is what it is to Python."""
    return f"# {text}\n"


# --- as text -------------------------------------------------------------------------------------------


class StepLines:
    """The input transformer."""

    has_side_effects = True
    """So IPython leaves it out where it only asks whether a cell is complete: there ``%%step`` is a cell magic."""

    def __init__(self, shared: Declared) -> None:
        self._shared = shared

    def __call__(self, lines: list[str]) -> list[str]:
        """``lines``: the cell's, with their ends, the blank ones at the top gone.

        A cell that is refused becomes comments below a line that raises: what fails in a transformer itself upsets the
        counting of cells in IPython 8."""
        if not any("%%step" in line for line in lines):
            return lines
        try:
            _refuse_misplaced(lines)
            found = step_line(lines[0].rstrip("\r\n"))
            if found is None:
                return lines
            text = text_of(found.text)
            self._shared.declared[text] = parse(found.text)
        except DeclareError as error:
            text = f"%%step is refused: {error.message}"
            self._shared.declared[text] = error
            return [transformed(text), *(f"# {line}" for line in lines)]
        return [transformed(text), *_with_second_magic(lines[1:])]


def _with_second_magic(body: list[str]) -> list[str]:
    """IPython knows a cell magic at the top of a cell alone; here that is the top of the body."""
    first = next((i for i, line in enumerate(body) if line.strip()), len(body))
    below: list[str] = cell_magic(body[first:])
    return body[:first] + below


def _refuse_misplaced(lines: list[str]) -> None:
    """``%%step`` where neither IPython nor the planner takes it for what it is meant to be."""
    suspects = [i for i, line in enumerate(lines) if i and _STEP.match(line)]
    if not suspects:
        return
    found = _MAGIC.match(lines[0])
    magic = found[1] if found else ""
    if magic not in ("", "step"):
        if magic in PYTHON_BODIES and not "".join(lines[1 : suspects[0]]).strip():
            raise DeclareError(f"%%step has to stand above %%{magic}.", "Swap the two lines.")
        return  # What stands below is a text of its own: a file to be written, a script.
    body = ["\n", *lines[1:]] if magic else lines
    starts = {t.start[0] - 1 for line in make_tokens_by_line(body) for t in line if t.string == "%"}
    misplaced = next((lines[i].strip() for i in suspects if i in starts), None)
    if misplaced is not None and magic:
        raise DeclareError(f"This cell is a step, so '{misplaced}' cannot stand in it.", "Split the cell above it.")
    if misplaced is not None:
        raise DeclareError(f"'{misplaced}' is not the first line of its cell.", "Move it to the top of the cell.")


# --- as a syntax tree ----------------------------------------------------------------------------------


class StepBodies(ast.NodeTransformer):
    """The AST transformer."""

    def __init__(self, shared: Declared) -> None:
        self._shared = shared

    def visit(self, node: ast.AST) -> ast.AST:
        """``node``: a module, as IPython parsed it; changed in place."""
        if isinstance(node, ast.Module) and node.body:
            first = node.body[0]
            text = _text(first)
            if text in self._shared.declared and first.lineno == 1:
                node.body[0] = ast.copy_location(ast.Expr(_call(BEGIN, first, ast.Constant(text))), first)
                if not isinstance(self._shared.declared[text], DeclareError):
                    self._add_end(node.body, text)
                ast.fix_missing_locations(node)
        return node

    def _add_end(self, body: list[ast.stmt], text: str) -> None:
        """The check after the body. What IPython shows of the cell stays what it was."""
        last, interactivity = body[-1], self._shared.interactivity
        name = _assigned_name(last) if interactivity == "last_expr_or_assign" else None
        if isinstance(last, ast.Expr) and len(body) > 1:
            last.value = _call(END, last.value, ast.Constant(text), last.value)
            return
        end = _call(END, last, ast.Constant(text), *([ast.Name(name, ast.Load())] if name else []))
        if interactivity == "last" and len(body) > 1:  # shows what stands in the last block, so it has to stay last
            body[-1] = ast.copy_location(ast.If(ast.Constant(True), [last, ast.Expr(end)], []), last)
        else:
            body.append(ast.Expr(end))


def _text(statement: ast.stmt) -> str:
    """The text of a statement that is a string and nothing else."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else ""
    return ""


def _assigned_name(statement: ast.stmt) -> str | None:
    """The name whose value IPython is to show, where the last statement is a plain assignment."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        target = statement.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _call(function: str, where: ast.AST, *arguments: ast.expr) -> ast.Call:
    call = ast.Call(ast.Name(function, ast.Load()), list(arguments), [])
    return ast.copy_location(call, where)
