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
    "a function that hands it on and uses the result": (
        "def outer(d):\n    return [inner(d)]\ndef inner(d):\n    d.pop(0)\nraw = [1]", "n = outer(raw)", "raw",
    ),
    "a lambda with a name": ("up = lambda d: d.update(a=1)\nraw = {}", "n = up(raw)", "raw"),
    "a lambda beside it": ("raw = [{}]", "list(map(lambda d: d.update(a=1), raw))", "raw"),
    "a lambda handed to a method": ("raw = Table()", "raw.rows.apply(lambda r: r.update(a=1))", "raw"),
    "a lambda that changes a global": ("raw = []", "list(map(lambda v: raw.append(v), [1]))", "raw"),
    "a function handed on with it": ("def up(d):\n    d['a'] = 1\nraw = [{}]", "list(map(up, raw))", "raw"),
    "a function handed to its method": ("def up(d):\n    d['a'] = 1\nraw = Table()", "new = raw.pipe(up)", "raw"),
    "a function handed to another": ("def up(d):\n    d['a'] = 1\ndef call(f, d):\n    f(d)\nraw = {}", "call(up, raw)",
     "raw"),
    "a function of another name": ("def up(d):\n    d['a'] = 1\ngo = up\nraw = {}", "n = go(raw)", "raw"),
    "many arguments": ("def up(*ds):\n    for d in ds:\n        d['a'] = 1\nraw = {}", "up(1, raw)", "raw"),
    "many keywords": ("def up(**ds):\n    ds['d'].pop('a')\nraw = {}", "up(d=raw)", "raw"),
    "behind a star": ("def up(d):\n    d['a'] = 1\nraw = {}\nargs = [raw]", "up(*args)", "raw"),
    "in a list": ("def up(ds):\n    ds[0]['a'] = 1\nraw = {}", "up([raw, 1])", "raw"),
    "a part of it": ("def up(d):\n    d['a'] = 1\nraw = {}", "up(raw['x'])", "raw"),
    "a method of a class of the notebook": (
        "class U:\n    def up(self, d):\n        d['a'] = 1\nu = U()\nraw = {}", "n = u.up(raw)", "raw",
    ),
    "a static method": (
        "class U:\n    @staticmethod\n    def up(d):\n        d['a'] = 1\nraw = {}", "n = U.up(raw)", "raw",
    ),
    "a class that changes what it is made with": (
        "class U:\n    def __init__(self, d):\n        d['a'] = 1\nraw = {}", "u = U(raw)", "raw",
    ),
    "a partial function": ("def up(d):\n    d['a'] = 1\nraw = {}\ngo = partial(up, raw)", "go()", "raw"),
    "a method with a name of its own": ("raw = []\nadd = raw.append", "add(1)", "raw"),
    "what a function has returned": (
        "raw = []\ndef make():\n    def add():\n        raw.append(1)\n    return add\nadd = make()", "add()", "raw",
    ),
    "an iterator that is gone over": ("raw = iter([1, 2])", "first = list(raw)", "raw"),
    "an iterator in a loop": ("raw = (n for n in range(3))", "for n in raw:\n    break", "raw"),
    "a generator of the notebook": ("def rows():\n    yield 1\nraw = rows()", "n = sum(raw)", "raw"),
    "rows of a file": ("raw = csv.reader(open('a'))", "head = [r for r in raw]", "raw"),
    "a random generator handed on": ("raw = np.random.default_rng(0)", "x = shuffled([1], random_state=raw)", "raw"),
    "a function registered with it": (
        "@singledispatch\ndef raw(x):\n    return 0", "@raw.register\ndef _(x: int):\n    return 1", "raw",
    ),
    "a class that a decorator adds to": (
        "class raw:\n    pass", "@add_to_class(raw)\ndef method(self):\n    return 1", "raw",
    ),
    "what vars and getattr lead to": ("raw = Model()", "vars(raw)['x'] = 1\ngetattr(raw, 'xs').append(1)", "raw"),
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
    "a function that binds its argument anew": (
        "def tidy(d):\n    d = d.copy()\n    d['a'] = 1\n    return d\nraw = load()", "new = tidy(raw)", "raw",
    ),
    "a lambda that looks": ("raw = load()", "n = raw.apply(lambda r: r['a'] + 1)", "raw"),
    "a table that another's column goes into": (
        "raw = load()\nother = load()", "other['a'] = raw['a']\nother['b'] = 1", "raw",
    ),
    "a list that is read again and again": ("raw = [1, 2]", "n = list(raw)", "raw"),
    "a method of the same name on something else": (
        "class U:\n    def up(self, d):\n        return len(d)\nraw = {}", "n = U().up(raw)", "raw",
    ),
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
    "what a function returns": ("base = {}\ndef same(d):\n    return d", "cfg = same(base)", "cfg['lr'] = 5", "base"),
    "a global that a function returns": (
        "base = {}\ndef get():\n    return base",
        "cfg = get()",
        "cfg['lr'] = 5",
        "base",
    ),
    "what a walrus binds": ("base = {}", "print(cfg := base)", "cfg['lr'] = 5", "base"),
    "what with binds": ("base = Locked()", "with base as cfg:\n    pass", "cfg.rows.append(5)", "base"),
    "what a pattern captures": (
        "base = {'a': []}",
        "match base:\n    case {'a': cfg}:\n        pass",
        "cfg.append(1)",
        "base",
    ),
    "what a list keeps": ("base = {}\nbox = []", "box.append(base)", "box[0]['lr'] = 5", "base"),
    "what a dictionary keeps": ("base = {}\nbox = {}", "box['a'] = base", "box['a']['lr'] = 5", "base"),
    "what a call of dict keeps": ("base = []", "box = dict(a=base)", "box['a'].append(1)", "base"),
    "what an object keeps": ("base = []\nbox = Box()", "box.rows = base", "box.rows.append(1)", "base"),
    "what an optimizer keeps": ("base = Model()", "sgd = SGD(base.parameters())", "sgd.step()", "base"),
    "a class whose method is set later": ("class K:\n    pass\nk = K()", "n = 1", "K.go = lambda self: n", "k"),
    "a base class whose method is set later": (
        "class B:\n    pass\nclass K(B):\n    pass",
        "n = 1",
        "B.go = lambda self: n",
        "K",
    ),
}


