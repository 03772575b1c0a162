"""Where the check finds nothing, running each step's slice in a namespace of its own gives what Run All gives.

Random notebooks: context cells that bind, change and read numbers and lists, functions and classes that read and change
globals, imports in steps, set-up through a module, steps over several cells, chains of ``-i xs -o xs``. Declarations
begin empty; what the check asks for is added until it asks for nothing more.
"""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from nbflow.core.check import check
from nbflow.core.declare import with_items
from nbflow.core.graph import Pipeline, Step
from nbflow.core.model import Finding, Notebook
from nbflow.core.slicing import Slice
from tests.fakes import FakeSurroundings, notebook, pipeline, slices_of

Namespace = dict[str, Any]

NUMBERS = st.sampled_from(["a", "b", "c", "p", "q"])
LISTS = st.sampled_from(["xs", "ys", "zs"])
FUNCTIONS = st.sampled_from(["f", "g"])
VALUES = ("a", "b", "c", "p", "q", "xs", "ys", "zs")

LINES = {
    "bind": [
        "{n} = {k}",
        "{n} = {m} + {k}",
        "{n} = len({x}) + {m}",
        "{x} = [{k}, {n}]",
        "{x} = list({y}) + [{k}]",
        "{n} = sum({x}) + {m}",
        "{n}, {m} = {k}, {k}",
        "for {n} in range({k}):\n    {m} = {n} * 2",
        "if {n} > {k}:\n    {m} = {k}",
        "try:\n    {n} = {m}\nexcept NameError:\n    {n} = {k}",
        "if {n} > 2:\n    {x} = [{k}]\nelse:\n    {x} = [{m}]",
        "{n} = {n} + {k}",
        "with open_nothing():\n    {n} = {k}",
        "{x} = {y}",
        "{x} = {y}",
        "{x}, {n} = {y}, {k}",
        "box = Box({x})",
        "box = Box({x})",
        "{x} = box.get()",
        "{x} = same({y})",
        "kept.append({x})",
        "kept[-1:] = [{x}]",
        "print({x} := {y}, end='')",
    ],
    "change": [
        "{x}.append({n})",
        "{n} += {k}",
        "{x}[0] = {n}",
        "{x} += [{k}]",
        "{x}.insert(0, {k})",
        "{x}[:] = [{n}, {k}]",
        "{n} = {x}.pop()",
        "{n} = grow({x})",
        "grow({x})",
        "{n} = box.put({k})",
        "box.put({k})",
        "filler.fill({x}, {k})",
        "{n} = filler.fill({x}, {k})",
        "list(map(lambda rows: rows.append({k}), [{x}]))",
        "{n} = sum(map(grow, [{x}, {y}]))",
        "{n} = up({x})",
        "go = {x}.append",
        "go({k})",
        "kept[0].append({k})",
        "for {n} in box.rows:\n    {m} = {n}",
    ],
    "define": [
        "def {f}():\n    return {n} + len({x})",
        "def {f}():\n    return {g}() + {n}",
        "def {f}():\n    return tool.level + {n}",
        "def {f}():\n    {x}.append({k})\n    return {k}",
        "def {f}():\n    global {n}\n    {n} = {n} + {k}\n    return {k}",
        "{f} = lambda: {n} * 2",
        "def {f}(value={n}):\n    return value + {m}",
        "def {f}():\n    tool.set_level({k})\n    return {n}",
        "class Thing:\n    def get(self):\n        return {n} + {k}",
        "@plain\ndef {f}():\n    return {m}",
        "def {f}():\n    return sum(v + {n} for v in {x})",
        "def plain(function):\n    return function",
        "def make():\n    return lambda: {n} + {k}",
    ],
    "call": [
        "{n} = {f}()",
        "{f}()",
        "{n} = sum(map(lambda v: v + {m}, {x}))",
        "h = {f}",
        "{n} = h()",
        "thing = Thing()",
        "{n} = thing.get()",
        "it = iter({x})",
        "{n} = next(it, {k})",
        "{n} = sum(it) + {k}",
        "{n} = Thing().get()",
        "{n} = [{f}, {g}][0]()",
        "h = make()",
    ],
    "import": [
        "import tool",
        "from tool import twice",
        "import tool as t",
        "try:\n    import tool\nexcept ImportError:\n    tool = None",
        "if {n} > 1:\n    import tool",
        "{n} = twice({m})",
        "{n} = t.level",
        "{n} = tool.level + {m}",
    ],
    "setup": ["tool.level = {k}", "tool.set_level({k})", "tool.level = {n}"],
    "look": ["{x}.count({n})", "len({x})", "{n}", "print({n}, end='')", "{x}.index({x}[0])"],
}
KINDS = ["bind"] * 6 + ["change"] * 4 + ["define"] * 3 + ["call"] * 5 + ["import"] * 2 + ["setup"] + ["look"] * 2
BOX = """class Box:
    def __init__(self, rows):
        self.rows = rows
    def put(self, value):
        self.rows.append(value)
        return value
    def get(self):
        return self.rows"""
