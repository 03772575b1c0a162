"""What moves a key, and what does not: two ways to write a step, and whether a result of one may stand for another."""

from __future__ import annotations

import pytest

from nbflow.core.code_parts import Circumstances, code_parts
from nbflow.core.fingerprint import Place, fingerprint
from tests.fakes import FakeSurroundings, pipeline, slice_of


def key(*cells: str) -> str:
    """The key of the step ``s``."""
    pipe = pipeline(cells)
    step = next(s for s in pipe.steps.values() if s.name == "s")
    inputs = {i.item.text: "digest" for i in step.inputs}
    circumstances = Circumstances({})
    code = code_parts(slice_of(pipe, "s").pieces, pipe.outlines, "", circumstances)
    return fingerprint(step, code, Place(None, ""), inputs, circumstances, FakeSurroundings()).key


def step(*lines: str) -> str:
    return "\n".join(["%%step s -o t", *lines])


RESET, USE = "k = [1]", "t += len(k)\nk.append(2)"

OTHERS = {
    "a constant bound again between its readers": (
        [step("t = 0", "r = 1", "t += r", "r = 2", "t += r")],
        [step("t = 0", "r = 1", "t += r", "t += r", "r = 2")],
    ),
    "a function defined again between its callers": (
        [step("def f(): return 1", "t = f()", "def f(): return 2", "t += f()")],
        [step("def f(): return 1", "t = f()", "t += f()", "def f(): return 2")],
    ),
    "the first of two bindings becomes the second": ([step("t = 0", "t += 1")], [step("t += 1", "t = 0")]),
    "a constant of context bound again": (
        ["k = 1\nt = [k]", "k = 2", "t.append(k)", step("t = t")],
        ["k = 1\nt = [k]", "t.append(k)", "k = 2", step("t = t")],
    ),
    "a constant bound again to the same": (
        ["t = 0", RESET, USE, RESET, USE, step("t += len(k)")],
        ["t = 0", RESET, USE, USE, RESET, step("t += len(k)")],
    ),
    "a name that a function binds": (
        ["def f():\n    global q\n    q = 1", step("q = 3", "f()", "t = q")],
        ["def f():\n    global q\n    q = 1", step("f()", "q = 3", "t = q")],
    ),
    "a base class defined again": (
        [step("class A: n = 1", "class B(A): pass", "class A: n = 2", "class C(A): pass", "t = B.n + C.n")],
        [step("class A: n = 1", "class A: n = 2", "class B(A): pass", "class C(A): pass", "t = B.n + C.n")],
    ),
    "a default bound again": (
        [step("D = 1", "def f(a=D): return a", "D = 2", "t = f()")],
        [step("D = 1", "D = 2", "def f(a=D): return a", "t = f()")],
    ),
    "a builtin hidden later": (
        [step("t = sum([1])", "def sum(x): return 0", "t += sum([1])")],
        [step("def sum(x): return 0", "t = sum([1])", "t += sum([1])")],
    ),
    "an import of another thing by the same name": (
        [step("from a import f", "t = f()", "from b import f", "t += f()")],
        [step("from a import f", "from b import f", "t = f()", "t += f()")],
    ),
    "an input hidden by a constant": (
        ["%%step a -o x\nx = 1", "%%step s -i x -o t\nt = x\nx = 2\nt += x"],
        ["%%step a -o x\nx = 1", "%%step s -i x -o t\nx = 2\nt = x\nt += x"],
    ),
    "the body of a cell magic": (["%%step s\n%%bash\necho one"], ["%%step s\n%%bash\necho two"]),
    "the arguments of a cell magic": (["%%step s\n%%bash --out x\nls"], ["%%step s\n%%bash --out y\nls"]),
    "a file that is written": (
        ["%%step s -o a.txt\n%%writefile a.txt\none"],
        ["%%step s -o a.txt\n%%writefile a.txt\ntwo"],
    ),
    "a tagged cell of another language": (
        ["#[nbflow-setup]\n%%bash\necho 1 > x", step("t = 1")],
        ["#[nbflow-setup]\n%%bash\necho 2 > x", step("t = 1")],
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_may_come_out_otherwise_has_another_key(case: str) -> None:
    one, other = OTHERS[case]
    assert key(*one) != key(*other)


SAME = {
    "a helper moved": (
        ["def f(): return 1", "x = 2", step("t = f() + x")],
        ["x = 2", "def f(): return 1", step("t = f() + x")],
    ),
    "a constant moved within a step": ([step("a = 1", "print()", "t = a")], [step("print()", "a = 1", "t = a")]),
    "an import twice": (["import re", step("import re", "t = re.X")], ["import re", step("t = re.X", "import re")]),
    "a cell of another language that nobody asks for": (
        ["%%bash\nls", step("t = 1")],
        ["%%bash\nls -l", step("t = 1")],
    ),
    "an option of the step": (["%%step s\n%%bash\nls"], ["%%step s --retries 2\n%%bash\nls"]),
}


@pytest.mark.parametrize("case", SAME)
def test_what_comes_out_the_same_has_the_same_key(case: str) -> None:
    one, other = SAME[case]
    assert key(*one) == key(*other)