@pytest.mark.parametrize("case", BELONGS)
def test_a_cell_that_may_change_what_the_step_reads_belongs_in(case: str) -> None:
    made, changed, name = BELONGS[case]
    cells = ("import csv, heapq, numpy as np", made, changed, f"%%step s -o z\nz = {name}")
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
        ("a = f(b)", [("a", "f()")]),
        ("a, b = f(c)", [("a", "f()"), ("b", "f()")]),
        ("a = len(b)", []),
        ("a = Path(f(b))", []),
        ("with b as a:\n    pass", [("a", "b")]),
        ("print(a := b)", [("a", "b")]),
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
        ("def f(a, b):\n    b.x = 1", ["1!", "b!"]),
        ("def f(a, *, b):\n    b += [1]", ["b!"]),
        ("def f(*a):\n    a[0].append(1)", ["*"]),
        ("def f(**a):\n    a['b'].append(1)", ["**"]),
        ("f = lambda a: a.append(1)", ["0", "a"]),
        ("class C:\n    def f(self, a):\n        a.append(1)", ["f.0", "f.a"]),
        ("class C:\n    @staticmethod\n    def f(a):\n        a.append(1)", ["f.0", "f.a"]),
        ("class C:\n    def f(self, a):\n        self.append(a)", []),
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


@pytest.mark.parametrize(
    ("source", "gives"),
    [
        ("def f(a, b):\n    return b", ["1", "b"]),
        ("def f(a):\n    return a.copy()", []),
        ("def f(a):\n    a = a.copy()\n    return a", []),
        ("def f():\n    return base['x']", ["=base"]),
        ("def f(a):\n    yield a", ["yield"]),
        ("f = lambda a: a", ["0", "a"]),
        ("class C:\n    def f(self, a):\n        return a", []),
    ],
    ids=repr,
)
def test_what_a_function_gives_back_is_seen(source: str, gives: list[str]) -> None:
    facts = analyse(source)
    assert list(facts.units[0].gives) == gives
    assert facts_from_json(facts_to_json(facts)) == facts