START = [
    "import tool\nimport tool as t\nfrom tool import twice\nfrom contextlib import nullcontext as open_nothing",
    "a = 1\nb = 2", "c = 3", "xs = [1]", "ys = [2, 3]", "def f():\n    return a", "def g():\n    return 4\nh = g",
    "def plain(function):\n    return function\ndef make():\n    return f",
    "class Thing:\n    def get(self):\n        return 6\nthing = Thing()",
    "def grow(rows):\n    rows.append(7)\n    return len(rows)\ndef same(rows):\n    return rows",
    BOX,
    "box = Box([5])",
    "up = lambda rows: grow(rows)",
    "class Filler:\n    def fill(self, rows, value):\n        rows.append(value)\n        return 1",
    "filler = Filler()\nkept = [[0]]\ngo = kept[0].append\nit = iter([1, 2, 3])",
    "%%step s0\np = a\nq = 2\nzs = [4]",
]  # fmt: skip


@st.composite
def statements(draw: st.DrawFn) -> str:
    template = draw(st.sampled_from(LINES[draw(st.sampled_from(KINDS))]))
    names = {
        "n": draw(NUMBERS), "m": draw(NUMBERS), "x": draw(LISTS), "y": draw(LISTS), "f": draw(FUNCTIONS),
        "g": draw(FUNCTIONS), "k": draw(st.integers(1, 3)),
    }  # fmt: skip
    return template.format(**names)


@st.composite
def notebooks(draw: st.DrawFn) -> list[str]:
    """Cells; those of steps begin with ``%%step NAME``."""
    cells = list(START)
    count = 0
    for _ in range(draw(st.integers(2, 10))):
        body = "\n".join(draw(st.lists(statements(), min_size=1, max_size=3)))
        kind = draw(st.sampled_from(["context", "context", "context", "step", "step", "step", "again", "earlier"]))
        count += kind == "step"
        step = max(count - (kind == "earlier"), 0)
        cells.append(body if kind == "context" else f"%%step s{step}\n{body}")
    return cells


SHARING = [
    "{x} = {y}", "{x}, {n} = {y}, {k}", "box = Box({x})", "{x} = box.get()", "{x} = [{k}, {n}]", "{x} = same({y})",
    "kept.append({x})", "box.rows = {x}", "kept[0] = {x}", "{x} = kept[-1]",
]  # fmt: skip


@st.composite
def under_other_names(draw: st.DrawFn) -> list[str]:
    """Context cells that give objects other names and change them, and one step that looks at some of them."""
    cells = [*START[:-1], "zs = [4]", "p = 1\nq = 2"]
    for _ in range(draw(st.integers(2, 6))):
        template = draw(st.sampled_from(SHARING + LINES["change"]))
        cells.append(template.format(n="p", m="q", x=draw(LISTS), y=draw(LISTS), k=draw(st.integers(1, 3))))
    return [*cells, f"%%step s1 -o a b\na = list({draw(LISTS)})\nb = list({draw(st.sampled_from(['xs', 'box.rows']))})"]


@pytest.fixture(scope="module")
def tool() -> Iterator[types.ModuleType]:
    """A module with a state that set-up changes."""
    module = types.ModuleType("tool")
    exec(
        "level = 0\ndef set_level(value):\n    global level\n    level = value\n"
        "def twice(value):\n    return 2 * value + level",
        module.__dict__,
    )
    sys.modules["tool"] = module
    yield module
    del sys.modules["tool"]


def body(source: str) -> str:
    return source.partition("\n")[2] if source.startswith("%%step") else source


def declared(cells: list[str]) -> tuple[list[str], Pipeline, dict[str, Slice], tuple[Finding, ...]]:
    """The cells with the declarations that the check asks for, until it asks for none that are not there."""
    for _ in range(30):
        pipe = pipeline(notebook(*cells))
        slices = slices_of(pipe)
        findings = check(pipe, slices, FakeSurroundings())
        fixed = list(cells)
        for finding in findings:
            add(fixed, pipe, finding.step, finding.cell, finding.add_inputs, ())
            add(fixed, pipe, finding.fix_step or finding.step, None, (), finding.add_outputs)
        if fixed == cells:
            return cells, pipe, slices, findings
        cells = fixed
    raise AssertionError("what the check asks for never ends:\n" + "\n---\n".join(cells))


def add(
    cells: list[str], pipe: Pipeline, name: str | None, at: int | None, ins: tuple[str, ...], outs: tuple[str, ...]
) -> None:
    step = next((s.outline for s in pipe.steps.values() if s.outline.name == name), None)
    if step is not None and (ins or outs):
        number = at if at in step.cells else step.last if outs else step.first
        assert number is not None
        line, _, rest = cells[number - 1].partition("\n")
        cells[number - 1] = with_items(line, ins, outs) + "\n" + rest


