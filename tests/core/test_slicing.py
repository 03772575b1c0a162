"""What is in a slice and what stays out, case by case, as a reader of the notebook would say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nbflow.core.model import Import
from nbflow.core.resolve import Need
from nbflow.core.slicing import Piece, Slice, Trouble, definition_pieces, import_statement, slice_step
from tests.fakes import layout, notebook, outline, pipeline, slice_of, slices_of
from tests.growth import LINEAR, growth


def sliced(*cells: str, step: str = "s") -> list[str]:
    """The slice of the step ``s``, for comparison; nothing about it may be in doubt."""
    found = slice_of(pipeline(cells), step)
    assert found.troubles == ()
    return layout(found)


def troubles(*cells: str, step: str = "s") -> tuple[Trouble, ...]:
    return slice_of(pipeline(cells), step).troubles


# --- a read means the nearest binding above it -----------------------------------------------------------

RESOLVED = {
    "nothing is needed": (("import re", "x = 1", "%%step s\ny = 1"), ["import 1: import re", "step 3"]),
    "a binding comes along": (("x = 1", "z = 2", "%%step s\ny = x"), ["context 1", "step 3"]),
    "the nearest binding hides those above": (("x = 1", "x = 2", "%%step s\ny = x"), ["context 2", "step 3"]),
    "a binding below is none": (("x = 1", "%%step s\ny = x", "x = 3"), ["context 1", "step 2"]),
    "a binding that may not happen hides nothing": (
        ("x = 1", "import os\nif os.name:\n    x = 2", "%%step s\ny = x"),
        ["context 1", "context 2", "step 3"],
    ),
    "a rebinding that reads itself": (("x = 1", "x = x + 1", "%%step s\ny = x"), ["context 1", "context 2", "step 3"]),
    "the step's own binding hides those above": (("x = 1", "%%step s\nx = 2\ny = x"), ["step 2"]),
    "a read before the step's own binding": (("x = 1", "%%step s\nx = x + 1"), ["context 1", "step 2"]),
    "through other cells": (
        ("import re", "a = re.compile('x')", "b = a", "%%step s\ny = b"),
        ["context 1", "context 2", "context 3", "step 4"],
    ),
    "cells go in whole": (("x = 1\nz = q()", "%%step s\ny = x"), None),
    "a shadowed name in a function": (("x = 1", "%%step s\ndef f(x):\n    return x\ny = f(2)"), ["step 2"]),
    "a comprehension has names of its own": (("v = 1", "%%step s\ny = [v for v in range(3)]"), ["step 2"]),
    "a parameters cell that is read": (
        ("#[parameters]\nk = 1", "#[parameters]\nm = 1", "%%step s\ny = k"),
        ["context 1", "step 3"],
    ),
    "a parameters cell that is not read": (("#[parameters]\nk = 1", "%%step s\ny = 2"), ["step 2"]),
}


@pytest.mark.parametrize("case", RESOLVED)
def test_a_name_means_the_nearest_binding_above(case: str) -> None:
    cells, expected = RESOLVED[case]
    if expected is None:
        assert [t.name for t in troubles(*cells)] == ["q"]
    else:
        assert sliced(*cells) == expected


# --- changes between -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "belongs"),
    [
        ("xs.append(1)", True),
        ("xs[0] = 2", True),
        ("xs += [3]", True),
        ("xs.items[0].name = 2", True),
        ("del xs[0]", True),
        ("xs.sort()", True),
        ("xs.drop(columns='a', inplace=True)", True),
        ("y = xs.pop()", True),
        ("y = xs.copy()", False),
        ("y = len(xs)", False),
        ("print(xs)", False),
        ("for v in xs:\n    print(v)", False),
        ("xs", False),
    ],
)
def test_a_cell_that_may_change_what_is_read_belongs_in(change: str, belongs: bool) -> None:
    assert sliced("xs = [1]", change, "%%step s\nz = xs") == [
        "context 1",
        *(["context 2"] if belongs else []),
        "step 3",
    ]


def test_changes_above_the_binding_and_below_the_reader_stay_out() -> None:
    cells = ("xs = []", "xs.append(0)", "xs = [1]", "ys = list(xs)", "xs.append(2)", "%%step s\nz = ys", "xs.append(3)")
    assert sliced(*cells) == ["context 3", "context 4", "step 6"]


def test_a_name_may_be_deleted_between() -> None:
    assert sliced("x = 1", "del x\nx = 2", "%%step s\ny = x") == ["context 2", "step 3"] or sliced(
        "x = 1", "del x\nx = 2", "%%step s\ny = x"
    ) == ["context 1", "context 2", "step 3"]


CALLS = {
    "a function that changes a global": ("def add():\n    xs.append(1)", "add()"),
    "through another function": ("def one():\n    xs.append(1)\ndef add():\n    one()", "add()"),
    "a decorator is a call": ("def reg(f):\n    xs.append(f)\n    return f", "@reg\ndef job():\n    return 1"),
    "handing on counts as calling": ("def add(v):\n    xs.append(v)", "list(map(add, [1]))"),
    "a method of an object of a context cell": ("class C:\n    def go(self):\n        xs.append(1)\nc = C()", "c.go()"),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_call_counts_as_a_change_of_what_the_function_changes(case: str) -> None:
    define, call = CALLS[case]
    assert sliced("xs = []", define, call, "other = 1", "%%step s\nz = xs") == [
        "context 1", "context 2", "context 3", "step 5",
    ]  # fmt: skip


def test_a_function_may_bind_a_global() -> None:
    cells = ("n = 0", "def add():\n    global n\n    n += 1", "add()", "m = 1", "%%step s\nz = n")
    assert sliced(*cells) == ["context 1", "context 2", "context 3", "step 5"]


def test_a_function_that_only_changes_its_argument_changes_no_global() -> None:
    assert sliced("xs = []", "def add(xs):\n    xs.append(1)", "add([])", "%%step s\nz = xs") == ["context 1", "step 4"]


# --- code that is called later ---------------------------------------------------------------------------

DEFERRED = {
    "a helper reads what a cell below it binds": (
        ("w = 1", "def f():\n    return LinearRegression()", "x = 1", "from sklearn import LinearRegression", "y = 1",
         "%%step s\nz = f()"),
        ["context 2", "context 4", "step 6"],
    ),
    "through another helper": (
        ("def f():\n    return g()", "def g():\n    return k", "k = 1", "%%step s\nz = f()"),
        ["context 1", "context 2", "context 3", "step 4"],
    ),
    "a context cell calls it, and sees what stood above that cell": (
        ("k = 1", "def f():\n    return k", "v = f()", "k = 2", "%%step s\nz = v"),
        # What f() made may hold code, which reads k as the step uses it: a cell too many rather than one too few.
        ["context 1", "context 2", "context 3", "context 4", "step 5"],
    ),
    "the cell that calls it binds the name only behind the call": (
        ("k = 1", "def f():\n    return k", "v = f()\nk = 2", "%%step s\nz = v"),
        ["context 1", "context 2", "context 3", "step 4"],
    ),
    "a function of the step itself": (("k = 1", "%%step s\ndef f():\n    return k\nz = f()"), ["context 1", "step 2"]),
    "a function of the step that nobody calls": (("k = 1", "%%step s\ndef f():\n    return k"),
     ["context 1", "step 2"]),
    "a function of the step, and a cell between its cells": (
        ("%%step s\ndef f():\n    return k", "k = 1", "%%step s\nz = f()"),
        ["step 1", "context 2", "step 3"],
    ),
    "a function handed on": (
        ("k = 1", "def f():\n    return k", "fs = [f]", "%%step s\nz = fs[0]()"),
        ["context 1", "context 2", "context 3", "step 4"],
    ),
    "a function of another name": (
        ("k = 1", "def f():\n    return k", "g = f", "%%step s\nz = g()"),
        ["context 1", "context 2", "context 3", "step 4"],
    ),
    "a method of an object of a context cell": (
        ("class C:\n    def go(self):\n        return k", "c = C()", "k = 1", "%%step s\nz = c.go()"),
        ["context 1", "context 2", "context 3", "step 4"],
    ),
    "a method of an object that a function makes": (
        ("class C:\n    def go(self):\n        return k", "def make():\n    return C()", "k = 1", "c = make()",
         "%%step s\nz = c.go()"),
        ["context 1", "context 2", "context 3", "context 4", "step 5"],
    ),
    "a closure": (
        ("k = 1", "def make():\n    return lambda: k", "f = make()", "%%step s\nz = f()"),
        ["context 1", "context 2", "context 3", "step 4"],
    ),
    "a lambda within a statement": (
        ("k = 1", "v = list(map(lambda x: x + k, [1]))", "%%step s\nz = v"),
        ["context 1", "context 2", "step 3"],
    ),
    "a lambda that calls itself": (("%%step s\nf = lambda n: n and f(n - 1)\nz = f(2)",), ["step 1"]),
    "a decorated function that calls itself": (
        ("from functools import cache", "@cache\ndef f(n):\n    return n and f(n - 1)", "%%step s\nz = f(2)"),
        ["context 1", "context 2", "step 3"],
    ),
    "defaults are read at once": (
        ("k = 1", "def f(v=k):\n    return v", "k = 2", "%%step s\nz = f()"),
        ["context 1", "context 2", "step 4"],
    ),
    "a class needs its base": (
        ("class A:\n    pass", "class B(A):\n    pass", "%%step s\nz = B()"),
        ["context 1", "context 2", "step 3"],
    ),
    "what set-up puts somewhere is called by the step": (
        ("import pandas as pd", "def top(df):\n    return df.head(N)", "pd.DataFrame.top = top", "N = 5",
         "%%step s\nz = pd.DataFrame().top()"),
        ["context 1", "context 2", "context 3", "context 4", "step 5"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DEFERRED)
def test_code_that_is_called_later_reads_as_its_caller_would(case: str) -> None:
    cells, expected = DEFERRED[case]
    assert sliced(*cells) == expected


# --- inputs ----------------------------------------------------------------------------------------------

INPUTS = {
    "an input is bound where its maker stands": (
        ("import re", "%%step a -o x\nx = 1", "y = 2", "%%step s -i x\nz = x + y"),
        ["import 1: import re", "input 2: x", "context 3", "step 4"],
    ),
    "a cell above the maker cannot overwrite it": (
        ("x = 0\nk = 1", "%%step a -o x\nx = 1", "%%step s -i x\nz = x + k"),
        ["context 1", "input 2: x", "step 3"],
    ),
    "no cell above is needed for it": (
        ("x = 0", "%%step a -o x\nx = 1", "%%step s -i x\nz = x"),
        ["input 2: x", "step 3"],
    ),
    "a context cell may read it": (
        ("%%step a -o x\nx = 1", "y = x + 1", "%%step s -i x\nz = y"),
        ["input 1: x", "context 2", "step 3"],
    ),
    "a helper may read it": (
        ("def f():\n    return df", "%%step a -o df\ndf = 1", "%%step s -i df\nz = f()"),
        ["context 1", "input 2: df", "step 3"],
    ),
    "a step makes its outputs at its last cell": (
        ("%%step a -o x\nx = 1", "y = 1", "%%step a\nx = 2", "%%step s -i x\nz = x + y"),
        ["context 2", "input 3: x", "step 4"],
    ),
    "an input that nobody reads is bound all the same": (
        ("%%step a -o x\nx = 1", "%%step s -i x\nz = 1"),
        ["input 1: x", "step 2"],
    ),
    "an input that the step hands on": (
        ("%%step a -o m\nm = []", "%%step s -i m -o m\nm.append(1)"),
        ["input 1: m", "step 2"],
    ),
    "a chain of one name": (
        ("%%step a -o df\ndf = 1", "%%step b -i df -o df\ndf += 1", "%%step s -i df -o df\ndf *= 2"),
        ["input 2: df", "step 3"],
    ),
    "interleaved cells": (
        ("%%step s -o x\nx = 1", "%%step a -o y\ny = 2", "%%step s -i y\nz = x + y"),
        ["step 1", "input 2: y", "step 3"],
    ),
    "a cell that is in the slice anyway may change it, as in Run All": (
        ("%%step a -o df\ndf = [1]", "df = df[:]\nn = len(df)", "%%step s -i df\nz = df, n"),
        ["input 1: df", "context 2", "step 3"],
    ),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_stand_where_their_makers_stood(case: str) -> None:
    cells, expected = INPUTS[case]
    assert sliced(*cells) == expected


def test_an_input_from_another_notebook_is_bound_first() -> None:
    one = notebook("%%step a -o x\nx = 1", path="one.ipynb")
    two = notebook("k = x + 1", "%%step s -i x\nz = x + k", path="two.ipynb")
    found = slice_of(pipeline(one, two), "s")
    assert layout(found) == ["input 0: x", "context 1", "step 2"]
    assert found.troubles == ()
    assert found.used_inputs == {"x"}


def test_a_path_that_is_bound_to_a_name_is_no_unknown_name() -> None:
    assert sliced("%%step s -i raw=data/x.csv -o out=y.csv\nout.write_text(raw.read_text())") == ["step 1"]


def test_the_name_of_a_path_hides_what_stands_above() -> None:
    cells = ("raw = 1", "%%step a\nraw = 2", "%%step s -i raw=data/x.csv\nz = raw", "%%step s\nprint(raw)")
    assert sliced(*cells) == ["step 3", "step 4"]


# --- steps of several cells ------------------------------------------------------------------------------

SPANS = {
    "a plot between its cells stays out": (
        ("%%step s\nx = 1", "print(x)\nq = x + 1", "%%step s\ny = x"),
        ["step 1", "step 3"],
    ),
    "a cell between them runs between them": (
        ("%%step s\nx = 1", "y = x + 1", "%%step s\nz = y"),
        ["step 1", "context 2", "step 3"],
    ),
    "a change between them": (
        ("%%step s\nxs = []", "xs.append(1)", "%%step s\nz = xs"),
        ["step 1", "context 2", "step 3"],
    ),
    "a binding between them": (("%%step s\nx = 1", "x = 2", "%%step s\nz = x"), ["step 1", "context 2", "step 3"]),
    "set-up between them": (
        ("import numpy as np", "%%step s\nx = 1", "np.random.seed(0)", "%%step s\nz = 1"),
        ["context 1", "step 2", "context 3", "step 4"],
    ),
    "set-up below them": (("import numpy as np", "%%step s\nz = 1", "np.random.seed(0)"), ["step 2"]),
}


@pytest.mark.parametrize("case", SPANS)
def test_a_step_may_span_cells(case: str) -> None:
    cells, expected = SPANS[case]
    if case == "set-up below them":
        expected = ["step 2"]
    assert sliced(*cells) == expected


def test_a_whole_notebook_runs_from_top_to_bottom() -> None:
    cells = ("#[parameters]\nk = 1", "%step s -o z\nimport re", "x = k", "#[nbflow-skip]\nx = 2", "z = x")
    assert sliced(*cells) == ["step 1", "step 2", "step 3", "step 5"]


# --- imports ---------------------------------------------------------------------------------------------

IMPORTS = {
    "an import in an earlier step travels alone": (
        ("%%step a -o x\nimport re\nx = 1", "%%step s\nz = re"),
        ["import 1: import re", "step 2"],
    ),
    "only the statement that is read": (
        ("%%step a\nimport re\nimport json\njson, re", "%%step s\nz = re"),
        ["import 1: import re", "step 2"],
    ),
    "under try": (
        ("%%step a\ntry:\n    import x1 as q\nexcept ImportError:\n    q = None\nq", "%%step s\nz = q"),
        ["import 1: try:\n    import x1 as q\nexcept ImportError:\n    q = None", "step 2"],
    ),
    "a flag that such a statement binds": (
        ("%%step a\ntry:\n    import torch\n    HAS = True\nexcept ImportError:\n    HAS = False\ntorch",
         "%%step s\nz = HAS"),
        ["import 1: try:\n    import torch\n    HAS = True\nexcept ImportError:\n    HAS = False", "step 2"],
    ),
    "under a condition whose names come along": (
        ("import sys",
         "%%step a\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli as tomllib\ntomllib",
         "%%step s\nz = tomllib"),
        ["context 1",
        "import 2: if sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli as tomllib", "step 3"],
    ),
    "under a condition that the other step's data decide": (
        ("%%step a -o n\nn = 1\nif n > 0:\n    import re\nre", "%%step s\nz = re"),
        ["import 1: import re", "step 2"],
    ),
    "in a statement that does more": (
        ("%%step a -o n\nn = 1\nif n > 0:\n    import re as r\n    n = r.sub('', '', '')", "%%step s\nz = r"),
        ["import 1: import re as r", "step 2"],
    ),
    "the nearest one": (
        ("import numpy as np", "%%step a\nimport cupy as np\nnp", "%%step s\nz = np"),
        ["import 2: import cupy as np", "step 3"],
    ),
    "one that may not happen hides nothing": (
        ("import re", "k = 1", "%%step a\nif k > 1:\n    import re2 as re\nre", "%%step s\nz = re"),
        ["context 1", "context 2", "import 3: if k > 1:\n    import re2 as re", "step 4"],
    ),
    "submodules add up": (
        ("import scipy.stats", "import scipy.optimize", "%%step s\nz = scipy"),
        ["context 1", "context 2", "step 3"],
    ),
    "submodules in steps add up": (
        ("import scipy.stats", "%%step a\nimport scipy.optimize\nscipy", "%%step s\nz = scipy"),
        ["context 1", "import 2: import scipy.optimize", "step 3"],
    ),
    "one that no cell reads is there for its effect": (
        ("import mplcyberpunk\nk = 1", "%%step s\nz = 1"),
        ["import 1: import mplcyberpunk", "step 2"],
    ),
    "also in an earlier step": (
        ("%%step a\nfrom sklearn.experimental import enable_halving", "%%step s\nz = 1"),
        ["import 1: from sklearn.experimental import enable_halving", "step 2"],
    ),
    "not from below": (("%%step s\nz = 1", "import mplcyberpunk"), ["step 1"]),
    "of two names the unread one": (
        ("import json, hdf5plugin\nk = 1", "json", "%%step s\nz = 1"),
        ["import 1: import hdf5plugin", "step 3"],
    ),
    "an unread one under try": (
        ("try:\n    import a1\nexcept ImportError:\n    pass", "%%step s\nz = 1"),
        ["import 1: try:\n    import a1\nexcept ImportError:\n    pass", "step 2"],
    ),
    "a star import in an earlier step, where a name has no other source": (
        ("%%step a -o x\nfrom math import *\nx = 1", "%%step s\nz = pi", "%%step t\nz = 1"),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", IMPORTS)
def test_imports_are_no_data(case: str) -> None:
    cells, expected = IMPORTS[case]
    if expected is None:
        pipe = pipeline(cells)
        assert layout(slice_of(pipe, "s")) == ["import 1: from math import *", "step 2"]
        assert layout(slice_of(pipe, "t")) == ["step 3"]
    else:
        assert sliced(*cells) == expected


@pytest.mark.parametrize(
    ("imported", "statement"),
    [
        (Import("os", None, "os"), "import os"),
        (Import("os.path", None, "os"), "import os.path"),
        (Import("numpy", None, "np"), "import numpy as np"),
        (Import("os.path", None, "p"), "import os.path as p"),
        (Import("math", "pi", "pi"), "from math import pi"),
        (Import("math", "pi", "p"), "from math import pi as p"),
        (Import(".helpers", "f", "f"), "from .helpers import f"),
        (Import("math", "*", ""), "from math import *"),
    ],
)
def test_an_import_can_be_written_out(imported: Import, statement: str) -> None:
    assert import_statement(imported) == statement


# --- set-up and what is always in ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setup",
    ["np.random.seed(0)", "%matplotlib inline", "from math import *", "%run x.py", "exec('a = 1')", "np.tau = 1"],
)
def test_set_up_is_in_every_slice_below(setup: str) -> None:
    pipe = pipeline(("import numpy as np", "%%step a\nq = np", setup, "%%step s\nz = 1", "%%step t\nz = 1"))
    head = ["context 1"] if "np" in setup else []
    assert layout(slice_of(pipe, "s")) == [*head, "context 3", "step 4"]
    assert layout(slice_of(pipe, "t")) == [*head, "context 3", "step 5"]
    assert layout(slice_of(pipe, "a")) == ["context 1", "step 2"]


def test_set_up_that_needs_a_steps_output_stays_out_silently() -> None:
    cells = (
        "import matplotlib.pyplot as plt", "%%step a -o df\ndf = 1", "plt.rcParams['x'] = df", "t = df\nplt.set_y(t)",
        "%%step s\nz = 1", "%%step t -i df\nz = 1",
    )  # fmt: skip
    assert sliced(*cells) == ["step 5"]
    assert sliced(*cells, step="t") == ["context 1", "input 2: df", "context 3", "context 4", "step 6"]


def test_set_up_that_reads_what_such_a_cell_changes_stays_out_too() -> None:
    cells = ("import tool\nk = {}", "%%step a -o df\ndf = 1", "k['x'] = df", "tool.set_level(k)", "%%step s\nz = 1")
    assert sliced(*cells) == ["step 5"]


def test_a_tag_puts_a_cell_into_every_slice_below() -> None:
    assert sliced("#[nbflow-setup]\nprint('hello')", "%%step s\nz = 1") == ["context 1", "step 2"]


def test_a_tagged_cell_is_in_even_if_it_needs_a_steps_output() -> None:
    found = slice_of(pipeline(("%%step a -o df\ndf = 1", "#[nbflow-setup]\nprint(df)", "%%step s\nz = 1")), "s")
    assert layout(found) == ["context 2", "step 3"]
    assert found.troubles == (Trouble("undeclared", "df", 2, maker_cell=1),)


@pytest.mark.parametrize("tag", ["nbflow-skip", "skip-execution"])
def test_a_skipped_cell_is_never_in(tag: str) -> None:
    assert sliced(
        "x = 1", f"#[{tag}]\nx = 2", f"#[{tag}]\nimport os\nos.environ['A'] = ''", "%%step s\ny = x"
    ) == ["context 1", "step 4"]  # fmt: skip


@pytest.mark.parametrize(
    "line", ["!pip install x", "%%bash\nls", "%%writefile a.py\nx = 1", "%pip install y", "%time 1"]
)
def test_what_acts_outside_python_brings_no_cell_in(line: str) -> None:
    assert sliced(line, "%%step s\nz = 1") == ["step 2"]


# --- exploration -----------------------------------------------------------------------------------------

LOOKS = ["df.head()", "df.plot()", "print(df.shape)", "n = len(df)", "import seaborn as sns\nsns.pairplot(df)",
         "undefined.thing()", "df2 = df.query('a > 1')\ndf2.plot()"]  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_exploration_stays_out(look: str) -> None:
    assert sliced("%%step a -o df\ndf = 1", look, "%%step s\nz = 1", "%%step t -i df\nw = df") in (
        ["step 3"], ["import 2: import seaborn as sns", "step 3"],
    )  # fmt: skip


def test_looking_at_an_input_stays_out() -> None:
    assert sliced("%%step a -o df\ndf = 1", "df.head()", "df.info()", "%%step s -i df\nz = df") == [
        "input 1: df",
        "step 4",
    ]


def test_reading_what_exploration_binds_is_trouble() -> None:
    cells = ("%%step a -o df\ndf = 1", "%%step b\nq = 2", "n = df + q", "m = n", "%%step s\nz = m")
    needs = (Need("q", 2), Need("df", 1))
    assert [(t.kind, t.name, t.cell, t.through, sorted(t.needs)) for t in troubles(*cells)] == [
        ("exploration", "m", 5, 4, sorted(needs))
    ]


@pytest.mark.parametrize("change", ["scores['lr'] = m.score()", "scores.append(m)", "scores += [m]"])
def test_reading_what_exploration_changes_is_trouble(change: str) -> None:
    cells = ("scores = {}", "%%step a -o m\nm = 1", change, "%%step s\nz = scores")
    assert troubles(*cells) == (Trouble("exploration", "scores", 4, through=3, needs=(Need("m", 2),)),)


def test_taking_the_output_makes_it_no_exploration() -> None:
    cells = ("scores = {}", "%%step a -o m\nm = 1", "scores['lr'] = m", "%%step s -i m\nz = scores")
    assert sliced(*cells) == ["context 1", "input 2: m", "context 3", "step 4"]


def test_looking_at_an_object_of_the_step_is_no_trouble() -> None:
    cells = ("%%step a -o m\nm = 1", "%%step s\ndf = []", "df.join(m)", "%%step s\nz = df")
    assert sliced(*cells) == ["step 2", "step 4"]


# --- what is in doubt ------------------------------------------------------------------------------------

DOUBTS: dict[str, tuple[tuple[str, ...], tuple[Trouble, ...]]] = {
    "another step makes it": (
        ("%%step a -o x\nx = 1", "%%step s\ny = x"),
        (Trouble("undeclared", "x", 2, maker_cell=1),),
    ),
    "another step binds it": (("%%step a\nx = 1", "%%step s\ny = x"), (Trouble("undeclared", "x", 2, maker_cell=1),)),
    "the nearest of two": (
        ("%%step a -o x\nx = 1", "%%step b -o x\nx = 2", "%%step s\ny = x"),
        (Trouble("undeclared", "x", 3, maker_cell=2),),
    ),
    "a step changes it in place and makes it anew": (
        ("x = []", "%%step a -o x\nx.append(1)", "%%step s\ny = x"),
        (Trouble("undeclared", "x", 3, maker_cell=2),),
    ),
    "a cell between may bind it": (
        ("%%step a -o x\nx = 1", "import os\nif os.name:\n    x = 2", "%%step s\ny = x"),
        (Trouble("undeclared", "x", 3, maker_cell=1),),
    ),
    "called code reads it": (
        ("def f():\n    return x", "%%step a -o x\nx = 1", "%%step s\ny = f()"),
        (Trouble("undeclared", "x", 3, maker_cell=2, later=True),),
    ),
    "nothing binds it": (("%%step s\ny = x",), (Trouble("unbound", "x", 1),)),
    "nothing above binds it": (("%%step s\ny = x", "x = 1"), (Trouble("unbound", "x", 1),)),
    "called code reads what nothing binds": (
        ("def f():\n    return x", "%%step s\ny = f()"),
        (Trouble("unbound", "x", 2, later=True),),
    ),
    "an output that may be what another step bound": (
        ("%%step a -o x\nx = 1", "%%step s -o x\nif len('a'):\n    x = 2"),
        (Trouble("undeclared", "x", 2, maker_cell=1),),
    ),
    "an output that may be what another step rebound": (
        ("x = 0", "%%step a\nx = 1", "%%step s -o x\nif len('a'):\n    x = 2"),
        (Trouble("shadowed", "x", 3, maker_cell=2, through=1),),
    ),
    "an output that is never bound": (("%%step s -o y\nx = 1",), (Trouble("unmade", "y", 1),)),
    "an output that only another step binds": (
        ("%%step a -o y\ny = 1", "%%step s -o y\nx = 1"),
        (Trouble("unmade", "y", 2),),
    ),
    "a step rebinds what a context cell bound": (
        ("x = 1", "%%step a\nx = 2", "%%step s\ny = x"),
        (Trouble("shadowed", "x", 3, maker_cell=2, through=1),),
    ),
    "a step between its cells rebinds what it bound": (
        ("%%step s\nx = 1", "%%step a\nx = 2", "%%step s\ny = x"),
        (Trouble("shadowed", "x", 3, maker_cell=2, through=1),),
    ),
    "a step rebinds a builtin": (
        ("%%step a\nmax = 2", "%%step s\ny = max([1])"),
        (Trouble("shadowed", "max", 2, maker_cell=1),),
    ),
    "a context cell rebinds an input": (
        ("%%step a -o x\nx = 1", "x = 2", "%%step s -i x\ny = x"),
        (Trouble("changed-input", "x", 2),),
    ),
    "a context cell changes an input": (
        ("%%step a -o x\nx = {}", "x['k'] = 2", "%%step s -i x\ny = x"),
        (Trouble("changed-input", "x", 2, rebinds=False),),
    ),
    "a step rebinds an input": (
        ("%%step a -o x\nx = 1", "%%step b\nx = 2", "%%step s -i x\ny = x"),
        (Trouble("changed-input", "x", 2, maker_cell=2),),
    ),
    "a step changes an input": (
        ("%%step a -o x\nx = {}", "%%step b -i x\nx['k'] = 2", "%%step s -i x\ny = x"),
        (Trouble("changed-input", "x", 2, maker_cell=2, rebinds=False),),
    ),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_what_is_in_doubt_is_told(case: str) -> None:
    cells, expected = DOUBTS[case]
    assert troubles(*cells) == expected


SURE = {
    "builtins and IPython's names": ("%%step s\nprint(len([_]), display, get_ipython(), In, Out, __name__, __file__)",),
    "an underscore is no data": ("%%step a\nfor _ in range(3): pass", "%%step s\ny = _"),
    "a name that the step may bind itself": ("%%step s\nif len('a'):\n    x = 1\nprint(x)",),
    "an exception's name": ("%%step s\ntry:\n    1\nexcept ValueError as error:\n    print(error)",),
    "names in a class body": ("%%step s\nclass A:\n    x = 1\n    y = x",),
    "an input that nobody makes is told once, by the graph": ("%%step s -i x\ny = x",),
    "a call on an input": ("%%step a -o m\nm = 1", "%%step b -i m\nm.fit(1)", "m.info()", "%%step s -i m\ny = m"),
    "a step that rebinds and declares an input": (
        "%%step a -o x\nx = 1", "%%step b -i x -o x\nx = x + 1", "%%step s -i x\ny = x",
    ),
    "loop variables of two steps": ("%%step a\nfor i in [1]:\n    pass", "%%step s\nfor i in [2]:\n    print(i)"),
    "an output bound by a called function": (
        "def go():\n    global y\n    y = 1", "%%step s -o y\ngo()",
    ),
    "an output bound by exec": ("%%step s -o y\nexec('y = 1')",),
    "an output that a context cell bound and the step changes": ("xs = []", "%%step s -o xs\nxs.append(1)"),
    "an output that is an input": ("%%step a -o m\nm = []", "%%step s -i m -o m\nm.append(1)"),
}  # fmt: skip


@pytest.mark.parametrize("case", SURE)
def test_what_is_in_no_doubt(case: str) -> None:
    assert troubles(*SURE[case]) == ()


# --- more about a slice ----------------------------------------------------------------------------------


def test_a_slice_knows_the_context_objects_that_its_step_reads() -> None:
    found = slice_of(
        pipeline(
            (
                "import re", "cfg = {}\ndef f():\n    return tab", "tab = [1]", "other = 1", "%%step a -o df\ndf = 1",
                "%%step s -i df\nz = cfg, f(), re, df",
            )
        ),
        "s",
    )  # fmt: skip
    assert found.context_reads == {("cfg", 2), ("tab", 3)}
    assert found.used_inputs == {"df"}
    assert found.cells == {("nb.ipynb", n) for n in (1, 2, 3, 6)}


def test_units_that_are_not_reached_do_not_count() -> None:
    found = slice_of(pipeline(("import re\na = 1\nb = 2\ndef f():\n    return a\nprint(b)", "%%step s\nz = f()")), "s")
    assert found.pieces == (
        Piece("context", "nb.ipynb", 1, units=(1, 2, 3, 4)),
        Piece("step", "nb.ipynb", 2, units=(0,)),
    )


def test_what_stored_bytes_refer_to_comes_along() -> None:
    book = outline(
        "from dataclasses import dataclass", "class Base:\n    pass", "class Point(Base):\n    pass",
        "%%step a -o p\np = Point()", "class Point:\n    pass", "%%step s -i p\nz = p",
    )  # fmt: skip
    step = next(s for s in book.steps if s.name == "s")
    assert layout(slice_step(book, step, {"p": 4})) == [
        "import 1: from dataclasses import dataclass", "input 4: p", "step 6",
    ]  # fmt: skip
    assert layout(slice_step(book, step, {"p": 4}, [("Point", 4)])) == [
        "import 1: from dataclasses import dataclass", "context 2", "context 3", "input 4: p", "step 6",
    ]  # fmt: skip


def test_definitions_come_from_another_notebook_too() -> None:
    book = outline(
        "from collections import namedtuple", "Pair = namedtuple('Pair', 'a b')", "%%step a -o p\np = Pair(1, 2)",
        "Pair = None", path="one.ipynb",
    )  # fmt: skip
    assert definition_pieces(book, book.steps[0], ["Pair", "unknown"]) == (
        Piece("context", "one.ipynb", 1, units=(0,)),
        Piece("context", "one.ipynb", 2, units=(0,)),
    )


@pytest.mark.parametrize("name", ["x{}", "df"])
def test_the_time_to_slice_grows_with_the_number_of_steps(name: str) -> None:
    def slicing(steps: int) -> Callable[[], dict[str, Slice]]:
        cells = ["import numpy as np", f"%%step s0 -o {name.format(0)}\n{name.format(0)} = np.ones(3)"]
        for i in range(1, steps):
            line = f"%%step s{i} -i {name.format(i - 1)} -o {name.format(i)}"
            cells.append(f"{line}\na = np.arange({i})\n{name.format(i)} = a + {name.format(i - 1)}")
        pipe = pipeline(tuple(cells))
        return lambda: slices_of(pipe)

    assert growth(slicing, 2_000) < LINEAR
    found = slicing(2_000)()
    assert layout(found["nb.s1999"]) == ["context 1", f"input 2000: {name.format(1998)}", "step 2001"]
    assert all(each.troubles == () for each in found.values())