@pytest.mark.parametrize(
    ("source", "used_up"),
    [
        ("r = np.random.default_rng(0)", [("r", "np", "generator")]),
        ("r = default_rng()", [("r", "default_rng", "unseeded")]),
        ("r = np.random.RandomState(None)", [("r", "np", "unseeded")]),
        ("r = np.random.Generator(np.random.PCG64(1))", [("r", "np", "generator")]),
        ("r = random.Random(3)", [("r", "random", "generator")]),
        ("g = torch.Generator()", [("g", "torch", "generator")]),
        ("g = torch.Generator().manual_seed(0)", [("g", "torch", "generator")]),
        ("it = iter(xs)", [("it", "", "iterator")]),
        ("it = (x for x in xs)", [("it", "", "iterator")]),
        ("a = b = zip(xs, ys)", [("a", "", "iterator"), ("b", "", "iterator")]),
        ("n = itertools.count()", [("n", "itertools", "iterator")]),
        ("cur = con.cursor()", [("cur", "", "iterator")]),
        ("chunks = pd.read_csv('a', chunksize=5)", [("chunks", "pd", "iterator")]),
        ("x = np.random.default_rng(0).normal()", []),
        ("n = df.count()", [("n", "df", "iterator")]),
        ("xs = list(zip(a, b))", []),
    ],
    ids=repr,
)
def test_what_is_used_up_is_seen(source: str, used_up: list[tuple[str, str, str]]) -> None:
    facts = analyse(source)
    assert list(facts.units[0].used_up) == used_up
    assert facts_from_json(facts_to_json(facts)) == facts


def test_a_method_that_counts_is_no_iterator() -> None:
    cells = ("df = load()", "n = df.count()", "total = sum(n)", "%%step s -o z\nz = n", "load = 1")
    assert layout(slice_of(pipeline(cells), "s")) == ["context 1", "context 2", "step 4"]


BETWEEN = {
    "under another name": ("%%step a -o df\ndf = {}", "d2 = df", "d2['y'] = 1", "%%step b -i df -o y\ny = df"),
    "by a function": (
        "def add(d):\n    d['y'] = 1",
        "%%step a -o df\ndf = {}",
        "add(df)",
        "%%step b -i df -o y\ny = df",
    ),
}


@pytest.mark.parametrize("case", BETWEEN)
def test_an_artifact_that_a_context_cell_surely_changes_is_told(case: str) -> None:
    pipe = pipeline(BETWEEN[case])
    found = check(pipe, slices_of(pipe), FakeSurroundings())
    assert [(f.code, f.cell) for f in found] == [("changed-between", 3)]


SET_UP = {
    "by a function whose result is used": ("def seed(n):\n    np.random.seed(n)\n    return n", "SEED = seed(1)"),
    "by a function that imports what it sets": (
        "def seed(n):\n    import random\n    import numpy as np\n    random.seed(n)\n    np.random.seed(n)",
        "seed(1)",
    ),
    "by a function that imports the environment": (
        "def configure():\n    import os\n    os.environ['MODE'] = 'test'",
        "configure()",
    ),
    "by a function in one that imports": (
        "def seed(n):\n    import torch\n    def inner():\n        torch.manual_seed(n)\n    inner()",
        "seed(1)",
    ),
    "by a method": ("class C:\n    def seed(self):\n        np.random.seed(1)\nc = C()", "c.seed()"),
    "by a function that adds to what it is given": ("def add(cls):\n    cls.top = 1", "add(pd.DataFrame)"),
    "by a decorator": (
        "def to(cls):\n    def put(f):\n        cls.f = f\n        return f\n    return put",
        "@to(pd.DataFrame)\ndef f(self):\n    pass",
    ),
}


def test_what_a_function_does_with_its_own_names_is_no_set_up() -> None:
    cells = ("def f(m):\n    import json\n    m.seed(1)\n    json.dumps(m)", "f(3)", "%%step s -o z\nz = 1")
    assert layout(slice_of(pipeline(cells), "s")) == ["step 3"]


@pytest.mark.parametrize("case", SET_UP)
def test_set_up_belongs_in_every_slice_below(case: str) -> None:
    defines, calls = SET_UP[case]
    cells = ("import numpy as np\nimport pandas as pd", defines, calls, "%%step s -o z\nz = 1")
    assert "context 3" in layout(slice_of(pipeline(cells), "s"))