def run_all(book: Notebook, pipe: Pipeline) -> dict[str, Namespace]:
    """Outputs of each step as they are behind its last cell. Rejects notebooks that fail, or where a context cell
    changes by a mere call what a step has made: that is left to the person."""
    space: Namespace = {"__name__": "__main__"}
    steps = {s.outline.last: s for s in pipe.steps.values()}
    owners: dict[str, int] = {}
    outline = pipe.outlines[book.path]
    results: dict[str, Namespace] = {}
    for cell in book.cells:
        before = {n: copy.deepcopy(space[n]) for n in VALUES if n in space}
        run(body(cell.source), space)
        step = outline.step_at(cell.number)
        for name in VALUES:
            if space.get(name) != before.get(name):
                if step is None:
                    assume(owners.get(name, 0) <= cell.number)
                else:
                    owners[name] = step.last + 1 if step.outputs(name) else 0
        if cell.number in steps:
            made = steps[cell.number]
            outputs = {str(o.name): space[str(o.name)] for o in made.outputs}
            assume(not any(shared(value, outputs, space) for value in outputs.values()))
            results[made.id] = copy.deepcopy(outputs)
            for output in made.outputs:
                owners[str(output.name)] = 1 << 30
    return results


def shared(value: object, outputs: Namespace, space: Namespace) -> bool:
    """Whether an output is an object that goes on under a name of another step or of a context cell: what is done to it
    later would be seen there by Run All."""
    others = [space[n] for n in VALUES if n in space and n not in outputs]
    others += [thing.rows for thing in space.values() if hasattr(thing, "rows")]
    return isinstance(value, list) and any(value is other for other in others)


def run(source: str, space: Namespace) -> None:
    try:
        exec(compile(source, "cell", "exec"), space)
    except Exception as error:
        event(f"Run All fails: {type(error).__name__}")
        assume(False)


def run_slice(
    book: Notebook, its_slice: Slice, inputs: Namespace, outputs: list[str], may_change: list[str]
) -> Namespace:
    space: Namespace = {"__name__": "__main__"}
    watched: Mapping[str, Any] | None = None
    given_names = sorted({*inputs, *(n for n, _ in its_slice.context_reads)})
    for piece in its_slice.pieces:
        if piece.kind == "step" and watched is None:
            watched = {n: copy.deepcopy(space[n]) for n in given_names if n in space and n in VALUES}
        if piece.kind == "input":
            space.update(copy.deepcopy({n: inputs[n] for n in piece.names}))
        else:
            source = piece.source if piece.kind == "import" else body(book.cell(piece.cell).source)
            exec(compile(source, f"cell {piece.cell}", "exec"), space)
    for name, value in (watched or {}).items():
        # What a step changes by a mere call is found as it runs: a warning with the words to add.
        assume(name in may_change or space.get(name) == value)
    return copy.deepcopy({name: space[name] for name in outputs})


def left_out(pipe: Pipeline, step: Step, its_slice: Slice) -> bool:
    """Whether set-up stays out because it needs a step's output: it is exploration, and nothing is said of it."""
    cells = {number for _, number in its_slice.cells} | set(step.outline.cells)
    setup = pipe.outlines[step.notebook].bindings.setup_cells
    return any(number < step.outline.last and number not in cells for number in setup)


def around(pipe: Pipeline, step: Step) -> bool:
    """Whether a cell of another step stands between its cells: that one would see what this one changes on the way."""
    between = range(step.outline.first, step.outline.last)
    return any(pipe.outlines[step.notebook].step_at(n) not in (None, step.outline) for n in between)


def shown(cells: list[str], found: object = "") -> str:
    return "\n".join(f"--- {n}\n{text}" for n, text in enumerate(cells, 1)) + f"\n{found}"


RANDOM = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@RANDOM
@given(cells=notebooks())
def test_slices_make_what_run_all_makes(tool: types.ModuleType, cells: list[str]) -> None:
    compare(tool, cells)


@RANDOM
@given(cells=under_other_names())
def test_changes_under_another_name_come_along(tool: types.ModuleType, cells: list[str]) -> None:
    compare(tool, cells)


def compare(tool: types.ModuleType, cells: list[str]) -> None:
    cells, pipe, slices, findings = declared(cells)
    book = pipe.outlines["nb.ipynb"].notebook
    serious = [f for f in findings if f.severity != "hint"]
    event(f"findings: {sorted({f.code for f in serious})}")
    assume(pipe.steps and not serious)
    assume(all(str(o.name) in VALUES for s in pipe.steps.values() for o in s.outputs))
    assume(all(not left_out(pipe, step, slices[step.id]) for step in pipe.steps.values()))
    tool.__dict__["level"] = 0
    expected = run_all(book, pipe)
    made: dict[str, Namespace] = {}
    for step in pipe.steps.values():
        inputs = {str(i.item.name): made[i.makers[0]][str(i.item.name)] for i in step.inputs}
        tool.__dict__["level"] = 0
        outputs = [str(o.name) for o in step.outputs]
        try:
            made[step.id] = run_slice(book, slices[step.id], inputs, outputs, [] if around(pipe, step) else outputs)
        except (NameError, AttributeError, TypeError, KeyError, IndexError, ValueError) as error:
            raise AssertionError(shown(cells, f"{step.id}: {error!r}\n{slices[step.id]}")) from error
    assert made == expected, shown(cells, slices)
    event(f"edges: {min(len(pipe.edges), 6)}, steps: {len(pipe.steps)}")
