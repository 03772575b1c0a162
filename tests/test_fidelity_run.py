"""A run hands on what steps made, as they made it, and holds its contracts: what a consumer gets, what is refused, what
is warned about, and what is left of a run in which something failed. Without Jupyter, on real files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbflow.core.events import Event, StepFailed, StepSkipped, StepSucceeded
from tests.flows import Flow, new_flow, short, write_notebook
from tests.plain_executor import PlainExecutor

nbformat_: Any = nbformat  # Its functions carry no types.


@dataclass
class Told:
    """What a run told: how each step came out, what was warned about, what went wrong."""

    status: str = ""
    folder: Path = Path()
    warnings: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


def run(flow: Flow, **options: Any) -> Told:
    told = Told()

    def hear(event: Event, _: object) -> None:
        told.events.append(event)
        if isinstance(event, StepSucceeded) and event.warnings:
            told.warnings[short(event.step)] = list(event.warnings)
        elif isinstance(event, StepFailed):
            told.errors[short(event.step)] = event.error
        elif isinstance(event, StepSkipped):
            told.skipped[short(event.step)] = event.because.sentence(short(event.because.step))

    finished = flow.run(on_event=hear, **options)
    told.status, told.folder = finished.status, finished.folder
    return told


def shown(folder: Path, notebook: str = "flow.ipynb") -> dict[str, str]:
    """Cell id → what it showed, in an executed notebook that must be valid."""
    content = nbformat_.read(folder / notebook, as_version=4)
    nbformat_.validate(content)
    return {
        cell.id: "".join(
            o.get("text", "") or o.get("data", {}).get("text/plain", "") or "\n".join(o.get("traceback", ()))
            for o in cell.outputs
        )
        for cell in content.cells
        if cell.cell_type == "code" and cell.outputs
    }


# --- what a consumer gets --------------------------------------------------------------------------------

HANDED_ON: dict[str, tuple[Mapping[str, str], str]] = {
    "a chain of one name": (
        {
            "a": "%%step a -o df\ndf = [1]",
            "b": "%%step b -i df -o df\ndf = df + [2]",
            "c": "%%step c -i df -o df\ndf = df + [3]",
            "d": "%%step d -i df\nprint(df)",
        },
        "[1, 2, 3]",
    ),
    "outputs that share an object": (
        {
            "a": "%%step a -o xs both\nxs = [1]\nboth = (xs, xs)",
            "b": "%%step b -i xs both -o same\nxs.append(2)\nsame = [both, xs]",
            "c": "%%step c -i same\nprint(same[0][0] is same[1], same[1])",
        },
        "True [1, 2]",
    ),
    "an instance of a class of the notebook": (
        {
            "class": "class Pair:\n    def __init__(self, a, b):\n        self.a, self.b = a, b",
            "a": "%%step a -o p\np = Pair(1, 2)",
            "b": "%%step b -i p\nprint(type(p) is Pair, isinstance(p, Pair), p.a + p.b)",
        },
        "True True 3",
    ),
    "an instance whose class the consumer never names": (
        {
            "class": "class Base:\n    pass\n\nclass Pair(Base):\n    def both(self):\n        return helper(self.a)",
            "helper": "def helper(a):\n    return [a, LAST]\n\nLAST = 9",
            "make": "def make(a):\n    p = Pair()\n    p.a = a\n    return p",
            "a": "%%step a -o ps\nps = {'x': [make(1)]}",
            "b": "%%step b -i ps\nprint(ps['x'][0].both())",
        },
        "[1, 9]",
    ),
    "a named tuple and a dataclass": (
        {
            "imports": "from collections import namedtuple\nfrom dataclasses import dataclass",
            "point": 'Point = namedtuple("Point", "x y")',
            "box": "@dataclass\nclass Box:\n    at: Point",
            "a": "%%step a -o box\nbox = Box(Point(1, 2))",
            "b": "%%step b -i box\nprint(box == Box(Point(1, 2)), box)",
        },
        "True Box(at=Point(x=1, y=2))",
    ),
    "a function of the notebook": (
        {
            "f": "def twice(x):\n    return f2(x)\n\ndef f2(x):\n    return 2 * x",
            "a": "%%step a -o f\nf = [twice]",
            "b": "%%step b -i f\nprint(f[0](4))",
        },
        "8",
    ),
    "a lambda": (
        {
            "a": "%%step a -o f\nk = 3\nf = lambda x: x + k",
            "b": "%%step b -i f\nprint(f(4))",
        },
        "7",
    ),
    "none, sets, bytes and a big number": (
        {
            "a": "%%step a -o n s t i\nn = None\ns = {'b', 'a'}\nt = (b'x', 1.5)\ni = 10**30",
            "b": "%%step b -i n s t i\nprint(n, sorted(s), t, i == 10**30)",
        },
        "None ['a', 'b'] (b'x', 1.5) True",
    ),
    "an import of an earlier step's cell": (
        {
            "a": "%%step a -o x\nimport math as m\nx = m.pi",
            "b": "%%step b -i x\nprint(m.floor(x))",
        },
        "3",
    ),
    "a cell between two cells of a step": (
        {
            "a1": "%%step a -o x\nx = [k]",
            "between": "k2 = 5",
            "a2": "%%step a\nx.append(k2)",
            "b": "%%step b -i x\nprint(x)",
            "k": "k = 0",
        },
        "",
    ),
    "an input bound where its maker stands": (
        {
            "before": "x = 1",
            "a": "%%step a -o x\nx = 2",
            "b": "%%step b -i x\nprint(x)",
        },
        "2",
    ),
    "the path of a file by name": (
        {
            "a": "%%step a -o to=out/a.txt\nto.write_text('hi')",
            "b": "%%step b -i source=out/a.txt\nprint(type(source).__name__, source.read_text())",
        },
        "PosixPath hi",
    ),
}
HANDED_ON["a cell between two cells of a step"] = (
    {"k": "k = 0", **{n: s for n, s in HANDED_ON["a cell between two cells of a step"][0].items() if n != "k"}},
    "[0, 5]",
)


@pytest.mark.parametrize("case", HANDED_ON)
def test_a_consumer_gets_what_the_maker_made(tmp_path: Path, case: str) -> None:
    cells, expected = HANDED_ON[case]
    flow = new_flow(tmp_path, cells)
    told = run(flow)
    assert (told.status, told.errors) == ("succeeded", {})
    assert shown(told.folder)[[*cells][-1]] == expected + "\n"
    assert run(flow).events[-1].status == "succeeded"  # type: ignore[union-attr]
    assert flow.is_fresh()


CLASSES = {
    "imports": "from dataclasses import dataclass",
    "pair": "@dataclass\nclass Pair:\n    a: int\n\n    def total(self):\n        return add(self.a, ONE)",
    "add": "ONE = 1\n\ndef add(a, b):\n    return a + b",
    "make": "%%step make -o pair\npair = Pair(2)",
}


def test_instances_of_another_notebook_s_classes_come_with_what_defines_them(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, CLASSES)
    write_notebook(flow.file("use.ipynb"), {"use": "%%step use -i pair -o n\nn = pair.total()\nprint(n, pair)"})
    flow.others = ("use.ipynb",)
    told = run(flow)
    assert (told.status, shown(told.folder, "use.ipynb")) == ("succeeded", {"use": "3 Pair(a=2)\n"})
    assert flow.is_fresh()
    flow.replace("add", "ONE = 1", "ONE = 2")
    assert {step for step, p in flow.plan().steps.items() if p.action == "run"} == {"flow.make", "use.use"}
    assert shown(run(flow).folder, "use.ipynb") == {"use": "4 Pair(a=2)\n"}


# --- what is refused -------------------------------------------------------------------------------------

REFUSED = {
    "an output that is not made": (
        {"k": "k = 0", "a": "%%step a -o x\nif k:\n    x = 1\nxs = 2"},
        "step `a` did not make its output `x`.* Bind it in a cell of the step",
    ),
    "a generator": ({"a": "%%step a -o g\ng = (n for n in [1])"}, "`g`.*generator"),
    "an open file": ({"a": "%%step a -o f\nf = [open('pyproject.toml')]"}, "`f`.*open file"),
    "an instance of a class of the step's own cell": (
        {"a": "%%step a -o p\nclass Own:\n    pass\n\ndef make():\n    return Own()\n\np = make()"},
        "the output `p` needs `Own`, which this step's own cells define.*Move the definition of `Own`",
    ),
    "an output that holds an input which a later step takes as well": (
        {
            "m": "%%step m -o model\nmodel = [0]",
            "o": "%%step o -i model -o optimizer\noptimizer = {'of': model}",
            "t": "%%step t -i model optimizer -o x\nx = 1",
        },
        "the output `optimizer` holds the input `model` itself.*add `-o model`",
    ),
    "a file that is not written": ({"a": "%%step a -o out.txt\n1"}, "did not make its output `out.txt`"),
    "a glob that matches nothing": ({"a": "%%step a -o out/*.txt\n1"}, "`out/\\*.txt`: no file matches it"),
    "an empty folder": ({"a": "%%step a -o out/\n1"}, "`out/`.* no "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_kept_fails_the_step_with_one_plain_message(tmp_path: Path, case: str) -> None:
    cells, message = REFUSED[case]
    told = run(new_flow(tmp_path, cells))
    (error,) = told.errors.values()
    assert told.status == "failed"
    assert re.search(message, error), error


# --- what is warned about --------------------------------------------------------------------------------

MODEL = "class Model:\n    def fit(self, xs):\n        self.mean = sum(xs) / len(xs)"
WARNED = {
    "a set-up cell's model fitted in a step": (
        {
            "class": MODEL,
            "model": "model = Model()",
            "fit": "%%step fit -o xs\nxs = [1, 2]\nmodel.fit(xs)",
            "use": "%%step use -i xs -o n\nn = len(xs) + len(vars(model))",
        },
        {"fit": ["`model` was changed in place", "Add `-o model`"]},
    ),
    "a set-up cell's model that no later step reads": (
        {"class": MODEL, "model": "model = Model()", "fit": "%%step fit -o n\nmodel.fit([1])\nn = model.mean"},
        {},
    ),
    "a model that is declared": (
        {
            "class": MODEL,
            "model": "model = Model()",
            "fit": "%%step fit -o model\nmodel.fit([1])",
            "use": "%%step use -i model -o n\nn = model.mean",
        },
        {},
    ),
    "an input changed in place": (
        {
            "a": "%%step a -o xs\nxs = [3, 1]",
            "b": "%%step b -i xs -o n\nxs.sort()\nn = xs[0]",
            "c": "%%step c -i xs -o m\nm = xs[0]",
        },
        {"b": ["the input `xs` was changed in place", "Add `-o xs`"]},
    ),
    "an input that is bound again": (
        {"a": "%%step a -o xs\nxs = [3, 1]", "b": "%%step b -i xs -o n\nxs = sorted(xs)\nn = xs[0]"},
        {},
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_a_change_in_place_that_no_later_step_gets_is_warned_about(tmp_path: Path, case: str) -> None:
    cells, words = WARNED[case]
    told = run(new_flow(tmp_path, cells))
    assert told.status == "succeeded"
    assert told.warnings.keys() == words.keys()
    assert all(word in told.warnings[step][0] for step, said in words.items() for word in said)


# --- failures --------------------------------------------------------------------------------------------

FAILING = {
    "ok": '%%step ok -o x\nprint("before")\nx = 1',
    "bad": '%%step bad -i x -o y\nprint("so far")\ny = 1 / 0',
    "below": "%%step below -i y -o z\nz = y",
    "further": "%%step further -i z\nprint(z)",
    "apart": '%%step apart -i x\nprint("apart")',
}


def test_after_a_failure_independent_steps_go_on_and_the_traceback_is_kept(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, FAILING)
    told = run(flow)
    assert told.status == "failed"
    assert told.errors == {"bad": "ZeroDivisionError: division by zero"}
    assert told.skipped == {"below": "needs bad, which failed", "further": "needs bad, which failed"}
    copy = shown(told.folder)
    assert (set(copy), copy["apart"]) == ({"ok", "bad", "apart"}, "apart\n")
    assert copy["bad"].startswith("so far\n")
    assert "ZeroDivisionError" in copy["bad"]
    assert "ZeroDivisionError" in shown(told.folder, "steps/bad.ipynb")["bad"]


def test_a_run_after_a_failure_goes_on_where_it_was(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, FAILING)
    run(flow)
    assert flow.stale().keys() == {"bad", "below", "further"}
    flow.replace("bad", "1 / 0", "5")
    executor = PlainExecutor()
    assert flow.run(executor).status == "succeeded"
    assert executor.steps == {"bad", "below", "further"}


def test_a_step_that_fails_is_tried_again_as_often_as_it_says(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {
        "imports": "from pathlib import Path",
        "flaky": """\
