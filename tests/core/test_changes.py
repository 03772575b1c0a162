"""Which context cells may change what a step reads: by methods, under other names, in functions they hand it to."""

from __future__ import annotations

import pytest

from nbflow.core.check import check
from nbflow.core.names import analyse, facts_from_json, facts_to_json
from tests.fakes import FakeSurroundings, layout, pipeline, slice_of, slices_of

BELONGS = {
    "a method whose result is used": ("m = Model()", "loss = m.train_epoch()", "m"),
    "a method in a comprehension": ("t = Tokens()", "ids = [t.encode(s) for s in 'ab']", "t"),
    "a function known to take from what it is given": ("xs = [1]", "top = heapq.heappop(xs)", "xs"),
    "a draw from a generator": ("r = np.random.default_rng(0)", "a = r.normal()", "r"),
    "a function of the notebook that changes what it is given": (
        "def clean(d):\n    d['x'] = 1\n    return d\nraw = {}", "tidy = clean(raw)", "raw",
    ),
    "the same by keyword": ("def clean(a, d):\n    d.update(x=1)\nraw = {}", "clean(1, d=raw)", "raw"),
    "the same through a part": ("def off(m):\n    for p in m:\n        p.on = False\nm = Model()", "off(m)", "m"),
    "the same through a second name": ("def clean(d):\n    e = d['x']\n    e.append(1)\nraw = {}", "clean(raw)", "raw"),
    "a function that hands it on": ("def outer(d):\n    inner(d)\nraw = {}", "outer(raw)", "raw"),
    "a function that hands a global on": (
        "def inner(d):\n    d['x'] = 1\ndef outer():\n    inner(raw)\nraw = {}", "outer()", "raw",
    ),
}  # fmt: skip

STAYS_OUT = {
    "a method that looks": ("m = Model()", "p = m.predict(1)", "m"),
    "a look at a table": ("raw = load()", "raw.describe()", "raw"),
    "a change of a copy": ("raw = load()", "other = raw.copy().pop('x')", "raw"),
    "a method of a module": ("import numpy", "x = numpy.frobnicate(2)", "numpy"),
    "a function of the notebook that only looks": ("def size(d):\n    return len(d)\nraw = {}", "n = size(raw)", "raw"),
    "a function that changes something else that it is given": (
        "def fill(a, d):\n    d[0] = a\nraw = {}\nother = {}", "fill(raw, other)", "raw",
    ),
    "a change of what was selected": ("raw = load()", "big = raw[raw.x > 1]\nbig['y'] = 2", "raw"),
    "a change of what was made from it": ("raw = load()", "frame = pd.DataFrame(raw)\nframe['y'] = 2", "raw"),
}  # fmt: skip

UNDER_ANOTHER_NAME = {
    "a plain second name": ("base = {}", "cfg = base", "cfg['lr'] = 5", "base"),
    "the first name, where the second is read": ("base = {}", "cfg = base", "base['lr'] = 5", "cfg"),
    "an entry": ("base = {}", "opt = base['opt']", "opt['lr'] = 5", "base"),
    "an attribute": ("m = Model()", "head = m.layers[0].weight", "head += 1", "m"),
    "a view": ("arr = make()", "head = arr[:2]", "head += 1", "arr"),
    "what get returns": ("base = {}", "opt = base.get('opt')", "opt['lr'] = 5", "base"),
    "one of two": ("one = {}\ntwo = {}", "cfg = one if one else two", "cfg['lr'] = 5", "two"),
    "two at once": ("a = []\nb = []", "x, y = a, b", "y.append(1)", "b"),
    "an object that keeps what it is given": ("m = Model()", "o = Adam(m.parameters(), lr=1)", "o.step()", "m"),
    "a figure and its axes": ("fig, ax = plt.subplots()", "n = 1", "ax.plot([n])", "fig"),
    "axes made later": ("fig = plt.figure()", "ax = fig.add_subplot()", "ax.plot([1])", "fig"),
    "a list that holds it": ("a = []", "both = [a, []]", "both[0].append(1)", "a"),
    "an annotated second name": ("base = {}", "cfg: dict = base", "cfg['lr'] = 5", "base"),
    "a name for itself": ("a = []\nb = a", "b = b", "b.append(1)", "a"),
}


@pytest.mark.parametrize("case", BELONGS)
def test_a_cell_that_may_change_what_the_step_reads_belongs_in(case: str) -> None:
    made, changed, name = BELONGS[case]
    cells = ("import heapq, numpy as np", made, changed, f"%%step s -o z\nz = {name}")
    assert "context 3" in layout(slice_of(pipeline(cells), "s"))


