"""A step cell behaves as the plain cell with the same body: each row runs both in one real kernel and compares all
that a front end is told. A plain cell has a comment where the step cell has its line, so every line has its number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import dedent

import pytest

from nbflow.ui.magic.where import JUPYTER
from tests.flows import Flow, new_flow
from tests.ui.live import Answer, Kernel, comparable, kernel_in

pytestmark = pytest.mark.slow

# Bound before each row, in a cell of its own.
HELPERS = """
import asyncio, os, sys, time, warnings
warnings.simplefilter("always", UserWarning)
from IPython.display import HTML, clear_output, display

class Rich:
    def _repr_html_(self):
        return "<b>rich</b>"
    def __repr__(self):
        return "plain"

class Broken:
    def __repr__(self):
        raise ValueError("no repr")

def helper(n):
    if n == 0:
        raise ValueError("from a helper of an earlier cell")
    return helper(n - 1)
"""

CLEAR = """
for _name in [n for n in globals() if n[0] != "_" and n not in ("In", "Out", "get_ipython", "exit", "quit", "open")]:
    del globals()[_name]
globals().pop("_name", None)
"""


@dataclass(frozen=True)
class Row:
    """One or more cells; ``STEP`` stands for the step line, and for the comment in its place."""

    cells: tuple[str, ...]
    typed: tuple[str, ...] = ()
    """What the user types when asked."""
    options: str = ""
    plain: tuple[str, ...] = ()
    """The plain cells, where a comment cannot stand in place of the step line."""


def row(*cells: str, **more: object) -> Row:
    return Row(tuple(dedent(c).strip("\n") for c in cells), **more)  # type: ignore[arg-type]


ROWS = {
    "prints": row("STEP\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')"),
    "shows the last expression": row("STEP\nx = 1\nx + 1"),
    "shows it richly": row("STEP\nRich()"),
    "shows nothing for None": row("STEP\nNone"),
    "a last semicolon hides it": row("STEP\n5;"),
    "a last semicolon and a comment": row("STEP\n5;  # quiet"),
    "ends with an assignment": row("STEP\nx = 5"),
    "ends with a block": row("STEP\nfor i in range(2):\n    i\n    print(i)"),
    "is empty": row("STEP\n"),
    "is a comment": row("STEP\n# nothing else"),
    "is a string": row("STEP\n'''%%step of old'''"),
    "has blank lines": row("STEP\n\n\nx = 1\n\n1/0"),
    "displays": row("STEP\ndisplay(HTML('<i>x</i>'), Rich())\n7"),
    "display ids": row(
        "STEP\nh = display('a', display_id='one')\nh.update('b')\ndisplay('c', display_id='one', update=True)"
    ),
    "clears its output": row("STEP\nprint('a')\nclear_output(wait=True)\nprint('b')"),
    "a repr that fails": row("STEP\nx = 1\nBroken()"),
    "a figure's metadata": row("STEP\ndisplay({'text/plain': 'x'}, raw=True, metadata={'a': 1})"),
    "Out, _ and __": row("STEP\n10", "STEP\n[_, 20]", "STEP\n(_, __)", "Out[max(Out)] is _"),
    "the result is kept once": row("STEP\nobject()", "STEP\n_ is Out[max(Out)]"),
    "execution counts": row("1", "STEP\n2", "STEP\n1/0", "STEP\n3", "len(In)  - max(Out)"),
    "In and _i": row("STEP\nx = 1\nx", "print(_i)", "print(In[-3])", "%history -l 3"),
    "an error": row("STEP\na = 1\nb = 0\na / b"),
    "an error in the first line of the body": row("STEP\n1 / 0"),
    "an error before the last expression": row("STEP\n1 / 0\nx = 2\nx"),
    "an error in an expression of many lines": row(
        "STEP\nx = [1,\n     2]\nprint(\n    'a',\n    1 /\n    0,\n)\nx"
    ),
    "an error in a nested function": row(
        """
        STEP
        def outer(x):
            def inner(y):
                return y / 0
            return inner(x)


        outer(3)
        """
    ),
    "an error in a method and a comprehension": row(
        """
        STEP
        class Model:
            def fit(self, rows):
                return [1 / r for r in rows]

        Model().fit([1, 0])
        """
    ),
    "an error in a helper of an earlier cell": row("STEP\nx = 2\nhelper(x)"),
    "an error in a function of an earlier step": row("STEP\n\ndef f():\n    raise KeyError('k')", "f()", "STEP\nf()"),
    "an error raised from another": row(
        "STEP\ntry:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise RuntimeError('later') from error"
    ),
    "an error of its own": row("STEP\nclass Odd(Exception):\n    pass\n\nraise Odd('why')"),
    "an exception group": row("STEP\nraise ExceptionGroup('many', [ValueError(1), KeyError(2)])"),
    "an error in exec": row("STEP\nexec('1\\n1/0')"),
    "an error in a thread": row(
        "STEP\nimport threading\nthreading.excepthook = lambda a: print(a.exc_type)\n"
        "t = threading.Thread(target=lambda: 1 / 0)\nt.start(); t.join()"
    ),
    "an assertion": row("STEP\nx = 1\nassert x == 2, f'{x} is not 2'"),
    "a name that is not there": row("STEP\nx = 1\nnowhere + x"),
    "an import that fails": row("STEP\nimport nowhere_at_all"),
    "a syntax error": row("STEP\nx = 1\nfor in x:\n    pass"),
    "a syntax error in the first line": row("STEP\nx = = 1"),
    "an indentation error": row("STEP\nx = 1\n  y = 2"),
    "a string that is not closed": row("STEP\nx = 'abc"),
    "return outside a function": row("STEP\nprint('runs')\nreturn 3"),
    "await in a function that is not async": row("STEP\ndef f():\n    await g()"),
    "top-level await": row("STEP\nx = await asyncio.sleep(0.01, 5)\nx"),
    "await as the last expression": row("STEP\nawait asyncio.sleep(0.01, 6)"),
    "an error after await": row("STEP\nawait asyncio.sleep(0.01)\nx = 1\n1 / 0"),
    "an error in a coroutine": row("STEP\nasync def f():\n    await asyncio.sleep(0)\n    1 / 0\n\nawait f()"),
    "async for over an async generator": row(
        "STEP\nasync def numbers():\n    for i in range(3):\n        yield i\n        await asyncio.sleep(0)\n\n"
        "[i async for i in numbers()]"
    ),
    "async with and gather": row(
        "STEP\nlock = asyncio.Lock()\nasync with lock:\n    print(lock.locked())\n"
        "await asyncio.gather(*(asyncio.sleep(0, i) for i in range(3)))"
    ),
    "a task goes on": row("STEP\ntask = asyncio.ensure_future(asyncio.sleep(0.01, 'done'))", "STEP\nawait task"),
    "from __future__ with await": row(
        "STEP\nfrom __future__ import annotations\ndef f(x: nowhere):\n    pass\n"
        "await asyncio.sleep(0, f.__annotations__)"
    ),
    "an interrupt": row("STEP\nx = 1\nprint('interrupt me', flush=True)\ntime.sleep(30)\nprint('no')", "x"),
    "an interrupt of await": row(
        "STEP\nprint('interrupt me', flush=True)\nfor _ in range(300):\n    await asyncio.sleep(0.1)\nprint('no')"
    ),
    "an interrupt that is caught": row(
        "STEP\ntry:\n    print('interrupt me', flush=True)\n    time.sleep(30)\n"
        "except KeyboardInterrupt:\n    x = 'caught'\nx"
    ),
    "KeyboardInterrupt raised": row("STEP\ndef f():\n    raise KeyboardInterrupt\n\nf()"),
    "SystemExit": row("STEP\nprint('a')\nraise SystemExit(3)\nprint('b')"),
    "sys.exit()": row("STEP\nsys.exit('bye')"),
    "input()": row("STEP\nname = input('Who? ')\nf'Hello {name}'", typed=("Ada",)),
    "getpass()": row("STEP\nfrom getpass import getpass\nlen(getpass('Secret: '))", typed=("hush",)),
    "line magics": row("STEP\n%who_ls str\nx = 3\n%time y = x + 1\ny"),
    "a magic as the last line": row("STEP\nx = 3\n%who_ls int"),
    "a magic in a block": row("STEP\nfor i in range(2):\n    %time i"),
    "a magic that is assigned": row("STEP\nhere = %pwd\nhere == os.getcwd()"),
    "a magic that fails": row("STEP\n%nowhere 3"),
    "%timeit": row("STEP\nx = 3\nt = %timeit -o -q -n 2 -r 2 x + 1\ntype(t).__name__"),
    "a magic expands names": row("STEP\nx = 'abc'\n%alias_magic -h\n!echo {x} $x"),
    "a shell line": row("STEP\nprint('a')\n!echo b"),
    "a shell line that is assigned": row("STEP\nout = !echo a; echo b\nout"),
    "a shell line that fails": row("STEP\n!exit 3\n_exit_code"),
    "help": row("STEP\nx = 3\nlen?"),
    "help in front": row("STEP\n?len"),
    "source": row("STEP\ndef f():\n    return 3\nf??"),
    "%%time on the second line": row(
        "STEP\n%%time\nx = 3\nx + 1", "x", plain=("%%time\nx = 3\nx + 1", "x")
    ),
    "%%capture on the second line": row(
        "STEP\n%%capture out\nprint('kept')\n5", "out.stdout", plain=("%%capture out\nprint('kept')\n5", "out.stdout")
    ),
    "%%bash on the second line": row(
        "STEP\n%%bash\necho from bash", plain=("%%bash\necho from bash",)
    ),
    "%debug afterwards": row(
        """
        STEP
        def f(local):
            wanted = local + 1
            return 1 / 0


        f(41)
        """,
        "%debug",
        typed=("p wanted", "w", "l", "u", "p local", "l", "u", "q"),
    ),
    "%tb afterwards": row("STEP\ndef f():\n    1/0\n\nf()", "%tb"),
    "a breakpoint": row(
        "STEP\nfrom IPython.core.debugger import set_trace\nx = 3\nset_trace()\nx + 1", typed=("p x", "w", "c")
    ),
    "%pdb": row("%pdb on", "STEP\ndef f(a):\n    1/0\nf(5)", "%pdb off", typed=("p a", "u", "q")),
    "inspect finds the source": row(
        "STEP\n\ndef f():\n    # a comment\n    return 3\n", "import inspect\nprint(inspect.getsource(f))"
    ),
    "warnings name their line": row("STEP\nimport warnings\nx = 1\nwarnings.warn('look')"),
    "a class is of __main__": row("STEP\nclass C:\n    pass\nC"),
    "globals and locals": row("STEP\nx = 1\nglobals() is locals(), 'x' in globals(), __name__"),
    "pickles what it defines": row(
        "STEP\nimport pickle\nclass P:\n    pass\ntype(pickle.loads(pickle.dumps(P()))) is P"
    ),
    "names stay": row("STEP\nx = 1\ndef f():\n    return x", "STEP\ndel x\nf()"),
    "%who knows no name of ours": row("STEP\nx = 1\n%who\n[n for n in dir() if 'nbflow' in n]"),
    "a generator is shown": row("STEP\n(i for i in range(3))"),
    "walrus and lambda": row("STEP\n(y := [f(2) for f in [lambda v: v + 1]])"),
    "everything is shown": row(
        "%config InteractiveShell.ast_node_interactivity = 'all'", "STEP\n1\n2\nx = 3",
        "%config InteractiveShell.ast_node_interactivity = 'last_expr'",
    ),
    "the last assignment is shown": row(
        "%config InteractiveShell.ast_node_interactivity = 'last_expr_or_assign'",
        "STEP\nx = 3", "STEP\nx += 1", "STEP\ny: int = 4", "STEP\nx, y = 1, 2", "STEP\nx",
        "%config InteractiveShell.ast_node_interactivity = 'last_expr'",
    ),
    "the last block is shown": row(
        "%config InteractiveShell.ast_node_interactivity = 'last'", "STEP\n1\nfor i in range(2):\n    i",
        "STEP\n1\n2", "%config InteractiveShell.ast_node_interactivity = 'last_expr'",
    ),
    "outputs are declared and made": row("STEP\nx = 1\ny = 2\nx", options="-o x y"),
    "inputs are declared and there": row("x = 1", "STEP\ny = x + 1\ny", options="-i x -o y"),
    "an option in quotes": row("STEP\n1/0", options="-i 'my data.csv' -o \"it's.txt\" --retries 3"),
}  # fmt: skip


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("live")
    with kernel_in(folder, os.environ) as started:
        assert started.run("%load_ext nbflow").shown == ()
        yield started


def seen(kernel: Kernel, cells: tuple[str, ...], line: str, typed: tuple[str, ...]) -> list[Answer]:
    kernel.run(CLEAR + HELPERS, silent=True)
    kernel.answers = list(typed)
    answers = [kernel.run(cell.replace("STEP", line, 1) if cell.startswith("STEP") else cell) for cell in cells]
    assert kernel.answers == []
    return answers


@pytest.mark.parametrize("name", ROWS)
def test_a_step_cell_behaves_as_the_plain_cell(kernel: Kernel, name: str) -> None:
    case = ROWS[name]
    line = f"%%step trial {case.options}".rstrip()
    plain = seen(kernel, case.plain or case.cells, f"# {line}", case.typed)
    step = seen(kernel, case.cells, line, case.typed)
    assert comparable(step) == comparable(plain)
    assert not any("nbflow/" in str(part) for answer in step for part in answer.shown)


def test_under_time_an_error_has_the_frames_it_has_in_a_plain_cell(kernel: Kernel) -> None:
    body = "%%time\nx = 3\n\ndef f():\n    return x / 0\nf()"
    plain, step = seen(kernel, (body,), "", ()), seen(kernel, (f"STEP\n{body}",), "%%step trial", ())
    frames = [comparable(answers)[0][2][1][-1] for answers in (plain, step)]
    # The cell's own frame has one line more; what stands below it, the user's code, is the same.
    assert [frame[:3] for frame in frames] == [["error", "ZeroDivisionError", "division by zero"]] * 2
    assert frames[0][3].split("<timed exec>", 1)[1] == frames[1][3].split("<timed exec>", 1)[1]


@pytest.mark.parametrize("line", ["# %%step trial", "%%step trial", "%%step trial --wrong"])
def test_a_failing_cell_stops_those_behind_it(kernel: Kernel, line: str) -> None:
    # All are in the kernel's queue before the second one fails, as with Run All.
    cells = ["import time; time.sleep(0.5)", f"{line}\n1 / 0", "print('never')"]
    requests = [kernel.send(cell) for cell in cells]
    assert [kernel.take(request).status for request in requests] == ["ok", "error", "aborted"]


BODIES = {
    "import os\nos.path.exis": "exists",
    "table = {'one': 1}\ntab": "table",
    "import mat": "math",
    "%tim": "%time",
    "x = Ric": "Rich",
    "x.nowh": "",
    "d['": "key",
    "helper(": "",
}


@pytest.mark.parametrize("body", BODIES)
def test_completion_in_a_step_cell_is_that_of_a_plain_cell(kernel: Kernel, body: str) -> None:
    kernel.run(CLEAR + HELPERS + "import os; d = {'key': 1}; x = 'text'", silent=True)

    def asked(line: str) -> tuple[list[str], int, int, object]:
        source = f"{line}\n{body}"
        reply = kernel.ask(kernel.client.complete(source))
        help_ = kernel.ask(kernel.client.inspect(source.rstrip("(")))
        start, end = reply["cursor_start"] - len(line), reply["cursor_end"] - len(line)
        return reply["matches"], start, end, help_["data"]

    found = asked("%%step trial -i x -o y")
    assert found == asked("# %step trial -i x -o y")
    assert not BODIES[body] or any(BODIES[body] in match for match in found[0])


def test_the_magics_are_completed_and_explained(kernel: Kernel) -> None:
    assert "%%step" in kernel.ask(kernel.client.complete("%%st"))["matches"]
    (page,) = kernel.run("%%step?").payload
    assert "%%step NAME -i INPUT ... -o OUTPUT ..." in page["data"]["text/plain"]
    (page,) = kernel.run("%step?").payload
    assert "This whole notebook is one step" in page["data"]["text/plain"]


# --- in a project, with results of an earlier run ------------------------------------------------------

FLOW = {
    "slow": (
        "class Slow:\n    def __setstate__(self, state):\n        import sys, time\n"
        "        if 'get_ipython' in globals() and getattr(get_ipython(), 'kernel', None):\n"
        "            print('interrupt me', flush=True)\n            time.sleep(30)"
    ),
    "make": "%%step make -o table slow\ntable = {'one': 1}\nslow = Slow()\nslow.x = 1",
    "first": "%%step use -i table -o many more\nmany = table",
    "second": "%%step use\nmore = table",
    "wait": "%%step wait -i slow\nslow",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Flow]]:
    flow = new_flow(tmp_path_factory.mktemp("project"), FLOW)
    flow.run()
    with kernel_in(flow.root, {**os.environ, JUPYTER: str(flow.file("flow.ipynb"))}) as started:
        started.run("%load_ext nbflow")
        yield started, flow


def run_saved(kernel: Kernel, name: str, source: str = "") -> Answer:
    """As from a page at which a person sits. How the step stands is said there too: see ``test_badges``."""
    answer = kernel.run(source or FLOW[name], cell_id=name)
    return replace(answer, shown=tuple(part for part in answer.shown if "step use" not in str(part[1:2])))


def test_in_a_kernel_of_jupyter_an_input_is_loaded_and_outputs_are_due_in_the_last_cell(
    project: tuple[Kernel, Flow],
) -> None:
    kernel, _ = project
    first = run_saved(kernel, "first")
    assert (first.status, first.text) == ("ok", "nbflow: loaded table from step make\n")
    assert run_saved(kernel, "second").shown == ()
    kernel.run("del more")
    failed = run_saved(kernel, "second", FLOW["second"].replace("more", "less"))
    message = (
        "step `use` did not make its output `more`. Bind it in a cell of the step (`more = …`), or correct the `-o` of "
        "its %%step line."
    )
    assert failed.shown == ()  # the first cell has not run again, and this one declares nothing
    run_saved(kernel, "first")
    failed = kernel.run(FLOW["second"].replace("more", "less"), cell_id="second")
    assert (failed.status, failed.error) == ("error", ("StepError", message, f"StepError: {message}"))


def test_an_interrupt_while_an_input_is_loaded_shows_no_frame_of_ours(project: tuple[Kernel, Flow]) -> None:
    kernel, _ = project
    kernel.run(FLOW["slow"])
    answer = run_saved(kernel, "wait")
    said = "interrupted while nbflow looked for what the step takes"
    assert answer.error == ("KeyboardInterrupt", said, f"KeyboardInterrupt: {said}")
    assert kernel.run("'slow' in globals()").shown[0][1] == {"text/plain": "False"}