%%step flaky --retries 2 --retry-delay 0 -o n
tries = Path("tries.log")
with tries.open("a") as file:
    file.write("x")
assert tries.stat().st_size == 3
n = 3""",
    })  # fmt: skip
    executor = PlainExecutor()
    assert flow.run(executor).status == "succeeded"
    assert executor.ran == ["flow.flaky#1", "flow.flaky#2", "flow.flaky#3"]


def test_a_step_that_takes_too_long_fails(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {"slow": "%%step slow -o n --timeout 0.5\nimport time\ntime.sleep(60)\nn = 1"})
    told = run(flow)
    (failed,) = (e for e in told.events if isinstance(e, StepFailed))
    assert (told.status, failed.timed_out) == ("failed", True)


# --- the executed copy -----------------------------------------------------------------------------------


def test_a_reused_step_shows_what_it_showed(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {"helper": "print('context')\nk = 1", "a": "%%step a\nprint('hello')\nk"})
    first = run(flow)
    assert shown(first.folder) == {"helper": "context\n", "a": "hello\n1"}
    source = flow.file("flow.ipynb").read_bytes()
    flow.add("md", "# New", before="helper")
    again = run(flow)
    assert shown(again.folder) == {"helper": "context\n", "a": "hello\n1"}
    flow.drop("md")
    assert json.loads(source) == json.loads(flow.file("flow.ipynb").read_bytes())


def test_a_run_never_writes_the_source_notebook(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, FAILING)
    before = flow.file("flow.ipynb").read_bytes()
    run(flow)
    assert flow.file("flow.ipynb").read_bytes() == before


def test_a_given_parameter_is_the_one_the_code_sees(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {"parameters": "k = 1\nname = 'x'", "a": "%%step a\nprint(k, repr(name))"})
    assert shown(run(flow).folder) == {"a": "1 'x'\n"}
    flow.parameters = {"k": 2, "name": "5"}
    assert shown(run(flow).folder) == {"a": "2 '5'\n"}


def test_a_secret_is_nowhere_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "correct-horse-battery")
    flow = new_flow(
        tmp_path,
        {"a": "%%step a -o n\nimport os\nprint(os.environ['DB_PASSWORD'])\nn = 1",
         "b": "%%step b -o m\nimport os\nm = 1\nraise ValueError(os.environ['DB_PASSWORD'])"},
        {"pyproject.toml": '[tool.nbflow]\n[tool.nbflow.secrets]\nnames = ["DB_PASSWORD"]\n'},
    )  # fmt: skip
    told = run(flow)
    assert told.errors.keys() == {"b"}
    found = [p for p in tmp_path.rglob("*") if p.is_file() and b"correct-horse-battery" in p.read_bytes()]
    assert found == []