@pytest.mark.parametrize("case", STAYS_OUT)
def test_a_cell_that_only_looks_stays_out(case: str) -> None:
    made, looks, name = STAYS_OUT[case]
    cells = ("import pandas as pd", made, looks, f"%%step s -o z\nz = {name}")
    assert "context 3" not in layout(slice_of(pipeline(cells), "s"))


@pytest.mark.parametrize("case", UNDER_ANOTHER_NAME)
def test_a_change_under_another_name_belongs_in(case: str) -> None:
    made, shared, changed, name = UNDER_ANOTHER_NAME[case]
    cells = ("import matplotlib.pyplot as plt", made, shared, changed, f"%%step s -o z\nz = {name}")
    assert "context 4" in layout(slice_of(pipeline(cells), "s"))


def test_a_name_bound_anew_is_no_second_name_any_more() -> None:
    cells = ("base = {}", "cfg = base", "cfg = {}", "cfg['lr'] = 5", "%%step s -o z\nz = base")
    assert layout(slice_of(pipeline(cells), "s")) == ["context 1", "step 5"]


def test_a_doubtful_change_that_needs_a_steps_output_is_a_warning() -> None:
    cells = ("raw = load()", "%%step fit -o m\nm = 1", "view = raw.frobnicate(m)", "%%step s -o z\nz = raw", "load = 1")
    pipe = pipeline(cells)
    found = [f for f in check(pipe, slices_of(pipe), FakeSurroundings()) if f.code == "uses-exploration"]
    message = (
        "This step reads 'raw', which cell 3 may change, and that cell needs 'm' of step 'fit', which this step does "
        "not take: it stays out of the run."
    )
    fix = "Tag cell 3 nbflow-skip if it only looks; if it changes 'raw', make it a step."
    assert [(f.severity, f.cell, f.message, f.fix) for f in found] == [("warning", 4, message, fix)]
    assert layout(slice_of(pipe, "s")) == ["context 1", "step 4"]


def test_a_look_at_a_steps_output_beside_a_context_table_is_no_finding() -> None:
    cells = ("raw = {}", "%%step fit -o m\nm = {}", "raw.join(m).head()", "%%step s -o z\nz = raw")
    pipe = pipeline(cells)
    assert [f.code for f in check(pipe, slices_of(pipe), FakeSurroundings()) if f.severity != "hint"] == []


@pytest.mark.parametrize(
    ("source", "shares"),
    [
        ("cfg = base", [("cfg", "base")]),
        ("a = b.c[0]", [("a", "b")]),
        ("a = b[b.x > 1]", []),
        ("a = b[['x', 'y']]", []),
        ("a = b[~mask]", []),
        ("a = b.copy()", []),
        ("a = Trainer(model=m, data=d)", [("a", "m"), ("a", "d")]),
        ("a = Path(p)", []),
        ("a = f(b)", []),
        ("a = partial(f, cfg)", [("a", "f"), ("a", "cfg")]),
        ("for row in rows:\n    row['x'] = 1", [("row", "rows")]),
        ("(a, b), c = d", [("a", "d"), ("b", "d"), ("c", "d")]),
        ("def f():\n    a = b", []),
    ],
    ids=repr,
)
def test_what_names_share_is_seen(source: str, shares: list[tuple[str, str]]) -> None:
    facts = analyse(source)
    assert list(facts.units[0].now.shares) == shares
    assert facts_from_json(facts_to_json(facts)) == facts


@pytest.mark.parametrize(
    ("source", "alters"),
    [
        ("def f(a, b):\n    b.x = 1", ["1", "b"]),
        ("def f(a, *, b):\n    b += [1]", ["1", "b"]),
        ("def f(a):\n    a = a.copy()\n    return a", []),
        ("def f(a):\n    print(a)", []),
        ("def f(a):\n    return a.predict(1)", []),
        ("def f(a):\n    def g():\n        a.append(1)\n    g()", ["0", "a"]),
        ("@decorated\ndef f(a):\n    a.append(1)", ["0", "a"]),
        ("async def f(a):\n    await a.close()", ["0", "a"]),
    ],
    ids=repr,
)
def test_the_parameters_that_a_function_changes_are_seen(source: str, alters: list[str]) -> None:
    facts = analyse(source)
    assert list(facts.units[0].alters) == alters
    assert facts_from_json(facts_to_json(facts)) == facts
